"""Asks before jobs are changed, counting what is touched; and tells what the controller said."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import ClassVar

from jobshape.app.domain.states import Phase, phase_of
from jobshape.screens.acting import VERBS, Plan, Target, count_words
from jobshape.screens.dialog import BORDERS, BOX_WIDTH, Dialog, Words
from jobshape.screens.last_lines import LastLines, last_lines
from jobshape.screens.ports import Context
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, cut_at_blanks, fit, width_of
from textual.binding import Binding
from textual.widget import Widget

LISTED = 8
"""Jobs named one by one; of more only the number is said."""

TAIL_LINES = 6
"""Lines of a running job's log that are shown before it goes."""

ENDING = frozenset({"cancel", "requeue"})
"""Actions that take a running job's work away: its log is shown first."""


class ConfirmScreen(Dialog[bool | None]):
    """Gives True only for ``y``: Enter, pressed once too often, does nothing.

    A running job is not ended unread: until the end of its log is there, ``y`` waits.
    """

    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,escape,q", "answer(False)", "No", show=False),
        Binding("tab", "read(1)", "Next log", show=False, priority=True),
        Binding("shift+tab", "read(-1)", "Log before", show=False, priority=True),
    ]

    def __init__(self, plan: Plan, context: Context) -> None:
        verb = VERBS[plan.action][0]
        super().__init__(f"{verb} {count_words(len(plan.targets), plan.tasks)}?", context.glyphs)
        self._plan = plan
        self._actions = context.actions
        self._to_read = [
            target for target in plan.targets
            if plan.action in ENDING and phase_of(target.job.state) is Phase.RUNNING
        ]  # fmt: skip
        self._at = 0
        self._read: dict[str, LastLines] = {}

    def content(self) -> Iterable[Widget]:
        """The jobs, what is left out, the end of a log, the two answers."""
        yield Words(self._jobs())
        if self._to_read:
            yield Words(self._log(), id="log")
        yield Words(self._answers(), id="answers")

    def on_mount(self) -> None:
        """Begin to read the log."""
        super().on_mount()
        if self._to_read:
            self._ask()

    @property
    def is_settled(self) -> bool:
        """Whether the log that is shown has been read."""
        return not self._to_read or self._to_read[self._at].reference in self._read

    def _jobs(self) -> list[list[Piece]]:
        palette, glyphs, plan = palette_of(self.app), self.glyphs, self._plan
        lines: list[list[Piece]] = [[]]
        for target in plan.targets[:LISTED]:
            tasks = f"{target.tasks:,} tasks" if target.tasks > 1 else ""
            lines.append([
                ("  " + fit(clean(target.reference, glyphs), 16, glyphs) + " ", palette.strong),
                (fit(clean(target.name, glyphs), 30, glyphs) + " ", palette.text),
                (fit(clean(target.state.lower(), glyphs), 12, glyphs) + " ", palette.muted),
                (tasks, palette.muted),
            ])  # fmt: skip
        more = len(plan.targets) - LISTED
        if more > 0:
            lines.append([(f"  and {more:,} more", palette.strong)])
        lines.append([])
        for reason, count in plan.left_out:
            lines.append([(f"  left out: {count_words(count, count)}, {reason}", palette.muted)])
        if plan.left_out:
            lines.append([])
        return lines

    def _log(self) -> list[list[Piece]]:
        palette, glyphs = palette_of(self.app), self.glyphs
        target = self._to_read[self._at]
        found = self._read.get(target.reference)
        title = f"  The end of the log of {clean(target.reference, glyphs)}"
        if len(self._to_read) > 1:
            title += f", {self._at + 1} of {len(self._to_read)} running"
        head: list[Piece] = [(title, palette.text)]
        if len(self._to_read) > 1:
            head += [("   Tab", palette.key), (" next", palette.muted)]
        if found is None:
            said = [[("    reading it ...", palette.muted)]]
        elif found.problem:
            said = [[(f"    {clean(found.problem, glyphs)}", palette.warning)]]
        else:
            said = [[(f"    {clean(line, glyphs)}", palette.muted)] for line in found.lines]
        blank: list[list[Piece]] = [[] for _ in range(TAIL_LINES - len(said) + 1)]
        return [head, *said, *blank]

    def _answers(self) -> list[list[Piece]]:
        palette, verb = palette_of(self.app), VERBS[self._plan.action][0].lower()
        yes = palette.failed if self._plan.action == "cancel" else palette.strong
        waits = not self.is_settled
        return [[
            ("  y", palette.key_blocked if waits else palette.key),
            (f" {verb}", palette.muted if waits else yes),
            ("     n", palette.key), (" leave them as they are", palette.text),
        ]]  # fmt: skip

    def _ask(self) -> None:
        target = self._to_read[self._at]
        if target.reference not in self._read:
            self.run_worker(self._read_log(target), group="log", exit_on_error=False)

    async def _read_log(self, target: Target) -> None:
        try:
            found = await last_lines(self._actions, target.job, TAIL_LINES)
        except Exception as error:  # a mistake of ours must not keep a job from being ended
            found = LastLines("", problem=f"its log cannot be read: {error!r}")
        self._read[target.reference] = found
        self._show()

    def _show(self) -> None:
        self.query_one("#log", Words).say(self._log())
        self.query_one("#answers", Words).say(self._answers())

    def action_read(self, by: int) -> None:
        """The log of the next running job."""
        if self._to_read:
            self._at = (self._at + by) % len(self._to_read)
            self._show()
            self._ask()

    def action_answer(self, yes: bool) -> None:
        """Answer."""
        if not yes or self.is_settled:
            self.dismiss(yes)


MOST_NAME = 20
"""Cells for a job beside what was said of it."""

BESIDE = 9
"""Lines of a dialog of refusals that are none: the frame, what was done, the key."""


class RefusedScreen(Dialog[None]):
    """What the controller refused, job by job, in its own words."""

    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS = [Binding("escape,enter,q,space", "leave", "Back", show=False)]

    def __init__(
        self, title: str, done: str, refusals: Sequence[tuple[str, str]], glyphs: Glyphs
    ) -> None:
        super().__init__(title, glyphs)
        self._done = done
        self._refusals = refusals

    def content(self) -> Iterable[Widget]:
        """One line a job."""
        palette, glyphs = palette_of(self.app), self.glyphs
        lines: list[list[Piece]] = [[]]
        longest = max((width_of(clean(one, glyphs)) for one, _ in self._refusals), default=0)
        names_width = min(longest, MOST_NAME)
        width = max(20, min(BOX_WIDTH, self.app.size.width) - BORDERS - names_width - 6)
        room, shown = max(4, self.app.size.height - BESIDE), 0
        for reference, words in self._refusals:
            parts = cut_at_blanks(clean(words, glyphs), width)
            if shown and len(lines) + len(parts) > room:
                break
            shown += 1
            names = [clean(reference, glyphs)]
            for name, part in zip_longest(names, parts, fillvalue=""):
                lines.append([
                    ("  " + fit(name, names_width, glyphs) + "  ", palette.strong),
                    (part, palette.failed),
                ])  # fmt: skip
        more = len(self._refusals) - shown
        if more > 0:
            lines.append([(f"  and {more:,} more", palette.strong)])
        if self._done:
            lines += [[], [(f"  {self._done}", palette.text)]]
        lines += [[], [("  Esc", palette.key), (" back", palette.muted)]]
        yield Words(lines)

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)
