"""The backend that speaks to a site through pyslurm, and through Slurm's commands for the rest."""

import gc
import os
import pwd
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jobshape.app.backends.base import (
    Capabilities,
    Capability,
    ControllerCost,
    FirstJobs,
    JobDetail,
    QueueReading,
    Scope,
)
from jobshape.app.backends.commands.backend import CommandsBackend
from jobshape.app.backends.commands.detail import filled
from jobshape.app.backends.pyslurm.changes import description_of
from jobshape.app.backends.pyslurm.jobs import JobReader, read_jobs
from jobshape.app.backends.pyslurm.library import Library, translated, why_not
from jobshape.app.backends.pyslurm.site import (
    counts_gpus,
    has_gpus,
    read_node,
    read_partition,
)
from jobshape.app.backends.pyslurm.usage import read_usage
from jobshape.app.domain.errors import BackendError, BadRequest, NotSupported, Unreachable
from jobshape.app.domain.job import AccountedJob, LogPaths, Usage
from jobshape.app.domain.limits import SiteLimits
from jobshape.app.domain.log_part import LogPart
from jobshape.app.domain.request import EarliestStart, JobChanges, JobRequest, SubmitRequest
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.states import is_finished
from jobshape.app.domain.step import Step

if TYPE_CHECKING:
    from jobshape.app.backends.gpu_usage.reader import Notes

__all__ = ["PyslurmBackend", "why_not"]

SHORT_QUEUE = 1000
"""Jobs up to which slurmctld answers for all (3 ms) about as fast as for one user (1 ms)."""

_ONE_JOB = ("REQUEST_FED_INFO", "REQUEST_JOB_INFO_SINGLE")
_ALREADY_DONE = 2021  # ESLURM_ALREADY_DONE
_JOB_IDS = 1 << 32


