"""Sends jobs again: what of them, with which changes and why; then one key sends it."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from jobshape.app.board.board import Board
from jobshape.app.domain.action import ActionEntry, new_batch
from jobshape.app.domain.check import CheckLine, blocking
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.job import Job
from jobshape.app.domain.resubmission import Resubmission, ResubmissionPlan, Wanted
from jobshape.app.domain.shape import FIELD_OF, JobShape
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.scripts.draft import Draft
from jobshape.app.scripts.surgery import with_shape
from jobshape.screens.acting import count_words
from jobshape.screens.ask_line import AskScreen
from jobshape.screens.check_words import in_order, pieces_of, tally
from jobshape.screens.dialog import Dialog, Words
from jobshape.screens.editing import Change, show_value
from jobshape.screens.send_script import SentScript, Submission, send_script
from jobshape.screens.sending import send
from jobshape.screens.write_back import write_back
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import palette_of
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, cut_at_blanks
from textual.binding import Binding
from textual.widget import Widget

if TYPE_CHECKING:
    from jobshape.screens.room import Room

LOOK_S = 8.0
"""How long a cause that is not known yet is waited for."""

LOOKED_INTO = 20
EXAMINED = 10
"""Of more submissions only the first ones are looked at by the pre-flight."""

SOFT_RULES = frozenset({"smoke", "duplicate"})
"""Rules about beginning something new: of a job that has run they only warn."""


def resubmit(screen: "Room", jobs: Sequence[Job]) -> None:
    """Send these jobs again, as far as that makes sense."""
    reason = why_not(jobs, screen.board)
    if reason:
        screen.status.say(f"resubmit: {reason}", problem=True)
        return
    screen.run_worker(_resubmit(screen, jobs), group="act", exit_on_error=False)


def why_not(jobs: Sequence[Job], board: Board) -> str | None:
    """Why none of these can be sent again; None if some can."""
    if not jobs:
        return "there is no job in the list"
    user = board.link.user
    own = [job for job in jobs if user in ("", "root", job.user)]
    if not own:
        return f"belongs to {jobs[0].user}"
    if all(phase_of(job.state) is Phase.WAITING for job in own):
        return "still pending: edit it (e)"
    return None


async def _resubmit(screen: "Room", jobs: Sequence[Job]) -> None:
    screen.status.say("resubmit: looking at the jobs, their causes and their script")
    try:
        plan = await plan_of(screen, jobs)
    except JobshapeError as error:
        screen.status.say(f"resubmit: {error}", problem=True)
        return
    if not plan.resubmissions:
        left = plan.left_out
        reason = left[0].reason if left else "there is nothing to send"
        screen.status.say(f"resubmit: {reason}", problem=True)
        return
    lifted = await screen.app.push_screen_wait(ResubmitScreen(screen, plan))
    if lifted is not None:
        await _send_all(screen, plan.resubmissions, lifted)


async def plan_of(screen: "Room", jobs: Sequence[Job], *, running: bool | None = None
                  ) -> ResubmissionPlan:  # fmt: skip
    """What would be sent. Raises JobshapeError."""
    user, board = screen.board.link.user, screen.board
    own = [job for job in jobs if user in ("", "root", job.user)]
    await _know_causes(screen, own)
    state = board.history
    one_runs = len(own) == 1 and phase_of(own[0].state) is Phase.RUNNING
    wanted = Wanted(
        own,
        {str(job.job_id): list(found) for job in own if (found := board.findings.get(job.job_id))},
        screen.context.terms,
        running=one_runs if running is None else running,
        history_path=str(state.path or ""),
        site=state.site,
    )
    plan = await screen.actions.call("plan_resubmit", wanted=wanted)
    assert isinstance(plan, ResubmissionPlan)
    return plan


async def _know_causes(screen: "Room", jobs: Sequence[Job]) -> None:
    """Have the causes found that are not known: one of tasks that ended alike is enough."""
    unlike: dict[tuple[object, ...], Job] = {}
    known = screen.board.findings
    for job in jobs:
        if phase_of(job.state) is Phase.FAILED:
            unlike.setdefault((job.array_job_id or job.job_id, job.state, job.exit_code), job)
    missing = [job for job in unlike.values() if job.job_id not in known][:LOOKED_INTO]
    for job in missing:
        screen.context.look_into(job)
    loop = asyncio.get_running_loop()
    until = loop.time() + (LOOK_S if missing else 0)
    while loop.time() < until and any(job.job_id not in known for job in missing):
        await asyncio.sleep(0.05)


async def _send_all(
    screen: "Room", resubmissions: Sequence[Resubmission], lifted: Mapping[str, str]
) -> list[SentScript]:
    """Send them one after the other; say what came of it."""
    batch, tasks = new_batch(), sum(one.count for one in resubmissions)
    screen.status.say(f"resubmitting {count_words(len(resubmissions), tasks)}")
    sent = [
        await send_script(screen, _submission(one, lifted, batch)) for one in resubmissions
    ]  # fmt: skip
    screen.actions.refresh()
    done = [one.job_id for one in sent if one.job_id is not None]
    bad = [one for one in sent if one.job_id is None]
    notes = [one.note for one in sent if one.note]
    if bad:
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        first = f"submitted {len(done)}; " if done else ""
        screen.status.say(f"{first}{bad[0].words}{more}", problem=True)
    else:
        ids = ", ".join(map(str, done[:3])) + (" ..." if len(done) > 3 else "")
        note = f"; {notes[0]}" if notes else ""
        screen.status.say(f"resubmitted {count_words(len(done), tasks)} as {ids}{note}",
                          problem=bool(note))  # fmt: skip
    return sent


def _submission(one: Resubmission, lifted: Mapping[str, str], batch: str) -> Submission:
    return Submission(
        one.request, one.script_path, one.reason or "resubmitted", lifted, one.jobs, batch
    )


async def replace_running(screen: "Room", changes: Sequence[Change]) -> None:
    """Submit running jobs anew with other shapes; each old one is cancelled once the new is in."""
    entries: list[ActionEntry] = []
    batch, problems = new_batch(), []
    screen.status.say(f"resubmitting {len(changes)} running jobs with their new shape")
    for change in changes:
        job = change.job.target.job
        try:
            plan = await plan_of(screen, [job], running=True)
            if not plan.resubmissions:
                reason = plan.left_out[0].reason if plan.left_out else "it cannot be sent again"
                problems.append(f"{job.label}: {reason}")
                continue
            one = plan.resubmissions[0]
            request = replace(one.request, script=with_shape(one.request.script, wanted_of(change)))
        except JobshapeError as error:
            problems.append(f"{job.label}: {error.what}")
            continue
        words = "changed while it ran"
        sent = await send_script(
            screen, Submission(request, one.script_path, words, {}, one.jobs, batch)
        )
        if sent.job_id is None:
            problems.append(f"{job.label}: {sent.words}; it runs on")
            continue
        why = f"sent again as {sent.job_id}"
        reference = change.job.target.reference
        entries.append(ActionEntry("cancel", reference, "cancel", reason=why, batch=batch))
    if entries:
        sending = await send(screen, entries)
        problems += [f"{one.entry.job}: {one.words}" for one in sending.sent if not one.is_done]
    screen.actions.refresh()
    if problems:
        screen.status.say("; ".join(problems[:3]), problem=True)
    else:
        screen.status.say(f"sent {len(entries)} again with the new shape; the old ones cancelled")


def wanted_of(change: Change) -> JobShape:
    """The fields that the person changed, as a shape."""
    given = {name: new for name, (_, new) in change.fields.items() if name in FIELD_OF}
    return JobShape(**given)


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
        lines.append([
            (f"  {clean(one.name, glyphs)} ", palette.strong),
            (clean(names, glyphs)[: width - 40], palette.text), (tasks, palette.accent),
        ])  # fmt: skip
        for fix in one.corrections:
            field = FIELD_OF[fix.field]
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
            lines.append([(f"      {clean(text, glyphs)}", style)])
        return [*lines, []]

    def _words(self, text: str, width: int, style: object, *, indent: int) -> list[list[Piece]]:
        parts = cut_at_blanks(clean(text, self._glyphs), max(20, width - indent))
        return [[(" " * indent + part.rstrip(), style)] for part in parts]  # type: ignore[list-item]


class ResubmitScreen(Dialog[Mapping[str, str] | None]):
    """Gives the reasons for which blocks were lifted, for ``y``; None leaves everything."""

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

    def __init__(self, room: "Room", plan: ResubmissionPlan) -> None:
        tasks = sum(one.count for one in plan.resubmissions)
        super().__init__(f"Resubmit {count_words(len(plan.resubmissions), tasks)}?", room.glyphs)
        self._room = room
        self._plan = plan
        self._checks: dict[int, Sequence[CheckLine]] = {}
        self._lifted: dict[str, str] = {}
        self._note = ""
        self._looking = room.context.preflight is not None

    @property
    def is_settled(self) -> bool:
        """Whether the pre-flight has been heard."""
        return not self._looking

    @property
    def _blocks(self) -> list[CheckLine]:
        return [line for lines in self._checks.values() for line in blocking(lines)]

    @property
    def can_send(self) -> bool:
        """Whether nothing blocks it."""
        return not self._looking and not self._blocks

    def content(self) -> Iterable[Widget]:
        """The submissions, and the keys."""
        yield ResubmitLines(self._plan, self.glyphs)
        yield Words(self._keys(), id="keys")

    def on_mount(self) -> None:
        """Begin the pre-flight."""
        super().on_mount()
        if self._looking:
            self.run_worker(self._examine(), group="examine", exit_on_error=False)

    async def _examine(self) -> None:
        preflight = self._room.context.preflight
        assert preflight is not None
        try:
            for number, one in enumerate(self._plan.resubmissions[:EXAMINED]):
                lines = await preflight.examine(draft_of(one))
                self._checks[number] = [softened(line) for line in lines]
        except JobshapeError as error:
            self._note = f"pre-flight: {error}"
        self._looking = False
        self._show()

    def _show(self) -> None:
        if not self.is_attached:
            return
        lines = self.query_one(ResubmitLines)
        lines.checks = self._checks
        lines.rebuild()
        self.query_one("#keys", Words).say(self._keys())
        self._fit()

    def _keys(self) -> list[list[Piece]]:
        palette = palette_of(self.app)
        said = "pre-flight ..." if self._looking else self._note
        keys: list[Piece] = [
            ("  y", palette.key if self.can_send else palette.key_blocked),
            (" resubmit", palette.strong if self.can_send else palette.muted),
            ("   n", palette.key), (" leave them", palette.text),
        ]  # fmt: skip
        if self._blocks:
            keys += [("   l", palette.key), (" lift the block, with a reason", palette.text)]
        if self._mended is not None and not self._room.context.through_site:
            keys += [("   w", palette.key), (" write it into the script", palette.text)]
        return [[], [(f"  {clean(said, self.glyphs)}", palette.warning)], keys]

    def action_scroll_by(self, by: int) -> None:
        """Scroll."""
        self.query_one(ResubmitLines).scroll_relative(y=by, animate=False)

    def action_send(self) -> None:
        """Send them, if nothing blocks it."""
        if self.can_send:
            self.dismiss(self._lifted)

    def action_leave(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)

    @property
    def _mended(self) -> Resubmission | None:
        """The one submission whose correction can be written into its script's file."""
        one = self._plan.resubmissions[0]
        alone = len(self._plan.resubmissions) == 1
        fits = alone and one.corrections and one.script_path.startswith("/")
        return one if fits and self._room.context.files is not None else None

    def action_write(self) -> None:
        """Write the corrected values into the script's own lines."""
        if self._mended is not None and not self._room.context.through_site:
            self.run_worker(self._write(self._mended), group="write", exit_on_error=False)

    async def _write(self, one: Resubmission) -> None:
        shape = JobShape(**{fix.field: fix.new for fix in one.corrections})
        try:
            self._note = await write_back(self._room, one.script_path, shape)
        except JobshapeError as error:
            self._note = str(error)
        self._show()

    def action_lift(self) -> None:
        """Lift the first block, if policy allows it."""
        if self._blocks:
            self.run_worker(self._lift(self._blocks[0].rule), group="lift", exit_on_error=False)

    async def _lift(self, rule: str) -> None:
        preflight = self._room.context.preflight
        assert preflight is not None
        said = "why it is right here; history keeps it"
        why = await self.app.push_screen_wait(AskScreen(f"Lift {rule}", said, self.glyphs))
        if why is None:
            return
        try:
            for number, lines in self._checks.items():
                if any(line.rule == rule for line in blocking(lines)):
                    self._checks[number] = preflight.lift(lines, {rule: why})
            self._lifted[rule] = why
            self._note = ""
        except JobshapeError as error:
            self._note = str(error)
        self._show()


def draft_of(one: Resubmission) -> Draft:
    """The draft that a resubmission is, for the pre-flight."""
    request = one.request
    return Draft(
        request.script, one.script_path, request.arguments, name=request.name or one.name,
        work_dir=request.work_dir or "", comment=request.comment or "",
    )  # fmt: skip


def softened(line: CheckLine) -> CheckLine:
    """The line as it counts for a job that has run already."""
    if line.verdict == "block" and line.rule in SOFT_RULES:
        return line._replace(verdict="warn")
    return line
