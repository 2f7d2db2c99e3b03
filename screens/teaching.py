"""Makes a failure rule of a line that nothing explained: which line, what it means, yes or no."""

import asyncio
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.finding import UNKNOWN, Evidence, Finding
from jobshape.screens.dialog import Dialog, Words
from jobshape.screens.pick import PickScreen
from jobshape.screens.ports import RulePlan
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.pick_list import PickItem
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean
from textual.binding import Binding
from textual.widget import Widget

if TYPE_CHECKING:
    from jobshape.screens.job import JobScreen

_WRAP = 66
_NO_LINES = ("slurm", "usage", "rules")


def lines_of(findings: Sequence[Finding] | None) -> list[Evidence]:
    """The lines of a log that an unexplained failure shows."""
    if not findings or findings[0].label != UNKNOWN:
        return []
    return [one for one in findings[0].evidence if one.source not in _NO_LINES and one.text.strip()]


async def teach(screen: "JobScreen") -> None:
    """Ask for line, cause and leave, then write the rule."""
    glyphs, rules = screen.glyphs, screen.context.rules
    if rules is None:
        return
    lines = lines_of(screen.board.findings.get(screen.job.job_id))
    items = [PickItem(str(at), clean(one.text.strip(), glyphs)) for at, one in enumerate(lines)]
    picked = await screen.app.push_screen_wait(
        PickScreen("Which line tells the cause?", items, glyphs)
    )
    if picked is None:
        return
    classes = await asyncio.to_thread(rules.classes)
    kinds = [PickItem(label, title, label) for label, title in classes]
    label = await screen.app.push_screen_wait(PickScreen("What does it mean?", kinds, glyphs))
    if label is None:
        return
    try:
        plan = await asyncio.to_thread(rules.plan, lines[int(picked)].text, label)
        if not await screen.app.push_screen_wait(TeachScreen(plan, glyphs)):
            return
        await asyncio.to_thread(rules.accept, plan)
    except JobshapeError as error:
        screen.status.say(f"the rule was not added: {error}", problem=True)
        return
    screen.status.say(f"rule added to {plan.path.name}; looking again")
    screen.board.forget_findings(screen.job.job_id)
    screen.context.look_into(screen.job)


class TeachScreen(Dialog[bool]):
    """The rule as it would be written, and the file. Gives True only for ``y``."""

    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,escape,q", "answer(False)", "No", show=False),
    ]

    def __init__(self, plan: RulePlan, glyphs: Glyphs) -> None:
        super().__init__("Add this failure rule?", glyphs)
        self._plan = plan

    def content(self) -> Iterable[Widget]:
        """The text, the file, the two answers."""
        palette, glyphs, plan = palette_of(self.app), self.glyphs, self._plan
        lines: list[list[Piece]] = [[]]
        for line in plan.text.splitlines():
            lines += [
                [("    " + part, palette.strong)]
                for part in textwrap.wrap(clean(line, glyphs), _WRAP) or [""]
            ]
        where = "the project's rules" if plan.is_project else "your own rules"
        new = ", a new file" if plan.is_new else ""
        lines += [
            [],
            [(f"  It goes into {where}{new}; later you can make it wider:", palette.muted)],
        ]
        lines += [[("    " + part, palette.text)]
                  for part in textwrap.wrap(clean(str(plan.path), glyphs), _WRAP)]  # fmt: skip
        lines += [[], [
            ("  y", palette.key), (" add it", palette.strong),
            ("     n", palette.key), (" leave the file as it is", palette.text),
        ]]  # fmt: skip
        yield Words(lines)

    def action_answer(self, yes: bool) -> None:
        """Answer."""
        self.dismiss(yes)
