"""The common frame of all dialogs: a box in the middle, a title, words below."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, cut_at_blanks
from rich.style import Style
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.widget import Widget

Result = TypeVar("Result")

BOX_WIDTH = 76
"""Cells of a dialog where its styles say nothing else, with its border."""

BORDERS = 2
"""Cells of a dialog's border, left and right."""

FRAME_HEIGHT = 4
"""Lines of a dialog's border, and one above and below it."""


def whole(text: str, style: Style, width: int) -> list[list[Piece]]:
    """All of a clean text, two cells in, in as many lines of a dialog as it takes."""
    return [[(f"  {part}", style)] for part in cut_at_blanks(text, max(20, width - 4))]


def with_whole(
    lines: Sequence[list[Piece]], text: str, style: Style, width: int
) -> list[list[Piece]]:
    """As many lines as before, of which the last ones say all of a text."""
    told = whole(text, style, width)
    kept = len(lines) - len(told)
    return [*lines[:kept], *told] if kept > 0 else told


class Words(Lines):
    """Lines of a dialog that its screen writes; as high as there are lines."""

    def __init__(self, lines: Sequence[Sequence[Piece]] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines = lines

    def on_mount(self) -> None:
        """Take the height of what is said."""
        self.styles.height = len(self.lines)

    def say(self, lines: Sequence[Sequence[Piece]]) -> None:
        """Other words."""
        self.lines = lines
        self.styles.height = len(lines)
        self.redraw()

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The words."""
        return self.lines


class Dialog(ModalScreen[Result], Generic[Result]):
    """A modal box; the screen below stays visible around it."""

    CSS_PATH = "../styles/dialog.tcss"
    AUTO_FOCUS: ClassVar[str | None] = "#list"
    ALLOW_SELECT = False

    def __init__(self, title: str, glyphs: Glyphs) -> None:
        super().__init__(classes="-ascii" if glyphs.is_ascii else None)
        self._title = title
        self.glyphs = glyphs

    def compose(self) -> ComposeResult:
        """The box."""
        box = Widget(*self.content(), id="box")
        box.border_title = Content(clean(self._title, self.glyphs))  # never as markup
        yield box

    def on_mount(self) -> None:
        """Give the list the height it needs, as far as the screen has it."""
        self._fit()

    def on_resize(self) -> None:
        """The screen has another height."""
        self._fit()

    def _fit(self) -> None:
        for pane in self.query(ScrolledLines):
            words = sum(len(words.lines) for words in self.query(Words))
            room = max(3, self.app.size.height - words - FRAME_HEIGHT)
            pane.styles.height = min(pane.count, room)

    def content(self) -> Iterable[Widget]:
        """What is in the box, top to bottom."""
        raise NotImplementedError
