"""The corrected shape, by what each failure proves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.finding import Finding
from jobshape.app.domain.job import UNLIMITED, AccountedJob, Job
from jobshape.app.domain.limits import Limits, SiteLimits
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.terms import Terms
from jobshape.app.domain.units import GIB, MIB
from jobshape.app.resubmit.cases import Case, case_of, findings_of
from jobshape.app.resubmit.correcting import (
    Corrected,
    SiteRoom,
    correct,
    memory_step,
    sick_nodes,
    time_step,
)

from .made import finding, job, node, run, task

SHAPE = JobShape(partition="main", memory_bytes=4 * GIB, time_limit_s=3600)
ROOM = SiteRoom(
    (node("n1", 16 * GIB, "main"), node("n2", 16 * GIB, "main"), node("b1", 64 * GIB, "big")),
    SiteLimits((Limits("main", time_limit_s=7200), Limits("long", time_limit_s=UNLIMITED)),
               (Limits("short", time_limit_s=4000),)),
)  # fmt: skip


def case(of: Job, *found: Finding, tries: int = 0, **used: Any) -> Case:
    known = {"elapsed_s": None, "total_cpu_s": None, "max_rss_bytes": None} | used
    return case_of(of, found, AccountedJob(of, derived_exit_code="", **known), tries)


def fixed(*cases: Case, shape: JobShape = SHAPE, **more: Any) -> Corrected:
    return correct(shape, cases, **{"room": ROOM, **more})


OOM = job(state="OUT_OF_MEMORY")
TIMEOUT = job(state="TIMEOUT")


def test_out_of_memory_gets_a_fifth_more() -> None:
    got = fixed(case(OOM, max_rss_bytes=GIB))
    assert got.shape.memory_bytes == memory_step(round(4 * GIB * 1.2))
    assert got.hopeful
    assert "+20% over 4G" in got.corrections[0].reason
    assert got.shape.time_limit_s == 3600


def test_the_largest_peak_of_the_family_counts_if_it_is_more() -> None:
    past = [run(6 * GIB), run(5 * GIB), run(15 * GIB, state="FAILED")]
    got = fixed(case(OOM), past=past)
    assert got.shape.memory_bytes == memory_step(round(6 * GIB * 1.1))
    assert "largest peak of 2 runs" in got.corrections[0].reason
    small = fixed(case(OOM), past=[run(GIB)])
    assert small.shape.memory_bytes == memory_step(round(4 * GIB * 1.2))


def test_a_second_time_doubles() -> None:
    assert fixed(case(OOM, tries=1)).shape.memory_bytes == 8 * GIB


def test_policy_says_how_much_more() -> None:
    got = fixed(case(OOM), case(TIMEOUT), terms=Terms(memory_percent=100, time_percent=10))
    assert got.shape.memory_bytes == 8 * GIB
    assert got.shape.time_limit_s == 3960


def test_no_more_than_the_largest_node_which_a_warning_says() -> None:
    got = fixed(case(job(state="OUT_OF_MEMORY", memory_bytes=15 * GIB)),
                shape=JobShape(partition="main", memory_bytes=15 * GIB))  # fmt: skip
    assert got.shape.memory_bytes == 16 * GIB
    assert any("largest node of main has 16G; partition big" in one for one in got.warnings)
    full = fixed(case(job(state="OUT_OF_MEMORY", memory_bytes=16 * GIB)),
                 shape=JobShape(partition="main", memory_bytes=16 * GIB))  # fmt: skip
    assert not full.corrections
    assert not full.hopeful


def test_all_of_a_node_cannot_be_raised() -> None:
    got = fixed(case(OOM), shape=JobShape(partition="main", memory_bytes=0))
    assert not got.corrections
    assert "all the memory of its node" in got.warnings[0]


def test_memory_is_a_nodes() -> None:
    two = job(state="OUT_OF_MEMORY", memory_bytes=8 * GIB, nodes=2)
    assert fixed(case(two)).shape.memory_bytes == memory_step(round(4 * GIB * 1.2))


def test_timeout_gets_half_more_or_what_runs_took() -> None:
    assert fixed(case(TIMEOUT)).shape.time_limit_s == 5400
    past = [run(elapsed_s=5000)] * 20 + [run(elapsed_s=9_999_999)]
    assert fixed(case(TIMEOUT), past=past).shape.time_limit_s == 6000


def test_walltime_stays_within_partition_and_qos() -> None:
    long_one = job(state="TIMEOUT", time_limit_s=6000)
    got = fixed(case(long_one), shape=JobShape(partition="main", time_limit_s=6000))
    assert got.shape.time_limit_s == 7200
    assert any("partition long allows it" in one for one in got.warnings)
    got = fixed(case(TIMEOUT), shape=JobShape(partition="main", qos="short", time_limit_s=3600))
    assert got.shape.time_limit_s == 4000
    at_limit = job(state="TIMEOUT", time_limit_s=7200)
    got = fixed(case(at_limit), shape=JobShape(partition="main", time_limit_s=7200))
    assert not got.corrections
    assert not got.hopeful


def test_one_that_hung_is_said_and_not_sent_by_itself() -> None:
    got = fixed(case(TIMEOUT, elapsed_s=3600, total_cpu_s=1.0))
    assert any("may have hung" in one for one in got.warnings)
    assert not got.hopeful
    assert fixed(case(TIMEOUT, elapsed_s=3600, total_cpu_s=3000.0)).hopeful


def test_a_failed_node_is_left_out() -> None:
    got = fixed(case(job(state="NODE_FAIL")), shape=JobShape(exclude_nodes="n9"))
    assert got.shape.exclude_nodes == "n9,n1"
    known = fixed(case(job(state="NODE_FAIL")), shape=JobShape(exclude_nodes="n[1-3]"))
    assert not known.corrections


def test_of_several_nodes_the_one_that_is_named() -> None:
    wide = job(node_list="n[1-4]", nodes=4)
    broken = finding("gpu_hardware", "exclude_node", "yes", "NVRM: Xid 79 on n3, fallen off")
    assert fixed(case(wide, broken)).shape.exclude_nodes == "n3"
    silent = fixed(case(wide, finding("gpu_hardware", "exclude_node", "yes")))
    assert not silent.corrections
    assert "which one is not known" in silent.warnings[0]


def test_the_last_node_is_never_left_out() -> None:
    room = SiteRoom((node("n1", GIB, "main"),))
    got = fixed(case(job(state="NODE_FAIL")), room=room)
    assert not got.corrections
    assert "no node of main would be left" in got.warnings[0]


def test_a_node_where_jobs_of_two_kinds_died_is_sick() -> None:
    bus = finding("bus_error", "fix_code", "maybe")
    cases = [case(job(1, name="a"), bus), case(job(2, name="b"), bus),
             case(job(3, name="a", node_list="n2"), bus)]  # fmt: skip
    assert sick_nodes(cases, lambda one: one.job.name) == ["n1"]


@pytest.mark.parametrize(("label", "fix"), [
    ("cuda_oom", "reduce_batch"), ("python_exception", "fix_code"), ("missing_package", "fix_env"),
])  # fmt: skip
def test_what_no_shape_mends_is_said(label: str, fix: str) -> None:
    got = fixed(case(job(), finding(label, fix)))
    assert got.shape == SHAPE
    assert got.warnings == (f"will fail again: {label.replace('_', ' ')}",)
    assert not got.hopeful


def test_a_failure_without_a_cause_is_said() -> None:
    got = fixed(case(job()))
    assert got.warnings == ("nothing says why it failed: it may fail again",)
    assert not got.hopeful
    assert not fixed(case(job(state="CANCELLED"))).warnings


def test_one_array_gets_the_largest_of_each() -> None:
    cases = [case(task(4, 1, "OUT_OF_MEMORY")), case(task(4, 2, "TIMEOUT")), case(task(4, 3, "TIMEOUT"))]  # fmt: skip  # noqa: E501
    got = fixed(*cases)
    assert got.shape.memory_bytes == memory_step(round(4 * GIB * 1.2))
    assert got.shape.time_limit_s == 5400
    reasons = {one.field: one.reason for one in got.corrections}
    assert "(1 of 3 tasks)" in reasons["memory_bytes"]
    assert "(2 of 3 tasks)" in reasons["time_limit_s"]
    assert "all its tasks get it" in reasons["memory_bytes"]


def test_a_task_takes_the_finding_of_one_that_ended_alike() -> None:
    tasks = [task(4, 1), task(4, 2), task(4, 3, exit_code="2:0"), task(5, 1)]
    code = finding("python_exception", "fix_code")
    found = findings_of(tasks, {str(tasks[0].job_id): [code]})
    assert [len(found[one.job_id]) for one in tasks] == [1, 1, 0, 0]


@given(st.integers(1, 1 << 45))
def test_steps_never_go_down(size: int) -> None:
    assert size <= memory_step(size) < size + GIB
    assert memory_step(size) % MIB == 0


@given(st.integers(1, 10**7))
def test_steps_of_time_never_go_down(seconds: int) -> None:
    assert seconds <= time_step(seconds) < seconds + 1800
