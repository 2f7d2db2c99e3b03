"""``jobshape history actions`` and ``history script``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jobshape.app.actions_report import lines_to_look_at
from jobshape.app.cli import main
from jobshape.app.domain.action import ActionEntry, Ended, SubmissionRecord
from jobshape.app.domain.job import NO_JOB
from jobshape.app.history.history import History
from jobshape.app.settings.folders import state_folder

SCRIPT = "#!/bin/bash\n#SBATCH --mem=4G\n\techo \udce9 \x1b[31m\n"


@pytest.fixture
def some(own_folders: Path) -> Path:
    path = state_folder() / "history.db"
    with History.to_write(path) as history:
        ids = history.begin_actions("box", "alice", [
            ActionEntry("update", "4_7", "memory a node 4G -> 8G", {"memory_bytes": 8},
                        {"memory_bytes": 4}, "oom \x1b[31m", "b"),
            ActionEntry("hold", "12", batch="b"),
        ])  # fmt: skip
        history.end_actions([Ended(ids[0], "done"), Ended(ids[1], "refused", "no\nway")])
        (undo,) = history.begin_actions("box", "alice", [ActionEntry("update", "4_7", undoes=1)])
        history.end_actions([Ended(undo, "done")])
        number = history.begin_submission("box", "alice", SubmissionRecord("train", SCRIPT))
        history.end_submission(number, 77, "done", "Submitted batch job 77")
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["history", *arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_the_table_is_for_people(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "actions")
    assert (code, err) == (0, "")
    head, *rows = out.splitlines()
    assert head.split() == ["Time", "User", "Job", "Outcome", "Action", "Why", "Answer"]
    assert len(rows) == 4
    assert "submit: train" in rows[0] and rows[0].endswith("Submitted batch job 77")
    assert "refused" in rows[2] and "no␊way" in rows[2]
    assert "done, undone" in rows[3] and "memory a node 4G -> 8G" in rows[3]
    assert "\x1b" not in out


def test_jobs_limits_and_times(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def jobs(*arguments: str) -> list[str]:
        code, out, _ = run(capsys, "actions", *arguments, "--json")
        assert code == 0
        return [one["job"] for one in json.loads(out)["actions"]]

    assert jobs() == ["77", "4_7", "12", "4_7"]
    assert jobs("4") == ["4_7", "4_7"]
    assert jobs("12", "77") == ["77", "12"]
    assert jobs("99") == []
    assert jobs("--limit", "2") == ["77", "4_7"]
    assert jobs("--since", "1h") == ["77", "4_7", "12", "4_7"]
    assert jobs("--since", "2038-01-01") == []
    assert jobs("--site", "other") == []


def test_json_has_every_field(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "actions", "12", "--json")
    document = json.loads(out)
    assert (document["schema"], document["more"]) == ("jobshape.actions/1", False)
    (action,) = document["actions"]
    assert action == {
        "id": 2, "site": "box", "user": "alice", "at": action["at"], "method": "hold",
        "job": "12", "title": "hold", "arguments": {}, "before": {}, "reason": "", "batch": "b",
        "outcome": "refused", "words": "no\nway", "ended_at": action["ended_at"], "undoes": None,
        "undone_by": None,
    }  # fmt: skip


def test_a_script_comes_out_as_it_was(
    some: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["history", "script", "77"]) == 0
    assert capfdbinary.readouterr().out == SCRIPT.encode("utf-8", "surrogateescape")
    assert main(["history", "script", "77_3"]) == 0
    assert capfdbinary.readouterr().out == SCRIPT.encode("utf-8", "surrogateescape")


def test_on_a_terminal_it_steers_nothing() -> None:
    assert list(lines_to_look_at(SCRIPT))[2] == "        echo � ␛[31m"


def test_of_two_sites_one_is_to_be_named(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with History.to_write(some) as history:
        number = history.begin_submission("other", "alice", SubmissionRecord("x", "#!/bin/sh\n"))
        history.end_submission(number, 77, "done")
        task = NO_JOB._replace(job_id=80, state="RUNNING", array_job_id=77, array_task_id=1)
        history.record_jobs("other", [task], from_queue=True)
    code, _, err = run(capsys, "script", "77")
    assert (code, "add --site box" in err) == (2, True)
    assert run(capsys, "script", "77", "--site", "other")[:2] == (0, "#!/bin/sh\n")
    assert run(capsys, "script", "80")[:2] == (0, "#!/bin/sh\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("script",), "which job's script?"),
        (("script", "12", "13"), "which job's script?"),
        (("script", "x"), "is no job id"),
        (("script", "12"), "no script of job 12 is kept"),
        (("actions", "x"), "is no job id"),
        (("actions", "--since", "never"), "is no time"),
    ],
)
def test_what_makes_no_sense_is_told(
    some: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert words in err


def test_without_a_history(own_folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "there is no history yet" in run(capsys, "actions")[1]
    assert "no script of job 1 is kept" in run(capsys, "script", "1")[2]