class PyslurmBackend:
    """A site through libslurm.

    pyslurm is imported at the first call that needs it, in that process, or by :meth:`load`: a
    first reading of the own jobs does not need it. It holds the interpreter lock while it waits
    (10 s where slurmctld hangs) and may end or crash the process, so calls belong in a forked
    child. What pyslurm cannot do is asked of ``commands``, as each method says; both share
    ``calls``.
    """

    def __init__(self, commands: CommandsBackend | None = None) -> None:
        self._commands = commands or CommandsBackend()
        self.calls: dict[str, int] = self._commands.calls
        self._library: Library | None = None
        self._accounts: tuple[str, ...] | None = None
        self._gpu_notes: Notes = {}

    def load(self) -> Library:
        """Import pyslurm here, so that children forked later have it (it takes 0.05 s).

        Raises NotSupported; ends the process where there is no slurm.conf (see :func:`why_not`).
        """
        if self._library is None:
            self._library = Library()
        return self._library

    def capabilities(self) -> Capabilities:
        """What works here: the site's settings through the commands, pyslurm by loading it."""
        found = self._commands.capabilities()
        library = self.load()
        helpers = "squeue for your own jobs, sacct, sbatch; scontrol for details and for arrays"
        return replace(
            found,
            backend="pyslurm",
            source=f"pyslurm {library.version}",
            features={**found.features, "commands": Capability(True, helpers)},
        )

    def queue(self, scope: Scope, first: FirstJobs | None = None) -> QueueReading:
        """All jobs of a scope; ``MINE`` through squeue where the queue is long.

        pyslurm can only ask for everybody's jobs. squeue asks slurmctld for one user's, which
        costs it 1 ms instead of 66 at 20,000 jobs; up to :data:`SHORT_QUEUE` jobs it makes no
        difference. Slurm has no such request for an account, so ``ACCOUNTS`` costs as much as
        ``ALL``.
        """
        if scope is Scope.MINE and not self._queue_is_short():
            return self._commands.queue(scope, first)
        accounts = self._my_accounts() if scope is Scope.ACCOUNTS else ()
        with _without_garbage_collection(), self._asking("Jobs.load", "REQUEST_JOB_INFO") as slurm:
            everybody = scope is Scope.ALL
            # The Jobs itself keeps a second copy of every record, 1 KB each: let go of it at once.
            clusters = slurm.Jobs.load().data
            reading = read_jobs(clusters, self._source, first if everybody else None)
        if scope is Scope.ACCOUNTS:
            reading = replace(reading, jobs=[j for j in reading.jobs if j.account in accounts])
        if scope is Scope.MINE:
            me = _user()
            reading = replace(reading, jobs=[j for j in reading.jobs if j.user == me])
        return reading

    def pulse(self) -> str:
        """Through squeue: pyslurm has no such request."""
        return self._commands.pulse()

    def nodes(self) -> list[Node]:
        """All nodes, hidden ones too.

        Through scontrol on a site that does not count GPUs in AccountingStorageTRES: pyslurm does
        not say there how many are in use.
        """
        with self._asking("Nodes.load", "REQUEST_NODE_INFO", "REQUEST_PARTITION_INFO") as slurm:
            nodes = list(slurm.Nodes.load().values())
            if any(map(has_gpus, nodes)) and not any(node.allocated_gres for node in nodes):
                self._count("REQUEST_BUILD_INFO")
                if not counts_gpus(slurm.slurmctld.Config.load().accounting_storage_tres):
                    return self._commands.nodes()
            return [read_node(node) for node in nodes]

    def partitions(self) -> list[Partition]:
        """All partitions, hidden ones too."""
        calls = ("REQUEST_PARTITION_INFO", "REQUEST_BUILD_INFO")
        with self._asking("Partitions.load", *calls) as slurm:
            return [read_partition(one) for one in slurm.Partitions.load().values()]

    def usage(self, jobs: Sequence[str], *, probe: bool = True) -> list[Usage]:
        """Live usage; het jobs, references other than Slurm's ids, GPU figures: through sstat.

        pyslurm 25.11.2 has no TRES usage of steps.
        """
        plain = [job for job in jobs if _is_id(job)]
        others = [job for job in jobs if not _is_id(job)]
        found = [usage for job in plain if (usage := self._usage_of(int(job))) is not None]
        if others:
            found += self._commands.measured(others)[0]
        found, self._gpu_notes = self._commands.with_gpus(found, self._gpu_notes, probe)
        return found

    def accounting(
        self,
        scope: Scope,
        since: int,
        until: int | None = None,
        jobs: Sequence[str] = (),
        *,
        ended: bool = False,
    ) -> list[AccountedJob]:
        """Jobs of accounting, through sacct.

        pyslurm 25.11.2 counts whole seconds of CPU time a step, and fails for all jobs where one
        was a het job with a step over its parts (IndexError in JobStepStatistics).
        """
        return self._commands.accounting(scope, since, until, jobs, ended=ended)

    def detail(self, job: str) -> JobDetail:
        """Everything of one job, through scontrol: it has more than pyslurm, in Slurm's words."""
        return self._commands.detail(job)

    def steps(self, job: str) -> list[Step]:
        """The steps, through sacct or scontrol; see :meth:`accounting`."""
        return self._commands.steps(job)

    def submit(self, request: SubmitRequest) -> int:
        """Submit, through sbatch.

        pyslurm reads no ``#SBATCH`` line of a script that is a text, always asks for one task and
        one node, and leaves out what sbatch hands to the job: umask, resource limits,
        SLURM_SUBMIT_DIR, the site's cli_filter plugins.
        """
        return self._commands.submit(request)

    def cancel(self, job: str, *, signal: str | None = None) -> None:
        """Cancel, or send a signal to the steps; arrays and het jobs through scancel."""
        record = self._record(job)
        if record is None:
            return self._commands.cancel(job, signal=signal)
        with self._asking("Job.cancel", "REQUEST_CANCEL_JOB_STEP") as slurm:
            if is_finished(record.state):  # pyslurm keeps quiet about it
                raise translated(
                    _ALREADY_DONE, slurm.error.slurm_strerror(_ALREADY_DONE), "pyslurm Job.cancel"
                )
            with _bad_values("Job.cancel"):
                record.send_signal("SIGKILL" if signal is None else _signal_name(signal))

    def hold(self, job: str) -> None:
        """Hold a pending job; arrays and het jobs through scontrol."""
        record = self._record(job)
        if record is None:
            return self._commands.hold(job)
        with self._asking("Job.hold", "REQUEST_UPDATE_JOB"):
            record.hold()  # never with mode="user": that crashes in pyslurm 25.11.2

    def release(self, job: str) -> None:
        """Release a held job; arrays and het jobs through scontrol."""
        record = self._record(job)
        if record is None:
            return self._commands.release(job)
        with self._asking("Job.release", "REQUEST_UPDATE_JOB"):
            record.release()

    def requeue(self, job: str) -> None:
        """Put a batch job back in the queue; arrays and het jobs through scontrol."""
        record = self._record(job)
        if record is None:
            return self._commands.requeue(job)
        with self._asking("Job.requeue", "REQUEST_JOB_REQUEUE"):
            record.requeue()

    def top(self, job: str) -> None:
        """Put a pending job before the user's other ones, through scontrol."""
        self._commands.top(job)

    def suspend(self, job: str) -> None:
        """Stop a running job where it is, through scontrol."""
        self._commands.suspend(job)

    def resume(self, job: str) -> None:
        """Let a suspended job go on, through scontrol."""
        self._commands.resume(job)

    def update(self, job: str, changes: JobChanges) -> None:
        """Change a job in place.

        Through scontrol: arrays and het jobs, sizes and partitions, several changes at once, the
        throttle of an array, and everything set to nothing or zero.
        """
        description = description_of(changes)
        record = self._record(job) if description else None
        if record is None or description is None:
            return self._commands.update(job, changes)
        with self._asking("Job.modify", "REQUEST_UPDATE_JOB") as slurm, _bad_values("Job.modify"):
            record.modify(slurm.JobSubmitDescription(**description))

    def script(self, job: str) -> str:
        """The script from the controller; of tasks, and once the job is gone, through scontrol."""
        if _is_id(job):
            try:
                with self._asking("Job.get_batch_script", "REQUEST_BATCH_SCRIPT") as slurm:
                    script: str | None = slurm.Job(int(job)).get_batch_script()
            except Unreachable:
                raise
            except (BackendError, UnicodeDecodeError):
                script = None
            if script:
                return script
        return self._commands.script(job)

    def log_paths(self, job: str) -> LogPaths:
        """Where it writes; of arrays and het jobs, and once the job is gone, through scontrol."""
        try:
            record = self._record(job)
        except BadRequest:
            record = None
        if record is None:
            return self._commands.log_paths(job)
        stdout = record.standard_output or ""
        paths = LogPaths(stdout, record.standard_error or stdout, record.standard_input or "")
        return filled(paths, JobReader().job(record))

    def read_log(self, path: str, offset: int, size: int, *, on_node_of: str = "") -> LogPart:
        """A part of a file: from here, or through srun."""
        return self._commands.read_log(path, offset, size, on_node_of=on_node_of)

    def earliest_start(self, request: SubmitRequest) -> EarliestStart:
        """When it would start, through sbatch: pyslurm cannot ask without submitting."""
        return self._commands.earliest_start(request)

    def request_of(self, job: str) -> JobRequest:
        """What a job asks for, through scontrol: it says how memory and GPUs were asked for."""
        return self._commands.request_of(job)

    def limits(self) -> SiteLimits:
        """What may be asked for, through scontrol and sacctmgr."""
        return self._commands.limits()

    def controller_cost(self) -> ControllerCost:
        """The controller's count of calls and their time, by message type."""
        with self._asking("slurmctld.diag", "REQUEST_STATS_INFO") as slurm:
            types = slurm.slurmctld.diag().rpcs_by_type
            return ControllerCost(
                {name: (int(one.count), one.time / 1000) for name, one in types.items()}
            )

    def _queue_is_short(self) -> bool:
        """Whether reading everybody's jobs is as cheap as reading one's own.

        False until pyslurm is loaded: the first own jobs shall not wait for its import.
        """
        if self._library is None:
            return False
        with self._asking("slurmctld.diag", "REQUEST_STATS_INFO") as slurm:
            known = slurm.slurmctld.diag()
        return int(known.jobs_pending) + int(known.jobs_running) <= SHORT_QUEUE

    @property
    def _source(self) -> str:
        return f"pyslurm {self.load().version}"

    @contextmanager
    def _asking(self, where: str, *calls: str) -> Iterator[Any]:
        """A block that asks Slurm with these message types; gives the library."""
        library = self.load()
        self._count(*calls)
        with library.asking(where):
            yield library.module

    def _count(self, *calls: str) -> None:
        for call in calls:
            self.calls[call] = self.calls.get(call, 0) + 1

    def _record(self, job: str) -> Any | None:
        """The pyslurm record that a reference means; None where it means more than one record.

        pyslurm changes single records; the commands know arrays, tasks and het jobs as a whole.
        Raises BadRequest for an unknown job.
        """
        if not _is_id(job):
            return None
        with self._asking("Job.load", *_ONE_JOB) as slurm:
            record = slurm.Job.load(int(job))
        whole = record.array_id is None and record.heterogeneous_id is None
        return record if whole and record.id == int(job) else None

    def _usage_of(self, job_id: int) -> Usage | None:
        try:
            calls = (*_ONE_JOB, "REQUEST_JOB_STEP_INFO")
            with self._asking("Job.load", *calls) as slurm:
                job = slurm.Job.load(job_id)
                steps = list(job.steps.values())
            if job.heterogeneous_id is not None:  # load_stats: IndexError, or another one's figures
                return next(iter(self._commands.measured([str(job_id)])[0]), None)
            with self._asking("JobStep.load_stats", *["REQUEST_STEP_LAYOUT"] * len(steps)):
                for step in steps:
                    step.load_stats()
        except Unreachable:
            raise
        except BackendError:  # no such job, or it just ended
            return None
        return read_usage(job_id, int(time.time()), steps)

    def _my_accounts(self) -> tuple[str, ...]:
        if self._accounts is None:
            with self._asking("db.Associations.load") as slurm:
                wanted = slurm.db.AssociationFilter(users=[_user()])
                found = slurm.db.Associations.load(wanted).values()
                self._accounts = tuple(dict.fromkeys(one.account for one in found))
        if not self._accounts:
            what = f"no account of {_user()} is known"
            raise NotSupported(what, where="pyslurm", hint="this site keeps no accounting")
        return self._accounts


def _user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def _is_id(job: str) -> bool:
    return job.isascii() and job.isdigit() and 0 < int(job) < _JOB_IDS


def _signal_name(signal: str) -> str:
    name = signal.upper()
    return name if name.isdigit() or name.startswith("SIG") else f"SIG{name}"


@contextmanager
def _bad_values(where: str) -> Iterator[None]:
    """What pyslurm itself does not accept is a bad request."""
    try:
        yield
    except (ValueError, TypeError, OverflowError) as error:
        raise BadRequest(str(error), where=f"pyslurm {where}") from error


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Collections walk every record made so far: a fifth of the time of a large queue."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
