"""How a pending job stands: its place in the queue, and why it cannot start, if it cannot.

Supervisor and readers judge by the same functions, so what is shown is what is done.
"""

from collections.abc import Iterable, Mapping

from jobshape.app.backends.local.config import LocalPartition
from jobshape.app.backends.local.machine import Machine
from jobshape.app.backends.local.record import NEVER, PENDING, LocalJob
from jobshape.app.domain.array_tasks import TaskSet

MISFIT = "BadConstraints"
_TOP_PRIORITY = 4_294_901_760  # where Slurm's priority/basic begins to count down
_EPOCH = 1_577_836_800  # 2020-01-01; priorities are shown relative to it


def rank_of(job: LocalJob, partitions: Mapping[str, LocalPartition]) -> float:
    """Its place: lower is first. All jobs age alike, so waiting changes no order between them.

    It is the time at which the job counts as submitted: a partition's head start is finite, so
    nothing that comes later can go first for ever.
    """
    partition = partitions.get(job.partition)
    head_start_s = partition.head_start_s if partition else 0
    return job.submit_time - head_start_s - job.boost + job.nice


def priority_of(rank: float) -> int:
    """The rank as a priority in Slurm's sense: higher is first, 0 would be held."""
    return max(1, min(_TOP_PRIORITY, _TOP_PRIORITY - int(rank - _EPOCH)))


def fits(job: LocalJob, machine: Machine) -> bool:
    """Whether it can ever run here, were all slots free."""
    if job.cpus > machine.cpus or job.memory_bytes > machine.memory_bytes:
        return False
    if not job.gpus:
        return True
    several = job.gpu_type and len(machine.gpu_kinds(job.gpu_type)) > 1
    return not several and job.gpus <= machine.gpu_count(job.gpu_type)


def why_waiting(job: LocalJob, machine: Machine, now: float, running_tasks: int) -> str:
    """Slurm's reason why a pending job is not considered; "" if it is.

    running_tasks: of its array, for the % limit.
    """
    if job.held:
        return "JobHeldUser"
    if not fits(job, machine):
        return MISFIT
    if job.dependency_state:
        return "DependencyNeverSatisfied" if job.dependency_state == NEVER else "Dependency"
    if job.begin_time is not None and job.begin_time > now:
        return "BeginTime"
    if job.retry_time is not None and job.retry_time > now:
        return job.reason or "BeginTime"
    if job.throttle and job.array_id is not None and running_tasks >= job.throttle:
        return "JobArrayTaskLimit"
    return ""


def task_room(job: LocalJob, running_tasks: int) -> int:
    """How many tasks of this record may start at all."""
    count = len(TaskSet.parse(job.array_tasks)) if job.array_tasks else 1
    if job.throttle and job.array_id is not None:
        return max(0, min(count, job.throttle - running_tasks))
    return count


def running_tasks(jobs: Iterable[LocalJob]) -> dict[int, int]:
    """How many tasks of each array have slots."""
    counts: dict[int, int] = {}
    for job in jobs:
        if job.array_id is not None and job.state != PENDING:
            counts[job.array_id] = counts.get(job.array_id, 0) + 1
    return counts
