"""The backend of this machine: reads the queue's database, asks the supervisor to act.

Reading needs no supervisor and costs it nothing. The first call that needs one starts it, so does
any call that finds work nobody looks after: the machine was started anew, or it was killed.
"""

import gc
import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from typing import Any

from jobshape import __version__
from jobshape.app.backends.base import (
    Capabilities,
    Capability,
    ControllerCost,
    FirstJobs,
    JobDetail,
    QueueReading,
    Scope,
)
from jobshape.app.backends.local import launch
from jobshape.app.backends.local.config import LocalSite
from jobshape.app.backends.local.folder import SiteFolder
from jobshape.app.backends.local.gpus import GpuPool, gpu_types, nvml_of
from jobshape.app.backends.local.machine import Machine, machine_of, memory_free_bytes
from jobshape.app.backends.local.record import PENDING, LocalJob
from jobshape.app.backends.local.reference import Reference, parse_reference, unknown
from jobshape.app.backends.local.requests import request_of
from jobshape.app.backends.local.shape import job_of, options_of
from jobshape.app.backends.local.standing import why_waiting
from jobshape.app.backends.local.store import Store, reading
from jobshape.app.backends.local.view import Shown, detail_of, log_paths_of, steps_of, user_name
from jobshape.app.domain.array_tasks import TaskSet
from jobshape.app.domain.errors import BackendError, BadRequest, NotSupported, Unreachable
from jobshape.app.domain.job import UNLIMITED, AccountedJob, LogPaths, Usage
from jobshape.app.domain.limits import Limits, SiteLimits
from jobshape.app.domain.log_part import LogPart
from jobshape.app.domain.request import EarliestStart, JobChanges, JobRequest, SubmitRequest
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.step import Step
from jobshape.app.logs.source import check_part, read_file

SOURCE = "this machine"
ACTION_S = 20.0
"""How long an action may take; the supervisor answers in milliseconds."""


