"""What runs in a campaign's next round: smoke first, then a small sweep, then more and more.

Pure: what is known goes in, a plan comes out, the same one however often it is asked for.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from jobshape.app.rounds.alternatives import Compare, Search, search
from jobshape.app.rounds.growing import Choice, choose, goes_on
from jobshape.app.rounds.saying import search_end_line, why_given_up, why_spare
from jobshape.app.rounds.standing import Health, Standing, health, standing
from jobshape.app.rounds.workload import Known, PhaseJobs, is_settled, representatives

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest import Rounds


NEVER_AGAIN = 1 << 31
"""As the round in which a smoke passed: no other is wanted."""


class SmokeFirst(NamedTuple):
    """A target that has to run short before its jobs."""

    target: str
    number: int  # of the job that stands for it, always the same one


class LeftOut(NamedTuple):
    """A job that is not needed any more."""

    number: int
    why: str


@dataclass(frozen=True, slots=True)
class PhaseRound:
    """What runs of one phase in a round."""

    phase: str
    numbers: tuple[int, ...]  # of jobs, in the order to send them
    hypothesis: str
    after: tuple[str, ...] = ()  # phases of this round that have to be over and settled before
    smokes: tuple[SmokeFirst, ...] = ()  # have to pass before jobs of their targets are sent
    kept: Mapping[str, str] = field(default_factory=dict)  # the best alternative so far, if any


@dataclass(frozen=True, slots=True)
class RoundPlan:
    """What runs in a round. A job is named by its number in the manifest's expansion."""

    number: int
    phases: tuple[PhaseRound, ...] = ()  # each behind those it is after
    smokes: tuple[SmokeFirst, ...] = ()  # of a round that is nothing but smokes
    left_out: tuple[LeftOut, ...] = ()  # from now on; there may be some when nothing is left to run
    hypothesis: str = ""
    notes: tuple[str, ...] = ()  # how a search for the best alternative ended
    blocked: tuple[str, ...] = ()  # phases that need a person to be finished, and why

    @property
    def is_finished(self) -> bool:
        """Whether nothing is left to run: the campaign is finished, or ``blocked``."""
        return not self.phases and not self.smokes

    @property
    def numbers(self) -> tuple[int, ...]:
        """The jobs of all phases."""
        return tuple(chain.from_iterable(one.numbers for one in self.phases))


def next_round(
    phases: Sequence[PhaseJobs],
    known: Sequence[Known],
    rounds: "Rounds",
    *,
    number: int,
    passed: Mapping[str, int],
    compare: Compare,
    not_ready: Collection[str] = (),
) -> RoundPlan:
    """The next round, once the one before has all its evidence.

    phases: each behind those it depends on, as ``workload`` makes them.
    known: of every job, by number.
    number: what the round will be; 0 is one of smokes alone, and becomes 1 where none are to run.
    passed: targets whose smoke has passed, and in which round; -1: before this campaign;
    NEVER_AGAIN: it needs none, however unstable it gets.
    not_ready: targets whose preconditions do not hold yet.
    """
    if number == 0:
        smokes = tuple(_first_smokes(phases, known, passed, not_ready))
        if smokes:
            names = ", ".join(smoke.target for smoke in smokes)
            return RoundPlan(0, smokes=smokes, hypothesis=f"smoke of {names}")
    searches = [search(phase, known, rounds, compare) for phase in phases]
    standings = [
        standing(phase, known, found.best if found else None)
        for phase, found in zip(phases, searches, strict=True)
    ]
    making = _Making(
        known, rounds, passed, health(standings, rounds), representatives(phases)
    )  # fmt: skip
    for one, found in zip(standings, searches, strict=True):
        making.add(one, found)
    return making.plan(max(1, number), name_phases=len(phases) > 1)


def waves(plan: RoundPlan, most: int | None) -> Iterator[tuple[int, ...]]:
    """The jobs of a round in sets to send one after the other, of at most so many.

    Jobs of a phase never stand in a set with, or before, those of a phase they are after.
    """
    depth: dict[str, int] = {}
    levels: dict[int, list[int]] = {}
    for one in plan.phases:
        depth[one.phase] = 1 + max((depth[name] for name in one.after), default=-1)
        levels.setdefault(depth[one.phase], []).extend(one.numbers)
    for _, numbers in sorted(levels.items()):
        step = most or len(numbers)
        for at in range(0, len(numbers), step):
            yield tuple(numbers[at : at + step])


