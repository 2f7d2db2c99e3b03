"""The protocol every backend speaks: typed records in and out, one family of errors.

A backend is used by one process at a time, is synchronous, and bounds every call in time. It acts
as the user who runs it and no more. Job references are texts as Slurm prints them: ``12``, ``4_7``
(one task), ``4_[1-3]``, ``4`` (the whole array), ``9+1``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from jobshape.app.domain.job import AccountedJob, Job, LogPaths, Usage
from jobshape.app.domain.limits import SiteLimits
from jobshape.app.domain.log_part import LogPart
from jobshape.app.domain.request import EarliestStart, JobChanges, JobRequest, SubmitRequest
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.step import Step


class Scope(Enum):
    """Whose jobs: mine, those of the accounts I belong to, everybody's."""

    MINE = "mine"
    ACCOUNTS = "accounts"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Capability:
    """Whether something works here and, if not, why and how to get it."""

    available: bool
    detail: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What this backend can do on this site, found out by asking, never assumed."""

    backend: str  # "pyslurm", "commands", "local"
    source: str  # in a word or two, for the footer: "pyslurm 25.11.2", "squeue via ssh login1"
    cluster: str
    scheduler_version: str  # "slurm 26.05.5"
    user: str
    accounts: tuple[str, ...] = ()
    features: Mapping[str, Capability] = field(default_factory=dict)
    # keys of features: accounting, usage, script, gpu_usage, submit, private_data


@dataclass(frozen=True, slots=True)
class QueueReading:
    """One reading of the queue; ``unread`` holds records not understood, as they were."""

    jobs: list[Job]
    unread: tuple[str, ...] = ()
    source: str = ""  # which call gave it, for the footer


FirstJobs = Callable[[Sequence[Job]], None]
FIRST_JOBS = 100
"""About two screenfuls."""


@dataclass(frozen=True, slots=True)
class JobDetail:
    """Everything the site knows of one job, in groups a person reads top to bottom."""

    job_id: int
    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]  # (title, ((field, value), ...))


@dataclass(frozen=True, slots=True)
class ControllerCost:
    """What the controller has spent by its own count: type -> (calls, ms of all). Source: sdiag(1).

    The times include what a call waited for the controller's locks.
    """

    spent: Mapping[str, tuple[int, float]]

    @property
    def per_call_ms(self) -> dict[str, float]:
        """Message type -> mean time of one call, in ms."""
        return {kind: ms / calls for kind, (calls, ms) in self.spent.items() if calls}

    def since(self, earlier: "ControllerCost") -> "ControllerCost":
        """What was spent after an earlier count; nothing known where the controller began anew."""
        grown = {}
        for kind, (calls, ms) in self.spent.items():
            calls_before, ms_before = earlier.spent.get(kind, (0, 0.0))
            if calls > calls_before and ms >= ms_before:
                grown[kind] = (calls - calls_before, ms - ms_before)
        return ControllerCost(grown)


class Backend(Protocol):
    """One site, as its user sees it.

    Every method raises a :class:`~jobshape.app.domain.errors.BackendError`: ``Unreachable`` (no
    answer in time, after the retries), ``Refused`` (the controller's own words), ``NotSupported``,
    ``BadRequest`` (unknown job, malformed value). ``calls`` counts the requests sent to the
    controller since the start, by Slurm's message type (``REQUEST_JOB_INFO``).
    """

    calls: dict[str, int]

    def capabilities(self) -> Capabilities:
        """What works here; asks the site, may take a second."""
        ...

    def queue(self, scope: Scope, first: FirstJobs | None = None) -> QueueReading:
        """All jobs the controller holds now in this scope, finished ones it still remembers too.

        first: is given some of the newest jobs while the others of a long queue are still being
        read, so that a screen need not wait for all of them.
        """
        ...

    def pulse(self) -> str:
        """A text that is another one once any job of the site came, went or changed its state.

        Of a long queue it costs the controller, and us, a tenth of a reading. Raises NotSupported
        where the site has nothing of the kind.
        """
        ...

    def nodes(self) -> list[Node]:
        """All nodes, each once."""
        ...

    def partitions(self) -> list[Partition]:
        """All partitions this user may see."""
        ...

    def usage(self, jobs: Sequence[str], *, probe: bool = True) -> list[Usage]:
        """Live usage of these running jobs; one that has no figures is left out.

        probe: whether anything may be run inside them for their GPUs' figures.
        """
        ...

    def accounting(
        self,
        scope: Scope,
        since: int,
        until: int | None = None,
        jobs: Sequence[str] = (),
        *,
        ended: bool = False,
    ) -> list[AccountedJob]:
        """Jobs of accounting that were in any state between the two times, steps folded in.

        ended: only jobs that ended between them, without what waits: most of a long queue.
        """
        ...

    def detail(self, job: str) -> JobDetail:
        """Everything known of one job of the queue."""
        ...

    def steps(self, job: str) -> list[Step]:
        """The steps of one job, running or over; none of a job that has not started.

        Where a site keeps no accounting, only those that run now.
        """
        ...

    def submit(self, request: SubmitRequest) -> int:
        """Submit; gives the new job's id (the array's)."""
        ...

    def cancel(self, job: str, *, signal: str | None = None) -> None:
        """Cancel a job, a task or an array; with a signal, send only that."""
        ...

    def hold(self, job: str) -> None:
        """Hold a pending job."""
        ...

    def release(self, job: str) -> None:
        """Release a held job."""
        ...

    def requeue(self, job: str) -> None:
        """Put a running or finished batch job back in the queue."""
        ...

    def top(self, job: str) -> None:
        """Put a pending job before the user's other ones; NotSupported where users may not."""
        ...

    def suspend(self, job: str) -> None:
        """Stop a running job where it is; most sites let only operators do it."""
        ...

    def resume(self, job: str) -> None:
        """Let a suspended job go on."""
        ...

    def update(self, job: str, changes: JobChanges) -> None:
        """Change a job in place."""
        ...

    def script(self, job: str) -> str:
        """The batch script as the site stored it."""
        ...

    def log_paths(self, job: str) -> LogPaths:
        """Where it writes its output."""
        ...

    def read_log(self, path: str, offset: int, size: int, *, on_node_of: str = "") -> LogPart:
        """Up to 256 KiB of a file, from an offset or, if that is negative, so far from the end.

        A file that is missing or unreadable is an answer, no error. on_node_of: a running job, on
        whose first node the file is read, for one on that node's own disk; it costs a job step.
        """
        ...

    def earliest_start(self, request: SubmitRequest) -> EarliestStart:
        """When this would start if submitted now; nothing is submitted."""
        ...

    def request_of(self, job: str) -> JobRequest:
        """What a job of the queue or of accounting asks for, and how it was submitted."""
        ...

    def limits(self) -> SiteLimits:
        """What the site lets this user ask for."""
        ...

    def controller_cost(self) -> ControllerCost:
        """What the controller has spent on calls since it started, by type."""
        ...
