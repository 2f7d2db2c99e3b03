"""Where a phase stands: which works are done, failed or open, and how stable its targets were."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from jobshape.app.rounds.workload import ENDED, FAILED, UNDER_WAY, Known, PhaseJobs, Point

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest import Rounds

MOST_TRIES = 2
"""Alternatives that may fail for good on one work before it counts as failed itself."""


@dataclass(slots=True)
class Standing:
    """Where the works of a phase stand; a work is named by its number in the phase."""

    phase: PhaseJobs
    known: Sequence[Known]  # of its jobs, by place
    done: int = 0  # works completed, or not needed
    failed: int = 0  # works that no job is left for
    under_way: int = 0  # works in the queue
    open: list[int] = field(default_factory=list)  # works that can run now
    spare: list[int] = field(default_factory=list)  # places whose work another one completed
    given_up: list[int] = field(default_factory=list)  # places whose work failed too often
    ended: Counter[int] = field(default_factory=Counter)  # jobs that ran, by round
    by_target: Counter[tuple[str, int, bool]] = field(default_factory=Counter)  # round, failed

    @property
    def is_settled(self) -> bool:
        """Whether all its work is completed or not needed."""
        return not (self.open or self.failed or self.under_way)

    def waiting(self, places: Iterable[int]) -> list[int]:
        """Those of these places that have not run."""
        return [place for place in places if self.known[place].state == "pending"]

    @property
    def last_round(self) -> int:
        """In which any of its jobs ran; -1: none."""
        return max(self.ended, default=-1)


def standing(phase: PhaseJobs, known: Sequence[Known], best: Point | None) -> Standing:
    """Where a phase stands. best: the alternative that is kept, where one is."""
    own = known[phase.first : phase.first + len(phase.points)]
    made = Standing(phase, own)
    for place, one in enumerate(own):
        if one.state in ENDED:
            number = one.round or 0
            made.ended[number] += 1
            # What fails with an alternative that is not kept says nothing of the target.
            if one.state == "completed" or best in (None, phase.alternatives[place]):
                made.by_target[phase.targets[place], number, one.state in FAILED] += 1
    for work, places in enumerate(phase.works):
        _count(made, work, places, [own[place].state for place in places])
    return made


def _count(made: Standing, work: int, places: Sequence[int], states: Sequence[str]) -> None:
    waiting = [place for place, state in zip(places, states, strict=True) if state == "pending"]
    if "completed" in states:
        made.done += 1
        made.spare += waiting
    elif not UNDER_WAY.isdisjoint(states):
        made.under_way += 1
    elif waiting and sum(state in FAILED for state in states) < MOST_TRIES:
        made.open.append(work)
    elif all(state == "left_out" for state in states):
        made.done += 1
    else:
        made.failed += 1
        made.given_up += waiting


class Health(NamedTuple):
    """How stable a target was in the rounds in which it ran."""

    last: int  # round in which it ran last
    failed: int  # jobs in that one
    ended: int
    last_bad: int  # round in which too many failed; -1: none

    @property
    def is_shaky(self) -> bool:
        """Whether too many failed in its last round."""
        return self.last == self.last_bad


def health(standings: Iterable[Standing], rounds: "Rounds") -> dict[str, Health]:
    """Of every target that ran."""
    counts: dict[str, dict[int, list[int]]] = {}
    for one in standings:
        for (target, number, failed), jobs in one.by_target.items():
            counts.setdefault(target, {}).setdefault(number, [0, 0])[failed] += jobs
    made: dict[str, Health] = {}
    for target, of_round in counts.items():
        bad = [n for n, (good, failed) in of_round.items() if _too_many(good, failed, rounds)]
        last = max(of_round)
        made[target] = Health(last, of_round[last][1], sum(of_round[last]), max(bad, default=-1))
    return made


def _too_many(good: int, failed: int, rounds: "Rounds") -> bool:
    return failed > rounds.stable * (good + failed)
