"""How often the collector asks."""

import pytest
from jobshape.app.collector.cadence import Cadence, Cost, controller_budget_ms


def quiet_readings(cadence: Cadence, count: int) -> float:
    for _ in range(count):
        cadence.answered(moved=False)
    return cadence.interval_s


def test_two_seconds_while_things_move_and_someone_looks() -> None:
    cadence = Cadence()
    cadence.answered(moved=True)
    assert cadence.interval_s == 2.0


def test_slower_with_each_quiet_reading_up_to_thirty_seconds() -> None:
    cadence = Cadence()
    intervals = [quiet_readings(cadence, 1) for _ in range(20)]
    assert intervals == sorted(intervals)
    assert intervals[0] == 2.5
    assert intervals[-1] == 30.0
    cadence.answered(moved=True)
    assert cadence.interval_s == 2.0


def test_thirty_seconds_while_nobody_looks_even_if_things_move() -> None:
    cadence = Cadence()
    cadence.looking = False
    cadence.answered(moved=True)
    assert cadence.interval_s == 30.0


def test_failures_double_the_wait_and_an_answer_ends_that() -> None:
    cadence = Cadence()
    waits = []
    for _ in range(6):
        cadence.failed()
        waits.append(cadence.interval_s)
    assert waits == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    cadence.answered(moved=True)
    assert cadence.interval_s == 2.0


def test_the_controllers_budget_holds_at_every_size() -> None:
    assert controller_budget_ms(10) == 200
    assert controller_budget_ms(20_000) == 200
    assert controller_budget_ms(50_000) == 500
    assert controller_budget_ms(500_000) == 1000
    for jobs, call_ms in ((20_000, 58.0), (100_000, 250.0), (10, 200.0)):
        cadence = Cadence(budget_share=0.7)
        cadence.answered(moved=True)
        cadence.cost = Cost(call_ms, 0.0, jobs)
        caused_ms_per_minute = call_ms * 60 / cadence.interval_s
        assert caused_ms_per_minute <= controller_budget_ms(jobs) * 0.7 * 1.0001


def test_a_very_slow_controller_is_still_asked_every_five_minutes() -> None:
    cadence = Cadence()
    cadence.cost = Cost(60_000.0, 0.0, 10)
    assert cadence.interval_s == 300.0


def test_our_own_cpu_is_bounded_more_when_nothing_moves() -> None:
    cadence = Cadence()
    cadence.cost = Cost(0.0, 0.6, 20_000)
    cadence.answered(moved=True)
    assert cadence.interval_s == pytest.approx(3.0)  # a fifth of a core
    assert quiet_readings(cadence, 30) == pytest.approx(50.0)  # 1.2 %


def test_our_own_cpu_makes_no_wait_longer_than_a_minute() -> None:
    cadence = Cadence()
    cadence.cost = Cost(0.0, 5.0, 100_000)
    assert quiet_readings(cadence, 30) == 60.0


def test_a_long_wait_without_change_counts_as_many_short_ones() -> None:
    cadence = Cadence()
    cadence.cost = Cost(controller_ms=100.0, cpu_s=0.6, jobs=20_000)
    assert cadence.interval_s == pytest.approx(42.9, abs=0.1)  # what the controller may spend
    assert quiet_readings(cadence, 4) == pytest.approx(50.0)  # what we may spend


def test_a_failing_costly_site_is_not_asked_oftener_than_a_working_one() -> None:
    cadence = Cadence()
    cadence.cost = Cost(58.0, 0.0, 20_000)
    working_s = cadence.interval_s
    cadence.failed()
    assert cadence.interval_s >= working_s


def test_a_budget_that_was_set_counts_instead_of_the_queue_s_size() -> None:
    cadence = Cadence(budget_share=0.5)
    cadence.cost = Cost(controller_ms=50.0, jobs=100_000)
    usual = cadence.interval_s
    cadence.budget_ms = 100.0
    assert usual == pytest.approx(6.0)  # 50 ms of the 500 ms a minute that 1,000 x 0.5 allow
    assert cadence.interval_s == pytest.approx(60.0)


def test_a_costly_reading_waits_while_a_pulse_says_that_nothing_moves() -> None:
    cadence = Cadence(budget_share=0.55)
    cadence.cost = Cost(controller_ms=100.0, cpu_s=0.6, jobs=20_000)
    assert cadence.is_costly
    cadence.calm = True
    assert cadence.interval_s == 120.0
    cadence.wake()
    assert cadence.interval_s == pytest.approx(54.5, abs=0.1)
    cadence.cost = Cost(controller_ms=1.0, cpu_s=0.01, jobs=50)
    cadence.calm = True
    assert not cadence.is_costly
    assert cadence.interval_s == 2.0
