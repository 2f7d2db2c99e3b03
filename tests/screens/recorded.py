"""A board as a real afternoon leaves it, with a fixed clock: what the pictures are taken of."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from jobshape.app.board.board import Board
from jobshape.app.board.link import Feature, Link
from jobshape.app.domain.job import NO_JOB, UNLIMITED, Job, LogPaths, Usage
from jobshape.app.domain.limits import SiteLimits
from jobshape.app.domain.log_part import FOUND, LogPart
from jobshape.app.domain.site import Node, Partition

NOW = 1_795_381_450  # 2026-11-22 21:04:10 UTC
MINUTE, HOUR, DAY, GIB = 60, 3600, 86400, 1024**3

LIVE = Link(
    phase="live", message="", last_answer_at=NOW - 2, cadence_s=2.0, scope="mine",
    backend="pyslurm", source="pyslurm 25.11.2", cluster="alpha", scheduler_version="slurm 26.05.5",
    user="alice", accounts=("bio", "ml"), features=(Feature("accounting", True),), jobs=58,
    finished=9, calls_per_minute=31.0, controller_ms_per_minute=45.0,
)  # fmt: skip


def job(job_id: int, state: str = "RUNNING", **more: Any) -> Job:
    """A job of alice's, as Slurm would tell it."""
    base: dict[str, Any] = {
        "job_id": job_id, "state": state, "user": "alice", "account": "ml", "partition": "cpu",
        "qos": "normal", "cpus": 4, "memory_bytes": 16 * GIB, "gpus": 0, "nodes": 1, "tasks": 1,
        "submit_time": NOW - 5 * HOUR - job_id, "time_limit_s": 4 * HOUR, "priority": 4000 - job_id,
        "name": f"job-{job_id}", "work_dir": "/home/alice/run",
    }  # fmt: skip
    base["eligible_time"] = base["submit_time"]
    return NO_JOB._replace(**{**base, **more})


def _running(job_id: int, minutes: int, **more: Any) -> Job:
    node = f"n{job_id % 7 + 1:02d}"
    limit = more.get("time_limit_s", 4 * HOUR)
    start = NOW - minutes * MINUTE
    end = None if limit == UNLIMITED else start + limit
    return job(job_id, "RUNNING", start_time=start, end_time=end, node_list=node, **more)


def _pending(job_id: int, reason: str, **more: Any) -> Job:
    return job(job_id, "PENDING", reason=reason, **more)


def _ended(job_id: int, state: str, minutes: int, ago: int, **more: Any) -> Job:
    end = NOW - ago * MINUTE
    return job(
        job_id, state, start_time=end - minutes * MINUTE, end_time=end, node_list="n03", **more
    )


