"""The benchmarks' watch over memory: a child that lives for a moment is not overlooked."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PROGRAM = """
import os, sys
sys.stdin.readline()
if os.fork() == 0:
    held = b"x" * (40 << 20)
    print("held", flush=True)
    sys.stdin.readline()
    os._exit(0)
os.wait()
sys.stdin.readline()
"""


def test_the_peak_is_that_of_parent_and_fork_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from memory import MemoryWatch  # type: ignore[import-not-found]

    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
    ) as program:
        assert program.stdin and program.stdout
        try:
            with MemoryWatch(program.pid, 0.01) as watch:
                program.stdin.write(b"go\n")
                assert program.stdout.readline() == b"held\n"
                seen = len(watch.samples)
                deadline = time.monotonic() + 20
                while len(watch.samples) < seen + 2 and time.monotonic() < deadline:
                    time.sleep(0.01)
                program.stdin.write(b"on\n")
            figures = watch.figures()
        finally:
            program.kill()
    parent, fork = figures["at_peak"]
    assert (parent["forked"], fork["forked"]) == (False, True)
    assert fork["pss_mb"] > 40 and figures["peak_mb"] == round(parent["pss_mb"] + fork["pss_mb"], 1)
    assert figures["median_mb"] <= figures["p95_mb"] <= figures["peak_mb"]
