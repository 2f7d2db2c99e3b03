"""What the local site is made of: its folder, its partitions and what it may give away."""

from collections.abc import Mapping
from typing import Any, NamedTuple


class LocalPartition(NamedTuple):
    """A partition of this machine; all of them share its CPUs, memory and GPUs.

    head_start_s: how much longer its jobs count as having waited, so ``smoke`` goes first and yet
    cannot starve the others.
    """

    name: str
    role: str = "production"  # smoke, production, long
    time_limit_s: int | None = None  # the longest a job may ask for; None: no limit
    default_time_s: int = 3600
    default_memory_bytes: int = 1 << 30  # per node, where a job asks for none
    head_start_s: int = 0


DEFAULT_PARTITIONS = (
    LocalPartition("main", time_limit_s=7 * 86400),
    LocalPartition(
        "smoke", role="smoke", time_limit_s=600, default_time_s=300, head_start_s=4 * 3600
    ),
)
"""The first one is the default partition."""


class LocalSite(NamedTuple):
    """Plain JSON values only: it crosses from the settings to the collector and the supervisor.

    folder: everything the site keeps (queue.db, spool/, the socket), mode 0700. None: as found.
    """

    folder: str
    name: str = "local"
    cpus: int | None = None
    memory_bytes: int | None = None
    gpus: str = "auto"  # "auto": NVML, if it is there; "none"; or a file with a recorded NVML
    gpu_busy_bytes: int = 500 << 20  # a GPU with more of its memory in use is somebody else's
    idle_exit_s: float = 600.0  # the supervisor of an empty queue ends after this
    keep_finished_s: float = 14 * 86400.0  # accounting forgets what ended before that
    partitions: tuple[LocalPartition, ...] = DEFAULT_PARTITIONS
    ended_stay_s: float = 300.0  # how long the queue shows jobs that are over; Slurm's MinJobAge
    kill_wait_s: float = 5.0  # between TERM and KILL; Slurm's KillWait

    def head(self) -> dict[str, Any]:
        """As JSON values."""
        head = self._asdict()
        head["partitions"] = [partition._asdict() for partition in self.partitions]
        return head

    @classmethod
    def from_head(cls, head: Mapping[str, Any]) -> "LocalSite":
        """What :meth:`head` gave; fields unknown to this release are left out."""
        known = {name: head[name] for name in cls._fields if name in head}
        partitions = known.get("partitions")
        if partitions is not None:
            fields = LocalPartition._fields
            known["partitions"] = tuple(
                LocalPartition(**{name: entry[name] for name in fields if name in entry})
                for entry in partitions
            )
        return cls(**known)
