"""References to jobs, as Slurm prints them, made safe to give to its commands."""

import re

from jobshape.app.domain.errors import BadRequest

_TASKS = r"[0-9]+(?:-[0-9]+(?::[0-9]+)?)?"
_LIMIT = "%[0-9]+"
_REFERENCE = re.compile(rf"[0-9]+(?:\+[0-9]+|_[0-9]+|_\[{_TASKS}(?:,{_TASKS})*(?:{_LIMIT})?\])?")


def checked(job: str) -> str:
    """The reference without an array's ``%`` limit, which Slurm prints but does not take back.

    Raises BadRequest for anything else than an id, a task, tasks of an array, or a part of a het
    job: to the commands it could be an option (``--user=ann``), a list, or a name.
    """
    if _REFERENCE.fullmatch(job) is None:
        raise BadRequest(f"{job!r} is no job", hint="jobs are written 12, 4_7, 4_[1-3] or 9+1")
    return re.sub(_LIMIT, "", job)


def whole(job: str) -> str:
    """The array of ``4_[1-3]``, which reading commands do not take; else the reference."""
    return checked(job).partition("_[")[0]
