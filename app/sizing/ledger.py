"""What each rule would have wasted so far, and which rule to follow next.

A rule is a baseline (the largest peak, a line on the input, ...) times a margin. For every earlier
run we know what each rule would have asked before it, so what it would have held for nothing and
whether it would have failed. The next request is that of the rule with the least expected cost:
its own past, recent runs weighing more, plus the chance of a need never seen before. No rule is
best everywhere; the record of a family of jobs says which one is best there.
"""

from bisect import bisect_left
from dataclasses import dataclass

from jobshape.app.sizing.baselines import NAMES, Baselines
from jobshape.app.sizing.ladder import rungs
from jobshape.app.sizing.run import SizingRun

MARGINS = (0.85, 1.0, 1.02, 1.05, 1.1, 1.2, 1.4, 1.7, 2.2, 3.0)
HALF_LIFE_RUNS = 50.0
TAIL = 2.0
"""A need above the largest seen is m times as large with a chance of m ** -TAIL."""

CENSORED_FACTOR = 1.5
"""What a killed run is taken to have needed, of its limit: the middle of "up to the double"."""


_GAIN = 2.0 ** (1.0 / HALF_LIFE_RUNS)
_FROM_INPUT = (4, 5)  # the baselines that judge by their own misses


@dataclass(frozen=True, slots=True)
class Choice:
    """The rule that won, with its arithmetic. Waste is per run, in need x seconds."""

    request: float
    baseline: str
    base: float
    margin: float
    waste: float
    surprise: float  # the chance of a need above the request that no run has shown yet
    fail_share: float  # of past runs with this rule, recent ones weighing more

    @property
    def p_fail(self) -> float:
        """The chance that the request is too small: what was seen, or what few runs cannot show."""
        return max(self.surprise, self.fail_share)


def likely_need(run: SizingRun) -> float:
    """What the run needed, as far as it is known; above 0, so ratios have a meaning."""
    return max(1.0, run.need * CENSORED_FACTOR if run.censored else run.need)


class _Record:
    """One baseline's past: sums by the margin that would just have been enough."""

    __slots__ = ("enough_base", "enough_need", "fails", "short", "worst")

    def __init__(self) -> None:
        bins = len(MARGINS) + 1
        self.enough_base = [0.0] * bins  # base x time of runs whose least enough margin is this one
        self.enough_need = [0.0] * bins
        self.fails = [0.0] * bins
        self.short = [0.0] * bins  # waste of each margin over the runs where it was too small
        self.worst = 1.0  # the largest need over base


class Ledger:
    """The record of one family of jobs; takes runs one by one, oldest first.

    smallest_loss: a failed attempt costs its price on at least this need, however small the jobs.
    """

    def __init__(self, smallest_loss: float) -> None:
        self._smallest_loss = smallest_loss
        self.seen = Baselines()
        self._records = [_Record() for _ in NAMES]
        self._weight = 1.0  # of the newest run
        self._weights = 0.0
        self.largest_sure = 0.0  # need of a run that was not killed
        self._time = self._held = 0.0  # sums over all runs: seconds, need x seconds

    @property
    def mean_time_s(self) -> float:
        """Mean run time of the family."""
        return self._time / self.seen.count

    def learn(self, run: SizingRun, *, judge: bool = True) -> None:
        """Take one more run; without judge it adds to what was seen, not to the rules' past."""
        need = likely_need(run)
        if self.seen.count and judge:
            self._judge(need, run)
        self.seen.learn(need, run.input_bytes)
        if not run.censored:
            self.largest_sure = max(self.largest_sure, need)
        self._time += run.runtime_s
        self._held += need * run.runtime_s

    def _judge(self, need: float, run: SizingRun) -> None:
        self._weight *= _GAIN
        if self._weight > 1e100:
            self._rescale()
        weight, largest = self._weight, self.seen.largest
        self._weights += weight
        time = run.runtime_s * weight
        for record, base in zip(self._records, self.seen.values(run.input_bytes), strict=True):
            ratio = need / base
            record.worst = max(record.worst, ratio)
            enough = bisect_left(MARGINS, ratio)
            record.enough_base[enough] += base * time
            record.enough_need[enough] += need * time
            record.fails[enough] += weight
            for index in range(enough):
                record.short[index] += _waste(MARGINS[index] * base, need, largest) * time

    def _rescale(self) -> None:
        factor = 1.0 / self._weight
        self._weight, self._weights = 1.0, self._weights * factor
        for record in self._records:
            for sums in (record.enough_base, record.enough_need, record.fails, record.short):
                sums[:] = [value * factor for value in sums]

    def choose(
        self, input_bytes: float | None, price: float, enough: float | None = None
    ) -> Choice:
        """The rule of least expected cost for the next run; at least one run is known.

        price: what a failed attempt costs besides what it held, in average runs of the family.
        enough: a request that is known to be enough, and not to be exceeded.
        """
        count, largest = self.seen.count, self.seen.largest
        time, held = self._time / count, self._held / count
        unseen = 1.0 / (count + 1)  # of n + 1 alike runs, each is as likely to be the largest
        at_stake = price * max(held, self._smallest_loss * time)
        best: tuple[float, Choice] | None = None
        if enough is not None:
            sure = Choice(enough, "asked", enough, 1.0, max(enough * time - held, 0.0), 0.0, 0.0)
            best = (sure.waste, sure)
        for index, base in enumerate(self.seen.values(input_bytes)):
            record = self._records[index]
            base_time = need_time = 0.0
            failed = self._weights
            for bin_, margin in enumerate(MARGINS):
                base_time += record.enough_base[bin_]
                need_time += record.enough_need[bin_]
                failed -= record.fails[bin_]
                request = margin * base
                if enough is not None and request > enough:
                    break
                over = max(request - largest, 0.0) * time
                past = margin * base_time - need_time + record.short[bin_]
                waste = (past + over) / (self._weights + 1.0)
                share = max(failed, 0.0) / (self._weights + 1.0)
                beyond = max(request / largest, 1.0)
                if index in _FROM_INPUT:
                    beyond = max(beyond, margin / record.worst)
                surprise = unseen * beyond**-TAIL
                cost = waste + surprise * (request + largest) * time
                cost += (share + surprise) * at_stake
                if best is None or cost < best[0]:
                    chosen = Choice(request, NAMES[index], base, margin, waste, surprise, share)
                    best = (cost, chosen)
        assert best is not None
        return best[1]


def _waste(request: float, need: float, largest: float) -> float:
    """Held for nothing, for each second of run time: failed attempts in full, then the excess."""
    held = 0.0
    for rung in rungs(request, largest):
        if rung >= need:
            return held + rung - need
        held += rung
    raise AssertionError("rungs grow without end")
