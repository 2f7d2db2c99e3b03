"""How long a job runs, predicted from what was asked and what its user's jobs did before."""

from collections import deque
from collections.abc import Mapping
from statistics import median
from typing import Any

from jobshape.app.waiting.records import WaitShape

DEFAULT_WALLTIME_S = 86400.0
"""Taken where a job asks for no walltime and none has ended yet."""

SHORTEST_S = 60.0
MOST_USERS = 1000


class RunTimes:
    """Predicts run times: the mean of a user's last two (Tsafrir et al., 2007), never over the ask.

    A user without history gets the share of the ask that everybody's jobs use, at the median.
    """

    def __init__(self) -> None:
        self._last: dict[str, deque[float]] = {}
        self._alike: dict[tuple[str, int, float | None], deque[float]] = {}
        self._shares: deque[float] = deque(maxlen=500)
        self._lengths: deque[float] = deque(maxlen=500)
        self._share = 0.5
        self._longest = DEFAULT_WALLTIME_S
        self._seen = 0

    def ended(self, shape: WaitShape, run_s: float) -> None:
        """Learn from a job that ended."""
        self._last.setdefault(shape.user, deque(maxlen=2)).append(run_s)
        alike = (shape.user, shape.cpus, shape.walltime_s)
        self._alike.setdefault(alike, deque(maxlen=3)).append(run_s)
        self._lengths.append(run_s)
        if shape.walltime_s:
            self._shares.append(min(run_s / shape.walltime_s, 1.0))
        self._seen += 1
        if self._seen % 50 == 0:
            if self._shares:
                self._share = median(self._shares)
            ordered = sorted(self._lengths)
            self._longest = max(ordered[int(0.98 * (len(ordered) - 1))], SHORTEST_S)

    def asked(self, shape: WaitShape) -> float:
        """The walltime it asks for; without one, what only two in a hundred jobs exceed."""
        return shape.walltime_s or self._longest

    def predict(self, shape: WaitShape) -> float:
        """The run time of a job that has not started, in seconds."""
        asked = self.asked(shape)
        before = self._alike.get((shape.user, shape.cpus, shape.walltime_s)) or self._last.get(
            shape.user
        )
        guess = sum(before) / len(before) if before else asked * self._share
        return min(max(guess, 1.0), max(asked, SHORTEST_S))

    def to_json(self) -> dict[str, Any]:
        """What was learnt, as plain values; of users the last ones seen."""
        return {
            "last": [[user, list(runs)] for user, runs in list(self._last.items())[-MOST_USERS:]],
            "share": self._share,
            "longest": self._longest,
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take over what ``to_json`` gave."""
        self._last = {str(user): deque(map(float, runs), 2) for user, runs in saved["last"]}
        self._share, self._longest = float(saved["share"]), float(saved["longest"])
