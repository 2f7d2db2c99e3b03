"""What a site is made of: its nodes and partitions."""

from typing import NamedTuple


class Node(NamedTuple):
    """One node. None: Slurm did not say. Sizes in bytes, times in seconds since the epoch."""

    name: str
    state: str  # Slurm's word with its flags: IDLE+DRAIN
    reason: str  # why it is drained or down
    partitions: tuple[str, ...]
    cpus: int | None
    cpus_allocated: int | None
    cpu_load: float | None  # load average of the node, not a share
    memory_bytes: int | None
    memory_allocated_bytes: int | None
    memory_free_bytes: int | None  # as the operating system sees it
    gpus: int | None
    gpus_allocated: int | None
    gpu_types: str  # "a100:4", several comma separated
    features: str
    reason_since: int | None = None  # when the reason was set

    @property
    def usable(self) -> bool:
        """Whether Slurm may start jobs here now."""
        words = self.state.upper().replace("*", "").split("+")
        bad = {"DOWN", "DRAIN", "DRAINED", "DRAINING", "FAIL", "FAILING", "MAINT", "UNKNOWN",
               "NOT_RESPONDING", "FUTURE", "ERROR", "PERFCTRS", "INVAL"}  # fmt: skip
        return not bad.intersection(words) and not self.state.endswith("*")


class Partition(NamedTuple):
    """One partition. ``time_limit_s`` is the longest a job may ask for (UNLIMITED: no limit)."""

    name: str
    state: str  # UP, DOWN, DRAIN, INACTIVE
    is_default: bool
    nodes: int | None
    cpus: int | None
    time_limit_s: int | None
    default_time_s: int | None
    priority_tier: int | None
    qos: str
    allow_accounts: str  # "" : all
    allow_groups: str
    allow_qos: str
