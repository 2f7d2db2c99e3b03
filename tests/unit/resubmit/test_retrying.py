"""When failed jobs are sent again by themselves: after waits, so often, and not for the same."""

from __future__ import annotations

import pytest
from jobshape.app.domain.finding import Finding
from jobshape.app.domain.job import Job
from jobshape.app.domain.terms import Terms
from jobshape.app.resubmit.retrying import (
    Failure,
    Line,
    RetryKeeper,
    label_of_reason,
    may_retry,
    reason_of,
    verdict,
)

from .made import NOW, finding, job, task

OOM = job(state="OUT_OF_MEMORY")
ENDED = float(NOW + 600)


def failure(label: str = "oom_host") -> Failure:
    return Failure(7, (OOM,), label, label, ENDED)


def keys(keeper: RetryKeeper, found: dict[int, tuple[Finding, ...]], now: float) -> list[int]:
    return [one.key for one in keeper.failures(found.get, now)]


@pytest.mark.parametrize(("of", "found", "may"), [
    (OOM, (), True),
    (job(state="TIMEOUT"), (), True),
    (job(state="NODE_FAIL"), (), True),
    (job(state="CANCELLED"), (), False),
    (job(), (), False),
    (job(), (finding("unknown", "none", "maybe"),), False),
    (job(), (finding("python_exception", "fix_code"),), False),
    (job(), (finding("address_in_use", "fix_code", "yes"),), False),
    (job(), (finding("cuda_oom", "reduce_batch"),), False),
    (job(), (finding("gpu_hardware", "exclude_node", "yes"),), True),
    (job(), (finding("slurm_ctl", "resubmit", "yes"),), True),
    (job(), (finding("time_skew", "ask_admin", "no"),), False),
    (OOM, (finding("python_exception", "fix_code"),), False),
    (job(7, "OUT_OF_MEMORY", het_job_id=7), (), False),
])  # fmt: skip
def test_only_what_could_do_well(of: Job, found: tuple[Finding, ...], may: bool) -> None:
    assert may_retry(of, found) is may


def test_waits_grow_and_the_last_one_stays() -> None:
    terms = Terms(most=9, same_failures=9)
    waits = [verdict(failure(), Line(("timeout",) * n), terms).due_at - ENDED for n in range(5)]
    assert waits == [60, 300, 600, 600, 600]


def test_so_often_and_no_more() -> None:
    said = verdict(failure(), Line(("timeout", "node_fail", "timeout")), Terms(same_failures=9))
    assert "3 times already" in said.stopped
    assert verdict(failure(), Line(), Terms(most=0)).stopped


def test_the_same_failure_stops_it() -> None:
    assert not verdict(failure(), Line(("oom_host",)), Terms()).stopped
    assert (
        "3 times the same failure" in verdict(failure(), Line(("oom_host",) * 2), Terms()).stopped
    )
    assert not verdict(failure(), Line(("timeout", "oom_host")), Terms()).stopped


def test_the_reason_tells_the_class() -> None:
    assert label_of_reason(reason_of(2, "oom_host", "out of memory: +20%")) == "oom_host"
    assert label_of_reason("more memory, by itself, time 1, after oom_host") is None


def test_an_array_waits_for_its_last_task() -> None:
    keeper = RetryKeeper(Terms())
    dead, runs = task(4, 1, "TIMEOUT"), task(4, 2, "RUNNING")
    keeper.see(dead.job_id, dead)
    keeper.see(runs.job_id, runs)
    found: dict[int, tuple[Finding, ...]] = {dead.job_id: ()}
    assert keys(keeper, found, ENDED) == []
    keeper.see(runs.job_id, runs._replace(state="COMPLETED"))
    assert keys(keeper, found, ENDED) == [4]


def test_waits_for_the_cause_and_takes_it_from_a_task_alike() -> None:
    keeper = RetryKeeper(Terms())
    for number in (1, 2):
        keeper.see(40_000 + number, task(4, number, "TIMEOUT"))
    assert keys(keeper, {}, ENDED) == []
    assert keys(keeper, {40_001: ()}, ENDED) == [4]


def test_a_failure_that_left_the_queue_is_still_one_and_an_old_one_is_not() -> None:
    keeper = RetryKeeper(Terms())
    keeper.see(7, OOM)
    assert keys(keeper, {7: ()}, ENDED) == [7]
    keeper.see(7, None)
    assert keys(keeper, {}, ENDED + 600) == [7]
    assert keys(keeper, {}, ENDED + 7200) == []


def test_settled_is_settled_until_another_task_fails() -> None:
    keeper = RetryKeeper(Terms())
    keeper.see(40_001, task(4, 1, "TIMEOUT"))
    found: dict[int, tuple[Finding, ...]] = {40_001: (), 40_002: ()}
    (first,) = keeper.failures(found.get, ENDED)
    keeper.settle(first)
    assert keys(keeper, found, ENDED) == []
    keeper.see(40_002, task(4, 2, "TIMEOUT"))
    assert keys(keeper, found, ENDED) == [4]
    keeper.put_off(first, ENDED + 60)
    assert keys(keeper, found, ENDED + 59) == []
    assert keys(keeper, found, ENDED + 60) == [4]


def test_one_that_was_put_back_in_the_queue_is_no_failure() -> None:
    keeper = RetryKeeper(Terms())
    keeper.see(7, OOM)
    keeper.see(7, OOM._replace(state="PENDING"))
    assert keys(keeper, {7: ()}, ENDED) == []
