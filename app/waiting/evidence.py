"""Why a forecast says what it says, in lines for people."""

import math

from jobshape.app.domain.units import format_short_duration
from jobshape.app.waiting.drain import BEYOND_S
from jobshape.app.waiting.features import View
from jobshape.app.waiting.records import GRACE_S, WaitShape


def evidence(
    view: View, shape: WaitShape, seen: int, coverage: float | None, coverage_of: int
) -> tuple[str, ...]:
    """The lines behind a forecast from the live queue, the most telling first."""
    state, queued = view.drain, view.pool.queued
    lines = []
    if view.fits(shape):
        lines.append(f"{shape.cpus} CPUs fit: {state.free_now} of {state.capacity} are free now")
    else:
        when, _ = state.when_free(shape.cpus)
        if when < BEYOND_S:
            free = f"free in about {_time(when)} as running jobs are thought to end"
        else:
            free = "not in sight within the running jobs' time"
        lines.append(f"{shape.cpus} CPUs, {state.free_now} free now: {free}")
    if queued.jobs:
        work = _time(queued.predicted / state.capacity)
        oldest = _time(queued.oldest_s(view.now))
        lines.append(f"{queued.jobs} jobs queued, about {work} of all CPUs; oldest waits {oldest}")
    lately = view.ledger.median_lately(shape)
    if lately is not None:
        lines.append(f"recent jobs here waited {_time(math.exp(lately) - GRACE_S)} (median)")
    lines.append(f"learnt from {seen} starts")
    if coverage is not None:
        lines.append(f"p90 held for {round(coverage * coverage_of)} of the last {coverage_of} jobs")
    return tuple(lines)


def _time(seconds: float) -> str:
    return format_short_duration(round(max(seconds, 0.0)))
