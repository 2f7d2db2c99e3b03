"""``jobshape demo`` as a person meets it: in a real terminal, on this machine."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ALIVE_S = 20.0
"""Issue 3: within so many seconds of the command there is something alive to look at."""


def jobs_of(machine: Any) -> list[dict[str, Any]]:
    """The demo's jobs, as `status` tells scripts."""
    page = machine.state / "demo" / "demo.toml"
    jobs: list[dict[str, Any]] = json.loads(machine.run("status", "--json", "--site", str(page)))[
        "jobs"
    ]
    return jobs


def said_of(machine: Any, name: str, field: str) -> set[Any]:
    """What a field says of the jobs of a name: an array has several records."""
    return {job[field] for job in jobs_of(machine) if job["name"] == name}


def wait_until(holds: Callable[[], object], within_s: float) -> None:
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize(("columns", "rows"), [(160, 48), (80, 24)])
def test_something_alive_in_twenty_seconds_and_nothing_left_behind(
    machine: Any, columns: int, rows: int
) -> None:
    began = time.monotonic()
    app = machine.open("demo", columns=columns, rows=rows)
    app.wait_for(r"\bR\b", ALIVE_S)
    app.wait_for(r"\bPD\b", ALIVE_S)
    app.wait_for(r"\bOOM\b|\bF\b|out of memory", ALIVE_S)
    assert time.monotonic() - began < ALIVE_S
    app.wait_for("this machine")
    app.press("j", "j", "/", *"name:train_tuned", "enter")
    app.wait_until(lambda: "fetch_r1" not in app.text and "train_tuned" in app.text)
    app.press("enter")
    app.wait_for("JobName|Name +train_tuned|train.sh|Command")
    app.press("escape", "escape")
    app.wait_for("eval_lost")
    app.press("q")
    app.wait_until(lambda: app.exit_code is not None)
    assert app.exit_code == 0
    assert "demo --clean" in app.text
    assert machine.processes()  # the jobs go on
    assert machine.run("demo", "--no-screen").startswith("The demo goes on: ")
    assert "Removed" in machine.run("demo", "--clean", "--yes")
    machine.wait_for_no_process()
    assert files_in(machine.folder) in (["home"], ["cache", "home"])


@pytest.mark.parametrize(("columns", "rows"), [(160, 48), (80, 24)])
def test_every_screen_has_something_alive_in_twenty_seconds(
    machine: Any, columns: int, rows: int
) -> None:
    began = time.monotonic()
    app = machine.open("demo", columns=columns, rows=rows)
    app.wait_for(r"\bR\b", ALIVE_S)
    for key, alive in (
        ("2", r"bottleneck: "),
        ("3", r"allocated"),
        ("4", r"HIGH .* eval_(lost|baseline)"),
        ("5", r"submit: +(eval|train|cache|prep|fetch)_"),
    ):
        app.press(key)
        app.wait_for(alive, ALIVE_S)
    app.press("1", "/", *"name:train_probe", "enter")
    app.wait_until(lambda: "train_tuned" not in app.text and "train_probe" in app.text)
    app.press("i")
    app.wait_for(r"Memory +\d+M of 100M", ALIVE_S)
    assert time.monotonic() - began < ALIVE_S
    app.press("q")
    app.wait_until(lambda: app.exit_code is not None)
    machine.run("demo", "--clean", "--yes")
    machine.wait_for_no_process()


def test_its_jobs_end_as_they_are_meant_to(machine: Any) -> None:
    said = machine.run("demo", "--no-screen")
    assert re.match(r"\d+ jobs submitted in ", said)
    wait_until(lambda: said_of(machine, "eval_baseline", "phase") == {"failed"}, ALIVE_S)
    assert said_of(machine, "eval_baseline", "state") == {"OUT_OF_MEMORY"}
    assert said_of(machine, "train_tuned", "reason") == {"JobHeldUser"}
    assert said_of(machine, "cache_r1", "reason") == {"Dependency"}
    assert said_of(machine, "fetch_r2", "reason") == {"BeginTime"}
    never = {"DependencyNeverSatisfied"}
    wait_until(lambda: said_of(machine, "eval_lost", "reason") == never, ALIVE_S)
    wait_until(lambda: said_of(machine, "fetch_r1", "state") == {"COMPLETED"}, 40)
    wait_until(lambda: "RUNNING" in said_of(machine, "prep_r1", "state"), ALIVE_S)
    states = {job["state"] for job in jobs_of(machine)}
    assert {"RUNNING", "PENDING", "COMPLETED", "OUT_OF_MEMORY"} <= states
    machine.run("demo", "--clean", "--yes")
    machine.wait_for_no_process()


def test_two_at_once_join(machine: Any) -> None:
    first = machine.open("demo")
    first.wait_for(r"\bR\b", ALIVE_S)
    count = len(jobs_of(machine))
    second = machine.open("demo")
    second.wait_for(r"\bR\b", ALIVE_S)
    assert len(jobs_of(machine)) == count
    assert "quit it first" in machine.run("demo", "--clean", "--yes", code=2)
    for app in (first, second):
        app.press("q")
        app.wait_until(lambda app=app: app.exit_code is not None)
    machine.run("demo", "--clean", "--yes")
    machine.wait_for_no_process()


def test_without_slurm_it_is_this_machine(machine: Any) -> None:
    machine.environment["PATH"] = "/nowhere"
    app = machine.open()
    app.wait_for("this machine")
    app.wait_for("You have no jobs")
    app.press("q")
    app.wait_until(lambda: app.exit_code is not None)
    assert app.exit_code == 0
    text = machine.run("doctor")
    assert "local (This machine), no Slurm here: no squeue on PATH" in text
    assert "first job starts it" in text  # to look is not to start
    assert machine.run("status").startswith("local: ")
    machine.wait_for_no_process()
