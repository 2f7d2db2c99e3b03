"""What this machine has to give, and what names it."""

import os
import socket
from functools import cache
from pathlib import Path
from typing import NamedTuple

from jobshape.app.backends.local.config import LocalPartition, LocalSite
from jobshape.app.backends.local.gpus import Gpu, gpus_named, gpus_of
from jobshape.app.domain.units import MIB

_PAGE = os.sysconf("SC_PAGE_SIZE")


class Machine(NamedTuple):
    """The slots of a site: never more than these are given away at any one time."""

    name: str
    cpus: int
    memory_bytes: int
    gpus: tuple[Gpu, ...]
    partitions: tuple[LocalPartition, ...]

    def partition(self, name: str) -> LocalPartition | None:
        """The partition of this name."""
        return next((one for one in self.partitions if one.name == name), None)

    def gpu_count(self, kind: str = "") -> int:
        """How many GPUs there are, of one type or of all."""
        return len(gpus_named(self.gpus, kind) if kind else self.gpus)

    def gpu_kinds(self, kind: str) -> tuple[str, ...]:
        """The types that a word for one may mean; a request is for GPUs of one type."""
        return tuple(dict.fromkeys(gpu.kind for gpu in gpus_named(self.gpus, kind)))


def machine_of(site: LocalSite) -> Machine:
    """The machine as the site says, what it leaves open as found."""
    memory_bytes = site.memory_bytes or os.sysconf("SC_PHYS_PAGES") * _PAGE
    return Machine(
        name=host_name(),
        cpus=site.cpus or len(os.sched_getaffinity(0)),
        memory_bytes=memory_bytes // MIB * MIB,  # jobs ask for whole MiB
        gpus=gpus_of(site.gpus),
        partitions=site.partitions,
    )


@cache
def host_name() -> str:
    """The machine's name, without its domain, as Slurm would call the node."""
    return socket.gethostname().partition(".")[0] or "localhost"


def boot_id() -> str:
    """Differs after every start of the machine."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def memory_free_bytes() -> int | None:
    """Memory that no process uses, as the operating system sees it."""
    try:
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None
