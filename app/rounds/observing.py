"""What has become of the jobs of attempts: from one reading of the queue, and from accounting.

Accounting is asked only of jobs that are over or not in the queue any more.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from jobshape.app.backends.base import Backend, Scope
from jobshape.app.domain.errors import BackendError, NotSupported, Refused
from jobshape.app.domain.job import NO_JOB, AccountedJob, Job
from jobshape.app.domain.states import FINISHED, Phase, phase_of
from jobshape.app.rounds.array_script import key_of
from jobshape.app.rounds.campaign import Attempt

FIGURES_S = 15
"""How long an ended job's figures are waited for: accounting comes behind the queue."""

GONE_S = 120
"""How long a job may be neither in the queue nor in accounting before it counts as gone."""

SILENT_S = 3600
"""The same where accounting gives no answer: it is down for a while, and still knows the job."""

MOST_ASKED = 200
"""Jobs and arrays of one question to accounting."""

_RANGE = re.compile(r"([0-9]+)(?:-([0-9]+)(?::([0-9]+))?)?")

Place = tuple[int, int | None]
"""Job id (the array's) and task."""


class Seen(NamedTuple):
    """A job as it is now; ``used`` once accounting has told."""

    attempt: Attempt
    job: Job
    used: AccountedJob | None = None
    is_gone: bool = False  # nobody knows it any more

    @property
    def is_over(self) -> bool:
        """Whether it will not run again by itself."""
        return self.is_gone or phase_of(self.job.state) in FINISHED


class QueueIndex:
    """A reading of the queue, to be asked for single tasks."""

    def __init__(self, jobs: Iterable[Job], unread: int = 0) -> None:
        self.unread = unread  # records that were not understood
        self._of: dict[Place, Job] = {}
        self._unsplit: dict[int, list[tuple[Job, list[range] | None]]] = {}
        self.by_name: dict[str, Job] = {}
        self.by_key: dict[str, Job] = {}
        for job in jobs:
            _keep_first(self.by_name, job.name, job)
            if key := key_of(job.comment):
                _keep_first(self.by_key, key, job)
            if job.array_job_id is None:
                self._of[job.job_id, None] = job
            elif job.array_tasks:
                entry = (job, _ranges(job.array_tasks))
                self._unsplit.setdefault(job.array_job_id, []).append(entry)
            else:
                self._of[job.array_job_id, job.array_task_id] = job

    def find(self, place: Place) -> Job | None:
        """The record that stands for it; None: it is not in the queue."""
        found = self._of.get(place)
        if found is not None or place[1] is None:
            return found
        for job, ranges in self._unsplit.get(place[0], ()):
            if ranges is None or any(place[1] in one for one in ranges):
                return job
        return None


def _keep_first(kept: dict[str, Job], word: str, job: Job) -> None:
    """Of several the one sent first: who sends a job again by hand sends its name and comment."""
    before = kept.setdefault(word, job)
    if (job.array_job_id or job.job_id) < (before.array_job_id or before.job_id):
        kept[word] = job


def _ranges(text: str) -> list[range] | None:
    """The tasks that a text names; None where Slurm cut it: then any may be meant."""
    ranges = []
    for part in text.partition("%")[0].split(","):
        match = _RANGE.fullmatch(part.strip())
        if match is None:
            return None
        first = int(match[1])
        ranges.append(range(first, int(match[2] or first) + 1, int(match[3] or 1)))
    return ranges


class Observer:
    """Sees to the open attempts of campaigns; keeps since when it misses which."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._missed: dict[Place, int] = {}
        self._gone_s = GONE_S

    def look(self, attempts: Sequence[Attempt], queue: QueueIndex, now: int) -> list[Seen]:
        """Each attempt of which something is known now. Raises BackendError."""
        seen: list[Seen] = []
        ended: dict[Place, tuple[Attempt, Job | None]] = {}
        for attempt in attempts:
            if attempt.job_id is None:
                continue
            place = (attempt.job_id, attempt.task)
            job = queue.find(place)
            if job is None or phase_of(job.state) in FINISHED:
                ended[place] = (attempt, job)
            else:
                self._missed.pop(place, None)
                seen.append(Seen(attempt, job))
        accounted = self._accounted([attempt for attempt, _ in ended.values()]) if ended else {}
        for place, (attempt, job) in ended.items():
            found = self._ended(place, attempt, job, accounted.get(place), now)
            if found is not None:
                seen.append(found)
        return seen

    def _ended(
        self, place: Place, attempt: Attempt, job: Job | None, used: AccountedJob | None, now: int
    ) -> Seen | None:
        told = used.job if used is not None else None
        if told is not None and phase_of(told.state) in FINISHED:
            if job is None or not _is_older(told, job):
                self._missed.pop(place, None)
                return Seen(attempt, told, used)
            told = None  # accounting still tells of the run before it was requeued
        if job is not None:
            if now - (job.end_time or now) < FIGURES_S and self._waited(place, now) < FIGURES_S:
                return None
            self._missed.pop(place, None)
            return Seen(attempt, job)
        if told is not None:  # accounting has it, and has not heard of its end
            phase = phase_of(told.state)
            if phase in (Phase.WAITING, Phase.RUNNING) and self._waited(place, now) < GONE_S:
                return Seen(attempt, told)
        if self._waited(place, now) < self._gone_s:
            return None
        self._missed.pop(place, None)
        return Seen(attempt, told or NO_JOB._replace(job_id=place[0]), used, is_gone=True)

    def _waited(self, place: Place, now: int) -> int:
        return now - self._missed.setdefault(place, now)

    def _accounted(self, attempts: Sequence[Attempt]) -> Mapping[Place, AccountedJob]:
        since = min(attempt.submitted_at or 0 for attempt in attempts) - 60
        references = list(dict.fromkeys(str(attempt.job_id) for attempt in attempts))
        found: dict[Place, AccountedJob] = {}
        self._gone_s = GONE_S
        for first in range(0, len(references), MOST_ASKED):
            part = references[first : first + MOST_ASKED]
            try:
                entries = self._backend.accounting(Scope.MINE, max(0, since), jobs=part)
            except (NotSupported, Refused):
                return found  # the queue alone has to do
            except BackendError:
                self._gone_s = SILENT_S
                return found
            for entry in entries:
                job = entry.job
                if job.array_job_id is None:
                    found[job.job_id, None] = entry
                elif not job.array_tasks:
                    found[job.array_job_id, job.array_task_id] = entry
        return found


def _is_older(told: Job, job: Job) -> bool:
    """Whether accounting tells of an earlier run than the queue."""
    return bool(told.start_time and job.start_time and told.start_time < job.start_time)
