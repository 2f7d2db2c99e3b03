"""What history knows of a script, from a real file."""

from __future__ import annotations

import time
from pathlib import Path

from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.job import NO_JOB, AccountedJob
from jobshape.app.domain.site_facts import SiteFacts
from jobshape.app.history.history import History
from jobshape.app.preflight.facts import PastFacts, Sent
from jobshape.app.preflight.past import look_into_past, open_ends, with_ends
from jobshape.app.preflight.subject import Subject

from .builders import own, script, subject


def sent(history: History, made: Subject, job_id: int, *, site: str = "box") -> None:
    record = SubmissionRecord(
        "job.sh", made.script, arguments=made.arguments, shape=made.shape,
        script_hash=made.script_hash, configuration_hash=made.configuration_hash,
    )  # fmt: skip
    number = history.begin_submission(site, "alice", record)
    history.end_submission(number, job_id, "done")


def ended(history: History, job_id: int, state: str, **fields: object) -> None:
    now = int(time.time())
    job = NO_JOB._replace(
        job_id=job_id,
        state=state,
        name="t",
        user="alice",
        submit_time=now - 60,
        start_time=now - 50,
        end_time=now,
        partition="smoke",
    )._replace(**fields)  # type: ignore[arg-type]
    history.record_jobs("box", [AccountedJob(job, 50, None, None, "")], from_queue=False)


def test_earlier_submissions_of_the_same_configuration(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    first, other_shape = subject("-p smoke", "--time=5"), subject("-p main", "--time=50")
    other = subject("-p main", run="srun false")
    with History.to_write(path) as history:
        sent(history, first, 1)
        ended(history, 1, "COMPLETED")
        sent(history, other_shape, 2)
        sent(history, other, 3)
        sent(history, first, 4, site="elsewhere")
    found = look_into_past(path, "box", other_shape, SiteFacts(queue=(own(2, "PENDING"),)))
    assert found.sent == (
        Sent(2, "main", "", "PENDING", same=True),
        Sent(1, "smoke", "", "COMPLETED", same=False),
    )
    assert look_into_past(path, "box", other, None).sent == (
        Sent(3, "main", "", "", same=True),
    )  # fmt: skip


def test_other_arguments_make_another_configuration(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with History.to_write(path) as history:
        sent(history, subject(arguments=("a",)), 1)
    assert look_into_past(path, "box", subject(arguments=("b",)), None).sent == ()
    assert look_into_past(path, "box", subject(arguments=("a",)), None).sent[0].same


def test_an_array_completed_only_if_all_of_its_tasks_did(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    made = subject("--array=0-1")
    with History.to_write(path) as history:
        sent(history, made, 10)
        for task, state in ((0, "COMPLETED"), (1, "FAILED")):
            ended(history, 10 + task, state, array_job_id=10, array_task_id=task)
    (found,) = look_into_past(path, "box", made, None).sent
    assert (found.state, found.array) == ("FAILED", "0-1")


def test_ends_that_history_does_not_know_come_from_accounting() -> None:
    states = {1: "", 2: "RUNNING", 3: "FAILED", 4: "PENDING"}
    sent = [Sent(number, "", "", state, same=True) for number, state in states.items()]
    past = PastFacts(sent=tuple(sent))
    assert open_ends(past, SiteFacts(queue=(own(4, "PENDING"),))) == [1, 2]
    ended = [
        NO_JOB._replace(job_id=1, state="COMPLETED", partition="smoke"),
        NO_JOB._replace(job_id=2, array_job_id=2, state="COMPLETED", partition="smoke"),
        NO_JOB._replace(job_id=9, array_job_id=2, state="TIMEOUT", partition="smoke"),
    ]
    told = with_ends(past, ended).sent
    assert [(one.state, one.partition) for one in told] == [
        ("COMPLETED", "smoke"), ("TIMEOUT", "smoke"), ("FAILED", ""), ("PENDING", ""),
    ]  # fmt: skip


def test_where_nothing_is_known(tmp_path: Path) -> None:
    made = subject(text=script())
    assert look_into_past(tmp_path / "nix.db", "box", made, None) == PastFacts()
    assert "history.enabled" in look_into_past(None, "box", made, None).trouble
    (tmp_path / "bad.db").write_bytes(b"no database" * 1000)
    assert "cannot be read" in look_into_past(tmp_path / "bad.db", "box", made, None).trouble
