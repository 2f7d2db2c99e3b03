"""One stage in figures, from its finished runs and its jobs of the queue."""

from collections import Counter
from collections.abc import Iterable, Sequence

from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.stage import ShapeAsked, Spread, StageCounts, StageSummary
from jobshape.app.domain.states import Phase
from jobshape.app.stages.live import LiveStage, shape_of
from jobshape.app.stages.pace import count_retries, pace_per_hour, time_to_finish, widest
from jobshape.app.stages.quantiles import spread
from jobshape.app.stages.runs import (
    class_of,
    is_run,
    is_whole,
    memory_bytes,
    phase,
    ran_out_of_memory,
    took_s,
    waited_s,
)


def summarise(
    stage: str, known: Sequence[PastJob], live: LiveStage, *, baseline: int, capped: bool = False
) -> StageSummary:
    """The figures of one stage.

    known: its finished jobs in the window, newest first. baseline: of how many of them the figures
    are. capped: there are more than were read.
    """
    runs = [past for past in known if is_run(past)][:baseline]
    whole = [past for past in runs if is_whole(past)]
    shape, share = _shape(live, runs)
    elapsed = spread(figure for past in whole if (figure := took_s(past)) is not None)
    wait = spread(figure for past in runs if (figure := waited_s(past)) is not None)
    pace = pace_per_hour(known, capped=capped)
    ended = Counter(map(phase, known))
    attempts = [past for past in runs if phase(past) in (Phase.DONE, Phase.FAILED)]
    failures = Counter(class_of(past) for past in attempts if phase(past) is Phase.FAILED)
    return StageSummary(
        stage=stage,
        counts=StageCounts(
            live.waiting, live.running, ended[Phase.DONE], ended[Phase.FAILED],
            ended[Phase.CANCELLED], live.held,
        ),
        counts_capped=capped,
        runs=len(runs),
        oldest_end=runs[-1].record.job.end_time if runs else None,
        shape=shape,
        shape_share=share,
        memory=spread(filter(None, map(memory_bytes, runs))),
        memory_at_limit=sum(map(ran_out_of_memory, runs)),
        several_tasks=any((past.record.job.tasks or 1) > 1 for past in runs),
        cpu_efficiency=cpu_efficiency(whole),
        gpu_percent=gpu_percent(runs),
        elapsed=elapsed,
        elapsed_at_limit=sum(past.record.job.state == "TIMEOUT" for past in runs),
        limit_share=_limit_share(elapsed, shape),
        wait=wait,
        waiting_longest_s=live.longest_wait_s,
        pace_per_hour=pace,
        attempts=len(attempts),
        failures=tuple(failures.most_common()),
        retries=count_retries(runs),
        eta=time_to_finish(live.ahead, elapsed, wait, pace, widest(known)),
    )  # fmt: skip


def _shape(live: LiveStage, runs: Iterable[PastJob]) -> tuple[ShapeAsked | None, float | None]:
    """The most common shape of the queue, else of the runs, and how common it is."""
    shapes = live.shapes or tuple(Counter(shape_of(past.record.job) for past in runs).most_common())
    if not shapes:
        return None, None
    shape, count = shapes[0]
    return shape, count / sum(number for _, number in shapes)


def cpu_efficiency(runs: Iterable[PastJob]) -> float | None:
    """CPU time used of the CPU time they held, together; None where nobody counted."""
    used = held = 0.0
    for past in runs:
        elapsed, cpus, cpu_s = took_s(past), past.record.job.cpus, past.record.total_cpu_s
        if elapsed and cpus and cpu_s is not None:
            used += cpu_s
            held += elapsed * cpus
    return used / held if held else None


def gpu_percent(runs: Iterable[PastJob]) -> float | None:
    """Mean utilisation of their GPUs, each run as long as it held them; None: nobody measured."""
    total = weight = 0.0
    for past in runs:
        percent, elapsed = past.record.gpu_percent, took_s(past)
        if percent is not None and elapsed:
            held = elapsed * (past.record.job.gpus or 1)
            total += percent * held
            weight += held
    return total / weight if weight else None


def _limit_share(elapsed: Spread | None, shape: ShapeAsked | None) -> float | None:
    limit = shape.time_limit_s if shape else None
    if elapsed is None or not limit or limit == UNLIMITED:
        return None
    return elapsed.p95 / limit
