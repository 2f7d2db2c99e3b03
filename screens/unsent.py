"""Tells that a script got no answer: what is known, where it is kept, the command by hand."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from jobshape.screens.dialog import BORDERS, BOX_WIDTH, Dialog, Words, whole
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean
from rich.style import Style
from textual.binding import Binding
from textual.widget import Widget

if TYPE_CHECKING:
    from jobshape.screens.room import Room
    from jobshape.screens.send_script import SentScript


class UnsentScreen(Dialog[None]):
    """Stays until it is read: the status line would cut the command, and forget it."""

    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS = [
        Binding("escape,enter,q,space", "leave", "Back", show=False),
        Binding("y", "copy", "Copy", show=False),
    ]

    def __init__(self, sent: "SentScript", more: str, glyphs: Glyphs) -> None:
        """more: what became of others that were to be sent with it."""
        super().__init__("No answer", glyphs)
        self._sent = sent
        self._more = more

    def content(self) -> Iterable[Widget]:
        """The words, the path, the command."""
        palette = palette_of(self.app)
        lines = [[], *self._whole(self._sent.words, palette.failed), []]
        if self._more:
            lines += [*self._whole(self._more, palette.text), []]
        keys = [("  Esc", palette.key), (" back", palette.muted)]
        if self._sent.by_hand is not None:
            path, command = self._sent.by_hand
            lines += [
                [("  The script is kept as", palette.muted)],
                *self._whole(path, palette.text),
            ]
            lines += [[], [("  To send it by hand", palette.muted)]]
            lines += [*self._whole(command, palette.text), []]
            keys += [("     y", palette.key), (" copy the command", palette.muted)]
        yield Words([*lines, keys])

    def _whole(self, text: str, style: Style) -> list[list[Piece]]:
        width = min(BOX_WIDTH, self.app.size.width) - BORDERS
        return whole(clean(text, self.glyphs), style, width)

    def action_copy(self) -> None:
        """The command into the terminal's clipboard."""
        if self._sent.by_hand is not None:
            self.app.copy_to_clipboard(self._sent.by_hand[1])

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)


def tell_unsent(room: "Room", sent: "SentScript", more: str = "") -> None:
    """Show it over whatever is on screen."""
    room.app.push_screen(UnsentScreen(sent, more, room.glyphs))
