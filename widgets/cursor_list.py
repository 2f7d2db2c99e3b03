"""A list of one line an item, with a cursor that stays with its item while others come and go."""

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar, Generic, Protocol, TypeVar

from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean
from rich.style import Style
from textual import events
from textual.message import Message


class Keyed(Protocol):
    """Something that is known again by its key."""

    @property
    def key(self) -> Hashable:
        """What it is known by."""
        ...


Item = TypeVar("Item", bound=Keyed)


class CursorList(ScrolledLines, Generic[Item], can_focus=True):
    """Its subclass says how the lines look; ``item`` is what the cursor stands on."""

    STAYS_FIRST: ClassVar[bool] = False
    """Whether a cursor on the first item stays on the first, not with its item."""

    class Moved(Message):
        """The cursor stands on another item."""

    class Opened(Message):
        """An item was clicked twice."""

    def __init__(
        self, clock: Callable[[], float], glyphs: Glyphs, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._glyphs = glyphs
        self.items: Sequence[Item] = ()
        self.at = 0
        self.nothing = ""
        self._shown: object = None

    @property
    def item(self) -> Item | None:
        """The one under the cursor."""
        return self.items[self.at] if self.at < len(self.items) else None

    def show(self, items: Sequence[Item], nothing: str) -> None:
        """Show these; ``nothing``: what an empty list says. The same again: nothing is painted."""
        item = self.item
        here = None if item is None or (self.STAYS_FIRST and not self.at) else item.key
        self.items, self.nothing = items, nothing
        keys = [one.key for one in items]
        self.at = keys.index(here) if here in keys else max(0, min(self.at, len(keys) - 1))
        shown = (items, nothing, self.at, self.times())
        if shown != self._shown:
            self._shown = shown
            self.rebuild()
            self.show_line(self.at)

    def move(self, by: int) -> None:
        """Move the cursor, stopping at the ends."""
        at = max(0, min(len(self.items) - 1, self.at + by))
        if at != self.at:
            self.at = at
            self.rebuild()
            self.show_line(at)
            self.post_message(self.Moved())

    def lines_of(self, items: Sequence[Item], width: int) -> Sequence[Sequence[Piece]]:
        """A line for each of the items, of which there is at least one."""
        raise NotImplementedError

    def times(self) -> object:
        """What of the lines changes by time alone."""
        raise NotImplementedError

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """The items, the cursor's in its colours; or that there are none."""
        if not self.items:
            return [[], [("  " + clean(self.nothing, self._glyphs), self.palette.muted)]]
        lines = list(self.lines_of(self.items, width))
        on_cursor, focused = self.palette.on_cursor, self.has_focus
        lines[self.at] = [(text, on_cursor(ink, focused=focused)) for text, ink in lines[self.at]]
        return lines

    def ground_of(self, y: int) -> Style:
        """The cursor's line is coloured to its end."""
        if not self.items or y != self.at:
            return self.palette.text
        return self.palette.cursor if self.has_focus else self.palette.cursor_blurred

    def on_focus(self) -> None:
        """The cursor is here."""
        self.rebuild()

    def on_blur(self) -> None:
        """The cursor is elsewhere."""
        self.rebuild()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor there, a second one opens."""
        index = self.scroll_offset.y + event.y
        if index < len(self.items):
            self.move(index - self.at)
            if event.chain == 2:
                self.post_message(self.Opened())
