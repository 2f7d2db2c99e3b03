"""The forecast of waits on a made-up site: what it says, what it keeps, when it does not know."""

import json
import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.waiting.forecaster import Forecaster
from jobshape.app.waiting.records import QueuedJob, Wait, WaitShape

from .replay import CPUS, play, shape

MAIN = WaitShape(4, 3600.0, "u1", "", "main")


@cache
def played() -> tuple[Forecaster, tuple[tuple[Wait, float], ...]]:
    forecaster = Forecaster()
    return forecaster, tuple(play(forecaster, 1500))


def test_nothing_seen_is_unknown_not_zero() -> None:
    wait = Forecaster().forecast(MAIN, 0.0)
    assert (wait.source, wait.p50_s, wait.known) == ("unknown", None, False)
    assert wait.why


def test_an_unknown_partition_is_unknown_on_a_known_site() -> None:
    forecaster, _ = played()
    elsewhere = forecaster.forecast(MAIN._replace(partition="gpu", pool="gpu"), 2e9)
    assert elsewhere.source == "unknown"


def test_slurms_estimate_is_used_where_nothing_else_is_known() -> None:
    wait = Forecaster().forecast(MAIN, 0.0, slurm_wait_s=1200.0)
    assert (wait.source, wait.p50_s) == ("slurm", 1200.0)
    assert wait.p90_s is not None and wait.p90_s > 1200.0


def test_history_answers_before_slurm() -> None:
    forecaster = Forecaster()
    for minutes in range(40):
        forecaster.observe_past(MAIN, minutes * 60.0)
    wait = forecaster.forecast(MAIN, 0.0, slurm_wait_s=5.0)
    assert wait.source == "similar jobs"
    assert wait.p50_s == pytest.approx(1200.0, abs=61)
    assert wait.p90_s == pytest.approx(2160.0, abs=121)


def test_the_live_queue_beats_the_distribution_of_all_waits() -> None:
    _, waited = played()
    late = [(told, wait) for told, wait in waited if told.source == "live queue"][-800:]
    waits = sorted(wait for _, wait in late)
    middle = waits[len(waits) // 2]
    own = sum(abs((told.p50_s or 0) - wait) for told, wait in late)
    assert own < 0.5 * sum(abs(middle - wait) for wait in waits)


def test_upper_quantiles_cover_what_they_say() -> None:
    _, waited = played()
    late = [(told, wait) for told, wait in waited if told.source == "live queue"][-800:]
    p90 = sum(wait <= (told.p90_s or 0) for told, wait in late) / len(late)
    p95 = sum(wait <= (told.p95_s or 0) for told, wait in late) / len(late)
    assert 0.86 <= p90 <= 0.94
    assert 0.92 <= p95 <= 0.98


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 100_000), st.none() | st.floats(1.0, 1e7), st.text(max_size=5))
def test_quantiles_rise_and_are_never_negative(cpus: int, time_s: float | None, user: str) -> None:
    forecaster, _ = played()
    wait = forecaster.forecast(WaitShape(cpus, time_s, user, "", "main"), 1.1e9)
    assert wait.p50_s is not None and wait.p90_s is not None and wait.p95_s is not None
    assert 0.0 <= wait.p50_s <= wait.p90_s <= wait.p95_s < 400 * 86400


def test_the_same_events_give_the_same_forecast() -> None:
    one, other = Forecaster(), Forecaster()
    assert play(one, 320) == play(other, 320)


def test_a_saved_state_gives_the_same_quantiles() -> None:
    forecaster, _ = played()
    text = json.dumps(forecaster.to_json())
    again = Forecaster()
    again.restore(json.loads(text))
    assert json.dumps(again.to_json()["correction"]) == json.dumps(
        forecaster.to_json()["correction"]
    )
    fresh = Forecaster()
    fresh.restore(json.loads(text))
    moment = 1.2e9
    assert again.forecast(MAIN, moment) == fresh.forecast(MAIN, moment)
    assert again.forecast(MAIN, moment).source == "live queue"
    assert len(text) < 400_000


def test_a_state_that_is_none_is_refused() -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Forecaster().restore({"version": 1, "correction": {"shifts": {"fits": ["x", "y"]}}})


def test_a_map_says_what_single_forecasts_say() -> None:
    forecaster, _ = played()
    table = forecaster.map(MAIN, [1, 8, 32], [600.0, 7200.0], 1.1e9)
    assert [len(row) for row in table] == [2, 2, 2]
    for row, cpus in zip(table, [1, 8, 32], strict=True):
        for wait, time_s in zip(row, [600.0, 7200.0], strict=True):
            single = forecaster.forecast(MAIN._replace(cpus=cpus, walltime_s=time_s), 1.1e9)
            assert wait.p90_s == pytest.approx(single.p90_s, rel=1e-3, abs=0.1)


def test_the_evidence_names_the_queue() -> None:
    rng = random.Random(1)
    forecaster = Forecaster()
    play(forecaster, 300)
    base = 1_000_000
    for number in range(50):
        forecaster.observe_submit(QueuedJob(base + number, 2e9, shape(rng)), 2e9)
    text = "\n".join(forecaster.forecast(MAIN._replace(cpus=CPUS), 2e9).why)
    assert "jobs queued" in text and "32 CPUs" in text


def test_a_job_that_leaves_without_a_start_teaches_nothing() -> None:
    forecaster = Forecaster()
    play(forecaster, 300)
    before = forecaster.to_json()
    forecaster.observe_submit(QueuedJob(999_999, 2e9, MAIN), 2e9)
    forecaster.observe_end(999_999, 2e9 + 1)
    assert forecaster.to_json()["learner"] == before["learner"]
    assert 999_999 not in forecaster
