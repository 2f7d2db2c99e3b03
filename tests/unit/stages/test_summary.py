"""The figures of one stage: what counts, what does not, and that nobody's silence is a zero."""

from __future__ import annotations

import pytest
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.stage import StageSummary
from jobshape.app.stages.live import LiveStage
from jobshape.app.stages.summary import summarise

from .making import GIB, HOUR, MINUTE, NOW, run

IDLE = LiveStage()


def summary(*runs: PastJob, live: LiveStage = IDLE, **more: object) -> StageSummary:
    newest = sorted(runs, key=lambda past: past.seen_at, reverse=True)
    return summarise("training", newest, live, **{"baseline": 20, **more})  # type: ignore[arg-type]


def test_nothing_known_is_none_everywhere_and_never_zero() -> None:
    one = summary()
    assert one.is_empty
    for field in ("shape", "memory", "cpu_efficiency", "gpu_percent", "elapsed", "wait", "retries",
                  "pace_per_hour", "eta", "failure_rate", "limit_share", "wait_share",
                  "memory_share", "oldest_end"):  # fmt: skip
        assert getattr(one, field) is None, field


def test_a_run_without_figures_gives_none_not_zero() -> None:
    one = summary(run(1), run(2))
    assert (one.memory, one.cpu_efficiency, one.gpu_percent) == (None, None, None)
    assert one.elapsed is not None and one.elapsed.p50 == HOUR


def test_slurm_says_zero_memory_where_it_sampled_nothing() -> None:
    one = summary(run(1, rss=0.0), run(2, rss=3.0))
    assert one.memory is not None
    assert one.memory.values == (3.0 * GIB,)


def test_out_of_memory_counts_as_its_limit_at_least() -> None:
    one = summary(
        run(1, rss=4.0), run(2, "OUT_OF_MEMORY", rss=9.0), run(3, "OUT_OF_MEMORY"),
        run(4, "FAILED", finding="oom_host", rss=17.0),
    )  # fmt: skip
    assert one.memory is not None
    assert one.memory.values == (4.0 * GIB, 16.0 * GIB, 16.0 * GIB, 17.0 * GIB)
    assert one.memory_at_limit == 3


def test_the_limit_is_that_of_one_node() -> None:
    fields = {"nodes": 4, "tasks": 4, "memory_bytes": 512 * GIB}
    one = summary(run(1, "OUT_OF_MEMORY", **fields), run(2, rss=64.0, **fields))
    assert one.memory is not None and one.several_tasks
    assert one.memory.most == 128 * GIB
    assert one.memory_share == pytest.approx(one.memory.p95 / (128 * GIB))


def test_a_run_cut_short_says_nothing_of_what_a_whole_one_needs() -> None:
    one = summary(
        run(1, "CANCELLED", ran_s=60, rss=0.1), run(2, "FAILED", ran_s=5, rss=0.1),
        run(3, "NODE_FAIL", ran_s=9, rss=0.1), run(4, ran_s=HOUR, rss=5.0),
    )  # fmt: skip
    assert one.elapsed is not None and one.memory is not None
    assert one.elapsed.values == (HOUR,)
    assert one.memory.values == (5.0 * GIB,)


def test_a_run_that_the_limit_ended_took_as_long_as_the_limit_and_is_counted() -> None:
    one = summary(run(1, "TIMEOUT", ran_s=4 * HOUR), run(2, ran_s=2 * HOUR))
    assert one.elapsed is not None
    assert (one.elapsed.most, one.elapsed_at_limit) == (4 * HOUR, 1)
    assert one.limit_share == pytest.approx(3.9 / 4)
    assert summary(run(3, time_limit_s=UNLIMITED)).limit_share is None


def test_a_run_of_less_than_a_second_is_a_run() -> None:
    one = summary(run(1, ran_s=0), run(2, ran_s=0))
    assert one.elapsed is not None and one.elapsed.size == 2
    assert one.wait_share is None and one.cpu_efficiency is None


def test_cpu_efficiency_weighs_runs_by_what_they_held() -> None:
    one = summary(
        run(1, ran_s=100, cpus=1, cpu_s=100.0), run(2, ran_s=300, cpus=10, cpu_s=0.0), run(3)
    )
    assert one.cpu_efficiency == pytest.approx(100 / 3100)


def test_gpu_utilisation_weighs_runs_by_their_gpus_and_time() -> None:
    one = summary(
        run(1, ran_s=100, gpus=1, gpu=90.0), run(2, ran_s=100, gpus=3, gpu=10.0), run(3, gpus=1)
    )
    assert one.gpu_percent == pytest.approx((90 + 30) / 4)


def test_waits_are_from_when_a_job_could_start() -> None:
    start = NOW - HOUR
    dependent = run(1, start=start, submit_time=start - 5 * HOUR, eligible_time=start - MINUTE)
    one = summary(dependent, run(2, start=start, waited_s=3 * MINUTE))
    assert one.wait is not None
    assert one.wait.values == (MINUTE, 3 * MINUTE)


def test_failures_go_by_finding_then_by_what_the_state_proves_and_cancelling_is_none() -> None:
    one = summary(
        run(1, "FAILED", finding="missing_package"), run(2, "FAILED"), run(3, "FAILED"),
        run(4, "OUT_OF_MEMORY"), run(5, "TIMEOUT"), run(6, "NODE_FAIL"), run(7, "CANCELLED"),
        run(8), run(9, "FAILED", finding="unknown"), run(10, "PREEMPTED"),
    )  # fmt: skip
    assert dict(one.failures) == {
        "missing_package": 1, "unexplained": 3, "oom_host": 1, "timeout": 1, "node_fail": 1,
        "preempted": 1,
    }  # fmt: skip
    assert one.failures[0] == ("unexplained", 3)
    assert (one.attempts, one.failed_runs) == (9, 8)
    assert one.counts.cancelled == 1


def test_figures_are_of_the_newest_runs_counts_of_all() -> None:
    runs = [run(n, start=NOW - 2 * HOUR - n * HOUR, rss=1.0 + n) for n in range(30)]
    one = summary(*runs, baseline=10, capped=True)
    assert (one.runs, one.counts.done, one.counts_capped) == (10, 30, True)
    assert one.memory is not None and one.memory.most == 10 * GIB
    assert one.oldest_end == NOW - 10 * HOUR


def test_a_job_cancelled_before_it_started_is_no_run() -> None:
    never = run(1, "CANCELLED")
    record = never.record._replace(job=never.record.job._replace(start_time=None))
    one = summary(never._replace(record=record), run(2))
    assert (one.runs, one.counts.cancelled) == (1, 1)


def test_the_most_common_shape_and_how_common() -> None:
    one = summary(run(1), run(2), run(3, cpus=8), run(4))
    assert one.shape is not None
    assert (one.shape.cpus, one.shape_share) == (4, 0.75)
