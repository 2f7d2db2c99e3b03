"""What a job waits for and who waits for it, as rows of a tree, out of the board's records.

Slurm tells of a dependency only what is not met yet, so a tree shows what is still to come.
Source: sbatch(1), --dependency; squeue(1), %E: ``afterok:12(unfulfilled),after:13_4+5(failed)``,
a ``?`` in place of a comma where any one will do.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal, NamedTuple

from jobshape.app.board.arrays import NO_COUNTS, Counts, counts_of
from jobshape.app.board.board import Board, Watch
from jobshape.app.domain.job import Job
from jobshape.app.domain.states import Phase, is_finished, phase_of

MOST_CHILDREN = 40
"""Branches shown of one job; how many more there are is told."""

MOST_ROWS, MOST_DEPTH = 400, 24
"""Where a tree ends, however large the graph is."""

_CONDITION = re.compile(
    r"(?P<kind>[a-z]+)(?::(?P<jobs>[0-9_*+:]+))?(?:\((?P<state>[a-z_ ]*)\))?", re.IGNORECASE
)
_REFERENCE = re.compile(r"(?P<job>[0-9]{1,12})(?:_(?P<task>[0-9]{1,9}|\*))?(?:\+[0-9]{1,9})?")
_NAMED = re.compile(r":([0-9]{1,12})")
_JOBS_AT_ONCE = 500
SINGLETON = "singleton"
NEVER = "DependencyNeverSatisfied"

Direction = Literal["up", "down"]


class Condition(NamedTuple):
    """One thing that is waited for. ``state`` is Slurm's word: unfulfilled, failed, ""."""

    kind: str  # afterok, afterany, ..., singleton
    job_id: int  # 0 of a singleton, which names none
    task: str  # "" for the whole job; a number; "*" for all of an array
    state: str


class Dependency(NamedTuple):
    """The conditions, of which all or (``any_will_do``) one must be met."""

    conditions: tuple[Condition, ...]
    any_will_do: bool
    unread: str = ""  # a text that was not understood, as it was


NO_DEPENDENCY = Dependency((), False)


def parse_dependency(text: str) -> Dependency:
    """The conditions of a text; one that is not understood is kept as it is."""
    if not text:
        return NO_DEPENDENCY
    any_will_do = "?" in text
    found: list[Condition] = []
    unread: list[str] = []
    for part in re.split("[,?]", text):
        match = _CONDITION.fullmatch(part.strip())
        conditions = list(_conditions(match)) if match else []
        found += conditions
        if not conditions and part.strip():
            unread.append(part.strip())
    return Dependency(tuple(found), any_will_do, ", ".join(unread))


def _conditions(match: re.Match[str]) -> Iterator[Condition]:
    kind, state = match["kind"].lower(), (match["state"] or "").lower()
    if kind == SINGLETON:
        yield Condition(kind, 0, "", state)
    for reference in (match["jobs"] or "").split(":"):
        one = _REFERENCE.fullmatch(reference)
        if one:
            yield Condition(kind, int(one["job"]), one["task"] or "", state)


class TreeRow(NamedTuple):
    """One line of the tree.

    ``job`` is None where the board holds no record; ``label`` then says what was named. ``counts``
    are tasks by phase where the line stands for an array. ``more`` counts branches left out: such
    a line has nothing else.
    """

    depth: int  # 1 for what hangs on the job itself
    last: tuple[bool, ...]  # for each depth up to its own: whether it is the last branch there
    kind: str  # the condition between this job and the one above
    label: str
    job: Job | None
    counts: Counts = NO_COUNTS
    never: str = ""  # why the condition cannot be met any more
    note: str = ""
    more: int = 0


