"""What pyslurm's values become; pyslurm itself runs in the contract tests."""

from __future__ import annotations

import os
import subprocess
import sys
import weakref
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.pyslurm.backend import PyslurmBackend
from jobshape.app.backends.pyslurm.changes import description_of
from jobshape.app.backends.pyslurm.jobs import Undecodable, dependency_text, read_jobs, user_name
from jobshape.app.backends.pyslurm.library import exit_pair, translated
from jobshape.app.backends.pyslurm.site import counts_gpus
from jobshape.app.backends.pyslurm.sizes import SizeReader, memory_text
from jobshape.app.backends.pyslurm.usage import read_usage
from jobshape.app.domain.errors import BadRequest, NotSupported, Refused, Unreachable
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.request import JobChanges
from jobshape.app.domain.tres import parse_tres, tres_memory_bytes

NO_VALUE = 0xFFFFFFFE
MIB = 1 << 20


def tres(**counts: int) -> SimpleNamespace:
    """A stand-in with the attributes that pyslurm.db.TrackableResources has."""
    named = {name: SimpleNamespace(count=count) for name, count in counts.items()}
    empty: dict[str, Any] = dict.fromkeys(("cpu", "mem", "node", "billing"))
    kinds: dict[str, Any] = {
        kind: {} for kind in ("gres", "license", "fs", "interconnect", "other")
    }
    return SimpleNamespace(**empty | kinds | named)


# The attributes of pyslurm.Job of a pending job, as pyslurm 25.11.2 gives them.
PENDING: dict[str, Any] = {
    "id": 7, "state": "PENDING", "state_reason": "None", "allocated_nodes": None,
    "time_limit": 60, "heterogeneous_id": None, "heterogeneous_offset": None, "array_id": None,
    "array_task_id": None, "array_tasks_waiting": None, "array_tasks_parallel": None,
    "start_time": None, "end_time": None, "name": "x", "user_id": 0, "account": None,
    "partition": "main", "qos": "normal", "priority": 5, "submit_time": 100,
    "eligible_time": None, "num_nodes": 1, "ntasks": 1, "cpus": 3, "dependencies": None,
    "constraints": [], "reservation": None, "requeue_count": 0, "exit_code": 0,
    "exit_code_signal": 0, "working_directory": "/w", "comment": None,
    "allocated_tres": None, "requested_tres": None,
}  # fmt: skip


def read_one(**changed: Any) -> Any:
    job = SimpleNamespace(**PENDING | changed)
    clusters = {"cluster": {job.id: job}}
    reading = read_jobs(clusters, "test")
    assert not reading.unread, reading.unread
    assert clusters == {"cluster": {}}, "its records are let go"
    (record,) = reading.jobs
    return record


def test_nothing_said_stays_nothing() -> None:
    record = read_one()
    assert (record.reason, record.account, record.comment, record.reservation) == ("", "", "", "")
    assert (record.memory_bytes, record.gpus, record.tres) == (None, None, "")
    assert (record.cpus, record.nodes, record.exit_code) == (3, 1, "")


def test_task_zero_of_an_array_and_first_part_of_a_het_job() -> None:
    task = read_one(array_id=4)
    assert (task.array_task_id, task.label) == (0, "4_0")
    waiting = read_one(array_id=4, array_tasks_waiting="0-9", array_tasks_parallel=2)
    assert (waiting.array_task_id, waiting.label) == (None, "4_[0-9%2]")
    rest = read_one(array_id=7, state="CANCELLED")
    assert (rest.array_job_id, rest.array_task_id, rest.label) == (None, None, "7")
    last = read_one(array_id=7, state="FAILED", allocated_nodes="n1")
    assert (last.array_task_id, last.label) == (0, "7_0")
    part = read_one(heterogeneous_id=9)
    assert (part.het_offset, part.label) == (0, "9+0")


def test_no_limit_is_unlimited() -> None:
    assert read_one(time_limit=None).time_limit_s == UNLIMITED
    assert read_one(time_limit=2).time_limit_s == 120
    running: dict[str, Any] = {"state": "RUNNING", "start_time": 100}
    assert read_one(**running, time_limit=None, end_time=9_999_999_999).end_time is None
    assert read_one(**running, time_limit=60, end_time=9_999_999_999).end_time == 9_999_999_999
    assert read_one(state="COMPLETED", time_limit=None, end_time=3700).end_time == 3700


