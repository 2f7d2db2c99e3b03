"""A few words in the place of something that is not there, and why."""

import textwrap
from collections.abc import Sequence

from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean


class Note(Lines):
    """Wrapped words; a problem has its colour."""

    DEFAULT_CSS = "Note { height: 1fr; }"

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self.text = ""
        self._is_problem = False

    def say(self, text: str, *, problem: bool = False) -> None:
        """Show these words."""
        if (text, problem) != (self.text, self._is_problem):
            self.text, self._is_problem = text, problem
            self.redraw()

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """An empty line, then the words."""
        style = self.palette.failed if self._is_problem else self.palette.muted
        parts = textwrap.wrap(clean(self.text, self._glyphs), max(20, width - 4))
        return [[], *([("  " + part, style)] for part in parts)]
