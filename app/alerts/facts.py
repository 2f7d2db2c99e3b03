"""What the rules look at: one job with what is known of it now, and where the lines are drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from jobshape.app.domain.job import Job, Usage
from jobshape.app.domain.site import Node


@dataclass(frozen=True, slots=True)
class Lines:
    """From where something is worth an alert. The settings' ``[alerts]`` table has the same."""

    memory_share: float = 0.95
    minutes_left: float = 5.0
    silent_minutes: float = 30.0
    gpu_idle_percent: float = 5.0
    gpu_idle_minutes: float = 10.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How far a job's own progress has come: shares of the whole, oldest first."""

    seen: Sequence[tuple[float, float]] = ()  # (seconds since the epoch, 0 to 1)

    def done_at(self) -> float | None:
        """When it will be done if it goes on like this; None where that cannot be told.

        Needs two steps a minute and one percent apart, and no fall: a bar that starts anew with
        each epoch says nothing of the whole.
        """
        shares = [share for _, share in self.seen]
        if any(later < earlier for earlier, later in pairwise(shares)):
            return None
        steps = self._steps()
        if len(steps) < 2:
            return None
        (begun_at, first), (at, last) = steps[0], steps[-1]
        if at - begun_at < 60 or last - first < 0.01 or last >= 1:
            return None
        longest_s = max(later - earlier for (earlier, _), (later, _) in pairwise(steps))
        overdue_s = max(0.0, self.seen[-1][0] - at - longest_s)
        return at + (1 - last) * (at - begun_at) / (last - first) + overdue_s

    def _steps(self) -> list[tuple[float, float]]:
        """The looks that saw something new.

        Where progress is told seldom (each epoch) it is measured from step to step: between two it
        would seem ever slower. When the first of them began was not seen.
        """
        steps = [self.seen[0]] if self.seen else []
        steps += [look for before, look in pairwise(self.seen) if look[1] != before[1]]
        return steps if len(steps) == len(self.seen) else steps[1:]


@dataclass(frozen=True, slots=True)
class Facts:
    """One job now. Times are seconds since the epoch.

    usage: what was sampled of this run, oldest first. silent_since: when its output last grew; None
    where nobody looked. looked_at: when that was seen; None: now. typical_s: the median run of jobs
    like it; None if not known.
    """

    job: Job
    now: float
    usage: Sequence[Usage] = ()
    nodes: Mapping[str, Node] = field(default_factory=dict)
    silent_since: float | None = None
    looked_at: float | None = None
    pace: Pace = Pace()
    typical_s: float | None = None
    lines: Lines = Lines()
