"""What the collector says it costs."""

import pytest
from jobshape.app.collector.ledger import Ledger, Spent


def test_rates_in_the_first_minute_and_later() -> None:
    ledger = Ledger(now=1000.0)
    for i in range(6):
        ledger.add(Spent(1000.0 + 30 * i, {"REQUEST_JOB_INFO": 2}, 0.040, 0.3))
    assert ledger.rates(1010.0)[0] == 12  # all of it counted as within one minute
    calls, controller_ms, cpu = ledger.rates(1150.0)
    assert calls == pytest.approx(12 / 2.5)
    assert controller_ms == pytest.approx(6 * 40 / 2.5)
    assert cpu == pytest.approx(1.8 / 150)


def test_the_controllers_own_figure_goes_before_ours_also_for_what_is_booked() -> None:
    ledger = Ledger(now=0.0)
    ledger.add(Spent(1.0, {"REQUEST_JOB_INFO": 1, "REQUEST_OTHER": 1}, 0.100, 0.0))
    assert ledger.rates(2.0)[1] == pytest.approx(100.0)
    ledger.per_call_ms = {"REQUEST_JOB_INFO": 3.0}
    assert ledger.rates(2.0)[1] == pytest.approx(53.0)


def test_a_reading_of_all_jobs_costs_more_than_the_average_caller() -> None:
    ledger = Ledger(now=0.0)
    ledger.per_call_ms = {"REQUEST_JOB_INFO": 0.2, "REQUEST_PARTITION_INFO": 0.1}
    calls = {"REQUEST_JOB_INFO": 1, "REQUEST_PARTITION_INFO": 1}
    assert ledger.controller_ms(Spent(1.0, calls, 0.2, 0.5, 20_000)) == pytest.approx(100.1)
    assert ledger.controller_ms(Spent(1.0, calls, 0.09, 0.5, 1)) == pytest.approx(0.3)
    assert ledger.controller_ms(Spent(1.0, calls, 0.09, 0.5, None)) == pytest.approx(90.1)


def test_nothing_costs_the_controller_more_than_the_call_took() -> None:
    ledger = Ledger(now=0.0)
    ledger.per_call_ms = {"REQUEST_NODE_INFO": 900.0}  # its mean remembers one bad moment
    spent = Spent(1.0, {"REQUEST_NODE_INFO": 1}, 0.004, 0.001)
    assert ledger.controller_ms(spent) == pytest.approx(5.0)


def test_the_controllers_count_around_a_reading_is_its_price() -> None:
    ledger = Ledger(now=0.0)
    spent = Spent(1.0, {"REQUEST_JOB_INFO": 1}, 0.3, 0.5, 20_000, 87.5)
    assert ledger.controller_ms(spent) == 87.5


def test_what_is_older_than_the_window_is_forgotten() -> None:
    ledger = Ledger(now=0.0)
    ledger.add(Spent(1.0, {"A": 5}, 1.0, 1.0))
    ledger.add(Spent(1000.0, {"A": 1}, 0.0, 0.0))
    assert ledger.rates(1000.0)[0] == pytest.approx(1 / 3)


def test_where_there_is_no_controller_nothing_is_expensive() -> None:
    ledger = Ledger(now=0.0, free=True)
    spent = Spent(10.0, {"REQUEST_JOB_INFO": 1}, 0.5, 0.1, 10_000)
    ledger.add(spent)
    assert ledger.controller_ms(spent) == 0
    assert ledger.rates(10.0)[1] == 0


def test_a_pulse_is_priced_by_the_jobs_before_the_controller_has_counted_one() -> None:
    ledger = Ledger(now=0.0)
    spent = Spent(1.0, {"REQUEST_JOB_STATE": 1}, 0.1, 0.0, 20_000)
    assert ledger.controller_ms(spent) == pytest.approx(8.0)
