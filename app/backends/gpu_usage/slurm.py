"""Slurm's own GPU figures: ``gres/gpuutil`` and ``gres/gpumem`` of sstat and sacct.

Slurm's plugin gpu/nvml measures each process of a task. TRESUsageInTot is one reading, added up
over processes, GPUs and tasks: four busy GPUs are 400. It is the newest one while a step runs, and
the newest or the highest of an ended one. TRESUsageInMax is the highest reading of the task that
had the highest. Nothing is a mean over time; TRESUsageInAve is Tot divided by the tasks. 0 is also
what nodes without AutoDetect=nvml, MIG GPUs (utilisation) and unknown drivers give, so a 0 is no
figure. Source: sacct(1), and Slurm's src/plugins/jobacct_gather/common,
src/interfaces/jobacct_gather.c and src/plugins/gpu/nvml.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

from jobshape.app.backends.gpu_usage.figures import GpuFigures, NoFigures
from jobshape.app.domain.tres import parse_tres
from jobshape.app.domain.units import parse_size

SOURCE = "slurm"
_NO_VALUE = 1 << 63  # Slurm's INFINITE64 and NO_VAL64 are above it


class GpuUse(NamedTuple):
    """What Slurm measured of all GPUs together; None: nothing."""

    percent_sum: float | None = None
    memory_bytes: int | None = None


def gpu_use_of(tres_usage: str) -> GpuUse:
    """The figures in a text like ``cpu=00:56:24,gres/gpumem=40777023488,gres/gpuutil=100``."""
    tres = parse_tres(tres_usage)
    return GpuUse(_figure(tres.get("gres/gpuutil", "")), _figure(tres.get("gres/gpumem", "")))


def _figure(text: str) -> int | None:
    with suppress(ValueError):
        value = parse_size(text)
        return value if value and value < _NO_VALUE else None
    return None


def added_up(uses: Iterable[GpuUse]) -> GpuUse:
    """What the steps of a job use together."""
    percents, sizes = [], []
    for use in uses:
        if use.percent_sum is not None:
            percents.append(use.percent_sum)
        if use.memory_bytes is not None:
            sizes.append(use.memory_bytes)
    return GpuUse(sum(percents) if percents else None, sum(sizes) if sizes else None)


def mean_percent(percent_sum: float | None, gpus: int | None) -> float | None:
    """The mean over the GPUs; None where it cannot be.

    More than 100 is no figure: some releases go on counting processes that have ended.
    """
    if percent_sum is None or not gpus:
        return None
    mean = percent_sum / gpus
    return mean if mean <= 100 else None


def figures_of(use: GpuUse, gpus: int) -> GpuFigures:
    """The figures of a running job. Raises NoFigures."""
    found = GpuFigures(SOURCE, mean_percent(use.percent_sum, gpus), use.memory_bytes)
    if found.percent is None and found.memory_bytes is None:
        raise NoFigures("Slurm measured none")
    return found


class StepGpus(NamedTuple):
    """What accounting says of the GPUs of one step."""

    last: GpuUse  # TRESUsageInTot
    peak: GpuUse  # TRESUsageInMax
    elapsed_s: int | None


def accounted(
    steps: Iterable[StepGpus], gpus: int | None, elapsed_s: int | None
) -> tuple[float | None, int | None]:
    """Mean utilisation in percent and peak of memory in bytes of a job's GPUs; None: unknown.

    Slurm keeps no mean over time, so the percent is each step's one reading, weighted with how
    long the step ran. The peak is that of a single task, or one reading of all tasks where that
    is more.
    """
    percent_seconds = 0.0
    peaks = []
    for step in steps:
        if step.last.percent_sum is not None and step.elapsed_s:
            percent_seconds += step.last.percent_sum * step.elapsed_s
        sizes = (step.last.memory_bytes, step.peak.memory_bytes)
        peaks += [size for size in sizes if size is not None]
    percent = None
    if percent_seconds and elapsed_s:
        percent = mean_percent(percent_seconds / elapsed_s, gpus)
    return percent, max(peaks, default=None)
