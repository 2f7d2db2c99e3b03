"""``scontrol show node`` and ``scontrol show partition``: what the site is made of."""

import re
from collections.abc import Callable
from typing import TypeVar

from jobshape.app.backends.commands.scontrol_text import cut_records, read_fields, said
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.tres import parse_tres, tres_gpus
from jobshape.app.domain.units import MIB, parse_count, parse_duration, parse_time

Value = TypeVar("Value")
_REASON_MARK = re.compile(r" \[[^\[\]]*@([^\[\]]*)\]$")  # who wrote it, and when
_GPU = re.compile(r"(?:^|,)gpu(?::([^:,()]+))?:(\d+)(?=[(,]|$)")


def nodes_command() -> list[str]:
    """The command that shows all nodes, those of hidden partitions too, with GPUs in use."""
    return ["scontrol", "--all", "--details", "show", "node"]


def partitions_command() -> list[str]:
    """The command that shows all partitions, hidden ones too."""
    return ["scontrol", "--all", "show", "partition"]


def parse_nodes(text: str) -> list[Node]:
    """The nodes that :func:`nodes_command` showed."""
    return [_node(read_fields(record)) for record in cut_records(text, "NodeName")]


def parse_partitions(text: str) -> list[Partition]:
    """The partitions that :func:`partitions_command` showed."""
    return [_partition(read_fields(record)) for record in cut_records(text, "PartitionName")]


def parse_gpus(gres: str) -> tuple[int | None, str]:
    """How many GPUs a gres text names, and of which types.

    ``gpu:a100:4(S:0-1),gpu:t4:2`` gives 6 and ``a100:4,t4:2``; "" gives None.
    """
    if not said(gres):
        return None, ""
    found = [(kind, int(count)) for kind, count in _GPU.findall(re.sub(r"\([^)]*\)", "", gres))]
    return sum(count for _, count in found), ",".join(f"{k}:{n}" for k, n in found if k)


def _node(fields: dict[str, str]) -> Node:
    gpus, gpu_types = parse_gpus(fields.get("Gres", ""))
    used = fields.get("GresUsed")
    gpus_allocated = parse_gpus(used)[0] if used else None
    if gpus_allocated is None:
        gpus_allocated = tres_gpus(parse_tres(fields.get("AllocTRES", "")))
    marked = _REASON_MARK.search(said(fields.get("Reason")))
    return Node(
        name=fields["NodeName"],
        state=fields.get("State", "UNKNOWN"),
        reason=_REASON_MARK.sub("", said(fields.get("Reason"))),
        partitions=tuple(name for name in said(fields.get("Partitions")).split(",") if name),
        cpus=_number(fields.get("CPUTot")),
        cpus_allocated=_number(fields.get("CPUAlloc")),
        cpu_load=_read(float, fields.get("CPULoad")),
        memory_bytes=_mebibytes(fields.get("RealMemory")),
        memory_allocated_bytes=_mebibytes(fields.get("AllocMem")),
        memory_free_bytes=_mebibytes(fields.get("FreeMem")),
        gpus=gpus or 0,
        gpus_allocated=gpus_allocated or 0,
        gpu_types=gpu_types,
        features=said(fields.get("AvailableFeatures")),
        reason_since=_read(parse_time, marked[1]) if marked else None,
    )


def _partition(fields: dict[str, str]) -> Partition:
    return Partition(
        name=fields["PartitionName"],
        state=said(fields.get("State")),
        is_default=fields.get("Default") == "YES",
        nodes=_number(fields.get("TotalNodes")),
        cpus=_number(fields.get("TotalCPUs")),
        time_limit_s=_read(parse_duration, fields.get("MaxTime")),
        default_time_s=_read(parse_duration, fields.get("DefaultTime")),
        priority_tier=_number(fields.get("PriorityTier")),
        qos=said(fields.get("QoS")),
        allow_accounts=_all_is_nothing(fields.get("AllowAccounts")),
        allow_groups=_all_is_nothing(fields.get("AllowGroups")),
        allow_qos=_all_is_nothing(fields.get("AllowQos")),
    )


def _read(parse: Callable[[str], Value | None], text: str | None) -> Value | None:
    """What a field says; None where it says nothing or nothing that is understood."""
    try:
        return parse(said(text))
    except ValueError:
        return None


def _number(text: str | None) -> int | None:
    return _read(parse_count, text)


def _mebibytes(text: str | None) -> int | None:
    number = _number(text)
    return None if number is None else number * MIB


def _all_is_nothing(text: str | None) -> str:
    return "" if text == "ALL" else said(text)
