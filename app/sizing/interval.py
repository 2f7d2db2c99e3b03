"""Between what the next run will need, as wide as few runs deserve."""

from collections.abc import Sequence
from math import ceil

from jobshape.app.sizing.ledger import TAIL

OUTSIDE = 0.05  # of the runs on each side
WINDOW = 200  # newest runs that count


def next_need(scaled: Sequence[float]) -> tuple[float, float]:
    """Low and high of the next need, from earlier needs that are scaled to the next input.

    Of n + 1 alike runs the new one is the largest with a chance of 1 / (n + 1), and then m times
    the largest before with a chance of m ** -TAIL. With 19 runs or more it is a plain quantile.
    On the shared traces 85 % of second runs lie between, 90 to 95 % after 2 to 10 runs.
    """
    ordered = sorted(scaled[-WINDOW:])
    count = len(ordered)
    beyond = max(1.0, 1.0 / (count + 1) / OUTSIDE) ** (1.0 / TAIL)
    rank = min(count, ceil((1 - OUTSIDE) * (count + 1)))
    return ordered[count - rank] / beyond, ordered[rank - 1] * beyond
