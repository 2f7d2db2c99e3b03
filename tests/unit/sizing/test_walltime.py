"""Walltime: few timeouts, never above what was asked unless a run needed more."""

from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.sizing.run import SizingRun
from jobshape.app.sizing.walltime import size_walltime

HOUR = 3600.0


def of(*hours: float) -> list[SizingRun]:
    return [SizingRun(each * HOUR) for each in hours]


def test_no_run_keeps_what_was_asked() -> None:
    assert size_walltime([], asked=24 * HOUR).request == 24 * HOUR
    assert size_walltime([]).request is None


def test_a_long_habit_is_cut() -> None:
    sized = size_walltime(of(*[2.0, 2.1, 1.9] * 10), asked=72 * HOUR)
    assert 2.1 * HOUR < sized.request < 8 * HOUR
    assert sized.retries[0] == 72 * HOUR  # a timeout costs one run, then what was asked


def test_few_runs_cut_less_than_many() -> None:
    one, many = (size_walltime(of(*[2.0] * count), asked=200 * HOUR) for count in (1, 40))
    assert one.request > many.request


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(1, 1e6), max_size=25), st.floats(1, 1e6))
def test_never_above_what_was_asked_while_every_run_fits(times: list[float], asked: float) -> None:
    runs = [SizingRun(min(each, asked)) for each in times]
    assert size_walltime(runs, asked=asked).request < asked + 60


def test_runs_that_mostly_hit_their_limit_ask_for_more() -> None:
    killed = [SizingRun(10 * HOUR, censored=True)] * 2
    assert size_walltime(killed, asked=10 * HOUR).request >= 20 * HOUR
    one_hung = size_walltime([*of(*[1.0] * 20), killed[0]], asked=10 * HOUR)
    assert one_hung.request == 10 * HOUR
