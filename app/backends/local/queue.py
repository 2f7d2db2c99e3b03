"""The supervisor's queue: the active jobs in memory, indexed, every change written through.

All methods run inside the store's transaction. When that fails nothing of it is true, and
:meth:`Queue.load` reads all anew.
"""

import heapq
import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from jobshape.app.backends.local.dependencies import (
    SINGLETON,
    Condition,
    Dependency,
    Verdict,
    parse_dependency,
)
from jobshape.app.backends.local.judging import Judge
from jobshape.app.backends.local.machine import Machine
from jobshape.app.backends.local.record import (
    ACTIVE,
    NEVER,
    PENDING,
    RUNNING,
    WAITING,
    LocalJob,
)
from jobshape.app.backends.local.standing import MISFIT, rank_of, why_waiting
from jobshape.app.backends.local.store import Store
from jobshape.app.backends.local.waiters import Waiters
from jobshape.app.domain.array_tasks import TaskSet

_STANDING = ("reason", "message", "dependency_shown", "dependency_state", "eligible_time")


class Queue:
    """Jobs that are not over, by id; those that may start, in order."""

    def __init__(self, store: Store, machine: Machine) -> None:
        self.store = store
        self.machine = machine
        self.jobs: dict[int, LocalJob] = {}
        self._clear()

    def _clear(self) -> None:
        self.jobs.clear()
        self._partitions = {one.name: one for one in self.machine.partitions}
        self._in_use: dict[int, LocalJob] = {}
        self._ready: list[tuple[float, int]] = []
        self._ranks: dict[int, float] = {}
        self._gpu_jobs: set[int] = set()
        self._alarms: list[tuple[float, int]] = []
        self._dependencies: dict[int, Dependency] = {}
        self._waiters = Waiters(self.jobs)
        self._named: dict[str, list[int]] = {}  # the jobs of each name, by id
        self._tasks: dict[int, TaskSet] = {}
        self._running: dict[int, int] = {}
        self._pending_of: dict[int, set[int]] = {}
        self._judge = Judge(self.store, self.jobs, self._tasks, self._named)
        self.changed = True  # since the last pass of the scheduler

    def load(self, now: float) -> None:
        """Read it from disk."""
        self._clear()
        for job in self.store.active():
            self._index(job)
        for job in list(self.jobs.values()):
            if job.state == PENDING:
                self.judge(job, now)

    def use(self, machine: Machine, now: float) -> None:
        """Go on with a machine that was described anew."""
        self.machine = machine
        self.load(now)

    def add(self, job: LocalJob, now: float) -> None:
        """A new pending job."""
        self._stand(job, now)  # before it is written, so that most need no second writing
        self.store.insert(job)
        if job.array_tasks:
            job.array_id = job.id
            self.store.update(job, "array_id")
        self._index(job)
        self.judge(job, now)

    def check_dependency(self, text: str, job_id: int = 0) -> None:
        """Raises Refused for a dependency on what is not there, or on itself in the end."""
        if text:
            self._judge.check(parse_dependency(text), job_id, self._dependencies)

    def tasks(self, job: LocalJob) -> TaskSet:
        """The tasks of an array's record that are not split off."""
        return self._tasks[job.id]

    def ready(self) -> Iterator[tuple[LocalJob, int]]:
        """Jobs that may start, the first in line first, each with how many of its tasks may."""
        room: dict[int, int] = {}  # of arrays with a % limit, whose tasks may stand in many records
        for _, job_id in self._ready:
            job = self.jobs[job_id]
            count = len(self._tasks[job_id]) if job.array_tasks else 1
            if job.throttle and job.array_id is not None:
                left = room.get(job.array_id, job.throttle - self._running.get(job.array_id, 0))
                count = max(0, min(count, left))
                room[job.array_id] = left - count
            if count > 0:
                yield job, count

    def in_use(self) -> list[LocalJob]:
        """Jobs that have slots."""
        return list(self._in_use.values())

    @property
    def gpu_jobs_ready(self) -> bool:
        """Whether a job that may start needs a GPU."""
        return bool(self._gpu_jobs)

    def has_work(self) -> bool:
        """Whether anything runs, or is pending and may start one day by itself."""
        return bool(self._in_use) or any(
            not (job.held or job.dependency_state == NEVER or job.reason == MISFIT)
            for job in self.jobs.values()
        )

    def named(self) -> set[int]:
        """The jobs and arrays that a job which is not over depends on, whatever became of them."""
        return {
            condition.job_id
            for job in self.jobs.values()
            if job.dependency
            for condition in parse_dependency(job.dependency).conditions
        }

    def next_alarm(self) -> float | None:
        """When a job's begin time, or the like, comes."""
        return self._alarms[0][0] if self._alarms else None

    def ring(self, now: float) -> None:
        """Judge the jobs anew whose time has come."""
        while self._alarms and self._alarms[0][0] <= now:
            job = self.jobs.get(heapq.heappop(self._alarms)[1])
            if job is not None and job.state == PENDING:
                self.judge(job, now)

    def start(self, job: LocalJob, now: float, gpu_ids: Iterable[int]) -> LocalJob:
        """Give a job, or the first task of an array, its slots; gives the record that has them."""
        if job.array_tasks:
            job = self.split(job, self._tasks[job.id].first(), now)
        self._leave_ready(job)
        self._in_use[job.id] = job
        job.state, job.reason, job.message = RUNNING, "", ""
        job.attempt += 1
        job.start_time, job.end_time = now, None
        job.eligible_time = job.eligible_time or now
        job.gpu_ids = ",".join(map(str, gpu_ids))
        job.retry_time = None
        job.peak_bytes = job.cpu_s = job.gpu_peak_bytes = job.gpu_percent = None
        job.exit_code, job.exit_signal, job.ending = None, 0, ""
        job.suspend_time, job.suspended_s = None, 0.0
        self.store.update(
            job, "state", "reason", "message", "attempt", "start_time", "end_time",
            "eligible_time", "gpu_ids", "retry_time", "peak_bytes", "cpu_s", "gpu_peak_bytes",
            "gpu_percent", "exit_code", "exit_signal", "ending", "suspend_time", "suspended_s",
        )  # fmt: skip
        if job.array_id is not None:
            self._count_running(job.array_id, 1)
        self._tell_waiters(job, now)
        return job

    def split(self, job: LocalJob, task: int, now: float) -> LocalJob:
        """A record of its own for one task of an array; the last one keeps the array's."""
        tasks = self._tasks[job.id]
        if len(tasks) == 1:
            job.array_tasks, job.task_id = "", task
            del self._tasks[job.id]
            self.store.update(job, "array_tasks", "task_id")
            return job
        if task == tasks.first():
            tasks.take_first()
        else:
            tasks.remove([task])
        job.array_tasks = str(tasks)
        self.store.update(job, "array_tasks")
        new = replace(job, id=0, task_id=task, array_tasks="")
        self.store.insert(new)
        self._index(new)
        if new.dependency_state or new.held or new.begin_time:
            self.judge(new, now)
        return new

    def split_many(self, job: LocalJob, tasks: Sequence[int]) -> list[LocalJob]:
        """A record of its own for each of these tasks, fewer than all; they are to be judged."""
        self._take_out(job, tasks)
        like = replace(job, array_tasks="")
        found = []
        for job_id, task in zip(self.store.insert_tasks(like, tasks), tasks, strict=True):
            new = replace(like, id=job_id, task_id=task)
            self._index(new)
            found.append(new)
        return found

    def cancel_tasks(self, job: LocalJob, tasks: Sequence[int], message: str, now: float) -> None:
        """These tasks of an array, fewer than all, are over before they began."""
        self._take_out(job, tasks)
        self.store.insert_tasks(
            replace(job, array_tasks="", state="CANCELLED", ending="", reason="", message=message,
                    end_time=now),
            tasks,
        )  # fmt: skip
        self._tell_waiters(job, now)
        self.changed = True

    def _take_out(self, job: LocalJob, tasks: Sequence[int]) -> None:
        left = self._tasks[job.id]
        left.remove(tasks)
        job.array_tasks = str(left)
        self.store.update(job, "array_tasks")

    def give_back(self, job: LocalJob, now: float, *, delay_s: float, restart: bool) -> None:
        """Put a job that had slots, or is over, back in the queue."""
        if job.state in ACTIVE:
            self._release(job)
        job.state, job.ending, job.gpu_ids = PENDING, "", ""
        if job.id not in self.jobs:
            self._index(job)
        job.start_time = job.end_time = job.suspend_time = None
        job.suspended_s = 0.0
        job.exit_code, job.exit_signal = None, 0
        job.restarts += restart
        if restart:
            job.reason = job.message = ""
            job.begin_time = now + delay_s
        else:
            job.retry_time = now + delay_s
        self.store.update(
            job, "state", "ending", "reason", "message", "gpu_ids", "start_time", "end_time",
            "exit_code", "exit_signal", "restarts", "begin_time", "retry_time", "suspend_time",
            "suspended_s",
        )  # fmt: skip
        self.judge(job, now)
        self._tell_waiters(job, now)

    def revive(self, job: LocalJob, now: float, delay_s: float) -> None:
        """Put a job that is over back in the queue."""
        self.give_back(job, now, delay_s=delay_s, restart=True)

    def finish(self, job: LocalJob, state: str, now: float) -> None:
        """A job is over; what is known of its end stands in the record."""
        if job.state == PENDING:
            self._leave_ready(job)
            job.end_time = now
        else:
            self._release(job)
        job.state, job.ending = state, ""
        job.go_on(now)
        self.store.update(
            job, "state", "ending", "reason", "message", "end_time", "exit_code", "exit_signal",
            "peak_bytes", "cpu_s", "gpu_peak_bytes", "gpu_percent", "suspend_time", "suspended_s",
        )  # fmt: skip
        self._forget(job)
        self._tell_waiters(job, now)

    def put_first(self, jobs: Sequence[LocalJob], now: float) -> None:
        """Let pending jobs count as submitted before all other pending ones, their order kept."""
        chosen = {job.id for job in jobs}
        others = [
            rank_of(job, self._partitions)
            for job in self.jobs.values()
            if job.state == PENDING and job.id not in chosen
        ]
        if not others:
            return
        behind = max(rank_of(job, self._partitions) for job in jobs) - min(others)
        for job in jobs:
            if behind >= 0:
                job.boost += math.ceil(behind) + 1  # shown in whole seconds
                self.store.update(job, "boost")
            self.judge(job, now)

    def rename(self, job: LocalJob, before: str, now: float) -> None:
        """A job that was called ``before`` has another name: who waits for either may be wrong."""
        self._leave_name(job.id, before)
        insort(self._named.setdefault(job.name, []), job.id)
        for job_id in [*self._named.get(before, ()), *self._named[job.name]]:
            other = self.jobs[job_id]
            if other.state == PENDING and SINGLETON in other.dependency:
                self.judge(other, now)

    def judge(self, job: LocalJob, now: float) -> None:
        """See how a pending job stands, and put it where it belongs."""
        before = tuple(getattr(job, name) for name in _STANDING)
        self._judge_dependency(job, now)
        why = self._stand(job, now)
        for time in (job.begin_time, job.retry_time):
            if time is not None and time > now:
                heapq.heappush(self._alarms, (time, job.id))
        if why:
            self._leave_ready(job)
        else:
            self._enter_ready(job)
        if tuple(getattr(job, name) for name in _STANDING) != before:
            self.store.update(job, *_STANDING)
        self.changed = True

    def _stand(self, job: LocalJob, now: float) -> str:
        """Note why it waits, which is given; a % limit is no matter of the record alone."""
        why = why_waiting(job, self.machine, now, 0)
        job.reason = why
        if why == "BeginTime":
            job.eligible_time = job.begin_time
        elif why:
            job.eligible_time = None
        else:
            job.message = ""
            job.eligible_time = now if job.eligible_time is None else job.eligible_time
        return why

    def _judge_dependency(self, job: LocalJob, now: float) -> None:
        self._stop_waiting(job.id)
        if not job.dependency:
            job.dependency_state = job.dependency_shown = ""
            return
        dependency = parse_dependency(job.dependency)
        alarms: list[float] = []

        def verdict_of(condition: Condition) -> Verdict:
            verdict, alarm = self._judge.verdict(condition, job, now)
            if alarm:
                alarms.append(alarm)
            return verdict

        verdict, job.dependency_shown = dependency.judge(verdict_of)
        job.dependency_state = {
            Verdict.FULFILLED: "", Verdict.WAITING: WAITING, Verdict.FAILED: NEVER,
        }[verdict]  # fmt: skip
        for alarm in alarms:
            heapq.heappush(self._alarms, (alarm, job.id))
        if verdict is not Verdict.FULFILLED:
            self._dependencies[job.id] = dependency
            self._waiters.wait(job.id, (
                job.name if one.kind == SINGLETON else (one.job_id, self._judge.task_of(one, job))
                for one in dependency.conditions
            ))  # fmt: skip

    def _stop_waiting(self, job_id: int) -> None:
        self._dependencies.pop(job_id, None)
        self._waiters.stop(job_id)

    def _tell_waiters(self, job: LocalJob, now: float) -> None:
        """Judge those anew that wait for this job, its array, or its name."""
        for job_id in self._waiters.told_of(job):
            waiter = self.jobs.get(job_id)
            if waiter is not None and waiter.state == PENDING:
                self.judge(waiter, now)

    def _index(self, job: LocalJob) -> None:
        self.jobs[job.id] = job
        insort(self._named.setdefault(job.name, []), job.id)
        if job.state in ACTIVE and job.state != PENDING:
            self._in_use[job.id] = job
        if job.array_tasks:
            self._tasks[job.id] = TaskSet.parse(job.array_tasks)
        if job.array_id is not None:
            self._pending_of.setdefault(job.array_id, set())
            if job.state == PENDING:
                self._pending_of[job.array_id].add(job.id)
            elif job.state in ACTIVE:
                self._running[job.array_id] = self._running.get(job.array_id, 0) + 1

    def _forget(self, job: LocalJob) -> None:
        self._stop_waiting(job.id)
        if self.jobs.pop(job.id, None) is not None:
            self._leave_name(job.id, job.name)
        self._tasks.pop(job.id, None)
        if job.array_id is not None:
            self._pending_of.get(job.array_id, set()).discard(job.id)

    def _leave_name(self, job_id: int, name: str) -> None:
        named = self._named[name]
        del named[bisect_left(named, job_id)]
        if not named:
            del self._named[name]

    def _release(self, job: LocalJob) -> None:
        """Its slots are free again."""
        self._in_use.pop(job.id, None)
        if job.array_id is not None:
            self._count_running(job.array_id, -1)
            self._pending_of.setdefault(job.array_id, set()).add(job.id)
        self.changed = True

    def _count_running(self, array_id: int, more: int) -> None:
        self._running[array_id] = self._running.get(array_id, 0) + more
        self.changed = True

    def _enter_ready(self, job: LocalJob) -> None:
        rank = rank_of(job, self._partitions)
        if self._ranks.get(job.id) != rank:
            self._leave_ready(job)
            self._ranks[job.id] = rank
            insort(self._ready, (rank, job.id))
        if job.gpus:
            self._gpu_jobs.add(job.id)

    def _leave_ready(self, job: LocalJob) -> None:
        self._gpu_jobs.discard(job.id)
        rank = self._ranks.pop(job.id, None)
        if rank is not None:
            del self._ready[bisect_left(self._ready, (rank, job.id))]
