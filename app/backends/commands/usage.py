"""``sstat``: what running jobs use now."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from jobshape.app.backends.commands.reference import checked
from jobshape.app.backends.gpu_usage.slurm import GpuUse, added_up, gpu_use_of
from jobshape.app.domain.job import Usage
from jobshape.app.domain.units import parse_count, parse_cpu_time, parse_size

_FIELDS = ("JobID", "NTasks", "AveRSS", "MaxRSS", "AveCPU", "TRESUsageInTot")
_NO_SIZE = 1 << 63
_NO_CPU_TIME_S = 1e15
"""Slurm prints NO_VAL64 of a step not measured yet as a figure: 213503982334-14:25:51 (24.11)."""
_Number = TypeVar("_Number", int, float)


def usage_command(jobs: Sequence[str]) -> list[str]:
    """The command that asks the nodes of these jobs; each job is a round trip to its nodes."""
    return ["sstat", "--allsteps", "--noheader", "--parsable2", "--noconvert",
            "--format=" + ",".join(_FIELDS), "--jobs=" + ",".join(map(checked, jobs))]  # fmt: skip


def parse_usage(text: str, at: int) -> list[Usage]:
    """Usage a job, its steps added up; steps without figures and doubles are left out.

    Asked for a task of an array by its label, sstat answers with all of that array's tasks.
    """
    steps: dict[str, tuple[int | None, int | None, float | None]] = {}
    for line in text.split("\n"):
        words = line.split("|")
        if len(words) == len(_FIELDS):
            steps[words[0]] = _step(*words[1:5])
    figures: dict[int, list[tuple[int | None, int | None, float | None]]] = {}
    for name, step in steps.items():
        job_id = name.partition(".")[0]
        if job_id.isdigit() and any(value is not None for value in step):
            figures.setdefault(int(job_id), []).append(step)
    return [
        Usage(
            job_id=job_id,
            at=at,
            memory_bytes=_total(memory for memory, _, _ in of_job),
            memory_peak_bytes=max((p for _, p, _ in of_job if p is not None), default=None),
            cpu_time_s=_total(cpu for _, _, cpu in of_job),
        )
        for job_id, of_job in figures.items()
    ]


def parse_gpu_use(text: str) -> dict[int, GpuUse]:
    """What Slurm measured of the GPUs of each job, its steps added up."""
    steps: dict[str, GpuUse] = {}
    for line in text.split("\n"):
        words = line.split("|")
        if len(words) == len(_FIELDS):
            steps[words[0]] = gpu_use_of(words[-1])
    of_job: dict[int, list[GpuUse]] = {}
    for name, use in steps.items():
        job_id = name.partition(".")[0]
        if job_id.isdigit():
            of_job.setdefault(int(job_id), []).append(use)
    return {job_id: added_up(uses) for job_id, uses in of_job.items()}


def _step(
    tasks: str, average_rss: str, peak: str, average_cpu: str
) -> tuple[int | None, int | None, float | None]:
    """Memory of all tasks, peak of one task, CPU time of all tasks."""
    try:
        count = parse_count(tasks) or 1
        memory, most = _measured(parse_size(average_rss)), _measured(parse_size(peak))
        cpu = parse_cpu_time(average_cpu)
        return (
            memory * count if memory else None,
            most,
            cpu * count if cpu is not None and cpu < _NO_CPU_TIME_S else None,
        )
    except ValueError:
        return None, None, None


def _measured(size_bytes: int | None) -> int | None:
    """A memory figure; no task has no memory, so 0 is a step that was not measured yet."""
    return size_bytes if size_bytes and size_bytes < _NO_SIZE else None


def _total(values: Iterable[_Number | None]) -> _Number | None:
    known = [value for value in values if value is not None]
    return sum(known[1:], known[0]) if known else None