class LocalBackend:
    """Jobs as processes of this machine. Making one costs nothing and starts nothing."""

    def __init__(self, site: LocalSite) -> None:
        self.calls: dict[str, int] = Counter()
        self._site = site
        self._folder = SiteFolder(site.folder)
        self._unwoken = ""  # why no supervisor could be started

    def capabilities(self) -> Capabilities:
        """What works here."""
        gpus = self._machine.gpus
        yes = Capability(True)
        no_accounts = Capability(
            False, "one machine has no accounts, QOS or features: they are kept with the job, and"
            " decide nothing",
        )  # fmt: skip
        features = {
            "accounting": yes, "usage": yes, "script": yes, "submit": yes,
            "private_data": Capability(False, "there are no other users' jobs here"),
            "gpu_usage": Capability(
                bool(gpus), gpu_types(gpus) if gpus else "no GPU figures: no GPU was found",
                "" if gpus else "pip install 'jobshape[gpu]' where there is an NVIDIA driver",
            ),
            "accounts": no_accounts,
            "het_jobs": Capability(False, "this machine is the only node"),
        }  # fmt: skip
        return Capabilities(
            backend="local", source=SOURCE, cluster=self._site.name,
            scheduler_version=f"jobshape {__version__}", user=user_name(), features=features,
        )  # fmt: skip

    def queue(self, scope: Scope, first: FirstJobs | None = None) -> QueueReading:
        """Jobs that are not over, and those that ended in the last minutes; all are this user's."""
        self.calls["REQUEST_JOB_INFO"] += 1
        now = time.time()
        with self._open() as store:
            if store is None:
                return QueueReading([], source=SOURCE)
            with _without_garbage_collection():
                active = store.active()
                ended = store.ended_since(now - self._site.ended_stay_s)
                shown = Shown(self._machine, active, now, self._foreign_gpus(active))
                jobs = [shown.job(job) for job in (*active, *ended)]
        trouble = self._unwoken or launch.trouble(self._folder)
        return QueueReading(jobs, source=f"{SOURCE}: {trouble}" if trouble else SOURCE)

    def pulse(self) -> str:
        """Not needed: a reading is no more than one of a file."""
        raise NotSupported("a reading costs no more", where=SOURCE)

    def nodes(self) -> list[Node]:
        """This machine."""
        self.calls["REQUEST_NODE_INFO"] += 1
        with self._open() as store:
            active = store.active() if store else []
        running = [job for job in active if job.state != PENDING]
        machine = self._machine
        cpus = sum(job.cpus for job in running)
        state = "IDLE" if not cpus else "MIXED" if cpus < machine.cpus else "ALLOCATED"
        return [Node(
            name=machine.name, state=state, reason="",
            partitions=tuple(partition.name for partition in machine.partitions),
            cpus=machine.cpus, cpus_allocated=cpus, cpu_load=os.getloadavg()[0],
            memory_bytes=machine.memory_bytes,
            memory_allocated_bytes=sum(job.memory_bytes for job in running),
            memory_free_bytes=self._memory_free_bytes(), gpus=len(machine.gpus),
            gpus_allocated=sum(job.gpus for job in running), gpu_types=gpu_types(machine.gpus),
            features="",
        )]  # fmt: skip

    def _memory_free_bytes(self) -> int | None:
        """Of a site that has but a part of the machine nobody can say it."""
        free = memory_free_bytes()
        return free if free is not None and free <= self._machine.memory_bytes else None

    def partitions(self) -> list[Partition]:
        """The site's partitions; they share the machine."""
        self.calls["REQUEST_PARTITION_INFO"] += 1
        return [
            Partition(
                name=one.name, state="UP", is_default=place == 0, nodes=1, cpus=self._machine.cpus,
                time_limit_s=UNLIMITED if one.time_limit_s is None else one.time_limit_s,
                default_time_s=one.default_time_s, priority_tier=1, qos="", allow_accounts="",
                allow_groups="", allow_qos="",
            )
            for place, one in enumerate(self._machine.partitions)
        ]  # fmt: skip

    def usage(self, jobs: Sequence[str], *, probe: bool = True) -> list[Usage]:
        """Live usage: all processes of a job together; the peak is of their sum."""
        if not jobs or not self._has_running():
            return []
        found = self._ask("usage", {"jobs": list(jobs)}, "REQUEST_JOB_STEP_STAT")
        return [Usage(*entry) for entry in found]

    def accounting(
        self,
        scope: Scope,
        since: int,
        until: int | None = None,
        jobs: Sequence[str] = (),
        *,
        ended: bool = False,
    ) -> list[AccountedJob]:
        """Jobs that were in any state between the two times, or ended between them."""
        wanted = [parse_reference(job) for job in jobs]
        now = time.time()
        last = now if until is None else until
        with self._open() as store:
            if store is None:
                return []
            found = store.between(since, last)
            active = store.active()
        if wanted:
            found = [job for job in found if any(_is_meant(job, one) for one in wanted)]
        if ended:
            found = [job for job in found if job.end_time is not None and job.end_time <= last]
        shown = Shown(self._machine, active, now, self._foreign_gpus(active))
        return [shown.accounted(job) for job in found]

    def detail(self, job: str) -> JobDetail:
        """Everything known of one job."""
        self.calls["REQUEST_JOB_INFO_SINGLE"] += 1
        with self._open() as store:
            row = self._row(store, job)
            active = store.active() if store else []
        shown = Shown(self._machine, active, time.time(), self._foreign_gpus(active))
        return detail_of(row, shown.job(row), shown.accounted(row), self._machine.name)

    def steps(self, job: str) -> list[Step]:
        """The batch script: what it starts with srun is counted in with it here."""
        self.calls["REQUEST_JOB_STEP_INFO"] += 1
        with self._open() as store:
            row = self._row(store, job)
            active = store.active() if store else []
        return steps_of(row, Shown(self._machine, active, time.time()).accounted(row))

    def submit(self, request: SubmitRequest) -> int:
        """Submit a script."""
        environment = os.environ if request.environment is None else request.environment
        fields = asdict(request)
        del fields["environment"]
        job_id = self._ask("submit", {
            "request": fields, "environment": json.dumps(dict(environment), sort_keys=True),
            "submit_dir": _working_folder(), "umask": own_umask(),
        }, "REQUEST_SUBMIT_BATCH_JOB")  # fmt: skip
        return int(job_id)

    def cancel(self, job: str, *, signal: str | None = None) -> None:
        """Cancel; or send a signal to the job's steps or, where there are none, to its script."""
        self._act("cancel", job, "REQUEST_KILL_JOB", signal=signal)

    def hold(self, job: str) -> None:
        """Hold a pending job."""
        self._act("hold", job, "REQUEST_UPDATE_JOB")

    def release(self, job: str) -> None:
        """Release a held job."""
        self._act("release", job, "REQUEST_UPDATE_JOB")

    def requeue(self, job: str) -> None:
        """Put a running or ended job back in the queue."""
        self._act("requeue", job, "REQUEST_JOB_REQUEUE")

    def top(self, job: str) -> None:
        """Put a pending job before the other ones."""
        self._act("top", job, "REQUEST_TOP_JOB")

    def suspend(self, job: str) -> None:
        """Stop a running job where it is; it keeps its slots."""
        self._act("suspend", job, "REQUEST_SUSPEND")

    def resume(self, job: str) -> None:
        """Let a suspended job go on."""
        self._act("resume", job, "REQUEST_SUSPEND")

    def update(self, job: str, changes: JobChanges) -> None:
        """Change a job in place."""
        self._act("update", job, "REQUEST_UPDATE_JOB", changes=asdict(changes))

    def script(self, job: str) -> str:
        """The script as it was submitted."""
        self.calls["REQUEST_BATCH_SCRIPT"] += 1
        with self._open() as store:
            row = self._row(store, job)
            return store.kept(row.script) if store else ""

    def log_paths(self, job: str) -> LogPaths:
        """Where it writes."""
        self.calls["REQUEST_JOB_INFO_SINGLE"] += 1
        with self._open() as store:
            row = self._row(store, job)
        tasks = parse_reference(job).tasks
        task = tasks.first() if tasks and len(tasks) == 1 and row.array_tasks else None
        return log_paths_of(row, self._machine.name, task)

    def read_log(self, path: str, offset: int, size: int, *, on_node_of: str = "") -> LogPart:
        """A part of a file; every job runs here, so there is no other node to read it on."""
        check_part(path, size)
        if on_node_of:
            with self._open() as store:
                self._row(store, on_node_of)  # or there is no such job
        return read_file(path, offset, size)

    def earliest_start(self, request: SubmitRequest) -> EarliestStart:
        """When it would start; Refused if it never could."""
        self.calls["REQUEST_JOB_WILL_RUN"] += 1
        now = time.time()
        machine = self._machine
        job = job_of(options_of(request), machine, submit_dir=_working_folder(), now=now)
        if job.array_tasks:
            job.array_tasks, job.task_id = "", 0
        with self._open() as store:
            active = store.active() if store else []
        job.id = max((other.id for other in active), default=0) + 1
        job.held = 0
        active.append(job)
        shown = Shown(machine, active, now, self._foreign_gpus(active))
        start = shown.job(job).start_time
        if start is None and job.begin_time and job.begin_time > now:
            start = int(job.begin_time)
        message = "" if start is not None else "it is too far behind in the queue to say"
        return EarliestStart(start, machine.name, job.partition, message)

    def request_of(self, job: str) -> JobRequest:
        """What a job asks for; the arguments are exact, where the script lay nobody noted."""
        self.calls["REQUEST_JOB_INFO_SINGLE"] += 1
        with self._open() as store:
            row = self._row(store, job)
            of_array = store.array(row.id) if store and row.array_id == row.id else []
        return request_of(job, row, of_array)

    def limits(self) -> SiteLimits:
        """What the partitions and the machine allow."""
        self.calls["REQUEST_PARTITION_INFO"] += 1
        machine = self._machine
        return SiteLimits(
            partitions=tuple(
                Limits(
                    name=one.name, time_limit_s=one.time_limit_s, nodes=1, gpus=len(machine.gpus),
                    cpus=machine.cpus, node_cpus=machine.cpus, memory_bytes=machine.memory_bytes,
                    node_memory_bytes=machine.memory_bytes,
                )
                for one in machine.partitions
            ),
            problem="one machine has no accounts and no QOS",
        )  # fmt: skip

    def controller_cost(self) -> ControllerCost:
        """Nothing: reading costs the supervisor nothing."""
        return ControllerCost(
            {name: (1, 0.0) for name in ("REQUEST_JOB_INFO", "REQUEST_NODE_INFO",
                                    "REQUEST_PARTITION_INFO")}
        )  # fmt: skip

    @cached_property
    def _machine(self) -> Machine:
        return machine_of(self._site)

    @cached_property
    def _pool(self) -> GpuPool:
        return GpuPool(nvml_of(self._site.gpus), self._site.gpu_busy_bytes)

    def _foreign_gpus(self, active: Sequence[LocalJob]) -> frozenset[int]:
        """GPUs that somebody else uses; nobody is asked while no job waits for one."""
        if not any(job.gpus and job.state == PENDING for job in active):
            return frozenset()
        self._pool.note_given(job.gpu_ids for job in active if job.state != PENDING)
        self._pool.look()
        return self._pool.foreign

    def _act(self, name: str, job: str, call: str, **arguments: Any) -> None:
        parse_reference(job)
        self._ask(name, {"job": job, **arguments}, call)

    def _ask(self, name: str, arguments: dict[str, Any], call: str) -> Any:
        self.calls[call] += 1
        return launch.request(self._site, name, arguments, ACTION_S)

    @contextmanager
    def _open(self) -> Iterator[Store | None]:
        """The database for reading; None where nothing was ever submitted."""
        store = None
        if self._folder.is_there():
            try:
                store = Store.to_read(self._folder.database)
            except Unreachable:  # after a power cut only who may write can open it
                if launch.is_running(self._folder):
                    raise
                launch.start(self._site)
                store = Store.to_read(self._folder.database)
        if store is None:
            yield None
            return
        try:
            with reading(self._folder.database):
                self._wake(store)
                yield store
        finally:
            store.close()

    def _wake(self, store: Store) -> None:
        """See that somebody looks after the work there is; where that fails, reading goes on."""
        self._unwoken = ""
        if self._has_work(store) and not launch.is_running(self._folder):
            try:
                launch.start(self._site)
            except BackendError as error:
                self._unwoken = error.what

    def _has_work(self, store: Store) -> bool:
        if store.has_work():
            return True
        misfits = store.misfits()
        if not misfits:
            return False
        machine = self._machine  # it may have grown since
        return any(not why_waiting(job, machine, time.time(), 0) for job in misfits)

    def _has_running(self) -> bool:
        with self._open() as store:
            return store is not None and any(job.state != PENDING for job in store.active())

    def _row(self, store: Store | None, job: str) -> LocalJob:
        """The row that a reference means; of an array the record of its waiting tasks."""
        reference = parse_reference(job)
        if reference.job_id > 1 << 60 or store is None:
            raise unknown(job)
        row = store.job(reference.job_id)
        if row is None:
            raise unknown(job)
        if reference.tasks is None or row.array_id != row.id:
            if reference.tasks is not None:
                raise unknown(job)
            return row
        for one in store.array(row.id):
            if one.task_id is not None and one.task_id in reference.tasks:
                return one
        left = TaskSet.parse(row.array_tasks) if row.array_tasks else TaskSet()
        if any(task in left for task in reference.tasks):
            return row
        raise unknown(job)


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Collections walk every record made so far."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _is_meant(job: LocalJob, reference: Reference) -> bool:
    if reference.tasks is None:
        return reference.job_id in (job.id, job.array_id)
    return job.array_id == reference.job_id and job.task_id in reference.tasks


def own_umask() -> int:
    """The umask of this process; to read it is to set it for a moment."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _working_folder() -> str:
    try:
        return os.getcwd()  # noqa: PTH109
    except OSError as error:
        raise BadRequest("the working folder is gone", hint="give the job a folder (-D)") from error
