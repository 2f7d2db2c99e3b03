"""GPU figures of a job, and why there are none: nothing here ever stands in for a missing one."""

from collections.abc import Sequence
from typing import NamedTuple

HINT = (
    "ask for AutoDetect=nvml and gres/gpuutil, name a dcgm_url on the site's page,"
    " or set usage.gpu_probe = true"
)
"""How to get GPU figures on a Slurm site."""

PROBE_STEP = "jobshape-gpus"
"""The name of the steps that run nvidia-smi inside a job."""


class NoFigures(Exception):
    """A source has no figures for a job; its text says why."""


class Card(NamedTuple):
    """One GPU as a source sees it now; None is what it does not say."""

    node: str
    number: str  # as the source names it
    percent: float | None
    used_bytes: int | None
    total_bytes: int | None


class GpuFigures(NamedTuple):
    """What the GPUs of a job do now. percent is their mean, the sizes are sums."""

    source: str
    percent: float | None = None
    memory_bytes: int | None = None
    memory_total_bytes: int | None = None


def together(cards: Sequence[Card], gpus: int, source: str) -> GpuFigures:
    """The figures of a job with so many GPUs. Raises NoFigures unless it is all of them."""
    if len(cards) != gpus:
        raise NoFigures(f"{len(cards)} GPUs were found where the job has {gpus}")
    percents = [card.percent for card in cards if card.percent is not None]
    used = [card.used_bytes for card in cards if card.used_bytes is not None]
    totals = [card.total_bytes for card in cards if card.total_bytes is not None]
    found = GpuFigures(
        source,
        sum(percents) / gpus if len(percents) == gpus else None,
        sum(used) if len(used) == gpus else None,
        sum(totals) if len(totals) == gpus else None,
    )
    if found.percent is None and found.memory_bytes is None:
        raise NoFigures("its GPUs tell no use, as parts of a GPU (MIG) do")
    return found
