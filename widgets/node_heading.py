"""The heading of a group of nodes: how many, how they stand, what is free of them."""

from collections import Counter
from collections.abc import Mapping, Sequence

from jobshape.app.board.fragments import Fragments
from jobshape.app.board.node_groups import NodeGroup
from jobshape.app.board.node_words import Standing
from jobshape.app.domain.site import Partition
from jobshape.app.domain.units import format_size
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit, width_of

SHORT_WORDS = {Standing.SILENT: "silent", Standing.POWER: "asleep", Standing.MAINT: "maint"}
"""Words for a count where the whole ones are too long."""

ROLES = {
    Standing.IDLE: "running", Standing.MIXED: "bar", Standing.FULL: "bar_high",
    Standing.DOWN: "failed", Standing.FAILING: "failed", Standing.SILENT: "failed",
    Standing.DRAINED: "unknown", Standing.DRAINING: "unknown", Standing.MAINT: "unknown",
    Standing.UNKNOWN: "unknown",
}  # fmt: skip
"""Standing -> its style in the palette; those that are not named are muted."""


def standing_word(standing: Standing) -> str:
    """One short word."""
    return SHORT_WORDS.get(standing, standing.value)


_OUT = tuple(one for one in Standing if one not in (Standing.IDLE, Standing.MIXED, Standing.FULL))
_DRAINED = (Standing.DRAINED, Standing.DRAINING)
_DOWN = (Standing.DOWN, Standing.SILENT, Standing.FAILING)
_OTHER = tuple(one for one in _OUT if one not in (*_DRAINED, *_DOWN))


def counted(counts: Counter[Standing], palette: Palette, room: int) -> list[Piece]:
    """``3 idle 5 mixed 1 drained``, each in its colour; what there is none of is left out.

    In so many cells: where not all words fit, states that are alike are counted as one.
    """
    busy = [(counts[one], one.value, ROLES[one])
            for one in (Standing.IDLE, Standing.MIXED, Standing.FULL)]  # fmt: skip
    every = [(counts[one], standing_word(one), ROLES.get(one, "muted")) for one in _OUT]
    fewer = [
        (sum(counts[one] for one in ones), word, role)
        for ones, word, role in ((_OTHER, "other", "muted"), (_DRAINED, "drained", "unknown"),
                                 (_DOWN, "down", "failed"))
    ]  # fmt: skip
    out = [(sum(counts[one] for one in _OUT), "out", "failed")]
    pieces: list[Piece] = []
    for words, gap in ((every, "  "), (fewer, "  "), (out, "  "), (out, " ")):
        pieces = [
            (f"{gap}{count:,} {word}", getattr(palette, role))
            for count, word, role in (*busy, *words) if count
        ]  # fmt: skip
        if _size(pieces) <= room:
            break
    return pieces


def heading(
    group: NodeGroup,
    counts: Counter[Standing],
    fragments: Fragments,
    partitions: Mapping[str, Partition],
    width: int,
    palette: Palette,
    glyphs: Glyphs,
    *,
    lines: int = 1,
) -> list[list[Piece]]:
    """One line or two: partitions, nodes, how they stand; what is free of them.

    What there is no room for is left out.
    """
    total = len(group.names)
    names = [_partition(name, partitions) for name in group.partitions] or ["no partition"]
    title = clean(" + ".join(names), glyphs)
    head: list[Piece] = [
        (f" {fit(title, min(width_of(title), max(12, width // 2)), glyphs)}", palette.group),
        (f"  {total:,} node{'' if total == 1 else 's'}", palette.strong),
    ]
    closed = bool(group.partitions) and all(
        partitions[name].state not in ("", "UP") if name in partitions else False
        for name in group.partitions
    )
    free_words = ("   starts no jobs", "  closed") if closed else _free_words(fragments)
    room = width - _size(head)
    head += counted(counts, palette, room - (width_of(free_words[-1]) if lines == 1 else 0))
    tail: list[Piece] = []
    room = width - (_size(head) if lines == 1 else 0)
    stranded = f"  {fragments.stranded_gpus:,} GPUs stranded" if fragments.stranded_gpus else ""
    for said in free_words:
        words = clean(said, glyphs)
        if width_of(words) + width_of(stranded) <= room:
            tail.append((words, palette.warning if closed else palette.muted))
            break
    if stranded and not closed and _size(tail) + width_of(stranded) <= room:
        tail.append((stranded, palette.warning))
    return [[*head, *tail]] if lines == 1 else [head, tail]


def _size(pieces: Sequence[Piece]) -> int:
    return sum(width_of(text) for text, _ in pieces)


def _partition(name: str, partitions: Mapping[str, Partition]) -> str:
    partition = partitions.get(name)
    if partition is None:
        return name
    state = "" if partition.state in ("", "UP") else f" ({partition.state.lower()})"
    return f"{name}{'*' if partition.is_default else ''}{state}"


def _free_words(fragments: Fragments) -> Sequence[str]:
    """What is free, from long to short."""
    node, free = fragments.largest, fragments.largest_free
    if node is None or free is None:
        return ("  nothing free",)
    block = amounts(free.cpus, free.memory_bytes, free.gpus)
    total = amounts(fragments.cpus, fragments.memory_bytes, fragments.gpus)
    return (
        f"   free: {total}; largest block: {block} on {node.name}",
        f"   largest free block: {block} on {node.name}",
        f"   largest free: {block}",
        f"  free {block}",
    )


def amounts(cpus: int | None, memory_bytes: int | None, gpus: int | None) -> str:
    """``48 CPUs 192G 6 GPUs``; GPUs only where there are some."""
    words = [
        f"{'-' if cpus is None else f'{cpus:,}'} CPU{'' if cpus == 1 else 's'}",
        format_size(memory_bytes),
    ]
    if gpus:
        words.append(f"{gpus:,} GPU{'' if gpus == 1 else 's'}")
    return " ".join(words)
