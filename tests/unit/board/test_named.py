"""The records that a job reference names."""

from __future__ import annotations

from jobshape.app.board.board import Board
from jobshape.app.board.named import is_over, record_id, records_of
from jobshape.app.domain.job import NO_JOB


def board() -> Board:
    made = Board()
    made.change_jobs([
        NO_JOB._replace(job_id=3, state="RUNNING"),
        NO_JOB._replace(job_id=10, state="PENDING", array_job_id=10, array_tasks="5-9"),
        NO_JOB._replace(job_id=11, state="RUNNING", array_job_id=10, array_task_id=1),
        NO_JOB._replace(job_id=12, state="COMPLETED", array_job_id=10, array_task_id=2),
        NO_JOB._replace(job_id=20, state="FAILED", het_job_id=20, het_offset=0),
        NO_JOB._replace(job_id=21, state="FAILED", het_job_id=20, het_offset=1),
    ])  # fmt: skip
    return made


def ids(reference: str) -> list[int]:
    return sorted(job.job_id for job in records_of(board(), reference))


def test_records() -> None:
    assert ids("3") == [3]
    assert ids("10") == [10, 11, 12]
    assert ids("10_1") == [11]
    assert ids("10_[1-2]") == [11, 12]
    assert ids("10_7") == [10]  # not split off yet
    assert ids("20") == [20, 21]
    assert ids("20+1") == [21]
    assert ids("99") == ids("") == ids("x") == []


def test_which_job_a_screen_shows() -> None:
    assert record_id(board(), "10_2") == 12
    assert record_id(board(), "99_4") == 99
    assert record_id(board(), "") is None


def test_over() -> None:
    assert is_over(board(), "20")
    assert is_over(board(), "10_2")
    assert not is_over(board(), "10_[1-2]")
    assert not is_over(board(), "99")  # nobody knows
