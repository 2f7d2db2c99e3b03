"""How many tasks a record stands for, and counts of tasks by phase."""

import re
from functools import lru_cache
from typing import NamedTuple

from jobshape.app.domain.job import Job
from jobshape.app.domain.states import Phase, phase_of

_RANGE = re.compile(r"\s*([0-9]{1,9})(?:-([0-9]{1,9})(?::([0-9]{1,9}))?)?\s*\Z")


class Counts(NamedTuple):
    """Tasks by phase; a job that is no array counts as one task."""

    waiting: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    unknown: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


NO_COUNTS = Counts()
_PHASES = (Phase.WAITING, Phase.RUNNING, Phase.DONE, Phase.FAILED, Phase.CANCELLED, Phase.UNKNOWN)
_PLACE = {phase: place for place, phase in enumerate(_PHASES)}


class Tally:
    """Counts that change in place."""

    __slots__ = ("_numbers", "jobs")

    def __init__(self) -> None:
        self._numbers = [0] * len(_PLACE)
        self.jobs = 0  # records, where the counts are tasks

    def add(self, job: Job, sign: int = 1) -> None:
        """Count a record's tasks in, or out with -1."""
        self._numbers[_PLACE[phase_of(job.state)]] += sign * tasks_of(job)
        self.jobs += sign

    @property
    def counts(self) -> Counts:
        """The counts now."""
        return Counts(*self._numbers)

    def copy(self) -> "Tally":
        """One that changes for itself."""
        other = Tally()
        other._numbers, other.jobs = self._numbers.copy(), self.jobs
        return other


class Family:
    """The records of one array, or of one heterogeneous job, and their tasks by phase."""

    __slots__ = ("job_ids", "tally")

    def __init__(self) -> None:
        self.job_ids: set[int] = set()
        self.tally = Tally()

    def add(self, job: Job) -> None:
        """Take a record in."""
        self.job_ids.add(job.job_id)
        self.tally.add(job)

    def remove(self, job: Job) -> None:
        """Let a record go, as it was taken in."""
        self.job_ids.remove(job.job_id)
        self.tally.add(job, -1)


@lru_cache(maxsize=4096)
def count_tasks(array_tasks: str) -> int | None:
    """How many tasks ``1-500%20`` or ``1,3,5-9:2%3`` names; None where the text is cut or odd.

    Slurm cuts long lists with ``...`` (squeue(1), SLURM_BITSTR_LEN): their number is unknown.
    """
    total = 0
    for part in array_tasks.partition("%")[0].split(","):
        match = _RANGE.match(part)
        if not match:
            return None
        first, last, step = match.groups()
        if last is None:
            total += 1
        elif int(last) >= int(first):
            total += (int(last) - int(first)) // max(1, int(step or 1)) + 1
    return total


def tasks_of(job: Job) -> int:
    """How many tasks a record stands for: those not split off yet, else one."""
    return (count_tasks(job.array_tasks) or 1) if job.array_tasks else 1


def counts_of(job: Job) -> Counts:
    """The record's tasks by phase."""
    tally = Tally()
    tally.add(job)
    return tally.counts
