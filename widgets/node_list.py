"""A list with a cursor: nodes in trouble, or my pending jobs and where they would fit."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece, strip_of
from jobshape.widgets.text import Align, clean, fit, width_of
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip


class ListColumn(NamedTuple):
    """A column: its title, its cells, and whether it may take what is left."""

    title: str
    least: int
    most: int  # 0: takes what is left
    align: Align = "left"
    from_width: int = 0  # cells of the list from which it is shown


class ListRow(NamedTuple):
    """A row: what it stands for, and a text and the role of its style for each column."""

    key: str
    cells: tuple[tuple[str, str], ...]


class NodeList(ScrolledLines, can_focus=True):
    """Rows under one heading; the cursor stays with its row while rows come and go."""

    DEFAULT_CSS = "NodeList { width: 1fr; height: 1fr; }"

    class CursorMoved(Message):
        """The cursor stands on another row."""

        def can_replace(self, message: Message) -> bool:
            """Only the newest counts."""
            return isinstance(message, NodeList.CursorMoved)

    class Opened(Message):
        """A row was double-clicked."""

    def __init__(
        self, columns: Sequence[ListColumn], glyphs: Glyphs, empty: Callable[[], str], *,
        id: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._glyphs = glyphs
        self._empty = empty
        self.rows: Sequence[ListRow] = ()
        self.cursor = 0

    @property
    def key(self) -> str | None:
        """What the row under the cursor stands for."""
        return self.rows[self.cursor].key if self.rows else None

    def show(self, rows: Sequence[ListRow]) -> None:
        """Show these rows; the same: nothing is painted."""
        if list(rows) == list(self.rows) and self._built_for == self.size.width:
            return
        key = self.key
        self.rows = tuple(rows)
        place = next((n for n, row in enumerate(rows) if row.key == key), None)
        self.cursor = max(0, min(self.cursor, len(rows) - 1)) if place is None else place
        self.rebuild()
        self.show_line(self.cursor + 1)
        if self.key != key:
            self.post_message(self.CursorMoved())

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """The titles, then a line a row."""
        palette, glyphs = self.palette, self._glyphs
        if not self.rows:
            return [[], [("  " + clean(self._empty(), glyphs), palette.muted)]]
        widths = self._widths(width)
        heading: list[Piece] = [(" ", palette.header)]
        for column, size in zip(self._columns, widths, strict=True):
            if size:
                heading.append(
                    (fit(column.title, size, glyphs, column.align) + "  ", palette.header)
                )
        lines: list[list[Piece]] = [heading]
        for row in self.rows:
            line: list[Piece] = [(" ", palette.text)]
            for (text, role), column, size in zip(row.cells, self._columns, widths, strict=True):
                if not size:
                    continue
                said = fit(clean(text, glyphs), size, glyphs, column.align)
                line.append((said + "  ", getattr(palette, role)))
            lines.append(line)
        return lines

    def _widths(self, width: int) -> list[int]:
        """What each column needs within its bounds; the open one gets what is left."""
        sizes: list[int] = []
        for place, column in enumerate(self._columns):
            if width < column.from_width:
                sizes.append(0)
                continue
            needed = max(width_of(clean(row.cells[place][0], self._glyphs)) for row in self.rows)
            sizes.append(max(column.least, min(column.most, max(needed, len(column.title)))))
        left = width - 1 - sum(size + 2 for size in sizes if size) + 2
        for place, column in enumerate(self._columns):
            if column.most == 0 and sizes[place]:
                sizes[place] = max(column.least, sizes[place] + left)
        return sizes

    def render_line(self, y: int) -> Strip:
        """One visible line, the cursor's in its colours."""
        index = self.scroll_offset.y + y
        palette, width = self.palette, self.size.width
        if not self.rows or index >= len(self._lines) or self._built_for != width:
            return super().render_line(y)
        if index == 0:
            return strip_of(self._lines[0], width, palette.header)
        if index != self.cursor + 1:
            return super().render_line(y)
        pieces = [
            (text, palette.on_cursor(style, focused=self.has_focus))
            for text, style in self._lines[index]
        ]
        return strip_of(pieces, width, palette.on_cursor(palette.text, focused=self.has_focus))

    def move_to(self, index: int) -> None:
        """Put the cursor on a row and bring it into sight."""
        index = max(0, min(index, len(self.rows) - 1))
        if index == self.cursor or not self.rows:
            return
        top = self.scroll_offset.y
        lines = (self.cursor + 1 - top, index + 1 - top)
        self.cursor = index
        self.show_line(index + 1 if index else 0)
        if self.scroll_offset.y == top:
            height = self.size.height
            self.refresh(*(Region(0, y, self.size.width, 1) for y in lines if 0 <= y < height))
        self.post_message(self.CursorMoved())

    def move(self, by: int) -> None:
        """Up or down by rows."""
        self.move_to(self.cursor + by)

    def on_focus(self) -> None:
        """The cursor shows that keys go here."""
        self.refresh()

    def on_blur(self) -> None:
        """Keys go elsewhere."""
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """The cursor goes there; twice: open it."""
        index = self.scroll_offset.y + event.y - 1
        if 0 <= index < len(self.rows):
            self.move_to(index)
            if event.chain == 2:
                self.post_message(self.Opened())
