"""What follows from the end of an attempt."""

from __future__ import annotations

from typing import Any

import pytest
from jobshape.app.domain.finding import Finding
from jobshape.app.domain.job import NO_JOB
from jobshape.app.domain.limits import SiteLimits
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.site import Node
from jobshape.app.domain.terms import Terms
from jobshape.app.resubmit.correcting import SiteRoom
from jobshape.app.rounds.campaign import Attempt, Kind, Trial
from jobshape.app.rounds.deciding import Grounds, Next, Rules, decide, sick_nodes

MIB = 1 << 20
NOW = 1000


def trial(state: Any = "running", kind: Kind = "full") -> Trial:
    return Trial(1, 1, 0, kind, "t0", "a", "train", "train", "", 1, state)


def finding(label: str, fix: str, retry: str = "yes") -> Finding:
    return Finding(label, 0.9, "HIGH", label, "", "", fix, retry, (), "")


STALE_FILE = finding("fs_error", "ask_admin", "maybe")


def ended(
    state: str, *findings: Finding, labels: tuple[str, ...] = (), memory: int = 100 * MIB,
    missing: tuple[str, ...] = (), kind: Kind = "full", sick: tuple[str, ...] = (), most: int = 5,
    nodes: tuple[str, ...] = (), of: Any = "running", is_gone: bool = False,
    is_checked: bool = False,
) -> Next:  # fmt: skip
    job = NO_JOB._replace(
        job_id=1, state=state, nodes=1, memory_bytes=memory, start_time=900, end_time=990,
        node_list="n1", partition="main", time_limit_s=100,
    )  # fmt: skip
    shape = JobShape(memory_bytes=memory, time_limit_s=100)
    room = SiteRoom(tuple(_node(name) for name in nodes), SiteLimits())
    grounds = Grounds(job, None, findings, missing, labels, shape, (), sick, is_gone, is_checked)
    return decide(trial(of, kind), grounds, Rules(most, 60, Terms(), room), NOW)


def _node(name: str) -> Node:
    blank: dict[str, Any] = dict.fromkeys(Node._fields)
    return Node(**{**blank, "name": name, "partitions": ("main",), "memory_bytes": 1 << 40})


def test_completed_means_slurm_says_so_and_its_output_is_there() -> None:
    assert ended("COMPLETED").state == "completed"
    failed = ended("COMPLETED", missing=("out is empty",))
    assert (failed.state, failed.label, failed.why) == (
        "failed_other", "output_check", "out is empty",
    )  # fmt: skip


def test_out_of_memory_gets_more_each_time_and_waits() -> None:
    first = ended("OUT_OF_MEMORY")
    assert first.state == "failed_oom" and first.due_at == NOW + 60
    assert (first.memory_bytes or 0) > 100 * MIB
    second = ended("OUT_OF_MEMORY", labels=("oom_host",), memory=first.memory_bytes or 0)
    assert second.state == "failed_oom"
    assert (second.memory_bytes or 0) >= 2 * (first.memory_bytes or 0)


def test_the_same_three_times_is_stuck() -> None:
    third = ended("OUT_OF_MEMORY", labels=("oom_host", "oom_host"))
    assert third.state == "stuck" and "3 times the same" in third.why


def test_others_between_begin_the_count_anew() -> None:
    assert ended("OUT_OF_MEMORY", labels=("oom_host", "oom_host", "timeout")).state == "failed_oom"


def test_no_more_than_allowed() -> None:
    assert ended("NODE_FAIL", labels=("timeout",), most=1).state == "stuck"
    assert ended("NODE_FAIL", most=0).state == "stuck"


def test_timeout_gets_more_time() -> None:
    again = ended("TIMEOUT")
    assert again.state == "pending" and (again.time_limit_s or 0) > 100


@pytest.mark.parametrize("findings", [(), (finding("unknown", "none", "no"),)])
def test_unknown_failures_ask(findings: tuple[Finding, ...]) -> None:
    failed = ended("FAILED", *findings)
    assert failed.state == "failed_other" and failed.is_unknown


def test_what_only_a_person_can_mend_is_not_tried_again() -> None:
    failed = ended("FAILED", finding("missing_package", "fix_env", "no"))
    assert (failed.state, failed.is_unknown) == ("failed_other", False)


def test_cancelled_needs_a_person() -> None:
    assert ended("CANCELLED").state == "stuck"


def test_a_stale_job_is_judged_by_its_output() -> None:
    assert ended("CANCELLED", of="stale").state == "completed"
    assert ended("CANCELLED", of="stale", missing=("no",)).state == "failed_other"


def test_a_job_that_nobody_knows_is_judged_by_its_output() -> None:
    assert ended("", is_gone=True, is_checked=True).state == "completed"
    for lost in (ended("", is_gone=True, missing=("no",)), ended("", is_gone=True)):
        assert lost.state == "failed_other" and lost.is_unknown


def test_sick_nodes_are_left_out() -> None:
    again = ended("FAILED", STALE_FILE, sick=("n1",), nodes=("n1", "n2"))
    assert (again.state, again.exclude_nodes) == ("pending", "n1")
    alone = ended("FAILED", STALE_FILE, sick=("n1",), nodes=("n1",))
    assert (alone.state, alone.exclude_nodes) == ("pending", "")


def test_a_smoke_leaves_out_the_node_at_once() -> None:
    again = ended("FAILED", STALE_FILE, kind="smoke", nodes=("n1", "n2"))
    assert (again.state, again.exclude_nodes) == ("pending", "n1")
    assert ended("FAILED", STALE_FILE, nodes=("n1", "n2")).exclude_nodes == ""


def tried(node: str, at: int, label: str = "") -> Attempt:
    return Attempt(at, 1, 1, None, at, "FAILED" if label else "COMPLETED", ended_at=at,
                   node_list=node, label=label)  # fmt: skip


@pytest.mark.parametrize(
    ("attempts", "sick"),
    [
        ([tried("n1", 1, "fs_error")], []),
        ([tried("n1", 1, "fs_error"), tried("n1", 2, "fs_error")], ["n1"]),
        ([tried("n1", 1, "oom_host"), tried("n1", 2, "oom_host")], []),
        ([tried("n1", 1, "fs_error"), tried("n2", 2, "fs_error")], []),
        ([tried("n1", 0), tried("n1", 1, "fs_error"), tried("n1", 2, "fs_error")], ["n1"]),
        ([tried("n1", 1, "fs_error"), tried("n1", 3), tried("n1", 2, "fs_error")], []),
        ([tried("n[1-2]", 1, "fs_error"), tried("n[1-2]", 2, "fs_error")], []),
        ([tried("", 1, "fs_error"), tried("", 2, "fs_error")], []),
    ],
)
def test_sick_nodes(attempts: list[Attempt], sick: list[str]) -> None:
    assert sick_nodes(attempts) == sick
