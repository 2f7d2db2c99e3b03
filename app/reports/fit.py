"""What the jobs of a stage asked for against what those that did well used, and what would do."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from jobshape.app.domain.cost import gpu_count
from jobshape.app.domain.entry import show_size
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.stage import Spread
from jobshape.app.domain.units import GIB, MIB, format_duration, format_size
from jobshape.app.reports.parts import MemoryUse
from jobshape.app.reports.records import CampaignRecords
from jobshape.app.resubmit.correcting import PEAK_HEADROOM, TIME_HEADROOM
from jobshape.app.rounds.campaign import Attempt
from jobshape.app.rounds.evidence import did_well, memory_asked, memory_used, ran_s
from jobshape.app.stages.quantiles import spread

OUT_OF_MEMORY_HEADROOM = 1.2
"""Over the limit at which a run was killed: the peak is not known, only that it was more."""

FEW = 5
"""With fewer runs that did well nothing is recommended."""

WORTH = 0.8
"""Less is recommended where it is at most this share of what was asked."""

TIGHT = 0.9
"""From this share on what is asked is tight."""

IDLE_PERCENT = 50.0
"""GPUs busy for less than this share of the time do not need to be so many."""

Show = Callable[[float], str]


class Fit(NamedTuple):
    """One resource of a stage, in texts; ``next`` is "" where what was asked stays."""

    stage: str
    what: str  # memory, CPUs, walltime, GPUs
    asked: str
    p50: str
    p95: str
    most: str
    runs: int  # that did well and have the figure
    next: str
    words: str  # the evidence and what follows, in a sentence


class _Use(NamedTuple):
    """Figures of one resource."""

    stage: str
    what: str
    asked: float | None
    used: Spread | None
    show: Show
    words: str  # what 95 % of runs did, with {} for the figure


def memory(records: CampaignRecords, stage: str) -> Fit:
    """Memory of one node."""
    attempts = records.stage_attempts(stage, kind="full")
    well = [one for one in attempts if did_well(one)]
    use = _Use(stage, "memory", _latest(map(memory_asked, well)), _spread(map(memory_used, well)),
               _size, "used under {}")  # fmt: skip
    killed = [one for one in attempts if one.label == "oom_host" or one.state == "OUT_OF_MEMORY"]
    sizes = sorted({size for one in killed if (size := memory_asked(one)) is not None})
    note = ""
    if killed:
        at = f" with {' and '.join(map(show_size, sizes))}" if sizes else ""
        note = f"{len(killed)} of {len(attempts)} attempts ran out of memory{at}"
    enough = None
    if use.used:
        enough = _round_memory(
            max(use.used.most * PEAK_HEADROOM, max(sizes, default=0) * OUT_OF_MEMORY_HEADROOM)
        )
    return _fit(use, enough, show_size_of, note)


def show_size_of(size: float) -> str:
    """A size as a form takes it."""
    return show_size(round(size))


def _size(size: float) -> str:
    return format_size(round(size))


def _round_memory(size: float) -> int:
    step = 256 * MIB if size <= 2 * GIB else GIB
    return math.ceil(size / step) * step


def cpus(records: CampaignRecords, stage: str) -> Fit:
    """Cores that were busy on average, of those it had."""
    well = _well(records, stage)
    busy = (
        one.total_cpu_s / run_s if one.total_cpu_s is not None and (run_s := ran_s(one)) else None
        for one in well
    )
    use = _Use(stage, "CPUs", _latest(one.cpus for one in well), _spread(busy), _cores,
               "needed no more than {}")  # fmt: skip
    enough = math.ceil(use.used.p95 - 0.05) or 1 if use.used else None
    return _fit(use, enough, lambda count: f"{count:.0f}", "", can_be_tight=False)


def _cores(count: float) -> str:
    return f"{count:.0f}" if count == int(count) else f"{count:.1f}"


def walltime(records: CampaignRecords, stage: str) -> Fit:
    """Run time against the limit, where the manifest or a correction says it."""
    well = _well(records, stage)
    trials = {trial.id: trial for trial in records.of_stage.get(stage, ())}

    def limit_of(attempt: Attempt) -> int | None:
        trial = trials[attempt.trial]
        shape = records.shapes.get(trial.number)
        return trial.time_limit_s or (shape.time_limit_s if shape else None)

    limits = map(limit_of, well)
    asked = _latest(None if one == UNLIMITED else one for one in limits)
    use = _Use(stage, "walltime", asked, _spread(map(ran_s, well)), _time, "took under {}")
    enough = _round_time(use.used.most * TIME_HEADROOM) if use.used else None
    return _fit(use, enough, _time, "")


def _time(seconds: float) -> str:
    return format_duration(round(seconds))


def _round_time(seconds: float) -> int:
    step = 60 if seconds < 3600 else 900 if seconds < 6 * 3600 else 3600
    return math.ceil(seconds / step) * step


def gpus(records: CampaignRecords, stage: str) -> Fit | None:
    """How busy its GPUs were; None: the stage asks for none."""
    well = _well(records, stage)
    asked = _latest(one.gpus for one in well)
    if asked is None:
        shapes = (records.shapes.get(one.number) for one in records.of_stage.get(stage, ()))
        asked = _latest(gpu_count(one.gpus) * (one.nodes or 1) for one in shapes if one)
    if not asked:
        return None
    used = _spread(one.gpu_percent for one in well)
    fit = Fit(stage, "GPUs", f"{asked:.0f}", *_quantiles(used, _percent), used.size if used else 0,
              "", "")  # fmt: skip
    if used is None:
        return fit._replace(words="nobody said how busy its GPUs were, so nothing is recommended")
    if used.size < FEW:
        return fit._replace(words=_too_few(used.size))
    words = f"half of {used.size} runs kept {asked:.0f} of them {_percent(used.p50)} busy or less"
    if used.p75 >= IDLE_PERCENT:
        return fit._replace(words=f"{words}; they fit")
    if asked > 1:
        fewer = max(1, math.ceil(asked * used.p75 / 100 / 0.8))
        words = f"{words}; {fewer} may do: try it as a trial, the run time will tell"
        return fit._replace(next=f"{fewer}", words=words)
    return fit._replace(words=f"{words}; look at what feeds it, or let jobs share it (MIG, MPS)")


def _percent(share: float) -> str:
    return f"{share:.0f} %"


def _well(records: CampaignRecords, stage: str) -> list[Attempt]:
    return [one for one in records.stage_attempts(stage, kind="full") if did_well(one)]


def _spread(figures: Iterable[float | None]) -> Spread | None:
    return spread(figure for figure in figures if figure is not None)


def _latest(asked: Iterable[float | None]) -> float | None:
    """What most runs asked for; the largest of what is equally frequent."""
    known = Counter(one for one in asked if one)
    return max(known, key=lambda one: (known[one], one)) if known else None


def _quantiles(used: Spread | None, show: Show) -> tuple[str, str, str]:
    return (show(used.p50), show(used.p95), show(used.most)) if used else ("-", "-", "-")


def _too_few(runs: int) -> str:
    return f"too few runs that did well to say: {runs}, of {FEW} that are needed"


def _fit(
    use: _Use, enough: float | None, show_next: Show, note: str, *, can_be_tight: bool = True
) -> Fit:
    asked = use.show(use.asked) if use.asked else "-"
    runs = use.used.size if use.used else 0
    fit = Fit(use.stage, use.what, asked, *_quantiles(use.used, use.show), runs, "", "")
    behind = f"; {note}" if note else ""
    if use.used is None or runs < FEW:
        return fit._replace(words=_too_few(runs) + behind)
    words = f"95 % of {runs} runs {use.words.format(use.show(use.used.p95))}"
    if not use.asked:
        return fit._replace(words=f"{words}; what was asked for is not known{behind}")
    is_within = use.used.most <= use.asked
    of_asked = f"of {asked} asked" if is_within else f"where most asked for {asked}"
    words = f"{words} {of_asked}, the largest {use.show(use.used.most)}{behind}"
    if enough is not None and enough <= use.asked * WORTH:
        return fit._replace(next=show_next(enough), words=f"{words}; {show_next(enough)} would do")
    is_tight = can_be_tight and (note or use.used.p95 > use.asked * TIGHT)
    if is_tight and enough is not None and enough > use.asked:
        words = f"{words}; that is tight: {show_next(enough)} is safer"
        return fit._replace(next=show_next(enough), words=words)
    return fit._replace(words=f"{words}; it fits")


def fits(records: CampaignRecords) -> tuple[Sequence[Fit], Sequence[Fit]]:
    """Of every stage: memory, CPUs and walltime; and apart from them the GPUs."""
    plain: list[Fit] = []
    of_gpus: list[Fit] = []
    for stage in records.of_stage:
        plain += [memory(records, stage), cpus(records, stage), walltime(records, stage)]
        if (fit := gpus(records, stage)) is not None:
            of_gpus.append(fit)
    return plain, of_gpus


def memory_use(records: CampaignRecords, stage: str) -> MemoryUse | None:
    """Memory asked and used, for a plot; None where either is not known."""
    well = _well(records, stage)
    asked, used = _latest(map(memory_asked, well)), _spread(map(memory_used, well))
    if not asked or used is None:
        return None
    killed = sum(one.label == "oom_host" for one in records.stage_attempts(stage, kind="full"))
    return MemoryUse(stage, asked, used.p50, used.p95, used.most, killed)