class DependencyGraph:
    """The dependencies among the jobs of a board; once read, only what changed is read again.

    Drop it when nobody looks: it keeps a journal of the board.
    """

    def __init__(self, board: Board) -> None:
        self._board = board
        self._watch: Watch | None = None
        self._is_read = False
        self._followers: dict[int, set[int]] = {}
        self._singletons: dict[tuple[str, str], set[int]] = {}

    def refresh_steps(self) -> Iterator[None]:
        """Read what changed on the board, in steps of a few ms (all of 100,000 jobs: 0.2 s)."""
        if self._watch is None or not self._is_read:
            self._watch = self._board.watch()
            self._followers, self._singletons = {}, {}
            for number, job in enumerate(list(self._board.jobs.values()), start=1):
                self._change(job, set.add)
                if number % _JOBS_AT_ONCE == 0:
                    yield
            self._is_read = True
        for job_id, old in self._watch.take().items():
            if old is not None:
                self._change(old, set.discard)
            new = self._board.jobs.get(job_id)
            if new is not None:
                self._change(new, set.add)

    def _change(self, job: Job, change: Callable[[set[int], int], None]) -> None:
        if not job.dependency:
            return
        for number in _NAMED.findall(job.dependency):
            change(self._followers.setdefault(int(number), set()), job.job_id)
        if SINGLETON in job.dependency:
            change(self._singletons.setdefault((job.user, job.name), set()), job.job_id)

    def waits(self, job: Job) -> Dependency:
        """What the job itself waits for."""
        return parse_dependency(job.dependency)

    def rows(self, job: Job, direction: Direction) -> list[TreeRow]:
        """The tree above (what it waits for) or below (who waits for it), top to bottom."""
        rows: list[TreeRow] = []
        self._grow(job, direction, (), {job.job_id}, rows)
        return rows

    def _grow(
        self, job: Job, direction: Direction, last: tuple[bool, ...], seen: set[int],
        rows: list[TreeRow],
    ) -> None:  # fmt: skip
        branches = self._above(job) if direction == "up" else self._below(job)
        shown, left = branches[:MOST_CHILDREN], len(branches) - MOST_CHILDREN
        for number, row in enumerate(shown):
            if len(rows) >= MOST_ROWS:
                left = len(branches) - number
                break
            is_last = number == len(shown) - 1 and left <= 0
            here = (*last, is_last)
            known = row.job is not None and row.job.job_id in seen
            if known:
                row = row._replace(note="shown already")
            rows.append(row._replace(depth=len(here), last=here))
            if row.job is None or known:
                continue
            seen.add(row.job.job_id)
            if len(here) < MOST_DEPTH:
                self._grow(row.job, direction, here, seen, rows)
        if left > 0:
            rows.append(TreeRow(len(last) + 1, (*last, True), "", "", None, more=left))

    def _above(self, job: Job) -> list[TreeRow]:
        rows: list[TreeRow] = []
        dependency = self.waits(job)
        for condition in dependency.conditions:
            if condition.kind == SINGLETON:
                rows += self._same_name(job)
            else:
                rows.append(self._target(condition))
        if job.reason == NEVER and not any(row.never for row in rows):
            rows = [row._replace(never="never met, says Slurm") for row in rows]
        return rows

    def _same_name(self, job: Job) -> list[TreeRow]:
        """What a singleton waits for: earlier jobs of its name and user."""
        rows = [
            TreeRow(0, (), SINGLETON, other.label, other, counts_of(other))
            for other in self._board.jobs.values()
            if other.name == job.name and other.user == job.user
            and other.job_id < job.job_id and not is_finished(other.state)
        ]  # fmt: skip
        return rows or [TreeRow(0, (), SINGLETON, "jobs of the same name", None)]

    def _target(self, condition: Condition) -> TreeRow:
        """What a condition names."""
        job, counts = self._find(condition)
        label = f"{condition.job_id}_{condition.task}" if condition.task else str(condition.job_id)
        if job is not None and not condition.task:
            label = f"{condition.job_id}_[...]" if counts.total > 1 else job.label
        never = ""
        if condition.state == "failed" or (job is not None and counts.total <= 1):
            never = why_never(condition, job)
        note = "" if job is not None else "not on the list (it left the queue, or is another's)"
        return TreeRow(0, (), condition.kind, label, job, counts, never, note)

    def _find(self, condition: Condition) -> tuple[Job | None, Counts]:
        """The record a condition means, of an array one that stands for it, and its counts."""
        jobs, job_id = self._board.jobs, condition.job_id
        family = self._board.arrays.get(job_id)
        if family is None:
            job = jobs.get(job_id)
            return job, counts_of(job) if job else NO_COUNTS
        records = [jobs[one] for one in sorted(family.job_ids) if one in jobs]
        if condition.task.isdigit():
            number = int(condition.task)
            one = next((job for job in records if job.array_task_id == number), None)
            one = one or next((job for job in records if job.array_tasks), None)
            return one, counts_of(one._replace(array_tasks="")) if one else NO_COUNTS
        return (records[0] if records else None), family.tally.counts

    def _below(self, job: Job) -> list[TreeRow]:
        rows = []
        for condition, job_id in self._followers_of(job):
            follower = self._board.jobs.get(job_id)
            if follower is None:
                continue
            never = why_never(condition, job) if follower.reason == NEVER else ""
            if follower.reason == NEVER and not never:
                never = "never met, says Slurm"
            rows.append(TreeRow(0, (), condition.kind, follower.label, follower,
                                counts_of(follower), never))  # fmt: skip
        return rows

    def _followers_of(self, job: Job) -> list[tuple[Condition, int]]:
        found = []
        for job_id in sorted(self._followers.get(job.job_id, ())):
            found += self._conditions_on(job_id, job.job_id, None)
        if job.array_job_id not in (None, job.job_id):
            for job_id in sorted(self._followers.get(job.array_job_id or 0, ())):
                found += self._conditions_on(job_id, job.array_job_id or 0, job.array_task_id)
        if not is_finished(job.state):
            same = self._singletons.get((job.user, job.name), ())
            later = sorted(one for one in same if one > job.job_id)
            found += [(Condition(SINGLETON, 0, "", ""), one) for one in later]
        return found

    def _conditions_on(
        self, follower: int, job_id: int, task: int | None
    ) -> list[tuple[Condition, int]]:
        """What a job asks of another one, or of one task of it."""
        record = self._board.jobs.get(follower)
        if record is None:
            return []
        wanted = ("", "*", str(task)) if task is not None else None
        return [
            (condition, follower)
            for condition in self.waits(record).conditions
            if condition.job_id == job_id and (wanted is None or condition.task in wanted)
        ]


_WANTED: Mapping[str, frozenset[Phase]] = {
    "afterok": frozenset({Phase.DONE}),
    "aftercorr": frozenset({Phase.DONE}),
    "afternotok": frozenset({Phase.FAILED, Phase.CANCELLED}),
}
"""How the other job must end; the other kinds take any end."""
_WORDS = {"afterok": "complete", "aftercorr": "complete", "afternotok": "fail"}


def why_never(condition: Condition, job: Job | None) -> str:
    """Why a condition cannot be met any more; "" while it can."""
    wanted = _WANTED.get(condition.kind)
    if job is not None and wanted is not None and is_finished(job.state):
        if phase_of(job.state) not in wanted:
            return f"never met: it had to {_WORDS[condition.kind]}"
        return ""
    return "never met, says Slurm" if condition.state == "failed" else ""
