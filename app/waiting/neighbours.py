"""Quantiles of a wait from the most similar waits seen, those still waiting counted as censored."""

import numpy as np
from jobshape.app.waiting.records import LEVELS
from numpy.typing import NDArray

FEWEST = 10
"""Fewer similar jobs than this say nothing."""


def kaplan_meier(
    times: NDArray[np.float64], censored: NDArray[np.bool_], levels: tuple[float, ...] = LEVELS
) -> NDArray[np.float64]:
    """Quantiles of times of which some are only lower bounds; at least one time, any order.

    A quantile past the last event is twice the largest time.
    """
    order = np.lexsort((censored, times))
    times, censored = times[order], censored[order]
    at_risk = len(times) - np.arange(len(times))
    gone = 1.0 - np.cumprod(np.where(censored, 1.0, 1.0 - 1.0 / at_risk))
    places = gone.searchsorted(np.array(levels) - 1e-12)
    known = times[np.minimum(places, len(times) - 1)]
    return np.where(places < len(times), known, 2.0 * times[-1])


def near_quantiles(
    rows: NDArray[np.float64],
    waits: NDArray[np.float64],
    censored: NDArray[np.bool_],
    wanted: NDArray[np.float64],
    *,
    count: int = 60,
) -> NDArray[np.float64] | None:
    """Quantiles of the waits of the ``count`` rows closest to ``wanted``; None: too few.

    Rows are scaled alike in all columns. Censored rows no farther away than the chosen ones count.
    """
    started = int((~censored).sum())
    if started < FEWEST:
        return None
    distance = ((rows - wanted) ** 2).sum(1)
    usable = np.where(censored, np.inf, distance)
    count = min(count, started)
    chosen = np.argpartition(usable, count - 1)[:count]
    reach = distance[chosen].max()
    chosen = np.append(chosen, np.flatnonzero(censored & (distance <= reach)))
    return kaplan_meier(waits[chosen], censored[chosen])
