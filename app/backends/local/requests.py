"""A row of the local site as what its job asks for and how it was submitted."""

import json
from collections.abc import Iterable

from jobshape.app.backends.local.record import LocalJob
from jobshape.app.backends.local.reference import parse_reference
from jobshape.app.domain.array_tasks import TaskSet
from jobshape.app.domain.request import JobRequest
from jobshape.app.domain.shape import JobShape


def request_of(job: str, row: LocalJob, of_array: Iterable[LocalJob]) -> JobRequest:
    """The request of a reference. of_array: all rows of the array that it names, if it is one."""
    return JobRequest(
        job=job, shape=_shape(row, _array(job, row, of_array)), name=row.name, comment=row.comment,
        work_dir=row.work_dir, dependency=row.dependency, stdout=row.stdout, stderr=row.stderr,
        arguments=tuple(json.loads(row.arguments)),
    )  # fmt: skip


def _shape(row: LocalJob, array: str | None) -> JobShape:
    # --mincpus, --cpus-per-gpu and --exclusive may have asked for more than the tasks' CPUs.
    per_task = max(row.cpus_per_task, -(-row.cpus // max(1, row.task_count)))
    kind = f"{row.gpu_type}:" if row.gpu_type else ""
    return JobShape(
        partition=row.partition or None, account=row.account or None, qos=row.qos or None,
        nodes=1, tasks=row.task_count, cpus_per_task=per_task, memory_bytes=row.memory_bytes,
        gpus=f"{kind}{row.gpus}" if row.gpus else None, time_limit_s=row.time_limit_s,
        array=array, features=row.features or None,
    )  # fmt: skip


def _array(job: str, row: LocalJob, of_array: Iterable[LocalJob]) -> str | None:
    """All tasks of the array, those that started, too, or the ones named; None of one task."""
    named = parse_reference(job).tasks
    if named is not None and len(named) == 1:
        return None
    tasks = set(named or ())
    if named is None:
        for one in of_array:
            tasks |= {one.task_id} if one.task_id is not None else set()
            tasks |= set(TaskSet.parse(one.array_tasks)) if one.array_tasks else set()
    if not tasks:
        return None
    return str(TaskSet(tasks)) + (f"%{row.throttle}" if row.throttle else "")
