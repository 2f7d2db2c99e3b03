"""Asks for one line of text: a path, a reason."""

from collections.abc import Iterable
from typing import ClassVar

from jobshape.screens.dialog import Dialog, Words
from jobshape.widgets.entry import Entry
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.text import clean
from textual import on
from textual.binding import Binding
from textual.widget import Widget


class AskScreen(Dialog[str | None]):
    """Gives the line that was typed, None if it was left; an empty line is not taken."""

    AUTO_FOCUS: ClassVar[str | None] = "#line"
    BINDINGS = [Binding("escape", "leave", "Back", show=False)]

    def __init__(self, title: str, said: str, glyphs: Glyphs, *, text: str = "") -> None:
        super().__init__(title, glyphs)
        self._said = said
        self._text = text

    def content(self) -> Iterable[Widget]:
        """What is asked, the line, the keys."""
        palette = palette_of(self.app)
        yield Words([[], [(f"  {clean(self._said, self.glyphs)}", palette.muted)], []])
        yield Entry(self._text, id="line", compact=True, select_on_focus=False)
        yield Words([[], [
            ("  Enter", palette.key), (" take it", palette.muted),
            ("   Esc", palette.key), (" leave", palette.muted),
        ]])  # fmt: skip

    @on(Entry.Submitted)
    def _entered(self, message: Entry.Submitted) -> None:
        if message.value.strip():
            self.dismiss(message.value.strip())

    def action_leave(self) -> None:
        """Nothing."""
        self.dismiss(None)
