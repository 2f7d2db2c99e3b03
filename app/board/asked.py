"""What a job of the queue asks for, from its record: a pending one's totals are its requests."""

from jobshape.app.domain.job import Job
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.tres import parse_tres


def asked_shape(job: Job) -> JobShape:
    """The shape a record tells of. Exact only while it waits: later its totals are what it got.

    Excluded nodes are not in a record. Of an array ``array`` holds the tasks not split off yet.
    """
    nodes, tasks = max(1, job.nodes or 1), max(1, job.tasks or 1)
    return JobShape(
        partition=job.partition or None, account=job.account or None, qos=job.qos or None,
        nodes=job.nodes, tasks=job.tasks,
        cpus_per_task=None if job.cpus is None else max(1, job.cpus // tasks),
        memory_bytes=None if job.memory_bytes is None else job.memory_bytes // nodes,
        gpus=_gpus(job, nodes), time_limit_s=job.time_limit_s, features=job.features or None,
    )  # fmt: skip


def _gpus(job: Job, nodes: int) -> str | None:
    if not job.gpus:
        return None if job.gpus is None else "0"
    prefix = "gres/gpu:"
    types = [name.removeprefix(prefix) for name in parse_tres(job.tres) if name.startswith(prefix)]
    count = -(-job.gpus // nodes)
    return f"{types[0]}:{count}" if len(types) == 1 else str(count)
