"""A line of tabs: the parts of a screen of which one is seen."""

from collections.abc import Sequence
from typing import NamedTuple

from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.spans import Piece
from rich.style import Style
from textual import events
from textual.message import Message


class Tab(NamedTuple):
    """One part: its name in the code, and its title."""

    name: str
    title: str


class TabLine(Lines):
    """The titles side by side; a click chooses one. The one chosen also stands in brackets."""

    class Chosen(Message):
        """A title was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, tabs: Sequence[Tab], glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tabs = tuple(tabs)
        self._glyphs = glyphs
        self.current = self.tabs[0].name

    def set_tabs(self, tabs: Sequence[Tab]) -> None:
        """Other parts; the chosen one must be among them, or be chosen next."""
        self.tabs = tuple(tabs)

    def choose(self, name: str) -> None:
        """Show this one as chosen."""
        self.current = name
        self.redraw()

    def after(self, by: int) -> str:
        """The name of the tab so many to the right, round and round."""
        names = [tab.name for tab in self.tabs]
        return names[(names.index(self.current) + by) % len(names)]

    def ground(self) -> Style:
        """As text."""
        return self.palette.text

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The one line."""
        pieces: list[Piece] = []
        for tab in self.tabs:
            if tab.name == self.current:
                pieces.append((f"[{tab.title}]", self.palette.cursor_blurred))
            else:
                pieces.append((f" {tab.title} ", self.palette.muted))
        return [pieces]

    def on_click(self, event: events.Click) -> None:
        """Choose the title under the mouse."""
        x = 0
        for tab in self.tabs:
            end = x + len(tab.title) + 2
            if x <= event.x < end:
                self.post_message(self.Chosen(tab.name))
            x = end
