"""A history of its own, and jobs to put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.domain.job import NO_JOB, AccountedJob, Job
from jobshape.app.history.history import History

NOW = 1_800_000_000


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


def job(job_id: int, state: str = "COMPLETED", **fields: Any) -> Job:
    known: dict[str, Any] = {
        "name": f"train_{job_id}", "user": "alice", "partition": "gpu", "stage": "training",
        "submit_time": NOW - 1000,
    }  # fmt: skip
    if state not in ("PENDING",):
        known["start_time"] = NOW - 900
    if state not in ("PENDING", "RUNNING"):
        known["end_time"] = NOW - 100
    return NO_JOB._replace(**{**known, "job_id": job_id, "state": state, **fields})


def used(job: Job, **figures: Any) -> AccountedJob:
    known = {"elapsed_s": 800, "total_cpu_s": 1500.5, "max_rss_bytes": 1 << 30}
    return AccountedJob(job, **{**known, "derived_exit_code": "0:0", **figures})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.db"


@pytest.fixture
def history(path: Path, clock: Clock) -> Iterator[History]:
    with History.to_write(path, clock=clock) as opened:
        yield opened


@pytest.fixture
def seen(history: History) -> Callable[..., None]:
    """Record what the queue says of jobs of the site ``box``."""

    def record(*jobs: Job) -> None:
        history.record_jobs("box", jobs, from_queue=True)

    return record
