"""What was done to jobs: each call is kept before it is sent, and what came back afterwards.

So a log of who did what is there even after a kill in between, and what can be undone is known.
"""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from jobshape.app.domain.entry import show_entry
from jobshape.app.domain.errors import (
    BadRequest,
    JobshapeError,
    NoSite,
    NotSent,
    NotSupported,
    Refused,
)
from jobshape.app.domain.request import JobChanges
from jobshape.app.domain.shape import FIELD_OF, JobShape

Outcome = Literal["asked", "done", "refused", "unknown"]
"""asked: sent, or about to be; refused: nothing was done; unknown: no answer came, so it may have
been done."""

METHODS: dict[str, str] = {
    "update": "change",
    "cancel": "cancel",
    "hold": "hold",
    "release": "release",
    "requeue": "requeue",
    "submit": "submit",
    "top": "top of queue",
    "suspend": "suspend",
    "resume": "resume",
}
"""A backend's method that changes something -> what people call it."""


@dataclass(frozen=True, slots=True)
class ActionEntry:
    """One call that will be made. ``arguments`` and ``before`` hold what JSON knows.

    Of an ``update`` both are fields of :class:`JobChanges`: what is set, and what was there.
    """

    method: str
    job: str = ""  # the reference the site is given; "": a submission
    title: str = ""  # for people: "memory 4G -> 8G"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)  # what an undo needs
    reason: str = ""  # why, as the person or a rule said
    batch: str = ""  # the same for all calls of one key press
    undoes: int | None = None  # the action that it takes back

    @property
    def words(self) -> str:
        """What it does, in a few words."""
        return self.title or METHODS.get(self.method, self.method)


@dataclass(frozen=True, slots=True)
class ActionRecord:
    """A call as it is kept. Times are seconds since the epoch."""

    id: int
    site: str
    user: str
    at: int
    entry: ActionEntry
    outcome: Outcome = "asked"
    words: str = ""  # the controller's own
    ended_at: int | None = None
    undone_by: int | None = None  # the action that took it back


class Ended(NamedTuple):
    """What became of an action that was kept."""

    id: int
    outcome: Outcome
    words: str = ""


