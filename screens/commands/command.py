"""One thing a person can do on a screen, and how its keys are written.

This package loads no Textual, so that ``jobshape keys`` can print it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Blocked = Callable[[Any], str | None]
"""Given the screen: why the command cannot be used now; None if it can."""

MOVE, LOOK, SELECT, ACT, GO, APP = (
    "Move", "Look", "Select", "Act on jobs", "Go to", "The app",
)  # fmt: skip
GROUPS = (MOVE, LOOK, SELECT, ACT, GO, APP)
"""What commands are for, in the order of the help."""


def never(_: Any) -> str | None:
    """Not blocked, ever."""
    return None


@dataclass(frozen=True, slots=True)
class Command:
    """One thing a person can do. ``name`` is that of the screen's method: ``do_NAME(argument)``.

    keys: as Textual names them, the first is the one shown. footer: rank in the key line, where
    the highest goes first when there is no room; None: never there. destructive: changes jobs,
    so that a read-only session has none of them.
    """

    name: str
    keys: tuple[str, ...]
    title: str
    help: str
    group: str
    blocked: Blocked = never
    destructive: bool = False
    footer: int | None = None
    argument: int | str | None = None

    @property
    def identity(self) -> str:
        """Name for key remapping; unlike the action's, unique: ``page-down``."""
        return self.title.lower().replace(" ", "-")

    @property
    def shown_key(self) -> str:
        """The first key as a person writes it."""
        return key_label(self.keys[0])

    @property
    def shown_keys(self) -> str:
        """All keys as a person writes them."""
        return " ".join(map(key_label, self.keys))


_LABELS = {
    "slash": "/", "exclamation_mark": "!", "plus": "+", "question_mark": "?", "escape": "Esc",
    "enter": "Enter", "space": "Space",
    "greater_than_sign": ">", "less_than_sign": "<", "pagedown": "PgDn", "pageup": "PgUp",
    "up": "Up", "down": "Down", "left": "Left", "right": "Right", "home": "Home", "end": "End",
    "tab": "Tab", "number_sign": "#", "left_square_bracket": "[", "right_square_bracket": "]",
}  # fmt: skip


def key_label(key: str) -> str:
    """A key's name as a person writes it: ``PgDn``, ``^p``, ``Shift+Up``."""
    if key.startswith("ctrl+"):
        return f"^{key[5:]}"
    if key.startswith("shift+"):
        return f"Shift+{key_label(key[6:])}"
    return _LABELS.get(key, key)
