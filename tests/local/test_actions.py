"""Holding a job and taking it back, in a real terminal, on jobs that wait on this machine."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest


def kept(machine: Any) -> list[tuple[str, str, str, bool]]:
    """Method, job, outcome and whether it was undone, the oldest first, but for submissions."""
    before = machine.environment["JOBSHAPE_STATE_DIR"]
    machine.environment["JOBSHAPE_STATE_DIR"] = str(machine.state / "demo")
    actions = json.loads(machine.run("history", "actions", "--json"))["actions"]
    machine.environment["JOBSHAPE_STATE_DIR"] = before
    return [
        (one["method"], one["job"], one["outcome"], one["undone_by"] is not None)
        for one in reversed(actions)
        if one["method"] != "submit"
    ]


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (160, 48)])
def test_hold_and_undo(machine: Any, columns: int, rows: int) -> None:
    app = machine.open("demo", columns=columns, rows=rows)
    app.wait_for(r"\bPD\b", 20)
    app.press(*"/eval_r5", "enter")  # waits for minutes; what waits on top may start meanwhile
    app.wait_until(lambda: "eval_r4" not in app.text and re.search(r"PD .*eval_r5", app.text))
    app.press("H")
    app.wait_for(r"held 1 job")
    ((method, job, outcome, _),) = kept(machine)
    assert (method, outcome) == ("hold", "done")
    app.press("ctrl+z")
    app.wait_for(r"Take back on 1 job\?")
    assert "release" in app.text and job in app.text
    app.press("y")
    app.wait_for(r"taken back on 1 job")
    assert kept(machine) == [("hold", job, "done", True), ("release", job, "done", False)]
    app.press("5")
    app.wait_for(r"undone +hold")
    assert "release" in app.text
    app.press("j", "enter", "enter")
    app.wait_for(rf" {job}\b.*\n(.*\n)*.*Overview")
    app.press("escape")
    app.wait_for(r"undone +hold")
    app.press("ctrl+z")
    app.wait_for(r"taken back already")
    app.press("q")
    app.wait_until(lambda: app.exit_code is not None)
    assert app.exit_code == 0
    machine.run("demo", "--clean", "--yes")
    machine.wait_for_no_process()
