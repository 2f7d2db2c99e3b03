"""Live usage of running jobs from ``pyslurm.JobStep`` statistics."""

from collections.abc import Iterable
from typing import Any

from jobshape.app.domain.job import Usage


def read_usage(job_id: int, at: int, steps: Iterable[Any]) -> Usage | None:
    """What the steps, their stats loaded, use together; None if none has figures.

    pyslurm says 0 where a node did not answer or has not measured yet, so 0 bytes are no figure.
    """
    measured = [step for step in steps if step.stats.max_resident_memory]
    if not measured:
        return None
    return Usage(
        job_id=job_id,
        at=at,
        memory_bytes=sum(step.stats.avg_resident_memory * step.ntasks for step in measured),
        memory_peak_bytes=max(step.stats.max_resident_memory for step in measured),
        cpu_time_s=float(sum(step.stats.total_cpu_time for step in measured)),
    )
