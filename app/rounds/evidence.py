"""What a trial showed, and whether it was better than the baseline: intervals, not single numbers.

Everything is of whole trials: their total wall-clock is wait + run + retries.
"""

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from jobshape.app.board.hostlist import names_in
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.rounds.beta import beta_quantile, t_quantile
from jobshape.app.rounds.campaign import Attempt, Trial

LEVEL = 0.90
"""What intervals hold."""

MOST_FIGURES = 60
"""Figures of a side that are drawn from; of more, the means of so many equal parts."""

THROUGHPUT = "throughput"
"""The metric that is a trial's throughput, where it has one."""


class Risk(NamedTuple):
    """How likely the next attempt fails: the posterior's mean and interval."""

    mean: float
    low: float
    high: float
    failed: int
    attempts: int


class Found(NamedTuple):
    """A class of finding among a trial's attempts."""

    label: str
    title: str
    times: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a trial showed. None: not known; memory is of one node, in bytes.

    ``total_s`` runs from the first submission to the last end. Of a trial that did well it is
    ``wait_s`` + ``run_s`` (of the attempt that did well) + ``lost_s`` (all before its submission).
    Of one that did not, all of it is lost.
    """

    attempts: int
    total_s: int | None = None
    wait_s: int | None = None
    run_s: int | None = None
    lost_s: int | None = None
    throughput: float | None = None
    throughput_unit: str = ""  # "" where it is the trial's metric of that name
    memory_asked_bytes: int | None = None
    memory_used_bytes: int | None = None
    cpu_efficiency: float | None = None  # 0 to 1
    gpu_percent: float | None = None
    risk: Risk | None = None
    outputs_hold: bool | None = None
    checks: tuple[str, ...] = ()  # what of them did not hold
    findings: tuple[Found, ...] = ()  # the most frequent first

    @property
    def memory_share(self) -> float | None:
        """Memory used of that asked."""
        if self.memory_used_bytes is None or not self.memory_asked_bytes:
            return None
        return self.memory_used_bytes / self.memory_asked_bytes


class Compared(NamedTuple):
    """Means of two samples, other / baseline, and the interval of that ratio."""

    ratio: float | None  # None: a side is empty, or the baseline's mean is 0
    low: float | None
    high: float | None
    sure: bool  # the interval leaves out 1


class Saved(NamedTuple):
    """Wall-clock saved against the baseline, in seconds; below 0: lost."""

    seconds: float | None
    low: float | None
    high: float | None
    trials: int  # how many it is the sum of


def did_well(attempt: Attempt) -> bool:
    """Whether its job ended as it should; its trial's output check is another matter."""
    return phase_of(attempt.state) is Phase.DONE and not attempt.label


def failed(attempt: Attempt) -> bool:
    """Whether it ended otherwise; a cancelled one that shows no failure is neither."""
    if not attempt.is_over or did_well(attempt):
        return False
    return bool(attempt.label) or phase_of(attempt.state) is not Phase.CANCELLED


def node_count(attempt: Attempt) -> int:
    """On how many nodes it ran; 1 where nobody says."""
    return len(names_in(attempt.node_list)) or 1


def memory_asked(attempt: Attempt) -> int | None:
    """The memory it asked for on one node, in bytes."""
    if attempt.memory_bytes is None:
        return None
    return attempt.memory_bytes // node_count(attempt)


def memory_used(attempt: Attempt) -> int | None:
    """MaxRSS in bytes; of one that ran out of memory at least what it asked for on a node.

    MaxRSS is sampled and reads far under the limit when memory runs out quickly (sacct(1)).
    """
    used = attempt.max_rss_bytes
    if attempt.state == "OUT_OF_MEMORY" or attempt.label == "oom_host":
        return max(used or 0, memory_asked(attempt) or 0) or None
    return used


def waited_s(attempt: Attempt) -> int | None:
    """Seconds from submission to start."""
    started = _start(attempt)
    if started is None or attempt.submitted_at is None:
        return None
    return max(0, started - attempt.submitted_at)


def ran_s(attempt: Attempt) -> int | None:
    """Seconds from start to end."""
    started = _start(attempt)
    if started is None or attempt.ended_at is None:
        return attempt.elapsed_s
    return max(0, attempt.ended_at - started)


def _start(attempt: Attempt) -> int | None:
    if attempt.started_at is not None or attempt.ended_at is None or attempt.elapsed_s is None:
        return attempt.started_at
    return attempt.ended_at - attempt.elapsed_s


def cpu_efficiency(attempt: Attempt) -> float | None:
    """CPU time used of what its CPUs had to give, 0 to 1."""
    run_s = ran_s(attempt)
    if attempt.total_cpu_s is None or not attempt.cpus or not run_s:
        return None
    return min(1.0, attempt.total_cpu_s / (attempt.cpus * run_s))