def jobs() -> list[Job]:
    """About 60 records: arrays, failures, GPUs, names nobody would choose."""
    many: list[Job] = [
        _running(9107, 3 * 60 + 50, name="train-resnet50-lr3e-4-bs256-seed7-long-name-that-goes-on",
                 partition="gpu", gpus=4, cpus=32, memory_bytes=256 * GIB, stage="training"),
        _running(9112, 81, name="train-vit-b16", partition="gpu", gpus=1, cpus=8,
                 memory_bytes=64 * GIB, stage="training", time_limit_s=DAY),
        _running(9113, 12, name="preprocess shard 3|of 8", stage="preprocessing"),
        _running(9114, 0, name="数据预处理-批次01", stage="preprocessing",
                 memory_bytes=3 * GIB // 2),
        _running(9115, 26 * 60, name="fetch \x1b[31mred\x1b[0m", stage="data_fetching", cpus=1,
                 memory_bytes=2 * GIB, time_limit_s=UNLIMITED, partition="long"),
        job(9116, "COMPLETING", name="cache-tokens", stage="caching", start_time=NOW - 2 * HOUR,
            end_time=NOW - 5, node_list="n[01-04]", nodes=4, cpus=128, memory_bytes=512 * GIB),
        job(9117, "CONFIGURING", name="eval-nightly", stage="eval", start_time=NOW - 20,
            node_list="n05", gpus=1, partition="gpu"),
        job(9118, "SUSPENDED", name="low-priority-sweep", start_time=NOW - 3 * HOUR,
            node_list="n06"),
        _pending(9201, "Resources", name="train-large", partition="gpu", gpus=8, cpus=64, nodes=2,
                 memory_bytes=1024 * GIB, stage="training", start_time=NOW + 95 * MINUTE),
        _pending(9202, "Priority", name="train-medium", partition="gpu", gpus=2, stage="training",
                 memory_bytes=128 * GIB, start_time=NOW + 26 * HOUR),
        _pending(9203, "Dependency", name="eval-after-train", dependency="afterok:9107",
                 stage="eval", memory_bytes=None, gpus=None),
        _pending(9204, "JobHeldUser", name="held-by-me", priority=0),
        _pending(9205, "AssocMaxJobsLimit", name="sweep-rest", stage="training"),
        _pending(9206, "QOSMaxGRESPerUser", name="gpu-hungry", partition="gpu", gpus=16),
        _pending(9207, "BeginTime", name="nightly-backup", partition="cpu,long"),
        _pending(9208, "ReqNodeNotAvail, UnavailableNodes:n07", name="needs-n07"),
        _pending(9209, "SomethingNewInSlurm27", name="odd reason"),
        _pending(9210, "Priority", name="ünïcödé ✓ naïve café", submit_time=NOW - 40),
        job(9211, "ALIEN_STATE", name="from-the-future"),
        _ended(9301, "COMPLETED", 47, 10, name="fetch-2026-11-21", stage="data_fetching"),
        _ended(9302, "COMPLETED", 225, 25, name="train-small", stage="training", gpus=1,
               partition="gpu"),
        _ended(9303, "FAILED", 3, 31, name="preprocess-broken", reason="NonZeroExitCode",
               exit_code="1:0", stage="preprocessing"),
        _ended(9304, "OUT_OF_MEMORY", 66, 45, name="train-bs512", reason="OutOfMemory",
               exit_code="0:125", stage="training", gpus=2, partition="gpu"),
        _ended(9305, "TIMEOUT", 240, 70, name="train-too-long", reason="TimeLimit",
               stage="training"),
        _ended(9306, "CANCELLED", 18, 90, name="wrong-config"),
        _ended(9307, "NODE_FAIL", 130, 120, name="unlucky", reason="NodeDown", restarts=2),
        _ended(9308, "PREEMPTED", 55, 130, name="scavenger", partition="long"),
    ]  # fmt: skip
    many += _array(9400, 24, "sweep-lr", stage="training", partition="gpu", gpus=1)
    many.append(_pending(9500, "JobArrayTaskLimit", name="tokenize", array_job_id=9500,
                         array_tasks="8-500%20", stage="preprocessing", cpus=2))  # fmt: skip
    many += [
        _running(9500 + task, 3 * task, name="tokenize", array_job_id=9500, array_task_id=task,
                 stage="preprocessing", cpus=2, memory_bytes=4 * GIB)
        for task in range(1, 8)
    ]  # fmt: skip
    many += [
        _running(9600 + part, 33, name="mpi-coupled", het_job_id=9600, het_offset=part,
                 cpus=16 * (part + 1))
        for part in range(2)
    ]  # fmt: skip
    return many


def _array(first: int, tasks: int, name: str, **more: Any) -> Iterable[Job]:
    for task in range(tasks):
        ids = {"array_job_id": first, "array_task_id": task, "name": name, **more}
        number = first + task
        if task < 2:
            yield _ended(number, "FAILED", 9, 60 + task, reason="NonZeroExitCode", **ids)
        elif task < 9:
            yield _ended(number, "COMPLETED", 58 + task, 20 + task, **ids)
        elif task < 15:
            yield _running(number, 7 * (task - 8), **ids)
        else:
            yield _pending(number, "Priority", **ids)


def partitions() -> list[Partition]:
    """Four, one of them down."""
    return [
        Partition("cpu", "UP", True, 6, 384, DAY, HOUR, 1, "", "", "", ""),
        Partition("gpu", "UP", False, 3, 192, 2 * DAY, HOUR, 1, "", "", "", ""),
        Partition("long", "UP", False, 2, 64, UNLIMITED, DAY, 1, "", "", "", ""),
        Partition("debug", "DOWN", False, 1, 16, HOUR, HOUR, 1, "", "", "", ""),
    ]


def nodes() -> list[Node]:
    """Some idle, some full, one drained."""
    made = [_node(f"n{n:02d}", ("cpu",), 64, 64 if n < 5 else 20 * (n - 4)) for n in range(1, 7)]
    made += [_node(f"g{n}", ("gpu",), 64, 16 * n, gpus=8, gpus_used=3 * n - 1) for n in (1, 2)]
    made.append(_node("g3", ("gpu",), 64, 0, gpus=8, state="IDLE+DRAIN"))
    made += [_node(f"l{n}", ("long",), 32, 1) for n in (1, 2)]
    made.append(_node("d1", ("debug",), 16, 0))
    return made


def _node(
    name: str, of: tuple[str, ...], cpus: int, used: int, *, gpus: int = 0, gpus_used: int = 0,
    state: str = "",
) -> Node:  # fmt: skip
    state = state or ("ALLOCATED" if used == cpus else "MIXED" if used else "IDLE")
    memory, taken = cpus * 4 * GIB, used * 4 * GIB
    return Node(
        name=name, state=state, reason="", partitions=of, cpus=cpus, cpus_allocated=used,
        cpu_load=float(used), memory_bytes=memory, memory_allocated_bytes=taken,
        memory_free_bytes=memory - taken, gpus=gpus, gpus_allocated=gpus_used,
        gpu_types="a100:8" if gpus else "", features="",
    )  # fmt: skip


def recorded_board(link: Link = LIVE, records: Sequence[Job] | None = None) -> Board:
    """The board; ``records`` in place of its jobs."""
    board = Board(link)
    board.set_partitions(partitions())
    board.set_nodes(nodes())
    board.change_jobs(jobs() if records is None else records)
    board.set_usage([
        Usage(9112, NOW - 10, 41 * GIB, 12 * GIB, 5.2 * HOUR),
    ])  # fmt: skip
    return board


class Answer(NamedTuple):
    """What ``detail`` answers."""

    groups: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


class RecordedActions:
    """Stands where the collector's client stands; notes what it was asked and answers at once."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.refused: dict[str, Exception] = {}
        self.answers: dict[str, Any] = {}
        self.attention: list[tuple[bool, tuple[str, ...]]] = []

    async def call(self, method: str, **arguments: Any) -> Any:
        """The answer recorded for a method."""
        self.asked.append((method, arguments))
        await asyncio.sleep(0)
        error = self.refused.get(arguments.get("job", ""))
        if error is not None:
            raise error
        if method in self.answers:
            return self.answers[method]
        if method == "log_paths":
            return LogPaths(LOG_PATH, LOG_PATH, "")
        if method == "read_log":
            return LogPart(FOUND, "", 0, LOG_END, len(LOG_END))
        if method == "limits":
            return SiteLimits()
        return Answer(DETAIL) if method == "detail" else None

    def refresh(self) -> None:
        """Noted."""
        self.asked.append(("refresh", {}))

    def set_scope(self, scope: str) -> None:
        """Noted."""
        self.asked.append(("set_scope", {"scope": scope}))

    def set_attention(self, looking: bool, jobs: Sequence[str] = ()) -> None:
        """Noted."""
        self.attention.append((looking, tuple(jobs)))

    def set_stage_rules(self, rules: Sequence[Mapping[str, str]]) -> None:
        """Noted."""
        self.asked.append(("set_stage_rules", {"rules": list(rules)}))


LOG_PATH = "/home/alice/experiments/vision-transformers/2026-11/vit/log/9112.out"
LOG_END = b"""epoch 41  loss 0.2713  acc 0.9120
epoch 42  loss 0.2698  acc 0.9127
checkpoint written: ckpt/42.pt
"""

DETAIL = (
    ("Identity", (("job id", "9112"), ("name", "train-vit-b16"), ("user", "alice (1001)"),
                  ("account", "ml"), ("QOS", "normal"), ("comment", "campaign vit, round 1"))),
    ("Times", (("submitted", "2026-11-22 14:32:18"), ("eligible", "2026-11-22 14:32:18"),
               ("started", "2026-11-22 19:43:10"), ("ends at the latest", "2026-11-23 19:43:10"),
               ("time limit", "1-00:00:00"))),
    ("Resources", (("partition", "gpu"), ("nodes", "1 (g1)"), ("CPUs", "8"), ("memory", "64G"),
                   ("GPUs", "a100:1"),
                   ("TRES", "cpu=8,mem=64G,node=1,billing=24,gres/gpu=1,gres/gpu:a100=1"))),
    ("Files", (("working folder", "/home/alice/experiments/vision-transformers/2026-11/vit-b16"),
               ("output", "/home/alice/experiments/vision-transformers/2026-11/vit/log/9112.out"),
               ("command", "train.sh --model vit-b16 --epochs 90"))),
    ("Constraints", (("dependency", "-"), ("features", "-"), ("excluded nodes", "g3"))),
)  # fmt: skip
