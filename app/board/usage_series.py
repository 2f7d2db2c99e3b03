"""What running jobs used over time, as far as it was seen in this session."""

from collections.abc import Iterable, Sequence

from jobshape.app.domain.job import Usage

MOST_SAMPLES = 720
"""Samples kept of one job: with more, every second one of the older half goes."""

MOST_JOBS = 64
"""Jobs whose samples are kept: with more, those of the one heard of longest ago go."""


class UsageSeries:
    """Samples by job, oldest first. Usage comes only of jobs that somebody watches."""

    def __init__(self, most_samples: int = MOST_SAMPLES, most_jobs: int = MOST_JOBS) -> None:
        self._samples: dict[int, list[Usage]] = {}
        self._most_samples = most_samples
        self._most_jobs = most_jobs

    def add(self, usage: Iterable[Usage]) -> None:
        """Keep these; one that is not newer than the last of its job is no news."""
        for one in usage:
            samples = self._samples.pop(one.job_id, [])
            self._samples[one.job_id] = samples  # the newest stands last
            if not samples or one.at > samples[-1].at:
                samples.append(one)
            if len(samples) > self._most_samples:
                samples[:] = thinned(samples)
        while len(self._samples) > self._most_jobs:
            del self._samples[next(iter(self._samples))]

    def of(self, job_id: int) -> tuple[Usage, ...]:
        """The samples of a job, oldest first."""
        return tuple(self._samples.get(job_id, ()))


def thinned(samples: Sequence[Usage]) -> list[Usage]:
    """About three quarters of the samples: of two old neighbours the one that used more memory."""
    half = len(samples) // 2 // 2 * 2
    kept = [
        max(samples[at : at + 2], key=lambda one: one.memory_bytes or 0) for at in range(0, half, 2)
    ]
    return [*kept, *samples[half:]]


def joined(stored: Sequence[Usage], seen: Sequence[Usage]) -> list[Usage]:
    """Samples of history and of this session as one series; one a second."""
    by_time = {one.at: one for one in (*stored, *seen)}
    return [by_time[at] for at in sorted(by_time)]
