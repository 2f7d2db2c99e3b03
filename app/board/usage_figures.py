"""Curves for the plots of a job, worked out of its usage samples."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from jobshape.app.board.usage_series import middle
from jobshape.app.domain.job import Usage

GAP_AT_LEAST_S, GAP_FACTOR = 90, 6
"""A pause this long, and so many times the usual one, breaks the curve: nobody looked then."""


class Point(NamedTuple):
    """A value at a time (seconds since the epoch)."""

    at: float
    value: float


Curve = list[list[Point]]
"""Stretches without a gap, oldest first; no stretch is empty."""


def of_this_run(samples: Sequence[Usage], start_time: int | None) -> list[Usage]:
    """Without what a requeued job used in the runs before."""
    return [one for one in samples if start_time is None or one.at >= start_time]


def memory_curve(samples: Sequence[Usage]) -> Curve:
    """Resident memory of all tasks, in bytes."""
    return _curve(samples, lambda one: one.memory_bytes)


def gpu_curve(samples: Sequence[Usage]) -> Curve:
    """Mean utilisation of the job's GPUs, in percent."""
    return _curve(samples, lambda one: one.gpu_percent)


def gpu_memory_curve(samples: Sequence[Usage]) -> Curve:
    """Memory used of all the job's GPUs, in percent of what they have."""

    def percent(one: Usage) -> float | None:
        if one.gpu_memory_bytes is None or not one.gpu_memory_total_bytes:
            return None
        return 100 * one.gpu_memory_bytes / one.gpu_memory_total_bytes

    return _curve(samples, percent)


def cpu_curve(samples: Sequence[Usage], cpus: int | None, start_time: int | None) -> Curve:
    """Percent of the job's CPUs, each point the mean since the sample before.

    The first is the mean since the job started. CPU time that shrinks (a step ended, and its share
    is no more counted) gives no point, and breaks the curve.
    """
    if not cpus:
        return []
    known = [(one.at, one.cpu_time_s) for one in samples if one.cpu_time_s is not None]
    if not known:
        return []
    gap_s = _gap_s([at for at, _ in known])
    stretches: Curve = [[]]
    if start_time is not None and known[0][0] > start_time:
        at, cpu_s = known[0]
        stretches[-1].append(Point(at, 100 * cpu_s / (at - start_time) / cpus))
    for (before, cpu_before), (at, cpu_s) in pairwise(known):
        if cpu_s < cpu_before:
            stretches.append([])
            continue
        if at - before > gap_s:
            stretches.append([])
        stretches[-1].append(Point(at, 100 * (cpu_s - cpu_before) / (at - before) / cpus))
    return [stretch for stretch in stretches if stretch]


def highest(curve: Curve) -> float | None:
    """The largest value, None of an empty curve."""
    return max((point.value for stretch in curve for point in stretch), default=None)


def latest(curve: Curve) -> float | None:
    """The newest value, None of an empty curve."""
    return curve[-1][-1].value if curve else None


def mean(curve: Curve) -> float | None:
    """The mean over all points, None of an empty curve."""
    values = [point.value for stretch in curve for point in stretch]
    return sum(values) / len(values) if values else None


def span(curves: Sequence[Curve]) -> tuple[float, float] | None:
    """First and last time of all points; None where there is no point."""
    times = [point.at for curve in curves for stretch in curve for point in stretch]
    return (min(times), max(times)) if times else None


def _curve(samples: Sequence[Usage], read: Callable[[Usage], float | None]) -> Curve:
    points = [Point(one.at, value) for one in samples if (value := read(one)) is not None]
    if not points:
        return []
    gap_s = _gap_s([point.at for point in points])
    stretches = [[points[0]]]
    for before, point in pairwise(points):
        if point.at - before.at > gap_s:
            stretches.append([])
        stretches[-1].append(point)
    return stretches


def _gap_s(times: Sequence[float]) -> float:
    pauses = [after - before for before, after in pairwise(times)]
    return max(GAP_AT_LEAST_S, GAP_FACTOR * middle(pauses)) if pauses else GAP_AT_LEAST_S
