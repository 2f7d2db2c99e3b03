"""What follows from a record and the time: ages, waits, what is left. None: cannot be known."""

from jobshape.app.domain.job import UNLIMITED, Job
from jobshape.app.domain.states import Phase, phase_of

_OVER = frozenset(("COMPLETING", "STAGE_OUT"))
"""States of jobs that have ended and are only cleared away: ``end_time`` is when they did."""


def elapsed_s(job: Job, now: float) -> int | None:
    """Seconds since it started; of a job that has ended, how long it ran; None while it waits."""
    phase = phase_of(job.state)
    if job.start_time is None or phase is Phase.WAITING:
        return None
    if phase is Phase.RUNNING and not (job.state in _OVER and job.end_time):
        return max(0, int(now) - job.start_time)
    return None if job.end_time is None else max(0, job.end_time - job.start_time)


def left_s(job: Job, now: float) -> int | None:
    """Seconds until the limit ends a running job; UNLIMITED without one; None if not running."""
    if phase_of(job.state) is not Phase.RUNNING or job.state in _OVER:
        return None
    if job.time_limit_s == UNLIMITED:
        return UNLIMITED
    end = job.end_time
    if end is None and job.start_time is not None and job.time_limit_s is not None:
        end = job.start_time + job.time_limit_s
    return None if end is None else max(0, end - int(now))


def age_s(job: Job, now: float) -> int | None:
    """Seconds since it was submitted."""
    return None if job.submit_time is None else max(0, int(now) - job.submit_time)


def wait_s(job: Job, now: float) -> int | None:
    """Seconds it has waited since it could start, or did wait until it started."""
    ready = job.eligible_time if job.eligible_time is not None else job.submit_time
    if ready is None:
        return None
    phase = phase_of(job.state)
    if phase is Phase.WAITING:
        return max(0, int(now) - ready)
    if phase is Phase.UNKNOWN or job.start_time is None:
        return None
    return max(0, job.start_time - ready)
