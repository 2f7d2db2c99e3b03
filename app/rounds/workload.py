"""A campaign's jobs as rounds are chosen from them: phases, works, points, and what is known."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from jobshape.app.domain.text import sanitize
from jobshape.app.rounds.campaign import TrialState
from jobshape.app.rounds.grouping import in_order

if TYPE_CHECKING:
    from jobshape.app.rounds.expanding import PlannedJob, Recipe
    from jobshape.app.rounds.manifest import Manifest

Point = tuple[str, ...]
"""Values of a grid's parameters; () for a job that was named by hand."""

_SHOWN = 40
"""Characters of one value in a line for people."""


class Known(NamedTuple):
    """What is known of a job: of its full trial, that is."""

    state: TrialState = "pending"
    total_s: float | None = None  # wait + run + retries, once it is completed
    round: int | None = None  # None: not chosen yet


FAILED = frozenset({"failed_oom", "failed_other", "stuck"})
"""States of a trial that failed for good, once its round is over."""

ENDED = FAILED | {"completed"}

UNDER_WAY = frozenset({"sent", "running", "stale"})


@dataclass(frozen=True)
class PhaseJobs:
    """The jobs of a phase. A place is a job's number less ``first``."""

    name: str
    depends_on: tuple[str, ...]
    first: int
    targets: tuple[str, ...]  # of each job
    points: tuple[Point, ...]  # of each job
    parameters: Mapping[str, Point] = field(
        default_factory=dict
    )  # of its grid, with their values in order
    choose: tuple[str, ...] = ()  # parameters that are alternatives

    @property
    def numbers(self) -> range:
        """Its jobs' numbers."""
        return range(self.first, self.first + len(self.points))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The parameters' names."""
        return tuple(self.parameters)

    @cached_property
    def knobs(self) -> tuple[int, ...]:
        """Which parameters are alternatives."""
        return tuple(at for at, name in enumerate(self.parameters) if name in self.choose)

    @cached_property
    def others(self) -> tuple[int, ...]:
        """Which parameters are not."""
        return tuple(at for at in range(len(self.parameters)) if at not in self.knobs)

    @cached_property
    def alternatives(self) -> tuple[Point, ...]:
        """The values of the knobs of each job; all () where there are none."""
        return tuple(map(take(self.knobs), self.points))

    @cached_property
    def works(self) -> tuple[tuple[int, ...], ...]:
        """Places of jobs that do the same work with different alternatives, in order."""
        if not self.knobs:
            return tuple((place,) for place in range(len(self.points)))
        work, made = take(self.others), dict[Hashable, list[int]]()
        for place, point in enumerate(self.points):
            made.setdefault(work(point) if point else place, []).append(place)
        return tuple(tuple(places) for places in made.values())

    @cached_property
    def work_of(self) -> Sequence[int]:
        """Which of the works each job does."""
        made = [0] * len(self.points)
        for number, places in enumerate(self.works):
            for place in places:
                made[place] = number
        return made

    @cached_property
    def is_one_work(self) -> bool:
        """Whether its grid is nothing but alternatives of one work."""
        named = sum(1 for point in self.points if not point)
        return bool(self.knobs) and len(self.works) - named == 1

    @cached_property
    def first_point(self) -> Point:
        """The first value of every parameter, whether there is such a job or not."""
        return tuple(values[0] for values in self.parameters.values())

    @cached_property
    def place_of(self) -> Mapping[Point, int]:
        """Places of the grid's points."""
        return {point: place for place, point in enumerate(self.points) if point}

    @cached_property
    def _steps(self) -> tuple[dict[str, int], ...]:
        """Each parameter's values by their place in its list; those only included behind."""
        made = []
        for at, values in enumerate(self.parameters.values()):
            every = dict.fromkeys([*values, *(point[at] for point in self.points if point)])
            made.append({value: step for step, value in enumerate(every)})
        return tuple(made)

    def distance(self, point: Point, centre: Point) -> tuple[int, int, tuple[int, ...]]:
        """How far a point is: parameters that differ, steps along their values, and which."""
        at = tuple(i for i, value in enumerate(point) if value != centre[i])
        steps = (abs(self._steps[i][point[i]] - self._steps[i][centre[i]]) for i in at)
        return len(at), sum(steps), at

    def nearest(self, point: Point, places: Iterable[int]) -> int | None:
        """The one of these places whose point is nearest to a point; None where there is none."""
        found = ((self.distance(self.points[p], point), p) for p in places if self.points[p])
        return min(found, default=((), None))[1]

    def say(self, point: Point, at: Iterable[int]) -> str:
        """Some values of a point, for people: ``workers=4 batch=64``."""
        return " ".join(f"{self.names[i]}={_short(point[i])}" for i in at)

    def knob_values(self, alternative: Point) -> dict[str, str]:
        """The values of the knobs, by name."""
        return {self.names[at]: value for at, value in zip(self.knobs, alternative, strict=True)}

    def say_alternative(self, alternative: Point) -> str:
        """The values of the knobs, for people."""
        pairs = zip(self.knobs, alternative, strict=True)
        return " ".join(f"{self.names[i]}={_short(value)}" for i, value in pairs)


