"""What is done to jobs of the real cluster is kept before it is sent, and taken back by a key."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from terminal import Terminal


@pytest.fixture
def pending(box: Any) -> Iterator[int]:
    """A job of alice that waits for a time to come."""
    argv = ["sbatch", "--parsable", "--job-name=e2e-undo", "--mem=50M", "--time=10",
            "--begin=now+1hour", "--output=/dev/null", "--wrap=sleep 5"]  # fmt: skip
    job = int(box.run(argv).stdout)
    yield job
    box.run(["scancel", str(job)], check=False)


class Session:
    """jobshape of alice with a state folder of its own."""

    def __init__(self, box: Any, folder: Path) -> None:
        self.box, self.env = box, {"COLORTERM": "truecolor", "XDG_STATE_HOME": str(folder)}

    def open(self) -> Terminal:
        """The monitor in a terminal."""
        return Terminal(self.box.command(["jobshape"], env=self.env), columns=120, rows=40)

    def actions(self) -> list[dict[str, Any]]:
        """What the command tells scripts, newest first."""
        done = self.box.run(["jobshape", "history", "actions", "--json"], env=self.env)
        found: list[dict[str, Any]] = json.loads(done.stdout)["actions"]
        return found


@pytest.fixture
def session(box: Any, tmp_path: Path) -> Session:
    """For one test."""
    return Session(box, Path("/home/alice") / tmp_path.name)


def priority_of(box: Any, job: int) -> str:
    """As squeue says; 0 is held."""
    return str(box.run(["squeue", "-h", "-j", str(job), "-o", "%Q"]).stdout.strip())


def monitors_of(box: Any) -> list[str]:
    """Process ids of alice's monitors, not of what they started."""
    lines = box.run(["ps", "-u", "alice", "-o", "pid=,args="]).stdout.splitlines()
    return [line.split()[0] for line in lines if re.search(r"-m jobshape( |$)", line)]


def test_hold_and_undo(box: Any, session: Session, pending: int) -> None:
    with session.open() as app:
        app.wait_for(rf"\b{pending}\b.*\bPD\b")
        app.press(*f"/id:{pending}", "enter")
        app.wait_for(f"filter id:{pending}")
        app.press("H")
        app.wait_for("held 1 job")
        assert priority_of(box, pending) == "0"
        app.press("ctrl+z")
        app.wait_for(r"Take back on 1 job\?")
        app.press("y")
        app.wait_for("taken back on 1 job: release")
        assert priority_of(box, pending) != "0"
    release, hold = session.actions()
    assert (hold["method"], hold["job"], hold["outcome"], hold["user"]) == (
        "hold", str(pending), "done", "alice",
    )  # fmt: skip
    assert (release["undoes"], hold["undone_by"]) == (hold["id"], release["id"])


def test_killed_while_it_waits_for_an_answer(box: Any, session: Session, pending: int) -> None:
    with session.open() as app:
        app.wait_for(rf"\b{pending}\b.*\bPD\b")
        app.press(*f"/id:{pending}", "enter")
        app.wait_for(f"filter id:{pending}")
        box.signal("slurmctld", signal.SIGSTOP)
        try:
            app.press("H")
            app.wait_for("hold: 1 job, asking")
            app.wait_until(session.actions)  # it is in the file before an answer comes
            assert [one["outcome"] for one in session.actions()] == ["asked"]
            box.run(["kill", "-KILL", *monitors_of(box)])
            app.wait_until(lambda: app.exit_code is not None)
        finally:
            box.signal("slurmctld", signal.SIGCONT)
    (hold,) = session.actions()
    assert (hold["job"], hold["outcome"], hold["ended_at"]) == (str(pending), "unknown", None)
    assert "may have been done" in hold["words"]
