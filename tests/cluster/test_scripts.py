"""The example scripts of the unit tests, as a real sbatch reads them."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest
from box.box import Box
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.tres import parse_tres, tres_gpus
from jobshape.app.domain.units import GIB, MIB, parse_duration, parse_size
from jobshape.app.scripts.directives import read_script
from jobshape.app.scripts.shape import shape_of
from jobshape.app.scripts.surgery import with_shape

OF_THE_SITE = re.compile(
    r"Invalid account|Invalid feature|Requested node configuration is not available"
    r"|Memory specification can not be satisfied|Requested time limit is invalid"
    r"|Job violates accounting/QOS policy"
)
"""What the box says of a job that it understood and does not take."""


def examples() -> ModuleType:
    path = Path(__file__).parents[1] / "unit" / "scripts" / "examples.py"
    spec = importlib.util.spec_from_file_location("script_examples", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def submitted(box: Box, text: str) -> list[dict[str, str]] | str:
    """What Slurm holds of a held job, a record for each component; its words if it refused it."""
    done = box.run(["sbatch", "--hold", "--parsable"], input=text, check=False)
    if done.returncode:
        return done.stderr
    job = done.stdout.strip()
    try:
        records = box.run(["scontrol", "show", "job", job]).stdout.strip().split("\n\n")
    finally:
        box.run(["scancel", job])
    found = [dict(word.split("=", 1) for word in one.split() if "=" in word) for one in records]
    return sorted(found, key=lambda one: int(one.get("HetJobOffset", "0")))


def check(shape: JobShape, job: dict[str, str]) -> None:
    """Everything that the shape says is what Slurm holds."""
    tres = parse_tres(job["ReqTRES"])
    nodes = int(job["NumNodes"].partition("-")[0])
    if shape.partition:
        assert job["Partition"] == shape.partition
    if shape.nodes:
        assert nodes == shape.nodes
    if shape.tasks:
        assert int(job["NumTasks"]) == shape.tasks
    if shape.cpus_per_task:
        assert int(job["CPUs/Task"]) == shape.cpus_per_task
    if shape.time_limit_s == UNLIMITED:
        assert job["TimeLimit"] == "UNLIMITED"
    elif shape.time_limit_s:
        assert parse_duration(job["TimeLimit"]) == -(-shape.time_limit_s // 60) * 60
    if shape.memory_bytes == 0:
        assert job["MinMemoryNode"] == "0"
    elif shape.memory_bytes and "MinMemoryNode" in job:
        assert parse_size(job["MinMemoryNode"], default_unit="M") == shape.memory_bytes
    elif shape.memory_bytes:  # asked for by CPU or GPU: what the whole job asks for
        total = parse_size(tres["mem"], default_unit="M")
        assert total == shape.memory_bytes * nodes
    if shape.gpus is not None:
        per_node = int(shape.gpus.rpartition(":")[2])
        assert (tres_gpus(tres) or 0) == per_node * nodes
    if shape.array:
        tasks, _, throttle = shape.array.partition("%")
        first = tasks.partition("-")[0]
        assert job["ArrayTaskId"].startswith(first)
        assert job.get("ArrayTaskThrottle", "") == throttle
    if shape.exclude_nodes:
        assert sorted(job["ExcNodeList"].split(",")) == sorted(shape.exclude_nodes.split(","))


def test_scripts_are_read_as_sbatch_reads_them(box: Box) -> None:
    wrong, taken = [], 0
    for name in sorted(examples().SHAPES):
        text = examples().example(name)
        read = read_script(text)
        jobs = submitted(box, text)
        if isinstance(jobs, str):
            if not read.errors() and not OF_THE_SITE.search(jobs):
                wrong.append(f"{name}: {jobs}")
            continue
        if read.errors():
            wrong.append(f"{name}: sbatch takes it: {read.errors()}")
        elif len(jobs) != read.groups:
            wrong.append(f"{name}: {len(jobs)} components")
        else:
            taken += 1
            for group, job in enumerate(jobs):
                try:
                    check(shape_of(read.options(group))[0], job)
                except (AssertionError, KeyError) as error:
                    wrong.append(f"{name}, component {group}: {error!r} {job}")
    assert not wrong, "\n".join(wrong)
    assert taken >= 20


@pytest.mark.parametrize(
    "name", ["quotes.sh", "het_job.sh", "clustered_letters.sh", "backslash.sh", "gpus_alone.sh"]
)
def test_a_changed_script_is_what_slurm_gets(box: Box, name: str) -> None:
    text = examples().example(name).replace("--constraint='fast&new'", "")
    wanted = JobShape(
        partition="main", tasks=2, nodes=1, cpus_per_task=3, memory_bytes=3 * GIB + MIB,
        time_limit_s=300,
    )  # fmt: skip
    jobs = submitted(box, with_shape(text, wanted))
    assert not isinstance(jobs, str), jobs
    check(wanted, jobs[0])


# What unit tests of the words say of sbatch.
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["--comment=a\\ b -n 2"], {"NumTasks": "2"}),
        (["--mem=36M#why -n 2"], {"MinMemoryNode": "36M", "NumTasks": "1"}),
        (["--mem=34M \\", "-n 2"], {"MinMemoryNode": "34M", "NumTasks": "2"}),
        (["--comment '' -n 2", "--mem=35M"], {"NumTasks": "1", "Comment": "--mem=35M"}),
        (["-n 2 hetjob --mem=40M"], {"NumTasks": "2"}),
        (["--tasks=2"], {"NumTasks": "2"}),
        (["--mem=34M \\ "], "Invalid directive"),
        (["-J a\\ -n 2"], "Invalid directive"),
        (["--mem=1.5G"], "Invalid --mem specification"),
        (["--mem-per=3"], "ambiguous"),
    ],
)
def test_words(box: Box, lines: list[str], expected: dict[str, str] | str) -> None:
    text = "#!/bin/sh\n" + "".join(f"#SBATCH {line}\n" for line in lines) + "true\n"
    jobs = submitted(box, text)
    if isinstance(expected, str):
        assert isinstance(jobs, str) and expected in jobs
    else:
        assert not isinstance(jobs, str), jobs
        assert {name: jobs[0].get(name) for name in expected} == expected
