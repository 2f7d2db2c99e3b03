"""One reading in a child: whatever a backend does to its process, the answer comes in time."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.backends.base import Capabilities, Capability, QueueReading, Scope
from jobshape.app.domain.errors import NoSite, Refused, Unreachable
from jobshape.app.domain.job import NO_JOB, AccountedJob
from jobshape.app.domain.site import Node, Partition
from jobshape.app.snapshot import PARTS, Wanted, read_site

HERE = "tests_unit_snapshot"
NODE = Node("n1", "IDLE", "", ("main",), 8, 2, 0.5, 1 << 34, 0, None, None, None, "", "")
MAIN = Partition("main", "UP", True, 1, 8, 3600, None, 1, "", "", "", "")


class Backend:
    """A site that answers; what it does wrong is set by the test."""

    calls: dict[str, int] = {}

    def capabilities(self) -> Capabilities:
        return Capabilities("test", "test", "box", "slurm 26.05", "alice", features={
            "accounting": Capability(True)})  # fmt: skip

    def queue(self, scope: Scope, first: object = None) -> QueueReading:
        jobs = [NO_JOB._replace(job_id=n, name="train\x1f", state="RUNNING") for n in range(5000)]
        return QueueReading(jobs, ("odd",), f"queue of {scope.value}")

    def partitions(self) -> list[Partition]:
        return [MAIN]

    def nodes(self) -> list[Node]:
        return [NODE]

    def accounting(self, scope: Scope, since: int, **_: Any) -> list[AccountedJob]:
        def job(job_id: int, state: str, end: int | None) -> AccountedJob:
            record = NO_JOB._replace(job_id=job_id, state=state, end_time=end)
            return AccountedJob(record, None, None, None, "")

        now = int(time.time())
        return [job(1, "COMPLETED", now - 9), job(2, "FAILED", now), job(3, "RUNNING", None),
                job(4, "COMPLETED", since - 5)]  # fmt: skip


class Hanging(Backend):
    """Blocks every signal, as C code that never returns does."""

    def queue(self, scope: Scope, first: object = None) -> QueueReading:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        time.sleep(60)
        raise AssertionError


class Crashing(Backend):
    """Crashes while it reads the partitions."""

    def partitions(self) -> list[Partition]:
        faulthandler.disable()  # pytest's, which would print the test's own stack
        os.kill(os.getpid(), signal.SIGSEGV)
        return []


class Exiting(Backend):
    """Ends the process, as libslurm does without a slurm.conf."""

    def capabilities(self) -> Capabilities:
        os._exit(1)


class Refusing(Backend):
    """Says no to one question."""

    def nodes(self) -> list[Node]:
        raise Refused("Access/permission denied", where="slurmctld", hint="ask your admin")


class Nowhere(Backend):
    """There is no site."""

    def __init__(self) -> None:
        raise NoSite("no Slurm here", hint="go elsewhere")


@pytest.fixture(autouse=True)
def found_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, HERE, sys.modules[__name__])


def read(kind: type[Backend], **wanted: Any) -> Any:
    return read_site(Wanted(backend=f"{HERE}:{kind.__name__}", **wanted))


def test_everything_arrives() -> None:
    rules = [{"stage": "training", "name": "^train"}]
    snapshot = read(Backend, scope="all", stage_rules=rules, finished_hours=1)
    assert snapshot.errors == {}
    assert len(snapshot.queue) == 5000
    assert snapshot.queue[0].stage == "training"
    assert (snapshot.unread, snapshot.source) == (1, "queue of all")
    assert (snapshot.partitions, snapshot.nodes) == ([MAIN], [NODE])
    assert [job.job_id for job in snapshot.finished] == [2, 1]
    assert len(snapshot.jobs) == 5000  # 1 and 2 are in the queue still
    assert set(snapshot.took_s) == set(PARTS)


def test_finished_jobs_are_not_asked_for_where_none_are_wanted() -> None:
    assert read(Backend).finished == []


def test_a_part_that_is_refused_does_not_stop_the_others() -> None:
    snapshot = read(Refusing)
    assert snapshot.nodes is None and snapshot.queue is not None
    (part,) = snapshot.errors
    error = snapshot.errors[part]
    assert part == "nodes" and isinstance(error, Refused)
    assert (error.what, error.hint) == ("Access/permission denied", "ask your admin")
    assert snapshot.trouble is None


def children() -> set[str]:
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())


def test_a_backend_that_hangs_is_given_up_in_time() -> None:
    before = children()  # the test clusters' keepers, in a run of everything
    began = time.monotonic()
    snapshot = read(Hanging, deadline_s=0.5)
    assert time.monotonic() - began < 30
    assert snapshot.capabilities is not None
    assert isinstance(snapshot.trouble, Unreachable)
    assert "no answer within 0.5 s" in snapshot.trouble.what
    assert list(snapshot.errors) == ["queue", "partitions", "nodes", "accounting"]
    assert children() <= before


def test_a_backend_that_crashes_keeps_what_it_has_read() -> None:
    snapshot = read(Crashing)
    assert len(snapshot.queue) == 5000
    assert snapshot.trouble is None
    assert "SIGSEGV" in snapshot.errors["partitions"].what


def test_a_backend_that_ends_the_process_is_told() -> None:
    snapshot = read(Exiting)
    assert snapshot.capabilities is None
    assert "exit code 1" in snapshot.trouble.what


def test_no_site_is_raised() -> None:
    with pytest.raises(NoSite, match=r"no Slurm here \(go elsewhere\)"):
        read(Nowhere)
