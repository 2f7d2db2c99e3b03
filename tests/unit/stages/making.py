"""Finished runs for the tests of the stages."""

from __future__ import annotations

from typing import Any

from jobshape.app.domain.job import NO_JOB, AccountedJob, Job
from jobshape.app.domain.past import PastJob

NOW, MINUTE, HOUR, GIB = 1_800_000_000, 60, 3600, 1024**3


def job(job_id: int, state: str, **fields: Any) -> Job:
    base: dict[str, Any] = {
        "name": f"train-{job_id}", "stage": "training", "user": "alice", "partition": "gpu",
        "nodes": 1, "tasks": 1, "cpus": 4, "memory_bytes": 16 * GIB, "gpus": 0,
        "time_limit_s": 4 * HOUR, "submit_time": NOW - 10 * HOUR,
    }  # fmt: skip
    base |= fields
    base.setdefault("eligible_time", base["submit_time"])
    return NO_JOB._replace(job_id=job_id, state=state, **base)


def run(
    job_id: int, state: str = "COMPLETED", *, start: int = NOW - 5 * HOUR, ran_s: int = HOUR,
    waited_s: int = 0, rss: float | None = None, cpu_s: float | None = None,
    gpu: float | None = None, finding: str = "", resubmitted_from: int | None = None,
    **fields: Any,
) -> PastJob:  # fmt: skip
    """A run; rss in GiB."""
    fields.setdefault("submit_time", start - waited_s)
    record = job(job_id, state, start_time=start, end_time=start + ran_s, **fields)
    used = AccountedJob(
        record, ran_s, cpu_s, None if rss is None else int(rss * GIB), "", gpu
    )  # fmt: skip
    return PastJob("alpha", used, start + ran_s, finding, resubmitted_from=resubmitted_from)
