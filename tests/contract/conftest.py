"""The contract tests, with JOBSHAPE_BACKEND naming the backend; without it, on the local site.

tests/cluster/test_contract.py runs them in every box, as a user of a real cluster.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from jobshape.app.backends.base import Backend, Scope
from jobshape.app.domain.job import NO_JOB, AccountedJob, Job
from jobshape.app.domain.request import SubmitRequest

from .sites import BOX, THIS_MACHINE, end_local, local_backend

WHICH = os.environ.get("JOBSHAPE_BACKEND") or "local"
FACTS = THIS_MACHINE if WHICH == "local" else BOX
ONLY_FOR = {
    "test_agreement.py": "pyslurm",
    "test_commands_trouble.py": "commands",
    "test_pyslurm_library.py": "pyslurm",
}
collect_ignore = [name for name, which in ONLY_FOR.items() if which != WHICH]

Thing = TypeVar("Thing")
SLEEP = "#!/bin/sh\nsleep 300\n"


def make_backend(which: str) -> Backend:
    """A backend by the name that JOBSHAPE_BACKEND may have."""
    if which == "pyslurm":
        from jobshape.app.backends.pyslurm.backend import PyslurmBackend

        return PyslurmBackend()
    from jobshape.app.backends.commands.backend import CommandsBackend

    return CommandsBackend(ssh_host="login" if which == "commands-ssh" else None)


class Site:
    """A backend, and the jobs that a test puts there; they are cancelled at its end."""

    def __init__(self, backend: Backend, folder: Path) -> None:
        self.backend = backend
        self.folder = folder
        self.facts = FACTS
        self._mine: list[str] = []

    def submit(self, script: str = SLEEP, **fields: object) -> str:
        """Submit a small job that writes into the test's folder, unless the fields say else."""
        small: dict[str, object] = {
            "name": "contract", "memory_bytes": 60 << 20, "time_limit_s": 300,
            "work_dir": str(self.folder), "stdout": f"{self.folder}/out-%j",
        }  # fmt: skip
        request = SubmitRequest(script=script, **{**small, **fields})  # type: ignore[arg-type]
        return self.adopt(str(self.backend.submit(request)))

    def sbatch(self, *options: str, script: str = SLEEP, mem: str | None = "60") -> str:
        """Submit with sbatch itself, for what no request of ours can say."""
        fixed = ["--time=5"] if mem is None else ["--time=5", f"--mem={mem}"]
        return self.adopt(self.facts.sbatch(self.backend, self.folder, script, [*fixed, *options]))

    def adopt(self, job: str) -> str:
        """Cancel this job, too, at the end."""
        self._mine.append(job)
        return job

    def records(self, job: str) -> list[Job]:
        """Records of the queue that belong to a job, an array or a het job."""
        number = int(job)
        return [
            record for record in self.backend.queue(Scope.MINE).jobs
            if number in (record.job_id, record.array_job_id, record.het_job_id)
        ]  # fmt: skip

    def record(self, job: str) -> Job:
        """The one record with this label or id."""
        jobs = self.backend.queue(Scope.MINE).jobs
        (found,) = [record for record in jobs if job in (record.label, str(record.job_id))]
        return found

    def wait(self, job: str, *states: str, timeout_s: float = 40) -> Job:
        """Wait until the job is in one of these states."""

        def read() -> Job:
            whole = re.split("[_+]", job)[0]
            found = [j for j in self.records(whole) if job in (j.label, str(j.job_id))]
            return found[0] if found else NO_JOB

        return self.until(read, lambda record: record.state in states, timeout_s)

    def until(
        self, read: Callable[[], Thing], good: Callable[[Thing], bool], timeout_s: float = 40
    ) -> Thing:
        """Read again and again until it is good."""
        deadline = time.monotonic() + timeout_s
        while True:
            thing = read()
            if good(thing):
                return thing
            assert time.monotonic() < deadline, f"still {thing} after {timeout_s} s"
            time.sleep(0.3)

    def accounted(self, job: str, *states: str) -> AccountedJob:
        """Wait until accounting has the job in one of these states with its steps."""

        def read() -> list[AccountedJob]:
            since = int(time.time()) - 3600
            return self.backend.accounting(Scope.MINE, since, jobs=[job])

        found = self.until(read, lambda jobs: bool(jobs) and jobs[0].job.state in states)
        return found[0]

    def clean(self) -> None:
        """Cancel what was submitted."""
        if self._mine:
            self.facts.cancel(self.backend, self._mine)


@pytest.fixture(scope="session")
def backend(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    if WHICH != "local":
        yield make_backend(WHICH)
        return
    folder = tmp_path_factory.mktemp("local")
    try:
        yield local_backend(folder)
    finally:
        end_local(folder)


@pytest.fixture
def site(backend: Backend, tmp_path: Path) -> Iterator[Site]:
    tmp_path.chmod(0o755)
    site = Site(backend, tmp_path)
    yield site
    site.clean()


@pytest.fixture(scope="session")
def ended(backend: Backend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Jobs that came to different ends, by how; they run while the other tests do."""
    site = Site(backend, tmp_path_factory.mktemp("ended"))
    hungry = "import time; b=bytearray(45 << 20); time.sleep(5); b.extend(bytes(200 << 20))"
    jobs = {
        "out of memory": site.submit(f'#!/bin/sh\nexec python3 -c "{hungry}"\n'),
        "failed": site.submit("#!/bin/sh\nexit 3\n", name="ends\nbadly | [b]", comment="ü\n|"),
        "cancelled": site.submit(),
        "done": site.submit("#!/bin/sh\necho done\n", stdout=f"{site.folder}/%x-%j.log"),
    }
    site.wait(jobs["cancelled"], "RUNNING")
    time.sleep(2)  # long enough for a sample of its memory
    backend.cancel(jobs["cancelled"])
    yield jobs
    site.clean()
