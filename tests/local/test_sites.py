"""Which site the monitor shows, in a real terminal: never another one's jobs in silence."""

from __future__ import annotations

from typing import Any

DOWN = """#!/bin/sh
echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2
exit 1
"""


def test_a_slurm_that_is_down_stays_and_shows_its_trouble(machine: Any) -> None:
    programs = machine.folder / "programs"
    programs.mkdir()
    for name in ("squeue", "sinfo", "scontrol", "sacct", "sdiag"):
        (programs / name).write_text(DOWN)
        (programs / name).chmod(0o755)
    machine.environment["PATH"] = f"{programs}:/usr/bin:/bin"
    app = machine.open(columns=120, rows=30)
    app.wait_for("Unable to contact slurm controller|no answer from slurmctld")
    assert "this machine" not in app.text
    app.press("q")
    app.wait_until(lambda: app.exit_code is not None)
    text = machine.run("doctor", code=1)
    assert f"slurm (The Slurm found here), squeue is on PATH: {programs / 'squeue'}" in text
    assert "fail" in text and "this machine" not in text
    machine.wait_for_no_process()


def test_a_site_of_ones_own_page(machine: Any) -> None:
    pages = machine.folder / "config" / "sites"
    pages.mkdir(parents=True)
    (pages / "desk.toml").write_text(
        'kind = "local"\ntitle = "Under the desk"\n[limits]\ncpus = 1\n'
    )
    app = machine.open("--site", "desk", columns=80, rows=24)
    app.wait_for("You have no jobs")
    app.wait_for("on desk")
    app.wait_for("this machine: desk")
    app.press("q")
    app.wait_until(lambda: app.exit_code is not None)
    said = machine.run("--site", "desk", "status")
    assert said.startswith("desk: ") and "1/1" in said
    assert not (machine.state / "local-desk").exists()  # to look is not to start


def test_a_site_for_planning_is_refused_in_a_line(machine: Any) -> None:
    app = machine.open("--site", "pbs", columns=80, rows=24)
    app.wait_until(lambda: app.exit_code is not None)
    assert app.exit_code == 2
    assert "for planning only" in app.text
