from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jobshape.app.rounds.campaign import Attempt, Trial
from jobshape.app.rounds.evidence import (
    Evidence,
    Found,
    Saved,
    compare,
    evidence_of,
    failure_risk,
    plateau,
    saved,
)

G = 1024**3
TRIAL = Trial(1, 1, 0, "full", "a", "teach", "train", "t", "hash", state="completed")


def trial(**fields: Any) -> Trial:
    from dataclasses import replace

    return replace(TRIAL, **fields)


def attempt(number: int = 1, state: str = "COMPLETED", **fields: Any) -> Attempt:
    return Attempt(trial=1, number=number, sending=number, task=None, job_id=number, state=state,
                   **fields)  # fmt: skip


OOM = attempt(1, "OUT_OF_MEMORY", submitted_at=1000, started_at=1100, ended_at=1200,
              memory_bytes=4 * G, max_rss_bytes=3 * G, label="oom_host",
              title="out of host memory")  # fmt: skip
WELL = attempt(2, submitted_at=1500, started_at=1540, ended_at=2440, memory_bytes=8 * G,
               max_rss_bytes=5 * G, total_cpu_s=1800.0, cpus=4, gpu_percent=70.0)  # fmt: skip


# Of one trial


def test_a_trial_that_did_well_the_second_time() -> None:
    found = evidence_of(trial(), [OOM, WELL])
    assert (found.total_s, found.lost_s, found.wait_s, found.run_s) == (1440, 500, 40, 900)
    assert (found.memory_asked_bytes, found.memory_used_bytes) == (8 * G, 5 * G)
    assert (found.cpu_efficiency, found.gpu_percent) == (0.5, 70.0)
    assert (found.throughput, found.throughput_unit) == (4.0, "jobs/h")
    assert found.findings == (Found("oom_host", "out of host memory", 1),)
    assert found.outputs_hold is True
    assert found.risk is not None and (found.risk.failed, found.risk.attempts) == (1, 2)


def test_wait_run_and_retries_make_up_the_whole() -> None:
    found = evidence_of(trial(), [OOM, WELL])
    assert found.wait_s is not None and found.run_s is not None and found.lost_s is not None
    assert found.wait_s + found.run_s + found.lost_s == found.total_s


def test_a_trial_that_failed_lost_all_its_time_and_used_what_it_asked_for() -> None:
    found = evidence_of(trial(state="failed_other", checks=("model.pt is empty",)), [OOM])
    assert (found.total_s, found.lost_s, found.wait_s, found.run_s) == (200, 200, None, None)
    assert (found.memory_used_bytes, found.memory_share) == (4 * G, 1.0)  # not the 3G of MaxRSS
    assert (found.outputs_hold, found.checks) == (False, ("model.pt is empty",))


def test_nothing_known_is_none_and_never_zero() -> None:
    assert evidence_of(trial(state="pending"), []) == Evidence(attempts=0)
    bare = evidence_of(trial(), [attempt(ended_at=50)])
    assert (bare.total_s, bare.wait_s, bare.run_s, bare.lost_s) == (None, None, None, None)
    assert (bare.memory_used_bytes, bare.cpu_efficiency, bare.throughput) == (None, None, None)


def test_while_it_goes_on_it_has_no_total() -> None:
    assert evidence_of(trial(state="pending"), [OOM]).total_s is None  # it is to be sent again
    running = attempt(2, "RUNNING", submitted_at=1300, started_at=1310)
    assert evidence_of(trial(state="running"), [OOM, running]).total_s is None


def test_an_attempt_that_never_reached_the_site_counts_for_nothing() -> None:
    lost = Attempt(trial=1, number=1, sending=1, task=None)
    assert evidence_of(trial(), [lost, WELL]) == evidence_of(trial(), [WELL])


def test_the_start_follows_from_the_end_where_nobody_says_it() -> None:
    one = attempt(submitted_at=1000, ended_at=1500, elapsed_s=300)
    found = evidence_of(trial(), [one])
    assert (found.wait_s, found.run_s, found.total_s) == (200, 300, 500)


def test_a_stale_job_that_was_cancelled_has_the_run_that_wrote_the_output() -> None:
    one = attempt(state="CANCELLED", submitted_at=0, started_at=10, ended_at=110)
    found = evidence_of(trial(), [one])
    assert (found.run_s, found.risk) == (100, None)


def test_memory_is_of_one_node() -> None:
    one = attempt(memory_bytes=32 * G, max_rss_bytes=6 * G, node_list="n[1-3,07]", ended_at=1)
    assert evidence_of(trial(), [one]).memory_asked_bytes == 8 * G


def test_its_own_metric_is_its_throughput() -> None:
    found = evidence_of(trial(metrics={"throughput": 812.5}), [WELL])
    assert (found.throughput, found.throughput_unit) == (812.5, "")


def test_findings_are_counted_the_most_frequent_first() -> None:
    node = attempt(1, "NODE_FAIL", ended_at=5, label="node_fail", title="a node failed")
    found = evidence_of(trial(state="failed_other"), [node, OOM, OOM])
    assert [(one.label, one.times) for one in found.findings] == [("oom_host", 2), ("node_fail", 1)]


# Risk


def test_the_risk_of_few_attempts_is_a_wide_interval() -> None:
    few, many = failure_risk([WELL] * 2), failure_risk([WELL] * 200)
    assert few is not None and many is not None
    assert few.mean == pytest.approx(0.5 / 3)
    assert (few.low, many.low) == (0.0, 0.0)
    assert few.high > 0.5 and many.high < 0.02


