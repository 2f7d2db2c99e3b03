"""What the forecast of a wait is made from and what it says: plain records."""

from typing import NamedTuple

LEVELS = (0.5, 0.9, 0.95)
"""The quantiles forecast."""

GRACE_S = 60.0
"""Waits are compared as ln(wait + 60 s): a minute more or less is no difference to a person."""


class WaitShape(NamedTuple):
    """What matters of a job shape for its wait. ``pool`` names the processors it competes for."""

    cpus: int
    walltime_s: float | None  # None: it asks for none
    user: str = ""
    queue: str = ""
    partition: str = ""
    pool: str = ""


class QueuedJob(NamedTuple):
    """A job as the forecaster is told of it at its submission."""

    key: int  # unique among the jobs that are queued or running
    submitted: float  # seconds since the epoch
    shape: WaitShape


class SiteState(NamedTuple):
    """What the site has now, by pool; a pool that is missing is judged by what was seen in use."""

    capacity: dict[str, int] = {}
    used: dict[str, int] = {}


class Wait(NamedTuple):
    """A forecast of a wait, in seconds. None: nobody knows, and ``source`` is "unknown"."""

    p50_s: float | None
    p90_s: float | None
    p95_s: float | None
    source: str  # "live queue", "similar jobs", "slurm", "unknown"
    why: tuple[str, ...] = ()
    coverage: float | None = None  # share of recent waits here that kept within their p90
    coverage_of: int = 0  # how many recent waits that is

    @property
    def known(self) -> bool:
        """Whether there is a figure at all."""
        return self.p50_s is not None


UNKNOWN_WAIT = Wait(None, None, None, "unknown")
"""A wait of which nothing is known."""
