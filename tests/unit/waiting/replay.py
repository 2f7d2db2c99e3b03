"""A small made-up site: jobs that come at random and start in order of submission as CPUs allow."""

import heapq
import random
from collections import deque

from jobshape.app.waiting.forecaster import Forecaster
from jobshape.app.waiting.records import QueuedJob, Wait, WaitShape

CPUS = 32


def shape(rng: random.Random) -> WaitShape:
    hours = rng.choice([1, 2, 4])
    return WaitShape(
        rng.choice([1, 2, 4, 8, 16]), hours * 3600.0, f"u{rng.randrange(5)}", "", "main"
    )


def play(forecaster: Forecaster, count: int, *, seed: int = 3) -> list[tuple[Wait, float]]:
    """Run ``count`` jobs through first come, first served; every forecast with its true wait."""
    rng = random.Random(seed)
    now, free = 1e9, CPUS
    queue: deque[tuple[QueuedJob, float]] = deque()
    ends: list[tuple[float, int, int]] = []
    told: dict[int, tuple[Wait, float]] = {}
    waited: list[tuple[Wait, float]] = []

    def begin(at: float) -> None:
        nonlocal free
        while queue and queue[0][0].shape.cpus <= free:
            job, run_s = queue.popleft()
            free -= job.shape.cpus
            heapq.heappush(ends, (at + run_s, job.key, job.shape.cpus))
            forecaster.observe_start(job.key, at)
            waited.append((told[job.key][0], at - job.submitted))

    for key in range(count):
        now += rng.expovariate(1 / 1500.0)
        while ends and ends[0][0] <= now:
            at, ended, cpus = heapq.heappop(ends)
            free += cpus
            forecaster.observe_end(ended, at)
            begin(at)
        wanted = shape(rng)
        told[key] = forecaster.forecast(wanted, now), now
        job = QueuedJob(key, now, wanted)
        forecaster.observe_submit(job, now)
        queue.append((job, rng.uniform(0.1, 1.0) * (wanted.walltime_s or 0)))
        begin(now)
    return waited
