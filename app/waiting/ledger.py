"""The live queue as running sums: what is queued, what runs and what waits were, kept by event.

An event costs a few additions, so that a forecast never walks over a queue of ten thousand jobs.
"""

import math
from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Any

import numpy as np
from jobshape.app.waiting.records import GRACE_S, QueuedJob, WaitShape
from jobshape.app.waiting.runtimes import RunTimes
from numpy.typing import NDArray

SIZES = 20
"""Classes of size: powers of two of CPUs."""

CAPACITY_DAYS = 14
HOUR_S = 3600.0
MOST_LEVELS = 3000
"""Levels kept in a saved state: the last that moved."""


def size_class(cpus: int) -> int:
    """The power of two a number of CPUs belongs to."""
    return min(max(cpus, 1).bit_length() - 1, SIZES - 1)


def wall_class(walltime_s: float) -> int:
    """Classes of walltime, each 2.8 times as long as the one before."""
    return int(math.log2(max(walltime_s, 60.0) / 60.0) / 1.5)


class Level:
    """A moving mean of ln(wait + 60 s); it starts at the first value."""

    __slots__ = ("at", "count", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.count = 0
        self.at = 0.0

    def add(self, value: float, at: float, rate: float) -> None:
        """Move towards a new value."""
        self.count += 1
        self.value += (value - self.value) * max(rate, 1.0 / self.count)
        self.at = at


class Sum:
    """Jobs, CPUs and core-seconds (predicted, asked) of a group of queued jobs."""

    __slots__ = ("asked", "cpus", "jobs", "predicted", "waiting")

    def __init__(self) -> None:
        self.jobs = 0
        self.cpus = 0
        self.predicted = 0.0
        self.asked = 0.0
        self.waiting: dict[int, float] = {}  # key -> submitted, in order of submission

    def add(self, key: int, submitted: float, cpus: int, predicted: float, asked: float) -> None:
        """A job joins."""
        self.jobs += 1
        self.cpus += cpus
        self.predicted += cpus * predicted
        self.asked += cpus * asked
        self.waiting[key] = submitted

    def drop(self, key: int, cpus: int, predicted: float, asked: float) -> None:
        """A job leaves."""
        del self.waiting[key]
        self.jobs -= 1
        if not self.jobs:
            self.cpus, self.predicted, self.asked = 0, 0.0, 0.0
            return
        self.cpus -= cpus
        self.predicted -= cpus * predicted
        self.asked -= cpus * asked

    def oldest_s(self, now: float) -> float:
        """How long the first of them has waited."""
        for submitted in self.waiting.values():
            return now - submitted
        return 0.0


class Running:
    """The running jobs of a pool as arrays: CPUs, start, predicted and asked run time."""

    def __init__(self) -> None:
        self._rows: NDArray[np.float64] = np.zeros((4, 64))
        self._keys: list[int] = []
        self._place: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, key: int, cpus: int, start: float, predicted: float, asked: float) -> None:
        """A job started."""
        n = len(self._keys)
        if n == self._rows.shape[1]:
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)], axis=1)
        self._rows[:, n] = (cpus, start, predicted, asked)
        self._place[key] = n
        self._keys.append(key)

    def drop(self, key: int) -> None:
        """A job ended; the last one takes its place."""
        place = self._place.pop(key)
        last = self._keys.pop()
        if last != key:
            self._rows[:, place] = self._rows[:, len(self._keys)]
            self._keys[place] = last
            self._place[last] = place

    def remaining(
        self, now: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """CPUs, predicted and asked seconds left of each."""
        cpus, start, predicted, asked = self._rows[:, : len(self._keys)]
        elapsed = now - start
        left_asked = np.maximum(asked - elapsed, SOON_S)
        left = np.where(predicted > elapsed, predicted - elapsed, 0.5 * elapsed + SOON_S)
        return cpus, np.minimum(np.maximum(left, 1.0), left_asked), left_asked


SOON_S = 60.0
"""What a job that outlived its limit is thought to go on."""


class Pool:
    """The processors that jobs compete for, and who has them and who wants them."""

    def __init__(self) -> None:
        self.queued = Sum()
        self.by_size = [Sum() for _ in range(SIZES)]
        self.running = Running()
        self.used = 0
        self.last_start = [0.0] * SIZES
        self.last_wait = [math.log(GRACE_S)] * SIZES
        self.submits: deque[float] = deque(maxlen=1000)
        self.starts: deque[float] = deque(maxlen=1000)
        self.revision = 0
        self._days: deque[tuple[int, int]] = deque()

    @property
    def capacity(self) -> int:
        """The most CPUs seen in use lately."""
        return max((cpus for _, cpus in self._days), default=0)

    def seen(self, cpus: int, now: float) -> None:
        """So many CPUs are in use, or are asked for by one job."""
        day = int(now // 86400)
        if self._days and self._days[-1][0] == day:
            if cpus > self._days[-1][1]:
                self._days[-1] = (day, cpus)
            return
        self._days.append((day, cpus))
        while self._days[0][0] < day - CAPACITY_DAYS:
            self._days.popleft()


class _Entry:
    __slots__ = ("asked", "job", "predicted", "start")

    def __init__(self, job: QueuedJob, predicted: float, asked: float) -> None:
        self.job = job
        self.predicted = predicted
        self.asked = asked
        self.start: float | None = None


class Ledger:
    """All pools of a site, with the groups of jobs and the levels of waits a forecast looks at."""

    def __init__(self) -> None:
        self.run_times = RunTimes()
        self.pools: dict[str, Pool] = {}
        self.groups: dict[tuple[object, ...], Sum] = {}
        self.levels: dict[tuple[object, ...], Level] = {}
        self.lately: dict[tuple[object, ...], deque[float]] = {}
        self.user_cpus: dict[tuple[str, str], int] = {}
        self._jobs: dict[int, _Entry] = {}

    def __contains__(self, key: int) -> bool:
        return key in self._jobs

    def pool(self, name: str) -> Pool:
        """The pool of that name."""
        pool = self.pools.get(name)
        if pool is None:
            pool = self.pools[name] = Pool()
        return pool

    @staticmethod
    def groups_of(shape: WaitShape) -> tuple[tuple[object, ...], ...]:
        """The groups of queued jobs it belongs to: of its queue, its user, its likes."""
        where = (shape.queue, shape.partition)
        return (
            ("where", *where),
            ("user", shape.user, shape.pool),
            ("alike", shape.user, shape.cpus, shape.walltime_s, *where),
        )

    def level_keys(self, shape: WaitShape) -> tuple[tuple[tuple[object, ...], float], ...]:
        """The levels a shape belongs to, with how quickly each moves."""
        size = size_class(shape.cpus)
        wall = wall_class(self.run_times.asked(shape))
        where = (shape.queue, shape.partition)
        return (
            (("where", *where), 0.1),
            (("shape", *where, size, wall), 0.2),
            (("size", shape.pool, size), 0.1),
            (("user", shape.user, shape.pool), 0.3),
            (("slow user", shape.user), 0.03),
            (("slow where", *where), 0.01),
            (("slow shape", shape.pool, size, wall), 0.03),
        )

    def submit(self, job: QueuedJob, now: float) -> None:
        """A job joins the queue."""
        shape = job.shape
        entry = _Entry(job, self.run_times.predict(shape), self.run_times.asked(shape))
        self._jobs[job.key] = entry
        pool = self.pool(shape.pool)
        pool.seen(max(shape.cpus, pool.used), now)
        pool.submits.append(now)
        values = (job.key, job.submitted, shape.cpus, entry.predicted, entry.asked)
        pool.queued.add(*values)
        pool.by_size[size_class(shape.cpus)].add(*values)
        for group in self.groups_of(shape):
            self.groups.setdefault(group, Sum()).add(*values)
        pool.revision += 1

    def job(self, key: int) -> QueuedJob:
        """The job of that key, as it was submitted."""
        return self._jobs[key].job

    def waits_seen(self, shape: WaitShape) -> int:
        """How many waits were seen in the queue and partition of a shape."""
        level = self.levels.get(("slow where", shape.queue, shape.partition))
        return level.count if level else 0

    def start(self, key: int, now: float, *, known: bool = True) -> None:
        """A queued job starts; known: whether its wait was seen and counts."""
        entry = self._jobs[key]
        job, shape = entry.job, entry.job.shape
        pool = self._unqueue(entry)
        entry.start = now
        size = size_class(shape.cpus)
        wait = math.log(max(now - job.submitted, 0.0) + GRACE_S)
        pool.running.add(key, shape.cpus, now, entry.predicted, entry.asked)
        pool.used += shape.cpus
        pool.seen(pool.used, now)
        pool.starts.append(now)
        owner = (shape.user, shape.pool)
        self.user_cpus[owner] = self.user_cpus.get(owner, 0) + shape.cpus
        if not known:
            return
        pool.last_start[size], pool.last_wait[size] = now, wait
        for level, rate in self.level_keys(shape):
            self.levels.setdefault(level, Level()).add(wait, now, rate)
        where = ("where", shape.queue, shape.partition)
        self.lately.setdefault(where, deque(maxlen=20)).append(wait)

    def _unqueue(self, entry: _Entry) -> Pool:
        job, shape = entry.job, entry.job.shape
        pool = self.pool(shape.pool)
        values = (job.key, shape.cpus, entry.predicted, entry.asked)
        pool.queued.drop(*values)
        pool.by_size[size_class(shape.cpus)].drop(*values)
        for group in self.groups_of(shape):
            total = self.groups[group]
            total.drop(*values)
            if not total.jobs:
                del self.groups[group]
        pool.revision += 1
        return pool

    def end(self, key: int, now: float) -> None:
        """A job ends, or leaves the queue without a start."""
        entry = self._jobs.pop(key)
        shape = entry.job.shape
        if entry.start is None:
            self._unqueue(entry)
            return
        pool = self.pool(shape.pool)
        pool.running.drop(key)
        pool.used -= shape.cpus
        pool.revision += 1
        self.user_cpus[shape.user, shape.pool] -= shape.cpus
        self.run_times.ended(shape, now - entry.start)

    def median_lately(self, shape: WaitShape) -> float | None:
        """The median of the last 20 ln(wait + 60 s) of its queue and partition."""
        last = self.lately.get(("where", shape.queue, shape.partition))
        return median(last) if last else None

    def to_json(self) -> dict[str, Any]:
        """The levels of waits lately moved, and run times; not the queue, which is seen again."""
        moved = sorted(self.levels.items(), key=lambda item: item[1].at)[-MOST_LEVELS:]
        return {
            "levels": [[list(key), v.value, v.count, v.at] for key, v in moved],
            "lately": [[list(key), list(waits)] for key, waits in self.lately.items()],
            "run_times": self.run_times.to_json(),
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take over what ``to_json`` gave."""
        for key, value, count, at in saved["levels"]:
            level = self.levels[tuple(key)] = Level()
            level.value, level.count, level.at = float(value), int(count), float(at)
        self.lately = {tuple(key): deque(map(float, waits), 20) for key, waits in saved["lately"]}
        self.run_times.restore(saved["run_times"])