class Begun(NamedTuple):
    """Actions that were kept before they are sent: their ids, in order.

    No ids: they are not kept, and ``note`` tells the person why; they are done all the same.
    """

    ids: tuple[int, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class SubmissionRecord:
    """A batch script that was or will be submitted, and everything to tell later what it was.

    Who submits gives what stands above ``id``; the history adds what stands below.
    """

    name: str
    script: str  # the text
    script_path: str = ""  # where it lay
    arguments: tuple[str, ...] = ()
    shape: JobShape = field(default_factory=JobShape)
    script_hash: str = ""
    configuration_hash: str = ""
    git_commit: str = ""
    git_dirty: bool | None = None  # whether the tree had changes; None: nobody knows
    reason: str = ""
    request: Mapping[str, Any] = field(default_factory=dict)  # as it is sent, without the script
    resubmitted_from: tuple[str, ...] = ()  # job references
    lifted: Mapping[str, str] = field(default_factory=dict)  # rule of a block -> why it was lifted
    batch: str = ""
    id: int = 0
    site: str = ""
    user: str = ""
    at: int = 0
    job_id: int | None = None  # of the array, for one
    outcome: Outcome = "asked"
    words: str = ""
    ended_at: int | None = None

    @property
    def title(self) -> str:
        """What is submitted, in a few words."""
        asked = [show_entry(FIELD_OF[name].kind, value) for name, value in self.shape.said()]
        what = f"resubmit {', '.join(self.resubmitted_from)}" if self.resubmitted_from else "submit"
        return " ".join([f"{what}: {self.name or self.script_path or 'a script'}", *asked])


NOTHING_DONE = (Refused, BadRequest, NotSupported, NoSite, NotSent)
"""Errors after which it is sure that nothing was done."""


def outcome_of(error: JobshapeError) -> Outcome:
    """What an error says of the action: where it is not sure that nothing was done, unknown."""
    return "refused" if isinstance(error, NOTHING_DONE) else "unknown"


def new_batch() -> str:
    """A name for all calls of one key press, unlike any other."""
    return secrets.token_hex(8)


def call_arguments(entry: ActionEntry) -> dict[str, Any]:
    """The arguments of the backend's method, by name."""
    if entry.method == "update":
        return {"job": entry.job, "changes": JobChanges(**entry.arguments)}
    return {"job": entry.job, **entry.arguments}


def words_of_changes(before: Mapping[str, Any], changes: Mapping[str, Any]) -> str:
    """Changed fields in words: ``memory a node 4G -> 8G, walltime 01:00:00 -> 02:00:00``."""
    return ", ".join(
        f"{_name_of(name)} {_shown(name, before.get(name))} -> {_shown(name, value)}"
        for name, value in changes.items()
        if value is not None
    )


def _name_of(name: str) -> str:
    known = FIELD_OF.get(name)
    if known is None:
        return name.replace("_", " ")
    title = known.title
    return title if title[1:2].isupper() else title[0].lower() + title[1:]


def _shown(name: str, value: Any) -> str:
    known = FIELD_OF.get(name)
    if value is None or value == "":
        return "-"
    return show_entry(known.kind, value) if known else str(value)


# --- batches --------------------------------------------------------------------------------


class Batch(NamedTuple):
    """All actions of one key press, in the order in which they were sent."""

    records: tuple[ActionRecord, ...]

    @property
    def key(self) -> str:
        """What tells it from all others."""
        first = self.records[0]
        return first.entry.batch or str(first.id)

    @property
    def at(self) -> int:
        """When it began."""
        return self.records[0].at

    @property
    def title(self) -> str:
        """What was done, in a few words; of several things the first and how many there are."""
        titles = list(dict.fromkeys(record.entry.words for record in self.records))
        return titles[0] if len(titles) == 1 else f"{titles[0]} and {len(titles) - 1} more"

    @property
    def outcomes(self) -> dict[Outcome, int]:
        """How many ended how; only what there is."""
        counts: dict[Outcome, int] = {}
        for record in self.records:
            counts[record.outcome] = counts.get(record.outcome, 0) + 1
        return counts


def batches_of(records: Iterable[ActionRecord]) -> list[Batch]:
    """The batches of records that come newest first, newest first."""
    gathered: dict[str, list[ActionRecord]] = {}
    for record in records:
        gathered.setdefault(record.entry.batch or str(record.id), []).append(record)
    return [Batch(tuple(reversed(some))) for some in gathered.values()]


# --- which jobs a reference names -----------------------------------------------------------


def leading_id(reference: str) -> int | None:
    """The number that a job reference begins with: 4 of ``4_7``; None of "" or what is none."""
    digits = reference.partition("_")[0].partition("+")[0]
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 18 else None


def touches(reference: str, job: str) -> bool:
    """Whether a call on ``reference`` concerns the job: itself, its array, or one of its tasks."""
    if reference == job:
        return True
    if leading_id(reference) is None or leading_id(reference) != leading_id(job):
        return False
    if "+" in reference and "+" in job:  # two components of a heterogeneous job
        return False
    of, tasks = _parts(reference), _parts(job)
    if not of or not tasks:
        return True
    return any(first <= last_ and first_ <= last for first, last in of for first_, last_ in tasks)


def _parts(reference: str) -> Sequence[tuple[int, int]]:
    """The tasks that a reference names, as spans; none: all of the array."""
    return tuple(_spans(reference.partition("_")[2].partition("%")[0].strip("[]")))


def _spans(text: str) -> Iterator[tuple[int, int]]:
    for part in text.split(","):
        first, _, last = part.partition(":")[0].partition("-")
        if first.isdecimal():
            yield int(first), int(last) if last.isdecimal() else int(first)
