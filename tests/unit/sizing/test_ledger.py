"""The record of rules: its sums are what playing each rule through gives."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from jobshape.app.sizing.baselines import NAMES, Baselines
from jobshape.app.sizing.ladder import next_rung
from jobshape.app.sizing.ledger import MARGINS, TAIL, Ledger
from jobshape.app.sizing.run import SizingRun
from jobshape.app.sizing.scoring import default, lean, safe, walltime

GAIN = 2 ** (1 / 50)


def played(
    runs: list[SizingRun], size: float, price: float, smallest: float
) -> dict[tuple[str, float], float]:
    """Every rule played through run by run, as the module says it, with nothing kept in sums."""
    costs: dict[tuple[str, float], float] = {}
    seen = Baselines()
    past: list[tuple[float, tuple[float, ...], float, SizingRun]] = []
    weight = 1.0
    for run in runs:
        if seen.count:
            weight *= GAIN
            past.append((weight, seen.values(run.input_bytes), seen.largest, run))
        seen.learn(run.need, run.input_bytes)
    count, largest = len(runs), seen.largest
    time = sum(run.runtime_s for run in runs) / count
    held = sum(run.runtime_s * run.need for run in runs) / count
    weights = sum(each[0] for each in past) + 1
    for index, base in enumerate(seen.values(size)):
        worst = max([1.0, *(run.need / values[index] for _, values, _, run in past)])
        for margin in MARGINS:
            waste = fails = 0.0
            for each, values, most, run in past:
                request = margin * values[index]
                fails += each * (request < run.need)
                while request < run.need:
                    waste += each * request * run.runtime_s
                    request = next_rung(request, most)
                waste += each * (request - run.need) * run.runtime_s
            request = margin * base
            waste += max(request - largest, 0) * time
            beyond = max(request / largest, 1)
            if NAMES[index] in ("line", "near"):
                beyond = max(beyond, margin / worst)
            surprise = beyond**-TAIL / (count + 1)
            costs[NAMES[index], margin] = (
                waste / weights
                + surprise * (request + largest) * time
                + (fails / weights + surprise) * price * max(held, smallest * time)
            )
    return costs


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("price", [1.0, 25.0])
def test_the_choice_is_the_cheapest_of_all_rules_played_through(seed: int, price: float) -> None:
    dice = random.Random(seed)
    sizes = [dice.uniform(1, 100) for _ in range(30)]
    runs = [
        SizingRun(5 + 3 * size * dice.lognormvariate(0, 0.2), dice.uniform(1, 9), size)
        for size in sizes
    ]
    ledger = Ledger(10.0)
    for run in runs:
        ledger.learn(run)
    choice = ledger.choose(50.0, price)
    costs = played(runs, 50.0, price, 10.0)
    assert costs[choice.baseline, choice.margin] == pytest.approx(min(costs.values()))


def test_a_long_record_keeps_its_figures() -> None:
    ledger = Ledger(1.0)
    for index in range(20_000):  # weights would pass the largest float near 50,000
        ledger.learn(SizingRun(100.0 + index % 3, 1.0))
    assert ledger.choose(None, 5.0).request == pytest.approx(102, rel=0.03)


def test_what_is_unknown_is_the_largest() -> None:
    seen = Baselines()
    for need in (3.0, 1.0):
        seen.learn(need, None)
    assert seen.values(7.0) == (3.0, 3.0, 3.0, 1.0, 3.0, 3.0)


def test_a_line_needs_inputs_that_differ() -> None:
    seen = Baselines()
    for need in (3.0, 1.0, 2.0, 2.0):
        seen.learn(need, 1e12)
    assert seen.line() is None
    for at in (2e12, 3e12):
        seen.learn(2.0 + at, at)
    assert seen.line() is not None


def test_the_nearest_inputs_win_by_ratio() -> None:
    seen = Baselines()
    for size in range(1, 21):
        seen.learn(float(size), float(2**size))
    assert seen.values(2.0**10)[NAMES.index("near")] == 12.0


@pytest.mark.parametrize("policy", [safe, default, lean])
def test_the_benchmark_can_call_it(policy: Callable[[], Any]) -> None:
    rule = policy()
    history: list[dict[str, Any]] = []
    assert rule(history, None, 5e9) == 5e9
    for peak in (1e9, 1.1e9, 1.05e9):
        history.append({"peak_bytes": peak, "runtime_s": 60.0, "input_bytes": None})
        assert peak < rule(history, None, 5e9) <= 5e9
    assert rule.retry(1.0e9, 1, history, None, 5e9) == 1.1e9
    assert rule.retry(1.2e9, 2, history, None, 5e9) == 2.4e9


def test_the_benchmark_can_call_walltime() -> None:
    rule = walltime()
    history = [{"runtime_s": 60.0, "input_bytes": None, "status": "ok"}] * 30
    assert 60 < rule(history, None, 86400.0) <= 3 * 60
    assert rule.retry(100.0, 1, history, None, 86400.0) == 86400.0