def test_exit_code_only_of_finished_jobs() -> None:
    assert read_one(state="FAILED", exit_code=139, allocated_nodes="n1").exit_code == "139:0"
    assert read_one(state="RUNNING").exit_code == ""


def test_tasks_of_a_job_that_ended_unstarted_are_not_made_up() -> None:
    assert read_one(state="CANCELLED").tasks is None
    assert read_one(state="CANCELLED", ntasks=3).tasks == 3
    assert read_one(state="CANCELLED", allocated_nodes="n1").tasks == 1


def test_unknown_state_is_kept_and_a_bad_record_is_shown() -> None:
    assert read_one(state="HOVERING").state == "HOVERING"
    good, bad = SimpleNamespace(**PENDING), SimpleNamespace(**PENDING | {"id": 8, "state": None})
    reading = read_jobs({"c": {7: good, 8: bad}}, "test")
    assert [job.job_id for job in reading.jobs] == [7]
    assert len(reading.unread) == 1 and "8" in reading.unread[0]


def test_the_jobs_of_pyslurm_are_gone_before_their_records_are_read() -> None:
    """A ``pyslurm.Jobs`` has a second copy of all records, in C: 20 MB at 20,000 jobs."""

    class Jobs:
        def __init__(self) -> None:
            self.data = {"cluster": {7: Watched(**PENDING)}}
            alive.append(weakref.ref(self))

    class Watched(SimpleNamespace):
        def __getattribute__(self, name: str) -> Any:
            held.append(alive[0]() is not None)
            return super().__getattribute__(name)

    alive: list[weakref.ref[Jobs]] = []
    held: list[bool] = []
    backend = PyslurmBackend()
    backend._library = SimpleNamespace(  # type: ignore[assignment]
        module=SimpleNamespace(Jobs=SimpleNamespace(load=Jobs)),
        asking=lambda where: nullcontext(),
        version="test",
    )
    assert [job.job_id for job in backend.queue(Scope.ALL).jobs] == [7]
    assert held and not any(held)


def test_text_that_is_not_utf8_survives() -> None:
    class Latin(SimpleNamespace):
        @property
        def name(self) -> str:
            return b"caf\xe9".decode()

    del (fields := dict(PENDING))["name"]
    reading = read_jobs({"c": {7: Latin(**fields)}}, "test")
    assert reading.jobs[0].name.encode("utf-8", "surrogateescape") == b"caf\xe9"
    assert Undecodable(SimpleNamespace(a=1)).a == 1


def test_allocated_size_counts_before_the_requested() -> None:
    record = read_one(allocated_tres=tres(cpu=8, mem=2048, node=2), requested_tres=tres(cpu=1))
    assert (record.cpus, record.nodes, record.memory_bytes) == (8, 2, 2048 * MIB)
    assert record.tres == "cpu=8,mem=2G,node=2"


def test_gpus() -> None:
    size = tres(cpu=1, mem=1000, node=1, billing=1)
    size.gres = {"gpu": SimpleNamespace(count=3), "gpu:a100": SimpleNamespace(count=3)}
    found = SizeReader().size(size)
    assert found.gpus == 3
    assert found.text == "cpu=1,mem=1000M,node=1,billing=1,gres/gpu=3,gres/gpu:a100=3"
    size.gres = {"gpu:a100": SimpleNamespace(count=1), "gpu:t4": SimpleNamespace(count=2)}
    assert SizeReader().size(size).gpus == 3
    assert SizeReader().size(tres(cpu=1)).gpus == 0


@pytest.mark.parametrize(
    ("mebibytes", "text"),
    [(50, "50M"), (1000, "1000M"), (1024, "1G"), (1500, "1500M"), (1536, "1.50G"),
     (4608, "4.50G"), (16384, "16G"), (256000, "250G"), (1536 * 1024, "1.50T")],
)  # fmt: skip
def test_memory_as_slurm_writes_it(mebibytes: int, text: str) -> None:
    assert memory_text(mebibytes) == text
    assert tres_memory_bytes(parse_tres(f"mem={text}")) == mebibytes * MIB


