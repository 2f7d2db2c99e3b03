"""``check`` beside jobs that really run on this machine: twice the same, and smoke first."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SEND = """
import sys
from pathlib import Path
from jobshape.app.backends.local.backend import LocalBackend
from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.history.history import History
from jobshape.app.preflight.subject import subject_of
from jobshape.app.settings.load import load_settings
from jobshape.app.sites import choose_site

script, folder, history = sys.argv[1:]
site = choose_site(load_settings({"site.name": ("local", "--site")}))
made = subject_of(Path(script).read_text(), path=script, work_dir=folder)
record = SubmissionRecord(
    made.name, made.script, script, made.arguments, made.shape, made.script_hash,
    made.configuration_hash,
)
with History.to_write(Path(history)) as kept:
    number = kept.begin_submission("local", "me", record)
    request = SubmitRequest(made.script, name=made.name, work_dir=folder)
    job = LocalBackend(site.local).submit(request)
    kept.end_submission(number, job, "done")
print(job)
"""

SCRIPT = "#!/bin/bash\n#SBATCH --time=5 --mem=50M --partition={}\n{}\n"


def send(machine: Any, name: str, text: str) -> str:
    path = machine.folder / name
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", SEND, name, str(machine.folder), str(machine.state / "history.db")],
        env=machine.environment, cwd=machine.folder, timeout=60, capture_output=True, text=True,
        check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return done.stdout.strip()


def check(machine: Any, name: str, *, code: int) -> dict[str, dict[str, Any]]:
    said = machine.run("--site", "local", "check", "--json", name, code=code)
    return {line["rule"]: line for line in json.loads(said)["lines"]}


def test_smoke_first_then_once_and_not_twice(machine: Any) -> None:
    trial, real = SCRIPT.format("smoke", "[ -e go ] || exit 0; sleep 60"), "real.sh"
    Path(machine.folder / real).write_text(trial.replace("smoke", "main"))
    lines = check(machine, real, code=1)
    assert lines["smoke"]["title"] == "no smoke test of this configuration has passed"
    assert {rule for rule, line in lines.items() if line["verdict"] == "block"} == {"smoke"}

    job = send(machine, "trial.sh", trial)
    machine.run("--site", "local", "wait", job)
    lines = check(machine, real, code=0)
    assert lines["smoke"]["title"] == f"smoke passed: job {job}"

    (machine.folder / "go").touch()
    job = send(machine, real, trial.replace("smoke", "main"))
    lines = check(machine, real, code=1)
    assert lines["duplicate"]["title"].startswith(f"job {job} is the same, and ")
    assert lines["in_flight"]["title"] == "1 of 4 jobs in the queue"
