"""Small parts of a grid: points that differ from one of them in a few parameters only."""

from collections.abc import Iterable, Sequence
from heapq import nsmallest
from itertools import chain, zip_longest

from jobshape.app.rounds.workload import PhaseJobs, Point, take


def sweep(phase: PhaseJobs, places: Sequence[int], vary: int, most: int) -> tuple[int, ...]:
    """Around the first values, or the nearest point there is, with so many parameters varying.

    They are the first ones that can vary alone, in the order in which the grid names them.
    """
    there = set(places)
    centre_place = phase.place_of.get(phase.first_point)
    if centre_place not in there:
        centre_place = phase.nearest(phase.first_point, places)
    if centre_place is None:
        return ()
    centre = phase.points[centre_place]
    varying: tuple[int, ...] = ()
    for one in range(len(centre)):
        if len(varying) == vary:
            break
        alike = _alike(phase, places, centre, (*varying, one))
        if any(phase.points[place][one] != centre[one] for place in alike):
            varying += (one,)
    return around(phase, places, centre, varying, most)


def around(
    phase: PhaseJobs, places: Iterable[int], centre: Point, varying: Iterable[int], most: int
) -> tuple[int, ...]:
    """Places that differ from a point in these parameters only, at most so many.

    Those that differ in one come first, near ones before far ones, the parameters in turn.
    """
    alike = _alike(phase, places, centre, varying)
    near = ((phase.distance(phase.points[place], centre), place) for place in alike)
    return tuple(place for _, place in nsmallest(most, near))


def _alike(
    phase: PhaseJobs, places: Iterable[int], centre: Point, varying: Iterable[int]
) -> list[int]:
    """Places of points that are like this one but for these parameters."""
    free, points = frozenset(varying), phase.points
    fixed = take(tuple(at for at in range(len(centre)) if at not in free))
    wanted = fixed(centre)
    return [place for place in places if points[place] and fixed(points[place]) == wanted]


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