@pytest.mark.parametrize(
    ("status", "pair"),
    [(0, (0, 0)), (3 << 8, (3, 0)), (139 << 8, (139, 0)), (9, (0, 9)), (253, (0, 125)),
     (NO_VALUE, (0, 0))],
)  # fmt: skip
def test_exit_pair(status: int, pair: tuple[int, int]) -> None:
    assert exit_pair(status) == pair


def test_dependency_as_text_or_as_pyslurms_dict() -> None:
    text = "afterok:1(unfulfilled),singleton(unfulfilled)"
    assert dependency_text(text) == text
    assert dependency_text(None) == ""
    given = {"afterany": ["3(failed)"], "afterok": [1, 2], "singleton": True, "satisfy": "all"}
    assert dependency_text(given) == "afterany:3(failed),afterok:1,afterok:2,singleton"
    assert dependency_text({"afterok": [1, 2], "satisfy": "any"}) == "afterok:1?afterok:2"


def test_user_names() -> None:
    assert user_name(0) == "root"
    assert user_name(3_999_999_999) == "3999999999"
    assert user_name(NO_VALUE) == user_name(None) == ""


@pytest.mark.parametrize(
    ("number", "words", "kind"),
    [
        (2017, "Invalid job id specified", BadRequest),
        (2002, "Access/permission denied", Refused),
        (2000, "Invalid partition name specified", Refused),
        (2037, "Requested operation is presently disabled", NotSupported),
        (5004, "Socket timed out on send/recv operation", Unreachable),
        (1800, "Unable to contact slurm controller (connect failure)", Unreachable),
        (7000, "Unable to connect to database", Unreachable),
        (None, "something new", Refused),
    ],
)
def test_slurms_errors(number: int | None, words: str, kind: type[Exception]) -> None:
    error = translated(number, words, "pyslurm Job.hold")
    assert type(error) is kind
    assert (error.what, error.where) == (words, "pyslurm Job.hold")


def test_changes_that_pyslurm_can_make() -> None:
    changes = JobChanges(name="a b", comment="why", time_limit_s=90_061)
    assert description_of(changes) == {
        "name": "a b", "comment": "why", "time_limit": "1-01:01:01",
    }  # fmt: skip
    assert description_of(JobChanges(time_limit_s=UNLIMITED)) == {"time_limit": "UNLIMITED"}


@pytest.mark.parametrize(
    "changes",
    [JobChanges(nodes=2), JobChanges(gpus="1"), JobChanges(array_throttle=3), JobChanges(nice=0),
     JobChanges(comment=""), JobChanges(dependency=""), JobChanges(name="x", nodes=1),
     JobChanges(partition="p"), JobChanges(tasks=2), JobChanges(cpus_per_task=2),
     JobChanges(memory_bytes=MIB), JobChanges(features="f", time_limit_s=60)],
    ids=str,
)  # fmt: skip
def test_changes_left_to_scontrol(changes: JobChanges) -> None:
    assert description_of(changes) is None


def test_usage_adds_up_steps_and_leaves_out_the_unmeasured() -> None:
    def step(tasks: int, average: int, peak: int, cpu_s: int) -> SimpleNamespace:
        stats = SimpleNamespace(
            avg_resident_memory=average, max_resident_memory=peak, total_cpu_time=cpu_s
        )
        return SimpleNamespace(ntasks=tasks, stats=stats)

    used = read_usage(7, 100, [step(1, 5, 6, 1), step(3, 10, 12, 8), step(1, 0, 0, 0)])
    assert used is not None
    assert (used.memory_bytes, used.memory_peak_bytes, used.cpu_time_s) == (35, 12, 9.0)
    assert read_usage(7, 100, [step(1, 0, 0, 0)]) is None
    assert read_usage(7, 100, []) is None


def test_sites_that_count_gpus() -> None:
    assert counts_gpus(["cpu", "gres/gpu"]) and counts_gpus(["gres/gpu:a100"])
    assert not counts_gpus(["cpu", "mem", "gres/gpuutil"])


def test_nothing_here_imports_pyslurm_by_itself() -> None:
    code = (
        "import sys, jobshape.app.backends.pyslurm.backend as b; b.PyslurmBackend();"
        "print([m for m in sys.modules if m.split('.')[0] == 'pyslurm'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.stdout.strip() == "[]", done.stderr
