"""``check`` on a real Slurm: what it names before anything is sent, beside sbatch's own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

ROOT = Path(__file__).parents[2]
VALID = fastjsonschema.compile(json.loads((ROOT / "app/schemas/check-1.json").read_text("utf-8")))
JOBSHAPE = ["/opt/jobshape/bin/python", "-m", "jobshape"]
FINE = ["--partition=main", "--time=5", "--mem=50M", "--mail-type=END"]


def check(box: Any, *options: str, backend: str = "auto") -> tuple[int, dict[str, list[Any]]]:
    lines = "\n".join(f"#SBATCH {option}" for option in options)
    script = f"#!/bin/bash\n{lines}\nsleep 30\n"
    command = [*JOBSHAPE, "--backend", backend, "check", "--json", "chk.sh"]
    done = box.run(
        ["bash", "-c", 'cd; printf %s "$1" > chk.sh; shift; exec "$@"', "-", script, *command],
        user="alice", check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    made = json.loads(done.stdout)
    VALID(made)
    found: dict[str, list[Any]] = {}
    for line in made["lines"]:
        found.setdefault(line["rule"], []).append(line)
    return done.returncode, found


@pytest.mark.parametrize("backend", ["auto", "commands"])
def test_a_good_script_passes(box: Any, backend: str) -> None:
    code, lines = check(box, *FINE, "--account=physics", "--qos=high", backend=backend)
    assert code == 0, lines
    assert {one["verdict"] for rule in lines.values() for one in rule} == {"pass"}
    assert lines["site_accepts"][0]["why"].startswith("it would start ")


@pytest.mark.parametrize(
    ("wrong", "rule", "title", "fix"),
    [
        ("--partition=mian", "partition", "no partition mian", "did you mean main?"),
        ("--time=3-00", "walltime", "walltime 3-00:00:00 is above the limit of partition main",
         "--time=1-00:00:00"),
        ("--gres=gpu:h100:1", "gpu_type", "no GPU of type h100 in partition main",
         "did you mean a100?"),
        ("--account=physic", "account", "you are not in account physic",
         "did you mean physics?"),
        ("--qos=hihg", "qos", "no QOS hihg", "did you mean high?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_line(
    box: Any, wrong: str, rule: str, title: str, fix: str
) -> None:
    code, lines = check(box, *FINE, wrong)
    (line,) = lines[rule]
    assert code == 1
    assert (line["verdict"], line["title"], line["line"]) == ("block", title, 6)
    assert fix in line["fix"]
    (said,) = lines["site_accepts"]
    if rule == "walltime":  # this site takes it, and lets it wait for good
        assert said["verdict"] == "pass" and "waits for good" in line["why"]
    else:
        assert said["verdict"] == "block" and said["why"]


def test_a_job_with_the_same_script_is_told(box: Any) -> None:
    check(box, *FINE)
    sent = box.run(["bash", "-c", "cd; sbatch --parsable chk.sh"], user="alice").stdout.strip()
    try:
        _, lines = check(box, *FINE)
        (line,) = lines["duplicate"]
        assert (line["verdict"], line["title"]) == (
            "warn", f"job {sent} has the same script, name and folder",
        )  # fmt: skip
        _, lines = check(box, *FINE, "--comment=other")
        assert lines["duplicate"][0]["verdict"] == "pass"
    finally:
        box.run(["scancel", sent], user="alice")


PAGE = """kind = "slurm"
[[partitions]]
name = "main"
[[partitions]]
name = "smoke"
role = "smoke"
"""
SMOKE = r"""
export JOBSHAPE_CONFIG_DIR=$(mktemp -d) JOBSHAPE_STATE_DIR=$(mktemp -d)
mkdir "$JOBSHAPE_CONFIG_DIR/sites"; printf %s "$1" > "$JOBSHAPE_CONFIG_DIR/sites/slurm.toml"
cd "$JOBSHAPE_STATE_DIR"; shift
printf '#!/bin/bash\n#SBATCH --time=5 --mem=50M --mail-type=END\ntrue\n' > job.sh
smoke() { "$@" check --json job.sh | grep -A1 '"rule": "smoke"' | tail -1; }
smoke "$@"
job=$("$@" submit --json --partition smoke job.sh | grep -o '"job": [0-9]*' | grep -o '[0-9]*')
"$@" wait "$job" > /dev/null 2>&1
sleep 1
until [ "$(sacct -nXj "$job" -o state%20 | tr -d ' ')" = COMPLETED ]; do sleep 0.5; done
smoke "$@"
sed -i 's/^true/sleep 1/' job.sh
smoke "$@"
"""


def test_smoke_passes_by_what_the_site_says_though_no_screen_saw_it(box: Any) -> None:
    done = box.run(["bash", "-c", SMOKE, "-", PAGE, *JOBSHAPE], user="alice", check=False)
    verdicts = [line.strip() for line in done.stdout.splitlines()]
    assert verdicts == ['"verdict": "block",', '"verdict": "pass",', '"verdict": "block",'], (
        done.stdout, done.stderr,
    )  # fmt: skip
