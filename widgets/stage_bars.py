"""Small bars and histograms of stages, made of signs that differ without colour, too."""

from collections.abc import Sequence
from typing import NamedTuple

from jobshape.app.domain.stage import StageCounts
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette
from jobshape.widgets.spans import Piece

_SIGNS = {"done": "█", "running": "▓", "waiting": "░", "failed": "×", "cancelled": "·"}
_PLAIN_SIGNS = {"done": "#", "running": "=", "waiting": ".", "failed": "x", "cancelled": "-"}
PHASES = tuple(_SIGNS)
"""The parts of a bar of jobs, left to right."""

_LEVELS = " ▁▂▃▄▅▆▇█"
_PLAIN_LEVELS = " .:-=+*%#"
LIMIT_SIGN, PLAIN_LIMIT_SIGN = "┃", "|"


def signs_of(glyphs: Glyphs) -> dict[str, str]:
    """The sign of each part of a bar of jobs."""
    return _PLAIN_SIGNS if glyphs.is_ascii else _SIGNS


def shares(numbers: Sequence[float], width: int) -> list[int]:
    """Cells for each of some numbers, together the width; what is not zero gets at least one.

    Where there are more of them than cells the largest get one each.
    """
    total = sum(numbers)
    if total <= 0 or width <= 0:
        return [0] * len(numbers)
    exact = [number * width / total for number in numbers]
    cells = [max(1, int(part)) if part > 0 else 0 for part in exact]
    while sum(cells) > width:
        widest = max(
            range(len(cells)), key=lambda n: (cells[n] > 1, cells[n] - exact[n], -exact[n])
        )
        cells[widest] -= 1
    while sum(cells) < width:
        poorest = max(range(len(cells)), key=lambda n: exact[n] - cells[n])
        cells[poorest] += 1
    return cells


def jobs_bar(counts: StageCounts, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
    """Done, running, waiting, failed and cancelled side by side; faint where there is nothing."""
    numbers = [getattr(counts, phase) for phase in PHASES]
    cells = shares(numbers, width)
    if not sum(cells):
        return [(glyphs.bar_empty * width, palette.faint)]
    styles = (palette.done, palette.running, palette.waiting, palette.failed, palette.muted)
    signs = signs_of(glyphs)
    return [
        (signs[phase] * count, style)
        for phase, count, style in zip(PHASES, cells, styles, strict=True)
        if count
    ]


def split_bar(share: float, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
    """Wait at the left, run at the right, in their share of both together."""
    waits, runs = shares((share, 1 - share), width)
    signs = signs_of(glyphs)
    return [(signs["waiting"] * waits, palette.waiting), (signs["done"] * runs, palette.bar)]


class Histogram(NamedTuple):
    """How often figures are how large: lines from the top, and where the limit stands in them."""

    lines: tuple[str, ...]
    limit_at: int | None
    top: float  # the figure at the right end; 0 at the left one


def histogram(
    values: Sequence[float], limit: float | None, width: int, height: int, glyphs: Glyphs
) -> Histogram:
    """Columns of ``width`` cells from 0 to the limit or the most, whichever is more.

    Each column is as high as its share of the fullest one, ``height`` cells at most; one that
    holds anything is seen. The cell of the limit holds nothing else.
    """
    most = max(values, default=0.0)
    top = max(most, limit or 0.0) or 1.0
    limit_at = None if limit is None else min(width - 1, int(limit / top * (width - 1)))
    counts = [0] * width
    for value in values:
        at = min(width - 1, int(value / top * (width - 1)))
        if at == limit_at and value < (limit or 0):
            at = max(0, at - 1)
        counts[at] += 1
    fullest = max(counts, default=0) or 1
    levels = _PLAIN_LEVELS if glyphs.is_ascii else _LEVELS
    steps = len(levels) - 1
    eighths = [max(1, round(count / fullest * height * steps)) if count else 0 for count in counts]
    lines = []
    for row in range(height - 1, -1, -1):
        cells = [levels[max(0, min(steps, eighth - row * steps))] for eighth in eighths]
        lines.append("".join(cells))
    return Histogram(tuple(lines), limit_at, top)


def limit_sign(glyphs: Glyphs) -> str:
    """The sign of a limit in a histogram."""
    return PLAIN_LIMIT_SIGN if glyphs.is_ascii else LIMIT_SIGN
