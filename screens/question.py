"""Asks one thing in full words, with an answer a key."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from jobshape.screens.dialog import BORDERS, BOX_WIDTH, Dialog, Words
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, cut_at_blanks
from textual import events
from textual.binding import Binding
from textual.widget import Widget

TEXT_WIDTH = BOX_WIDTH - BORDERS - 5


class _Paragraphs(ScrolledLines, can_focus=True):
    """All of a text, which scrolls where the screen is small."""

    def __init__(self, paragraphs: Sequence[str], glyphs: Glyphs) -> None:
        super().__init__(id="list")
        self._paragraphs, self._glyphs = paragraphs, glyphs

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """Its lines, a blank one around."""
        style = self.palette.text
        lines: list[list[Piece]] = [[]]
        for text in self._paragraphs:
            for part in cut_at_blanks(clean(text, self._glyphs), min(TEXT_WIDTH, max(20, width))):
                lines.append([(f"  {part}", style)])
        return [*lines, []]


class QuestionScreen(Dialog[str | None]):
    """Gives the key of the answer, None if it was left. answers: key -> what it does."""

    AUTO_FOCUS: ClassVar[str | None] = "#list"
    BINDINGS = [
        Binding("escape,q,n", "leave", "Leave", show=False),
        Binding("j,down", "scroll(1)", "Down", show=False),
        Binding("k,up", "scroll(-1)", "Up", show=False),
    ]

    def __init__(
        self, title: str, paragraphs: Sequence[str], answers: Mapping[str, str], glyphs: Glyphs,
        *, dangerous: str = "",
    ) -> None:  # fmt: skip
        super().__init__(title, glyphs)
        self._paragraphs, self._answers, self._dangerous = paragraphs, answers, dangerous

    def content(self) -> Iterable[Widget]:
        """The text, the answers."""
        palette = palette_of(self.app)
        yield _Paragraphs(self._paragraphs, self.glyphs)
        line: list[Piece] = [(" ", palette.text)]
        for key, text in self._answers.items():
            ink = palette.failed if key == self._dangerous else palette.strong
            line += [(f" {key}", palette.key), (f" {text}   ", ink)]
        yield Words([[*line, (" Esc", palette.key), (" leave", palette.text)]])

    def on_key(self, event: events.Key) -> None:
        """An answer."""
        if event.key in self._answers:
            event.stop()
            self.dismiss(event.key)

    def action_leave(self) -> None:
        """No answer."""
        self.dismiss(None)

    def action_scroll(self, by: int) -> None:
        """The rest of a long text."""
        self.query_one(_Paragraphs).scroll_relative(y=by, animate=False)
