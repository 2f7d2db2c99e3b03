"""What a forecast looks at: some fifty figures of a shape and of the queue it would join."""

import math
from bisect import bisect_left
from collections.abc import Iterable

import numpy as np
from jobshape.app.waiting.drain import Drain, drain
from jobshape.app.waiting.ledger import HOUR_S, SIZES, Ledger, Pool, size_class
from jobshape.app.waiting.records import GRACE_S, SiteState, WaitShape
from numpy.typing import NDArray

LN_GRACE = math.log(GRACE_S)
FEATURES = 53
"""How many there are."""


def log_s(seconds: float) -> float:
    """ln(seconds + 60), the scale of all times here."""
    return math.log(max(seconds, 0.0) + GRACE_S)


class View:
    """One moment of one pool: what all shapes that could be submitted there share."""

    def __init__(self, ledger: Ledger, pool_name: str, now: float, site: SiteState | None) -> None:
        self.ledger, self.now = ledger, now
        pool = self.pool = ledger.pool(pool_name)
        capacity = (site.capacity.get(pool_name) if site else None) or pool.capacity
        used = site.used.get(pool_name) if site else None
        self.drain: Drain = drain(pool, now, max(capacity, 1), pool.used if used is None else used)
        self._below = [self._smaller(size) for size in range(SIZES)]
        self.shared = self._shared(pool)

    def _smaller(self, size: int) -> tuple[int, int, float, float]:
        jobs, cpus, work = 0, 0, 0.0
        oldest = 0.0
        for group in self.pool.by_size[: size + 1]:
            if group.jobs:
                jobs += group.jobs
                cpus += group.cpus
                work += group.predicted
                oldest = max(oldest, group.oldest_s(self.now))
        return jobs, cpus, work, oldest

    def _shared(self, pool: Pool) -> list[float]:
        now, state, queued = self.now, self.drain, pool.queued
        capacity = state.capacity
        hour = (now / HOUR_S) % 24 * math.pi / 12
        week = (now / HOUR_S / 24) % 7 * math.pi / 3.5
        return [
            state.free_now / capacity,
            log_s(queued.predicted / capacity),
            log_s(queued.asked / capacity),
            math.log1p(queued.jobs),
            math.log1p(queued.cpus / capacity),
            log_s(state.left_predicted / capacity),
            log_s(state.left_asked / capacity),
            math.log1p(len(pool.running)),
            log_s(queued.oldest_s(now)),
            math.log1p(_since(pool.submits, now - HOUR_S)),
            math.log1p(_since(pool.starts, now - HOUR_S)),
            math.log(capacity),
            math.sin(hour),
            math.cos(hour),
            math.sin(week),
            math.cos(week),
        ]

    def fits(self, shape: WaitShape) -> bool:
        """Whether the CPUs for it are free now."""
        return shape.cpus <= self.drain.free_now

    def of(self, shape: WaitShape) -> NDArray[np.float64]:
        """The features of a shape submitted now."""
        ledger, now, state, pool = self.ledger, self.now, self.drain, self.pool
        capacity = state.capacity
        times = ledger.run_times
        asked, predicted = times.asked(shape), times.predict(shape)
        size = size_class(shape.cpus)
        jobs, cpus, work, oldest = self._below[size]
        total = pool.queued
        free_predicted, free_asked = state.when_free(shape.cpus)
        all_predicted, all_asked = state.when_drained(shape.cpus, total.predicted, total.asked)
        small, _ = state.when_drained(shape.cpus, work, 0.0)
        large, _ = state.when_drained(shape.cpus, max(total.predicted - work, 0.0), 0.0)
        where, mine, alike = (ledger.groups.get(g) for g in ledger.groups_of(shape))
        own_cpus = ledger.user_cpus.get((shape.user, shape.pool), 0)
        last, last_wait = max(zip(pool.last_start[size:], pool.last_wait[size:], strict=True))
        values = [
            math.log2(shape.cpus),
            shape.cpus / capacity,
            math.log(asked),
            float(shape.walltime_s is None),
            math.log(predicted),
            float(self.fits(shape)),
            min((state.free_now - shape.cpus) / capacity, 1.0),
            log_s(free_predicted),
            log_s(free_asked),
            log_s(all_predicted),
            log_s(all_asked),
            log_s(small),
            log_s(large),
            math.log1p(jobs),
            math.log1p(cpus / capacity),
            log_s(oldest),
            log_s(work / capacity),
            math.log1p(where.jobs) if where else 0.0,
            log_s(where.predicted / capacity) if where else LN_GRACE,
            log_s(where.oldest_s(now)) if where else LN_GRACE,
            math.log1p(mine.jobs) if mine else 0.0,
            log_s(mine.predicted / capacity) if mine else LN_GRACE,
            log_s(mine.oldest_s(now)) if mine else LN_GRACE,
            math.log1p(alike.jobs) if alike else 0.0,
            log_s(alike.oldest_s(now)) if alike else LN_GRACE,
            own_cpus / capacity,
            last_wait,
            min(log_s(now - last), 15.0),
        ]
        lately = ledger.median_lately(shape)
        middle = LN_GRACE if lately is None else lately
        values.append(middle)
        for key, _ in ledger.level_keys(shape):
            level = ledger.levels.get(key)
            values.append(level.value if level else middle)
        user = ledger.levels.get(("user", shape.user, shape.pool))
        values.append(min(log_s(now - user.at), 15.0) if user else 15.0)
        return np.array(values + self.shared)


def _since(times: Iterable[float], moment: float) -> int:
    ordered = list(times)
    return len(ordered) - bisect_left(ordered, moment)
