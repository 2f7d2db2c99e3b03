"""What would be sent again, with which changes and why; one key sends it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from jobshape.app.domain.check import CheckLine, softened
from jobshape.app.domain.resubmission import Resubmission, ResubmissionPlan
from jobshape.app.domain.shape import FIELD_OF, JobShape
from jobshape.app.scripts.draft import Draft, draft_of
from jobshape.screens.acting import count_words
from jobshape.screens.check_words import in_order, pieces_of, tally
from jobshape.screens.checked_dialog import CheckedDialog
from jobshape.screens.dialog import Words
from jobshape.screens.editing import show_value
from jobshape.screens.write_back import write_back
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, cut_at_blanks, width_of
from textual.widget import Widget

if TYPE_CHECKING:
    from jobshape.screens.room import Room


class ResubmitLines(ScrolledLines, can_focus=True):
    """Each submission: which jobs, what changes and why, warnings, pre-flight, the diff."""

    def __init__(self, plan: ResubmissionPlan, glyphs: Glyphs) -> None:
        super().__init__(id="list")
        self._plan = plan
        self._glyphs = glyphs
        self.checks: Mapping[int, Sequence[CheckLine]] = {}

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """All of it."""
        lines: list[list[Piece]] = []
        for number, one in enumerate(self._plan.resubmissions):
            lines += self._one(number, one, width)
        palette = self.palette
        for left in self._plan.left_out:
            words = f"  left out: {count_words(left.count, left.count)}, {left.reason}"
            lines.append([(clean(words, self._glyphs), palette.muted)])
        return lines

    def _one(self, number: int, one: Resubmission, width: int) -> list[list[Piece]]:
        palette, glyphs = self.palette, self._glyphs
        names = ", ".join(one.jobs[:4]) + (" ..." if len(one.jobs) > 4 else "")
        lines: list[list[Piece]] = []
        tasks = f"   one array of {one.count:,} tasks" if one.count > 1 else ""
        if len(one.after) > 1:
            tasks = f"   one heterogeneous job of {len(one.after)} components"
        name = f"  {clean(one.name, glyphs)} "
        room = max(20, width - width_of(name + tasks))
        first, *rest = cut_at_blanks(clean(names, glyphs), room)
        lines.append([(name, palette.strong), (first, palette.text), (tasks, palette.accent)])
        lines += [[(f"    {part}", palette.text)] for part in rest]
        component = 0
        for fix in one.corrections:
            field = FIELD_OF[fix.field]
            if len(one.after) > 1 and (fix is one.corrections[0] or fix.component != component):
                component = fix.component
                lines.append([(f"    component {component}", palette.strong)])
            lines.append([
                (f"    {field.title:<15}", palette.muted),
                (clean(show_value(field, fix.old) or "-", glyphs), palette.text),
                (clean(" → ", glyphs), palette.muted),
                (clean(show_value(field, fix.new) or "-", glyphs), palette.accent),
            ])  # fmt: skip
            lines += self._words(fix.reason, width, palette.muted, indent=19)
        if not one.corrections:
            lines.append([("    sent as it was", palette.text)])
        for warning in one.warnings:
            lines += self._words(warning, width, palette.warning, indent=4)
        lines.append([(f"    script {one.script_source}", palette.muted)])
        checks = self.checks.get(number)
        if checks is not None:
            text, role = tally(checks)
            lines.append([(f"    {clean(text, glyphs)}", getattr(palette, role))])
            for check in in_order(checks):
                if check.verdict in ("block", "warn"):
                    lines += [
                        [("   ", palette.text), *line]
                        for line in pieces_of(check, palette, glyphs, width - 4)
                    ]
        for text in one.diff:
            style = {"+": palette.running, "-": palette.failed}.get(text[:1], palette.muted)
            lines += self._words(text, width, style, indent=6)
        return [*lines, []]

    def _words(self, text: str, width: int, style: object, *, indent: int) -> list[list[Piece]]:
        parts = cut_at_blanks(clean(text, self._glyphs), max(20, width - indent))
        return [[(" " * indent + part.rstrip(), style)] for part in parts]  # type: ignore[list-item]


class ResubmitScreen(CheckedDialog[Mapping[str, str] | None]):
    """Gives the reasons for which blocks were lifted, for ``y``; None leaves everything."""

    VERB = "resubmit"
    NO = "leave them"

    def __init__(self, room: "Room", plan: ResubmissionPlan) -> None:
        tasks = sum(one.count for one in plan.resubmissions)
        super().__init__(room, f"Resubmit {count_words(len(plan.resubmissions), tasks)}?")
        self._plan = plan

    def content(self) -> Iterable[Widget]:
        """The submissions, and the keys."""
        yield ResubmitLines(self._plan, self.glyphs)
        yield Words(self.keys(), id="keys")

    def on_mount(self) -> None:
        """Begin the pre-flight."""
        super().on_mount()
        self.examine()

    def drafts(self) -> Sequence[Draft]:
        """One each."""
        return [draft_of(one) for one in self._plan.resubmissions]

    def judged(self, line: CheckLine) -> CheckLine:
        """It has run before."""
        return softened(line)

    def show_checks(self) -> None:
        """Below each submission."""
        self.query_one(ResubmitLines).checks = self.checks

    def answer(self) -> Mapping[str, str]:
        """Why blocks were lifted."""
        return self.lifted

    @property
    def _mended(self) -> Resubmission | None:
        """The one submission whose correction can be written into its script's file."""
        one, *others = self._plan.resubmissions
        fits = not others and one.corrections and one.script_path.startswith("/")
        return one if fits else None

    @property
    def can_write(self) -> bool:
        """Of one corrected script that lies on this machine."""
        context = self._room.context
        here = context.files is not None and not context.through_site and not context.read_only
        return here and self._mended is not None

    async def write_file(self) -> str:
        """Write the corrected values."""
        one = self._mended
        assert one is not None
        shapes = [
            JobShape(**{
                fix.field: fix.new for fix in one.corrections if fix.component == component
            })
            for component in range(len(one.after))
        ]  # fmt: skip
        return await write_back(self._room, one.script_path, *shapes)
