"""The jobs of the queue by stage, kept by difference: 20,000 of them are never walked at once."""

from collections import Counter, defaultdict
from collections.abc import Generator, Iterator
from typing import NamedTuple

from jobshape.app.board.arrays import tasks_of
from jobshape.app.board.board import Board
from jobshape.app.board.figures import wait_s
from jobshape.app.board.stuck import is_stuck
from jobshape.app.domain.job import UNASSIGNED, Job
from jobshape.app.domain.stage import ShapeAsked
from jobshape.app.domain.states import Phase, is_finished, phase_of
from jobshape.app.stages.pace import Ahead

SLICE_JOBS = 1000
"""Jobs looked at between two pauses: 2 to 3 ms."""

SAMPLE = 400
"""Running jobs of a stage whose times are taken one by one; of more, a fair sample."""


class LiveStage(NamedTuple):
    """The jobs of one stage in the queue now; waiting, running and held count tasks."""

    waiting: int = 0
    running: int = 0
    held: int = 0
    running_s: tuple[int, ...] = ()
    longest_wait_s: int | None = None
    shapes: tuple[tuple[ShapeAsked, int], ...] = ()  # how many tasks ask for it, most first

    @property
    def ahead(self) -> Ahead:
        """What the time to finish depends on."""
        waited = self.longest_wait_s
        return Ahead(self.running, self.running_s, self.waiting - self.held, waited)


def shape_of(job: Job) -> ShapeAsked:
    """What a job asks for."""
    return ShapeAsked(
        job.partition, job.nodes, job.tasks, job.cpus, job.memory_bytes, job.gpus, job.time_limit_s
    )


def stage_of(job: Job) -> str:
    """Its stage, never empty."""
    return job.stage or UNASSIGNED


class LiveStages:
    """The board's jobs of one user by stage; follows the board's journal."""

    def __init__(self, board: Board, user: str = "") -> None:
        self._board = board
        self.user = user  # "": everybody
        self._watch = board.watch()
        self._fresh = list(board.jobs)  # to be taken in first
        self.open: dict[str, set[int]] = defaultdict(set)
        self.over: dict[str, set[int]] = defaultdict(set)

    def follow_steps(self) -> Iterator[None]:
        """Take in what changed, pausing often."""
        fresh, self._fresh = self._fresh, []
        changes = self._watch.take()
        for count, job_id in enumerate(fresh, 1):
            if job_id not in changes:
                self._add(job_id)
            if not count % SLICE_JOBS:
                yield
        for count, (job_id, before) in enumerate(changes.items(), 1):
            if before is not None:
                self._drop(job_id, before)
            self._add(job_id)
            if not count % SLICE_JOBS:
                yield

    def _drop(self, job_id: int, before: Job) -> None:
        self.open[stage_of(before)].discard(job_id)
        self.over[stage_of(before)].discard(job_id)

    def _add(self, job_id: int) -> None:
        job = self._board.jobs.get(job_id)
        if job is None or (self.user and job.user != self.user):
            return
        kept = self.over if is_finished(job.state) else self.open
        kept[stage_of(job)].add(job_id)

    @property
    def stages(self) -> set[str]:
        """Those that have jobs."""
        return {stage for kept in (self.open, self.over) for stage, ids in kept.items() if ids}

    def jobs(self, ids: set[int]) -> Iterator[Job]:
        """The jobs of some ids, as far as they are still there."""
        jobs = self._board.jobs
        return (job for job in map(jobs.get, tuple(ids)) if job is not None)

    def look_steps(self, stage: str, now: float) -> Generator[None, None, LiveStage]:
        """Count one stage's jobs, pausing often."""
        counting = Counting(now)
        for count, job in enumerate(self.jobs(self.open.get(stage, set())), 1):
            counting.take(job)
            if not count % SLICE_JOBS:
                yield
        return counting.result()


class Counting:
    """Counts the open jobs of a stage, one after the other."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._waiting = self._running = self._held = 0
        self._running_s: list[int] = []
        self._longest: int | None = None
        self._shapes: Counter[ShapeAsked] = Counter()

    def take(self, job: Job) -> None:
        """Count one."""
        tasks, phase = tasks_of(job), phase_of(job.state)
        if phase is Phase.RUNNING:
            self._running += tasks
            if job.start_time is not None:
                self._running_s.append(max(0, int(self._now) - job.start_time))
        elif phase is Phase.WAITING:
            self._waiting += tasks
            if is_stuck(job):
                self._held += tasks
            elif (waited := wait_s(job, self._now)) is not None:
                self._longest = max(waited, self._longest or 0)
        else:
            return
        self._shapes[shape_of(job)] += tasks

    def result(self) -> LiveStage:
        """What was counted."""
        times = sorted(self._running_s)
        if len(times) > SAMPLE:
            step = len(times) / SAMPLE
            times = [times[int((n + 0.5) * step)] for n in range(SAMPLE)]
        return LiveStage(
            self._waiting, self._running, self._held, tuple(times), self._longest,
            tuple(self._shapes.most_common()),
        )  # fmt: skip