def best_attempt(trial: Trial, attempts: Sequence[Attempt]) -> Attempt | None:
    """The attempt that completed the trial, of its attempts in order; None: none did."""
    if trial.state != "completed":
        return None
    over = [one for one in attempts if one.is_over]
    well = [one for one in over if did_well(one)]
    known = well or over  # a stale one was cancelled, and completed by its output
    return known[-1] if known else None


def evidence_of(
    trial: Trial, attempts: Sequence[Attempt], *, of_target: Iterable[Attempt] = ()
) -> Evidence:
    """What a trial showed.

    attempts: its own, in order; one that never reached the site counts for nothing. of_target:
    those of all trials of its target, its own among them, which the risk is of; else of its own.
    """
    attempts = [one for one in attempts if one.submitted_at is not None or one.job_id is not None]
    best = best_attempt(trial, attempts)
    over = [one for one in attempts if one.is_over]
    shown = best or (over[-1] if over else None)
    total, lost = _total_s(trial, attempts), None
    wait = waited_s(best) if best else None
    run = ran_s(best) if best else None
    if best is None:
        lost = total
    elif best.submitted_at is not None and attempts[0].submitted_at is not None:
        lost = max(0, best.submitted_at - attempts[0].submitted_at)
    throughput, unit = trial.metrics.get(THROUGHPUT), ""
    if throughput is None and run:
        throughput, unit = 3600 / run, "jobs/h"
    return Evidence(
        attempts=len(attempts), total_s=total, wait_s=wait, run_s=run, lost_s=lost,
        throughput=throughput, throughput_unit=unit,
        memory_asked_bytes=memory_asked(shown) if shown else None,
        memory_used_bytes=memory_used(shown) if shown else None,
        cpu_efficiency=cpu_efficiency(shown) if shown else None,
        gpu_percent=shown.gpu_percent if shown else None,
        risk=failure_risk(of_target) or failure_risk(attempts),
        outputs_hold=True if trial.state == "completed" else False if trial.checks else None,
        checks=trial.checks, findings=findings_in(attempts),
    )  # fmt: skip


def _total_s(trial: Trial, attempts: Sequence[Attempt]) -> int | None:
    """None while an attempt runs or another one is to come."""
    if trial.state not in ("completed", "failed_other", "stuck") or not attempts:
        return None
    first, ends = attempts[0].submitted_at, [one.ended_at for one in attempts]
    if first is None or None in ends:
        return None
    return max(0, max(end for end in ends if end is not None) - first)


def failure_risk(attempts: Iterable[Attempt]) -> Risk | None:
    """How likely the next one fails, by Jeffreys' prior; None without one that is over."""
    failures = well = 0
    for one in attempts:
        if failed(one):
            failures += 1
        elif one.is_over and did_well(one):
            well += 1
    if not failures + well:
        return None
    a, b, tail = failures + 0.5, well + 0.5, (1 - LEVEL) / 2
    # With none or all failed the interval goes to the end: Brown, Cai, DasGupta (2001).
    low = beta_quantile(tail, a, b) if failures else 0.0
    high = beta_quantile(1 - tail, a, b) if well else 1.0
    return Risk(a / (a + b), low, high, failures, failures + well)


def findings_in(attempts: Iterable[Attempt]) -> tuple[Found, ...]:
    """The classes of findings, the most frequent first, each with the words it last had."""
    times: dict[str, Found] = {}
    for one in attempts:
        if one.label:
            before = times.get(one.label, Found(one.label, "", 0))
            times[one.label] = Found(one.label, one.title or before.title, before.times + 1)
    return tuple(sorted(times.values(), key=lambda found: -found.times))


def compare(
    baseline: Sequence[float], other: Sequence[float], *, seed: int = 0, draws: int = 2000
) -> Compared:
    """The ratio of means, other / baseline, with its interval by bootstrap.

    Both: figures of 0 or more, in any order. An interval of a bootstrap is too narrow with few
    figures, so it is widened by Student's t (Hesterberg 2015, section 3.2); with fewer than 2 on a
    side there is none. The same figures and seed give the same interval.
    """
    for figures in (baseline, other):
        if any(not 0 <= figure < math.inf for figure in figures):
            raise ValueError("figures to compare must be 0 or more")
    if not baseline or not other or not (base := math.fsum(baseline) / len(baseline)):
        return Compared(None, None, None, sure=False)
    ratio = math.fsum(other) / len(other) / base
    if len(baseline) < 2 or len(other) < 2 or not ratio:
        return Compared(ratio, None, None, sure=False)
    random = Random(seed)
    sides = {False: sorted(baseline), True: sorted(other)}
    swap = sides[True] < sides[False]  # the same draws whichever is called the baseline
    means = {side: _drawn_means(sides[side], random, draws) for side in (swap, not swap)}
    ratios = sorted(
        math.log(x) - math.log(y) - math.log(ratio)
        if x > 0 and y > 0
        else math.inf
        if x > 0
        else -math.inf
        for x, y in zip(means[True], means[False], strict=True)
    )
    wider = _widening(baseline, other)
    at = min(draws - 1, round((1 - LEVEL) / 2 * draws))
    low = ratio * _exp(min(0.0, ratios[at]) * wider)
    high = ratio * _exp(max(0.0, ratios[draws - 1 - at]) * wider)
    return Compared(ratio, low, high, sure=not low <= 1 <= high)


