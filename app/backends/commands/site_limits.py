"""What a site lets one person ask for: partitions from scontrol, QOS and associations of sacctmgr.

Source: sacctmgr(1), slurm.conf(5) (EnforcePartLimits, AccountingStorageEnforce), resource_limits.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from jobshape.app.backends.commands.scontrol_text import cut_records, read_fields, said
from jobshape.app.domain.errors import BackendError
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.limits import Association, Limits, SiteLimits
from jobshape.app.domain.tres import parse_tres, tres_cpus, tres_memory_bytes, tres_nodes
from jobshape.app.domain.units import MIB, parse_count, parse_duration

_QOS_FIELDS = ("Name", "Flags", "MaxWall", "MaxTRES", "MaxTRESPerNode", "MaxTRESPerUser",
               "MaxJobsPerUser", "MaxSubmitJobsPerUser")  # fmt: skip
_USER_FIELDS = ("DefaultAccount", "Account", "Partition", "QOS", "DefaultQOS", "MaxWall", "MaxTRES",
                "MaxTRESPerNode", "GrpTRES", "MaxJobs", "GrpJobs", "MaxSubmit",
                "GrpSubmit")  # fmt: skip
_DENIES = re.compile(r"\bDenyOnLimit\b", re.IGNORECASE)
_LIMITED = re.compile(r"\b(limits|safe|all)\b", re.IGNORECASE)
_COUNTS = ("nodes", "cpus", "memory_bytes", "gpus", "node_cpus", "node_memory_bytes", "user_cpus",
           "user_memory_bytes", "user_gpus", "user_jobs", "user_submitted",
           "time_limit_s")  # fmt: skip

Value = TypeVar("Value")


def limits_of(
    shown: str,
    settings: Mapping[str, str],
    run: Callable[[Sequence[str]], str],
    user: Callable[[], str],
) -> SiteLimits:
    """All limits; where sacctmgr does not answer those of partitions alone, and why.

    shown: what ``scontrol show partition`` wrote. settings: the site's. run: gives what a command
    wrote.
    """
    partitions = parse_partitions(shown, refuses=refuses_above_partition(settings))
    enforced = enforces_limits(settings)
    try:
        qos = parse_qos(run(qos_command()), enforced=enforced)
        account, places = parse_user(run(user_command(user())), qos, enforced=enforced)
    except BackendError as error:
        return SiteLimits(tuple(one for one, _ in partitions), problem=error.what)
    by_name = {one.name: one for one in qos}
    return SiteLimits(
        partitions=tuple(
            with_qos(one, by_name.get(own) if own else None) for one, own in partitions
        ),
        qos=qos,
        associations=places,
        default_account=account,
        problem="" if enforced else "AccountingStorageEnforce names no limits: none is heeded",
    )


def qos_command() -> list[str]:
    """The command that lists every QOS with its limits."""
    return ["sacctmgr", "--noheader", "--parsable2", "show", "qos",
            "format=" + ",".join(_QOS_FIELDS)]  # fmt: skip


def user_command(user: str) -> list[str]:
    """The command that lists a user's associations, with limits that come from their accounts."""
    return ["sacctmgr", "--noheader", "--parsable2", "show", "user", f"name={user}", "withassoc",
            "format=" + ",".join(_USER_FIELDS)]  # fmt: skip


def parse_qos(text: str, *, enforced: bool) -> tuple[Limits, ...]:
    """The limits of every QOS; enforced: whether the site heeds them, else they have none."""
    found = []
    for row in _rows(text, _QOS_FIELDS):
        limits = Limits(name=row["Name"], refuses=_DENIES.search(row["Flags"]) is not None)
        if enforced:
            limits = _with_job_limits(limits, row)
            of_user = parse_tres(row["MaxTRESPerUser"])
            limits = replace(
                limits, user_cpus=_read(tres_cpus, of_user), user_gpus=_gpus(of_user),
                user_memory_bytes=_read(tres_memory_bytes, of_user),
                user_jobs=_number(row["MaxJobsPerUser"]),
                user_submitted=_number(row["MaxSubmitJobsPerUser"]),
            )  # fmt: skip
        found.append(limits)
    return tuple(found)


