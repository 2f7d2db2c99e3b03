"""Which alternative of a phase is the best so far, and which ones to try next.

Alternatives are compared on the same work: all are tried on the one of the baseline, a few
parameters at a time around the best one so far, a round for each step.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Protocol

from jobshape.app.rounds.slicing import around, differing
from jobshape.app.rounds.standing import MOST_TRIES
from jobshape.app.rounds.workload import ENDED, FAILED, Known, PhaseJobs, Point

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest import Rounds


class Compared(Protocol):
    """What another set of figures is of a baseline's, as a ratio of means."""

    @property
    def low(self) -> float | None:
        """Lower end of the ratio's interval; None: too few runs."""

    @property
    def high(self) -> float | None:
        """Upper end of the ratio's interval; None: too few runs."""


Compare = Callable[[Sequence[float], Sequence[float]], Compared]
"""Compares a baseline's figures with those of another."""


@dataclass(frozen=True, slots=True)
class Search:
    """How far the search for a phase's best alternative is."""

    work: int  # on which alternatives are tried
    centre: Point  # around which they vary now
    first: Point  # the baseline's alternative
    best: Point | None  # None: nothing known, or nothing was stable
    speedup: float | None  # how many times as fast as the first one the best is
    order: Mapping[Point, int]  # of the alternatives that ran: the best is 0, then by their time
    candidates: tuple[int, ...]  # places to try next, at most `sweep`
    varying: tuple[int, ...]  # parameters that vary in them
    plateau: bool  # in two rounds nothing was better
    last_round: int | None  # in which alternatives were tried

    @property
    def is_over(self) -> bool:
        """Whether nothing is to be tried any more."""
        return self.plateau or not self.candidates


@dataclass(slots=True)
class _Ran:
    """What is known of an alternative."""

    totals: dict[int, float | None]  # of the works it completed
    failed: int = 0
    tried_in: int | None = None  # round in which it ran on the baseline's work
    tried_s: float = float("inf")  # total wall-clock there; last among all where it is not known

    def is_stable(self, share: float) -> bool:
        return bool(self.totals) and self.failed <= share * (self.failed + len(self.totals))


def search(
    phase: PhaseJobs, known: Sequence[Known], rounds: "Rounds", compare: Compare
) -> Search | None:
    """How far the search is; None where the phase has no alternatives, or nothing to run."""
    if not phase.knobs:
        return None
    baseline = _baseline(phase, known)
    if baseline is None:
        return None
    work, first = phase.work_of[baseline], phase.alternatives[baseline]
    ran = _ran(phase, known, work)
    best, improved = _best(ran, first, rounds, compare)
    tried = sorted({one.tried_in for one in ran.values() if one.tried_in is not None})
    plateau = len(tried) > 1 and not improved.intersection(tried[-2:])
    centre = _with(phase, phase.points[baseline], best or first)
    varying, candidates = _candidates(phase, known, work, centre, len(tried), rounds)
    if _is_hopeless(phase, known, work):
        varying, candidates = (), ()
    speedup = _speedup(ran, first, best)
    last = tried[-1] if tried else None
    return Search(
        work, centre, first, best, speedup, _order(ran, best, rounds), candidates, varying,
        plateau, last,
    )  # fmt: skip


def _is_hopeless(phase: PhaseJobs, known: Sequence[Known], work: int) -> bool:
    states = [known[phase.first + place].state for place in phase.works[work]]
    failed = sum(1 for state in states if state in FAILED)
    return failed >= MOST_TRIES and "completed" not in states


def _baseline(phase: PhaseJobs, known: Sequence[Known]) -> int | None:
    """The place of the first values, or of the nearest point that is to run or has run.

    What failed and was then left out still counts: else the search would begin anew elsewhere.
    """
    own = known[phase.first : phase.first + len(phase.points)]
    place = phase.place_of.get(phase.first_point)
    if place is not None and _counts(own[place]):
        return place
    return phase.nearest(phase.first_point, (p for p, one in enumerate(own) if _counts(one)))


def _counts(one: Known) -> bool:
    return one.state != "left_out" or one.round is not None


def _ran(phase: PhaseJobs, known: Sequence[Known], work: int) -> dict[Point, _Ran]:
    made: dict[Point, _Ran] = {}
    for place, one in enumerate(known[phase.first : phase.first + len(phase.points)]):
        if one.state not in ENDED or not phase.points[place]:
            continue
        alternative = phase.alternatives[place]
        ran = made.get(alternative)
        if ran is None:
            ran = made[alternative] = _Ran({})
        if one.state == "completed":
            ran.totals[phase.work_of[place]] = one.total_s
        else:
            ran.failed += 1
        if phase.work_of[place] == work:
            ran.tried_in = one.round or 0
            if one.state == "completed" and one.total_s is not None:
                ran.tried_s = one.total_s
    return made


