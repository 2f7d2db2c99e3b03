"""The correction of bounds: coverage comes right whatever the forecasts; it keeps its state."""

import json
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.waiting.correction import MOST_SHIFT, Correction

BAD = [math.log(160.0), math.log(200.0), math.log(210.0)]


def replay(correction: Correction, scale: float, count: int = 4000) -> tuple[float, float]:
    """Coverage of p90 and p95 over the later half, waits being ``scale`` seconds on average."""
    rng = random.Random(5)
    held = [0, 0]
    for key in range(count):
        now = key * 60.0
        p90, p95 = correction.corrected("waits", BAD)[1:]
        wait = rng.expovariate(1 / scale)
        correction.opened(key, "waits", now, (p90, p95))
        correction.passed(now)
        correction.started(key, wait)
        if key >= count // 2:
            held = [held[0] + (wait <= p90), held[1] + (wait <= p95)]
    return held[0] / (count - count // 2), held[1] / (count - count // 2)


@pytest.mark.parametrize("scale", [60.0, 100.0, 400.0])
def test_coverage_comes_right_whatever_the_forecast(scale: float) -> None:
    p90, p95 = replay(Correction(), scale)
    assert p90 == pytest.approx(0.9, abs=0.03)
    assert p95 == pytest.approx(0.95, abs=0.03)


def test_a_miss_is_learnt_before_the_job_starts() -> None:
    correction = Correction()
    before = correction.corrected("waits", BAD)
    correction.opened(1, "waits", 0.0, before[1:])
    correction.passed(before[2] + 1.0)
    assert correction.corrected("waits", BAD)[1] > before[1]
    moved = correction.corrected("waits", BAD)
    correction.started(1, before[2] + 2.0)
    assert correction.corrected("waits", BAD) == moved


def test_a_burst_moves_bounds_only_so_far() -> None:
    correction = Correction()
    before = correction.corrected("waits", BAD)
    for key in range(5000):
        correction.opened(key, "waits", 0.0, before[1:])
    correction.passed(before[2] + 1.0)
    assert correction.corrected("waits", BAD)[1] + 60 <= (before[1] + 60) * math.exp(MOST_SHIFT) + 1


def test_bounds_stay_near_the_longest_wait_known() -> None:
    high = Correction().corrected("waits", [5.0, 12.0, 14.0], longest=9.0)
    assert high[2] + 60 <= math.exp(9.11)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1e6)), max_size=30))
def test_the_state_survives_json_and_bounds_rise(jobs: list[tuple[bool, float]]) -> None:
    correction = Correction()
    for key, (fits, wait) in enumerate(jobs):
        kind = "fits" if fits else "waits"
        bounds = correction.corrected(kind, BAD)
        assert 0.0 <= bounds[0] <= bounds[1] <= bounds[2]
        correction.opened(key, kind, 0.0, bounds[1:])
        correction.started(key, wait)
    again = Correction()
    again.restore(json.loads(json.dumps(correction.to_json())))
    assert again.to_json() == correction.to_json()
    for kind in ("fits", "waits"):
        assert again.corrected(kind, BAD) == correction.corrected(kind, BAD)
    assert again.coverage == correction.coverage
