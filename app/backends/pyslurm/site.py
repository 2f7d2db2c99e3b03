"""``pyslurm.Node`` and ``pyslurm.Partition`` records as ours."""

from typing import Any

from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.units import MIB


def read_node(node: Any) -> Node:
    """A node. Its GPUs in use are what AllocTRES says: ask :func:`counts_gpus` first."""
    gpus = {name: count for name, count in node.configured_gres.items() if _is_gpu(name)}
    never_seen = node.free_memory is None  # then pyslurm says a load of 0
    return Node(
        name=node.name,
        state=node.state or "UNKNOWN",
        reason=node.reason or "",
        partitions=tuple(node.partitions),
        cpus=node.total_cpus,
        cpus_allocated=node.allocated_cpus,
        cpu_load=None if never_seen else node.cpu_load,
        memory_bytes=_bytes(node.real_memory),
        memory_allocated_bytes=_bytes(node.allocated_memory),
        memory_free_bytes=_bytes(node.free_memory),
        gpus=sum(gpus.values()),
        gpus_allocated=_gpus_in_use(node.allocated_gres),
        gpu_types=",".join(f"{n.partition(':')[2]}:{c}" for n, c in gpus.items() if ":" in n),
        features=",".join(node.available_features),
        reason_since=_moment(getattr(node, "reason_time", None)) if node.reason else None,
    )


def has_gpus(node: Any) -> bool:
    """Whether a node has GPUs."""
    return any(_is_gpu(name) for name in node.configured_gres)


def counts_gpus(tracked: list[str]) -> bool:
    """Whether a site with these AccountingStorageTRES says in AllocTRES which GPUs are in use."""
    return any(name.partition(":")[0] == "gres/gpu" for name in tracked)


def read_partition(partition: Any) -> Partition:
    """A partition."""
    return Partition(
        name=partition.name,
        state=partition.state or "",
        is_default=bool(partition.is_default),
        nodes=partition.total_nodes,
        cpus=partition.total_cpus,
        time_limit_s=_limit_s(partition.max_time),
        default_time_s=_limit_s(partition.default_time),
        priority_tier=partition.priority_tier or 0,
        qos=partition.qos or "",
        allow_accounts=_names(partition.allowed_accounts),
        allow_groups=_names(partition.allowed_groups),
        allow_qos=_names(partition.allowed_qos),
    )


def _is_gpu(name: str) -> bool:
    return name == "gpu" or name.startswith("gpu:")


def _gpus_in_use(gres: dict[str, int]) -> int:
    if "gpu" in gres:
        return gres["gpu"]
    return sum(count for name, count in gres.items() if _is_gpu(name))


def _bytes(mebibytes: int | None) -> int | None:
    return None if mebibytes is None else mebibytes * MIB


def _moment(at: object) -> int | None:
    """A time; some releases of pyslurm give a text or nothing at all."""
    return at if isinstance(at, int) and at > 0 else None


def _limit_s(minutes: int | str | None) -> int | None:
    if minutes is None:
        return None
    return minutes * 60 if isinstance(minutes, int) else UNLIMITED


def _names(names: list[str]) -> str:
    return "" if names == ["ALL"] else ",".join(names)
