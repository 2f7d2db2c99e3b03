"""When failed jobs are sent again by themselves, and when that stops. Pure.

Knows nothing that does not stand on the board or in history: an app that starts again goes on.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from jobshape.app.domain.finding import Finding
from jobshape.app.domain.job import Job
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.terms import Terms
from jobshape.app.resubmit.cases import TRANSIENT, case_of

MENDED_BY_SHAPE = frozenset({"raise_memory", "raise_walltime", "exclude_node"})
LATEST_S = 3600.0
"""Failures older than this are left to the person."""

_REASON = re.compile(r"by itself, time (\d+), after (\w+)")


class Line(NamedTuple):
    """How often a job was sent again by itself before, and after what, the newest first."""

    after: tuple[str, ...] = ()


class Verdict(NamedTuple):
    """Whether and when; ``stopped`` says why never."""

    due_at: float = 0.0
    time: int = 1  # the how manieth
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed job, or all failed tasks of one array."""

    key: int  # the job's id, or the array's
    jobs: tuple[Job, ...]
    label: str
    title: str
    ended_at: float

    @property
    def name(self) -> str:
        """How it is called in what is said of it."""
        return f"{self.key} {self.jobs[0].name}"


def reason_of(time: int, label: str, why: str = "") -> str:
    """The reason that history keeps; :func:`label_of_reason` reads the class from it."""
    return f"by itself, time {time}, after {label}" + (f": {why}" if why else "")


def label_of_reason(reason: str) -> str | None:
    """After which class of failure; None: a person sent it."""
    match = _REASON.match(reason)
    return match[2] if match else None


def may_retry(job: Job, findings: Sequence[Finding]) -> bool:
    """Whether its failure is one that a changed shape mends, or that may be gone by itself."""
    if phase_of(job.state) is not Phase.FAILED or job.het_job_id is not None:
        return False
    case = case_of(job, findings)
    if case.is_hopeless:
        return False
    return case.fix in MENDED_BY_SHAPE or (case.fix in TRANSIENT and case.retry in ("yes", "maybe"))


def verdict(failure: Failure, line: Line, terms: Terms) -> Verdict:
    """What the policy says of one failure."""
    times = len(line.after)
    if times >= terms.most:
        return Verdict(stopped=f"sent again {times} times already, and policy allows {terms.most}")
    alike = 1
    for label in line.after:
        if label != failure.label:
            break
        alike += 1
    if alike >= terms.same_failures:
        return Verdict(stopped=f"{alike} times the same failure: {failure.title}")
    minutes = terms.minutes[min(times, len(terms.minutes) - 1)] if terms.minutes else 0.0
    return Verdict(failure.ended_at + minutes * 60, times + 1)


class RetryKeeper:
    """The failures that stand on a board, and which of them are done with."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self._jobs: dict[int, Job] = {}
        self._open: dict[int, set[int]] = {}  # array -> its tasks that are not over
        self._failed: dict[int, dict[int, Job]] = {}  # job or array -> failed records
        self._settled: dict[int, frozenset[int]] = {}  # key -> records that it was settled for
        self._not_before: dict[int, float] = {}
        self._found: dict[int, Sequence[Finding]] = {}

    @property
    def latest_s(self) -> float:
        """After so long a failure is old news; the longest wait before a retry counts in."""
        return LATEST_S + 60 * max(self.terms.minutes, default=0.0)

    def see(self, job_id: int, job: Job | None) -> None:
        """A record that came, changed or, None, went; a failure that went is still one."""
        old = self._jobs.get(job_id)
        if job is None and old is not None and phase_of(old.state) is Phase.FAILED:
            return
        self._forget(job_id)
        if job is None:
            return
        self._jobs[job_id] = job
        key = _key(job)
        phase = phase_of(job.state)
        if phase in (Phase.WAITING, Phase.RUNNING):
            self._open.setdefault(key, set()).add(job_id)
        elif phase is Phase.FAILED:
            self._failed.setdefault(key, {})[job_id] = job

    def failures(
        self, found: Callable[[int], Sequence[Finding] | None], now: float
    ) -> Iterable[Failure]:
        """Those not settled that may be sent again; an array only once none of its tasks is left.

        found: the findings of a job; None: it is not looked into yet, which is waited for.
        """
        for key, jobs in list(self._failed.items()):
            if self._open.get(key) or self._settled.get(key) == frozenset(jobs):
                continue
            if now < self._not_before.get(key, 0.0):
                continue
            ended = max((job.end_time or 0 for job in jobs.values()), default=0)
            if now - ended > self.latest_s:
                for job_id in list(jobs):
                    self._forget(job_id)
                continue
            failure = self._failure(key, jobs, found, float(ended))
            if failure is not None:
                yield failure

    def _failure(
        self, key: int, jobs: Mapping[int, Job],
        found: Callable[[int], Sequence[Finding] | None], ended: float,
    ) -> Failure | None:  # fmt: skip
        alike: dict[tuple[str, str], Sequence[Finding]] = {}
        for job_id, job in jobs.items():
            own = found(job_id)
            if own is None:
                own = self._found.get(job_id)
            if own is not None:
                self._found[job_id] = own
                alike.setdefault((job.state, job.exit_code), own)
        labels: dict[str, int] = {}
        titles: dict[str, str] = {}
        for job in jobs.values():
            own = self._found.get(job.job_id)
            # Of a plain failure the next task may have died of something else.
            shared = (
                None if job.exit_code.startswith("1:") else alike.get((job.state, job.exit_code))
            )
            findings = own if own is not None else shared
            if findings is None and alike.get((job.state, job.exit_code)) is not None:
                continue  # not looked into: a person may send it
            if findings is None:
                return None  # still to be looked into
            if may_retry(job, findings):
                case = case_of(job, findings)
                labels[case.label] = labels.get(case.label, 0) + 1
                titles[case.label] = case.title
        if not labels:
            return None
        label = max(labels, key=lambda one: labels[one])
        return Failure(key, tuple(jobs.values()), label, titles[label], ended)

    def findings(self, failure: Failure) -> dict[str, list[Finding]]:
        """What was found of its jobs, by id."""
        return {
            str(job.job_id): list(self._found[job.job_id])
            for job in failure.jobs if job.job_id in self._found
        }  # fmt: skip

    def settle(self, failure: Failure) -> None:
        """Done with it, in whatever way, until another of its tasks fails."""
        self._settled[failure.key] = frozenset(job.job_id for job in failure.jobs)

    def put_off(self, failure: Failure, until: float) -> None:
        """Not before then."""
        self._not_before[failure.key] = until

    def _forget(self, job_id: int) -> None:
        old = self._jobs.pop(job_id, None)
        self._found.pop(job_id, None)
        if old is None:
            return
        key = _key(old)
        if key in self._open:
            self._open[key].discard(job_id)
            if not self._open[key]:
                del self._open[key]
        if key in self._failed:
            self._failed[key].pop(job_id, None)
            if not self._failed[key]:
                del self._failed[key]


def _key(job: Job) -> int:
    return job.array_job_id if job.array_job_id is not None else job.job_id
