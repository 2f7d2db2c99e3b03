"""What one node's cell shows: a sign and a colour, for the measure that is looked at."""

from typing import Literal, NamedTuple

from jobshape.app.board.node_words import Standing, standing_of
from jobshape.app.domain.site import Node
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette
from rich.style import Style

Resource = Literal["cpu", "memory", "gpu"]
RESOURCES: tuple[Resource, ...] = ("cpu", "memory", "gpu")

NEARLY_FULL = 0.9
"""Share from which a node counts as full to the eye."""

OVERLOADED = 1.25
"""Load for each CPU from which a node does more than it can."""

_EIGHTHS = "▁▂▃▄▅▆▇█"
_TENTHS = "123456789#"


class Measure(NamedTuple):
    """Which share of which resource the cells show."""

    resource: Resource = "cpu"
    used: bool = False  # as the node's own system says, in place of what Slurm has allocated
    with_cache: bool = True  # whether memory in use counts the file cache, as Slurm's FreeMem does

    @property
    def title(self) -> str:
        """What it is, exactly."""
        title = _TITLES[self.resource, self.used and self.resource != "gpu"]
        is_cached = self.used and self.resource == "memory" and self.with_cache
        return f"{title} (with file cache)" if is_cached else title


_TITLES = {
    ("cpu", False): "CPUs allocated", ("cpu", True): "CPU load",
    ("memory", False): "memory allocated", ("memory", True): "memory in use",
    ("gpu", False): "GPUs allocated",
}  # fmt: skip


def share_of(node: Node, measure: Measure) -> float | None:
    """The share, 0 to 1 (a load may be more); None if nobody says or there is none of it.

    Memory in use is all that the system does not call free, so its file cache counts
    (scontrol(1), FreeMem). How busy GPUs are Slurm does not say of a node.
    """
    if measure.resource == "cpu":
        return _share(node.cpu_load if measure.used else node.cpus_allocated, node.cpus)
    if measure.resource == "gpu":
        return _share(node.gpus_allocated, node.gpus)
    total = node.memory_bytes
    if not measure.used:
        return _share(node.memory_allocated_bytes, total)
    free = node.memory_free_bytes
    return None if total is None or free is None else _share(max(0, total - free), total)


def _share(part: float | None, whole: int | None) -> float | None:
    return None if part is None or not whole else part / whole


STANDING_SIGNS = {
    Standing.DRAINING: "d", Standing.DRAINED: "D", Standing.DOWN: "x", Standing.FAILING: "F",
    Standing.SILENT: "!", Standing.MAINT: "m", Standing.RESERVED: "r", Standing.POWER: "z",
    Standing.UNKNOWN: "?",
}  # fmt: skip
"""The letters of nodes that take no jobs, or not everybody's."""

_GIVES_WAY = (Standing.RESERVED, Standing.POWER)
"""Where jobs may still run: once something is allocated, the share is shown."""

_ALARMING = (Standing.DOWN, Standing.FAILING, Standing.SILENT)


class Cell(NamedTuple):
    """A node as it is shown. ``role``: the name of its style in the palette."""

    sign: str
    role: str
    standing: Standing
    share: float | None


def cell_of(node: Node, measure: Measure, glyphs: Glyphs) -> Cell:
    """The sign and the style: a letter for a node that takes no jobs, else how much is taken."""
    standing = standing_of(node)
    share = share_of(node, measure)
    letter = STANDING_SIGNS.get(standing)
    if letter is not None and not (standing in _GIVES_WAY and share):
        role = "failed" if standing in _ALARMING else (
            "muted" if standing in _GIVES_WAY else "unknown"
        )  # fmt: skip
        return Cell(letter, role, standing, share)
    if share is None:
        absent = measure.resource == "gpu" and node.gpus == 0
        return Cell(" " if absent else "-", "muted", standing, None)
    return Cell(sign_of(share, glyphs), role_of(share), standing, share)


def sign_of(share: float, glyphs: Glyphs) -> str:
    """A sign that grows with the share: a dot for nothing, a full block for all of it."""
    if share <= 0:
        return "." if glyphs.is_ascii else glyphs.dot
    steps = _TENTHS if glyphs.is_ascii else _EIGHTHS
    if share >= 1:
        return steps[-1]
    count = int(share * 10) if glyphs.is_ascii else round(share * 8)
    return steps[max(1, min(len(steps) - 1, count)) - 1]


def role_of(share: float) -> str:
    """Green: nothing taken; blue: some; yellow: nearly all; red: more than there is."""
    if share <= 0:
        return "running"
    if share < NEARLY_FULL:
        return "bar"
    return "failed" if share >= OVERLOADED else "bar_high"


def style_of(role: str, palette: Palette) -> Style:
    """The style of a role."""
    style: Style = getattr(palette, role)
    return style
