"""The common frame of all dialogs: a box in the middle, a title, words below."""

from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.spans import Piece
from textual.app import ComposeResult
from textual.screen import ModalScreen
from textual.widget import Widget

Result = TypeVar("Result")


class Words(Lines):
    """Lines of a dialog that its screen writes; as high as there are lines."""

    def __init__(self, lines: Sequence[Sequence[Piece]] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._words = lines

    def on_mount(self) -> None:
        """Take the height of what is said."""
        self.styles.height = len(self._words)

    def say(self, lines: Sequence[Sequence[Piece]]) -> None:
        """Other words."""
        self._words = lines
        self.styles.height = len(lines)
        self.redraw()

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The words."""
        return self._words


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
        box.border_title = self._title
        yield box

    def content(self) -> Iterable[Widget]:
        """What is in the box, top to bottom."""
        raise NotImplementedError
