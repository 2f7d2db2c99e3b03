"""Campaigns on a real Slurm: killed, a controller restarted, a sick node, teachers and students."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

JOBSHAPE = ["/opt/jobshape/bin/python", "-m", "jobshape"]
SHAPE = "{cpus: 1, memory: 60M, time: 0:05:00}"
PIPELINE = f"""
project: pipeline
stages:
  - {{name: fetch, command: [sh, work.sh], shape: {SHAPE}}}
  - {{name: preprocess, command: [sh, work.sh], shape: {SHAPE}}}
  - {{name: cache, script: cache.sh, shape: {SHAPE}}}
  - {{name: train, script: train.sh, shape: {SHAPE}}}
  - {{name: eval, command: [sh, work.sh], shape: {SHAPE}}}
phases:
  - {{name: fetching, stage: fetch, jobs: [{{id: fetch, args: [fetch]}}]}}
  - name: preprocessing
    stage: preprocess
    depends_on: [fetching]
    grid:
      parameters: {{shard: [0, 1]}}
      template: {{id: "pre-${{shard}}", args: ["pre-${{shard}}"]}}
  - name: caching
    stage: cache
    depends_on: [preprocessing]
    jobs: [{{id: cache, args: [cache]}}]
  - name: training
    stage: train
    depends_on: [caching]
    grid:
      parameters: {{lr: [1, 2], seed: [0, 1, 2]}}
      template:
        id: t-${{lr}}-${{seed}}
        args: ["t-${{lr}}-${{seed}}"]
        output_check: {{file: "out/t-${{lr}}-${{seed}}"}}
  - {{name: evaluating, stage: eval, depends_on: [training], jobs: [{{id: eval, args: [eval]}}]}}
smoke: {{shape: {{time: 0:01:00}}, output_check: {{glob: out/smoke-*}}}}
rounds: {{sweep: 2, growth: 2}}
retry: {{most: 5, delay: 0:00:01, memory_percent: 50}}
"""
BEGIN = """mkdir -p out
name=${JOBSHAPE_SMOKE:+smoke-}$1
echo "$SLURM_JOB_ID" >> "ran-$name"
"""
END = """
sleep 0.3
echo "$SLURM_JOB_ID" >> "ended-$name"
echo done > "out/$name"
"""
HUNGRY = """case $name in
cache) head -c 110M /dev/zero | tail -c 110M | sleep 3; [ "${PIPESTATUS[1]}" = 137 ] && exit 1 ;;
esac
"""
SICK = """case $name-$SLURMD_NODENAME in
t-*-b1) echo "cp: cannot stat '/data/x': Stale file handle" >&2; exit 1 ;;
esac
"""
DISTILL = f"""
project: distill
stages:
  - name: teacher
    script: teacher.sh
    shape: {SHAPE}
    output_check: {{glob: "out/${{id}}/*.ckpt"}}
  - {{name: student, command: [sh, student.sh], shape: {SHAPE}}}
phases:
  - name: teachers
    stage: teacher
    jobs: [{{id: teacher-a, args: [teacher-a, 2]}}, {{id: teacher-b, args: [teacher-b, 9]}}]
  - name: students
    stage: student
    depends_on: [teachers]
    max_parallel: 4
    grid:
      parameters: {{teacher: [a, b], seed: [0, 1, 2]}}
      template:
        id: student-${{teacher}}-${{seed}}
        args: ["${{teacher}}", "${{seed}}"]
        preconditions: [{{checkpoint: "out/teacher-${{teacher}}/*.ckpt"}}]
        output_check:
          file: out/${{id}}.json
          json: [{{file: "out/${{id}}.json", path: loss, below: 2.0}}]
