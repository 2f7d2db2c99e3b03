"""The base of the last look before something is submitted: pre-flight, lifting, the keys."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

from jobshape.app.domain.check import CheckLine, blocking
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.scripts.draft import Draft
from jobshape.screens.ask_line import AskScreen
from jobshape.screens.dialog import Dialog, Words
from jobshape.widgets.palette import palette_of
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean
from textual.binding import Binding, BindingType

if TYPE_CHECKING:
    from jobshape.screens.room import Room

Result = TypeVar("Result")

PREFLIGHT = "pre-flight"
"""Stands for a rule where the pre-flight itself gave no answer."""

WHY = "why it is right here; history keeps it"


class CheckedDialog(Dialog[Result]):
    """Nothing goes while the pre-flight is not heard, or blocks; a block is lifted with a reason.

    A subclass shows ``checks`` in a :class:`ScrolledLines` ``#list`` and its keys in ``#keys``.
    """

    AUTO_FOCUS: ClassVar[str | None] = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "send", "Yes", show=False),
        Binding("n,escape,q", "leave", "No", show=False),
        Binding("l", "lift", "Lift", show=False),
        Binding("w", "write", "Write", show=False),
        Binding("j,down", "scroll_by(1)", show=False),
        Binding("k,up", "scroll_by(-1)", show=False),
        Binding("space,pagedown,ctrl+f", "scroll_by(10)", show=False),
        Binding("pageup,ctrl+b", "scroll_by(-10)", show=False),
        Binding("g,home", "scroll_by(-100000)", show=False),
        Binding("G,end", "scroll_by(100000)", show=False),
    ]
    VERB = "submit"
    NO = "back to the form"

    def __init__(self, room: "Room", title: str) -> None:
        super().__init__(title, room.glyphs)
        self._room = room
        self.checks: dict[int, Sequence[CheckLine]] = {}
        self.lifted: dict[str, str] = {}
        self._note = ""
        self._trouble = ""  # why the pre-flight said nothing
        self._looking = False

    # ------------------------------------------------------------------ for a subclass

    def drafts(self) -> Sequence[Draft]:
        """What the pre-flight is to look at, in the order in which it would go."""
        raise NotImplementedError

    def judged(self, line: CheckLine) -> CheckLine:
        """A line as it counts here."""
        return line

    def show_checks(self) -> None:
        """Hand the checks to the lines that draw them."""
        raise NotImplementedError

    async def write_file(self) -> str:
        """Write the values into the script's file; what came of it. Raises JobshapeError."""
        raise NotImplementedError

    @property
    def can_write(self) -> bool:
        """Whether there is a file to write them into."""
        return False

    def answer(self) -> Result:
        """What is given for ``y``."""
        raise NotImplementedError

    # ------------------------------------------------------------------ the pre-flight

    def examine(self) -> None:
        """Begin to ask the pre-flight, if there is one."""
        if self._room.context.preflight is not None:
            self._looking = True
            self.run_worker(self._examine(), group="examine", exit_on_error=False)

    async def _examine(self) -> None:
        preflight = self._room.context.preflight
        assert preflight is not None
        try:
            for number, draft in enumerate(self.drafts()):
                lines = await preflight.examine(draft, number)
                self.checks[number] = [self.judged(line) for line in lines]
                self.refresh_checks()
        except JobshapeError as error:
            self._trouble = str(error)
        self._looking = False
        self.refresh_checks()

    @property
    def is_settled(self) -> bool:
        """Whether the pre-flight has been heard."""
        return not self._looking

    @property
    def blocks(self) -> list[str]:
        """The rules that stand in the way."""
        rules = [line.rule for lines in self.checks.values() for line in blocking(lines)]
        if self._trouble and PREFLIGHT not in self.lifted:
            rules.append(PREFLIGHT)
        return list(dict.fromkeys(rules))

    @property
    def can_send(self) -> bool:
        """Whether nothing blocks it."""
        return not self._looking and not self.blocks

    # ------------------------------------------------------------------ what is shown

    def refresh_checks(self) -> None:
        """Draw what is newer."""
        if not self.is_attached:
            return
        self.show_checks()
        self.query_one("#list", ScrolledLines).rebuild()
        self.query_one("#keys", Words).say(self.keys())
        self._fit()

    def keys(self) -> list[list[Piece]]:
        """A line on how it stands, and the keys."""
        palette = palette_of(self.app)
        said, style = self._note, palette.warning
        if self._looking:
            count = len(self.drafts())
            said = f"pre-flight {len(self.checks) + 1} of {count}" if count > 1 else "pre-flight"
            said, style = f"{said} ...", palette.muted
        elif self._trouble and not said:
            said = f"pre-flight: {self._trouble}"
        elif self.blocks and not said:
            said, style = f"blocked by {', '.join(self.blocks[:3])}", palette.failed
        line: list[Piece] = [
            ("  y", palette.key if self.can_send else palette.key_blocked),
            (f" {self.VERB}", palette.strong if self.can_send else palette.muted),
            ("   n", palette.key), (f" {self.NO}", palette.text),
        ]  # fmt: skip
        if self.blocks and not self._looking:
            line += [("   l", palette.key), (" lift the block", palette.text)]
        if self.can_write:
            line += [("   w", palette.key), (" write into the script", palette.text)]
        return [[], [(f"  {clean(said, self.glyphs)}", style)], line]

    # ------------------------------------------------------------------ keys

    def action_scroll_by(self, by: int) -> None:
        """Scroll."""
        self.query_one("#list", ScrolledLines).scroll_relative(y=by, animate=False)

    def action_send(self) -> None:
        """Send it, if nothing blocks it."""
        if self.can_send:
            self.dismiss(self.answer())
            return
        waits = "the pre-flight is still looking" if self._looking else ""
        self._note = waits or f"blocked by {self.blocks[0]}: l lifts it with a reason, n goes back"
        self.refresh_checks()

    def action_leave(self) -> None:
        """Nothing is sent."""
        self.dismiss(None)

    def action_lift(self) -> None:
        """Lift the first block, if policy allows it."""
        if self.blocks and not self._looking:
            self.run_worker(self._lift(self.blocks[0]), group="lift", exit_on_error=False)

    async def _lift(self, rule: str) -> None:
        why = await self.app.push_screen_wait(AskScreen(f"Lift {rule}", WHY, self.glyphs))
        preflight = self._room.context.preflight
        if why is None or preflight is None:
            return
        try:
            for number, lines in self.checks.items():
                if any(line.rule == rule for line in blocking(lines)):
                    self.checks[number] = preflight.lift(lines, {rule: why})
            self.lifted[rule] = why
            self._note = ""
        except JobshapeError as error:
            self._note = str(error)
        self.refresh_checks()

    def action_write(self) -> None:
        """Write the changed values into the script's own lines."""
        if self.can_write:
            self.run_worker(self._write(), group="write", exit_on_error=False)

    async def _write(self) -> None:
        try:
            self._note = await self.write_file()
        except JobshapeError as error:
            self._note = str(error)
        self.refresh_checks()
