"""References to jobs as Slurm prints them: ``12``, ``4_7``, ``4_[1-3]``, ``4_[1-9%2]``."""

import re
from typing import NamedTuple

from jobshape.app.domain.array_tasks import TaskSet
from jobshape.app.domain.errors import BadRequest, NotSupported

_REFERENCE = re.compile(r"([0-9]{1,18})(?:_(?:([0-9]{1,7})|\[([0-9,:\-]+)(?:%[0-9]+)?\]))?")
_HET = re.compile(r"[0-9]+\+[0-9]+")


class Reference(NamedTuple):
    """A job, and of an array the tasks that are meant; None: all of it."""

    job_id: int
    tasks: TaskSet | None


def parse_reference(job: str) -> Reference:
    """What a reference means. Raises BadRequest for anything else than one."""
    if _HET.fullmatch(job):
        raise NotSupported("there are no heterogeneous jobs on one machine", where=f"job {job}")
    match = _REFERENCE.fullmatch(job)
    if match is None:
        raise BadRequest(f"{job!r} is no job", hint="jobs are written 12, 4_7 or 4_[1-3]")
    number, task, tasks = match.groups()
    if tasks is None:
        return Reference(int(number), None if task is None else TaskSet([int(task)]))
    try:
        return Reference(int(number), TaskSet.parse(tasks))
    except ValueError:
        raise BadRequest(f"{job!r} is no job", hint="tasks are written 4_[1-3,7]") from None


def unknown(job: str) -> BadRequest:
    """The error for a job that is not there."""
    return BadRequest("Invalid job id specified", where=f"job {job}")
