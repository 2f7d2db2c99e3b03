"""How many CPUs and GPUs to ask for."""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple

from jobshape.app.sizing.interval import next_need
from jobshape.app.sizing.sized import Sized
from jobshape.app.sizing.speedup import SpeedUp, fit_speedup

BUSY = 0.8
"""Efficiency from which all that was asked counts as used: more might help, a sweep tells."""

SLACK = 1.1  # short bursts above the mean
NEWEST = 20  # runs that count
SWEEP = tuple(sorted({n * 2**k for n in (1, 3) for k in range(9)}))  # 1, 2, 3, 4, 6, 8, 12 ...

GPU_IDLE = 0.05
"""Mean utilisation under which a GPU is not what the work runs on."""

CPUS_PER_GPU = (4, 8)
"""Site pages' rule of thumb: enough to feed a GPU, few enough to leave some for the next job."""


class CpuRun(NamedTuple):
    """What one finished run had and used."""

    cpus: int
    runtime_s: float
    cpu_s: float  # user and system time of all its processes


class GpuRun(NamedTuple):
    """What one finished run had and used. used: mean utilisation of all its GPUs, 0 to 1."""

    gpus: int
    used: float
    memory_bytes: float | None = None  # peak of all its GPUs together
    card_bytes: float | None = None  # memory of one of them


def size_cpus(
    runs: Sequence[CpuRun], *, asked: int | None = None, largest: int | None = None, gpus: int = 0
) -> Sized:
    """CPUs for the next run: from a sweep if there is one, else from those kept busy.

    runs: oldest first. largest: of a node. gpus: those the job asks for.
    """
    known = [run for run in runs if run.cpus > 0 and run.runtime_s > 0 and run.cpu_s >= 0]
    if not known:
        return _unmeasured(asked, gpus)
    times: dict[int, list[float]] = {}
    for run in known:
        times.setdefault(run.cpus, []).append(run.runtime_s)
    curve = fit_speedup(times)
    if curve is not None:
        return _from_sweep(curve, len(known), largest)
    newest = known[-NEWEST:]
    busy = [run.cpu_s / run.runtime_s for run in newest]
    low, high = next_need(busy)
    most, had = max(busy), newest[-1].cpus
    why = [f"{len(newest)} runs kept {min(busy):.1f} to {most:.1f} CPUs busy, the last had {had}"]
    if most >= BUSY * had:
        request = had
        why.append(f"busy from {100 * BUSY:.0f} %: more may help, a sweep over CPUs would tell")
    else:
        request = max(1, ceil(SLACK * most))
        why.append(f"the busiest x {SLACK:g}, rounded up")
    request = max(1, min(request, largest or request))
    return Sized(request, int(low), ceil(high), None, "history", len(newest), tuple(why))


def _unmeasured(asked: int | None, gpus: int) -> Sized:
    if gpus:
        fewest, most = (each * gpus for each in CPUS_PER_GPU)
        request = min(max(asked or fewest, fewest), most)
        why = f"no run yet: {CPUS_PER_GPU[0]} to {CPUS_PER_GPU[1]} CPUs a GPU"
        return Sized(request, fewest, most, None, "rule of thumb", 0, (why,))
    if asked is not None:
        return Sized(asked, None, None, None, "asked", 0, (f"no run yet: {asked} as asked",))
    return Sized(None, None, None, None, "nothing", 0, ("no run yet",))


def _from_sweep(curve: SpeedUp, runs: int, largest: int | None) -> Sized:
    candidates = [n for n in SWEEP if largest is None or n <= largest] or [1]
    request = curve.enough(candidates)
    why = (
        f"fitted to {runs} runs on up to {curve.largest} CPUs: {curve.serial_s:.0f} s serial +"
        f" {curve.parallel_s:.0f} s / n + {curve.overhead_s:.2g} s x (n - 1),"
        f" off by {100 * curve.error:.0f} %",
        f"{request} CPUs: {curve.runtime_s(request):.0f} s at"
        f" {100 * curve.efficiency(request):.0f} % efficiency, within 10 % of the quickest",
    )
    return Sized(request, None, None, None, "history", runs, why)


def size_gpus(runs: Sequence[GpuRun], *, asked: int | None = None) -> Sized:
    """GPUs for the next run; 0 where the work does not use them."""
    known = [run for run in runs if run.gpus > 0 and run.used >= 0][-NEWEST:]
    if not known:
        return _unmeasured(asked, 0)
    shares = [run.used for run in known]
    why = [
        f"{len(known)} runs used {100 * min(shares):.0f} to {100 * max(shares):.0f} % of their GPUs"
    ]
    if max(shares) < GPU_IDLE and not any(run.memory_bytes for run in known):
        why.append("no GPU memory was used: place it on CPUs")
        return Sized(0, 0, 0, None, "history", len(known), tuple(why))
    request = max(1, max(ceil(run.gpus * run.used / BUSY) for run in known))
    for run in known:
        if run.memory_bytes and run.card_bytes:
            fits = ceil(run.memory_bytes / run.card_bytes)
            if fits > request:
                request = fits
                why.append(f"its GPU memory needs {fits} cards")
    had = known[-1].gpus
    request = min(request, had)
    if request == had:
        why.append("as many as it has: more may help, a sweep would tell")
    else:
        why.append(f"busy ones over {100 * BUSY:.0f} %, of {had}")
    return Sized(request, None, None, None, "history", len(known), tuple(why))