def parse_user(
    text: str, qos: Sequence[Limits], *, enforced: bool
) -> tuple[str, tuple[Association, ...]]:
    """The default account and the associations of a user.

    A limit of an association is refused where the QOS of the job says DenyOnLimit.
    """
    denying = {one.name for one in qos if one.refuses}
    default, found = "", []
    for row in _rows(text, _USER_FIELDS):
        default = row["DefaultAccount"] or default
        if not row["Account"]:
            continue
        names = tuple(name for name in row["QOS"].split(",") if name)
        used = row["DefaultQOS"] or (names[0] if len(names) == 1 else "normal")
        limits = Limits(name=row["Account"], refuses=used in denying)
        if enforced:
            limits = _with_job_limits(limits, row)
            group = parse_tres(row["GrpTRES"])  # of a user's association: all that the user runs
            limits = replace(
                limits, user_cpus=_read(tres_cpus, group), user_gpus=_gpus(group),
                user_memory_bytes=_read(tres_memory_bytes, group),
                user_jobs=_least(_number(row["MaxJobs"]), _number(row["GrpJobs"])),
                user_submitted=_least(_number(row["MaxSubmit"]), _number(row["GrpSubmit"])),
            )  # fmt: skip
        found.append(
            Association(row["Account"], row["Partition"], names, row["DefaultQOS"], limits)
        )
    return default, tuple(found)


def parse_partitions(text: str, *, refuses: bool) -> list[tuple[Limits, str]]:
    """The limits of each partition of ``scontrol show partition``, and the name of its QOS."""
    found = []
    for record in cut_records(text, "PartitionName"):
        fields = read_fields(record)
        node_cpus = _number(fields.get("MaxCPUsPerNode", ""))
        memory = _number(fields.get("MaxMemPerNode", ""))
        per_cpu = _number(fields.get("MaxMemPerCPU", ""))
        if memory is None and per_cpu and node_cpus:
            memory = per_cpu * node_cpus
        limits = Limits(
            name=fields["PartitionName"], time_limit_s=_time(fields.get("MaxTime", "")),
            nodes=_number(fields.get("MaxNodes", "")), node_cpus=node_cpus,
            node_memory_bytes=memory * MIB if memory else None, refuses=refuses,
        )  # fmt: skip
        found.append((limits, said(fields.get("QoS"))))
    return found


def with_qos(partition: Limits, qos: Limits | None) -> Limits:
    """A partition's limits with those of its own QOS, which holds for every job in it."""
    if qos is None:
        return partition
    least: dict[str, Any] = {
        name: _least(getattr(partition, name), getattr(qos, name)) for name in _COUNTS
    }
    return replace(partition, **least, refuses=partition.refuses or qos.refuses)


def enforces_limits(settings: Mapping[str, str]) -> bool:
    """Whether the controller heeds limits of QOS and associations."""
    return _LIMITED.search(settings.get("AccountingStorageEnforce", "")) is not None


def refuses_above_partition(settings: Mapping[str, str]) -> bool:
    """Whether a job above its partition's limits is refused; else it waits for good."""
    return settings.get("EnforcePartLimits", "NO").upper() not in ("NO", "")


def _with_job_limits(limits: Limits, row: Mapping[str, str]) -> Limits:
    of_job, of_node = parse_tres(row["MaxTRES"]), parse_tres(row["MaxTRESPerNode"])
    return replace(
        limits, time_limit_s=_time(row["MaxWall"]), nodes=_read(tres_nodes, of_job),
        cpus=_read(tres_cpus, of_job), memory_bytes=_read(tres_memory_bytes, of_job),
        gpus=_gpus(of_job), node_cpus=_read(tres_cpus, of_node),
        node_memory_bytes=_read(tres_memory_bytes, of_node),
    )  # fmt: skip


def _rows(text: str, fields: Sequence[str]) -> list[dict[str, str]]:
    rows = [line.split("|") for line in text.splitlines() if line]
    return [dict(zip(fields, row, strict=True)) for row in rows if len(row) == len(fields)]


def _gpus(tres: Mapping[str, str]) -> int | None:
    """GPUs of any type; a limit on one type alone is none on GPUs."""
    return _number(tres.get("gres/gpu", ""))


def _least(*numbers: int | None) -> int | None:
    return min((number for number in numbers if number is not None), default=None)


def _time(text: str) -> int | None:
    limit = _read(parse_duration, said(text))
    return None if limit in (None, UNLIMITED) else limit


def _number(text: str) -> int | None:
    return _read(parse_count, said(text))


def _read(parse: Callable[..., Value | None], text: object) -> Value | None:
    """What a text says; None where it says nothing or nothing that is understood."""
    try:
        return parse(text)
    except ValueError:  # UNLIMITED, or a word of a newer release
        return None
