"""What was sent again before, and what became of it: nothing is sent twice. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from jobshape.app.domain.action import SubmissionRecord, leading_id
from jobshape.app.domain.array_tasks import TaskSet
from jobshape.app.domain.job import Job
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.resubmit.het import whole_state

JUST_NOW_S = 120
"""So long a submission may be under way, and a new job not be seen yet."""

CLOCKS_APART_S = 60
DEEPEST = 50

StateOf = Callable[[int, int | None], str]
"""The state of a job, or of an array's task; "" where nobody knows."""


class QueueStates:
    """States in one reading of the queue, by job and by task."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._by_id: dict[int, str] = {}
        self._by_task: dict[tuple[int, int], str] = {}
        self._waiting: dict[int, list[tuple[frozenset[int], str]]] = defaultdict(list)
        self._of_het: dict[int, list[str]] = defaultdict(list)
        self._jobs: list[Job] = []
        for job in jobs:
            self._jobs.append(job)
            self._by_id[job.job_id] = job.state
            if job.het_job_id is not None:
                self._of_het[job.het_job_id].append(job.state)
            if job.array_job_id is None:
                continue
            if job.array_tasks:
                with suppress(ValueError):
                    tasks = frozenset(TaskSet.parse(job.array_tasks.partition("%")[0]))
                    self._waiting[job.array_job_id].append((tasks, job.state))
            elif job.array_task_id is not None:
                self._by_task[job.array_job_id, job.array_task_id] = job.state

    def state(self, job_id: int, task: int | None) -> str:
        """A state; "" where the queue has no such job. Of a het job's leader that of all of it."""
        if task is None and job_id in self._of_het:
            return whole_state(self._of_het[job_id])
        if task is None:
            return self._by_id.get(job_id, "")
        known = self._by_task.get((job_id, task))
        if known is None:
            known = next((s for tasks, s in self._waiting.get(job_id, ()) if task in tasks), None)
        return known or ""

    def plain_state(self, job_id: int) -> str:
        """The state of a job that is part of no array; "" where the queue has none."""
        found = (job for job in self._jobs if job.job_id == job_id and job.array_job_id is None)
        return next((job.state for job in found), "")

    def named_since(self, name: str, since: int) -> Job | None:
        """A job of that name submitted since then that is not over."""
        return next(
            (job for job in self._jobs if job.name == name and (job.submit_time or 0) >= since
             and phase_of(job.state) in (Phase.WAITING, Phase.RUNNING)),
            None,
        )  # fmt: skip


class SentAgain:
    """What history says was sent again of jobs."""

    def __init__(
        self, submissions: Sequence[SubmissionRecord], queue: QueueStates, state_of: StateOf,
        now: float, chosen: Iterable[Job] = (), *, by_itself: bool = False,
    ) -> None:  # fmt: skip
        self._by_itself = by_itself
        self._queue, self._state_of, self._now = queue, state_of, now
        self._chosen = {_names(job) for job in chosen}
        self._heirs: dict[int, list[tuple[frozenset[int] | None, SubmissionRecord]]] = defaultdict(
            list
        )
        for one in sorted(submissions, key=lambda one: (one.at, one.id), reverse=True):
            if one.outcome != "refused":
                for reference in one.resubmitted_from:
                    job_id = leading_id(reference)
                    if job_id is not None:
                        self._heirs[job_id].append((tasks_of(reference), one))

    def against(self, job: Job) -> str:
        """Why a job is not sent again: it was before, and that one is not lost."""
        job_id, task = _names(job)
        found = self._follow(job_id, task, job.submit_time or 0, 0)
        if not found and job.job_id != job_id:  # it may have been named by its own id
            found = self._follow(job.job_id, None, job.submit_time or 0, 0)
        return found

    def _follow(self, job_id: int, task: int | None, since: int, depth: int) -> str:
        if depth > DEEPEST:
            return ""
        for tasks, one in self._heirs.get(job_id, ()):
            covers = tasks is None or (task is not None and task in tasks)
            if not covers or one.at < since - CLOCKS_APART_S:  # an older job had this id
                continue
            found = self._of(one, task, depth)
            if found:
                return found
        return ""

    def _of(self, one: SubmissionRecord, task: int | None, depth: int) -> str:
        if one.job_id is None:
            return self._unanswered(one)
        state = self._state_of(one.job_id, task)
        phase = phase_of(state)
        named = f"sent again already as {one.job_id}"
        if phase is Phase.WAITING:
            return f"{named}: queued"
        if phase is Phase.RUNNING:
            return f"{named}: running"
        if phase is Phase.DONE:
            return f"{named}: completed"
        if not state:
            is_new = self._now - one.at < JUST_NOW_S
            return f"{named}: just now" if is_new else f"{named}: its end is not known"
        later = self._follow(one.job_id, task, one.at, depth + 1)
        if later:
            return later
        return f"{named}, which is chosen, too" if (one.job_id, task) in self._chosen else ""

    def _unanswered(self, one: SubmissionRecord) -> str:
        if one.outcome == "done":
            return ""
        if one.outcome == "asked" and self._now - one.at < JUST_NOW_S:
            return "is being sent again right now"
        if self._by_itself:  # it may have been sent, and ended since: only a person can tell
            return "no answer came when it was sent again: look first"
        job = self._queue.named_since(one.name, one.at - CLOCKS_APART_S)
        return f"sent again already without an answer: {job.label} may be it" if job else ""


def tasks_of(reference: str) -> frozenset[int] | None:
    """The tasks that a reference names; None for a whole job or array."""
    _, is_task, text = reference.partition("_")
    if not is_task:
        return None
    try:
        return frozenset(TaskSet.parse(text.strip("[]").partition("%")[0]))
    except ValueError:
        return frozenset()


def _names(job: Job) -> tuple[int, int | None]:
    if job.array_job_id is not None and job.array_task_id is not None:
        return job.array_job_id, job.array_task_id
    return job.job_id if job.het_job_id is None else job.het_job_id, None
