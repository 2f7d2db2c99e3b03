"""A stage of the workload in figures: what stands in it now and what its finished runs used."""

from typing import NamedTuple


class Spread(NamedTuple):
    """Quantiles of some figures, in their unit; ``values`` are all of them, smallest first."""

    p25: float
    p50: float
    p75: float
    p95: float
    most: float
    values: tuple[float, ...]

    @property
    def size(self) -> int:
        """How many figures there are, at least one."""
        return len(self.values)


class ShapeAsked(NamedTuple):
    """What jobs of a stage ask for; totals over all nodes, as in a job. None: nobody said."""

    partition: str
    nodes: int | None
    tasks: int | None
    cpus: int | None
    memory_bytes: int | None
    gpus: int | None
    time_limit_s: int | None  # UNLIMITED for none

    @property
    def node_memory_bytes(self) -> int | None:
        """The memory on one node, which is what a task can have at most."""
        if self.memory_bytes is None:
            return None
        return self.memory_bytes // max(1, self.nodes or 1)


class StageCounts(NamedTuple):
    """Tasks by phase. ``held``: those of the waiting that will not start by themselves."""

    waiting: int = 0
    running: int = 0
    done: int = 0
    failed: int = 0
    cancelled: int = 0
    held: int = 0

    @property
    def total(self) -> int:
        """All of them; the held ones wait."""
        return self.waiting + self.running + self.done + self.failed + self.cancelled

    @property
    def open(self) -> int:
        """Those still to end."""
        return self.waiting + self.running


class Eta(NamedTuple):
    """When what is in a stage now may be over, in seconds from now; low and high: an interval."""

    low_s: float
    mid_s: float
    high_s: float


class StageSummary(NamedTuple):
    """One stage. None, an empty tuple or an empty text: nobody said; never a zero.

    The figures are of its ``runs`` newest finished jobs (the baseline), except that done, failed
    and cancelled count, and ``pace_per_hour`` measures, all runs known in the window.
    """

    stage: str
    counts: StageCounts
    counts_capped: bool  # there are more finished ones than were read
    runs: int
    oldest_end: int | None  # of the baseline, seconds since the epoch
    shape: ShapeAsked | None  # the most common one: of what is in the queue, else of the runs
    shape_share: float | None  # how many of them ask for exactly that
    memory: Spread | None  # bytes, MaxRSS
    memory_at_limit: int  # runs out of memory, which count as their limit
    several_tasks: bool  # MaxRSS is the largest task's, not the job's
    cpu_efficiency: float | None  # 0 to 1
    gpu_percent: float | None
    elapsed: Spread | None  # seconds
    elapsed_at_limit: int  # runs that the time limit ended
    limit_share: float | None  # p95 of elapsed against the limit of the shape
    wait: Spread | None  # seconds from eligible to start
    waiting_longest_s: int | None  # of those in the queue now
    pace_per_hour: float | None  # done an hour, while the stage had something to do
    attempts: int  # of the baseline: done and failed ones
    failures: tuple[tuple[str, int], ...]  # class -> how many, the most frequent first
    retries: int | None
    eta: Eta | None

    @property
    def failed_runs(self) -> int:
        """Failures in the baseline."""
        return sum(count for _, count in self.failures)

    @property
    def failure_rate(self) -> float | None:
        """Failures of all attempts; None without attempts."""
        return self.failed_runs / self.attempts if self.attempts else None

    @property
    def memory_share(self) -> float | None:
        """p95 of memory against what is asked on a node."""
        asked = self.shape.node_memory_bytes if self.shape else None
        return self.memory.p95 / asked if self.memory and asked else None

    @property
    def wait_share(self) -> float | None:
        """Median wait of median wait and run together."""
        if self.wait is None or self.elapsed is None:
            return None
        both = self.wait.p50 + self.elapsed.p50
        return self.wait.p50 / both if both else None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known of it."""
        return not self.counts.total and not self.runs


class Bottleneck(NamedTuple):
    """The stage that bounds the total wall-clock time now."""

    stage: str
    cause: str  # wait, run, failures, pace
    why: str  # one sentence without its full stop


class StagesPicture(NamedTuple):
    """All stages in pipeline order, ``unassigned`` last, and the one to look at first."""

    stages: tuple[StageSummary, ...] = ()
    bottleneck: Bottleneck | None = None
    at: int = 0  # seconds since the epoch
    problem: str = ""  # why there is no history, if there is none


class Suggestion(NamedTuple):
    """A stage rule that would claim some of the unassigned jobs. It holds once accepted only."""

    stage: str  # "" where nothing in the jobs speaks for one
    rule: tuple[tuple[str, str], ...]  # (field, pattern), as a rule of the settings without stage
    why: str
    jobs: int  # unassigned ones it claims
    examples: tuple[str, ...]  # names of some
    others: int  # jobs of other stages that the patterns fit too

    def named(self, stage: str) -> dict[str, str]:
        """The rule as the settings have it, for this stage."""
        return {"stage": stage, **dict(self.rule)}
