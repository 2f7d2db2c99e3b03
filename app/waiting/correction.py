"""Corrects the upper bounds of forecasts by how often earlier ones were wrong on this site.

Online conformal shift: after a miss ln(bound + 60 s) of its class moves up, after a hit down, in
the proportion that makes misses as frequent as they should be, whatever the forecaster's faults.
Bounds right on the whole may still be too low for just those jobs that then wait long, so where a
long wait is in sight a second shift follows the jobs that really waited long.
"""

import heapq
import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from jobshape.app.waiting.records import GRACE_S, LEVELS

UPPER = LEVELS[1:]
"""The quantiles corrected."""

KEPT = 200
"""Forecasts of which it is remembered whether their p90 held."""

RATE, FIRST_RATE, FIRST_COUNT = 0.02, 0.06, 100
"""How far a shift moves: at the first forecasts of a class more, so that it gets there soon.

A low rate in the end, as jobs come in bursts that miss together: with 0.05 bounds run away.
"""

MOST_SHIFT = 2.5
"""A burst of equal jobs that all miss must not move the bounds by more than a factor of 12."""

OVER_LONGEST = 0.1
"""How far, in ln seconds, a bound may go over the longest wait known."""

LONG_S = 600.0
LONG_RATE = 0.02
LONG_MISSES = 1.1
"""Misses among long waits, over those among all, that the second shift aims at."""

MOST_LONG_SHIFT = 2.0
LONG_IN_SIGHT = math.log(400.0)
"""ln(bound + 60 s) from which a long wait is in sight; one above it, it is taken as plausible."""


class _Watched:
    """An open forecast."""

    __slots__ = ("bounds", "kind", "missed", "since")

    def __init__(self, kind: str, since: float, bounds: Sequence[float]) -> None:
        self.kind = kind
        self.since = since
        self.bounds = bounds
        self.missed = [False] * len(bounds)


class Correction:
    """The shifts of each class, and the forecasts that are still open."""

    def __init__(self) -> None:
        self._shifts: dict[str, list[float]] = {}
        self._counts: dict[str, int] = {}
        self._long = [0.0] * len(UPPER)
        self._open: dict[int, _Watched] = {}
        self._due: list[tuple[float, int, int]] = []
        self._held: deque[bool] = deque(maxlen=KEPT)

    def corrected(
        self, kind: str, quantiles: Sequence[float], *, longest: float = math.inf
    ) -> list[float]:
        """Waits in seconds, rising, for p50, p90, p95 of ln(wait + 60 s) of a class.

        longest: ln(wait + 60 s) of the longest wait known, which bounds do not go far beyond.
        """
        shifts = self._shifts.get(kind, [0.0] * len(UPPER))
        values = [quantiles[0]]
        for raw, shift, long in zip(quantiles[1:], shifts, self._long, strict=True):
            in_sight = min(max(raw - LONG_IN_SIGHT, 0.0), 1.0)
            values.append(min(raw + shift + in_sight * long, longest + OVER_LONGEST))
        waits: list[float] = []
        for value in values:
            wait = max(math.exp(min(value, MOST)) - GRACE_S, 0.0)
            waits.append(max(wait, waits[-1]) if waits else wait)
        return waits

    def opened(self, key: int, kind: str, now: float, bounds_s: Sequence[float]) -> None:
        """A job was forecast so (p90, p95): it is watched until it starts."""
        self._open[key] = _Watched(kind, now, bounds_s)
        for level, bound in enumerate(bounds_s):
            heapq.heappush(self._due, (now + bound, key, level))

    def passed(self, now: float) -> None:
        """Jobs that have waited longer than their bound are misses before they start."""
        while self._due and self._due[0][0] < now:
            due, key, level = heapq.heappop(self._due)
            watched = self._open.get(key)
            if watched and watched.since + watched.bounds[level] == due:
                watched.missed[level] = True
                self._learn(watched.kind, level, UPPER[level])

    def started(self, key: int, wait_s: float) -> None:
        """A watched job has started."""
        watched = self._open.pop(key, None)
        if watched is None:
            return
        for level, bound in enumerate(watched.bounds):
            missed = watched.missed[level] or wait_s > bound
            if not watched.missed[level]:
                self._learn(watched.kind, level, UPPER[level] - (0.0 if missed else 1.0))
            if wait_s > LONG_S:
                self._learn_long(level, missed=missed)
        self._held.append(wait_s <= watched.bounds[0])

    def dropped(self, key: int) -> None:
        """A watched job left the queue without a start: it says nothing."""
        self._open.pop(key, None)

    def _learn(self, kind: str, level: int, step: float) -> None:
        shifts = self._shifts.setdefault(kind, [0.0] * len(UPPER))
        count = self._counts.get(kind, 0)
        self._counts[kind] = count + 1
        rate = max(RATE, FIRST_RATE / (1.0 + count / FIRST_COUNT))
        shifts[level] = min(max(shifts[level] + rate * step, -MOST_SHIFT), MOST_SHIFT)

    def _learn_long(self, level: int, *, missed: bool) -> None:
        aim = (1.0 - UPPER[level]) * LONG_MISSES
        moved = self._long[level] + LONG_RATE * (float(missed) - aim)
        self._long[level] = min(max(moved, 0.0), MOST_LONG_SHIFT)

    @property
    def coverage(self) -> tuple[float | None, int]:
        """The share of recent forecasts whose p90 held, and of how many."""
        count = len(self._held)
        return (sum(self._held) / count if count else None), count

    def to_json(self) -> dict[str, Any]:
        """What has been learnt, as plain values. Open forecasts are not kept."""
        return {
            "shifts": {kind: list(shifts) for kind, shifts in self._shifts.items()},
            "counts": dict(self._counts),
            "long": list(self._long),
            "held": [int(held) for held in self._held],
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take over what ``to_json`` gave."""
        self._shifts = {str(kind): _floats(shifts) for kind, shifts in saved["shifts"].items()}
        self._counts = {str(kind): int(count) for kind, count in saved["counts"].items()}
        self._long = _floats(saved["long"])
        self._held = deque((bool(held) for held in saved["held"]), maxlen=KEPT)


MOST = math.log(366 * 86400.0)
"""No forecast is over a year."""


def _floats(values: Sequence[Any]) -> list[float]:
    found = [float(value) for value in values]
    if len(found) != len(UPPER) or not all(map(math.isfinite, found)):
        raise ValueError("not one finite number for each quantile")
    return found
