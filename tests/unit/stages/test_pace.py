"""Pace, retries and the time to finish, on cases worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.stages.pace import (
    Ahead,
    busy_spans,
    count_retries,
    pace_per_hour,
    time_to_finish,
    widest,
)
from jobshape.app.stages.quantiles import spread

from .making import HOUR, MINUTE, NOW, run

HOURLY = spread([HOUR] * 4)
UNEVEN = spread([HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 5 * HOUR])


def test_pace_leaves_out_the_time_in_which_there_was_nothing_to_do() -> None:
    first = [run(n, start=NOW - 30 * HOUR + n * HOUR) for n in range(3)]
    later = [run(10 + n, start=NOW - 3 * HOUR + n * HOUR) for n in range(3)]
    assert pace_per_hour(first + later, capped=False) == pytest.approx(1.0)


def test_waiting_is_something_to_do() -> None:
    runs = [run(n, start=NOW - 9 * HOUR + n * 2 * HOUR, waited_s=HOUR) for n in range(4)]
    assert pace_per_hour(runs, capped=False) == pytest.approx(0.5)


def test_pace_of_runs_side_by_side() -> None:
    runs = [run(n, start=NOW - 2 * HOUR) for n in range(50)]
    assert pace_per_hour(runs, capped=False) == pytest.approx(50.0)


def test_where_there_are_more_than_read_only_ends_after_the_first_count() -> None:
    runs = [run(n, start=NOW - 3 * HOUR + n * MINUTE) for n in range(61)]
    assert pace_per_hour(runs, capped=True) == pytest.approx(60.0)


def test_too_few_ends_give_no_pace() -> None:
    assert pace_per_hour([run(1), run(2)], capped=False) is None
    assert pace_per_hour([run(n, "FAILED") for n in range(9)], capped=False) is None


def test_spans_join_and_width_counts_what_overlaps() -> None:
    runs = [run(1, start=100, ran_s=50), run(2, start=120, ran_s=50), run(3, start=170, ran_s=9)]
    assert busy_spans(runs) == [(100, 179)]
    assert widest(runs) == 2
    assert widest([]) == 0


def test_retries_are_restarts_and_jobs_sent_again_after_a_failure() -> None:
    runs = [
        run(1, "FAILED", name="a", start=NOW - 9 * HOUR),
        run(2, "FAILED", name="a", start=NOW - 7 * HOUR),
        run(3, name="a", start=NOW - 5 * HOUR),
        run(4, name="a", start=NOW - 3 * HOUR),  # the failures have been answered
        run(5, name="b", restarts=2),
        run(6, name="c", resubmitted_from=77),
        run(7, "CANCELLED", name="d", start=NOW - 9 * HOUR),
        run(8, name="d", start=NOW - 7 * HOUR),
    ]
    assert count_retries(runs) == 2 + 2 + 1
    assert count_retries([]) is None


def test_tasks_of_one_array_are_not_each_others_retries() -> None:
    tasks = [
        run(n, "FAILED" if n == 1 else "COMPLETED", name="sweep", array_job_id=1,
            array_task_id=n, start=NOW - 9 * HOUR + n * HOUR)
        for n in range(1, 6)
    ]  # fmt: skip
    assert count_retries(tasks) == 0


def test_time_to_finish_spreads_what_is_left_over_the_width() -> None:
    ahead = Ahead(running=2, running_s=(0, HOUR // 2), waiting=4, waited_s=None)
    eta = time_to_finish(ahead, HOURLY, None, None, 0)
    assert eta is not None
    assert eta.mid_s == pytest.approx((1 + 0.5 + 4) * HOUR / 2)


def test_time_to_finish_is_never_less_than_one_run_for_what_waits() -> None:
    ahead = Ahead(running=50, running_s=(HOUR - 1,) * 50, waiting=1, waited_s=None)
    eta = time_to_finish(ahead, HOURLY, None, None, 0)
    assert eta is not None and eta.mid_s == HOUR


def test_while_none_runs_the_first_still_has_to_wait() -> None:
    ahead = Ahead(running=0, running_s=(), waiting=2, waited_s=MINUTE)
    eta = time_to_finish(ahead, HOURLY, spread([11 * MINUTE]), None, width_before=8)
    assert eta is not None and eta.mid_s == 10 * MINUTE + HOUR


def test_a_run_longer_than_any_before_still_has_something_left() -> None:
    ahead = Ahead(running=1, running_s=(10 * HOUR,), waiting=0, waited_s=None)
    eta = time_to_finish(ahead, HOURLY, None, None, 1)
    assert eta is not None and eta.mid_s == HOUR


def test_the_pace_widens_the_interval_where_it_was_earned_at_this_width() -> None:
    ahead = Ahead(running=2, running_s=(0, 0), waiting=8, waited_s=None)
    plain = time_to_finish(ahead, HOURLY, None, None, 2)
    slow = time_to_finish(ahead, HOURLY, None, 1.0, 2)
    never_so_wide = time_to_finish(ahead, HOURLY, None, 1.0, 0)
    assert plain is not None and slow is not None
    assert (slow.mid_s, slow.high_s) == (plain.mid_s, 10 * HOUR)
    assert never_so_wide == plain


def test_without_a_whole_run_the_pace_alone_tells_and_without_both_nothing_does() -> None:
    ahead = Ahead(running=1, running_s=(5,), waiting=9, waited_s=None)
    eta = time_to_finish(ahead, None, None, 5.0, 1)
    assert eta is not None and eta.mid_s == 2 * HOUR
    assert time_to_finish(ahead, None, None, None, 1) is None
    assert time_to_finish(Ahead(0, (), 0, None), HOURLY, None, 5.0, 1) is None


@given(
    running=st.lists(st.integers(0, 10 * HOUR), max_size=6), more=st.integers(0, 1000),
    waiting=st.integers(0, 10_000), pace=st.none() | st.floats(0.01, 1e4),
    width=st.integers(0, 50),
)  # fmt: skip
def test_the_estimate_lies_in_its_interval(
    running: list[int], more: int, waiting: int, pace: float | None, width: int
) -> None:
    count = len(running) + (more if running else 0)
    ahead = Ahead(count, running, waiting, None)
    eta = time_to_finish(ahead, UNEVEN, spread([60, 600]), pace, width)
    assert (eta is None) == (count + waiting == 0)
    if eta is not None:
        assert 0 <= eta.low_s <= eta.mid_s <= eta.high_s
