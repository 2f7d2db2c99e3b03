"""What is known of a job after one more record of it: pure, no file.

The queue knows reasons, comments and dependencies and is the first to know a state; accounting
knows what a job used. A later record may fill what an earlier one left open, and never blanks what
that one knew, unless the job was put back in the queue: then its last run is what counts.
"""

from typing import Any

from jobshape.app.domain.job import UNASSIGNED, AccountedJob, Job
from jobshape.app.domain.states import Phase, is_finished, phase_of

_NOT_TOLD_APART = ("priority", "start_time", "end_time")
"""What changes all the time while a job waits: its rank, and Slurm's guess of its start."""


def as_accounted(record: Job | AccountedJob) -> AccountedJob:
    """The record with room for what the job used."""
    if isinstance(record, AccountedJob):
        return record
    return AccountedJob(record, None, None, None, "")


def settled(record: AccountedJob) -> AccountedJob:
    """The record without guesses: the start of a waiting job, the end that a limit will set.

    Nor does it keep what a job had used when accounting was asked too early: it would pass for all.
    """
    job = record.job
    if not is_finished(job.state):
        is_waiting = phase_of(job.state) is Phase.WAITING
        job = job._replace(start_time=None if is_waiting else job.start_time, end_time=None)
        return AccountedJob(job, None, None, None, "")
    if job.start_time and not job.node_list and job.start_time >= (job.end_time or 0):
        job = job._replace(start_time=None)  # cancelled while it waited: Slurm sets both alike
    return record if job is record.job else record._replace(job=job)


def merge(old: AccountedJob, new: AccountedJob, *, from_queue: bool) -> AccountedJob:
    """What both together say; ``old`` itself where ``new`` adds nothing worth keeping.

    from_queue: the new one comes from the queue, whose word on a state goes first.
    """
    new = settled(new)
    if new == old:
        return old
    if _is_stale(old.job, new.job, from_queue):
        merged = _filled(old, _of_any_run(new))
        return old if merged == old else merged
    if _is_new_run(old.job, new.job):
        return _filled(new, _of_any_run(old))
    merged = _filled(new, old)
    job = merged.job._replace(
        array_tasks=new.job.array_tasks,
        array_task_id=None if new.job.array_tasks else merged.job.array_task_id,
        reason=_reason(old.job, new.job),
        stage=_stage(old.job, new.job),
    )
    merged = merged._replace(job=job)
    return old if _is_same(old, merged) else merged


def _is_stale(old: Job, new: Job, from_queue: bool) -> bool:
    """Whether the new record tells of an earlier time than the old one."""
    if new.restarts is not None and new.restarts < (old.restarts or 0):
        return True
    if phase_of(new.state) is Phase.WAITING:
        got_further = old.state != "" and phase_of(old.state) is not Phase.WAITING
        return got_further and not from_queue and not _restarted(old, new)
    if is_finished(old.state) and not is_finished(new.state):
        same_run = new.start_time == old.start_time
        return (same_run or not from_queue) and not _restarted(old, new)
    return False


def _is_new_run(old: Job, new: Job) -> bool:
    """Whether the job was put back in the queue since."""
    return _restarted(old, new) or (is_finished(old.state) and not is_finished(new.state))


def _restarted(old: Job, new: Job) -> bool:
    return (new.restarts or 0) > (old.restarts or 0) and old.start_time is not None


def _of_any_run(record: AccountedJob) -> AccountedJob:
    """What a new run has in common with the one before."""
    job = record.job._replace(
        reason="", start_time=None, end_time=None, exit_code="", node_list="", array_tasks=""
    )
    return AccountedJob(job, None, None, None, "")


def _filled(first: AccountedJob, second: AccountedJob) -> AccountedJob:
    """What the first says and, where it says nothing, the second."""
    job = Job._make(
        a if a is not None and a != "" else b for a, b in zip(first.job, second.job, strict=True)
    )
    if first.job.stage == UNASSIGNED:
        job = job._replace(stage=second.job.stage)
    rest: Any = (
        a if a is not None and a != "" else b for a, b in zip(first[1:], second[1:], strict=True)
    )
    return AccountedJob(job, *rest)


def _reason(old: Job, new: Job) -> str:
    """Why it waits or how it failed; a job that got to run waits for nothing any more."""
    if new.reason:
        return new.reason
    got_to_run = phase_of(old.state) is Phase.WAITING and new.start_time is not None
    return "" if got_to_run else old.reason


def _stage(old: Job, new: Job) -> str:
    return old.stage if new.stage == UNASSIGNED else new.stage


def _is_same(old: AccountedJob, new: AccountedJob) -> bool:
    if old == new:
        return True
    if phase_of(new.job.state) is not Phase.WAITING:
        return False
    held = (old.job.priority == 0) != (new.job.priority == 0)
    calm = {name: getattr(old.job, name) for name in _NOT_TOLD_APART}
    return not held and old == new._replace(job=new.job._replace(**calm))
