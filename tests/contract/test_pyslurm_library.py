"""What only the pyslurm backend can get wrong: its own readings, forks, its library.

Own jobs are read through squeue, so the other contract tests see little of pyslurm's records; here
everything is read with ``Scope.ALL`` and compared with squeue, field by field.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.commands.backend import CommandsBackend
from jobshape.app.backends.pyslurm.backend import PyslurmBackend, why_not
from jobshape.app.domain.job import Job

from .conftest import WHICH, Site
from .test_backend import NASTY

pytestmark = pytest.mark.skipif(WHICH != "pyslurm", reason="only of the pyslurm backend")

Records = dict[int, dict[str, Any]]


def in_child(work: Callable[[], Any], deadline_s: float = 20) -> Any:
    """What work gives, as JSON, from a forked child; fails if that hangs or crashes."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write_fd, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(write_fd)
    deadline = time.monotonic() + deadline_s
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        assert time.monotonic() < deadline, "the child hangs"
        time.sleep(0.01)
    with os.fdopen(read_fd) as pipe:
        return json.loads(pipe.read())


def zoo(site: Site) -> list[str]:
    """Jobs of every kind that is easy to have, some held, some running, some ended."""
    held, smoke = "--hold", "--partition=smoke"
    runs = site.sbatch(smoke, "--nodes=2", "--ntasks=3", "--job-name=runs")
    array = site.sbatch(smoke, "--array=0-6%2")
    jobs = [
        runs,
        array,
        site.sbatch(held, "--array=0,2,4,6-20:3,30-400:2%3"),
        site.sbatch(held, "--array=5"),
        site.sbatch("--partition=main,smoke", "--begin=now+1hour", "--constraint=cpu|busy"),
        site.sbatch(held, "--time=UNLIMITED", "--nice=50", "--exclusive"),
        site.sbatch(held, "--mem=0"),
        site.sbatch(f"--dependency=afterok:{runs}:{array},afterany:{runs}"),
        site.sbatch(f"--dependency=afternotok:{runs}?afterok:{array}_3"),
        site.sbatch("--dependency=singleton", "--job-name=runs"),
        site.sbatch(f"--dependency=after:{runs}+5"),
        site.sbatch("--partition=gpu", "--gres=gpu:a100:2", held),
        site.sbatch("--partition=gpu", "--gpus=3", held),
        site.sbatch("--partition=gpu", "--gpus-per-task=1", "--ntasks=2", held),
        site.sbatch("--partition=gpu", "--gpus=1"),
        site.sbatch(held, "--nodes=1-3", "--ntasks-per-node=2", "--cpus-per-task=2"),
        site.sbatch(held, "--account=physics", "--qos=high", "--requeue"),
        site.sbatch(smoke, script="#!/bin/sh\nexit 3\n"),
        site.sbatch(smoke, script="#!/bin/sh\nexit 139\n"),
        site.sbatch(smoke, script="#!/bin/sh\nkill -9 $$\n"),
        site.sbatch(smoke, script="#!/bin/sh\nexec python3 -c 'bytearray(300 << 20)'\n"),
        site.sbatch(held, script="#!/bin/sh\n#SBATCH hetjob\n#SBATCH --mem=70 -n2\nsleep 9\n"),
        site.sbatch(held, "--job-name=None", "--comment=x", "--mem=1536"),
        site.sbatch(held, "--job-name="),
        site.sbatch(
            held, os.fsdecode(b"--job-name=caf\xe9"), os.fsdecode(b"--comment=\xff|\n\xfe")
        ),
    ]
    for number, text in enumerate(NASTY.values()):
        jobs.append(site.submit(name=text, comment=text, hold=True, memory_bytes=number + 1 << 24))
    cancelled, requeued = site.sbatch(held), site.sbatch(smoke)
    site.wait(requeued, "RUNNING")
    subprocess.run(["scancel", cancelled], check=True)
    subprocess.run(["scontrol", "requeue", requeued], check=True)
    return [*jobs, cancelled, requeued]


def records(backend: PyslurmBackend | CommandsBackend, jobs: set[int]) -> dict[int, Job]:
    reading = backend.queue(Scope.ALL)
    assert not reading.unread
    return {
        job.job_id: job
        for job in reading.jobs
        if jobs & {job.job_id, job.array_job_id, job.het_job_id}
    }