smoke: {{shape: {{time: 0:01:00}}, output_check: {{glob: out/smoke/*}}}}
"""
TEACHER = """#!/bin/bash
if [ -n "$JOBSHAPE_SMOKE" ]; then mkdir -p out/smoke; echo x > out/smoke/teacher; exit; fi
sleep "$2"
mkdir -p "out/$1"
echo weights > "out/$1/model.ckpt"
"""
STUDENT = """test -s "out/teacher-$1/model.ckpt" || exit 3
if [ -n "$JOBSHAPE_SMOKE" ]; then mkdir -p out/smoke; echo x > out/smoke/student; exit; fi
echo '{"loss": 1.5}' > "out/student-$1-$2.json"
"""


class Home:
    """A folder of alice's in the box, with two workloads and a state folder."""

    def __init__(self, box: Any, folder: str) -> None:
        self.box, self.folder = box, folder
        self.env = {"JOBSHAPE_STATE_DIR": f"{folder}/state", "JOBSHAPE_CONFIG_DIR": f"{folder}/c",
                    "JOBSHAPE_CACHE_DIR": f"{folder}/cache", "SLURM_TIME_FORMAT": "%s"}  # fmt: skip

    def run(self, *argv: str, cwd: str = "", check: bool = True) -> str:
        done = self.box.run(list(argv), env=self.env, cwd=cwd or self.folder, check=check)
        return str(done.stdout)

    def write(self, name: str, files: dict[str, str]) -> str:
        folder = f"{self.folder}/{name}"
        self.box.run(["mkdir", "-p", folder])
        for file, text in files.items():
            self.box.run(["tee", f"{folder}/{file}"], input=text)
        return folder

    def status(self, number: int) -> dict[str, Any]:
        text = self.run(*JOBSHAPE, "rounds", "status", str(number), "--json")
        found: dict[str, Any] = json.loads(text)
        return found

    def kill(self) -> bool:
        """SIGKILL for the process that runs the campaigns; whether there was one."""
        script = 'kill -9 "$(cut -d" " -f1 "$JOBSHAPE_STATE_DIR"/rounds-*.lock)"'
        done = self.box.run(["sh", "-c", script], env=self.env, check=False)
        return bool(done.returncode == 0)


@pytest.fixture
def home(box: Any) -> Iterator[Home]:
    made = Home(box, f"/home/alice/rounds-{uuid.uuid4().hex[:8]}")
    yield made
    made.kill()
    box.run(["scancel", "--user=alice"], check=False)


def ended(told: dict[str, Any]) -> bool:
    assert told["state"] in ("active", "finished"), told["question"]
    return bool(told["state"] == "finished")


def test_two_campaigns_killed_and_a_controller_restarted(home: Home) -> None:
    pipeline = home.write("pipeline", {
        "jobshape.yaml": PIPELINE, "work.sh": BEGIN + END,
        "cache.sh": f"#!/bin/bash\n{BEGIN}{HUNGRY}{END}",
        "train.sh": f"#!/bin/bash\n{BEGIN}{SICK}{END}",
    })  # fmt: skip
    distill = home.write("distill", {
        "jobshape.yaml": DISTILL, "teacher.sh": TEACHER, "student.sh": STUDENT,
    })  # fmt: skip
    home.run(*JOBSHAPE, "rounds", "start", cwd=pipeline)
    home.run(*JOBSHAPE, "rounds", "start", cwd=distill)
    chance, kills = random.Random(26), 0
    deadline = time.monotonic() + 300
    while not (ended(home.status(1)) and ended(home.status(2))):  # which starts what was killed
        assert time.monotonic() < deadline, home.status(1)["events"][-8:]
        if kills < 20:
            time.sleep(chance.uniform(0, 2))
            kills += home.kill()
        if kills == 8:
            home.box.restart("slurmctld")
            kills += home.kill()
    assert kills >= 10
    started = check_accounting(home)
    check_pipeline(home, pipeline, home.status(1), started)
    check_distill(home, distill, home.status(2), started)


def check_pipeline(
    home: Home, folder: str, told: dict[str, Any], started: dict[str, int]
) -> None:  # fmt: skip
    assert told["states"] == {"completed": 11}
    assert len(told["rounds"]) >= 4 and {one["state"] for one in told["rounds"]} == {"passed"}
    lines = home.run("sh", "-c", "grep -H . ran-* ended-*", cwd=folder).split()
    wrote = Counter(line.partition(":")[0] for line in lines)
    assert set(Counter(lines).values()) == {1}
    jobs = {}
    for one in told["trials"]:
        name = ("smoke-" if one["kind"] == "smoke" else "") + one["id"]
        jobs[name] = sum(job in started for job in one["jobs"])
        assert (wrote[f"ran-{name}"], wrote[f"ended-{name}"]) == (jobs[name], 1), one
    assert jobs["cache"] == 3
    assert all(2 <= jobs[name] <= 3 for name in jobs if name.startswith("t-"))
    assert all(jobs[name] == 1 for name in jobs if not name.startswith(("t-", "cache")))


def check_distill(
    home: Home, folder: str, told: dict[str, Any], started: dict[str, int]
) -> None:  # fmt: skip
    assert told["states"] == {"completed": 8}
    written = {
        name: int(home.run("stat", "-c", "%Y", f"{folder}/out/teacher-{name}/model.ckpt"))
        for name in "ab"
    }
    students = [one for one in told["trials"] if one["stage"] == "student"]
    assert len(students) == 7
    for one in students:
        assert len(one["jobs"]) == 1
        assert started[one["jobs"][0]] >= written[one["id"].split("-")[1]]


def check_accounting(home: Home) -> dict[str, int]:
    """No job of theirs is unknown to the campaigns or ran for two of them; when which began.

    A job sent ahead whose own had no chance is cancelled before it could run: sacct leaves it out.
    """
    known = Counter(job for number in (1, 2) for one in home.status(number)["trials"]
                    for job in one["jobs"])  # fmt: skip
    assert set(known.values()) == {1}
    rows = home.run("sacct", "-XnPD", "-o", "JobID,Start,WorkDir").splitlines()
    mine = [row.split("|") for row in rows if row.split("|")[2].startswith(home.folder)]
    began = [(job, int(start)) for job, start, _ in mine if start.isdigit()]
    started = dict(began)
    assert len(began) == len(started) and set(started) <= set(known)
    return started
