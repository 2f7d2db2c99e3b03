"""What running jobs used over time, as far as it was seen in this session."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from jobshape.app.domain.job import Usage

MOST_SAMPLES = 720
"""Samples kept of one job; with more every second one goes, and new ones are kept as seldom."""

MOST_JOBS = 64
"""Jobs whose samples are kept; with more those of the one heard of longest ago go."""


class _OfOneJob:
    """Samples of one job, evenly apart, the newest always among them."""

    __slots__ = ("_step_s", "samples")

    def __init__(self) -> None:
        self.samples: list[Usage] = []
        self._step_s = 0.0  # least time between two samples, the newest excepted

    def add(self, one: Usage, most: int) -> None:
        samples = self.samples
        if samples and one.at <= samples[-1].at:
            return
        if len(samples) >= 2 and samples[-1].at - samples[-2].at < self._step_s:
            passing = samples.pop()  # it was there only as the newest
            if _memory(passing) > max(_memory(samples[-1]), _memory(one)):
                samples[-1] = passing  # a peak stays
        samples.append(one)
        if len(samples) > most:
            self._step_s = 2 * middle([b.at - a.at for a, b in pairwise(samples)])
            self.samples = thinned(samples)


class UsageSeries:
    """Samples by job, oldest first. Usage comes only of jobs that somebody watches."""

    def __init__(self, most_samples: int = MOST_SAMPLES, most_jobs: int = MOST_JOBS) -> None:
        self._jobs: dict[int, _OfOneJob] = {}
        self._most_samples = most_samples
        self._most_jobs = most_jobs

    def add(self, usage: Iterable[Usage]) -> None:
        """Keep these; one that is not newer than the last of its job is no news."""
        for one in usage:
            of_job = self._jobs.pop(one.job_id, None) or _OfOneJob()
            self._jobs[one.job_id] = of_job  # the newest stands last
            of_job.add(one, self._most_samples)
        while len(self._jobs) > self._most_jobs:
            del self._jobs[next(iter(self._jobs))]

    def of(self, job_id: int) -> tuple[Usage, ...]:
        """The samples of a job, oldest first."""
        of_job = self._jobs.get(job_id)
        return tuple(of_job.samples) if of_job else ()


def thinned(samples: Sequence[Usage]) -> list[Usage]:
    """Half of the samples: of two neighbours the one that used more memory; the ends stay."""
    inner = samples[1:-1]
    kept = [max(inner[at : at + 2], key=_memory) for at in range(0, len(inner), 2)]
    return [samples[0], *kept, *samples[1:][-1:]]


def joined(stored: Sequence[Usage], seen: Sequence[Usage]) -> list[Usage]:
    """Samples of history and of this session as one series; one a second."""
    by_time = {one.at: one for one in (*stored, *seen)}
    return [by_time[at] for at in sorted(by_time)]


def middle(values: Sequence[float]) -> float:
    """The upper median of some values; statistics, which has it, takes 10 ms to load."""
    return sorted(values)[len(values) // 2]


def _memory(one: Usage) -> int:
    return one.memory_bytes or 0
