"""``jobshape wait``: how often it looks, what it says, and on the real local site how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jobshape.app.asking import names
from jobshape.app.domain.finding import Evidence, Finding
from jobshape.app.domain.job import NO_JOB, Job
from jobshape.app.wait_report import Look, _take, is_success, pause_s, progress_line

NOW = 1_700_000_000


def job(job_id: int, state: str, **more: object) -> Job:
    return NO_JOB._replace(job_id=job_id, state=state, name="a", **more)


@pytest.mark.parametrize(
    ("waited_s", "ends_in_s", "pause"),
    [(0, None, 10), (119, 7200, 10), (121, 7200, 30), (901, 7200, 300), (901, 600, 60),
     (5, 600, 10), (901, None, 300)],
)  # fmt: skip
def test_looks_seldom_in_a_long_wait_and_oftener_near_the_limit(
    waited_s: float, ends_in_s: float | None, pause: float
) -> None:
    end = None if ends_in_s is None else int(NOW + ends_in_s)
    assert pause_s(waited_s, Look(NOW, (job(1, "RUNNING", end_time=end),))) == pause


def test_success_is_state_and_exit_code() -> None:
    assert is_success(job(1, "COMPLETED", exit_code="0:0"))
    assert not is_success(job(1, "COMPLETED", exit_code="1:0"))
    assert not is_success(job(1, "CANCELLED"))


def test_what_a_reference_means() -> None:
    task = job(9, "RUNNING", array_job_id=4, array_task_id=7)
    assert names("4", task) and names("9", task) and names("4_7", task)
    assert not names("4_8", task)


def test_the_line() -> None:
    look = Look(NOW, (
        job(1, "COMPLETED"), job(2, "FAILED"), job(3, "RUNNING", start_time=NOW - 90),
        job(4, "PENDING", reason="Priority"),
    ))  # fmt: skip
    line = progress_line(look)
    assert "1 of 4 done, 1 failed, 1 running (1m), 1 pending (others go first)" in line
    assert line.startswith("[############............]")
    assert not look.is_over


def test_the_end() -> None:
    assert Look(NOW, (job(1, "COMPLETED"),)).is_over
    assert Look(NOW, (job(1, "COMPLETED"), job(2, "TIMEOUT"))).failed
    assert not Look(NOW, ()).is_over


def test_json_of_a_look(tmp_path: Path) -> None:
    from jobshape.app.wait_report import _document

    document = json.loads(_document(Look(NOW, (job(1, "RUNNING"), job(2, "COMPLETED"))), {}))
    assert document["schema"] == "jobshape.wait/1"
    assert [one["success"] for one in document["jobs"]] == [None, True]
    assert document["over"] is False


def test_a_failure_says_why() -> None:
    from jobshape.app.wait_report import _summary

    evidence = (Evidence("stderr", "/x", 3, "ModuleNotFoundError: No module named 'x'"),)
    cause = Finding("missing_package", 0.9, "HIGH", "package missing", "It is not there.",
                    "Install it.", "fix_env", "no", evidence, "")  # fmt: skip
    lines = _summary(Look(NOW, (job(2, "FAILED", exit_code="1:0"),)), {2: cause})
    assert lines[0].startswith("2 a: failed (FAILED), exit code 1:0")
    assert "package missing: It is not there. Install it." in lines[1]
    assert "No module named" in lines[2]


def test_tasks_of_an_array_that_came_and_went_between_two_looks_are_asked_for() -> None:
    from jobshape.app.asking import read_jobs
    from jobshape.app.backends.base import QueueReading
    from jobshape.app.collector.wire import JOB_CODEC
    from jobshape.app.domain.job import AccountedJob

    class Site:
        """Its queue is empty; accounting knows by the array's id what became of the tasks."""

        def queue(self, scope: object) -> QueueReading:
            return QueueReading([], (), "test")

        def accounting(self, scope: object, since: int, *, jobs: list[str]) -> list[AccountedJob]:
            ended = job(4, "COMPLETED", array_job_id=4, array_task_id=3)
            return [AccountedJob(ended, 1, 1.0, 1, "0:0")] if jobs == ["4"] else []

    answer = read_jobs(("4",), ("4_[3]",), False, Site())  # type: ignore[arg-type]
    (found,) = map(JOB_CODEC.decode, answer["jobs"])
    assert (found.job_id, found.state) == (4, "COMPLETED")


def test_a_job_that_nobody_knows_any_more_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from jobshape.app import wait_report
    from jobshape.app.snapshot import Wanted

    answers = [{"jobs": [], "unknown": [], "gone": ["7"], "hint": ""}] * 3
    monkeypatch.setattr(wait_report, "ask", lambda *_: answers.pop())
    look = Look(NOW, (job(7, "RUNNING"), job(8, "COMPLETED")))
    while answers:
        assert not look.is_over
        look = wait_report.look_at(Wanted(), ("7", "8"), look)
        assert pause_s(9000, look) == 10
    assert look.is_over
    assert [one.job_id for one in look.failed] == [7]
    assert "1 of 2 done, 1 failed" in progress_line(look)
    assert "nobody knows how it ended" in wait_report._summary(look, {})[0]
    assert [one["lost"] for one in json.loads(wait_report._document(look, {}))["jobs"]] == [
        True, False
    ]  # fmt: skip


def test_a_task_that_is_not_split_off_yet() -> None:
    record = job(4, "PENDING", array_job_id=4, array_tasks="5-10,20-40:4%2")
    assert all(names(task, record) for task in ("4", "4_5", "4_10", "4_28", "4_[5-10,20-40:4%2]"))
    assert not any(names(task, record) for task in ("4_11", "4_22", "5_5", "4_x"))


def test_a_task_leaves_its_arrays_record() -> None:
    known = {4: job(4, "PENDING", array_job_id=4, array_tasks="5-10")}
    _take(known, [job(12, "RUNNING", array_job_id=4, array_task_id=7)])
    assert list(known) == [12]
    known = {4: job(4, "PENDING", array_job_id=4, array_tasks="5-10")}
    _take(known, [])
    assert list(known) == [4]