def _first_smokes(
    phases: Sequence[PhaseJobs], known: Sequence[Known], passed: Mapping[str, int],
    not_ready: Collection[str],
) -> Iterator[SmokeFirst]:  # fmt: skip
    """Of each target with jobs to run, but not where they wait for the output of another phase."""
    settled = {phase.name for phase in phases if is_settled(phase, known)}
    shown = representatives(phases)
    seen = set(passed)
    for phase in phases:
        waits = not settled.issuperset(phase.depends_on)
        for number, target in zip(phase.numbers, phase.targets, strict=True):
            if target in seen or known[number].state != "pending":
                continue
            if not (waits and target in not_ready):
                seen.add(target)
                yield SmokeFirst(target, shown[target])


@dataclass(slots=True)
class _Making:
    """A round as it is put together, phase by phase."""

    known: Sequence[Known]
    rounds: "Rounds"
    passed: Mapping[str, int]
    health: Mapping[str, Health]
    shown: Mapping[str, int]  # which job runs short for a target
    chosen: list[PhaseRound] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    blocked: dict[str, str] = field(default_factory=dict)  # phase -> why
    settled: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)  # phases that are settled once this round is over

    def add(self, one: Standing, found: Search | None) -> None:
        """What runs of a phase now, if those it depends on let it."""
        phase = one.phase
        searching = found is not None and goes_on(one, found)
        self._leave_out(one, found, searching)
        if one.is_settled and not searching:
            self.settled.add(phase.name)
        elif waits := [n for n in phase.depends_on if n not in self.settled | self.whole]:
            held = [name for name in waits if name in self.blocked]
            if held:
                self.blocked[phase.name] = f"waits for {', '.join(held)}"
        else:
            self._open(one, found, searching)
        if found and found.is_over and found.last_round == one.last_round:
            self.notes.append(f"{phase.name}: {search_end_line(phase, found, self.rounds)}")

    def _open(self, one: Standing, found: Search | None, searching: bool) -> None:
        phase = one.phase
        if one.failed:
            self.blocked[phase.name] = f"{one.failed:,} of {len(phase.works):,} failed"
        choice = choose(one, found, searching, self.health, self.rounds)
        if not choice.places:
            return
        after = tuple(name for name in phase.depends_on if name in self.whole)
        if choice.is_whole:
            self.whole.add(phase.name)
        kept = found.best if found else None
        self.chosen.append(
            PhaseRound(
                phase.name, tuple(phase.first + place for place in choice.places),
                choice.line, after, tuple(self._smokes(phase, choice)),
                phase.knob_values(kept) if kept is not None else {},
            )
        )  # fmt: skip

    def _smokes(self, phase: PhaseJobs, choice: Choice) -> Iterator[SmokeFirst]:
        """Of targets that never ran short, or have been unstable since; each once in a round."""
        seen = {smoke.target for one in self.chosen for smoke in one.smokes}
        for place in choice.places:
            target = phase.targets[place]
            if target in seen:
                continue
            seen.add(target)
            last_bad = self.health[target].last_bad if target in self.health else -1
            passed = self.passed.get(target)
            if passed is None or (last_bad >= 0 and passed <= last_bad):
                yield SmokeFirst(target, self.shown[target])

    def _leave_out(self, one: Standing, found: Search | None, searching: bool) -> None:
        phase, of_work = one.phase, one.phase.work_of
        best = found.best if found else None
        kept = found.work if found and searching else None
        whys: dict[int, str] = {}
        for place in one.spare:
            work = of_work[place]
            if work != kept:
                if work not in whys:
                    whys[work] = why_spare(phase, self.known, work, best)
                self.left_out.append(LeftOut(phase.first + place, whys[work]))
        for place in one.given_up:
            why = why_given_up(phase, self.known, of_work[place])
            self.left_out.append(LeftOut(phase.first + place, why))

    def plan(self, number: int, name_phases: bool) -> RoundPlan:
        """The round."""
        lines = [
            f"{one.phase}: {one.hypothesis}" if name_phases else one.hypothesis
            for one in self.chosen
        ]
        return RoundPlan(
            number, tuple(self.chosen), (), tuple(self.left_out), "; ".join(lines),
            tuple(self.notes), tuple(f"{name}: {why}" for name, why in self.blocked.items()),
        )  # fmt: skip