def _best(
    ran: Mapping[Point, _Ran], first: Point, rounds: "Rounds", compare: Compare
) -> tuple[Point | None, set[int]]:
    """The best alternative, and the rounds in which a better one was found."""
    best: Point | None = None
    improved: set[int] = set()
    by_round: dict[int, list[Point]] = {}
    for alternative, one in ran.items():
        if one.tried_in is not None and one.is_stable(rounds.stable):
            by_round.setdefault(one.tried_in, []).append(alternative)
    for number, tried in sorted(by_round.items()):
        if best is None:
            best = first if first in tried else min(tried, key=lambda a: ran[a].tried_s)
            if best != first:
                improved.add(number)
        better = [a for a in tried if a != best and _is_better(ran[best], ran[a], rounds, compare)]
        if better:
            fastest = min(better, key=lambda a: ran[a].tried_s)
            ratio = _ratio(ran[best], ran[fastest])
            if ratio is not None and ratio < _threshold(rounds):
                improved.add(number)
            best = fastest
    return best, improved


def _threshold(rounds: "Rounds") -> float:
    return 1 - rounds.plateau_percent / 100


def _common(one: _Ran, other: _Ran) -> tuple[list[float], list[float]]:
    """Total wall-clocks of the works that both completed."""
    pairs = ((total, other.totals.get(work)) for work, total in one.totals.items())
    known = [(a, b) for a, b in pairs if a is not None and b is not None]
    return [a for a, _ in known], [b for _, b in known]


def _ratio(one: _Ran, other: _Ran) -> float | None:
    """What the other needs by what the one needs, on the same work."""
    before, after = _common(one, other)
    return fmean(after) / fmean(before) if before and fmean(before) > 0 else None


def _is_better(best: _Ran, other: _Ran, rounds: "Rounds", compare: Compare) -> bool:
    ratio = _ratio(best, other)
    if ratio is None or ratio >= 1:
        return False
    pairs = zip(*_common(best, other), strict=True)
    # Work by work: how works differ among themselves says nothing of the alternatives.
    ratios = [after / before for before, after in pairs if before > 0]
    if len(ratios) > 1:
        compared = compare([1.0] * len(ratios), ratios)
        if compared.low is not None and compared.high is not None:
            return compared.high < 1
    return ratio < _threshold(rounds)


def _speedup(ran: Mapping[Point, _Ran], first: Point, best: Point | None) -> float | None:
    if best is None or best == first or first not in ran:
        return None
    ratio = _ratio(ran[first], ran[best])
    return 1 / ratio if ratio else None


def _order(
    ran: Mapping[Point, _Ran], best: Point | None, rounds: "Rounds"
) -> dict[Point, int]:  # fmt: skip
    """Alternatives in the order in which they are taken for other work; failing ones last."""

    def rank(alternative: Point) -> tuple[bool, bool, float]:
        one = ran[alternative]
        return alternative != best, not one.is_stable(rounds.stable), one.tried_s

    return {alternative: at for at, alternative in enumerate(sorted(ran, key=rank))}


def _with(phase: PhaseJobs, point: Point, alternative: Point) -> Point:
    """A point with other values for the knobs."""
    values = list(point)
    for at, value in zip(phase.knobs, alternative, strict=True):
        values[at] = value
    return tuple(values)


def _candidates(
    phase: PhaseJobs, known: Sequence[Known], work: int, centre: Point, tried: int,
    rounds: "Rounds",
) -> tuple[tuple[int, ...], tuple[int, ...]]:  # fmt: skip
    """Parameters to vary next and where, beginning with those whose turn it is."""
    places = [p for p in phase.works[work] if known[phase.first + p].state == "pending"]
    varied = [at for at in phase.knobs if len({phase.points[p][at] for p in phase.works[work]}) > 1]
    groups = [tuple(varied[at : at + rounds.vary]) for at in range(0, len(varied), rounds.vary)]
    for turn in range(len(groups)):
        group = groups[(tried + turn) % len(groups)]
        found = around(phase, places, centre, group, rounds.sweep)
        if found:
            return differing(phase, found, centre), found
    return (), around(phase, places, centre, (), rounds.sweep)
