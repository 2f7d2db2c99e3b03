"""From a family's ledger to one request: what memory and walltime have in common."""

from collections.abc import Sequence
from itertools import islice

from jobshape.app.sizing.baselines import Baselines
from jobshape.app.sizing.interval import next_need
from jobshape.app.sizing.ladder import rungs
from jobshape.app.sizing.ledger import Choice, Ledger, likely_need
from jobshape.app.sizing.run import SizingRun

WINDOW = 100
"""Newest runs whose past each rule is judged on; older ones would weigh under a quarter, and the
decision stays under 5 ms."""

RETRIES = 3
SHOWN = {
    "largest": "the largest so far",
    "recent": "the largest of the last 3 runs",
    "p90": "what 9 of 10 runs stayed under",
    "median": "the median",
    "line": "the line on the input size",
    "near": "the largest of the 5 runs with the nearest input",
    "asked": "what was asked",
}


def ledger_of(runs: Sequence[SizingRun], smallest_loss: float) -> Ledger:
    """The ledger after these runs."""
    ledger = Ledger(smallest_loss)
    first_judged = len(runs) - WINDOW
    for index, run in enumerate(runs):
        ledger.learn(run, judge=index >= first_judged)
    return ledger


def interval_of(
    runs: Sequence[SizingRun], seen: Baselines, choice: Choice, input_bytes: float | None
) -> tuple[float, float]:
    """Low and high of the next need; around the line on the input if the request stands on it."""
    needs = [likely_need(run) for run in runs]
    if choice.baseline == "line" and input_bytes is not None:
        here = seen.line_at(input_bytes)
        scaled = [
            likely_need(run) * here / there
            for run in runs
            if here is not None
            and run.input_bytes is not None
            and (there := seen.line_at(run.input_bytes))
        ]
        needs = scaled or needs
    low, high = next_need(needs)
    if all(run.censored for run in runs):  # each needed more than its limit
        low = max(low, min(run.need for run in runs))
    return low, max(high, low)


def retries_of(request: float, largest: float) -> list[float]:
    """What to ask for after attempts that were too small."""
    return list(islice(rungs(request, largest), 1, RETRIES + 1))


def arithmetic(choice: Choice, price: float) -> list[str]:
    """How the rule won, in words, without units of the resource."""
    lines = [f"rule: {SHOWN[choice.baseline]} x {choice.margin:g}"]
    if choice.baseline != "asked":
        lines.append(
            f"too small for {100 * choice.fail_share:.1f} % of earlier runs (recent ones weigh"
            f" more); {100 * choice.surprise:.1f} % for a need not seen yet"
        )
        lines.append(f"a failed attempt was priced as {price:g} average runs")
    return lines