def _drawn_means(ordered: list[float], random: Random, draws: int) -> list[float]:
    """Means of samples drawn with replacement; the cost has a bound whatever their number."""
    mean = math.fsum(ordered) / len(ordered)
    parts = ordered
    if len(ordered) > MOST_FIGURES:
        random.shuffle(ordered)
        parts = [sum(part) / len(part) for part in (
            ordered[first::MOST_FIGURES] for first in range(MOST_FIGURES)
        )]  # fmt: skip
    size = len(parts)
    shift = mean - math.fsum(parts) / size  # parts differ in size by one
    # A number of 16 bits picks from a table that has every part (almost) equally often: half the
    # time of random.choices.
    fold, rest = divmod(1 << 16, size)
    table = [part for at, part in enumerate(parts) for _ in range(fold + (at < rest))]
    picks = array("H", random.randbytes(2 * size * draws))
    pick = table.__getitem__
    return [
        sum(map(pick, picks[at : at + size])) / size + shift for at in range(0, size * draws, size)
    ]


def _widening(baseline: Sequence[float], other: Sequence[float]) -> float:
    """By how much the bootstrap's interval is to be wider, at least 1."""
    spreads = [_relative_variance(figures) for figures in (baseline, other)]
    whole = math.fsum(spreads)
    if not whole:
        return 1.0
    sizes = (len(baseline), len(other))
    # Degrees of freedom of two samples with their own variances: Welch.
    freedom = whole**2 / math.fsum(
        spread**2 / (size - 1) for spread, size in zip(spreads, sizes, strict=True)
    )
    drawn = math.fsum(
        spread * (size - 1) / size for spread, size in zip(spreads, sizes, strict=True)
    )
    return math.sqrt(whole / drawn) * t_quantile(LEVEL, round(freedom, 1)) / _NORMAL


_NORMAL = 1.6448536269514722
"""Half the width that holds 90 % of the normal distribution."""


def _variance(figures: Sequence[float], mean: float) -> float:
    return math.fsum((figure - mean) ** 2 for figure in figures) / (len(figures) - 1)


def _relative_variance(figures: Sequence[float]) -> float:
    """The variance of their mean, as a share of it."""
    mean = math.fsum(figures) / len(figures)
    return _variance(figures, mean) / len(figures) / mean**2


def _exp(power: float) -> float:
    return math.inf if power > 700 else math.exp(power)


def plateau(best_by_round: Sequence[float | None], percent: float) -> bool:
    """Whether the best stayed within ``percent`` of the best so far in the last two rounds running.

    best_by_round: the best total wall-clock of each round, oldest first; None: it showed none.
    """
    known = [best for best in best_by_round if best is not None]
    if len(known) < 3:
        return False
    return all(
        known[at] > min(known[:at]) * (1 - percent / 100) for at in (len(known) - 2, len(known) - 1)
    )


def saved(baseline: Sequence[float], others: Iterable[float | None]) -> Saved:
    """What trials took less than the baseline would have, so far.

    baseline: total wall-clock of the baseline's runs; others: of every other trial that does the
    same amount of work, None for one that has none yet. What the others took is known: what the
    baseline would have taken so many times is not, so with fewer than 2 runs of it there is no
    interval.
    """
    known = [figure for figure in others if figure is not None]
    if not baseline or not known:
        return Saved(None, None, None, len(known))
    runs, times = len(baseline), len(known)
    mean = math.fsum(baseline) / runs
    seconds = times * mean - math.fsum(known)
    if runs < 2:
        return Saved(seconds, None, None, times)
    # A sum of new runs spreads by the mean's error and by their own.
    error = math.sqrt(_variance(baseline, mean) * (times**2 / runs + times))
    half = t_quantile(LEVEL, runs - 1) * error
    return Saved(seconds, seconds - half, seconds + half, times)
