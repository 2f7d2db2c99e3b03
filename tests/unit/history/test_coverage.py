"""Which times of accounting were read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.history.coverage import DAY_S, OVERLAP_S, Coverage

NOW = 100 * DAY_S


def test_the_first_start_plans_days_newest_first() -> None:
    coverage = Coverage().planned(NOW, 14)
    assert coverage.slices_left() == 14
    assert coverage.newest() == (NOW - DAY_S, NOW)
    after = coverage.without((NOW - DAY_S, NOW))
    assert after.newest() == (NOW - 2 * DAY_S, NOW - DAY_S)
    assert after.slices_left() == 13


def test_the_next_start_goes_on_where_this_one_stopped() -> None:
    kept = Coverage().planned(NOW, 2).without((NOW - DAY_S, NOW)).text()
    again = Coverage.from_text(kept).planned(NOW + 5000, 2)
    assert again.gaps == (
        (NOW - 2 * DAY_S, NOW - DAY_S),
        (NOW - OVERLAP_S, NOW + 5000),
    )
    assert Coverage.from_text("nonsense") == Coverage()
    assert Coverage.from_text("[1, [[3]]]") == Coverage()


def test_an_earlier_time_can_be_asked_for_again() -> None:
    done = Coverage(NOW)
    assert done.planned(NOW + 60, 14, NOW - 7000).gaps == ((NOW - 7000, NOW + 60),)
    assert done.planned(NOW + 60, 14, NOW + 10).gaps == ((NOW - OVERLAP_S, NOW + 60),)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=8), st.integers(1, 9))
def test_slices_cover_every_gap_once(steps: list[tuple[int, int]], longest: int) -> None:
    coverage = Coverage()
    now = 10_000
    for later, cut in steps:
        now += later
        coverage = coverage.planned(now, 0.001)
        for _ in range(cut):
            span = coverage.newest(longest)
            if span is None:
                break
            assert 0 < span[1] - span[0] <= longest
            size = sum(b - a for a, b in coverage.gaps)
            coverage = coverage.without(span)
            assert sum(b - a for a, b in coverage.gaps) == size - (span[1] - span[0])
    assert all(a < b for a, b in coverage.gaps)
