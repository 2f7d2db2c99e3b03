"""Changing a job in place, as ``scontrol update`` does for its user."""

from jobshape.app.backends.local.machine import Machine
from jobshape.app.backends.local.record import PENDING, LocalJob
from jobshape.app.backends.local.shape import (
    check_nodes,
    check_size,
    check_time,
    parse_gpus,
    partition_of,
)
from jobshape.app.domain.errors import BadRequest, Refused
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.request import JobChanges
from jobshape.app.domain.units import MIB

DENIED = "Access/permission denied"
NOT_PENDING = "Job is no longer pending execution"
_ANY_TIME = frozenset({"name", "comment", "array_throttle", "time_limit_s", "nice"})


def change(job: LocalJob, changes: JobChanges, machine: Machine, *, dry: bool) -> list[str]:
    """Change the job; gives the names of the fields that differ. dry: only see if it could be.

    Raises Refused or BadRequest, and then nothing is changed.
    """
    given = {name for name in JobChanges.__slots__ if getattr(changes, name) is not None}
    if job.state != PENDING and not given <= _ANY_TIME:
        raise Refused(NOT_PENDING, where=f"job {job.label}")
    new = _changed(job, changes, machine)
    if not dry:
        for name, value in new.items():
            setattr(job, name, value)
    return list(new)


def _changed(job: LocalJob, changes: JobChanges, machine: Machine) -> dict[str, object]:
    new: dict[str, object] = {}
    plain = {
        "name": changes.name, "comment": changes.comment, "account": changes.account,
        "qos": changes.qos, "features": changes.features, "nice": changes.nice,
        "dependency": changes.dependency,
    }  # fmt: skip
    new.update({name: value for name, value in plain.items() if value is not None})
    if changes.array_throttle is not None:
        if job.array_id is None or changes.array_throttle < 0:
            raise BadRequest("Invalid ArrayTaskThrottle value", where=f"job {job.label}")
        new["throttle"] = changes.array_throttle
    new.update(_shape(job, changes, machine))
    return new


def _shape(job: LocalJob, changes: JobChanges, machine: Machine) -> dict[str, object]:
    new: dict[str, object] = {}
    if changes.partition is not None:
        new["partition"] = partition_of(changes.partition, machine).name
    if changes.nodes is not None:
        check_nodes(changes.nodes, machine)
    if changes.exclude_nodes and machine.name in changes.exclude_nodes.split(","):
        raise Refused("Requested node configuration is not available", where=machine.name)
    if changes.time_limit_s is not None:
        new["time_limit_s"] = _limit(job, changes.time_limit_s)
    partition = machine.partition(str(new.get("partition", job.partition)))
    if partition is not None and {"partition", "time_limit_s"} & new.keys():
        limit = new.get("time_limit_s", job.time_limit_s)
        assert isinstance(limit, int)
        check_time(limit, partition)
    trial = LocalJob(
        task_count=job.task_count if changes.tasks is None else changes.tasks,
        cpus_per_task=job.cpus_per_task if changes.cpus_per_task is None else changes.cpus_per_task,
        cpus=job.cpus, memory_bytes=job.memory_bytes, gpus=job.gpus, gpu_type=job.gpu_type,
    )  # fmt: skip
    if changes.tasks is not None or changes.cpus_per_task is not None:
        if min(trial.task_count, trial.cpus_per_task) < 1:
            raise BadRequest("Invalid numeric value", where=f"job {job.label}")
        trial.cpus = trial.task_count * trial.cpus_per_task
        new |= {"task_count": trial.task_count, "cpus_per_task": trial.cpus_per_task,
                "cpus": trial.cpus}  # fmt: skip
        new |= {"ntasks_given": 1} if changes.tasks is not None else {}
        new |= {"cpus_given": 1} if changes.cpus_per_task is not None else {}
    if changes.memory_bytes is not None:
        trial.memory_bytes = -(-changes.memory_bytes // MIB) * MIB or machine.memory_bytes
        new["memory_bytes"] = trial.memory_bytes
    if changes.gpus is not None:
        trial.gpus, trial.gpu_type = parse_gpus(changes.gpus) if changes.gpus else (0, "")
        new |= {"gpus": trial.gpus, "gpu_type": trial.gpu_type}
    if {"cpus", "memory_bytes", "gpus"} & new.keys():  # the machine may be smaller than it was
        check_size(trial, machine)
    return new


def _limit(job: LocalJob, limit_s: int) -> int:
    limit = UNLIMITED if limit_s in (0, UNLIMITED) else limit_s
    longer = job.time_limit_s != UNLIMITED and (limit == UNLIMITED or limit > job.time_limit_s)
    if job.state != PENDING and longer:
        raise Refused(DENIED, where=f"job {job.label}", hint="a running job gets no more time")
    if limit < UNLIMITED:
        raise BadRequest("Invalid time limit specification", where=f"job {job.label}")
    return limit
