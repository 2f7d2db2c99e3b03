"""The site's rows as the records that every backend gives."""

import json
import os
import pwd
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache

from jobshape.app.backends.base import JobDetail
from jobshape.app.backends.commands.detail import filled
from jobshape.app.backends.local.gpus import gpus_named
from jobshape.app.backends.local.machine import Machine
from jobshape.app.backends.local.record import PENDING, SUSPENDED, LocalJob
from jobshape.app.backends.local.scheduler import NEVER as NO_END
from jobshape.app.backends.local.scheduler import Candidate, Holding, plan, slots_of
from jobshape.app.backends.local.standing import (
    priority_of,
    rank_of,
    running_tasks,
    task_room,
    why_waiting,
)
from jobshape.app.domain.job import NO_JOB, UNLIMITED, AccountedJob, Job, LogPaths
from jobshape.app.domain.step import Step
from jobshape.app.domain.units import MIB, format_duration, format_size

_SIZES = ((1 << 40, "T"), (1 << 30, "G"), (1 << 20, "M"), (1 << 10, "K"))


@cache
def user_name() -> str:
    """Whose jobs these are."""
    return pwd.getpwuid(os.geteuid()).pw_name


class Shown:
    """Turns rows into records, for one moment and all active jobs of that moment."""

    def __init__(
        self, machine: Machine, active: Sequence[LocalJob], now: float,
        foreign_gpus: Iterable[int] = (),
    ) -> None:  # fmt: skip
        """foreign_gpus: those that somebody else uses; nobody knows when they come free."""
        self._machine = machine
        self._foreign_gpus = foreign_gpus
        self._partitions = {one.name: one for one in machine.partitions}
        self._running = running_tasks(active)
        self._now = now
        self._starts, self._first = self._forecast(active)

    def job(self, job: LocalJob) -> Job:
        """The record of a row."""
        pending = job.state == PENDING
        start, end = self._times(job)
        in_array = job.array_id is not None
        tasks = job.array_tasks + (f"%{job.throttle}" if job.array_tasks and job.throttle else "")
        priority = 0 if job.held else priority_of(rank_of(job, self._partitions))
        return NO_JOB._replace(
            job_id=job.id, state=job.state, reason=self._reason(job), start_time=start,
            end_time=end, time_limit_s=job.time_limit_s, name=job.name, user=user_name(),
            account=job.account, partition=job.partition, qos=job.qos,
            array_job_id=job.array_id, array_task_id=job.task_id if in_array else None,
            array_tasks=tasks, priority=priority, submit_time=int(job.submit_time),
            eligible_time=None if job.eligible_time is None else int(job.eligible_time),
            nodes=1, node_list="" if pending or job.start_time is None else self._machine.name,
            tasks=job.task_count, cpus=job.cpus, memory_bytes=job.memory_bytes, gpus=job.gpus,
            tres=tres_of(job), dependency=job.dependency_shown, features=job.features,
            restarts=job.restarts, exit_code=exit_code_of(job), work_dir=job.work_dir,
            comment=job.comment,
        )  # fmt: skip

    def accounted(self, job: LocalJob) -> AccountedJob:
        """The record with what it used."""
        record = self.job(job)
        elapsed = None
        if job.state != PENDING:
            elapsed = 0
            if record.start_time is not None:
                end = int(self._now) if job.end_time is None else int(job.end_time)
                elapsed = max(0, end - record.start_time - int(job.stopped_s(self._now)))
        return AccountedJob(
            job=record, elapsed_s=elapsed, total_cpu_s=job.cpu_s, max_rss_bytes=job.peak_bytes,
            derived_exit_code="0:0" if record.exit_code else "", gpu_percent=job.gpu_percent,
            gpu_memory_peak_bytes=job.gpu_peak_bytes,
        )  # fmt: skip

    def _times(self, job: LocalJob) -> tuple[int | None, int | None]:
        if job.state == PENDING:
            start = self._starts.get(job.id)
            return (None if start is None else int(start)), None
        start_time = None if job.start_time is None else int(job.start_time)
        if job.end_time is not None:
            return start_time, int(job.end_time)
        if start_time is None or job.time_limit_s == UNLIMITED or job.state == SUSPENDED:
            return start_time, None
        return start_time, start_time + job.time_limit_s + int(job.suspended_s)

    def _reason(self, job: LocalJob) -> str:
        if job.state != PENDING:
            return job.reason
        why = why_waiting(job, self._machine, self._now, self._running.get(job.array_id or 0, 0))
        return why or ("Resources" if job.id == self._first else "Priority")

    def _forecast(self, active: Sequence[LocalJob]) -> tuple[dict[int, float], int | None]:
        """When pending jobs will start, of the first in line; and the very first one."""
        waiting = []
        for job in active:
            if job.state == PENDING:
                running = self._running.get(job.array_id or 0, 0)
                if not why_waiting(job, self._machine, self._now, running):
                    waiting.append((rank_of(job, self._partitions), job.id, job))
        waiting.sort(key=lambda entry: entry[:2])
        candidates = (
            Candidate(job.id, self.slots(job), walltime(job),
                      task_room(job, self._running.get(job.array_id or 0, 0)))
            for _, _, job in waiting
        )  # fmt: skip
        kinds = gpu_kinds(self._machine)
        found = plan(
            self._now, capacity_of(self._machine, kinds, self._foreign_gpus),
            holdings_of(active, self._machine), candidates, only_starts=False,
        )  # fmt: skip
        times = {**found.times, **{key: self._now for key in found.starts}}
        return times, waiting[0][1] if waiting else None

    def slots(self, job: LocalJob) -> tuple[int, ...]:
        """What it asks for, for the scheduler."""
        return slots_for(job, self._machine)


