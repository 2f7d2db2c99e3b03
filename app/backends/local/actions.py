"""What clients may ask of the supervisor, each done inside the turn's transaction.

Every action checks all that it can refuse before it changes anything.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from jobshape.app.backends.local.changes import change
from jobshape.app.backends.local.limits import Limits
from jobshape.app.backends.local.machine import Machine
from jobshape.app.backends.local.queue import Queue
from jobshape.app.backends.local.record import (
    ACTIVE,
    COMPLETING,
    PENDING,
    REQUEUE,
    RUNNING,
    SUSPENDED,
    LocalJob,
)
from jobshape.app.backends.local.reference import parse_reference, unknown
from jobshape.app.backends.local.runs import REQUEUE_DELAY_S, Runs
from jobshape.app.backends.local.shape import job_of, options_of, signal_number
from jobshape.app.domain.errors import BadRequest, Refused
from jobshape.app.domain.request import JobChanges, SubmitRequest

FINISHED = "Job/step already completing or completed"
NOT_PENDING = "Job is no longer pending execution"
STILL_PENDING = "Job is pending execution"
NOT_SO = "Requested operation not supported on this system or job state"
BY_USER = "cancelled by its user"

Effect = Callable[[], None]


class Actions:
    """The actions. What is to be done after the transaction is added to ``effects``."""

    def __init__(self, queue: Queue, runs: Runs, limits: Limits) -> None:
        self._queue = queue
        self._runs = runs
        self._limits = limits
        self.effects: list[Effect] = []

    @property
    def _machine(self) -> Machine:
        return self._queue.machine

    def do(self, name: str, arguments: Mapping[str, Any], now: float) -> Any:
        """Do the action of this name. Raises BackendError."""
        known: dict[str, Callable[..., Any]] = {
            "submit": self.submit, "cancel": self.cancel, "hold": self.hold,
            "release": self.release, "requeue": self.requeue, "update": self.update,
            "usage": self.usage, "top": self.top, "suspend": self.suspend, "resume": self.resume,
        }  # fmt: skip
        if name not in known:
            raise BadRequest(f"no action {name!r}", where="local supervisor")
        return known[name](now=now, **arguments)

    def submit(
        self, *, request: Mapping[str, Any], environment: str, submit_dir: str, umask: int,
        now: float,
    ) -> int:  # fmt: skip
        """A new job; gives its id. ``environment``: a JSON object."""
        fields = dict(request, arguments=tuple(request["arguments"]), environment=None)
        wanted = SubmitRequest(**fields)
        options = options_of(wanted)
        job = job_of(options, self._machine, submit_dir=submit_dir, now=now,
                     arguments=wanted.arguments)  # fmt: skip
        self._queue.check_dependency(job.dependency)
        job.umask = umask
        job.script = self._queue.store.keep(wanted.script)
        job.environment = self._queue.store.keep(environment)
        self._queue.add(job, now)
        number = job.id
        if job.array_tasks and "aftercorr" in job.dependency:
            for task in list(self._queue.tasks(job)):  # each waits for a task of its own
                self._queue.judge(self._queue.split(job, task, now), now)
        return number

    def cancel(self, *, job: str, signal: str | None, now: float) -> None:
        """End jobs, or send them a signal."""
        found = self._rows(job)
        number = None if signal is None else signal_number(signal)
        if signal is not None and number is None:
            raise BadRequest(f"Unknown job signal: {signal}", where="cancel")
        alive = [(row, tasks) for row, tasks in found if row.state in ACTIVE]
        if number is not None:
            running = [row for row, _ in alive if row.state != PENDING]
            if not running:
                raise Refused("Job is not running" if alive else FINISHED, where=f"job {job}")
            for row in running:
                self._signal(row, number)
            return
        if not alive:
            raise Refused(FINISHED, where=f"job {job}")
        for row, tasks in alive:
            if tasks is None or len(tasks) == len(self._queue.tasks(row)):
                self._cancel_one(row, now)
            else:
                self._queue.cancel_tasks(row, tasks, BY_USER, now)

    def hold(self, *, job: str, now: float) -> None:
        """Hold pending jobs; tasks of the same array that run are held should they come back."""
        self._set_held(job, 1, now)

    def release(self, *, job: str, now: float) -> None:
        """Release held jobs."""
        self._set_held(job, 0, now)

    def _set_held(self, job: str, held: int, now: float) -> None:
        for row in self._pending(job):
            row.held = held
            if not held and row.begin_time is not None and row.begin_time <= now:
                row.begin_time = None
            self._queue.store.update(row, "held", "begin_time")
            if row.state == PENDING:
                self._queue.judge(row, now)

    def requeue(self, *, job: str, now: float) -> None:
        """Put running or ended jobs back in the queue."""
        found = [row for row, _ in self._rows(job)]
        again = [row for row in found if row.state != PENDING and not row.array_tasks]
        if not again:
            raise Refused(STILL_PENDING, where=f"job {job}")
        if all(row.state == COMPLETING for row in again):
            raise Refused(FINISHED, where=f"job {job}")
        for row in again:
            if row.state in (RUNNING, SUSPENDED):
                row.reason = row.message = ""
                self._limits.end(row, REQUEUE, now)
            elif row.state not in ACTIVE:
                self._queue.revive(row, now, REQUEUE_DELAY_S)

    def top(self, *, job: str, now: float) -> None:
        """Put pending jobs before all other pending ones."""
        self._queue.put_first([row for row in self._pending(job) if row.state == PENDING], now)

    def suspend(self, *, job: str, now: float) -> None:
        """Stop running jobs where they are; they keep their slots."""
        for row in self._in_state(job, RUNNING):
            row.state, row.suspend_time = SUSPENDED, now
            self._queue.store.update(row, "state", "suspend_time")
            self._queue.changed = True
            self._limits.look_soon(now)

    def resume(self, *, job: str, now: float) -> None:
        """Let suspended jobs go on."""
        for row in self._in_state(job, SUSPENDED):
            row.go_on(now)
            row.state = RUNNING
            self._queue.store.update(row, "state", "suspend_time", "suspended_s")
            self._queue.changed = True
            run = self._runs.runs.get(row.id)
            if run is not None:
                self.effects.append(partial(self._runs.go_on, run))

    def _in_state(self, job: str, state: str) -> list[LocalJob]:
        """The rows meant that are in it. Raises Refused in Slurm's words if none is."""
        found = [row for row, _ in self._rows(job)]
        wanted = [row for row in found if row.state == state]
        if not wanted:
            alive = [row for row in found if row.state in ACTIVE]
            pending = [row for row in alive if row.state == PENDING]
            words = STILL_PENDING if pending else NOT_SO if alive else FINISHED
            raise Refused(words, where=f"job {job}")
        return wanted

    def update(self, *, job: str, changes: Mapping[str, Any], now: float) -> None:
        """Change jobs in place."""
        wanted = JobChanges(**changes)
        found = self._rows(job)
        alive = [(row, tasks) for row, tasks in found if row.state in ACTIVE]
        if not alive:
            raise Refused(FINISHED, where=f"job {job}")
        if wanted.dependency is not None:
            for row, _ in alive:
                self._queue.check_dependency(wanted.dependency, row.id)
        for row, _ in alive:
            change(row, wanted, self._machine, dry=True)
        rows = self._split_all(alive)
        for row in rows:
            before = row.name
            names = change(row, wanted, self._machine, dry=False)
            if names:
                self._queue.store.update(row, *names)
            if row.name != before:
                self._queue.rename(row, before, now)
            if row.state == PENDING:
                self._queue.judge(row, now)
        self._queue.changed = True

    def usage(self, *, jobs: list[str], now: float) -> list[list[Any]]:
        """Live usage of running jobs."""
        wanted: list[int] = []
        for job in jobs:
            wanted += [row.id for row, _ in self._rows(job, must_be=False)]
        running = [job_id for job_id in dict.fromkeys(wanted) if job_id in self._runs.runs]
        return [list(usage) for usage in self._limits.usage(running, now)]

    def cancel_everything(self, now: float) -> None:
        """End all jobs at once."""
        for row in list(self._queue.jobs.values()):
            if row.state == PENDING:
                self._queue.finish(row, "CANCELLED", now)
            else:
                self._limits.end(row, "CANCELLED", now, at_once=True)

    def _cancel_one(self, row: LocalJob, now: float) -> None:
        row.message = BY_USER
        if row.state == PENDING:
            row.reason = ""
            self._queue.finish(row, "CANCELLED", now)
        else:
            if row.state == COMPLETING and row.ending == REQUEUE:
                row.ending = "CANCELLED"
                self._queue.store.update(row, "ending")
            self._limits.end(row, "CANCELLED", now)

    def _signal(self, row: LocalJob, number: int) -> None:
        run = self._runs.runs.get(row.id)
        if run is not None:
            self.effects.append(lambda: self._limits.send(run, number, shell_only=False))

    def _pending(self, job: str) -> Iterable[LocalJob]:
        """The rows meant that are not over. Raises Refused if none of them is pending."""
        found = self._rows(job)
        alive = [(row, tasks) for row, tasks in found if row.state in ACTIVE]
        if not alive:
            raise Refused(FINISHED, where=f"job {job}")
        if all(row.state != PENDING for row, _ in alive):
            raise Refused(NOT_PENDING, where=f"job {job}")
        return self._split_all(alive)

    def _rows(self, job: str, *, must_be: bool = True) -> list[tuple[LocalJob, list[int] | None]]:
        """The rows that a reference means, each with the tasks of it, None for all.

        Raises BadRequest where there is none.
        """
        reference = parse_reference(job)
        row = self._row(reference.job_id)
        found: list[tuple[LocalJob, list[int] | None]] = []
        if row is not None and row.array_id != row.id:
            found = [(row, None)] if reference.tasks is None else []
        elif row is not None:
            wanted = frozenset(reference.tasks or ())
            for one in self._queue.store.array(row.id):
                one = self._queue.jobs.get(one.id, one)
                if reference.tasks is None:
                    found.append((one, None))
                elif one.array_tasks and one.state == PENDING:
                    of_it = [t for t in self._queue.tasks(one) if t in wanted]
                    if of_it:
                        found.append((one, of_it))
                elif one.task_id is not None and one.task_id in wanted:
                    found.append((one, None))
        if not found and must_be:
            raise unknown(job)
        return found

    def _row(self, job_id: int) -> LocalJob | None:
        if job_id > 1 << 60:
            return None
        return self._queue.jobs.get(job_id) or self._queue.store.job(job_id)

    def _split_all(self, rows: Iterable[tuple[LocalJob, list[int] | None]]) -> list[LocalJob]:
        """The rows, tasks of arrays split off where only some are meant."""
        found: list[LocalJob] = []
        for row, tasks in rows:
            if tasks is None or len(tasks) == len(self._queue.tasks(row)):
                found.append(row)
            else:
                found += self._queue.split_many(row, tasks)
        return found
