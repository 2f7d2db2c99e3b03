"""The history on a real Slurm: what was seen and what accounting tells, in one file."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from subprocess import PIPE
from typing import Any

from box.box import Box

PYTHON = "/opt/jobshape/bin/python"
APP = "/src/tests/cluster/collector_app.py"
HISTORY_S = 45.0


def found(box: Box, folder: str) -> dict[str, dict[str, Any]]:
    """Every job of `jobshape history`, by id."""
    argv = [PYTHON, "-m", "jobshape", "history", "--json", "--limit", "1000"]
    said = box.run(argv, env={"JOBSHAPE_STATE_DIR": folder}).stdout
    return {job["id"]: job for job in json.loads(said)["jobs"]}


def submit(box: Box, name: str, command: str, *options: str) -> str:
    argv = ["sbatch", "--parsable", "--mem=50M", "--chdir=/tmp", f"--job-name={name}"]
    return box.run([*argv, *options, f"--wrap={command}"]).stdout.strip()


def until(holds: Callable[[], bool], why: Callable[[], object]) -> None:
    deadline = time.monotonic() + HISTORY_S
    while not holds():
        assert time.monotonic() < deadline, why()
        time.sleep(0.5)


def test_real_jobs_reach_it_with_what_they_used(box: Box) -> None:
    folder = box.run(["mktemp", "-d", "/tmp/history-XXXXXX"]).stdout.strip()
    before = submit(box, "before", "exit 3")
    held = submit(box, "held", "true", "--hold")
    again = submit(box, "again", "sleep 300", "--requeue")
    until(lambda: "RUNNING" in box.run(["squeue", "-hj", again, "-o", "%T"]).stdout, lambda: again)
    box.run(["scontrol", "requeue", again])
    start = {
        "backend": "commands", "fastest_s": 0.5, "slowest_s": 1.0, "history_days": 1.0,
        "history": f"{folder}/history.db", "stage_rules": [{"stage": "eval", "name": "^task"}],
    }  # fmt: skip
    app = box.popen([PYTHON, APP, json.dumps(start)], stdin=PIPE, stdout=PIPE, text=True)
    try:
        until(lambda: held in found(box, folder), lambda: found(box, folder))
        array = submit(box, "task", "sleep 2", "--array=1-2")
        box.run(["scancel", held])
        tasks = [f"{array}_1", f"{array}_2"]

        def complete() -> bool:
            jobs = found(box, folder)
            ended = [jobs.get(job, {}).get("end_time") for job in (before, held, *tasks)]
            used = [jobs.get(job, {}).get("total_cpu_s") for job in (before, *tasks)]
            return None not in ended + used

        until(complete, lambda: [
            (job["id"], job["state"], job["end_time"], job["total_cpu_s"])
            for job in found(box, folder).values()
        ])  # fmt: skip
    finally:
        app.communicate()
        box.run(["scancel", again], check=False)
    jobs = found(box, folder)
    assert {job: jobs[job]["state"] for job in (before, held, again, *tasks)} == {
        before: "FAILED", held: "CANCELLED", again: "PENDING",
        **dict.fromkeys(tasks, "COMPLETED"),
    }  # fmt: skip
    assert jobs[before]["exit_code"] == "3:0"
    assert (jobs[held]["start_time"], jobs[held]["reason"]) == (None, "JobHeldUser")
    assert jobs[again]["restarts"] == 1
    assert [jobs[job]["stage"] for job in tasks] == ["eval", "eval"]
    assert len({job["site"] for job in jobs.values()}) == 1
