"""squeue's text: what no cluster at hand will print."""

from __future__ import annotations

from typing import Any

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.commands.queue import (
    FIELD,
    exit_code_of,
    parse_queue,
    queue_command,
)
from jobshape.app.domain.job import NO_JOB, Job

MARK = "\x1e77aa"
FIELDS = (
    "job_id", "label", "state", "reason", "start", "end", "limit", "user", "account", "partition",
    "qos", "priority", "submitted", "eligible", "nodes", "node_list", "tasks", "cpus", "tres",
    "dependency", "features", "reservation", "restarts", "exit_code",
)  # fmt: skip


def line(name: str = "x", comment: str = "(null)", work_dir: str = "/w", **fields: Any) -> str:
    given = {"job_id": "7", "label": "7", "state": "PENDING", "user": "u", **fields}
    head = FIELD.join(str(given.get(field, "N/A")) for field in FIELDS)
    return f"{head}{FIELD}{name}{MARK}{comment}{MARK}{work_dir}{MARK}\n"


def one(**fields: Any) -> Job:
    reading = parse_queue(line(**fields), mark=MARK)
    assert reading.unread == ()
    (job,) = reading.jobs
    return job


def test_nothing_is_no_zero() -> None:
    assert one() == NO_JOB._replace(job_id=7, state="PENDING", user="u", name="x", work_dir="/w")


def test_empty_queue() -> None:
    assert parse_queue("", mark=MARK).jobs == []


@pytest.mark.parametrize("state", ["SUSPENDED", "COMPLETING", "RESV_DEL_HOLD", "QUANTUM_LEAP"])
def test_states_are_kept_as_they_are(state: str) -> None:
    assert one(state=state, reason="SomethingNew2031").state == state
    assert one(state=state, reason="SomethingNew2031").reason == "SomethingNew2031"


def test_reason_of_several_words() -> None:
    assert one(reason="ReqNodeNotAvail, UnavailableNodes:n[1-2]").reason.endswith("n[1-2]")
    assert one(reason="None").reason == ""


def test_a_comment_may_be_one_of_slurms_words_for_nothing() -> None:
    assert [one(comment=text).comment for text in ("(null)", "None", "N/A")] == ["", "None", "N/A"]


def test_a_bad_record_is_unread_and_the_rest_is_used() -> None:
    text = line(name="a") + line(job_id="soon") + line(state="") + line(name="b")
    reading = parse_queue(text, mark=MARK)
    assert [job.name for job in reading.jobs] == ["a", "b"]
    assert len(reading.unread) == 2
    assert all(FIELD not in record for record in reading.unread)


def test_an_answer_that_was_cut_off() -> None:
    reading = parse_queue(line(name="a") + line(name="b")[:-30], mark=MARK)
    assert [job.name for job in reading.jobs] == ["a"]
    assert reading.unread


def test_no_text_can_forge_a_record() -> None:
    plain = line(name="forged").replace(MARK, "\x1e")
    job = one(name=plain, comment=plain, work_dir=plain)
    assert (job.name, job.comment, job.work_dir) == (plain, plain, plain)


def test_sizes_of_a_job_that_has_no_tres() -> None:
    job = one(nodes="2-4", cpus="2K", tasks="4294967294")
    assert (job.nodes, job.cpus, job.tasks) == (2, 2048, None)
    assert (job.memory_bytes, job.gpus) == (None, None)


def test_tres_goes_before_other_fields() -> None:
    job = one(nodes="1", cpus="1", tres="cpu=8,mem=1.50G,node=2,gres/gpu:a100=4,gres/gpu=5")
    assert (job.nodes, job.cpus, job.gpus, job.memory_bytes) == (2, 8, 5, 3 << 29)


def test_a_limit_longer_than_squeue_prints() -> None:
    assert one(limit="INVALID").time_limit_s is None
    assert one(limit="NOT_SET").time_limit_s is None
    assert one(limit="UNLIMITED", end="NONE").time_limit_s == -1


def test_exit_code_only_of_the_finished() -> None:
    assert one(state="RUNNING", exit_code="0:0").exit_code == ""
    assert one(state="FAILED", exit_code="768").exit_code == "3:0"
    assert [exit_code_of(raw) for raw in ("9", "256", "1:2", "(null)")] == ["0:9", "1:0", "1:2", ""]


def test_command_by_scope() -> None:
    assert queue_command(Scope.MINE)[-1] == "--me"
    assert queue_command(Scope.MINE, user="ann")[-1] == "--user=ann"
    assert queue_command(Scope.ACCOUNTS, accounts=["a", "b"])[-1] == "--account=a,b"
    assert queue_command(Scope.ALL)[-1].startswith("--Format=")
    assert queue_command(Scope.ALL, jobs=["4_7", "9+1"])[-1] == "--jobs=4_7,9+1"
    for command in (queue_command(Scope.ALL), queue_command(Scope.MINE)):
        assert not {"-r", "--array", "--json"} & set(command)
