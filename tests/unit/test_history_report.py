"""``jobshape history``: what it finds, how it prints it, tags and notes."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.cli import main
from jobshape.app.domain.job import NO_JOB, AccountedJob
from jobshape.app.history.history import History
from jobshape.app.history_report import BadRequestOfHistory, read_moment
from jobshape.app.settings.folders import state_folder


def job(job_id: int, **fields: Any) -> AccountedJob:
    now = int(time.time())  # not of when the tests were collected: that may be long ago
    known = {
        "name": f"train_{job_id}", "user": "alice", "state": "COMPLETED", "stage": "training",
        "submit_time": now - 900, "start_time": now - 800, "end_time": now - 100 * job_id,
        "memory_bytes": 1 << 30, "partition": "gpu", "time_limit_s": 3600,
    }  # fmt: skip
    record = NO_JOB._replace(job_id=job_id, **{**known, **fields})
    return AccountedJob(record, 700, 1.5, 512 << 20, "0:0")


@pytest.fixture
def some(own_folders: Path) -> Path:
    path = state_folder() / "history.db"
    with History.to_write(path) as history:
        history.record_jobs("box", [
            job(1), job(2, state="OUT_OF_MEMORY", comment="=cmd|' /C calc'!A0"),
            job(3, name="\x1b[31mred\nline", stage="unassigned", memory_bytes=None),
            job(4, array_job_id=4, array_task_id=1), job(5, array_job_id=4, array_task_id=2),
        ], from_queue=False)  # fmt: skip
        history.record_jobs("other", [job(1, name="far away")], from_queue=False)
        history.record_jobs("box", [job(7, state="RUNNING", end_time=None)], from_queue=False)
        history.record_lost("box", [7])
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["history", *arguments])
    out = capsys.readouterr()
    return code, out.out, out.err


def ids(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    code, out, _ = run(capsys, *arguments, "--json")
    assert code == 0
    return [found["id"] for found in json.loads(out)["jobs"]]


def test_the_table_is_for_people(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split()[:4] == ["Site", "ID", "State", "Last"]
    assert len(lines) == 8
    assert "\x1b" not in out
    assert "␛[31mred␊line" in out
    assert "RUNNING, then unknown" in out
    line = next(line for line in lines if "OUT_OF_MEMORY" in line)
    assert "00:11:40" in line  # as long as accounting says
    assert " 1.0G  512M " in line.replace("1G", "1.0G")


def test_jobs_are_found_by_everything(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ids(capsys, "2", "4_1") == ["2", "4_1"]
    assert ids(capsys, "4") == ["4_1", "4_2"]
    assert ids(capsys, "far", "away") == ["1"]
    assert ids(capsys, "--state", "oom") == ["2"]
    assert ids(capsys, "--name", "train_*", "--limit", "2", "--site", "box") == ["7", "1"]
    assert ids(capsys, "--stage", "unassigned") == ["3"]
    assert ids(capsys, "--since", "250s", "--site", "box") == ["7", "1", "2"]
    assert ids(capsys, "--until", "2020-01-01") == []
    assert ids(capsys, "nothing like it") == []


def test_the_json_has_every_field_and_null_for_the_unknown(
    some: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(run(capsys, "3", "--json")[1])
    assert document["schema"] == "jobshape.history/1"
    assert (document["total"], document["more"]) == (7, False)
    (found,) = document["jobs"]
    assert found["memory_bytes"] is None
    assert found["max_rss_bytes"] == 512 << 20
    assert (found["elapsed_s"], found["wait_s"], found["phase"]) == (700, 100, "done")
    assert (found["end_unknown"], found["tags"]) == (False, [])


def test_the_csv_opens_harmlessly(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = list(csv.DictReader(io.StringIO(run(capsys, "--csv", "--site", "box")[1])))
    assert len(rows) == 6
    (oom,) = [row for row in rows if row["state"] == "OUT_OF_MEMORY"]
    assert oom["comment"].startswith("'=cmd")
    (odd,) = [row for row in rows if row["stage"] == "unassigned"]
    assert (odd["name"], odd["memory_bytes"]) == ("␛[31mred␊line", "")


def test_what_is_to_be_known_of_a_site_is_said(
    some: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with History.to_write(some) as history:
        history.set_remark("box", "no accounting on this site")
    assert "box: no accounting on this site" in run(capsys)[1]
    remarks = json.loads(run(capsys, "--json")[1])["remarks"]
    assert remarks == [{"site": "box", "remark": "no accounting on this site"}]
    assert "no accounting" not in run(capsys, "--site", "other")[1]


def test_tags_and_notes_are_written_and_taken_back(
    some: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "tag", "2", "baseline", "good")[:2] == (0, "2: tagged baseline good\n")
    assert run(capsys, "tag", "4", "sweep")[1] == "4 (2 tasks): tagged sweep\n"
    assert ids(capsys, "--tag", "baseline", "--tag", "good") == ["2"]
    assert ids(capsys, "--tag", "sweep") == ["4_1", "4_2"]
    assert run(capsys, "untag", "2", "good")[0] == 0
    assert ids(capsys, "--tag", "good") == []
    assert run(capsys, "note", "2", "lr", "too high")[1] == "2: noted\n"
    assert ids(capsys, "too high") == ["2"]
    assert run(capsys, "note", "2", "")[1] == "2: the note is gone\n"
    assert ids(capsys, "too high") == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tag", "99", "x"], "the history knows no job 99"),
        (["tag", "1", "x"], "add --site box"),
        (["tag", "2"], "no tag was given"),
        (["tag", "2", "two words"], "cannot be a tag"),
        (["tag"], "which job"),
        (["tag", "abc", "x"], "no job id"),
        (["untag", "2", "nope"], "it has no tags"),
        (["note", "2"], "takes it back"),
        (["note", "2", "x" * 3000], "2000 are the most"),
        (["--since", "soon"], "write 2d"),
        (["--state", "asleep"], "no state of Slurm"),
    ],
)
def test_what_makes_no_sense_is_told_with_what_to_do(
    some: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_without_a_history_it_says_so(
    own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys)
    assert (code, out) == (0, "there is no history yet: it begins when jobshape first runs\n")
    assert not state_folder().exists()


def test_more_than_the_limit_is_told(some: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "the newest 2 are shown" in run(capsys, "--limit", "2")[1]
    assert "shown" not in run(capsys, "--limit", "7")[1]
    with pytest.raises(SystemExit):
        main(["history", "--limit", "0"])


def test_moments_are_spans_or_dates(own_folders: Path) -> None:
    now = 1_800_000_000.0
    assert read_moment("2d", "--since", now) == 1_800_000_000 - 2 * 86400
    assert read_moment("1h30", "--since", now) == 1_800_000_000 - 5400
    today = read_moment("today", "--since", now)
    assert 0 <= now - today < 86400 + 3600
    assert 82_000 < today - read_moment("yesterday", "--since", now) < 91_000
    assert read_moment("2027-01-15T08:00:00+00:00", "--since", now) == 1_800_000_000
    assert read_moment("1700000000", "--since", now) == 1_700_000_000
    for odd in ("", "2", "2 parsecs", "2026-13-01", "9" * 40, "unlimited"):
        with pytest.raises(BadRequestOfHistory):
            read_moment(odd, "--since", now)
