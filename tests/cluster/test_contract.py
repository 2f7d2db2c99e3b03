"""The contract tests of tests/contract, run by alice in a box of each release."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from box.box import Box

BACKENDS = [
    ("26.05", "pyslurm"),
    ("26.05", "commands"),
    ("26.05", "commands-ssh"),
    ("24.11", "commands"),
    ("22.05", "commands"),
]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("release", "backend"), BACKENDS, ids=[f"{r}-{b}" for r, b in BACKENDS])
def test_contract(box_of: Callable[[str], Box], release: str, backend: str) -> None:
    box = box_of(release)
    python = "/opt/jobshape/bin/python"
    folder = f"/home/alice/contract-{backend}"
    done = box.run(
        [python, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-ra", "--tb=short",
         f"--basetemp={folder}", "tests/contract"],
        cwd="/src",
        env={"JOBSHAPE_BACKEND": backend, "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=500,
        check=False,
    )  # fmt: skip
    box.run(["rm", "-rf", folder])
    report = done.stdout + done.stderr
    if done.returncode != 0:
        pytest.fail(f"exit code {done.returncode}\n{report}", pytrace=False)
    passed = re.search(r"(\d+) passed", report)
    assert passed and int(passed[1]) >= 60, report
    assert not re.search(r"\d+ (skipped|failed|error|xfailed|deselected)", report), report
