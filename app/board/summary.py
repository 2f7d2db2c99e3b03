"""What each partition has free and who waits for it."""

from collections.abc import Mapping
from typing import NamedTuple

from jobshape.app.board.arrays import Tally
from jobshape.app.domain.job import Job
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.states import Phase, phase_of


class Resource(NamedTuple):
    """One resource of a partition: total = used + free + unusable; None: nobody said.

    Unusable is what is idle on nodes that take no jobs now (drained, down).
    """

    total: int | None
    used: int | None
    free: int | None
    unusable: int | None


UNSAID = Resource(None, None, None, None)
"""A resource nobody has said anything of."""


class PartitionSummary(NamedTuple):
    """One partition's nodes, resources and jobs.

    A node in several partitions counts in each. Tasks of arrays not split yet are counted one by
    one; a pending job that names several partitions counts in each.
    """

    name: str
    state: str  # "" where only jobs name it
    is_default: bool
    nodes_total: int | None
    nodes_usable: int | None  # None: its nodes are not known yet
    cpus: Resource
    memory_bytes: Resource
    gpus: Resource
    pending: int  # tasks
    running: int  # tasks
    jobs_scope: str  # "mine", "accounts" or "all": whose jobs pending and running count


class _Sum:
    """One resource summed over nodes; while one node does not say, the sum is unknown."""

    __slots__ = ("idle", "silent_total", "silent_used", "total", "unusable", "used")

    def __init__(self) -> None:
        self.total = self.used = self.idle = self.unusable = 0
        self.silent_total = self.silent_used = 0  # nodes that do not say

    def add(self, total: int | None, used: int | None, usable: bool, sign: int) -> None:
        """Count one node's resource in, or out."""
        self.total += sign * (total or 0)
        self.used += sign * (used or 0)
        self.silent_total += sign * (total is None)
        self.silent_used += sign * (used is None)
        idle = sign * max(0, (total or 0) - (used or 0))
        if usable:
            self.idle += idle
        else:
            self.unusable += idle

    def resource(self) -> Resource:
        """The sums, unknown where a node was silent."""
        unsure = bool(self.silent_total or self.silent_used)
        return Resource(
            total=None if self.silent_total else self.total,
            used=None if self.silent_used else self.used,
            free=None if unsure else self.idle,
            unusable=None if unsure else self.unusable,
        )


class _Hardware:
    """A partition's nodes, summed."""

    __slots__ = ("cpus", "gpus", "memory", "nodes_total", "nodes_usable")

    def __init__(self) -> None:
        self.nodes_total = self.nodes_usable = 0
        self.cpus, self.memory, self.gpus = _Sum(), _Sum(), _Sum()

    def add(self, node: Node, sign: int) -> None:
        """Count a node in, or out."""
        usable = node.usable
        self.nodes_total += sign
        self.nodes_usable += sign * usable
        self.cpus.add(node.cpus, node.cpus_allocated, usable, sign)
        self.memory.add(node.memory_bytes, node.memory_allocated_bytes, usable, sign)
        self.gpus.add(node.gpus, node.gpus_allocated, usable, sign)


class Summary:
    """Counters by partition, kept up by difference; lines are put together when asked for."""

    def __init__(self) -> None:
        self._tallies: dict[str, Tally] = {}
        self._hardware: dict[str, _Hardware] = {}
        self._lines: list[PartitionSummary] = []
        self._made_of: object = None

    def count_job(self, job: Job, sign: int) -> None:
        """Count a record in (+1) or, as it was, out (-1)."""
        if phase_of(job.state) not in (Phase.WAITING, Phase.RUNNING):
            return
        for name in set(job.partition.split(",")):
            if name:
                tally = self._tallies.get(name) or self._tallies.setdefault(name, Tally())
                tally.add(job, sign)
                if not tally.jobs:
                    del self._tallies[name]

    def count_node(self, node: Node, sign: int) -> None:
        """Count a node in (+1) or, as it was, out (-1)."""
        for name in set(node.partitions):
            hardware = self._hardware.get(name) or self._hardware.setdefault(name, _Hardware())
            hardware.add(node, sign)
            if not hardware.nodes_total:
                del self._hardware[name]

    def lines(
        self, partitions: Mapping[str, Partition], scope: str, revisions: tuple[int, int]
    ) -> list[PartitionSummary]:
        """A line a partition. revisions: of the board's jobs and of its nodes and partitions."""
        if self._made_of != (scope, revisions):
            others = sorted(self._tallies.keys() - partitions.keys())
            self._lines = [self._line(name, partitions.get(name), scope)
                           for name in (*partitions, *others)]  # fmt: skip
            self._made_of = (scope, revisions)
        return self._lines

    def _line(self, name: str, partition: Partition | None, scope: str) -> PartitionSummary:
        counts = self._tallies.get(name, Tally()).counts
        hardware = self._hardware.get(name)
        sums = (hardware.cpus, hardware.memory, hardware.gpus) if hardware else ()
        cpus, memory, gpus = (one.resource() for one in sums) if sums else [UNSAID] * 3
        return PartitionSummary(
            name=name,
            state=partition.state if partition else "",
            is_default=bool(partition and partition.is_default),
            nodes_total=hardware.nodes_total if hardware else partition and partition.nodes,
            nodes_usable=hardware.nodes_usable if hardware else None,
            cpus=cpus,
            memory_bytes=memory,
            gpus=gpus,
            pending=counts.waiting,
            running=counts.running,
            jobs_scope=scope,
        )
