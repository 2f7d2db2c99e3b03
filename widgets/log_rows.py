"""Which rows of a log are on screen, and how they move: plain arithmetic, no drawing.

A log has no known number of lines, so the place is a line at hand and, where long lines are
wrapped, how many of its rows are above the edge.
"""

from functools import lru_cache
from typing import NamedTuple

from jobshape.app.logs.cut import Line
from jobshape.app.logs.reader import Stretch
from jobshape.app.logs.window import LogWindow
from rich.cells import get_character_cell_size


class RowAt(NamedTuple):
    """One row of the screen: a line, and which of its rows."""

    line_index: int  # in the window
    line: Line
    row: int
    is_last: bool  # whether the line ends with it


class LogRows:
    """The part of a :class:`LogWindow` that is on screen."""

    def __init__(self) -> None:
        self.window = LogWindow()
        self.width = 80  # cells for the text of a line
        self.height = 24
        self.wraps = False
        self.top = 0  # index of the first line on screen
        self.skip = 0  # how many of its rows are above

    def visible(self) -> list[RowAt]:
        """The rows on screen, top to bottom; fewer than the height where there are no more."""
        rows: list[RowAt] = []
        skip = self.skip
        for index in range(self.top, len(self.window.lines)):
            line = self.window.lines[index]
            count = self._count(line)
            for row in range(skip, count):
                rows.append(RowAt(index, line, row, row == count - 1))
                if len(rows) == self.height:
                    return rows
            skip = 0
        return rows

    def move(self, rows: int) -> int:
        """Move down, or up for a negative number; gives how many there were no rows at hand for."""
        lines = self.window.lines
        bottom = self._bottom()
        while rows > 0 and (self.top, self.skip) < bottom:
            rows -= 1
            self.skip += 1
            if self.skip >= self._count(lines[self.top]):
                self.top, self.skip = self.top + 1, 0
        while rows < 0 and (self.top, self.skip) > (0, 0):
            rows += 1
            self.skip -= 1
            if self.skip < 0:
                self.top -= 1
                self.skip = self._count(lines[self.top]) - 1
        return rows

    def to_top(self) -> None:
        """The first line at hand."""
        self.top, self.skip = 0, 0

    def to_bottom(self) -> None:
        """The last line at hand stands at the bottom."""
        self.top, self.skip = self._bottom()

    def to_line(self, index: int, above: int = 0) -> None:
        """This line is on screen, if it can be with so many rows above it."""
        self.top, self.skip = index, 0
        self.move(-above)
        self.top, self.skip = min((self.top, self.skip), self._bottom())

    def shows(self, index: int) -> bool:
        """Whether this line is on screen."""
        return any(row.line_index == index for row in self.visible())

    def resize(self, width: int, height: int) -> None:
        """Another size of the screen: the first line stays, unless that leaves room below."""
        self.width, self.height = max(1, width), max(1, height)
        self.settle()

    def settle(self) -> None:
        """Be somewhere, after lines got another number of rows."""
        if self.window.lines:
            self.top = max(0, min(self.top, len(self.window.lines) - 1))
            self.skip = max(0, min(self.skip, self._count(self.window.lines[self.top]) - 1))
            self.top, self.skip = min((self.top, self.skip), self._bottom())
        else:
            self.top, self.skip = 0, 0

    def replace(self, stretch: Stretch) -> None:
        """Other lines altogether."""
        self.window.replace(stretch)
        self.top, self.skip = 0, 0

    def prepend(self, stretch: Stretch) -> None:
        """Lines before those at hand; what is on screen stays."""
        self.top += self.window.prepend(stretch, seen=self.top + self.height)

    def append(self, stretch: Stretch) -> None:
        """Lines after those at hand; what is on screen stays."""
        self.top -= self.window.append(stretch, unseen=self.top)
        self.settle()

    def _bottom(self) -> tuple[int, int]:
        """Line and rows to skip so that the last row stands at the bottom."""
        left = self.height
        for index in range(len(self.window.lines) - 1, -1, -1):
            count = self._count(self.window.lines[index])
            if count >= left:
                return index, count - left
            left -= count
        return 0, 0

    def _count(self, line: Line) -> int:
        if not self.wraps:
            return 1
        return rows_of(line.text, self.width)


def rows_of(text: str, width: int) -> int:
    """How many rows a text takes."""
    if text.isascii():
        return max(1, -(-len(text) // width))
    return len(_breaks(text, width)) - 1


def row_of(text: str, width: int, row: int) -> tuple[int, int]:
    """Start and end in the text of one of its rows."""
    if text.isascii():
        return row * width, (row + 1) * width
    breaks = _breaks(text, width)
    return breaks[row], breaks[row + 1]


@lru_cache(maxsize=512)
def _breaks(text: str, width: int) -> list[int]:
    """Where the rows of a text begin, and its end."""
    breaks, used = [0], 0
    for at, char in enumerate(text):
        size = get_character_cell_size(char)
        if used + size > width and used:
            breaks.append(at)
            used = 0
        used += size
    return [*breaks, len(text)]
