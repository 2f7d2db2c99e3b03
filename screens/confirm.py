"""Asks before jobs are changed, counting what is touched; and tells what the controller said."""

from collections.abc import Iterable, Sequence
from typing import ClassVar

from jobshape.screens.acting import VERBS, Plan, count_words
from jobshape.screens.dialog import Dialog, Words
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit
from textual.binding import Binding
from textual.widget import Widget

LISTED = 8
"""Jobs named one by one; of more only the number is said."""


class ConfirmScreen(Dialog[bool | None]):
    """Gives True only for ``y``: Enter, pressed once too often, does nothing."""

    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,escape,q", "answer(False)", "No", show=False),
    ]

    def __init__(self, plan: Plan, glyphs: Glyphs) -> None:
        verb = VERBS[plan.action][0]
        super().__init__(f"{verb} {count_words(len(plan.targets), plan.tasks)}?", glyphs)
        self._plan = plan

    def content(self) -> Iterable[Widget]:
        """The jobs, what is left out, the two answers."""
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
        verb = VERBS[plan.action][0].lower()
        lines.append([
            ("  y", palette.key), (f" {verb}", palette.failed if plan.action == "cancel" else
                                   palette.strong),
            ("     n", palette.key), (" leave them as they are", palette.text),
        ])  # fmt: skip
        yield Words(lines)

    def action_answer(self, yes: bool) -> None:
        """Answer."""
        self.dismiss(yes)


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
        for reference, words in self._refusals[: 2 * LISTED]:
            lines.append([
                ("  " + fit(clean(reference, glyphs), 14, glyphs) + " ", palette.strong),
                (clean(words, glyphs), palette.failed),
            ])  # fmt: skip
        more = len(self._refusals) - 2 * LISTED
        if more > 0:
            lines.append([(f"  and {more:,} more", palette.strong)])
        if self._done:
            lines += [[], [(f"  {self._done}", palette.text)]]
        lines += [[], [("  Esc", palette.key), (" back", palette.muted)]]
        yield Words(lines)

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)
