"""From what was typed into a form to the changes of each job, before anything is sent."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, NamedTuple

from jobshape.app.board.asked import asked_shape
from jobshape.app.domain.action import ActionEntry, words_of_changes
from jobshape.app.domain.array_tasks import TaskSet
from jobshape.app.domain.entry import BadEntry, read_entry, show_entry
from jobshape.app.domain.job import UNLIMITED, Job
from jobshape.app.domain.shape import FIELD_OF, SHAPE_FIELDS, JobShape, ShapeField
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.text import sanitize
from jobshape.screens.acting import Target
from jobshape.widgets.entry_form import FormField

THROTTLE = ShapeField(
    "array_throttle", "Tasks at once", "array", "count", "0: as many as there are"
)
"""Of an array; no part of a shape, which names the tasks with it."""

ONLY = ShapeField("only", "Only tasks", "array", "text", "3,5-7: the others stay as they are")
"""Of a waiting array: which of its tasks are meant."""

CLEARABLE = frozenset({"features", "exclude_nodes"})
"""Fields that an empty text takes away; an empty one of the others is a mistake."""

NO_GPUS = "0"


class Editable(NamedTuple):
    """A job to be changed, and what it asks for now."""

    target: Target
    shape: JobShape
    throttle: int | None = None  # None: no array; 0: no limit

    @property
    def key(self) -> int:
        """What tells its record from others."""
        return self.target.job.job_id

    @property
    def is_running(self) -> bool:
        """Whether it has started, after which hardly anything can be changed in place."""
        return phase_of(self.target.job.state) is Phase.RUNNING

    def value(self, name: str) -> Any:
        """What stands in a field now."""
        return self.throttle if name == THROTTLE.name else getattr(self.shape, name)


class Change(NamedTuple):
    """What one job gets: field -> (old, new). ``again``: what only a new submission can give it."""

    job: Editable
    fields: Mapping[str, tuple[Any, Any]]
    again: frozenset[str] = frozenset()

    @property
    def in_place(self) -> dict[str, tuple[Any, Any]]:
        """The fields that are changed where the job stands."""
        return {name: pair for name, pair in self.fields.items() if name not in self.again}

    @property
    def shape(self) -> JobShape:
        """The shape it gets."""
        given = {name: new for name, (_, new) in self.fields.items() if name in FIELD_OF}
        return replace(self.job.shape, **given)


class Reading(NamedTuple):
    """What the texts of a form mean. ``problems``: field -> what cannot be read."""

    changes: tuple[Change, ...]
    problems: Mapping[str, str]


def editable(target: Target) -> Editable:
    """A job as its record has it."""
    job = target.job
    return Editable(target, asked_shape(job), _throttle(job))


def _throttle(job: Job) -> int | None:
    if not job.array_tasks:
        return None
    limit = job.array_tasks.partition("%")[2]
    return int(limit) if limit.isdigit() else 0


def fields_for(jobs: Sequence[Editable], *, has_accounts: bool) -> list[ShapeField]:
    """The fields that make sense for these jobs."""
    left_out = {"array"} if has_accounts else {"array", "account", "qos"}
    fields = [field for field in SHAPE_FIELDS if field.name not in left_out]
    if any(job.throttle is not None for job in jobs):
        return [*fields, THROTTLE, ONLY]
    return fields


def form_fields(fields: Sequence[ShapeField], jobs: Sequence[Editable]) -> list[FormField]:
    """The form as it begins: a value that all jobs share, else how much they differ."""
    found: list[FormField] = []
    for field in fields:
        if field == ONLY:
            found.append(FormField(field.name, field.title, "", "all that wait"))
            continue
        texts = _begin(field, [job.value(field.name) for job in jobs])
        found.append(FormField(field.name, field.title, *map(sanitize, texts)))
    return found


def _begin(field: ShapeField, values: Sequence[Any]) -> tuple[str, str]:
    """The text of a field and what stands in it faintly while it is empty."""
    different = list(dict.fromkeys(values))
    if len(different) == 1:
        return show_value(field, different[0]), ""
    numbers = [value for value in different if isinstance(value, int) and value != UNLIMITED]
    if len(numbers) == len(different):
        low, high = min(numbers), max(numbers)
        return "", f"{show_value(field, low)} to {show_value(field, high)}"
    return "", f"{len(different)} values"


def show_value(field: ShapeField, value: Any) -> str:
    """A value as it stands in its field."""
    if field.kind == "gpus" and value == NO_GPUS:
        return NO_GPUS
    return show_entry(field.kind, value)


def read_form(
    fields: Sequence[ShapeField], begun: Mapping[str, str], texts: Mapping[str, str],
    jobs: Sequence[Editable],
) -> Reading:  # fmt: skip
    """What the texts change of each job. A text that is as it began changes nothing."""
    problems: dict[str, str] = {}
    wanted: dict[int, dict[str, tuple[Any, Any]]] = {}
    wrong: dict[str, list[tuple[str, str]]] = {}  # field -> which jobs, and what is wrong
    jobs = _only(texts.get(ONLY.name, "").strip(), jobs, problems)
    for field in fields:
        text = texts[field.name].strip()
        if field == ONLY or text == begun[field.name]:
            continue
        for number, job in enumerate(jobs):
            old = job.value(field.name)
            if field.name == THROTTLE.name and old is None:
                continue  # no array
            try:
                new = _read(field, text, old)
            except BadEntry as error:
                wrong.setdefault(field.name, []).append((job.target.reference, str(error)))
                continue
            if new != old:
                wanted.setdefault(number, {})[field.name] = (old, new)
    changes = tuple(
        Change(jobs[number], pairs, _only_again(jobs[number], pairs))
        for number, pairs in sorted(wanted.items())
    )
    problems |= {name: _told(found, len(jobs)) for name, found in wrong.items()}
    return Reading(changes, problems)


def _told(wrong: Sequence[tuple[str, str]], count: int) -> str:
    """What is wrong with a text; of which jobs, where others could take it."""
    reference, words = wrong[0]
    if len(wrong) == count:
        return words
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f"{reference}{more}: {words}"


def _only(text: str, jobs: Sequence[Editable], problems: dict[str, str]) -> Sequence[Editable]:
    """The jobs, of arrays only these tasks; what names none of them is a problem."""
    if not text:
        return jobs
    try:
        wanted = TaskSet.parse(text)
    except ValueError as error:
        problems[ONLY.name] = f"write 3,5-7: {error}"
        return jobs
    found: list[Editable] = []
    for job in jobs:
        tasks = job.target.job.array_tasks.partition("%")[0]
        if not tasks:
            found.append(job)
            continue
        with suppress(ValueError):
            meant = TaskSet(task for task in TaskSet.parse(tasks) if task in wanted)
            if meant:
                reference = f"{job.target.job.array_job_id}_[{meant}]"
                target = job.target._replace(reference=reference, tasks=len(meant))
                found.append(job._replace(target=target))
    if not found:
        problems[ONLY.name] = "none of these tasks waits"
    return found


def _read(field: ShapeField, text: str, old: Any) -> Any:
    if not text:
        if field.name in CLEARABLE:
            return "" if old else None
        raise BadEntry(f"write a value: {field.help}")
    if field.name == THROTTLE.name and text in ("0", "none", "unlimited"):
        return 0
    value = read_entry(field.kind, text, old)
    if field.name == "gpus" and value == NO_GPUS and old is None:
        return None
    return value


def _only_again(job: Editable, pairs: Mapping[str, tuple[Any, Any]]) -> frozenset[str]:
    """Of a running job: everything but a shorter walltime and how many tasks run at once."""
    if not job.is_running:
        return frozenset()
    return frozenset(
        name for name, (old, new) in pairs.items()
        if not (name == THROTTLE.name or (name == "time_limit_s" and _is_shorter(old, new)))
    )  # fmt: skip


def _is_shorter(old: Any, new: Any) -> bool:
    return new != UNLIMITED and (old in (None, UNLIMITED) or new < old)


def entry_of(change: Change, batch: str) -> ActionEntry | None:
    """The action that makes the changes in place; None if there are none."""
    pairs = change.in_place
    if not pairs:
        return None
    before = {name: NO_GPUS if name == "gpus" and old is None else old
              for name, (old, _) in pairs.items()}  # fmt: skip
    after = {name: new for name, (_, new) in pairs.items()}
    reference, title = change.job.target.reference, words_of_changes(before, after)
    return ActionEntry("update", reference, title, after, before, batch=batch)


def field_of(name: str) -> ShapeField:
    """A field by its name."""
    return {THROTTLE.name: THROTTLE, ONLY.name: ONLY}.get(name) or FIELD_OF[name]
