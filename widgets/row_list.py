"""A table of items with a cursor, drawn line by line as it is seen, however many there are."""

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette, palette_of
from jobshape.widgets.scroll_bar import quick_scroll_bar
from jobshape.widgets.spans import Piece, strip_of
from jobshape.widgets.text import Align, clean, fit, width_of
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip

SAMPLE = 200
"""Items by which the columns are measured."""

GAP = 2


class Keyed(Protocol):
    """Something that is known again by its key."""

    @property
    def key(self) -> Hashable:
        """What it is known by."""
        ...


Item = TypeVar("Item", bound=Keyed)
Cell = Callable[[Item, Palette, int], Sequence[Piece]]
"""An item's cell for so many cells of width (0: as many as it likes): clean text, not padded."""


class RowColumn(NamedTuple, Generic[Item]):
    """A column. most 0: takes what is left; rank: the highest goes first where there is no room."""

    title: str
    least: int
    most: int
    cell: Cell[Item]
    align: Align = "left"
    rank: int = 0


class RowList(ScrollView, Generic[Item], can_focus=True, inherit_bindings=False):
    """Rows under one heading; the cursor stays with its item while others come and go."""

    DEFAULT_CSS = """
    RowList { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """
    ALLOW_SELECT = False

    class Moved(Message):
        """The cursor stands on another item of ``sender``."""

        def __init__(self, sender: "RowList[object]") -> None:  # type: ignore[type-var]
            super().__init__()
            self.list = sender

    class Opened(Message):
        """An item was clicked twice."""

    def __init__(
        self, columns: Sequence[RowColumn[Item]], glyphs: Glyphs, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._columns = tuple(columns)
        self._glyphs = glyphs
        self.items: Sequence[Item] = ()
        self.at = 0
        self.nothing = ""
        self._widths: list[int] = []
        self._measured_for: tuple[int, int] = (-1, -1)
        self._made = 0

    @property
    def palette(self) -> Palette:
        """The colours now in use."""
        return palette_of(self.app)

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """One that is made at once."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = quick_scroll_bar(self)
        return self._vertical_scrollbar

    @property
    def item(self) -> Item | None:
        """The one under the cursor."""
        return self.items[self.at] if self.at < len(self.items) else None

    @property
    def page(self) -> int:
        """Rows in sight."""
        return max(1, self.size.height - 1)

    def show(self, items: Sequence[Item], nothing: str, *, at_key: Hashable = None) -> None:
        """Show these; ``nothing``: what an empty table says; ``at_key``: where the cursor goes."""
        before = self.item
        wanted = at_key if at_key is not None else None if before is None else before.key
        shown = (self._made, self.nothing, self.at)
        if items is not self.items:
            self._made += items != self.items
            self.items = items
        self.nothing = nothing
        if items and self.at < len(items) and items[self.at].key == wanted:
            place: int | None = self.at
        else:
            place = next((n for n, one in enumerate(items) if one.key == wanted), None)
        self.at = max(0, min(self.at, len(items) - 1)) if place is None else place
        if shown != (self._made, self.nothing, self.at):
            self._fit()
            self.refresh()

    def _fit(self) -> None:
        if self.is_attached and self.size.width:
            self.virtual_size = Size(self.size.width, len(self.items) + 1)
            self._show_cursor()

    def move(self, by: int) -> None:
        """Move the cursor, stopping at the ends."""
        at = max(0, min(len(self.items) - 1, self.at + by))
        if at == self.at:
            return
        before, self.at = self.at, at
        if not self._show_cursor():
            top = self.scroll_offset.y
            self.refresh(*(Region(0, 1 + n - top, self.size.width, 1) for n in (before, at)))
        self.post_message(self.Moved(self))  # type: ignore[arg-type]

    def _show_cursor(self) -> bool:
        """Scroll until the cursor is in sight; whether that was needed."""
        top, page = self.scroll_offset.y, self.page
        wanted = min(self.at, max(top, self.at - page + 1))
        if wanted == top:
            return False
        self.scroll_to(y=wanted, animate=False)
        self.refresh()
        return True

    def render_line(self, y: int) -> Strip:
        """The heading, or a row."""
        width, palette = self.size.width, self.palette
        if not self.items:
            said = clean(self.nothing, self._glyphs)
            return strip_of([("  " + said, palette.muted)] if y == 1 else [], width, palette.text)
        self._measure(width)
        if y == 0:
            return strip_of(self._heading(), width, palette.header)
        index = self.scroll_offset.y + y - 1
        if index >= len(self.items):
            return Strip.blank(width, palette.text)
        pieces = self._pieces(self.items[index])
        if index != self.at:
            return strip_of(pieces, width, palette.text)
        focused = self.has_focus
        ground = palette.cursor if focused else palette.cursor_blurred
        return strip_of(
            [(text, palette.on_cursor(ink, focused=focused)) for text, ink in pieces], width, ground
        )

    def _heading(self) -> list[Piece]:
        style, glyphs = self.palette.header, self._glyphs
        said = [fit(one.title, size, glyphs, one.align) for one, size in self._shown()]
        return [(" " + (" " * GAP).join(said), style)]

    def _shown(self) -> list[tuple[RowColumn[Item], int]]:
        return [
            (column, size) for column, size in zip(self._columns, self._widths, strict=True) if size
        ]

    def _pieces(self, item: Item) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        made: list[Piece] = [(" ", palette.text)]
        for column, size in self._shown():
            cell = _fitted(column.cell(item, palette, size), size, glyphs, column.align)
            made += [*cell, (" " * GAP, palette.text)]
        return made

    def _measure(self, width: int) -> None:
        """Columns as wide as what stands in them; the open one takes what is left."""
        if self._measured_for == (width, self._made):
            return
        self._measured_for = (width, self._made)
        palette = self.palette
        some = self.items[:: max(1, len(self.items) // SAMPLE)]
        sizes = []
        for column in self._columns:
            needed = column.least
            if column.most > column.least:
                needed = max(
                    sum(width_of(text) for text, _ in column.cell(one, palette, 0)) for one in some
                )
                needed = min(column.most, max(needed, column.least, len(column.title)))
            sizes.append(needed)
        room = width - 2  # a blank before, the scrollbar behind
        by_rank = sorted(range(len(sizes)), key=lambda n: -self._columns[n].rank)
        for n in by_rank:
            if sum(size + GAP for size in sizes if size) - GAP <= room:
                break
            if self._columns[n].rank:
                sizes[n] = 0
        left = room - (sum(size + GAP for size in sizes if size) - GAP)
        open_ones = [n for n, one in enumerate(self._columns) if not one.most and sizes[n]]
        for place, n in enumerate(open_ones):
            share = left // (len(open_ones) - place)
            sizes[n] = max(1, sizes[n] + share)
            left -= share
        self._widths = sizes

    def on_resize(self, event: events.Resize) -> None:
        """Another width: other columns."""
        self._fit()

    def on_focus(self) -> None:
        """The cursor is here."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is elsewhere."""
        self.refresh()

    def notify_style_update(self) -> None:
        """A new theme."""
        super().notify_style_update()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor there, a second one opens."""
        index = self.scroll_offset.y + event.y - 1
        if event.y and index < len(self.items):
            self.move(index - self.at)
            if event.chain == 2:
                self.post_message(self.Opened())


def _fitted(pieces: Sequence[Piece], size: int, glyphs: Glyphs, align: Align) -> list[Piece]:
    """The pieces in exactly so many cells."""
    if len(pieces) == 1:
        ((text, style),) = pieces
        return [(fit(text, size, glyphs, align), style)]
    made: list[Piece] = []
    for text, style in pieces:
        cells = width_of(text)
        if cells > size:
            made.append((fit(text, size, glyphs), style))
            return made
        made.append((text, style))
        size -= cells
    return [*made, (" " * size, made[-1][1])] if made and size else made
