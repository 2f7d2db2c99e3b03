"""Corrects the upper bounds of forecasts by how often earlier ones were wrong on this site.

Online conformal shift: after a miss ln(bound + 60 s) of its class moves up, after a hit down, in
the proportion that makes misses as frequent as they should be, whatever the forecaster's faults.
"""

import heapq
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from jobshape.app.waiting.records import LEVELS

UPPER = LEVELS[1:]
"""The quantiles corrected."""

KEPT = 200
"""Forecasts of which it is remembered whether their p90 held."""


class Correction:
    """The shifts of each class, and the forecasts that are still open."""

    def __init__(self, *, rate: float = 0.05, late_weight: float = 1.0) -> None:
        self._rate = rate
        self._late_weight = late_weight
        self._shift: dict[str, list[float]] = {}
        self._common = [0.0] * len(UPPER)
        self._seen: dict[str, int] = {}
        self._open: dict[int, tuple[str, float, list[float], list[bool]]] = {}
        self._due: list[tuple[float, int, int]] = []
        self.held: deque[bool] = deque(maxlen=KEPT)

    def shifts(self, kind: str) -> list[float]:
        """What to add to ln(bound + 60 s) of a class, p90 then p95."""
        return list(self._shift.get(kind, self._common))

    def opened(self, key: int, kind: str, now: float, bounds_s: Sequence[float]) -> None:
        """A job was forecast so (p90, p95): it is watched until it starts."""
        self._open[key] = (kind, now, list(bounds_s), [False] * len(UPPER))
        for level, bound in enumerate(bounds_s):
            heapq.heappush(self._due, (now + bound, key, level))

    def passed(self, now: float) -> None:
        """Jobs that have waited longer than their bound are misses before they start."""
        while self._due and self._due[0][0] < now:
            _, key, level = heapq.heappop(self._due)
            watched = self._open.get(key)
            if watched and not watched[3][level] and watched[1] + watched[2][level] < now:
                watched[3][level] = True
                self._learn(watched[0], level, missed=True, weight=1.0)

    def started(self, key: int, wait_s: float) -> None:
        """A watched job has started."""
        watched = self._open.pop(key, None)
        if watched is None:
            return
        kind, _, bounds, missed = watched
        for level, bound in enumerate(bounds):
            if not missed[level]:
                self._learn(kind, level, missed=wait_s > bound, weight=1.0)
        self.held.append(wait_s <= bounds[0])

    def dropped(self, key: int) -> None:
        """A watched job left the queue without a start: it says nothing."""
        self._open.pop(key, None)

    def _learn(self, kind: str, level: int, *, missed: bool, weight: float) -> None:
        step = UPPER[level] if missed else UPPER[level] - 1.0
        shift = self._shift.get(kind)
        if shift is None:
            shift = self._shift[kind] = list(self._common)
        shift[level] += self._rate * weight * step
        self._common[level] += 0.2 * self._rate * weight * step

    @property
    def coverage(self) -> tuple[float | None, int]:
        """The share of recent forecasts whose p90 held, and of how many."""
        count = len(self.held)
        return (sum(self.held) / count if count else None), count

    def to_json(self) -> dict[str, Any]:
        """What has been learnt, as plain values. Open forecasts are not kept."""
        return {
            "shift": {kind: list(shift) for kind, shift in self._shift.items()},
            "common": list(self._common),
            "held": [int(held) for held in self.held],
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take over what ``to_json`` gave."""
        self._shift = {
            str(kind): [float(value) for value in shift] for kind, shift in saved["shift"].items()
        }
        self._common = [float(value) for value in saved["common"]]
        self.held = deque((bool(held) for held in saved["held"]), maxlen=KEPT)