def _short(value: str) -> str:
    cut = value if len(value) <= _SHOWN else f"{value[: _SHOWN - 3]}..."
    return sanitize(cut)


def take(at: tuple[int, ...]) -> Callable[[Point], Point]:
    """Takes these values of a point, as a tuple however many they are; of none, ()."""
    if len(at) == 1:
        only = at[0]
        return lambda point: (point[only],) if point else ()
    if not at:
        return lambda point: ()
    values = itemgetter(*at)
    return lambda point: values(point) if point else ()


def workload(manifest: "Manifest", jobs: Iterable["PlannedJob"]) -> tuple[PhaseJobs, ...]:
    """The phases of a manifest with their jobs, each behind those it depends on.

    jobs: all of them in order, as ``expand`` hands them on; their numbers are counted from 0.
    """
    points: dict[str, list[Point]] = {phase.name: [] for phase in manifest.phases}
    targets: dict[str, list[str]] = {phase.name: [] for phase in manifest.phases}
    naming = Targets()
    for job in jobs:
        points[job.recipe.phase].append(job.point)
        targets[job.recipe.phase].append(naming(job.recipe))
    first: dict[str, int] = {}
    for phase in manifest.phases:
        first[phase.name] = sum(len(points[name]) for name in first)
    return tuple(
        PhaseJobs(
            phase.name, phase.depends_on, first[phase.name], tuple(targets[phase.name]),
            tuple(points[phase.name]),
            {n: tuple(values) for n, values in phase.grid.parameters.items()} if phase.grid else {},
            phase.grid.choose if phase.grid else (),
        )
        for phase in in_order(manifest)
    )  # fmt: skip


class Targets:
    """Names the targets of a manifest: by their stage, the second of a stage ``train#2``."""

    def __init__(self) -> None:
        self._names: dict[Hashable, str] = {}
        self._of_recipe: dict[int, tuple[Recipe, str]] = {}
        self._of_stage: dict[str, int] = {}

    def __call__(self, recipe: "Recipe") -> str:
        """The target's name. Recipes must come in the manifest's order."""
        if found := self._of_recipe.get(id(recipe)):
            return found[1]
        name = self._names.get(recipe.kind)
        if name is None:
            count = self._of_stage[recipe.stage] = self._of_stage.get(recipe.stage, 0) + 1
            name = recipe.stage if count == 1 else f"{recipe.stage}#{count}"
            self._names[recipe.kind] = name
        # The recipe is kept too, so that no other one gets its id.
        self._of_recipe[id(recipe)] = recipe, name
        return name


def representatives(phases: Iterable[PhaseJobs]) -> dict[str, int]:
    """Target -> number of the job that runs short for it: the first one, phases in their order."""
    found: dict[str, int] = {}
    for phase in phases:
        for number, target in zip(phase.numbers, phase.targets, strict=True):
            found.setdefault(target, number)
    return found


def is_settled(phase: PhaseJobs, known: Sequence[Known]) -> bool:
    """Whether all its work is completed or not needed, and none of its chosen jobs is to run yet.

    Then the phases behind it may start.
    """
    own = known[phase.first : phase.first + len(phase.points)]
    if any(
        one.state in UNDER_WAY or (one.state == "pending" and one.round is not None) for one in own
    ):
        return False
    for places in phase.works:
        states = [own[place].state for place in places]
        if "completed" not in states and any(state != "left_out" for state in states):
            return False
    return True
