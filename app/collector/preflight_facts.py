"""Asks a site everything that the checks before a submission want to know; runs in a child.

One part that cannot be had does not cost the others, but a site that does not answer is not asked
again and again: the whole ends within its time.
"""

import time
from collections.abc import Callable
from typing import TypeVar

from jobshape.app.backends.base import Backend, Scope
from jobshape.app.domain.errors import (
    BackendError,
    BadRequest,
    NotSupported,
    Refused,
    Unreachable,
)
from jobshape.app.domain.job import Job
from jobshape.app.domain.request import EarliestStart, SubmitRequest
from jobshape.app.domain.site_facts import (
    IDENTITY,
    LIMITS,
    NODES,
    PARTITIONS,
    QUEUE,
    START,
    OwnJob,
    SiteFacts,
)

ENOUGH_S = 15.0
"""After so long nothing more is asked: what is known by then is the answer."""

MOST_COMPARED = 3
"""Jobs whose stored script is fetched, to compare it."""

Answer = TypeVar("Answer")
Clock = Callable[[], float]


def gather_site_facts(
    backend: Backend, request: SubmitRequest, name: str, clock: Clock = time.monotonic
) -> SiteFacts:
    """What the site says of itself and of this request; nothing is submitted.

    name: what the job will be called. Raises nothing that a backend raises.
    """
    asked = _Asked(clock)
    partitions = asked.part(PARTITIONS, backend.partitions)
    start, refusal = None, ("", "")
    try:
        start = asked.part(START, lambda: _start(backend, request))
    except BackendError as error:
        refusal = (f"{error.where}: {error.what}" if error.where else error.what, error.hint)
    queue = asked.part(QUEUE, lambda: backend.queue(Scope.MINE).jobs)
    nodes = asked.part(NODES, backend.nodes)
    limits = asked.part(LIMITS, backend.limits)
    identity = asked.part(IDENTITY, backend.capabilities)
    same: tuple[str, ...] = ()
    own = None if queue is None else tuple(map(_own, queue))
    if own:
        same = _with_same_script(asked, backend, request, name, own)
    return SiteFacts(
        cluster=identity.cluster if identity else "",
        scheduler=identity.scheduler_version if identity else "",
        user=identity.user if identity else "",
        queue=own, nodes=None if nodes is None else tuple(nodes),
        partitions=None if partitions is None else tuple(partitions), limits=limits, start=start,
        refusal=refusal[0], refusal_hint=refusal[1], same_script=same, troubles=asked.troubles,
    )  # fmt: skip


class _Asked:
    """Asks part by part, and keeps why one is missing."""

    def __init__(self, clock: Clock) -> None:
        self.troubles: dict[str, str] = {}
        self._clock = clock
        self._until = clock() + ENOUGH_S
        self._lost = 0

    @property
    def over(self) -> bool:
        """Whether asking on is in vain: two questions without an answer, or the time is up."""
        return self._lost >= 2 or self._clock() >= self._until

    def part(self, part: str, question: Callable[[], Answer]) -> Answer | None:
        """The answer, None without one. Raises _Judged for what is an answer about the request."""
        if self.over:
            self.troubles[part] = "not asked: the site is slow, or does not answer"
            return None
        try:
            return question()
        except _Judged:
            raise
        except BackendError as error:
            self._lost += isinstance(error, Unreachable)
            self.troubles[part] = error.what
            return None


class _Judged(BackendError):
    """The site's no to this request."""


def _start(backend: Backend, request: SubmitRequest) -> EarliestStart:
    try:
        return backend.earliest_start(request)
    except (Refused, BadRequest) as error:
        raise _Judged(error.what, where=error.where, hint=error.hint) from error
    except NotSupported as error:
        if not error.where.startswith("line "):
            raise
        raise _Judged(error.what, where=error.where, hint=error.hint) from error  # of the script


def _own(job: Job) -> OwnJob:
    whole = next(filter(None, (job.array_job_id, job.het_job_id)), job.job_id)
    return OwnJob(job.job_id, job.label, whole, job.state, job.name, job.work_dir, job.partition)


def _with_same_script(
    asked: _Asked, backend: Backend, request: SubmitRequest, name: str, queue: tuple[OwnJob, ...]
) -> tuple[str, ...]:
    """Open jobs that look the same and have the same script, newest first."""
    alike: dict[int, OwnJob] = {
        job.whole_id: job for job in queue
        if job.is_open and job.name == name and job.work_dir == (request.work_dir or "")
    }  # fmt: skip
    found = []
    for whole in sorted(alike, reverse=True)[:MOST_COMPARED]:
        if asked.over:
            break
        try:
            stored = backend.script(str(whole))
        except BackendError:
            continue
        if stored.rstrip("\n\0") == request.script.rstrip("\n"):
            found.append(alike[whole].label)
    return tuple(found)