def gpu_kinds(machine: Machine) -> tuple[str, ...]:
    """The types of GPUs here."""
    return tuple(dict.fromkeys(gpu.kind for gpu in machine.gpus))


_slots = lru_cache(maxsize=256)(slots_of)


def kind_asked(job: LocalJob, machine: Machine) -> str:
    """The machine's word for the type that a job asks for; "" for any."""
    if not job.gpu_type:
        return ""
    named = gpus_named(machine.gpus, job.gpu_type)
    return named[0].kind if named else job.gpu_type


def slots_for(job: LocalJob, machine: Machine) -> tuple[int, ...]:
    """What a pending job asks for."""
    kind = kind_asked(job, machine) if job.gpu_type else ""
    return _slots(job.cpus, job.memory_bytes, job.gpus, kind, gpu_kinds(machine))


def capacity_of(
    machine: Machine, kinds: tuple[str, ...], without: Iterable[int] = ()
) -> tuple[int, ...]:
    """All slots there are, but for the GPUs that somebody else uses."""
    gone = set(without)
    gpus = [gpu.kind for gpu in machine.gpus if gpu.number not in gone]
    return (machine.cpus, machine.memory_bytes, len(gpus), *(gpus.count(kind) for kind in kinds))


def holdings_of(jobs: Iterable[LocalJob], machine: Machine) -> list[Holding]:
    """What the running jobs have, GPUs by the type of those they were given."""
    kinds = gpu_kinds(machine)
    kind_of = {str(gpu.number): gpu.kind for gpu in machine.gpus}
    held = []
    for job in jobs:
        if job.state == PENDING:
            continue
        given = [kind_of.get(index, "") for index in job.gpu_ids.split(",") if index]
        slots = (job.cpus, job.memory_bytes, len(given), *(given.count(kind) for kind in kinds))
        until = (job.start_time or 0.0) + walltime(job) + job.suspended_s
        held.append(Holding(slots, NO_END if job.state == SUSPENDED else until))
    return held


def walltime(job: LocalJob) -> float:
    """Its limit as the scheduler counts."""
    return NO_END if job.time_limit_s == UNLIMITED else float(job.time_limit_s)


def exit_code_of(job: LocalJob) -> str:
    """``code:signal`` of a job that is over; "" before."""
    if job.end_time is None:
        return ""
    return f"{job.exit_code or 0}:{job.exit_signal}"


def tres_of(job: LocalJob) -> str:
    """What it asks for as Slurm's text."""
    text = f"cpu={job.cpus},mem={slurm_size(job.memory_bytes)},node=1,billing={job.cpus}"
    if job.gpus:
        text += f",gres/gpu={job.gpus}"
        if job.gpu_type:
            text += f",gres/gpu:{job.gpu_type}={job.gpus}"
    return text


def slurm_size(size_bytes: int) -> str:
    """A size as Slurm writes one: ``60M``, ``1.50G``."""
    for unit_bytes, unit in _SIZES:
        if size_bytes >= unit_bytes:
            whole, rest = divmod(size_bytes, unit_bytes)
            return f"{whole}{unit}" if not rest else f"{size_bytes / unit_bytes:.2f}{unit}"
    return str(size_bytes)


