"""Acting by keys alone on this machine: a job changed, one that died of memory sent again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

WAITS = """#!/bin/sh
#SBATCH --job-name=waits
#SBATCH --begin=now+1hour
#SBATCH --mem=50M
#SBATCH --time=10
sleep 1
"""

HUNGRY = """#!/bin/bash
#SBATCH --job-name=hungry
#SBATCH --mem=60M   # too little
#SBATCH --time=5
python3 -c "
import time
x = bytearray(60 << 20)
for at in range(0, len(x), 4096):
    x[at] = 1
time.sleep(2)"
"""


def submitted(machine: Any, name: str, text: str) -> int:
    """A script, submitted without a screen."""
    (machine.folder / name).write_text(text)
    told = json.loads(
        machine.run("--site", "desk", "submit", "--json", "--lift", "smoke=a test", name)
    )
    assert told["status"] == "submitted", told
    return int(told["job"])


def desk(machine: Any) -> None:
    """A site with two GPUs, as a recorded NVML has them."""
    record = machine.folder / "nvml.json"
    gpu = {"name": "NVIDIA A100-SXM4-80GB", "memory_bytes": 80 << 30, "used_bytes": 0}
    record.write_text(json.dumps({"gpus": [gpu, gpu]}))  # no GPU here: what NVML would say
    sites = Path(machine.environment["JOBSHAPE_CONFIG_DIR"]) / "sites"
    sites.mkdir(parents=True)
    (sites / "desk.toml").write_text(
        f'kind = "local"\n[local]\ngpus = "{record}"\n'
        '[[partitions]]\nname = "main"\n[[partitions]]\nname = "smoke"\nrole = "smoke"\n'
        'time_limit = "30:00"\n'
    )


def fill(app: Any, title: str, text: str) -> None:
    """Go to a field of the form and type into it."""
    for _ in range(20):
        y, found = next(
            (y, found) for y, line in enumerate(app.lines)
            if (found := re.search(rf"│[ *] ({re.escape(title)})\b", line))
        )  # fmt: skip
        if app.screen.buffer[y][found.start(1)].bold:
            break
        app.press("down")
        app.wait_quiet()
    app.press("ctrl+u")
    app.write(text)
    app.wait_quiet()


def test_a_waiting_job_is_changed_field_by_field(machine: Any) -> None:
    desk(machine)
    job = submitted(machine, "waits.sh", WAITS)
    app = machine.open("--site", "desk", columns=100, rows=30)
    app.wait_for(rf"{job} +PD")
    app.press("e")
    app.wait_for("Memory a node")
    app.wait_for("at most")
    for title, text in [
        ("Memory a node", "x2"), ("CPUs a task", "2"), ("Walltime", "20"), ("GPUs a node", "1"),
        ("Partition", "smoke"),
    ]:  # fmt: skip
        fill(app, title, text)
    app.press("enter")
    app.wait_for(r"Change 1 job\?")
    app.press("y")
    app.wait_for("changed 1 job")
    app.press("q")
    app.wait_until(lambda: app.exit_code is not None)
    (one,) = json.loads(machine.run("--site", "desk", "status", "--json"))["jobs"]
    assert one["memory_bytes"] == 100 << 20
    assert (one["cpus"], one["gpus"], one["partition"]) == (2, 1, "smoke")
    assert one["time_limit_s"] == 1200


def test_a_job_that_died_of_memory_is_sent_again_and_completes(machine: Any) -> None:
    desk(machine)
    job = submitted(machine, "hungry.sh", HUNGRY)
    app = machine.open("--site", "desk", columns=100, rows=30)
    app.wait_for(rf"{job} +OOM", 60)
    app.press("r")
    app.wait_for(r"Memory a node +60M . \d+M", 40)
    app.wait_for("pre-flight: .*passed", 40)
    app.press("y")
    app.wait_for(r"resubmitted 1 job as (\d+)")
    again = int(re.findall(r"resubmitted 1 job as (\d+)", app.text)[0])
    app.wait_for(rf"{again} +CD", 60)
    app.press("q")
    app.wait_until(lambda: app.exit_code is not None)
    assert app.exit_code == 0


def test_a_failed_job_is_sent_again_by_itself_where_policy_says_so(machine: Any) -> None:
    desk(machine)
    config = Path(machine.environment["JOBSHAPE_CONFIG_DIR"]) / "config.toml"
    config.write_text('[policy]\nretry = "bounded"\nretry_minutes = [0.05]\nsmoke = "off"\n')
    (machine.folder / "hungry.sh").write_text(HUNGRY)
    app = machine.open("--site", "desk", columns=100, rows=30)
    app.wait_for("no jobs|No jobs|nothing", 20)
    machine.run("--site", "desk", "submit", "hungry.sh")
    app.wait_for(r"1 +OOM", 60)
    app.wait_for(r"2 +(R|CD) .*\b\d+M\b", 60)
    app.wait_for(r"2 +CD", 60)
    app.press("5")
    app.wait_for(r"resubmit 1: .*hungry")
    app.press("q")
    app.wait_until(lambda: app.exit_code is not None)
