"""Both Slurm backends say the same of the same cluster, field by field."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

import pytest
from jobshape.app.backends.base import Backend, Scope
from jobshape.app.domain.job import Job
from jobshape.app.domain.site import Node, Partition

from .conftest import Site, make_backend

Record = TypeVar("Record", Job, Node, Partition)


@pytest.fixture(scope="module")
def commands() -> Backend:
    return make_backend("commands")


@pytest.fixture
def many_kinds(site: Site) -> dict[str, str]:
    """Jobs of many kinds, most of which stay as they are for a while; kind -> id."""
    het = "#!/bin/sh\n#SBATCH --mem=60\n#SBATCH hetjob\n#SBATCH --mem=70 -n2\nsleep 100\n"
    held = site.submit(hold=True, name="a|b\nc [b] ü", comment="x\n" * 500)
    jobs = {
        "held": held,
        "not utf-8": site.sbatch("--hold", "--job-name=\udcff\udcfe", "--comment=\udce4"),
        "dependent": site.submit(dependency=f"afterok:{held},afterany:{held}"),
        "either": site.submit(dependency=f"afterok:{held}?afternotok:{held}"),
        "array": site.submit(array="1-500:3%20", hold=True),
        "long array": site.submit(array=",".join(str(n * n) for n in range(80)), hold=True),
        "started array": site.submit(array="0-3%1"),
        "het": site.sbatch("--hold", script=het),
        "running het": site.sbatch(script=het),
        "gpus": site.submit(partition="gpu", gpus="a100:1", cpus_per_task=2),
        "waits for gpus": site.submit(partition="gpu", gpus="2", hold=True, tasks=2, nodes=1),
        "two partitions": site.submit(partition="main,smoke", hold=True),
        "two nodes": site.submit(nodes=2, tasks=4, memory_bytes=70 << 20),
        "wants features": site.sbatch("--hold", "--constraint=busy&cpu"),
        "too long": site.submit(partition="smoke", time_limit_s=3600),
        "endless": site.sbatch("--time=UNLIMITED"),
        "per cpu": site.sbatch("--hold", "--mem-per-cpu=100", "--cpus-per-task=3", mem=None),
        "by gpu": site.sbatch(
            "--hold", "--partition=gpu", "--gpus=3", "--mem-per-gpu=100", mem=None
        ),
        "later": site.sbatch("--begin=now+1hour", "--deadline=now+3hours"),
        "exclusive": site.sbatch("--exclusive", "--hold", "--nodes=1-2"),
        "done": site.submit("#!/bin/sh\ntrue\n"),
        "failed": site.submit("#!/bin/sh\nexit 7\n"),
        "killed": site.submit("#!/bin/sh\nkill -9 $$\n"),
        "cancelled waiting": site.submit(hold=True),
        "requeued": site.submit(),
    }
    site.wait(jobs["requeued"], "RUNNING")
    site.backend.requeue(jobs["requeued"])
    site.backend.cancel(jobs["cancelled waiting"])
    site.wait(jobs["gpus"], "RUNNING")
    for kind in ("failed", "killed"):
        site.wait(jobs[kind], "FAILED")
    return jobs


def test_queue(site: Site, commands: Backend, many_kinds: dict[str, str]) -> None:
    def read(backend: Backend) -> list[Job]:
        reading = backend.queue(Scope.ALL)
        assert not reading.unread
        return sorted(reading.jobs)

    ours, theirs = read_together(lambda: read(commands), lambda: read(site.backend))
    assert {int(job) for job in many_kinds.values()} <= {job.job_id for job in ours}
    assert differences(ours, theirs) == []


def test_nodes(site: Site, commands: Backend, many_kinds: dict[str, str]) -> None:
    ours, theirs = read_together(commands.nodes, site.backend.nodes)
    assert any(node.gpus_allocated for node in ours)
    assert differences(ours, theirs) == []


def test_partitions(backend: Backend, commands: Backend) -> None:
    ours, theirs = read_together(commands.partitions, backend.partitions)
    assert ours
    assert differences(ours, theirs) == []


def read_together(
    ours: Callable[[], Iterable[Record]], theirs: Callable[[], Iterable[Record]]
) -> tuple[list[Record], list[Record]]:
    """Both readings of one moment: ours before and after theirs are equal."""
    for _ in range(60):
        before, other, after = list(ours()), list(theirs()), list(ours())
        if before == after:
            return before, other
    pytest.fail("the cluster never stood still for three readings")


def differences(ours: Iterable[NamedTuple], theirs: Iterable[NamedTuple]) -> list[str]:
    """Where two lists of records differ, by their first field; empty if nowhere."""
    first = {record[0]: record._asdict() for record in ours}
    second = {record[0]: record._asdict() for record in theirs}
    found = [f"only one has {key}" for key in sorted(first.keys() ^ second.keys())]
    for key in sorted(first.keys() & second.keys()):
        found += [
            f"{key}.{field}: {value!r} and {second[key][field]!r}"
            for field, value in first[key].items()
            if value != second[key][field]
        ]
    return found
