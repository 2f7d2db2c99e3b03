"""Dialogs to choose from: what to sort by, which columns, which colours, which command."""

from typing import TYPE_CHECKING

from jobshape.app.board.columns import COLUMNS
from jobshape.screens.columns import Choice, ColumnsScreen
from jobshape.screens.commands.command import MOVE
from jobshape.screens.help import HelpScreen
from jobshape.screens.pick import PickScreen
from jobshape.widgets.pick_list import PickItem

if TYPE_CHECKING:
    from jobshape.screens.queue import QueueScreen
    from jobshape.screens.room import Room


def choose_sort(screen: "QueueScreen") -> None:
    """The columns on the screen first, then all others."""
    shown = [column.key for column in screen.columns]
    keys = [*shown, *(key for key in COLUMNS if key not in shown)]
    sorted_by = screen.view.sort_key
    items = [
        PickItem(key, COLUMNS[key].title, COLUMNS[key].help, current=key == sorted_by)
        for key in keys
    ]

    def chosen(key: str | None) -> None:
        if key is not None:
            screen.sort_by(key)

    hint = "the same again turns it round"
    screen.app.push_screen(PickScreen("Sort by", items, screen.glyphs, hint=hint), chosen)


def choose_columns(screen: "QueueScreen") -> None:
    """The table behind the dialog shows each change at once."""
    kept, table = screen.kept, screen.table

    def chosen(choice: Choice | None) -> None:
        if choice is not None:
            kept.columns, kept.widths = choice
            screen.keep()
        table.set_columns(screen.columns, kept.widths)

    def preview(keys: tuple[str, ...], widths: dict[str, int]) -> None:
        table.set_columns([COLUMNS[key] for key in keys], widths)

    shown = tuple(column.key for column in screen.columns)
    screen.app.push_screen(ColumnsScreen(shown, kept.widths, preview, screen.glyphs), chosen)


def choose_theme(screen: "Room") -> None:
    """Each is shown as the cursor goes over it."""
    app = screen.app
    before = app.theme
    items = [
        PickItem(
            name,
            name,
            "your terminal's own colours" if theme.ansi else "dark" if theme.dark else "light",
            current=name == before,
        )
        for name, theme in app.available_themes.items()
    ]

    def preview(name: str) -> None:
        app.theme = name

    def chosen(name: str | None) -> None:
        app.theme = name or before
        if name:
            screen.kept.theme = name
            screen.keep()

    app.push_screen(PickScreen("Theme", items, screen.glyphs, preview=preview), chosen)


def choose_command(screen: "Room") -> None:
    """Every command with its key; a blocked one says why. Those that only move come last."""
    items = [
        PickItem(c.identity, c.title, c.help, key=c.shown_key, blocked=c.blocked(screen) or "")
        for c in sorted(screen.commands.values(), key=lambda c: c.group == MOVE)
        if c.name != "command_palette"
    ]

    def chosen(identity: str | None) -> None:
        if identity is not None:
            screen.action_run(identity)

    screen.app.push_screen(PickScreen("Commands", items, screen.glyphs), chosen)


def show_help(screen: "Room") -> None:
    """All keys."""
    screen.app.push_screen(HelpScreen(tuple(screen.commands.values()), screen.glyphs))
