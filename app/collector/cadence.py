"""How often to ask: quickly while things move and someone looks, seldom else, never at a price.

Pure: no clock, no input or output. The figures come from DESIGN.md's budgets.
"""

from dataclasses import dataclass, field

QUIET_SHARE = 0.25
"""The wait grows by this share of the time in which nothing moved: a quarter a reading."""

CPU_SHARE_BUSY, CPU_SHARE_QUIET = 0.2, 0.012
"""Share of a core that our own readings may take while things move, and when nothing does."""

LONGEST_FOR_CPU_S = 60.0
"""Our own CPU time makes no wait longer than this."""

COSTLY_S, COSTLY_WAITS = 15.0, 7.5
"""A reading whose price makes it wait so long, or so many of the fastest waits, is costly:
something cheaper is asked first whether anything moved."""

CALM_S, CALM_WAITS = 120.0, 60.0
"""The wait between two costly readings while no job comes, goes or changes its state."""


def controller_budget_ms(jobs: int) -> float:
    """Controller time we may cause in a minute: 200 ms up to 20,000 jobs, 1 s from 100,000 on."""
    return min(1000.0, max(200.0, jobs / 100))


@dataclass(frozen=True, slots=True)
class Cost:
    """What one reading cost: the controller's time and our own CPU."""

    controller_ms: float = 0.0
    cpu_s: float = 0.0
    jobs: int = 0


@dataclass(slots=True)
class Cadence:
    """The wait between two readings of one kind.

    budget_share: the part of the controller's budget that this kind may take.
    """

    fastest_s: float = 2.0
    slowest_s: float = 30.0
    budget_share: float = 0.7
    longest_s: float = 300.0  # not even a slow controller or a failing one makes it longer
    budget_ms: float = 0.0  # a minute, of all kinds together; 0: by the queue's size
    looking: bool = True
    calm: bool = False  # something cheaper watches, and nothing has moved
    quiet_s: float = field(default=0.0, init=False)  # how long nothing has moved, about
    failures: int = field(default=0, init=False)
    cost: Cost = field(default=Cost(), init=False)  # of the last reading

    def answered(self, *, moved: bool) -> None:
        """A reading worked; moved: it differed from the one before."""
        self.failures = 0
        self.quiet_s = 0.0 if moved else self.quiet_s + self.interval_s

    def failed(self) -> None:
        """A reading failed or ran out of time."""
        self.failures += 1

    def wake(self) -> None:
        """Something moves or is about to: a key was pressed, a job submitted."""
        self.quiet_s = 0.0
        self.calm = False

    @property
    def interval_s(self) -> float:
        """Seconds from the start of one reading to the start of the next."""
        if self.failures:
            backoff = self.fastest_s * 2.0 ** min(self.failures - 1, 16)
            return max(min(self.slowest_s, backoff), self._controller_floor_s())
        growth = 1 + QUIET_SHARE * self.quiet_s / self.fastest_s
        wanted = self.fastest_s * growth if self.looking else self.slowest_s
        price_s = max(self._cpu_floor_s(growth), self._controller_floor_s())
        if self.calm and self.is_costly:
            price_s = max(price_s, min(CALM_S, CALM_WAITS * self.fastest_s))
        return max(min(self.slowest_s, wanted), price_s)

    @property
    def is_costly(self) -> bool:
        """Whether readings are so dear that something cheaper should watch between them."""
        price_s = max(self._controller_floor_s(), self._cpu_floor_s(1.0))
        return price_s >= min(COSTLY_S, COSTLY_WAITS * self.fastest_s)

    def _controller_floor_s(self) -> float:
        budget_ms = self.budget_ms or controller_budget_ms(self.cost.jobs)
        return min(self.longest_s, 60.0 * self.cost.controller_ms / (budget_ms * self.budget_share))

    def _cpu_floor_s(self, growth: float) -> float:
        share = max(CPU_SHARE_QUIET, CPU_SHARE_BUSY / growth)
        return min(LONGEST_FOR_CPU_S, self.cost.cpu_s / share)
