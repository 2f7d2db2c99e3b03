"""The last look before a job is sent: what the pre-flight says, and the script as it will go."""

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from jobshape.app.domain.check import CheckLine, with_lifts
from jobshape.app.scripts.draft import Draft
from jobshape.app.scripts.surgery import diff
from jobshape.screens.check_words import in_order, pieces_of
from jobshape.screens.checked_dialog import CheckedDialog
from jobshape.screens.dialog import Words
from jobshape.screens.send_script import Submission
from jobshape.screens.write_back import write_back
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, cut_at_blanks
from rich.style import Style
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
        self.beside: Sequence[tuple[str, str]] = ()

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
                lines += _cut("    ", palette.faint, clean(text, glyphs), role, width)
            lines.append([])
        if self.beside:
            lines.append([("  Sent beside the script", palette.strong)])
            lines += [[(f"    {name:<12}", palette.muted), (clean(text, glyphs), palette.text)]
                      for name, text in self.beside]  # fmt: skip
            lines.append([])
        lines.append([("  The script as it will go", palette.strong)])
        for number, text in enumerate(self.script, 1):
            style_ = palette.group if text.startswith("#SBATCH") else palette.text
            lines += _cut(f" {number:>4}  ", palette.faint, clean(text, glyphs), style_, width)
        return lines


def _cut(head: str, faint: Style, text: str, style: Style, width: int) -> list[list[Piece]]:
    """A line with all of its text: a person sees everything that is sent."""
    first, *rest = cut_at_blanks(text, max(20, width - len(head)))
    blank = " " * len(head)
    return [[(head, faint), (first, style)], *([(blank, faint), (part, style)] for part in rest)]


class SubmitReview(CheckedDialog[Submission | None]):
    """Gives what to send; None goes back to the form."""

    def __init__(
        self, room: "Room", original: Draft, draft: Draft, checks: Sequence[CheckLine] | None,
        *, reason: str = "",
    ) -> None:  # fmt: skip
        """checks: what the pre-flight said of this very draft; None: it has to be asked."""
        super().__init__(room, f"Submit {draft.final_name[:50]}?")
        self._original = original
        self._draft = draft
        self._reason = reason
        if checks is not None:
            self.checks[0] = checks

    def content(self) -> Iterable[Widget]:
        """All lines, and the keys."""
        lines = ReviewLines(self.glyphs)
        text = self._draft.final_text
        lines.script = text.splitlines()
        request = self._draft.request
        told = {"name": request.name, "folder": request.work_dir,
                "arguments": shlex.join(request.arguments)}  # fmt: skip
        lines.beside = [(name, value) for name, value in told.items() if value]
        before = self._original.text
        if before != text:
            lines.changes = diff(before, text, self._original.path or "script")
        lines.checks, lines.at_rule = in_order(self.checks.get(0, ())), self._at_rule
        yield lines
        yield Words(self.keys(), id="keys")

    def on_mount(self) -> None:
        """What is not known yet is asked."""
        super().on_mount()
        if not self.checks:
            self.examine()
            self.refresh_checks()

    @property
    def _at_rule(self) -> str:
        return next(iter(self.blocks), "")

    def drafts(self) -> Sequence[Draft]:
        """The one."""
        return [self._draft]

    def show_checks(self) -> None:
        """Above the script."""
        lines = self.query_one(ReviewLines)
        lines.checks, lines.at_rule = in_order(self.checks.get(0, ())), self._at_rule

    def answer(self) -> Submission:
        """What to send."""
        reason = with_lifts(self._reason, self.lifted)
        return Submission(self._draft.request, self._draft.path, reason, self.lifted)

    @property
    def can_write(self) -> bool:
        """Of a script that lies on this machine and is sent with other values."""
        context = self._room.context
        here = context.files is not None and not context.read_only
        return here and bool(self._original.path and list(self._draft.shape.said()))

    async def write_file(self) -> str:
        """Write the changed values."""
        return await write_back(self._room, self._original.path, self._draft.shape)
