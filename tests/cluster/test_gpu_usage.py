"""nvidia-smi inside jobs of a real Slurm, with the stand-in: what it sees, what goes wrong, and
that the job it runs in never notices."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from box.box import Box

ASK = """
import json, sys, time
from jobshape.app.backends.commands.backend import CommandsBackend
backend = CommandsBackend()
jobs = sys.argv[1:]
deadline = time.monotonic() + 30
while len(found := backend.usage(jobs)) < len(jobs) and time.monotonic() < deadline:
    time.sleep(0.2)
began = time.monotonic()
print(json.dumps([[usage._asdict() for usage in found], began - deadline + 30]))
"""


@pytest.fixture
def gpu_box(any_box: Box) -> Iterator[Box]:
    yield any_box
    any_box.run(["rm", "-f", "/run/fakegpu/mode"], user="root")
    any_box.cancel_all()


def mode(box: Box, text: str) -> None:
    box.run(["sh", "-c", f"echo {text} >/run/fakegpu/mode"], user="root")


def submit(box: Box, *options: str, script: str = "exec sleep 300") -> str:
    command = ["sbatch", "--parsable", "--partition=gpu", "--mem=600", "--output=/dev/null"]
    text = f"#!/bin/sh\n{script}\n"
    return box.run([*command, *options], input=text).stdout.strip()


def ask(box: Box, *jobs: str) -> dict[str, dict[str, Any]]:
    python = "/opt/jobshape/bin/python"
    done = box.run([python, "-c", ASK, *jobs], cwd="/src", timeout=90)
    found, _ = json.loads(done.stdout)
    return {str(usage["job_id"]): usage for usage in found}


def test_each_job_shows_its_own_gpus_even_while_its_steps_use_all_it_has(gpu_box: Box) -> None:
    """Two jobs on one node, and one over two nodes whose own step holds every CPU and GPU."""
    mode(gpu_box, "all")
    one = submit(gpu_box, "--nodelist=g1", "--gres=gpu:a100:1")
    two = submit(gpu_box, "--nodelist=g1", "--gres=gpu:a100:2")
    wide = submit(
        gpu_box, "--nodes=2", "--gres=gpu:a100:1", "--ntasks=2", "--exact",
        script="exec srun --exact --gres=gpu:a100:1 sleep 300",
    )  # fmt: skip
    found = ask(gpu_box, one, two, wide)
    for job, gpus in ((one, 1), (two, 2), (wide, 2)):
        usage = found[job]
        assert usage["gpu_source"] == "nvidia-smi", usage
        assert usage["gpu_memory_total_bytes"] == gpus * 80 << 30
    # GPU n of the stand-in is 40 + 10 n % busy: all four of g1 are somebody's, each once.
    on_g1 = found[one]["gpu_percent"] + 2 * found[two]["gpu_percent"]
    on_both = 2 * found[wide]["gpu_percent"]
    assert on_g1 + on_both == sum((40, 50, 60, 70)) + 40


def test_a_probe_that_fails_says_why_and_leaves_no_mark_on_the_job(gpu_box: Box) -> None:
    job = submit(gpu_box, "--gres=gpu:a100:1", script="srun sleep 8")
    mode(gpu_box, "broken")
    usage = ask(gpu_box, job)[job]
    assert usage["gpu_percent"] is None and usage["gpu_source"] == ""
    assert "couldn't communicate with the NVIDIA driver" in usage["gpu_note"]
    mode(gpu_box, "hangs")
    began = time.monotonic()
    usage = ask(gpu_box, job)[job]
    assert usage["memory_bytes"] and usage["gpu_percent"] is None
    assert time.monotonic() - began < 30
    show = ["sacct", "--noheader", "--parsable2", "--allocations", "--jobs", job]
    deadline = time.monotonic() + 40
    while True:
        said = gpu_box.run([*show, "--format=State,ExitCode,DerivedExitCode"]).stdout.strip()
        if said.startswith("COMPLETED"):
            break
        assert time.monotonic() < deadline, said
        time.sleep(0.3)
    assert said == "COMPLETED|0:0|0:0"
