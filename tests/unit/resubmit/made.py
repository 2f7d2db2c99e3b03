"""Jobs, findings and runs for the tests of resubmission."""

from __future__ import annotations

from typing import Any

from jobshape.app.domain.finding import HIGH, Evidence, Finding
from jobshape.app.domain.job import NO_JOB, AccountedJob, Job
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.site import Node
from jobshape.app.domain.units import GIB

NOW = 1_700_000_000


def job(job_id: int = 7, state: str = "FAILED", **more: Any) -> Job:
    known: dict[str, Any] = {
        "job_id": job_id, "state": state, "exit_code": "1:0", "name": "train", "user": "me",
        "partition": "main", "memory_bytes": 4 * GIB, "nodes": 1, "node_list": "n1",
        "time_limit_s": 3600, "submit_time": NOW, "start_time": NOW, "end_time": NOW + 600,
    }  # fmt: skip
    return NO_JOB._replace(**{**known, **more})


def task(array: int, number: int, state: str = "FAILED", **more: Any) -> Job:
    return job(array * 10_000 + number, state, array_job_id=array, array_task_id=number, **more)


def finding(label: str, fix: str, retry: str = "no", text: str = "") -> Finding:
    lines = (Evidence("log", "", 1, text),) if text else ()
    return Finding(label, 0.9, HIGH, label.replace("_", " "), "", "", fix, retry, lines, "")


def run(peak: int | None = None, elapsed_s: int | None = None, state: str = "COMPLETED") -> PastJob:
    return PastJob("here", AccountedJob(job(1, state), elapsed_s, None, peak, ""), NOW)


def node(name: str, memory: int, *partitions: str) -> Node:
    return Node(name, "IDLE", "", partitions, 8, 0, 0.0, memory, 0, memory, 0, 0, "", "")
