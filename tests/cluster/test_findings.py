"""What goes wrong on the real cluster ends as the right finding on the screen, in a real terminal.

All jobs are sent at once; while the slowest (a time limit of a minute) runs, the others are read.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from terminal import Terminal

WITHIN_S = 12.0
"""From the moment squeue shows the end: two readings of the queue (2 s) and a look at the log."""

PYTHON_ERROR = """python3 -c 'print("epoch 1"); {}["missing key"]'"""
NO_MODULE = "python3 -c 'import torch_not_here'"
CUDA = (
    "echo 'Traceback (most recent call last):';"
    " echo '  File \\\"train.py\\\", line 9, in <module>';"
    " echo 'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a"
    " total capacity of 79.10 GiB of which 1.2 GiB is free.'; exit 1"
)  # there is no GPU here: the message is what a program prints


class Case(NamedTuple):
    """One way to fail: the job, what the list of alerts says of it, and the line that shows it."""

    name: str
    options: tuple[str, ...]
    script: str
    says: str
    evidence: str


CASES = (
    Case("f-oom", ("--mem=30M",), "tail /dev/zero", "out of (host )?memory", "OUT_OF_MEMORY|oom"),
    Case("f-python", (), PYTHON_ERROR, "Python", "KeyError"),
    Case("f-module", (), NO_MODULE, "package missing", "torch_not_here"),
    Case("f-cuda", (), CUDA, "GPU memory|device memory", "CUDA out of memory"),
    Case("f-limit", ("--partition=smoke", "--time=30"), "true", "longer than the partition", ""),
    Case("f-time", ("--time=1",), "sleep 600", "time", "TIMEOUT|TIME LIMIT"),
)


@pytest.fixture
def screen(open_app: Callable[..., Terminal]) -> Terminal:
    """jobshape as alice, on its list of alerts."""
    app = open_app()
    app.wait_for("pending")
    app.press("!")
    app.wait_for("Alerts")
    return app


@pytest.fixture
def submit(box: Any) -> Iterator[Callable[..., int]]:
    """Submit jobs of alice; cancelled at the end."""
    made: list[int] = []

    def submit_one(name: str, script: str, *options: str) -> int:
        argv = ["sbatch", "--parsable", f"--job-name={name}", "--mem=100M", "--time=5",
                f"--output=/home/alice/{name}-%j.log", "--no-requeue", *options,
                f"--wrap={script}"]  # fmt: skip
        made.append(int(box.run(argv).stdout))
        return made[-1]

    yield submit_one
    if made:
        box.run(["scancel", *map(str, made)], check=False)


def state_of(box: Any, job: int) -> str:
    """The job's state as squeue prints it, "" once it is gone."""
    argv = ["squeue", "--states=all", "--noheader", f"--jobs={job}", "--format=%T %r"]
    return str(box.run(argv, check=False).stdout.strip())


def wait_for_end(box: Any, job: int, within_s: float) -> float:
    """Wait until it has ended, or waits for what never comes; when that was."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        state = state_of(box, job)
        if not state.startswith(("RUNNING", "PENDING", "COMPLETING", "CONFIGURING")) or re.search(
            "PartitionTimeLimit|NeverSatisfied", state
        ):
            return time.monotonic()
        time.sleep(0.5)
    raise AssertionError(f"job {job} is still {state_of(box, job)}")


def test_each_failure_ends_as_its_finding(
    box: Any, screen: Terminal, submit: Callable[..., int]
) -> None:
    jobs = {case.name: submit(case.name, case.script, *case.options) for case in CASES}
    on_node = submit("f-node", "sleep 600", "--nodelist=n2")
    parent = submit("f-parent", "exit 3")
    child = submit("f-child", "true", f"--dependency=afterok:{parent}")
    try:
        for case in CASES:
            check(box, screen, jobs[case.name], case.says, case.evidence, 200)
            if case is CASES[0]:
                box.run(["scontrol", "update", "nodename=n2", "state=down", "reason=test"],
                        user="root")  # fmt: skip
        check(box, screen, child, "never starts: its dependency", f"afterok:{parent}", 60)
        check(box, screen, on_node, "node", "NODE_FAIL|NodeFail|NODE FAILURE", 60)
    finally:
        box.run(["scontrol", "update", "nodename=n2", "state=resume"], user="root", check=False)


def check(
    box: Any, screen: Terminal, job: int, says: str, evidence: str, ends_within_s: float
) -> None:
    """The alert of a job comes soon after its end, and its evidence when the cursor is there."""
    ended_at = wait_for_end(box, job, ends_within_s)
    screen.wait_for(rf"\b{job}\b.*({says})", timeout_s=WITHIN_S)
    print(f"{job}: on screen {time.monotonic() - ended_at:.1f} s after its end: {says}")
    if not evidence:
        return
    screen.press("g")
    for _ in range(80):  # alerts come while the cursor goes down: it stays with its alert
        screen.wait_quiet(0.15)
        place = re.search(r"^ (\d+)/(\d+)", screen.text, re.MULTILINE)
        if re.search(evidence, " ".join(screen.text.split())):  # it may be wrapped
            return
        screen.press("g" if place and place[1] == place[2] else "j")
    raise AssertionError(f"no alert shows {evidence}:\n{screen.text}")
