"""What we cost: calls sent to the controller, its time, and our own CPU, over the last minutes."""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

WINDOW_S = 180.0


class Spent(NamedTuple):
    """One piece of work: calls by Slurm's message type, time waited for them, CPU used."""

    at: float  # monotonic
    calls: Mapping[str, int]
    waited_s: float
    cpu_s: float


class Ledger:
    """Adds up what was spent; forgets what is older than the window.

    ``per_call_ms`` is the controller's own average for each message type (sdiag). Without one, the
    time we waited counts, which is more than the controller took.
    """

    def __init__(self, now: float) -> None:
        self._since = now
        self._entries: deque[Spent] = deque()
        self.per_call_ms: Mapping[str, float] = {}

    def controller_ms(self, spent: Spent) -> float:
        """Controller time of this work."""
        waited_ms = spent.waited_s * 1000 / max(1, sum(spent.calls.values()))
        return sum(n * self.per_call_ms.get(kind, waited_ms) for kind, n in spent.calls.items())

    def add(self, spent: Spent) -> None:
        """Book it."""
        self._entries.append(spent)
        while self._entries[0].at < spent.at - WINDOW_S:
            self._entries.popleft()

    def rates(self, now: float) -> tuple[float, float, float]:
        """Calls a minute, controller ms a minute, share of a core, over the window.

        In the first minute the sums are given as they are, as if it were over.
        """
        recent = [spent for spent in self._entries if spent.at >= now - WINDOW_S]
        span_s = max(60.0, min(WINDOW_S, now - self._since))
        per_minute = 60.0 / span_s
        return (
            sum(sum(spent.calls.values()) for spent in recent) * per_minute,
            sum(map(self.controller_ms, recent)) * per_minute,
            sum(spent.cpu_s for spent in recent) / span_s,
        )
