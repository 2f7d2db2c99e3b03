"""The lines that tell people what a round is to show, and why a job is left out."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobshape.app.rounds.alternatives import Search
from jobshape.app.rounds.slicing import differing
from jobshape.app.rounds.standing import Health, Standing
from jobshape.app.rounds.workload import FAILED, Known, PhaseJobs, Point

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest import Rounds


def sweep_line(phase: PhaseJobs, places: Sequence[int], searching: bool) -> str:
    """``lr and workers vary, 6 of 36; others at their first value``."""
    total = len(phase.works[phase.work_of[places[0]]]) if searching else len(phase.works)
    count = _of(len(places), total) + (" alternatives" if searching else "")
    points = [phase.points[place] for place in places if phase.points[place]]
    if not points:
        return count
    varying = differing(phase, places, points[0])
    fixed = [
        at for at, values in enumerate(phase.parameters.values())
        if at not in varying and len(values) > 1
    ]  # fmt: skip
    said = f"{_names(phase, varying)}, {count}" if varying else count
    if not fixed:
        return said
    if any(points[0][at] != phase.first_point[at] for at in fixed):
        return f"{said}; others at {phase.say(points[0], fixed)}"
    return f"{said}; {'others' if varying else 'all'} at their first value"


def scale_line(
    one: Standing, found: Search | None, searching: Search | None, works: int,
    shaky: Sequence[Health],
) -> str:  # fmt: skip
    """``scale to 24 of 36 with workers=4, 1.8x faster than workers=1``."""
    total = len(one.phase.works)
    to = _of(one.done + works, total)
    said = f"{_smoke_again(shaky)}, then to {to}" if shaky else f"scale to {to}"
    if found is not None and found.best is not None:
        said += f" with {_kept(one.phase, found)}"
    if searching is not None and searching.varying:
        said += f"; beside, {_names(one.phase, searching.varying)}"
    return said


def search_line(phase: PhaseJobs, searching: Search, shaky: Sequence[Health]) -> str:
    """``batch varies around workers=4 batch=32, 3 of 9 alternatives``."""
    total = len(phase.works[searching.work])
    around = phase.say(searching.centre, phase.knobs)
    said = f"{_names(phase, searching.varying)} around {around}"
    said += f", {_of(len(searching.candidates), total)} alternatives"
    return f"{_smoke_again(shaky)}, then {said}" if shaky else said


def search_end_line(phase: PhaseJobs, found: Search, rounds: "Rounds") -> str:
    """Why no more alternatives are tried, and which one is kept."""
    why = "no other alternative is left to try"
    if found.plateau:
        percent = f"{rounds.plateau_percent:g} %"
        why = f"plateau, nothing was faster by more than {percent} in two rounds"
    if found.best is None:
        return f"{why}; none was stable"
    return f"{why}; kept: {_kept(phase, found)}"


def why_spare(
    phase: PhaseJobs, known: Sequence[Known], work: int, best: Point | None
) -> str:  # fmt: skip
    """``seed=2 is done with workers=4``."""
    places = (p for p in phase.works[work] if known[phase.first + p].state == "completed")
    done = [phase.alternatives[place] for place in places]
    alternative = best if best is not None and best in done else done[0]
    return f"{_work(phase, work)} is done with {phase.say_alternative(alternative)}"


def why_given_up(phase: PhaseJobs, known: Sequence[Known], work: int) -> str:
    """``seed=2 failed with workers=4 and workers=2``."""
    failed = [p for p in phase.works[work] if known[phase.first + p].state in FAILED]
    said = [phase.say_alternative(phase.alternatives[place]) for place in failed[:3]]
    return f"{_work(phase, work)} failed with {' and '.join(said)}"


def _work(phase: PhaseJobs, work: int) -> str:
    return phase.say(phase.points[phase.works[work][0]], phase.others) or "the work"


def _kept(phase: PhaseJobs, found: Search) -> str:
    assert found.best is not None
    said = phase.say_alternative(found.best)
    if found.best == found.first:
        return f"{said}, nothing was faster"
    first = phase.say_alternative(found.first)
    if found.speedup is None:
        return said
    return f"{said}, {found.speedup:.1f}x faster than {first}"


def _smoke_again(shaky: Sequence[Health]) -> str:
    failed, ended = sum(one.failed for one in shaky), sum(one.ended for one in shaky)
    return f"{failed:,} of {ended:,} failed: smoke again"


def _of(count: int, total: int) -> str:
    return f"all {total:,}" if count == total else f"{count:,} of {total:,}"


def _names(phase: PhaseJobs, at: Sequence[int]) -> str:
    names = [phase.names[i] for i in at]
    if len(names) < 2:
        return f"{''.join(names)} varies"
    return f"{', '.join(names[:-1])} and {names[-1]} vary"
