"""Stages of jobs that really ran, on this machine: the screen, an accepted rule, the command."""

from __future__ import annotations

import json
import time
from typing import Any

from jobshape.app.backends.local.backend import LocalBackend
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.settings.pages import find_page, local_site


def submit(machine: Any, monkeypatch: Any) -> None:
    """Six short jobs, one of which fails."""
    for name, value in machine.environment.items():
        monkeypatch.setenv(name, value)
    backend = LocalBackend(local_site(find_page("local")))
    for n in range(6):
        code = 3 if n == 4 else 0
        backend.submit(SubmitRequest(
            f"#!/bin/bash\n#SBATCH --mem=64M\nsleep 0.2; exit {code}\n", name=f"eval-ckpt{n}",
            work_dir=str(machine.folder),
        ))  # fmt: skip


def stages(machine: Any) -> dict[str, dict[str, Any]]:
    """What the command tells scripts."""
    document = json.loads(machine.run("stages", "--json", "--site", "local"))
    return {one["stage"]: one for one in document["stages"]}


def test_a_rule_accepted_on_the_screen_moves_the_jobs(machine: Any, monkeypatch: Any) -> None:
    submit(machine, monkeypatch)
    project = machine.folder / ".jobshape.toml"
    project.write_text("# ours\n", "utf-8")
    deadline = time.monotonic() + 60
    while (before := stages(machine)).get("unassigned", {"runs": 0})["runs"] < 6:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert before["unassigned"]["failures"] == {"unexplained": 1}
    with machine.open("--site", "local", columns=120, rows=40) as app:
        app.wait_for("eval-ckpt0")
        app.press("2")
        app.wait_for(r"unassigned .* 5 +1 ")
        app.press("u")
        app.wait_for(r"rule +name \^eval-ckpt\\d\+\$")
        app.press("enter")
        app.wait_for("Add this rule for eval")
        app.press("y")
        app.wait_for(r"eval .* 5 +1 ")
        app.wait_until(lambda: not any(line[2:].startswith("unassigned") for line in app.lines))
        app.press("G", "enter")
        app.wait_for("filter stage=eval")
        app.press("q")
        app.wait_until(lambda: app.exit_code is not None)
    assert project.read_text("utf-8") == (
        "# ours\n\n[[stage_rules]]\nstage = \"eval\"\nname = '^eval-ckpt\\d+$'\n"
    )
    after = stages(machine)
    assert "unassigned" not in after
    assert (after["eval"]["counts"]["done"], after["eval"]["counts"]["failed"]) == (5, 1)
