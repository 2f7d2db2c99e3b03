"""A pipeline of five stages runs by itself from its smokes to two scaled rounds, killed or not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

MANIFEST = """
project: pipeline
stages:
  - {name: fetch, command: [sh, work.sh], shape: {cpus: 1, memory: 60M, time: 0:05:00}}
  - {name: preprocess, command: [sh, work.sh], shape: {cpus: 1, memory: 60M, time: 0:05:00}}
  - {name: cache, command: [sh, work.sh], shape: {cpus: 1, memory: 60M, time: 0:05:00}}
  - {name: train, script: train.sh, shape: {cpus: 1, memory: 60M, time: 0:05:00}}
  - {name: eval, command: [sh, work.sh], shape: {cpus: 1, memory: 60M, time: 0:05:00}}
phases:
  - {name: fetching, stage: fetch, jobs: [{id: fetch, args: [fetch]}]}
  - name: preprocessing
    stage: preprocess
    depends_on: [fetching]
    grid:
      parameters: {shard: [0, 1, 2]}
      template: {id: "pre-${shard}", args: ["pre-${shard}"]}
  - {name: caching, stage: cache, depends_on: [preprocessing], jobs: [{id: cache, args: [cache]}]}
  - name: training
    stage: train
    depends_on: [caching]
    grid:
      parameters: {lr: [1e-3, 1e-2, 1e-1], seed: [0, 1, 2, 3]}
      template:
        id: train-${lr}-${seed}
        args: ["train-${lr}-${seed}"]
        output_check: {file: "out/train-${lr}-${seed}"}
  - {name: evaluating, stage: eval, depends_on: [training], jobs: [{id: eval, args: [eval]}]}
smoke: {shape: {time: 0:01:00}, output_check: {glob: out/smoke-*}}
rounds: {sweep: 3, growth: 2}
retry: {most: 4, delay: 0:00:01, memory_percent: 50}
"""
WORK = """
mkdir -p out
name=${JOBSHAPE_SMOKE:+smoke-}$1
echo "$SLURM_JOB_ID" >> "ran-$name"
sleep 0.1
echo "$SLURM_JOB_ID" >> "ended-$name"
echo done > "out/$name"
"""
HUNGRY, FLAKY = "train-1e-2-1", "train-1e-3-2"
TRAIN = f"""#!/bin/bash
#SBATCH --comment=of_its_own
mkdir -p out
name=${{JOBSHAPE_SMOKE:+smoke-}}$1
echo "$SLURM_JOB_ID" >> "ran-$name"
case $name in
{HUNGRY}) head -c 110M /dev/zero | tail -c 110M | sleep 1 ;;
{FLAKY}) if [ "$(wc -l < "ran-$name")" -lt 2 ]; then
  echo "cp: cannot stat '/data/x': Stale file handle" >&2
  exit 1
fi ;;
esac
sleep 0.1
echo "$SLURM_JOB_ID" >> "ended-$name"
echo done > "out/$name"
"""
ACCOUNTING = """
import json
from jobshape.app.backends.base import Scope
from jobshape.app.collector.choose import choose_backend
from jobshape.app.settings.load import load_settings
from jobshape.app.sites import choose_site
site = choose_site(load_settings({"site.name": ("local", "test")}))
backend = choose_backend("local", None, local=site.local.head())[1]
print(json.dumps([(one.job.label, one.job.state) for one in backend.accounting(Scope.MINE, 0)]))
"""
JOBS = 18
SITE = ("--site", "local")


def set_up(folder: Path) -> None:
    (folder / "jobshape.yaml").write_text(MANIFEST)
    (folder / "work.sh").write_text(WORK)
    (folder / "train.sh").write_text(TRAIN)


def status(machine: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(machine.run(*SITE, "rounds", "status", "1", "--json"))
    return found


def accounting(machine: Any) -> list[tuple[str, str]]:
    """Every job that the site ever had, with its end."""
    done = subprocess.run(
        [sys.executable, "-c", ACCOUNTING], env=machine.environment, check=True,
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return [(job, state) for job, state in json.loads(done.stdout)]


def wait_for_end(machine: Any, within_s: float) -> dict[str, Any]:
    deadline = time.monotonic() + within_s
    while True:
        told = status(machine)
        if told["state"] != "active":
            assert told["state"] == "finished", told["question"]
            return told
        assert time.monotonic() < deadline, told["events"][-5:]
        time.sleep(0.5)


def check(machine: Any, told: dict[str, Any]) -> None:
    """Nothing was lost, nothing ran twice: by what the jobs wrote, and by accounting."""
    folder: Path = machine.folder
    assert told["states"] == {"completed": JOBS}
    assert [(one["round"], one["state"]) for one in told["rounds"]] == [
        (number, "passed") for number in range(4)
    ]
    full = [one for one in told["trials"] if one["kind"] == "full"]
    smokes = [one for one in told["trials"] if one["kind"] == "smoke"]
    assert Counter(one["target"] for one in smokes) == Counter(
        ["fetch", "preprocess", "cache", "train", "eval"]
    )
    for one in told["trials"]:
        name = ("smoke-" if one["kind"] == "smoke" else "") + one["id"]
        ran = (folder / f"ran-{name}").read_text().split()
        assert len(ran) == len(set(ran)) == len(one["jobs"]), (name, ran, one)
        assert len((folder / f"ended-{name}").read_text().split()) == 1, name
    attempts = {one["id"]: len(one["jobs"]) for one in full}
    assert attempts.pop(HUNGRY) == 3 and attempts.pop(FLAKY) == 2
    assert set(attempts.values()) == {1}
    known = Counter(job for one in told["trials"] for job in one["jobs"])
    assert known == Counter(job for job, _ in accounting(machine))


def test_killed_twenty_times(machine: Any) -> None:
    set_up(machine.folder)
    machine.run(*SITE, "rounds", "start")
    chance, kills = random.Random(26), 0
    while kills < 20 and status(machine)["state"] == "active":  # which starts it again
        time.sleep(chance.uniform(0, 0.8))
        with suppress(ValueError, OSError):
            os.kill(int((machine.state / "rounds-local.lock").read_text().split()[0]),
                    signal.SIGKILL)  # fmt: skip
            kills += 1
    assert kills >= 10
    check(machine, wait_for_end(machine, 200))
