"""The partitions: what each has free of CPUs, memory and GPUs, and how many jobs wait for it."""

from collections.abc import Sequence
from typing import Literal

from jobshape.app.board.board import Board
from jobshape.app.board.summary import PartitionSummary, Resource
from jobshape.app.domain.units import format_size
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import bar, clean, fit

StripMode = Literal["auto", "all", "none"]
MODES: tuple[StripMode, ...] = ("auto", "all", "none")

NEARLY_FULL = 0.9
"""Share in use from which a bar warns."""

LEAST_BAR = 3
"""Cells below which a bar says nothing."""

_NAME_WIDTH = (8, 16)  # least, most
_FREE_WIDTH = 11  # "1234 free" and a space or two
_PENDING_WIDTH = 12  # "1234 pending"


class PartitionStrip(Lines):
    """One line a partition; as many as the mode and the screen's height allow.

    ``auto`` takes at most a sixth of the screen, the partitions of the jobs shown first.
    """

    def __init__(self, board: Board, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._board = board
        self._glyphs = glyphs
        self.mode: StripMode = "auto"

    def wanted_height(self, screen_height: int) -> int:
        """Lines to give it on a screen of this height."""
        count = len(self._board.summaries())
        if self.mode == "none" or not count:
            return 0
        most = screen_height // 2 if self.mode == "all" else max(2, screen_height // 8)
        return min(count, most)

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """One line a partition; the last says how many did not fit."""
        summaries = self._board.summaries()
        shown = _most_wanted(summaries, height)
        least, most = _NAME_WIDTH
        name_width = max(least, min(most, max((len(s.name) + 1 for s in shown), default=0)))
        with_gpus = any(s.gpus.total for s in summaries)
        lines = [self._line(s, width, name_width, with_gpus) for s in shown]
        hidden = len(summaries) - len(shown)
        if hidden and lines:
            self._note(lines[-1], hidden, width)
        return lines

    def _line(
        self, summary: PartitionSummary, width: int, name_width: int, with_gpus: bool
    ) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        name = clean(summary.name, glyphs) + ("*" if summary.is_default else "")
        pieces: list[Piece] = [(" " + fit(name, name_width, glyphs) + " ", palette.strong)]
        blocks = [("CPU", summary.cpus, False), ("mem", summary.memory_bytes, True)]
        if with_gpus:
            blocks.append(("GPU", summary.gpus, False))
        room = width - name_width - 2 - _PENDING_WIDTH
        bar_width = max(0, min(24, room // len(blocks) - 4 - _FREE_WIDTH - 1))
        if summary.state and summary.state != "UP":
            said = f"{clean(summary.state.lower(), glyphs)}: starts no jobs"
            block_width = 4 + _FREE_WIDTH + (bar_width + 1 if bar_width >= LEAST_BAR else 0)
            pieces.append((fit(said, block_width * len(blocks), glyphs), palette.warning))
        else:
            for title, resource, is_size in blocks:
                pieces.extend(self._resource(title, resource, bar_width, is_size))
        pending = f"{summary.pending} pending" if summary.pending else "none pending"
        style = palette.waiting if summary.pending else palette.muted
        pieces.append((pending, style))
        return pieces

    def _resource(
        self, title: str, resource: Resource, bar_width: int, is_size: bool
    ) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        if not resource.total:
            said = "-" if resource.total is None else "none"
            pad = " " * (bar_width + 1) if bar_width >= LEAST_BAR else ""
            return [(f"{title} {pad}{said:<{_FREE_WIDTH}}", palette.muted)]
        total = resource.total
        used = None if resource.free is None else total - resource.free
        pieces: list[Piece] = [(f"{title} ", palette.muted)]
        if bar_width >= LEAST_BAR:
            share = 0.0 if used is None else used / total
            filled, empty = bar(share, bar_width, glyphs)
            style = palette.bar_high if share >= NEARLY_FULL else palette.bar
            pieces += [(filled, style), (empty + " ", palette.faint)]
        free = "?" if resource.free is None else (
            format_size(resource.free) if is_size else str(resource.free)
        )  # fmt: skip
        pieces.append((fit(f"{free} free", _FREE_WIDTH, glyphs), palette.text))
        return pieces

    def _note(self, line: list[Piece], hidden: int, width: int) -> None:
        """Say at the end of a line that there are more."""
        text = f" +{hidden} (p)"
        used = sum(len(part) for part, _ in line)
        if used + len(text) <= width:
            line.append((" " * (width - used - len(text)) + text, self.palette.muted))


def _most_wanted(summaries: Sequence[PartitionSummary], count: int) -> list[PartitionSummary]:
    """So many partitions, those with jobs first, each group in the site's order."""
    if len(summaries) <= count:
        return list(summaries)
    busy = [s for s in summaries if s.running or s.pending]
    quiet = [s for s in summaries if not (s.running or s.pending)]
    chosen = {s.name for s in (*busy, *quiet)[:count]}
    return [s for s in summaries if s.name in chosen]
