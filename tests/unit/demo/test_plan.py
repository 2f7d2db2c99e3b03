"""What the demo submits: the five stages in order, and some jobs that do not go well."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from jobshape.app.demo import plan, work
from jobshape.app.demo.plan import ROUNDS, STAGES, batch
from jobshape.app.domain.units import parse_duration, parse_size

SCRIPTS = {path.name: path.read_text() for path in Path(plan.__file__).parent.glob("scripts/*.sh")}


def asked(script: str, option: str) -> str:
    found = re.search(rf"^#SBATCH --{option}=(.*)$", SCRIPTS[script], re.MULTILINE)
    assert found, f"{script} asks for no {option}"
    return found[1]


def used(script: str, option: str) -> float:
    found = re.search(rf"--{option} ([0-9.]+)", SCRIPTS[script].rpartition("work.py")[2])
    assert found
    return float(found[1])


def test_every_job_has_a_script_and_waits_for_earlier_ones_only() -> None:
    seen: set[str] = set()
    for planned in batch(1):
        assert planned.script in SCRIPTS
        assert {name for _, name in planned.after} <= seen
        assert planned.name not in seen
        seen.add(planned.name)
    assert {name.partition("_")[0] for name in seen} == set(STAGES.values())


def test_the_rounds_of_a_later_start_stand_alone() -> None:
    later = list(batch(1 + ROUNDS))
    names = {planned.name for planned in later}
    assert all(name in names for planned in later for _, name in planned.after)
    assert not names & {p.name for p in batch(1) if "_r" in p.name}


@pytest.mark.parametrize("script", sorted(SCRIPTS))
def test_a_script_is_one_that_slurm_takes(script: str) -> None:
    lines = SCRIPTS[script].splitlines()
    assert lines[0] == "#!/bin/bash"
    body = next(n for n, line in enumerate(lines) if n and not line.startswith("#"))
    assert all(not line.startswith("#SBATCH") for line in lines[body:])
    assert parse_size(asked(script, "mem")) and parse_duration(asked(script, "time"))
    assert asked(script, "output").startswith("logs/")


def test_some_ask_for_far_too_much_and_some_for_too_little() -> None:
    mib = {name: (parse_size(asked(name, "mem")) or 0) >> 20 for name in SCRIPTS}
    time_s = {name: parse_duration(asked(name, "time")) or 0 for name in SCRIPTS}
    assert mib["cache.sh"] > 10 * used("cache.sh", "memory")
    assert mib["eval_full.sh"] < used("eval_full.sh", "memory") / 3
    assert time_s["train.sh"] > 1000 * used("train.sh", "seconds")
    assert time_s["train_probe.sh"] < used("train_probe.sh", "seconds")
    assert mib["sweep_eval.sh"] < used("sweep_eval.sh", "memory") < 2 * mib["sweep_eval.sh"] - 25
    modest = set(SCRIPTS) - {"eval_full.sh", "sweep_eval.sh"}
    assert all(mib[name] > used(name, "memory") + 25 for name in modest)
    assert max(mib.values()) < 2048 and all(used(name, "memory") <= 250 for name in SCRIPTS)


def test_the_work_makes_the_files_of_the_next_stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "2")
    monkeypatch.setattr("os.nice", lambda _: 0)
    for stage in ("fetch", "preprocess", "cache", "train", "eval"):
        words = [stage, "--seconds", "0.05", "--memory", "1", "--round", "3"]
        monkeypatch.setattr("sys.argv", ["work.py", *words])
        assert work.main() == 0
    made = {path.name for path in (tmp_path / "data" / "round-3").iterdir()}
    assert made == {*(f"shard-{n}" for n in range(6)), "tokens-2", "cache"}
