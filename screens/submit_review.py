"""The last look before a job is sent: what the pre-flight says, and the script as it will go."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from jobshape.app.domain.check import CheckLine
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.scripts.draft import Draft
from jobshape.app.scripts.surgery import diff
from jobshape.screens.ask_line import AskScreen
from jobshape.screens.check_words import in_order, pieces_of, tally
from jobshape.screens.dialog import Dialog, Words
from jobshape.screens.send_script import Submission
from jobshape.screens.write_back import write_back
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean
from textual.binding import Binding
from textual.widget import Widget

if TYPE_CHECKING:
    from jobshape.screens.room import Room


class ReviewLines(ScrolledLines, can_focus=True):
    """Pre-flight, then the script; lines that differ from the file are marked."""

    def __init__(self, glyphs: Glyphs) -> None:
        super().__init__(id="list")
        self._glyphs = glyphs
        self.checks: Sequence[CheckLine] = ()
        self.at_rule = ""
        self.script: Sequence[str] = ()
        self.changes: Sequence[str] = ()

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """All of it."""
        palette, glyphs = self.palette, self._glyphs
        lines: list[list[Piece]] = []
        for check in self.checks:
            at = check.rule == self.at_rule and check.verdict == "block"
            lines += pieces_of(check, palette, glyphs, width, at_cursor=at)
        if self.checks:
            lines.append([])
        if self.changes:
            lines.append([("  What differs from the script as it stands", palette.strong)])
            for text in self.changes:
                style = {"+": palette.running, "-": palette.failed, "@": palette.muted}
                role = style.get(text[:1], palette.text)
                lines.append([(f"    {clean(text, glyphs)}", role)])
            lines.append([])
        lines.append([("  The script as it will go", palette.strong)])
        for number, text in enumerate(self.script, 1):
            style_ = palette.group if text.startswith("#SBATCH") else palette.text
            lines.append([(f" {number:>4}  ", palette.faint), (clean(text, glyphs), style_)])
        return lines


class SubmitReview(Dialog[Submission | None]):
    """Gives what to send; None goes back to the form."""

    AUTO_FOCUS: ClassVar[str | None] = "#list"
    BINDINGS = [
        Binding("y", "send", "Yes", show=False),
        Binding("n,escape,q", "leave", "No", show=False),
        Binding("l", "lift", "Lift", show=False),
        Binding("w", "write", "Write", show=False),
        Binding("j,down", "scroll_by(1)", show=False),
        Binding("k,up", "scroll_by(-1)", show=False),
        Binding("space,pagedown,ctrl+f", "scroll_by(10)", show=False),
        Binding("pageup,ctrl+b", "scroll_by(-10)", show=False),
    ]

    def __init__(
        self, room: "Room", original: Draft, draft: Draft, checks: Sequence[CheckLine] | None,
        *, reason: str = "", resubmitted_from: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        super().__init__(f"Submit {clean(draft.final_name, room.glyphs)[:50]}?", room.glyphs)
        self._room = room
        self._original = original
        self._draft = draft
        self._checks: list[CheckLine] = in_order(checks or ())
        self._unknown = checks is None and room.context.preflight is not None
        self._reason = reason
        self._resubmitted_from = resubmitted_from
        self._lifted: dict[str, str] = {}
        self._note = ""

    @property
    def is_settled(self) -> bool:
        """Whether the pre-flight has been heard."""
        return not self._unknown

    def content(self) -> Iterable[Widget]:
        """All lines, and the keys."""
        lines = ReviewLines(self.glyphs)
        text = self._draft.final_text
        lines.script = text.splitlines()
        before = self._original.text
        lines.changes = (
            diff(before, text, self._original.path or "script") if before != text else ()
        )
        lines.checks, lines.at_rule = self._checks, self._first_block()
        yield lines
        yield Words(self._keys(), id="keys")

    def on_mount(self) -> None:
        """What is not known yet is asked."""
        super().on_mount()
        if self._unknown:
            self.run_worker(self._examine(), group="examine", exit_on_error=False)

    async def _examine(self) -> None:
        preflight = self._room.context.preflight
        assert preflight is not None
        try:
            self._checks = in_order(await preflight.examine(self._draft))
        except JobshapeError as error:
            self._note = f"pre-flight: {error}"
        self._unknown = False
        self._show()

    def _first_block(self) -> str:
        blocks = [one.rule for one in self._checks if one.verdict == "block" and not one.lifted]
        return blocks[0] if blocks else ""

    @property
    def can_send(self) -> bool:
        """Whether nothing blocks it."""
        return not self._unknown and not self._first_block()

    def _show(self) -> None:
        lines = self.query_one(ReviewLines)
        lines.checks, lines.at_rule = self._checks, self._first_block()
        lines.rebuild()
        self.query_one("#keys", Words).say(self._keys())
        self._fit()

    def _keys(self) -> list[list[Piece]]:
        palette, glyphs = palette_of(self.app), self.glyphs
        blocked = bool(self._first_block())
        said, role = tally(self._checks) if self._checks else ("", "muted")
        if self._unknown:
            said, role = "pre-flight ...", "muted"
        if self._note:
            said, role = self._note, "warning"
        keys: list[Piece] = [
            ("  y", palette.key if self.can_send else palette.key_blocked),
            (" submit", palette.strong if self.can_send else palette.muted),
            ("   n", palette.key), (" back to the form", palette.text),
        ]  # fmt: skip
        if blocked:
            keys += [("   l", palette.key), (" lift the block, with a reason", palette.text)]
        if self._can_write:
            keys += [("   w", palette.key), (" write into the file", palette.text)]
        return [[], [(f"  {clean(said, glyphs)}", getattr(palette, role))], keys]

    @property
    def _can_write(self) -> bool:
        return bool(
            self._original.path
            and self._room.context.files is not None
            and not self._room.read_only
            and self._draft.final_text != self._original.text
        )

    # ------------------------------------------------------------------ keys

    def action_scroll_by(self, by: int) -> None:
        """Scroll."""
        self.query_one(ReviewLines).scroll_relative(y=by, animate=False)

    def action_send(self) -> None:
        """Send it, if nothing blocks it."""
        if self.can_send:
            self.dismiss(
                Submission(
                    self._draft.request,
                    self._draft.path,
                    self._reason,
                    self._lifted,
                    self._resubmitted_from,
                )
            )

    def action_leave(self) -> None:
        """Back to the form."""
        self.dismiss(None)

    def action_lift(self) -> None:
        """Lift the first block, if policy allows it."""
        if self._first_block():
            self.run_worker(self._lift(self._first_block()), group="lift", exit_on_error=False)

    async def _lift(self, rule: str) -> None:
        preflight = self._room.context.preflight
        if preflight is None:
            return
        said = "why it is right here; history keeps it"
        why = await self.app.push_screen_wait(AskScreen(f"Lift {rule}", said, self.glyphs))
        if why is None:
            return
        try:
            self._checks = in_order(preflight.lift(self._checks, {rule: why}))
            self._lifted[rule] = why
            self._note = ""
        except JobshapeError as error:
            self._note = str(error)
        self._show()

    def action_write(self) -> None:
        """Write the changed lines into the script's file, after a backup."""
        if self._can_write:
            self.run_worker(self._write(), group="write", exit_on_error=False)

    async def _write(self) -> None:
        try:
            self._note = await write_back(self._room, self._original.path, self._draft.shape)
        except JobshapeError as error:
            self._note = str(error)
        self._show()
