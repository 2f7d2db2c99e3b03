"""What we cost: calls sent to the controller, its time, and our own CPU, over the last minutes."""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

WINDOW_S = 180.0
RECORD_MS = {"REQUEST_JOB_INFO": 0.005, "REQUEST_JOB_STATE": 0.0004}
"""What slurmctld takes for one job of a message about all: 80 to 120 ms for the records of 20,000,
6 to 8 ms for their states (26.05, measured)."""


class Spent(NamedTuple):
    """One piece of work: calls by Slurm's message type, time waited for them, CPU used."""

    at: float  # monotonic
    calls: Mapping[str, int]
    waited_s: float
    cpu_s: float
    job_records: int | None = 0  # in a message about all jobs; None: more than we were shown
    controller_ms: float | None = None  # by the controller's own count before and after


class Ledger:
    """Adds up what was spent; forgets what is older than the window.

    ``per_call_ms`` is the controller's own average for each message type (sdiag). Without one, the
    time we waited counts; nothing costs the controller more than the whole call took. free: there
    is no controller to spare, as on this machine, where reading is reading a file.
    """

    def __init__(self, now: float, *, free: bool = False) -> None:
        self._since = now
        self._free = free
        self._entries: deque[Spent] = deque()
        self.per_call_ms: Mapping[str, float] = {}

    def controller_ms(self, spent: Spent) -> float:
        """Controller time of this work.

        The average of REQUEST_JOB_INFO is no guide: most callers want one job, we want all.
        """
        if self._free:
            return 0.0
        if spent.controller_ms is not None:
            return spent.controller_ms
        waited_ms = spent.waited_s * 1000
        each_ms = waited_ms / max(1, sum(spent.calls.values()))
        total_ms = 0.0
        for kind, count in spent.calls.items():
            records = spent.job_records
            tells = kind in RECORD_MS and records != 0  # its size says what it costs
            call_ms = self.per_call_ms.get(kind, 0.0 if tells else each_ms)
            if tells:
                whole_ms = waited_ms if records is None else records * RECORD_MS[kind]
                call_ms = max(call_ms, whole_ms)
            total_ms += count * call_ms
        return min(total_ms, waited_ms + spent.cpu_s * 1000)

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
