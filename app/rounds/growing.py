"""How many jobs of a phase run in its next round, and which: a sweep first, then more each time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from jobshape.app.rounds.alternatives import Search
from jobshape.app.rounds.saying import scale_line, search_line, sweep_line
from jobshape.app.rounds.slicing import by_turns, sweep
from jobshape.app.rounds.standing import Health, Standing

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest import Rounds


@dataclass(frozen=True, slots=True)
class Choice:
    """What of a phase runs now."""

    places: tuple[int, ...]
    line: str  # what it is to show
    is_whole: bool  # when all of it completes, the phase is settled


def goes_on(one: Standing, found: Search) -> bool:
    """Whether alternatives are still tried: as long as work is left that the best can be used for.

    Where the grid is nothing but alternatives of one work, finding the best is the work.
    """
    if found.is_over:
        return False
    return one.phase.is_one_work or any(work != found.work for work in one.open)


def choose(
    one: Standing,
    found: Search | None,
    searches: bool,
    health: Mapping[str, Health],
    rounds: "Rounds",
) -> Choice:
    """What of an open phase runs now. searches: whether the search goes on."""
    searching = found if searches else None
    if not one.open and searching is None:
        return Choice((), "", is_whole=False)
    if not one.ended:
        return _sweep(one, searching, found, rounds)
    phase = one.phase
    shaky = [health[t] for t in dict.fromkeys(phase.targets) if t in health]
    shaky = [target for target in shaky if target.is_shaky]
    quota = rounds.sweep if shaky else _growth(one, health, rounds)
    works = [work for work in one.open if searching is None or work != searching.work]
    tried: tuple[int, ...] = ()
    if searching is not None and (phase.is_one_work or len(works) > quota):
        tried = searching.candidates
    elif searching is not None:
        works = one.open
    places = tuple(_pick(one, work, found) for work in works[:quota])
    every = (*tried, *places)
    if places:
        line = scale_line(one, found, searching if tried else None, len(works[:quota]), shaky)
    else:
        line = search_line(phase, searching, shaky) if searching else ""
    return Choice(every, line, _is_whole(one, searching, every))


def _growth(one: Standing, health: Mapping[str, Health], rounds: "Rounds") -> int:
    """Jobs to add, so that `growth` times as many as ran since the last unstable round have run."""
    targets = set(one.phase.targets)
    bad = max((health[target].last_bad for target in targets if target in health), default=-1)
    ran = sum(jobs for number, jobs in one.ended.items() if number > bad)
    return max(1, ceil((rounds.growth - 1) * ran - 1e-9)) if ran else rounds.sweep


def _sweep(
    one: Standing, searching: Search | None, found: Search | None, rounds: "Rounds"
) -> Choice:
    phase = one.phase
    first = [_pick(one, work, found) for work in one.open]
    named = [place for place in first if not phase.points[place]]
    if searching is not None:
        grid = searching.candidates
    else:
        grid = sweep(phase, first, rounds.vary, rounds.sweep)
    places = by_turns(phase, (*named, *grid))[: rounds.sweep]
    line = sweep_line(phase, places, searching is not None)
    return Choice(places, line, _is_whole(one, searching, places))


def _pick(one: Standing, work: int, found: Search | None) -> int:
    """The place that does a work: with the best alternative there is for it."""
    places = one.phase.works[work]
    if found is None or len(places) == 1:
        return places[0]
    waiting = one.waiting(places)
    last = len(found.order)
    return min(waiting, key=lambda place: found.order.get(one.phase.alternatives[place], last))


def _is_whole(one: Standing, searching: Search | None, places: Iterable[int]) -> bool:
    if one.failed or one.under_way:
        return False
    of_work, chosen = one.phase.work_of, set(places)
    if not {of_work[place] for place in chosen}.issuperset(one.open):
        return False
    if searching is None or not one.phase.is_one_work:
        return True
    return chosen.issuperset(one.waiting(one.phase.works[searching.work]))
