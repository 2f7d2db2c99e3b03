"""Quantiles of similar waits, some of them only lower bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.waiting.neighbours import kaplan_meier, near_quantiles

WAITS = st.lists(st.tuples(st.floats(0, 1e6), st.booleans()), min_size=1, max_size=40)


def test_without_censoring_they_are_the_plain_quantiles() -> None:
    times = np.arange(1.0, 101.0)
    found = kaplan_meier(times, np.zeros(100, bool))
    assert found.tolist() == [50.0, 90.0, 95.0]


def test_jobs_still_waiting_push_the_quantiles_up() -> None:
    times = np.arange(1.0, 101.0)
    censored = np.zeros(150, bool)
    censored[100:] = True
    with_waiting = kaplan_meier(np.append(times, np.full(50, 60.0)), censored)
    assert with_waiting[0] > 50.0


@given(WAITS)
def test_they_rise_and_are_never_negative(waits: list[tuple[float, bool]]) -> None:
    times = np.array([wait for wait, _ in waits])
    found = kaplan_meier(times, np.array([censored for _, censored in waits]))
    assert 0.0 <= found[0] <= found[1] <= found[2]


def test_the_closest_rows_answer() -> None:
    rows = np.concatenate([np.zeros((60, 2)), np.full((60, 2), 5.0)])
    waits = np.concatenate([np.full(60, 10.0), np.full(60, 99.0)])
    found = near_quantiles(rows, waits, np.zeros(120, bool), np.full(2, 4.9))
    assert found is not None
    assert found == pytest.approx([99.0, 99.0, 99.0])


def test_too_few_rows_say_nothing() -> None:
    assert near_quantiles(np.zeros((9, 2)), np.zeros(9), np.zeros(9, bool), np.zeros(2)) is None
