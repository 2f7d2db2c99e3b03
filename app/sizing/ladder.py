"""What is asked for after an attempt that was too small."""

from collections.abc import Iterator

GROWTH = 2.0
CLEARLY_MORE = 1.02  # a retry at hardly more than what failed is likely to fail again


def next_rung(failed: float, largest: float) -> float:
    """The request after one that failed: the largest need seen, beyond that the double."""
    return largest if largest > CLEARLY_MORE * failed else GROWTH * failed


def rungs(request: float, largest: float) -> Iterator[float]:
    """The requests of one job, attempt by attempt, without end."""
    while True:
        yield request
        request = next_rung(request, largest)
