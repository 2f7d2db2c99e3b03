"""A backend for tests of the collector itself: it does what a file tells it to.

The file (PRETEND_SITE) holds JSON: ``jobs`` (number) or ``ids`` -> state, and ``mode`` (or
``modes``, by call): ok, hang, slow, crash, exit, raise, refuse; ``call_ms``: what
the controller says a call costs; ``accounted``: id -> state, all ended just now; ``ended``: id ->
how many days ago it did, by accounting. Each call adds a line to PRETEND_SITE.calls.
"""

import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobshape.app.backends.base import (
    Capabilities,
    Capability,
    ControllerCost,
    JobDetail,
    QueueReading,
    Scope,
)
from jobshape.app.domain.errors import NotSupported, Refused
from jobshape.app.domain.job import NO_JOB, AccountedJob, Job, Usage
from jobshape.app.domain.limits import Association, Limits, SiteLimits
from jobshape.app.domain.request import JobChanges, JobRequest, SubmitRequest
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.states import is_finished


def job(job_id: int, state: str = "RUNNING", **fields: Any) -> Job:
    end = 0 if state in ("RUNNING", "PENDING") else int(time.time())
    known = {"name": f"train {job_id}", "user": "alice", "partition": "gpu", "end_time": end}
    return NO_JOB._replace(**{**known, "job_id": job_id, "state": state, **fields})


class PretendSite:
    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self._file = Path(os.environ["PRETEND_SITE"])

    def _asked(self, what: str) -> dict[str, Any]:
        with Path(f"{self._file}.calls").open("a") as calls:
            calls.write(f"{what} {os.getpid()}\n")
        told: dict[str, Any] = json.loads(self._file.read_text())
        self.calls[f"REQUEST_{what.upper()}"] = self.calls.get(f"REQUEST_{what.upper()}", 0) + 1
        match told.get("modes", {}).get(what, told.get("mode", "ok")):
            case "hang":
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                while True:
                    time.sleep(60)
            case "slow":
                time.sleep(60)
            case "crash":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "exit":
                os._exit(3)
            case "raise":
                raise ValueError("unexpected \x1b[31mthing")
            case "refuse":
                raise Refused("Access/permission denied", where="slurmctld", hint="ask alice")
        return told

    def capabilities(self) -> Capabilities:
        self._asked("capabilities")
        told = json.loads(self._file.read_text())
        has_accounting = Capability("accounting" not in told.get("without", ()), "no slurmdbd")
        features = {"accounting": has_accounting, "usage": Capability(False, "no", "turn it on")}
        return Capabilities("pretend", "a file", "box", "slurm 1", "alice", ("a", "b"), features)

    def queue(self, scope: Scope, first: object = None) -> QueueReading:
        told = self._asked("queue")
        time.sleep(told.get("call_ms", 0.0) / 1000)
        jobs = [job(i) for i in range(1, told.get("jobs", 0) + 1)]
        jobs += [job(int(i), state) for i, state in told.get("ids", {}).items()]
        if scope is not Scope.MINE:
            jobs.append(job(999_999, user="bob"))
        return QueueReading(jobs, ("odd line",), "a file")

    def pulse(self) -> str:
        told = self._asked("pulse")
        if "pulse" not in told:
            raise NotSupported("no pulse")
        return str(told["pulse"])

    def nodes(self) -> list[Node]:
        self._asked("nodes")
        return [
            Node(f"n{i}", "IDLE", "", ("gpu",), 4, 0, 0.5, 1 << 30, 0, None, 2, 0, "a100:2", "")
            for i in range(3)
        ]

    def partitions(self) -> list[Partition]:
        self._asked("partitions")
        return [Partition("gpu", "UP", True, 3, 12, -1, None, 1, "", "", "", "")]

    def usage(self, jobs: Sequence[str], *, probe: bool = True) -> list[Usage]:
        self._asked("usage")
        return [Usage(int(i), 1, 2, 3, 4.5) for i in jobs]

    def accounting(
        self,
        scope: Scope,
        since: int,
        until: int | None = None,
        jobs: Sequence[str] = (),
        *,
        ended: bool = False,
    ) -> list[AccountedJob]:
        told = self._asked("accounting")
        if "ended" in told:
            now = time.time()
            ends = {int(i): int(now - days * 86400) for i, days in told["ended"].items()}
            return [
                AccountedJob(job(i, "FAILED", end_time=end, start_time=end - 9), 9, 1.0, 7, "0:0")
                for i, end in ends.items()
                if since <= end <= (until or now)
            ]
        if "accounted" not in told:
            raise NotSupported("no slurmdbd")
        states = {int(i): state for i, state in told["accounted"].items()}
        return [
            AccountedJob(job(i, state), 1, 1.0, 1, "0:0")
            for i, state in states.items()
            if (not jobs or str(i) in jobs) and (not ended or is_finished(state))
        ]

    def detail(self, job: str) -> JobDetail:
        told = self._asked("detail")
        return JobDetail(int(job), (("Job", (("Text", "x" * told.get("huge", 1)),)),))

    def submit(self, request: SubmitRequest) -> int:
        self._asked("submit")
        return len(request.script)

    def cancel(self, job: str, *, signal: str | None = None) -> None:
        self._asked("cancel")

    def update(self, job: str, changes: JobChanges) -> None:
        self._asked("update")

    def top(self, job: str) -> None:
        self._asked("top")

    def suspend(self, job: str) -> None:
        self._asked("suspend")

    def resume(self, job: str) -> None:
        self._asked("resume")

    def request_of(self, job: str) -> JobRequest:
        self._asked("request_of")
        shape = JobShape(partition="gpu", tasks=2, memory_bytes=1 << 30, array="0-9%2")
        return JobRequest(job, shape, name=f"train {job}", arguments=("a b",))

    def limits(self) -> SiteLimits:
        self._asked("limits")
        most = Limits("gpu", time_limit_s=3600, refuses=False)
        return SiteLimits((most,), (), (Association("a", qos=("normal",)),), "a", "no QOS")

    def controller_cost(self) -> ControllerCost:
        told = self._asked("cost")
        kinds = ("queue", "nodes", "partitions", "usage")
        return ControllerCost(
            {f"REQUEST_{k.upper()}": (1, told.get("call_ms", 0.0)) for k in kinds}
        )