def test_running_and_cancelled_attempts_are_no_risk() -> None:
    running, cancelled = attempt(state="RUNNING"), attempt(state="CANCELLED", ended_at=5)
    assert failure_risk([running, cancelled]) is None


def test_the_risk_is_of_the_whole_target() -> None:
    found = evidence_of(trial(), [WELL], of_target=[WELL, OOM, OOM, WELL])
    assert found.risk is not None and found.risk.mean == 0.5


@given(st.integers(0, 300), st.integers(0, 300))
def test_a_risk_lies_in_its_interval(failures: int, well: int) -> None:
    assume(failures + well)
    risk = failure_risk([OOM] * failures + [WELL] * well)
    assert risk is not None
    assert 0 <= risk.low <= risk.mean <= risk.high <= 1


# Comparison

FIGURES = st.lists(st.floats(0.01, 1e7), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(FIGURES, FIGURES, st.integers(0, 5))
def test_the_interval_holds_the_ratio(
    baseline: Sequence[float], other: Sequence[float], seed: int
) -> None:
    found = compare(baseline, other, seed=seed, draws=200)
    assert found.ratio is not None and found.low is not None and found.high is not None
    assert found.low <= found.ratio <= found.high
    assert found.sure == (not found.low <= 1 <= found.high)
    assert found == compare(baseline[::-1], other, seed=seed, draws=200)


@settings(max_examples=40, deadline=None)
@given(FIGURES, FIGURES)
def test_swapped_it_is_the_inverse(one: list[float], two: list[float]) -> None:
    assume(sorted(one) != sorted(two))  # of the same figures the draws cannot swap sides
    here, there = compare(one, two, draws=200), compare(two, one, draws=200)
    assert here.ratio and there.ratio and here.low and here.high and there.low and there.high
    assert here.ratio * there.ratio == pytest.approx(1)
    assert here.low == pytest.approx(1 / there.high)
    assert here.high == pytest.approx(1 / there.low)


@settings(max_examples=40, deadline=None)
@given(FIGURES)
def test_the_same_figures_are_never_surely_different(figures: list[float]) -> None:
    found = compare(figures, figures, draws=200)
    assert found.ratio == pytest.approx(1) and not found.sure


def test_the_order_of_figures_says_nothing() -> None:
    figures = [float(number) for number in range(100, 200)]
    shuffled = random.Random(3).sample(figures, len(figures))
    other = [90.0, 95.0, 99.0]
    assert compare(figures, other) == compare(shuffled, other)


def test_equal_runs_leave_no_doubt() -> None:
    found = compare([60.0, 60.0], [30.0, 30.0])
    assert found.sure and found[:3] == pytest.approx((0.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("baseline", "other", "ratio"),
    [([], [1.0], None), ([1.0], [], None), ([0.0], [1.0], None), ([4.0], [2.0, 2.0], 0.5)],
)
def test_with_too_few_figures_there_is_no_interval(
    baseline: list[float], other: list[float], ratio: float | None
) -> None:
    assert compare(baseline, other) == (ratio, None, None, False)


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf")])
def test_what_is_no_time_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="0 or more"):
        compare([1.0, bad], [1.0, 2.0])


@pytest.mark.parametrize("size", [2, 8, 150])
def test_of_equal_things_nine_of_ten_intervals_hold_1(size: int) -> None:
    """Of 200 pairs 90 % +- 6.4 % is three times the spread; two runs a side too."""
    source = random.Random(size)

    def runs() -> list[float]:
        return [source.lognormvariate(5, 0.25) for _ in range(size)]

    held = sum(not compare(runs(), runs(), seed=turn, draws=200).sure for turn in range(200))
    assert 0.836 <= held / 200 <= 0.99


def test_ten_thousand_trials_cost_no_more_draws_and_keep_a_narrow_interval() -> None:
    source = random.Random(1)
    baseline = [source.uniform(90, 110) for _ in range(10_000)]
    found = compare(baseline, [0.99 * figure for figure in baseline])
    assert found.sure and found.low is not None and found.high is not None
    assert 0.002 < found.high - found.low < 0.004  # 2 x 1.645 x sqrt(2) x 5.8 % / sqrt(10,000)


# Plateau and what was saved


@pytest.mark.parametrize(
    ("best", "is_one"),
    [
        ([], False),
        ([100.0, 99.0], False),
        ([100.0, 80.0, 79.0], False),
        ([100.0, 97.0, 96.0], True),
        ([100.0, 80.0, 79.0, 78.0], True),
        ([100.0, 99.0, 80.0], False),
        ([100.0, 120.0, 130.0], True),  # worse is no improvement
        ([100.0, None, 97.0, 96.0], True),
        ([100.0, 80.0, 90.0, 78.0], True),  # against the best so far, not the round before
    ],
)
def test_two_rounds_with_little_gain_are_a_plateau(best: list[float | None], is_one: bool) -> None:
    assert plateau(best, 5) is is_one


def test_saved_is_against_as_many_runs_of_the_baseline() -> None:
    found = saved([100.0, 110.0, 90.0], [80.0, None, 70.0])
    assert (found.seconds, found.trials) == (50.0, 2)
    assert found.low is not None and found.high is not None
    # t(2) = 2.92, sd 10: 2.92 x 10 x sqrt(4 / 3 + 2) = 53.3
    assert (found.low, found.high) == (pytest.approx(-3.3, abs=0.1), pytest.approx(103.3, abs=0.1))


def test_what_was_saved_is_unknown_without_a_baseline() -> None:
    assert saved([], [1.0]) == Saved(None, None, None, 1)
    assert saved([5.0], []) == Saved(None, None, None, 0)
    assert saved([100.0], [80.0]) == Saved(20.0, None, None, 1)