def test_reads_every_kind_of_job_as_squeue_does(site: Site) -> None:
    assert isinstance(site.backend, PyslurmBackend)
    commands = CommandsBackend()
    jobs = {int(job) for job in zoo(site)}

    def differences() -> tuple[int, list[tuple[int, str, Any, Any]]]:
        before, ours, after = (records(b, jobs) for b in (commands, site.backend, commands))
        still = {job_id for job_id, job in before.items() if after.get(job_id) == job}
        return len(still), [
            (job_id, field, getattr(ours[job_id], field), getattr(before[job_id], field))
            for job_id in still
            for field in Job._fields
            if getattr(ours[job_id], field) != getattr(before[job_id], field)
        ]

    deadline = time.monotonic() + 20  # while some of them run, end and start again
    while time.monotonic() < deadline:
        compared, found = differences()
        assert compared > len(jobs) / 2
        assert not found
        time.sleep(2)
    ours = records(site.backend, jobs)
    assert {"139:0", "3:0", "0:9", "0:125"} <= {job.exit_code for job in ours.values()}
    assert site.backend.queue(Scope.ALL).source.startswith("pyslurm ")


def test_nodes_and_partitions_as_scontrol_does(site: Site) -> None:
    site.wait(site.submit(partition="gpu", gpus="a100:1"), "RUNNING")
    commands = CommandsBackend()
    moving = {"cpu_load": None, "memory_free_bytes": None}

    def still() -> list[Any]:
        return [node._replace(**moving) for node in site.backend.nodes()]

    theirs = [node._replace(**moving) for node in commands.nodes()]
    site.until(still, lambda ours: sorted(ours) == sorted(theirs), timeout_s=5)
    assert sorted(site.backend.partitions()) == sorted(commands.partitions())


def test_usage_as_sstat_does(site: Site) -> None:
    job = site.submit("#!/bin/sh\nexec python3 -c 'b=bytearray(30<<20)\nwhile True: b[0]=1'\n")
    site.wait(job, "RUNNING")
    ours, theirs = site.until(
        lambda: (site.backend.usage([job]), CommandsBackend().usage([job])),
        lambda both: all(found and (found[0].memory_bytes or 0) > 30 << 20 for found in both),
    )
    assert ours[0].memory_bytes == theirs[0].memory_bytes
    assert ours[0].memory_peak_bytes == theirs[0].memory_peak_bytes


def test_forks_can_read_before_and_after_it_is_loaded(site: Site) -> None:
    job = int(site.submit(hold=True))

    def count(backend: PyslurmBackend) -> list[int]:
        return [job in {j.job_id for j in backend.queue(s).jobs} for s in (Scope.ALL, Scope.MINE)]

    backend = PyslurmBackend()
    assert in_child(lambda: count(backend)) == [True, True]
    backend.load()
    for _ in range(5):
        assert in_child(lambda: count(backend)) == [True, True]
    assert in_child(lambda: len(backend.nodes())) == len(backend.nodes())


def test_own_jobs_do_not_load_it() -> None:
    code = (
        "import sys; from jobshape.app.backends.pyslurm.backend import PyslurmBackend;"
        "from jobshape.app.backends.base import Scope; b = PyslurmBackend(); b.queue(Scope.MINE);"
        "print('pyslurm' in sys.modules, b.calls.get('REQUEST_JOB_INFO'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "None"]


def test_cost_is_counted_and_a_submitted_job_inherits_nothing(site: Site) -> None:
    before = dict(site.backend.calls)
    site.backend.queue(Scope.ALL)
    assert site.backend.calls["REQUEST_JOB_INFO"] == before.get("REQUEST_JOB_INFO", 0) + 1
    job = site.submit("#!/bin/sh\nenv\n")
    site.wait(job, "COMPLETED")
    assert "SLURM_BITSTR_LEN" not in (site.folder / f"out-{job}").read_text()


def test_says_why_it_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("conf")
    assert why_not() is None
    monkeypatch.setenv("SLURM_CONF", str(folder / "missing"))
    assert "does not exist" in (why_not() or "")
    (folder / "slurm.conf").write_text("ClusterName=x\nNoSuchThing=1\n")
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    assert "NoSuchThing" in (why_not() or "")
    monkeypatch.delenv("SLURM_CONF")
    (folder / "pyslurm.py").write_text("raise ImportError('libslurm.so.1: cannot open it')\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    assert "libslurm.so.1: cannot open it" in (why_not() or "")
    (folder / "pyslurm.py").write_text("import os\nos.abort()\n")
    assert "crashes" in (why_not() or "")
