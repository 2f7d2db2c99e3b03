"""Where each node's cell stands: lines of headings and of cells, as wide as all of them allow."""

from bisect import bisect_right
from collections.abc import Sequence
from typing import Literal, NamedTuple

from jobshape.app.board.node_groups import NodeGroup

Form = Literal["tile", "pair", "dot"]
"""tile: name, sign, percent; pair: a sign and a blank; dot: a sign alone."""

HEADINGS = (-1, -2)
"""What stands for a heading's lines in place of a node."""

TWO_LINES_BELOW = 110
"""Cells below which a heading takes two lines, if there is room for them."""

LONGEST_LABEL = 18
_TILE_EXTRA = 9  # mark, sign, " 100%", two blanks


class Line(NamedTuple):
    """One line: a heading of its group, or the nodes ``start`` to ``stop`` of all of them."""

    group: int
    start: int  # one of HEADINGS: no nodes, a heading's first or second line
    stop: int


class GridLayout:
    """Lines for groups of nodes in so many cells; the form is the widest in which all fit."""

    def __init__(self, groups: Sequence[NodeGroup], width: int, height: int) -> None:
        self.groups = groups
        self.names = tuple(name for group in groups for name in group.names)
        self.index = {name: place for place, name in enumerate(self.names)}
        longest = max(map(len, self.names), default=1)
        self.label = min(longest, LONGEST_LABEL)
        forms: tuple[Form, ...] = ("tile", "pair", "dot")
        heights = (2, 1) if width < TWO_LINES_BELOW else (1,)
        for form, heading_lines in ((form, lines) for form in forms for lines in heights):
            self.form, self.heading_lines = form, heading_lines
            self.indent = 1 if form == "tile" else self.label + 3
            self.cell = {"tile": self.label + _TILE_EXTRA, "pair": 2, "dot": 1}[form]
            self.per_line = max(1, (width - self.indent) // self.cell)
            if self._height() <= height:
                break
        self._lay_out()

    def _height(self) -> int:
        rows = sum(-(-len(group.names) // self.per_line) for group in self.groups)
        return rows + self.heading_lines * len(self.groups)

    def _lay_out(self) -> None:
        self.lines: list[Line] = []
        self._starts: list[int] = []  # of each group: its first node, and the line of it
        self._first_lines: list[int] = []
        start = 0
        for number, group in enumerate(self.groups):
            self.lines += [Line(number, start, -1) for start in HEADINGS[: self.heading_lines]]
            stop = start + len(group.names)
            self._starts.append(start)
            self._first_lines.append(len(self.lines))
            for at in range(start, stop, self.per_line):
                self.lines.append(Line(number, at, min(stop, at + self.per_line)))
            start = stop

    def headings_of(self, group: int) -> list[int]:
        """The lines of a group's heading."""
        first = self._first_lines[group]
        return list(range(first - self.heading_lines, first))

    def line_of(self, index: int) -> int:
        """The line where a node stands."""
        group = bisect_right(self._starts, index) - 1
        return self._first_lines[group] + (index - self._starts[group]) // self.per_line

    def column_of(self, index: int) -> int:
        """Which cell of its line a node is."""
        return index - self.lines[self.line_of(index)].start

    def node_at(self, line: int, x: int) -> int | None:
        """The node at a line and a cell of the screen, None where there is none."""
        if not 0 <= line < len(self.lines) or self.lines[line].start < 0:
            return None
        index = self.lines[line].start + (x - self.indent) // self.cell
        return index if x >= self.indent and index < self.lines[line].stop else None

    def beyond(self, index: int, column: int, lines: int) -> int:
        """The node so many lines of cells further down (or up), as near to the column as can be."""
        line = self.line_of(index)
        step = 1 if lines > 0 else -1
        found, left = line, abs(lines)
        at = line + step
        while left and 0 <= at < len(self.lines):
            if self.lines[at].start >= 0:
                found, left = at, left - 1
            at += step
        start, stop = self.lines[found].start, self.lines[found].stop
        return min(start + column, stop - 1)
