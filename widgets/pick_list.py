"""A list to pick from, with a line to narrow it by typing."""

from collections.abc import Sequence
from typing import NamedTuple

from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit, width_of
from rich.style import Style
from textual import events
from textual.message import Message


class PickItem(NamedTuple):
    """One thing to pick. ``blocked``: why it cannot be picked now; key: shown at the right."""

    value: str
    label: str
    note: str = ""
    key: str = ""
    blocked: str = ""
    current: bool = False


class PickList(ScrolledLines, can_focus=True):
    """Items, of which typing keeps those that hold every word typed."""

    class Highlighted(Message):
        """The cursor stands on another item."""

        def __init__(self, item: PickItem) -> None:
            super().__init__()
            self.item = item

    class Picked(Message):
        """An item was picked; None: the list was left."""

        def __init__(self, item: PickItem | None) -> None:
            super().__init__()
            self.item = item

    class Typed(Message):
        """The words typed are others."""

    def __init__(self, items: Sequence[PickItem], glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._all = tuple(items)
        self._glyphs = glyphs
        self.typed = ""
        self.takes_text = False  # whether what matches nothing can be picked as it is
        self.shown = list(self._all)
        self.at = next((n for n, item in enumerate(self._all) if item.current), 0)

    @property
    def item(self) -> PickItem | None:
        """The item under the cursor."""
        return self.shown[self.at] if self.shown else None

    def on_resize(self, event: events.Resize) -> None:
        """Build for the new width, with the item under the cursor in sight."""
        super().on_resize(event)
        self.show_line(self.at)

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """One line an item."""
        if not self.shown:
            words = "  Enter takes it as it is" if self.takes_text else "  nothing matches"
            return [[(words, self.palette.muted)]]
        labels = max(width_of(item.label) for item in self._all)
        return [self._line(n, item, width, labels) for n, item in enumerate(self.shown)]

    def ground_of(self, y: int) -> Style:
        """The cursor's line is coloured to its end."""
        return self.palette.cursor if y == self.at and self.shown else self.palette.text

    def _line(self, n: int, item: PickItem, width: int, labels: int) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        mark = glyphs.mark if item.current else " "
        label_style = palette.key_blocked if item.blocked else palette.text
        keys = f"{item.key:>6} " if any(i.key for i in self._all) else ""
        note = clean(item.blocked or item.note, glyphs)
        room = max(0, width - labels - len(keys) - 6)
        pieces: list[Piece] = [
            (f" {mark} ", palette.marked),
            (fit(clean(item.label, glyphs), labels, glyphs), label_style),
            ("  ", palette.text),
            (fit(note, room, glyphs), palette.key_blocked if item.blocked else palette.muted),
            (keys, palette.key_blocked if item.blocked else palette.key),
        ]
        if n == self.at:
            pieces = [(text, palette.on_cursor(style, focused=True)) for text, style in pieces]
        return pieces

    # ------------------------------------------------------------------ keys

    async def on_key(self, event: events.Key) -> None:
        """Move, pick, leave, or narrow by typing."""
        moves = {"up": -1, "ctrl+k": -1, "down": 1, "ctrl+j": 1, "ctrl+n": 1,
                 "pageup": -self.size.height, "pagedown": self.size.height}  # fmt: skip
        if event.key in moves:
            self.move(moves[event.key])
        elif event.key in ("home", "end"):
            self.move(len(self.shown) * (-1 if event.key == "home" else 1))
        elif event.key == "enter":
            if self.item is None and self.takes_text and self.typed.strip():
                self.post_message(self.Picked(PickItem(self.typed.strip(), "")))
            if self.item is not None and not self.item.blocked:
                self.post_message(self.Picked(self.item))
        elif event.key in ("escape", "ctrl+p", "ctrl+c"):
            self.post_message(self.Picked(None))
        elif event.key in ("backspace", "ctrl+h"):
            self._type(self.typed[:-1])
        elif event.key == "ctrl+u":
            self._type("")
        elif event.character is not None and event.is_printable:
            self._type(self.typed + event.character)
        else:
            return
        event.stop()
        event.prevent_default()

    def move(self, by: int) -> None:
        """Move the cursor, stopping at the ends."""
        at = max(0, min(len(self.shown) - 1, self.at + by))
        if at != self.at and self.shown:
            self.at = at
            self._moved()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor there and picks."""
        index = self.scroll_offset.y + event.y
        if index < len(self.shown):
            self.at = index
            self._moved()
            if self.item is not None and not self.item.blocked:
                self.post_message(self.Picked(self.item))

    def _type(self, typed: str) -> None:
        if typed == self.typed:
            return
        kept = self.item
        self.typed = typed
        words = typed.lower().split()
        self.shown = [
            item for item in self._all
            if all(word in f"{item.label} {item.note} {item.value}".lower() for word in words)
        ]  # fmt: skip
        self.shown.sort(key=lambda item: not item.label.lower().startswith(typed.lower()))
        self.at = self.shown.index(kept) if not typed and kept in self.shown else 0
        self.post_message(self.Typed())
        self._moved()

    def _moved(self) -> None:
        self.rebuild()
        self.show_line(self.at)
        if self.item is not None:
            self.post_message(self.Highlighted(self.item))
