"""What one finished job says: when it ran, how it ended, what it used, and of what class it failed.

A run is a job that started and is over. What nobody said is None.
"""

from jobshape.app.board.figures import elapsed_s, wait_s
from jobshape.app.domain.finding import NONE, UNKNOWN
from jobshape.app.domain.job import AccountedJob, Job
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.states import Phase, is_finished, phase_of

_CLASS_OF_STATE = {
    "OUT_OF_MEMORY": "oom_host", "TIMEOUT": "timeout", "DEADLINE": "timeout",
    "NODE_FAIL": "node_fail", "BOOT_FAIL": "node_fail", "PREEMPTED": "preempted",
    "LAUNCH_FAILED": "step_launch",
}  # fmt: skip
"""The class that a state alone proves; of others only a diagnosis of the job can tell."""

UNEXPLAINED = "unexplained"
"""The class of a failure that nothing explains yet."""


def run_of(job: Job) -> PastJob:
    """A finished job of the queue as history has it, without what it used."""
    return PastJob("", AccountedJob(job, elapsed_s(job, 0), None, None, ""), job.end_time or 0)


def is_run(past: PastJob) -> bool:
    """Whether it started and is over."""
    job = past.record.job
    return job.start_time is not None and is_finished(job.state)


def phase(past: PastJob) -> Phase:
    """How it ended."""
    return phase_of(past.record.job.state)


def ended_at(past: PastJob) -> int:
    """When it ended; where nobody said, when it was last heard of."""
    return past.record.job.end_time or past.seen_at


def took_s(past: PastJob) -> int | None:
    """Seconds it ran."""
    record = past.record
    return record.elapsed_s if record.elapsed_s is not None else elapsed_s(record.job, 0)


def waited_s(past: PastJob) -> int | None:
    """Seconds from when it could have started until it did."""
    return wait_s(past.record.job, 0)


def class_of(past: PastJob) -> str:
    """Why it failed: the finding's class, else what its state proves."""
    if past.finding not in ("", NONE, UNKNOWN):
        return past.finding
    return _CLASS_OF_STATE.get(past.record.job.state, UNEXPLAINED)


def ran_out_of_memory(past: PastJob) -> bool:
    """Whether it needed more memory than it had."""
    return phase(past) is Phase.FAILED and class_of(past) == "oom_host"


def node_memory_bytes(job: Job) -> int | None:
    """What it asked for on one node."""
    return None if job.memory_bytes is None else job.memory_bytes // max(1, job.nodes or 1)


def memory_bytes(past: PastJob) -> int | None:
    """Its peak; out of memory: at least its limit. None where it says nothing of the need.

    A job that was cancelled, evicted or failed half way may not have reached its peak.
    """
    peak = past.record.max_rss_bytes or None  # Slurm says 0 where it sampled nothing
    if ran_out_of_memory(past):
        limit = node_memory_bytes(past.record.job)
        return max(filter(None, (peak, limit)), default=None)
    return peak if is_whole(past) else None


def is_whole(past: PastJob) -> bool:
    """Whether it ran as long as it needed, or as long as it was allowed to."""
    return phase(past) is Phase.DONE or past.record.job.state == "TIMEOUT"
