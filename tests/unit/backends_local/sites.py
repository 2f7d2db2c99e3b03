"""Local sites for tests: each in a folder of its own, its supervisor ended with the test."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from jobshape.app.backends.base import Scope
from jobshape.app.backends.local import launch
from jobshape.app.backends.local.backend import LocalBackend
from jobshape.app.backends.local.cgroup import find_base
from jobshape.app.backends.local.config import LocalPartition, LocalSite
from jobshape.app.backends.local.folder import SiteFolder
from jobshape.app.backends.local.record import LocalJob
from jobshape.app.backends.local.store import Store
from jobshape.app.domain.job import Job
from jobshape.app.domain.request import SubmitRequest

MIB = 1 << 20
GIB = 1 << 30


class TestSite:
    """A local site and its backend."""

    __test__ = False

    def __init__(self, folder: Path, **settings: object) -> None:
        self.work = folder
        self.site = LocalSite(**{  # type: ignore[arg-type]
            "folder": str(folder / "site"), "cpus": 4, "memory_bytes": 4 * GIB, "gpus": "none",
            "partitions": (LocalPartition("main", time_limit_s=86400,
                                          default_memory_bytes=64 * MIB),
                           LocalPartition("smoke", time_limit_s=600, head_start_s=4 * 3600,
                                          default_memory_bytes=64 * MIB)),
            "kill_wait_s": 1.0, **settings,
        })  # fmt: skip
        self.folder = SiteFolder(self.site.folder)
        self.backend = LocalBackend(self.site)

    def submit(self, script: str, **fields: object) -> str:
        """Submit; the script may leave its first line out."""
        text = script if script.startswith("#!") else f"#!/bin/sh\n{script}\n"
        given: dict[str, object] = {"work_dir": str(self.work), **fields}
        return str(self.backend.submit(SubmitRequest(text, **given)))  # type: ignore[arg-type]

    def record(self, job: str) -> Job:
        """The record of the queue with this id or label."""
        jobs = self.backend.queue(Scope.MINE).jobs
        return next(one for one in jobs if job in (str(one.job_id), one.label))

    def wait(self, job: str, *states: str, timeout_s: float = 20) -> Job:
        """Wait until a job is in one of these states."""
        return until(lambda: self.record(job), lambda found: found.state in states, timeout_s)

    def output(self, job: str) -> str:
        """What a job without output options wrote."""
        return (self.work / f"slurm-{job}.out").read_text()

    def row(self, job: str) -> LocalJob:
        """Its row in the database."""
        store = Store.to_read(self.folder.database)
        assert store
        try:
            row = store.job(int(job))
        finally:
            store.close()
        assert row
        return row

    def supervisor(self) -> int | None:
        """Its pid, if it runs."""
        return launch.running_pid(self.folder)

    def groups(self) -> list[str]:
        """Control groups of its jobs that are there."""
        base = find_base()
        store = Store.to_read(self.folder.database)
        assert store
        site_id = store.fact("site")
        store.close()
        return [path.name for path in base.path.glob(f"jobshape_{site_id}_*")] if base else []

    def kill_supervisor(self) -> None:
        """Kill -9; its jobs go on."""
        pid = self.supervisor()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            assert launch.wait_until_gone(self.folder, 5)

    def end(self) -> None:
        """End everything."""
        from jobshape.app.backends.local.supervisor import stop_supervisor

        stop_supervisor(self.site.folder, kill_jobs=True)


Thing = TypeVar("Thing")


def until(read: Callable[[], Thing], good: Callable[[Thing], bool], timeout_s: float = 20) -> Thing:
    """Read again and again until it is good."""
    deadline = time.monotonic() + timeout_s
    while True:
        thing = read()
        if good(thing):
            return thing
        assert time.monotonic() < deadline, f"still {thing} after {timeout_s} s"
        time.sleep(0.03)


def recorded_gpus(path: Path, count: int, *, used: dict[int, int] | None = None,
                  names: tuple[str, ...] = ("NVIDIA A100-SXM4-80GB",)) -> str:  # fmt: skip
    """A recorded NVML with this many GPUs; ``used``: bytes in use by number."""
    gpus = [
        {"name": names[number % len(names)], "memory_bytes": 80 * GIB,
         "used_bytes": (used or {}).get(number, 0), "utilisation_percent": 40}
        for number in range(count)
    ]  # fmt: skip
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps({"gpus": gpus}))
    draft.replace(path)
    return str(path)
