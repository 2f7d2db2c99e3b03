"""The last line: the keys that matter here; a blocked one is greyed."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.spans import Piece
from textual import events
from textual.message import Message


class KeyHint(NamedTuple):
    """One key: its label, its word, and what pressing it means. Lowest rank stays longest."""

    key: str
    title: str
    command: str
    rank: int
    blocked: bool = False


class KeyLine(Lines):
    """As many keys as fit; a click presses one."""

    class Pressed(Message):
        """A key was clicked."""

        def __init__(self, command: str) -> None:
            super().__init__()
            self.command = command

    def __init__(
        self, hints: Callable[[], Sequence[KeyHint]], glyphs: Glyphs, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._hints = hints
        self._glyphs = glyphs
        self._spots: list[tuple[int, int, str]] = []  # first cell, cell after, command

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The one line."""
        palette = self.palette
        hints = list(self._hints())
        while hints and sum(_width(h) for h in hints) + 1 > width:
            hints.remove(max(hints, key=lambda h: h.rank))
        pieces: list[Piece] = [(" ", palette.text)]
        self._spots = []
        x = 1
        for hint in hints:
            key_style = palette.key_blocked if hint.blocked else palette.key
            word_style = palette.key_blocked if hint.blocked else palette.muted
            pieces += [(hint.key, key_style), (f" {hint.title}  ", word_style)]
            self._spots.append((x, x + _width(hint) - 2, hint.command))
            x += _width(hint)
        return [pieces]

    def on_click(self, event: events.Click) -> None:
        """Press the key under the mouse."""
        for start, end, command in self._spots:
            if start <= event.x < end:
                self.post_message(self.Pressed(command))


def _width(hint: KeyHint) -> int:
    return len(hint.key) + len(hint.title) + 3
