"""What was done to jobs is in the file before it is sent, and tells afterwards what came back."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.action import (
    ActionEntry,
    Ended,
    SubmissionRecord,
    batches_of,
    leading_id,
    new_batch,
    touches,
    words_of_changes,
)
from jobshape.app.domain.shape import JobShape
from jobshape.app.history import actions, living
from jobshape.app.history.history import History

from .conftest import NOW, Clock, job
from .test_safety import VERSION_1, in_child

GIB = 1 << 30


def hold(reference: str, batch: str = "", **more: object) -> ActionEntry:
    return ActionEntry("hold", reference, batch=batch, **more)  # type: ignore[arg-type]


def test_an_action_is_told_as_it_was_given(history: History, clock: Clock) -> None:
    entry = ActionEntry(
        "update", "4_[1-9%2]", "memory 4G -> 8G", {"memory_bytes": 8 * GIB},
        {"memory_bytes": 4 * GIB}, "oom: a \udce9 byte\n", "b1",
    )  # fmt: skip
    (first,) = history.begin_actions("box", "alice", [entry])
    record = history.action(first)
    assert record is not None
    assert (record.entry, record.outcome, record.words, record.user) == (
        entry, "asked", "", "alice",
    )  # fmt: skip
    assert (record.site, record.at, record.ended_at, record.undone_by) == ("box", NOW, None, None)
    clock.now += 3
    history.end_actions([Ended(first, "refused", "Access/permission denied")])
    record = history.action(first)
    assert record is not None
    assert (record.outcome, record.words, record.ended_at) == (
        "refused", "Access/permission denied", NOW + 3,
    )  # fmt: skip
    assert history.action(99) is None


def test_it_is_on_disk_before_it_is_sent(path: Path, history: History) -> None:
    def begin_and_be_killed() -> None:
        with History.to_write(path) as mine:
            mine.begin_actions("box", "alice", [hold("7")])
            os.kill(os.getpid(), 9)

    pid = in_child(begin_and_be_killed)
    os.waitpid(pid, 0)
    (record,) = history.actions("box", 10)
    assert (record.entry.job, record.outcome) == ("7", "unknown")
    assert record.words == actions.NOBODY_WAITED
    assert history._db.execute("SELECT outcome FROM actions").fetchall() == [("asked",)]


def test_of_another_machine_only_time_tells(
    history: History, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "this_process", lambda: "elsewhere 1 5")
    history.begin_actions("box", "alice", [hold("7")])
    assert history.actions("box", 1)[0].outcome == "asked"
    clock.now += living.OTHER_MACHINE_S + 1
    assert history.actions("box", 1)[0].outcome == "unknown"


def test_newest_first_and_no_batch_is_cut(history: History) -> None:
    for batch in ("a", "b"):
        history.begin_actions("box", "alice", [hold(str(n), batch) for n in range(5)])
    history.begin_actions("box", "alice", [hold("9")])
    history.begin_actions("other", "alice", [hold("1", "b")])
    found = history.actions("box", 3)
    assert [record.entry.job for record in found] == ["9", "4", "3", "2", "1", "0"]
    assert [len(batch.records) for batch in batches_of(found)] == [1, 5]
    assert [record.entry.job for record in batches_of(found)[1].records] == list("01234")
    assert history.actions("nowhere", 3) == []
    assert [record.site for record in history.actions("", 2)] == ["other", "box"]


def test_actions_of_a_job_are_those_on_its_array_too(history: History, clock: Clock) -> None:
    for reference in ("4", "4_7", "4_[1-3,7%2]", "4_[1-3]", "41", "5_7", ""):
        history.begin_actions("box", "alice", [hold(reference)])
        clock.now += 10

    def of(job: str, since: int | None = None) -> list[str]:
        return [record.entry.job for record in reversed(history.actions("box", 9, job, since))]

    assert of("4_7") == ["4", "4_7", "4_[1-3,7%2]"]
    assert of("4") == ["4", "4_7", "4_[1-3,7%2]", "4_[1-3]"]
    assert of("4", since=NOW + 15) == ["4_[1-3,7%2]", "4_[1-3]"]
    assert of("6") == []


def test_an_undo_that_worked_marks_what_it_took_back(history: History) -> None:
    first, second = history.begin_actions("box", "alice", [hold("1"), hold("2")])
    history.end_actions([Ended(first, "done"), Ended(second, "done")])
    undos = [ActionEntry("release", str(n), undoes=n) for n in (first, second)]
    one, two = history.begin_actions("box", "alice", undos)
    history.end_actions([Ended(one, "done"), Ended(two, "refused", "Job is running")])
    undone = {record.id: record.undone_by for record in history.actions("box", 9)}
    assert undone == {first: one, second: None, one: None, two: None}


def test_500_calls_take_a_fraction_of_a_second(history: History) -> None:
    entries = [hold(f"4_{n}", "b", before={"n": n}) for n in range(500)]
    began = time.process_time()
    ids = history.begin_actions("box", "alice", entries)
    history.end_actions([Ended(one, "done", "fine") for one in ids])
    assert len(history.actions("box", 500)) == 500
    assert time.process_time() - began < 0.2  # 10 ms where it was written


# --- submissions ----------------------------------------------------------------------------

SCRIPT = "#!/bin/bash\n#SBATCH --mem=4G\n" + "echo \udce9\n" * 300


def submission(**more: object) -> SubmissionRecord:
    known: dict[str, object] = {
        "name": "train", "script": SCRIPT, "script_path": "/home/alice/train.sh",
        "arguments": ("--lr", "0.1"), "shape": JobShape(memory_bytes=8 * GIB, gpus="a100:2"),
        "script_hash": "s1", "configuration_hash": "c1", "git_commit": "abc", "git_dirty": True,
        "reason": "oom", "request": {"hold": True}, "resubmitted_from": ("12_3", "12_4"),
        "lifted": {"gpu-memory": "needed"},
    }  # fmt: skip
    return SubmissionRecord(**{**known, **more})  # type: ignore[arg-type]


def test_a_submission_is_told_as_it_was_given(history: History, clock: Clock) -> None:
    given_ = submission(request={"hold": True, "environment": {"TOKEN": "x"}, "script": SCRIPT})
    number = history.begin_submission("box", "alice", given_)
    (action,) = history.actions("box", 5)
    assert (action.entry.method, action.entry.job) == ("submit", "")
    assert action.entry.title == "resubmit 12_3, 12_4: train 8G a100:2"
    clock.now += 2
    history.end_submission(number, 77, "done", "Submitted batch job 77")
    found = history.submission("box", 77)
    assert found is not None
    assert found == submission(
        id=number, site="box", user="alice", at=NOW, job_id=77, outcome="done",
        words="Submitted batch job 77", ended_at=NOW + 2,
    )  # fmt: skip
    (action,) = history.actions("box", 5, "77")
    assert (action.outcome, action.entry.reason) == ("done", "oom")
    assert history.script_of("box", 77) == SCRIPT
    assert history.script_of("box", 78) is None


def test_the_line_from_the_first_run_to_the_last_is_known(history: History) -> None:
    history.record_jobs("box", [job(12, array_job_id=12, array_task_id=3)], from_queue=True)
    number = history.begin_submission("box", "alice", submission())
    history.end_submission(number, 77, "done")
    history.record_jobs("box", [job(77, submit_time=NOW)], from_queue=True)
    assert [past.record.job.job_id for past in history.lineage("box", 77)] == [12, 77]


def test_a_task_has_the_script_of_its_array(history: History) -> None:
    number = history.begin_submission("box", "alice", submission())
    history.end_submission(number, 77, "done")
    history.record_jobs("box", [job(81, array_job_id=77, array_task_id=4)], from_queue=True)
    assert history.script_of("box", 81) == SCRIPT


def test_a_refused_one_has_no_job(history: History) -> None:
    number = history.begin_submission("box", "alice", submission(resubmitted_from=()))
    history.end_submission(number, None, "refused", "Invalid qos")
    (found,) = history.submissions("box")
    assert (found.job_id, found.outcome, found.words) == (None, "refused", "Invalid qos")
    history.end_submission(99, 5, "done")  # of a file that was set aside meanwhile
    assert history.submission("box", 5) is None


def test_submissions_are_found_by_their_hashes(history: History, clock: Clock) -> None:
    for script_hash, configuration_hash in (("s1", "c1"), ("s2", "c1"), ("s1", "c2")):
        history.begin_submission("box", "alice", submission(
            script_hash=script_hash, configuration_hash=configuration_hash,
        ))  # fmt: skip
        clock.now += 10
    ids = [found.id for found in history.submissions("box")]
    assert ids == [3, 2, 1]
    assert [found.id for found in history.submissions("box", script_hash="s1")] == [3, 1]
    assert [found.id for found in history.submissions("box", configuration_hash="c1")] == [2, 1]
    assert [found.id for found in history.submissions("box", since=NOW + 5)] == [3, 2]
    assert history.submissions("other") == []


def test_a_script_is_kept_once_and_packed(history: History) -> None:
    for text in (SCRIPT, SCRIPT, "#!/bin/sh\n"):
        history.begin_submission("box", "alice", submission(script=text))
    kept = history._db.execute("SELECT is_packed, length(content) FROM scripts").fetchall()
    assert [packed for packed, _ in kept] == [1, 0]
    assert kept[0][1] < len(SCRIPT) // 10


def test_a_file_of_version_1_has_none_and_takes_them_once_it_is_up_to_date(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_1)
    with closing(History.to_read(path)) as reader:  # type: ignore[type-var]
        assert reader is not None
        assert (reader.actions("box", 5), reader.action(1), reader.submissions("box")) == (
            [], None, [],
        )  # fmt: skip
        assert reader.script_of("box", 12) is None
    with History.to_write(path) as history:
        history.begin_actions("box", "alice", [hold("12")])
        past = history.job("box", 12)
        assert past is not None and past.note == "a note"
        assert len(history.actions("box", 5)) == 1


# --- words and references -------------------------------------------------------------------


def test_changes_are_told_in_words() -> None:
    before = {"memory_bytes": 4 * GIB, "time_limit_s": 3600, "comment": ""}
    after = {"memory_bytes": 8 * GIB, "time_limit_s": 7200, "qos": "long", "nice": 0, "name": None}
    assert words_of_changes(before, after) == (
        "memory a node 4G -> 8G, walltime 01:00:00 -> 02:00:00, QOS - -> long, nice - -> 0"
    )


def test_batches_have_names_of_their_own() -> None:
    assert len({new_batch() for _ in range(100)}) == 100


@given(st.text(max_size=12), st.text(max_size=12))
def test_any_reference_can_be_asked_for(reference: str, other: str) -> None:
    assert touches(reference, reference)
    assert touches(reference, other) == touches(other, reference)
    leading_id(reference)


@given(st.integers(1, 99), st.integers(0, 99), st.integers(0, 99))
def test_a_task_is_within_its_array(array: int, first: int, task: int) -> None:
    last = first + 10
    assert touches(str(array), f"{array}_{task}")
    assert touches(f"{array}_[{first}-{last}]", f"{array}_{task}") == (first <= task <= last)
    assert not touches(f"{array}_[{first}-{last}]", f"{array + 1}_{task}")
