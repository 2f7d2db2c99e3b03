"""jobshape in a real terminal on the real cluster: keys pressed, the screen read."""

from __future__ import annotations

import contextlib
import re
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from terminal import Terminal

Open = Callable[..., Terminal]
SIZES = [(80, 24), (160, 48)]


def processes_of(box: Any) -> list[str]:
    """Command lines of alice's jobshape processes in the box."""
    lines = box.run(["ps", "-u", "alice", "-o", "args="], check=False).stdout.splitlines()
    return [line for line in lines if "jobshape" in line and "slurmstepd" not in line]


def wait_none_left(box: Any, within_s: float = 15) -> None:
    """No process of ours stays behind."""
    deadline = time.monotonic() + within_s
    while (left := processes_of(box)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not left


def has_row(app: Terminal, job: int) -> bool:
    """Whether the list shows the job."""
    return bool(re.search(rf"^\W*{job}\b", app.text, re.MULTILINE))


def squeue_ids(box: Any) -> set[str]:
    """Ids of alice's unfinished jobs as squeue knows them."""
    return set(box.run(["squeue", "--me", "-h", "-o", "%A"]).stdout.split())


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_shows_the_queue_and_follows_it(
    box: Any, open_app: Open, submit: Callable[..., int], columns: int, rows: int
) -> None:
    first = submit("e2e-first")
    app = open_app(columns=columns, rows=rows)
    app.wait_for(rf"\b{first}\b.*\bR\b")
    second = submit("e2e-second", "--hold")
    app.wait_for(rf"\b{second}\b.*\bPD\b.*")
    assert len(app.lines) == rows
    app.wait_for(r"\d+s old")
    if columns > 80:  # where the data comes from; earlier jobs being read leave no room at 80
        app.wait_for("squeue|pyslurm")
    box.run(["scontrol", "release", str(second)])
    app.wait_for(rf"\b{second}\b.*\bR\b")
    box.run(["scancel", str(second)])
    app.wait_for(rf"\b{second}\b.*\bCA\b")
    app.press("q")
    app.wait_until(lambda: app.exit_code is not None)
    assert app.exit_code == 0
    wait_none_left(box)


def test_filter_detail_fold_and_help(box: Any, open_app: Open, submit: Callable[..., int]) -> None:
    array = submit("e2e-array", "--array=1-6%2")
    lone = submit("e2e [bold]lone[/]")
    app = open_app(columns=100, rows=30)
    app.wait_for(r"e2e-array")
    app.wait_for(r"e2e \[bold")
    app.press(*"/e2e-arr", "enter")
    app.wait_until(lambda: not has_row(app, lone))
    app.wait_for(rf"{array}_")
    app.press("Z")
    app.wait_for(rf"\b{array}_1\b")
    app.press("z")
    app.wait_until(lambda: not re.search(rf"\b{array}_1\b", app.text))
    app.press("escape")
    app.wait_until(lambda: has_row(app, lone))
    app.press(*f"/id:{lone}", "enter")
    app.wait_until(lambda: "e2e-array" not in app.text)
    app.press("enter")
    app.wait_for(r"JobName +e2e \[bold\]lone\[/\]")  # as it is, never as markup
    app.press("escape")
    app.wait_until(lambda: "JobName" not in app.text)
    app.press("?")
    app.wait_for(r"Next row")
    app.press("escape")
    app.wait_until(lambda: "Next row" not in app.text)
    app.wait_until(lambda: has_row(app, lone))


def test_a_wrong_filter_says_so_in_place(
    box: Any, open_app: Open, submit: Callable[..., int]
) -> None:
    job = submit("e2e-filter")
    app = open_app(columns=80, rows=24)
    app.wait_for(rf"\b{job}\b")
    app.press(*"/mme:8G")
    app.wait_for(r"mem\b")  # did you mean
    assert has_row(app, job)  # the rows stay


def test_cancel_asks_and_then_cancels(box: Any, open_app: Open, submit: Callable[..., int]) -> None:
    job, other = submit("e2e-cancel"), submit("e2e-stays")
    app = open_app()
    app.wait_for(rf"\b{job}\b.*\bR\b")
    app.press(*f"/id:{job}", "enter")
    app.wait_until(lambda: not has_row(app, other))
    app.press("x")
    app.wait_for(r"(?i)cancel.*(1 job|" + str(job) + ")")
    assert str(job) in squeue_ids(box)  # asking has done nothing yet
    app.press("escape")
    app.watch(0.5)
    assert str(job) in squeue_ids(box)
    app.press("x")
    app.wait_for(r"(?i)cancel.*(1 job|" + str(job) + ")")
    app.wait_for("no log here")  # /dev/null; until it is known y waits
    app.press("y")
    app.wait_for(rf"\b{job}\b.*\bCA\b")
    assert str(job) not in squeue_ids(box)
    assert str(other) in squeue_ids(box)


def test_hold_and_release(box: Any, open_app: Open, submit: Callable[..., int]) -> None:
    job = submit("e2e-hold", "--begin=now+1hour")
    app = open_app()
    app.wait_for(rf"\b{job}\b.*\bPD\b")
    app.press(*f"/id:{job}", "enter", "H")

    def is_held() -> bool:
        return "JobHeldUser" in box.run(["squeue", "-h", "-j", str(job), "-o", "%r"]).stdout

    app.wait_until(lambda: "Hold 1 job?" in app.text or is_held())
    if "Hold 1 job?" in app.text:
        app.press("y")
    app.wait_until(is_held)


@pytest.mark.parametrize("how", [signal.SIGHUP, signal.SIGKILL])
def test_nothing_stays_behind_when_the_session_drops(
    box: Any, open_app: Open, submit: Callable[..., int], how: signal.Signals
) -> None:
    job = submit("e2e-drop")
    app = open_app()
    app.wait_for(rf"\b{job}\b")
    (found,) = [
        line.split()[0]
        for line in box.run(["ps", "-u", "alice", "-o", "pid=,args="]).stdout.splitlines()
        if re.search(r"-m jobshape( |$)", line)
    ]
    box.run(["kill", f"-{how.name.removeprefix('SIG')}", found])
    wait_none_left(box)


def test_a_killed_collector_comes_back(
    box: Any, open_app: Open, submit: Callable[..., int]
) -> None:
    job = submit("e2e-killed")
    app = open_app()
    app.wait_for(rf"\b{job}\b.*\bR\b")
    box.run(["pkill", "-KILL", "-u", "alice", "-f", "jobshape.app.collector"], user="root")
    app.wait_for(r"(?i)collector|old")
    assert has_row(app, job)  # the rows stay
    later = submit("e2e-after")
    app.wait_for(rf"\b{later}\b.*\bR\b", 40)


def test_a_hung_controller_costs_a_banner_not_the_keys(
    box: Any, open_app: Open, submit: Callable[..., int]
) -> None:
    jobs = [submit(f"e2e-hang{number}") for number in range(4)]
    app = open_app(columns=80, rows=24)
    for job in jobs:
        app.wait_for(rf"\b{job}\b")
    box.signal("slurmctld", signal.SIGSTOP)
    try:
        begin = time.monotonic()
        unanswered, waits = 0, []
        while time.monotonic() < begin + 30:
            took = app.time_key("down" if len(waits) % 2 else "up", timeout_s=2)
            if took is None:
                unanswered += 1
            waits.append(took or 0.0)
            app.watch(0.4)
        app.wait_for(r"(?i)no answer from slurmctld|slurmctld does not answer")
        assert has_row(app, jobs[0])
        print(f"worst of {len(waits)} keys: {max(waits) * 1000:.0f} ms")
        assert unanswered == 0
    finally:
        box.signal("slurmctld", signal.SIGCONT)
    late = submit("e2e-awake")
    app.wait_for(rf"\b{late}\b", 60)
    app.wait_until(lambda: "no answer" not in app.text.lower(), 30)


def test_no_slurm_at_all_is_one_clear_line(box: Any) -> None:
    done = box.run(
        ["/opt/jobshape/bin/python", "-m", "jobshape"], env={"PATH": "/nowhere",
         "SLURM_CONF": "/nowhere/slurm.conf"}, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "--ssh" in done.stderr or "PATH" in done.stderr


def test_the_mouse_works(box: Any, open_app: Open, submit: Callable[..., int]) -> None:
    jobs = [submit(f"e2e-mouse{number}") for number in range(3)]
    app = open_app(columns=100, rows=30)
    for job in jobs:
        app.wait_for(rf"\b{job}\b")
    line = next(y for y, text in enumerate(app.lines) if str(jobs[0]) in text)
    for press in ("M", "m"):
        app.write(f"\x1b[<0;10;{line + 1}{press}")
    with contextlib.suppress(TimeoutError):
        app.wait_until(lambda: False, 0.5)
    app.press("enter")
    app.wait_for(rf"(?i)(job|id).*{jobs[0]}")


@pytest.mark.parametrize(("columns", "rows"), SIZES)
def test_the_job_screen(
    box: Any, open_app: Open, submit: Callable[..., int], columns: int, rows: int
) -> None:
    streams = ("--output=/tmp/e2e-%j.out", "--error=/tmp/e2e-%j.err")
    work = "echo to-out; echo ValueError: to-err >&2; srun -n1 -J counted sleep 300"
    job = submit("e2e-job", *streams, wrap=work)
    after = submit("e2e-after", f"--dependency=afterok:{job}")
    app = open_app(columns=columns, rows=rows)
    app.wait_for(rf"\b{job}\b.*\bR\b", 40)
    app.press(*f"/id:{job}", "enter")
    app.wait_until(lambda: not has_row(app, after))
    app.press("i")
    app.wait_for(r"[\u2801-\u28ff]", 60)  # usage came, and is drawn
    assert "limit" in app.text and "95 %" in app.text
    app.press("L")
    app.wait_for(r"to-out")
    app.press("s")
    app.wait_for(r"ValueError: to-err")
    app.press("E")
    app.wait_for(r"> ValueError")
    app.press("o")  # read by a step of the job, on its node
    app.wait_for(r"\bon (n1|n2|b1|g1)\b", 40)
    app.press("tab")
    app.wait_for(r"srun -n1 -J counted sleep 300")
    app.press("tab")
    app.wait_for(r"counted +RUNNING", 60)
    app.press("tab")
    app.wait_for(rf"{after} +e2e-after +PENDING +afterok")
    app.press("enter")
    app.wait_for(rf"^ {after} +e2e-after +PENDING")
    app.wait_for(rf"{job} +e2e-job +RUNNING +afterok")
    app.press("escape")
    app.wait_for(rf"^ {job} +e2e-job +RUNNING")
    app.press("escape")
    app.wait_for("by submitted")
