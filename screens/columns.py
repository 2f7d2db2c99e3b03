"""Choose, move and resize the columns of the job table; the table behind shows it at once."""

from collections.abc import Callable, Iterable, Sequence

from jobshape.app.board.columns import COLUMNS, DEFAULT_COLUMNS
from jobshape.screens.dialog import Dialog, Words
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import fit
from rich.style import Style
from textual import events, on
from textual.message import Message
from textual.widget import Widget

Choice = tuple[tuple[str, ...], dict[str, int]]
"""Column keys left to right, and the widths that were set."""

WIDEST = 60


class ColumnList(ScrolledLines, can_focus=True):
    """All columns: those shown first, in their order, then the others."""

    class Changed(Message):
        """Another choice."""

    class Done(Message):
        """Finished: kept or given up."""

        def __init__(self, *, kept: bool) -> None:
            super().__init__()
            self.kept = kept

    def __init__(
        self, shown: Sequence[str], widths: dict[str, int], glyphs: Glyphs, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self.widths = dict(widths)
        self.order: list[str] = []
        self.shown: set[str] = set()
        self.at = 0
        self._take(shown)

    def _take(self, shown: Sequence[str]) -> None:
        self.shown = set(shown)
        self.order = [*shown, *(key for key in COLUMNS if key not in self.shown)]

    @property
    def chosen(self) -> tuple[str, ...]:
        """The columns to show, left to right."""
        return tuple(key for key in self.order if key in self.shown)

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """One line a column."""
        palette, glyphs = self.palette, self._glyphs
        lines: list[list[Piece]] = []
        for n, key in enumerate(self.order):
            column = COLUMNS[key]
            on_screen = key in self.shown
            style = palette.text if on_screen else palette.muted
            size = str(self.widths[key]) if key in self.widths else "auto"
            pieces: list[Piece] = [
                (" [x] " if on_screen else " [ ] ", palette.accent if on_screen else palette.muted),
                (fit(column.title, 16, glyphs), style),
                (f"{size:>5}  ", palette.text if key in self.widths else palette.muted),
                (fit(column.help, max(0, width - 29), glyphs), palette.muted),
            ]
            if n == self.at:
                pieces = [(text, palette.on_cursor(s, focused=True)) for text, s in pieces]
            lines.append(pieces)
        return lines

    def ground_of(self, y: int) -> Style:
        """The cursor's line is coloured to its end."""
        return self.palette.cursor if y == self.at else self.palette.text

    async def on_key(self, event: events.Key) -> None:
        """Move, show or hide, shift, resize, keep or leave."""
        key = event.character if event.character and event.is_printable else event.key
        edit = _KEYS.get(key) or _KEYS.get(event.key)
        if edit is not None:
            edit(self)
            event.stop()
            event.prevent_default()

    def on_click(self, event: events.Click) -> None:
        """A click shows or hides."""
        index = self.scroll_offset.y + event.y
        if index < len(self.order):
            self.at = index
            self._toggle()

    def _move(self, by: int) -> None:
        self.at = max(0, min(len(self.order) - 1, self.at + by))
        self.rebuild()
        self.show_line(self.at)

    def _toggle(self) -> None:
        key = self.order[self.at]
        if key not in self.shown:
            self.shown.add(key)
        elif len(self.shown) > 1:
            self.shown.discard(key)
        self._changed()

    def _shift(self, by: int) -> None:
        to = self.at + by
        if 0 <= to < len(self.order):
            self.order.insert(to, self.order.pop(self.at))
            self.at = to
            self._changed()
            self.show_line(self.at)

    def _resize(self, by: int) -> None:
        column = COLUMNS[self.order[self.at]]
        now = self.widths.get(column.key, column.width)
        self.widths[column.key] = max(column.min_width, min(WIDEST, now + by))
        self._changed()

    def _automatic(self) -> None:
        self.widths.pop(self.order[self.at], None)
        self._changed()

    def _defaults(self) -> None:
        self.widths.clear()
        self._take(DEFAULT_COLUMNS)
        self._changed()

    def _changed(self) -> None:
        self.rebuild()
        self.post_message(self.Changed())


_KEYS: dict[str, Callable[[ColumnList], object]] = {
    "j": lambda c: c._move(1), "down": lambda c: c._move(1),
    "k": lambda c: c._move(-1), "up": lambda c: c._move(-1),
    "g": lambda c: c._move(-1000), "home": lambda c: c._move(-1000),
    "G": lambda c: c._move(1000), "end": lambda c: c._move(1000),
    "pagedown": lambda c: c._move(10), "pageup": lambda c: c._move(-10),
    " ": ColumnList._toggle, "space": ColumnList._toggle,
    "J": lambda c: c._shift(1), "shift+down": lambda c: c._shift(1),
    "K": lambda c: c._shift(-1), "shift+up": lambda c: c._shift(-1),
    "+": lambda c: c._resize(1), "right": lambda c: c._resize(1), "l": lambda c: c._resize(1),
    "-": lambda c: c._resize(-1), "left": lambda c: c._resize(-1), "h": lambda c: c._resize(-1),
    "=": ColumnList._automatic, "0": ColumnList._automatic, "d": ColumnList._defaults,
    "enter": lambda c: c.post_message(ColumnList.Done(kept=True)),
    "c": lambda c: c.post_message(ColumnList.Done(kept=True)),
    "escape": lambda c: c.post_message(ColumnList.Done(kept=False)),
    "q": lambda c: c.post_message(ColumnList.Done(kept=False)),
}  # fmt: skip

_HELP = (
    (("Space", "show/hide"), ("J K", "move"), ("h l", "narrower/wider"), ("0", "automatic")),
    (("Enter", "keep"), ("Esc", "as it was"), ("d", "defaults")),
)


class ColumnsScreen(Dialog[Choice | None]):
    """Gives the choice, None if it was given up."""

    def __init__(
        self,
        shown: Sequence[str],
        widths: dict[str, int],
        preview: Callable[[tuple[str, ...], dict[str, int]], None],
        glyphs: Glyphs,
    ) -> None:
        super().__init__("Columns", glyphs)
        self._shown = shown
        self._widths = widths
        self._preview = preview

    def content(self) -> Iterable[Widget]:
        """The list and its keys."""
        yield ColumnList(self._shown, self._widths, self.glyphs, id="list")
        palette = palette_of(self.app)
        lines: list[list[Piece]] = []
        for row in _HELP:
            pieces: list[Piece] = []
            for key, word in row:
                pieces += [(f" {key}", palette.key), (f" {word} ", palette.muted)]
            lines.append(pieces)
        yield Words(lines)

    @on(ColumnList.Changed)
    def _changed(self) -> None:
        columns = self.query_one(ColumnList)
        self._preview(columns.chosen, columns.widths)

    @on(ColumnList.Done)
    def _done(self, message: ColumnList.Done) -> None:
        columns = self.query_one(ColumnList)
        self.dismiss((columns.chosen, columns.widths) if message.kept else None)
