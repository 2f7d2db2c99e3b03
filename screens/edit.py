"""Edit what jobs ask for: a form of the shape, its limits and effects, then a diff."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from jobshape.app.board.bounds import Bound, brief_of, excess, words_of
from jobshape.app.domain.action import new_batch
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.job import Job
from jobshape.app.domain.request import EarliestStart
from jobshape.app.domain.shape import JobShape
from jobshape.screens.act import report
from jobshape.screens.acting import Plan, count_words, plan
from jobshape.screens.confirm import ConfirmScreen
from jobshape.screens.dialog import Dialog, Words, with_whole
from jobshape.screens.editing import (
    ONLY,
    Change,
    Editable,
    Reading,
    editable,
    entry_of,
    field_of,
    fields_for,
    form_fields,
    read_form,
    show_value,
)
from jobshape.screens.effect import cost_words, same_shapes, start_request, start_words
from jobshape.screens.review import REPLACE, ReviewScreen
from jobshape.screens.sending import send
from jobshape.screens.shape_view import ShapeView
from jobshape.widgets.entry_form import EntryForm, Note
from jobshape.widgets.palette import palette_of
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean
from textual import on
from textual.binding import Binding
from textual.timer import Timer
from textual.widget import Widget

if TYPE_CHECKING:
    from jobshape.screens.room import Room

MANY_SHAPES = 50
"""Of more different shapes it is not looked where each fits."""

ASK_AFTER_S = 1.0
"""How long nothing is typed before the site is asked when such a job would start."""

Done = Callable[[], None]


def edit(screen: "Room", jobs: Sequence[Job], done: Done) -> None:
    """Edit these jobs, as far as they can be."""
    todo = plan("update", jobs, screen.board)
    if not todo.targets:
        reason = todo.left_out[0][0] if todo.left_out else "no job"
        screen.status.say(f"edit: {reason}", problem=True)
        return
    screen.run_worker(_edit(screen, todo, done), group="act", exit_on_error=False)


async def _edit(screen: "Room", todo: Plan, done: Done) -> None:
    texts: Mapping[str, str] | None = None
    refused: Mapping[str, str] = {}
    while True:
        form = EditScreen(screen, todo, texts, refused)
        changes = await screen.app.push_screen_wait(form)
        if changes is None:
            return
        if form.replaces:
            from jobshape.screens.replacing import replace_running

            await replace_running(screen, [one for one in changes if one.again])
            done()
            changes = [one for one in changes if not one.again]
            if not changes:
                return
        batch = new_batch()
        entries = [entry for one in changes if (entry := entry_of(one, batch)) is not None]
        tasks = {one.job.target.reference: one.job.target.tasks for one in changes}
        screen.status.say(f"change: {count_words(len(entries), sum(tasks.values()))}")
        sending = await send(screen, entries)
        screen.actions.refresh()
        good = [one.entry.job for one in sending.sent if one.is_done]
        if good:
            done()
        refused_all = [one for one in sending.sent if not one.is_done]
        if not refused_all or good or len(refused_all) > 1:
            count = count_words(len(good), sum(tasks[job] for job in good))
            report(screen, "Change", f"changed {count}" if good else "nothing changed", sending)
            return
        texts = form.left  # everything was refused: what was typed is not lost
        refused = form.blame(refused_all[0].words)


class EditScreen(Dialog[Sequence[Change] | None]):
    """Gives the changes to make, None if the person left them."""

    AUTO_FOCUS: ClassVar[str | None] = "#entry-memory-bytes"
    BINDINGS = [
        Binding("escape", "leave", "Back", show=False),
        Binding("ctrl+s,ctrl+j", "review", "Review", show=False),
        Binding("ctrl+r", "reset", "As it was", show=False, priority=True),
    ]

    def __init__(
        self, room: "Room", todo: Plan, texts: Mapping[str, str] | None = None,
        refused: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        count = count_words(len(todo.targets), todo.tasks)
        one = todo.targets[0]
        title = f"Edit {one.reference} {one.name}" if len(todo.targets) == 1 else f"Edit {count}"
        super().__init__(title[:70], room.glyphs)
        self._room = room
        self._plan = todo
        self._jobs: list[Editable] = [editable(target) for target in todo.targets]
        self._fields = fields_for(self._jobs, has_accounts=not room.board.link.is_local)
        self._begun = {one.name: one.text for one in form_fields(self._fields, self._jobs)}
        self._typed = texts
        self._refused = dict(refused or {})  # field ("" for none) -> the site's words
        self._site = ShapeView(room.board)
        self._starts: dict[JobShape, str] = {}
        self._asking: JobShape | None = None
        self._timer: Timer | None = None
        self.reading = Reading((), {})
        self.replaces = False  # whether running jobs are to be submitted anew
        self.left: Mapping[str, str] = {}  # what stood in the fields at the end

    def content(self) -> Iterable[Widget]:
        """What is edited, the form, its effects, the keys."""
        yield Words(self._head())
        yield EntryForm(form_fields(self._fields, self._jobs), self.glyphs)
        yield Words([[], [], [], []], id="effect")
        yield Words(self._keys(), id="keys")

    def on_mount(self) -> None:
        """What was typed before stands there again; the limits are asked for."""
        super().on_mount()
        for name, text in (self._typed or {}).items():
            self.form.set_text(name, text)
        if bad := [name for name in self._refused if name]:
            self.form.focus_on(bad[0])
        self.run_worker(self._ask_limits(), group="limits", exit_on_error=False)
        if len(self._jobs) == 1:
            self.run_worker(self._ask_exactly(self._jobs[0]), group="exact", exit_on_error=False)
        self._show()

    @property
    def form(self) -> EntryForm:
        """The fields."""
        return self.query_one(EntryForm)

    @property
    def texts(self) -> dict[str, str]:
        """What stands in the fields."""
        return self.form.texts

    def blame(self, words: str) -> dict[str, str]:
        """The words of a refusal by the field that they are about."""
        from jobshape.app.domain.refusal import field_of_refusal

        field = field_of_refusal(words)
        return {field if field in self._begun else "": words}

    # ------------------------------------------------------------------ what is asked

    async def _ask_limits(self) -> None:
        self._site.limits = await self._room.context.limits.get()
        self._show()

    async def _ask_exactly(self, job: Editable) -> None:
        """The request itself knows what a record does not: excluded nodes, memory to the byte."""
        try:
            request = await self._room.actions.call("request_of", job=str(job.target.job.job_id))
        except JobshapeError:
            return
        if request is None or not self.is_attached:
            return
        exact = job._replace(shape=request.shape.over(job.shape))
        fresh = {one.name: one.text for one in form_fields(self._fields, [exact])}
        untouched = [name for name, text in self.texts.items() if text == self._begun[name]]
        self._jobs, self._begun = [exact], fresh
        for name in untouched:
            self.form.set_text(name, fresh[name])
        self._show()

    @on(EntryForm.Changed)
    def _typing(self) -> None:
        if self.texts == self._typed:  # what was typed before stands there again
            return
        self._refused.clear()
        self._show()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(ASK_AFTER_S, self._ask_start)

    def _ask_start(self) -> None:
        changes = self.reading.changes
        if not changes or self.reading.problems or self._asking is not None:
            return
        shape = changes[0].shape
        if shape not in self._starts:
            self._asking = shape
            self.run_worker(self._start_of(shape), group="start", exit_on_error=False)

    async def _start_of(self, shape: JobShape) -> None:
        try:
            start = await self._room.actions.call("earliest_start", request=start_request(shape))
            words = start_words(start, self._room.clock()) if isinstance(
                start, EarliestStart) else ""  # fmt: skip
        except JobshapeError as error:
            words = f"as a new job: {error.what}"
        self._starts[shape] = words
        self._asking = None
        self._show()

    @property
    def is_settled(self) -> bool:
        """Whether nothing is being asked."""
        return self._asking is None and self._site.limits is not None

    @property
    def has_start(self) -> bool:
        """Whether it was heard when a job as the form says would start."""
        return self._asking is None and self._shape() in self._starts

    # ------------------------------------------------------------------ what is shown

    def _show(self) -> None:
        if not self.is_attached:
            return
        self.reading = read_form(self._fields, self._begun, self.texts, self._jobs)
        bounds = self._site.bounds(self._shape())
        notes = {field.name: self._note(field.name, bounds) for field in self._fields}
        changed = {name for change in self.reading.changes for name in change.fields}
        self.form.show(notes, changed)
        self.query_one("#effect", Words).say(self._effect())
        self.query_one("#keys", Words).say(self._keys())

    def _shape(self) -> JobShape:
        """The shape of the first job as it would be."""
        first = self._jobs[0]
        found = [change.shape for change in self.reading.changes if change.job.key == first.key]
        return found[0] if found else first.shape

    def _note(self, name: str, bounds: Mapping[str, Bound]) -> Note:
        field = field_of(name)
        bound = bounds.get(name, Bound())
        value = getattr(self._shape(), name, None)
        touched = self.texts[name].strip() != self._begun[name]
        wrong = self._refused.get(name) or self.reading.problems.get(name, "")
        if not wrong and touched:
            wrong = excess(name, value, bound)
        was = ""
        if touched and name != ONLY.name:
            old = self._jobs[0].value(name)
            was = self._begun[name] or ("-" if len(self._jobs) == 1 and name != ONLY.name else "")
            now = show_value(field, value)
            if len(self._jobs) == 1 and now and now != self.texts[name].strip():
                was = f"{show_value(field, old)}, now {now}"
        here = self.form.current == name if self.form.is_attached else False
        said = words_of(name, bound) or (field.help if here else "")
        return Note(said, wrong, was, brief_of(name, bound))

    def _head(self) -> list[list[Piece]]:
        palette, glyphs = palette_of(self.app), self.glyphs
        running = sum(job.is_running for job in self._jobs)
        lines: list[list[Piece]] = []
        if running:
            text = "Running: only less walltime goes in place; the rest takes a new job."
            lines.append([(f"  {text}", palette.warning)])
        for reason, count in self._plan.left_out:
            words = f"  left out: {count_words(count, count)}, {reason}"
            lines.append([(clean(words, glyphs), palette.muted)])
        return [*lines, []] if lines else lines

    def _effect(self) -> list[list[Piece]]:
        palette, glyphs = palette_of(self.app), self.glyphs
        shape = self._shape()
        fits, room = self._room_words()
        lines: list[list[Piece]] = [[]]
        lines.append([(f"  {clean(room, glyphs)}", palette.text if fits else palette.warning)])
        waits = "asking when such a job would start" if self._asking else ""
        start = self._starts.get(shape, waits)
        lines.append([(f"  {clean(start, glyphs)}", palette.muted)])
        money = self._money()
        lines.append([(f"  {clean(money, glyphs)}", palette.muted)])
        if self._refused:
            words = clean(f"refused: {next(iter(self._refused.values()))}", glyphs)
            width = self.query_one("#effect").size.width
            return with_whole(lines, words, palette.failed, width)
        return lines

    def _room_words(self) -> tuple[bool, str]:
        """Whether there is room now for the job, or for how many of the jobs."""
        given = {change.job.key: change.shape for change in self.reading.changes}
        shapes = same_shapes([given.get(job.key, job.shape) for job in self._jobs])
        if len(shapes) == 1:
            return self._site.room(next(iter(shapes)))
        if len(shapes) > MANY_SHAPES:
            return True, f"{len(shapes)} different shapes"
        roomy = sum(count for shape, count in shapes.items() if self._site.room(shape)[0])
        return roomy > 0, f"there is room now for the shape of {roomy} of {len(self._jobs)} jobs"

    def _money(self) -> str:
        """What all the jobs cost together; of different shapes only where each is known."""
        prices = self._room.context.prices
        given = {change.job.key: change.shape for change in self.reading.changes}
        jobs = [(job.shape, given.get(job.key, job.shape), job.target.tasks) for job in self._jobs]
        return cost_words(jobs, prices)

    def _over(self) -> list[str]:
        """Which changed fields ask for more than is allowed, of any of the jobs."""
        found: dict[str, int] = {}
        for change in self.reading.changes:
            bounds = self._site.bounds(change.shape)
            for name in change.fields:
                words = excess(name, getattr(change.shape, name, None), bounds.get(name, Bound()))
                if words:
                    text = f"{field_of(name).title}: {words}"
                    found[text] = found.get(text, 0) + 1
        several = len(self.reading.changes) > 1
        return [f"{text} ({count} jobs)" if several else text for text, count in found.items()]

    def _keys(self) -> list[list[Piece]]:
        palette, reading = palette_of(self.app), self.reading
        ready = bool(reading.changes) and not reading.problems
        count = len({name for change in reading.changes for name in change.fields})
        what = f" review {count} change{'' if count == 1 else 's'}" if ready else " review"
        if reading.problems:
            what = " first mend what is red"
        return [[
            ("  Enter", palette.key if ready else palette.key_blocked), (what, palette.muted),
            ("   ^r", palette.key), (" as it was", palette.muted),
            ("   Esc", palette.key), (" leave", palette.muted),
            ("     +20%  x2  12G  2:30:00", palette.faint),
        ]]  # fmt: skip

    # ------------------------------------------------------------------ keys

    @on(EntryForm.Submitted)
    def _entered(self) -> None:
        self.action_review()

    def action_review(self) -> None:
        """Show what would be sent."""
        self._show()
        problems = self.reading.problems
        if problems:
            self.form.focus_on(next(iter(problems)))
            return
        if not self.reading.changes:
            self.query_one("#effect", Words).say(
                [[], [("  nothing is changed yet", palette_of(self.app).warning)], [], []]
            )
            return

        over = self._over()
        reviewed = self.reading.changes  # what is sent, whatever is heard meanwhile

        def answered(answer: str | None) -> None:
            if answer == REPLACE:
                self._ask_to_replace(reviewed)
            elif answer:
                self._leave_with(reviewed)

        self.app.push_screen(ReviewScreen(reviewed, over, self.glyphs), answered)

    def _ask_to_replace(self, reviewed: Sequence[Change]) -> None:
        """A running job is not ended unread, for a new one either."""
        targets = tuple(change.job.target for change in reviewed if change.again)

        def answered(yes: bool | None) -> None:
            if yes:
                self.replaces = True
                self._leave_with(reviewed)

        self.app.push_screen(
            ConfirmScreen(Plan("cancel", targets, ()), self._room.context), answered
        )

    def _leave_with(self, reviewed: Sequence[Change]) -> None:
        self.left = self.texts
        self.dismiss(reviewed)

    def action_reset(self) -> None:
        """Every field as it was."""
        for name, text in self._begun.items():
            self.form.set_text(name, text)

    def action_leave(self) -> None:
        """Leave everything as it is."""
        self.dismiss(None)
