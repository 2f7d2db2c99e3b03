"""Whether what a job waits for has come: conditions judged by the queue and what came before it."""

from collections.abc import Mapping, Sequence

from jobshape.app.backends.local.dependencies import (
    PROBLEM,
    SINGLETON,
    Condition,
    Dependency,
    Verdict,
)
from jobshape.app.backends.local.record import ACTIVE, PENDING, LocalJob
from jobshape.app.backends.local.store import Store
from jobshape.app.domain.array_tasks import TaskSet
from jobshape.app.domain.errors import Refused

_DONE = "COMPLETED"


class Judge:
    """Judges conditions. What it is given but the store is the queue's own, always up to date.

    named: of each name the ids of its jobs, in order.
    """

    def __init__(
        self, store: Store, jobs: Mapping[int, LocalJob], tasks: Mapping[int, TaskSet],
        named: Mapping[str, Sequence[int]],
    ) -> None:  # fmt: skip
        self._store = store
        self._jobs = jobs
        self._tasks = tasks
        self._named = named

    def check(self, dependency: Dependency, job_id: int, others: Mapping[int, Dependency]) -> None:
        """Raises Refused where a job is not there, or would wait for itself."""
        for condition in dependency.conditions:
            if condition.kind == SINGLETON:
                continue
            job = self._job(condition.job_id)
            task = condition.task_id
            if job is None or (task is not None and not self._has_task(job, task)):
                raise Refused(PROBLEM, where=str(condition), hint="there is no such job")
        if job_id and self._leads_to(dependency, job_id, others):
            raise Refused(PROBLEM, where=f"job {job_id}", hint="it would wait for itself")

    def verdict(
        self, condition: Condition, job: LocalJob, now: float
    ) -> tuple[Verdict, float | None]:
        """How a condition stands, and when to look again if time alone will tell."""
        if condition.kind == SINGLETON:
            return (Verdict.WAITING if self._has_forerunner(job) else Verdict.FULFILLED), None
        states = self._states(condition, job)
        if condition.kind == "after":
            return self._after(condition, states, now)
        active = any(state in ACTIVE for state in states)
        failed = any(state not in ACTIVE and state != _DONE for state in states)
        if condition.kind in ("afterok", "aftercorr"):
            if failed:
                return Verdict.FAILED, None
        elif condition.kind == "afternotok" and not active and not failed:
            return Verdict.FAILED, None
        return (Verdict.WAITING if active else Verdict.FULFILLED), None

    def task_of(self, condition: Condition, job: LocalJob) -> int | None:
        """The one task of an array that a job's condition is about; None for all it names."""
        other = self._job(condition.job_id)
        if other is None or other.array_id != other.id:
            return None
        if condition.task_id is None and condition.kind == "aftercorr":
            return job.task_id
        return condition.task_id

    def _has_forerunner(self, job: LocalJob) -> bool:
        """Whether a job of its name, but not of its array, came before it and is not over."""
        for other_id in self._named.get(job.name, ()):
            if other_id >= job.id:
                return False
            array_id = self._jobs[other_id].array_id
            if array_id is None or array_id != job.array_id:
                return True
        return False

    def _after(
        self, condition: Condition, states: set[str], now: float
    ) -> tuple[Verdict, float | None]:
        if PENDING in states:
            return Verdict.WAITING, None
        started = self._store.latest_start(condition.job_id) or 0.0
        if started + condition.delay_s > now:
            return Verdict.WAITING, started + condition.delay_s
        return Verdict.FULFILLED, None

    def _states(self, condition: Condition, job: LocalJob) -> set[str]:
        """The states of all that a condition names; of a job long forgotten, that it is done."""
        other = self._job(condition.job_id)
        if other is None:
            return {_DONE}
        task = condition.task_id
        if task is None and condition.kind == "aftercorr" and job.task_id is not None:
            task = job.task_id if other.array_id is not None else None
            if task is not None and not self._has_task(other, task):
                return {"CANCELLED"}  # the task that it belongs to will never be
        if other.array_id != other.id:
            return {other.state}
        if task is None:
            return set(self._store.counts(other.id))
        if task in self._tasks.get(other.id, ()):
            return {PENDING}
        if other.task_id == task:
            return {other.state}
        return {self._store.task_state(other.id, task) or other.state}

    def _has_task(self, array: LocalJob, task: int) -> bool:
        return (
            task in self._tasks.get(array.id, ())
            or array.task_id == task
            or bool(self._store.task_state(array.array_id or array.id, task))
            or (bool(array.array_tasks) and task in TaskSet.parse(array.array_tasks))
        )

    def _job(self, job_id: int) -> LocalJob | None:
        return self._jobs.get(job_id) or self._store.job(job_id)

    def _leads_to(
        self, dependency: Dependency, job_id: int, others: Mapping[int, Dependency]
    ) -> bool:
        left, seen = [dependency], set[int]()
        while left:
            for condition in left.pop().conditions:
                at = condition.job_id
                if at == job_id:
                    return True
                if at and at not in seen and at in others:
                    seen.add(at)
                    left.append(others[at])
        return False
