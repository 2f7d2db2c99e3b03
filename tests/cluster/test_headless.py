"""``status`` and ``doctor`` on a real Slurm of each release, and with a controller that hangs."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "app" / "schemas" / "status-1.json").read_text("utf-8"))
VALID = fastjsonschema.compile(SCHEMA)
JOBSHAPE = ["/opt/jobshape/bin/python", "-m", "jobshape"]


def run(box: Any, arguments: list[str], *, user: str = "alice") -> subprocess.CompletedProcess[str]:
    done: subprocess.CompletedProcess[str] = box.run(
        [*JOBSHAPE, *arguments], user=user, check=False
    )
    return done


def status(box: Any, *arguments: str, user: str = "alice") -> dict[str, Any]:
    done = run(box, ["status", "--json", *arguments], user=user)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    VALID(document)
    return document


@pytest.fixture
def job(any_box: Any) -> Any:
    """A held job of alice with a name that hurts; gone at the end."""
    name = "st_head | [bold]\t'q' ü"
    command = ["sbatch", "--parsable", "--hold", "--mem=60M", "--time=5", f"--job-name={name}",
               "--wrap=true"]  # fmt: skip
    job_id = int(any_box.run(command, user="alice").stdout.split(";")[0])
    yield job_id, name
    any_box.run(["scancel", str(job_id)], user="alice")


@pytest.mark.parametrize("backend", ["auto", "commands"])
def test_status_is_what_squeue_says(any_box: Any, job: tuple[int, str], backend: str) -> None:
    job_id, name = job
    made = status(any_box, "--backend", backend, "--filter", "st_head")
    (record,) = [one for one in made["jobs"] if one["job_id"] == job_id]
    assert record["state"] == "PENDING"
    assert record["reason"] == "JobHeldUser"
    assert record["name"].replace("\t", " ") == name.replace("\t", " ")
    assert (record["priority"], record["time_limit_s"]) == (0, 300)
    assert record["memory_bytes"] == 60 << 20
    assert made["link"]["state"] == "live"
    assert made["site"]["user"] == "alice"
    said = any_box.run(["squeue", "-h", "-o", "%A", "--me", "-t", "all"], user="alice").stdout
    everything = status(any_box, "--backend", backend)
    assert {int(word) for word in said.split()} <= {one["job_id"] for one in everything["jobs"]}


def test_status_for_people(any_box: Any, job: tuple[int, str]) -> None:
    done = run(any_box, ["status", "--filter", "st_head"])
    assert done.returncode == 0, done.stderr
    assert f"{job[0]} " in done.stdout and "main*" in done.stdout
    assert all(line.isprintable() for line in done.stdout.splitlines())


def test_scope_of_another_user(any_box: Any, job: tuple[int, str]) -> None:
    mine = status(any_box, user="bob")
    everyones = status(any_box, "--scope", "all", user="bob")
    hers = status(any_box, "--user", "alice", user="bob")
    assert {one["user"] for one in mine["jobs"]} <= {"bob"}
    assert job[0] in {one["job_id"] for one in everyones["jobs"]}
    assert {one["user"] for one in hers["jobs"]} == {"alice"}


def test_doctor_finds_the_site(any_box: Any) -> None:
    done = run(any_box, ["doctor", "--json"])
    document = json.loads(done.stdout)
    checks = {check["name"]: check for check in document["checks"]}
    assert (done.returncode, document["site_found"]) == (0, True), document
    release = any_box.plan.release
    assert f"slurm {release}" in checks["cluster"]["text"]
    assert checks["queue"]["level"] == checks["nodes"]["level"] == "ok"
    assert checks["accounting"]["level"] == "ok"
    assert ("pyslurm" in checks["backend"]["text"]) == (release == "26.05")
    text = run(any_box, ["doctor"])
    assert text.returncode == 0
    assert len(text.stdout.splitlines()) <= 24  # one screenful


@pytest.mark.parametrize("backend", ["auto", "commands"])
def test_a_controller_that_hangs_is_told_in_time(box: Any, backend: str) -> None:
    box.signal("slurmctld", signal.SIGSTOP)
    try:
        began = time.monotonic()
        done = run(box, ["status", "--json", "--backend", backend, "--timeout", "3"])
        took_s = time.monotonic() - began
    finally:
        box.signal("slurmctld", signal.SIGCONT)
    document = json.loads(done.stdout)
    VALID(document)
    assert done.returncode == 1
    assert took_s < 30
    assert document["jobs"] is None
    assert document["link"]["state"] == "failing"
    assert document["link"]["errors"][0]["kind"] == "Unreachable"
