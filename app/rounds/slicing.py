"""Small parts of a grid: points that differ from one of them in a few parameters only."""

from collections.abc import Iterable, Sequence
from itertools import chain, islice, zip_longest

from jobshape.app.rounds.workload import PhaseJobs, Point


def sweep(phase: PhaseJobs, places: Sequence[int], vary: int, most: int) -> tuple[int, ...]:
    """Around the first values, or the nearest point there is, with so many parameters varying.

    They are the first ones that can vary alone, in the order in which the grid names them.
    """
    centre_place = phase.nearest(phase.first_point, places)
    if centre_place is None:
        return ()
    centre = phase.points[centre_place]
    sets: dict[frozenset[int], int] = {}
    for place in places:
        point = phase.points[place]
        if point:
            at = frozenset(i for i, value in enumerate(point) if value != centre[i])
            sets[at] = sets.get(at, 0) + 1
    varying: frozenset[int] = frozenset()
    for one in range(len(centre)):
        if len(varying) < vary and any(one in at and at <= varying | {one} for at in sets):
            varying |= {one}
    return around(phase, places, centre, varying, most)


def around(
    phase: PhaseJobs, places: Iterable[int], centre: Point, varying: Iterable[int], most: int
) -> tuple[int, ...]:
    """Places that differ from a point in these parameters only, at most so many.

    Those that differ in one come first, near ones before far ones, the parameters in turn.
    """
    fixed = [at for at in range(len(centre)) if at not in frozenset(varying)]
    near = []
    for place in places:
        point = phase.points[place]
        if point and all(point[at] == centre[at] for at in fixed):
            near.append((phase.distance(point, centre), place))
    return tuple(place for _, place in islice(sorted(near), most))


def differing(phase: PhaseJobs, places: Iterable[int], centre: Point) -> tuple[int, ...]:
    """Parameters in which any of these places differs from a point."""
    points = [phase.points[place] for place in places]
    return tuple(at for at, value in enumerate(centre) if any(p and p[at] != value for p in points))


def by_turns(phase: PhaseJobs, places: Iterable[int]) -> tuple[int, ...]:
    """The places with their targets in turn, so that each is among the first."""
    of_target: dict[str, list[int]] = {}
    for place in places:
        of_target.setdefault(phase.targets[place], []).append(place)
    mixed = chain.from_iterable(zip_longest(*of_target.values()))
    return tuple(place for place in mixed if place is not None)
