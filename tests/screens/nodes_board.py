"""Boards with many nodes: a site as it is on a working day, any size, the same every time."""

from __future__ import annotations

from jobshape.app.board.board import Board
from jobshape.app.domain.job import Job
from jobshape.app.domain.site import Node, Partition
from recorded import DAY, GIB, HOUR, LIVE, MINUTE, NOW, job, recorded_board

TROUBLE = {
    3: ("IDLE+DRAIN", "memory test, ticket 4711", 3 * DAY),
    11: ("DOWN*", "Not responding", 26 * MINUTE),
    14: ("MIXED+DRAIN", "GPU 3 fell off the bus \x1b[31m(Xid 79)\x1b[0m", 5 * HOUR),
    23: ("IDLE+MAINT", "", None),
    29: ("MIXED*", "", None),
    31: ("ALLOCATED+FAIL", "fan 2 slow", 90 * MINUTE),
    37: ("IDLE+RESERVED", "", None),
    41: ("IDLE+CLOUD+POWERED_DOWN", "", None),
    44: ("DOWN+NOT_RESPONDING", "power supply replaced, waiting for the vendor to come", 9 * DAY),
}
"""Which node of each hundred is in what trouble: state, reason, and since how long."""


def partitions() -> list[Partition]:
    """Four; ``preempt`` spans cpu and gpu nodes."""
    return [
        Partition("cpu", "UP", True, None, None, 2 * DAY, HOUR, 10, "", "", "", ""),
        Partition("gpu", "UP", False, None, None, DAY, HOUR, 10, "", "", "", ""),
        Partition("preempt", "UP", False, None, None, DAY, HOUR, 1, "", "", "", ""),
        Partition("debug", "DOWN", False, None, None, HOUR, HOUR, 5, "", "", "", ""),
    ]


def many_nodes(count: int) -> list[Node]:
    """Two thirds with CPUs, a third with GPUs, the last ones for debugging."""
    made = []
    for n in range(count):
        if n >= count - max(1, count // 50):
            made.append(node(f"d{n + 1:03d}", n, ("debug",), 16, 64, 0))
        elif n % 3 == 2:
            made.append(node(f"g{n + 1:03d}", n, ("gpu", "preempt"), 64, 512, 8))
        else:
            made.append(node(f"n{n + 1:03d}", n, ("cpu", "preempt"), 96, 384, 0))
    return made


def node(name: str, n: int, of: tuple[str, ...], cpus: int, memory_gib: int, gpus: int) -> Node:
    """One node, somewhere between idle and full."""
    load = (n * 37 % 101) / 100
    used = 0 if load < 0.12 else cpus if load > 0.7 else int(cpus * load / 8) * 8
    gpus_used = gpus if load > 0.85 else int(gpus * load)
    state = "IDLE" if not used else "ALLOCATED" if used == cpus else "MIXED"
    trouble = TROUBLE.get(n % 100)
    since = None
    reason = ""
    if trouble is not None:
        state, reason, ago = trouble
        since = None if ago is None else NOW - ago
    quiet = not state.startswith(("MIXED", "ALLOCATED"))
    used, gpus_used = (0, 0) if quiet else (used, gpus_used)
    memory = memory_gib * GIB
    taken = memory * used // cpus if n % 7 else memory * bool(used)
    return Node(
        name=name, state=state, reason=reason, partitions=of, cpus=cpus, cpus_allocated=used,
        cpu_load=None if state.startswith("DOWN") else round(used * (0.4 + n % 9 / 10), 2),
        memory_bytes=memory, memory_allocated_bytes=taken,
        memory_free_bytes=None if state.startswith("DOWN") else int(memory * (0.95 - load * 0.8)),
        gpus=gpus, gpus_allocated=gpus_used, gpu_types=f"{'a100' if n % 2 else 'h100'}:{gpus}"
        if gpus else "", features="ib,avx512" if n % 2 else "avx512", reason_since=since,
    )  # fmt: skip


def my_jobs() -> list[Job]:
    """Some that run, one over several nodes, and some that wait."""
    running = {"start_time": NOW - 90 * MINUTE, "end_time": NOW + 150 * MINUTE}
    waiting = {"submit_time": NOW - 3 * HOUR}
    return [
        job(4001, name="train-vit", partition="gpu", node_list="g015", gpus=4, cpus=32,
            memory_bytes=128 * GIB, **running),
        job(4002, name="mpi-sim", partition="cpu", node_list="n[004-005,007]", nodes=3, cpus=288,
            memory_bytes=900 * GIB, **running),
        job(4003, name="neighbour", user="bob", partition="gpu", node_list="g015", gpus=2, cpus=8,
            memory_bytes=64 * GIB, **running),
        job(4101, "PENDING", reason="Priority", name="train-large", partition="gpu", gpus=8,
            cpus=64, memory_bytes=500 * GIB, tres="cpu=64,mem=500G,node=1,gres/gpu:h100=8",
            **waiting),
        job(4102, "PENDING", reason="Resources", name="mpi-wide", partition="cpu,preempt", nodes=4,
            tasks=4, cpus=384, memory_bytes=1200 * GIB, gpus=0, **waiting),
        job(4103, "PENDING", reason="JobHeldUser", name="held", partition="cpu", cpus=8,
            memory_bytes=16 * GIB, features="ib", **waiting),
        job(4104, "PENDING", reason="ReqNodeNotAvail, UnavailableNodes:n[045-046]", name="on-n045",
            partition="cpu", cpus=4, memory_bytes=8 * GIB, **waiting),
        job(4105, "PENDING", reason="PartitionTimeLimit", name="too-long", partition="gpu", gpus=1,
            cpus=4, memory_bytes=8 * GIB, time_limit_s=9 * DAY, **waiting),
        job(4106, "PENDING", reason="Priority", name="sweep", array_job_id=4106,
            array_tasks="1-40%4", partition="gpu", gpus=1, cpus=8, memory_bytes=32 * GIB,
            tres="cpu=8,mem=32G,node=1,gres/gpu:a100=1", **waiting),
        job(4107, "PENDING", reason="PartitionDown", name="try", partition="debug", cpus=1,
            memory_bytes=GIB, **waiting),
    ]  # fmt: skip


def site_board(count: int) -> Board:
    """A board of so many nodes and my jobs on them."""
    board = recorded_board(LIVE._replace(scope="all"), my_jobs())
    board.set_nodes((), list(board.nodes))
    board.set_partitions(partitions())
    board.set_nodes(many_nodes(count))
    return board
