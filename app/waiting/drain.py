"""How the queue drains: free CPUs over time and the work ahead, on a coarse time grid."""

from typing import NamedTuple

import numpy as np
from jobshape.app.waiting.ledger import Pool
from numpy.typing import NDArray

GRID_S: NDArray[np.float64] = np.concatenate([[0.0, 60.0, 180.0], 300.0 * 1.16 ** np.arange(0, 47)])
"""Moments looked at, from now: fine where it matters, to about three days."""

BEYOND_S = float(GRID_S[-1]) * 2.0
"""What does not come within the grid."""


class Drain(NamedTuple):
    """Free CPUs at each moment of the grid, and the CPU-seconds given out by then.

    ``predicted`` lets jobs run as long as they are thought to, ``asked`` to their limit.
    """

    free_now: int
    capacity: int
    predicted: NDArray[np.float64]
    asked: NDArray[np.float64]
    given_predicted: NDArray[np.float64]
    given_asked: NDArray[np.float64]
    left_predicted: float  # CPU-seconds that running jobs still take
    left_asked: float

    def when_free(self, cpus: int) -> tuple[float, float]:
        """Seconds until so many CPUs are free with nobody ahead: predicted, asked."""
        return _first(self.predicted, cpus), _first(self.asked, cpus)

    def when_drained(self, cpus: int, predicted: float, asked: float) -> tuple[float, float]:
        """The same behind so many CPU-seconds of queued work."""
        return (
            max(_first(self.given_predicted, predicted), _first(self.predicted, cpus)),
            max(_first(self.given_asked, asked), _first(self.asked, cpus)),
        )


def _first(rising: NDArray[np.float64], value: float) -> float:
    place = int(rising.searchsorted(value - 1e-6))
    return float(GRID_S[place]) if place < len(GRID_S) else BEYOND_S


def _curve(
    free: int, cpus: NDArray[np.float64], left: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    place = GRID_S.searchsorted(left)
    released = np.bincount(place, weights=cpus, minlength=len(GRID_S) + 1)[: len(GRID_S)]
    curve = free + released.cumsum()
    given = np.concatenate([[0.0], (curve[:-1] * np.diff(GRID_S)).cumsum()])
    return curve, given


def drain(pool: Pool, now: float, capacity: int, used: int) -> Drain:
    """The state of a pool as a drain."""
    cpus, left, left_asked = pool.running.remaining(now)
    free = max(capacity - used, 0)
    predicted, given_predicted = _curve(free, cpus, left)
    asked, given_asked = _curve(free, cpus, left_asked)
    return Drain(
        free,
        capacity,
        predicted,
        asked,
        given_predicted,
        given_asked,
        float(cpus @ left),
        float(cpus @ left_asked),
    )
