"""The records that a job reference names, as far as the board has them."""

from collections.abc import Iterator

from jobshape.app.board.board import Board
from jobshape.app.domain.action import leading_id, touches
from jobshape.app.domain.job import Job
from jobshape.app.domain.states import is_finished


def records_of(board: Board, reference: str) -> list[Job]:
    """The records of a job, a task, some tasks or a whole array; any order."""
    number = leading_id(reference)
    if number is None:
        return []
    family = board.arrays.get(number) or board.hets.get(number)
    ids: Iterator[int] = iter(family.job_ids) if family else iter((number,))
    jobs = (board.jobs[one] for one in ids if one in board.jobs)
    return [job for job in jobs if reference == str(number) or touches(reference, job.label)]


def record_id(board: Board, reference: str) -> int | None:
    """The id by which a job's own screen knows it; None for what names no job."""
    records = records_of(board, reference)
    return min(job.job_id for job in records) if records else leading_id(reference)


def is_over(board: Board, reference: str) -> bool:
    """Whether all that it names is known to have ended."""
    records = records_of(board, reference)
    return bool(records) and all(is_finished(job.state) for job in records)