def log_paths_of(job: LocalJob, node: str, task: int | None = None) -> LogPaths:
    """Where it reads and writes, patterns filled in. task: of an array, one not split off yet."""
    in_array = job.array_id is not None
    stdout = job.stdout or ("slurm-%A_%a.out" if in_array else "slurm-%j.out")
    paths = LogPaths(
        *(_below(job.work_dir, path) for path in (stdout, job.stderr or stdout,
                                                  job.stdin or "/dev/null"))
    )  # fmt: skip
    record = NO_JOB._replace(
        job_id=job.id, name=job.name, user=user_name(), node_list=node, array_job_id=job.array_id,
        array_task_id=job.task_id if task is None else task,
    )  # fmt: skip
    return filled(paths, record)


def _below(folder: str, path: str) -> str:
    return path if path.startswith("/") else f"{folder.rstrip('/')}/{path}"


def detail_of(job: LocalJob, record: Job, accounted: AccountedJob, node: str) -> JobDetail:
    """Everything of a job, in the groups that the other backends have."""
    paths = log_paths_of(job, node)
    in_array = record.array_job_id is not None
    groups: dict[str, dict[str, str]] = {
        "Job": {
            "JobId": str(job.id),
            "ArrayJobId": str(record.array_job_id) if in_array else "",
            "ArrayTaskId": record.array_tasks or _number(record.array_task_id),
            "ArrayTaskThrottle": str(job.throttle) if job.throttle else "",
            "JobName": job.name, "Comment": job.comment, "UserId": record.user,
            "Account": job.account, "QOS": job.qos, "Partition": job.partition,
        },
        "State": {
            "JobState": record.state, "Reason": record.reason, "Message": job.message,
            "Dependency": job.dependency_shown, "Priority": _number(record.priority),
            "Nice": str(job.nice) if job.nice else "", "ExitCode": record.exit_code,
            "Restarts": str(job.restarts), "Requeue": str(job.requeue),
        },
        "Times": {
            "SubmitTime": _time(record.submit_time), "EligibleTime": _time(record.eligible_time),
            "StartTime": _time(record.start_time), "EndTime": _time(record.end_time),
            "RunTime": format_duration(accounted.elapsed_s, unknown=""),
            "Suspended": _suspended(job),
            "TimeLimit": format_duration(job.time_limit_s, unknown=""),
        },
        "Resources": {
            "NumNodes": "1", "NumCPUs": str(job.cpus), "NumTasks": str(job.task_count),
            "CPUs/Task": str(job.cpus_per_task), "TRES": record.tres,
            "MinMemoryNode": f"{job.memory_bytes // MIB}M", "Features": job.features,
            "MaxRSS": format_size(job.peak_bytes, unknown=""),
            "TotalCPU": "" if job.cpu_s is None else f"{job.cpu_s:.1f} s",
            "GPUMemory": format_size(job.gpu_peak_bytes, unknown=""),
            "GPUUtilisation": "" if job.gpu_percent is None else f"{job.gpu_percent:.0f} %",
        },
        "Placement": {"NodeList": record.node_list, "GPUs": job.gpu_ids},
        "Files": {
            "SubmitDir": job.submit_dir, "WorkDir": job.work_dir, "StdOut": paths.stdout,
            "StdErr": paths.stderr, "StdIn": paths.stdin,
            "Arguments": "" if job.arguments == "[]" else " ".join(json.loads(job.arguments)),
        },
    }  # fmt: skip
    return JobDetail(job.id, tuple(
        (title, shown) for title, fields in groups.items() if (shown := _said(fields))
    ))  # fmt: skip


def steps_of(job: LocalJob, accounted: AccountedJob) -> list[Step]:
    """The one step of a job that has started: its batch script with all its processes."""
    record = accounted.job
    if job.state == PENDING or record.start_time is None:
        return []
    is_over = job.end_time is not None
    return [Step(
        step="batch", name="batch", state=record.state, start_time=record.start_time,
        end_time=record.end_time if is_over else None, elapsed_s=accounted.elapsed_s,
        exit_code=record.exit_code, nodes=1, tasks=job.task_count, cpus=job.cpus,
        node_list=record.node_list, total_cpu_s=job.cpu_s, max_rss_bytes=job.peak_bytes,
        tres=record.tres,
    )]  # fmt: skip


def _suspended(job: LocalJob) -> str:
    """How long it was stopped before, and since when it is now."""
    before = format_duration(int(job.suspended_s)) if job.suspended_s else ""
    since = "" if job.suspend_time is None else f"since {_time(int(job.suspend_time))}"
    return f"{before} {since}".strip()


def _said(fields: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in fields.items() if value)


def _number(number: int | None) -> str:
    return "" if number is None else str(number)


def _time(at: int | None) -> str:
    return "" if at is None else datetime.fromtimestamp(at).isoformat(" ")
