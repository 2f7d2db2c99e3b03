"""The base of the main screens: first and last lines, commands, and following the board."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from jobshape.screens.commands import allowed
from jobshape.screens.commands.command import Command
from jobshape.screens.ports import Context
from jobshape.widgets.key_line import KeyHint, KeyLine
from jobshape.widgets.status_line import StatusLine
from jobshape.widgets.top_line import TopLine
from textual import events, on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.worker import Worker, WorkerState


class BoardChanged(Message):
    """The board has a newer revision; read it there."""

    def __init__(self, revision: int) -> None:
        super().__init__()
        self.revision = revision

    def can_replace(self, message: Message) -> bool:
        """A newer one says all that an older one did."""
        return isinstance(message, BoardChanged)


def bindings_of(commands: Iterable[Command]) -> list[BindingType]:
    """Their keys, each by the command's identity, so that people can remap them."""
    return [
        Binding(
            ",".join(command.keys), f"run('{command.identity}')", command.title,
            show=False, id=command.identity,
        )
        for command in commands
    ]  # fmt: skip


class Room(Screen[None]):
    """One of the main screens. Each command of its list is a method ``do_NAME``.

    A room composes a :class:`TopLine` ``#top``, a :class:`StatusLine` ``#status`` and a
    :class:`KeyLine` ``#keys``. ``board_changed`` is called when the board has something newer and
    the room is seen, also when it comes to sight again.
    """

    ALLOW_SELECT = False
    BLANK = True  # its ground is one strip for all lines: a page is painted a third faster
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (116, "-wide")]
    KEYMAP: ClassVar[tuple[Command, ...]] = ()
    NAME = ""
    """What ``go`` calls it."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self.context = context
        self.board = context.board
        self.actions = context.actions
        self.clock = context.clock
        self.glyphs = context.glyphs
        self.kept = context.kept
        self.read_only = context.read_only
        self.commands = {c.identity: c for c in allowed(self.KEYMAP, read_only=context.read_only)}
        self._footer = [(c, c.footer) for c in self.commands.values() if c.footer is not None]

    @property
    def top_line(self) -> TopLine:
        """The first line."""
        return self.query_one("#top", TopLine)

    @property
    def status(self) -> StatusLine:
        """The line above the keys, which also says what became of a key."""
        return self.query_one("#status", StatusLine)

    @property
    def keys(self) -> KeyLine:
        """The last line."""
        return self.query_one("#keys", KeyLine)

    # ------------------------------------------------------------------ following the board

    def board_changed(self) -> None:
        """Show what is newer."""
        raise NotImplementedError

    def tick(self) -> None:
        """A second went by while the room was seen."""

    @property
    def is_settled(self) -> bool:
        """Whether what is shown is what is wanted, and nothing is being asked."""
        return True

    @property
    def watched(self) -> tuple[str, ...]:
        """The running jobs whose live usage is wanted."""
        return ()

    async def take_key(self, event: events.Key) -> None:
        """A key that was typed ahead, before what it is meant for had the focus."""

    def attend(self) -> None:
        """Tell the collector whether someone looks, and at which jobs closely."""
        self.actions.set_attention(self.app.app_focus, self.watched)

    def on_mount(self) -> None:
        """Begin to follow."""
        self.set_interval(1.0, self._second)

    @on(BoardChanged)
    def _newer(self, message: BoardChanged) -> None:
        self.board_changed()

    def on_screen_resume(self) -> None:
        """In sight again: the board may be another one by now."""
        self.attend()
        self.board_changed()

    def _second(self) -> None:
        if not self.is_current and not self.is_under_dialog:
            return
        self.tick()
        self.top_line.redraw()
        self.status.redraw()

    @property
    def is_under_dialog(self) -> bool:
        """Whether only dialogs cover it."""
        for screen in reversed(self.app.screen_stack):
            if isinstance(screen, Room):
                return screen is self
        return False

    # ------------------------------------------------------------------ commands

    def action_run(self, identity: str) -> None:
        """Run a command by its identity, or tell why it cannot be run now."""
        command = self.commands.get(identity)
        if command is None:
            self.status.say("this session is read-only: jobs cannot be changed", problem=True)
            return
        reason = command.blocked(self)
        if reason:
            self.status.say(f"{command.title}: {reason}", problem=True)
            return
        self.run_command(command)

    def run_command(self, command: Command) -> None:
        """Do it."""
        method = getattr(self, f"do_{command.name}")
        if command.argument is None:
            method()
        else:
            method(command.argument)

    @on(KeyLine.Pressed)
    def _key_clicked(self, message: KeyLine.Pressed) -> None:
        self.action_run(message.command)

    def hints(self) -> Sequence[KeyHint]:
        """The keys for the last line."""
        return [
            KeyHint(c.shown_key, c.title.lower(), c.identity, rank, c.blocked(self) is not None)
            for c, rank in self._footer
        ]

    def keep(self) -> None:
        """Find it as it is now next time."""
        self.context.keep(self.kept)

    # What every room can do.

    def do_go(self, name: str) -> None:
        """Go to another main screen."""
        self.context.go(name)

    def do_undo(self) -> None:
        """Take back the last thing that can be."""
        from jobshape.screens.undo import undo_last

        self.run_worker(undo_last(self), group="undo", exclusive=True, exit_on_error=False)

    def do_refresh(self) -> None:
        """Ask now."""
        self.actions.refresh()
        self.status.say(f"asking {self.board.link.scheduler}")

    def do_redraw(self) -> None:
        """Draw everything anew."""
        self.context.redraw()

    def do_theme(self) -> None:
        """Choose the colours."""
        from jobshape.screens.choices import choose_theme

        choose_theme(self)

    def do_help(self) -> None:
        """All keys."""
        from jobshape.screens.choices import show_help

        show_help(self)

    def do_command_palette(self) -> None:
        """Find a command by its name."""
        from jobshape.screens.choices import choose_command

        choose_command(self)

    def do_quit(self) -> None:
        """Leave."""
        self.app.exit()

    @on(Worker.StateChanged)
    def _worker_ended(self, message: Worker.StateChanged) -> None:
        """A mistake in work beside the screen is told, and the screen goes on."""
        if message.state is WorkerState.ERROR:
            error = message.worker.error
            self.log.error(error)
            self.status.say(f"a mistake in jobshape: {error!r}", problem=True)
