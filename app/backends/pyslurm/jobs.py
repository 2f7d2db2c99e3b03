"""``pyslurm.Job`` records of the queue as our records."""

import pwd
import time
from collections.abc import Iterator, Mapping
from sys import intern
from typing import Any

from jobshape.app.backends.base import FIRST_JOBS, FirstJobs, QueueReading
from jobshape.app.backends.pyslurm.sizes import Size, SizeReader
from jobshape.app.domain.job import NO_JOB, UNLIMITED, Job
from jobshape.app.domain.states import is_finished

_NO_USER = frozenset((None, 0xFFFFFFFE, 0xFFFFFFFF))


def read_jobs(
    clusters: Mapping[str, dict[int, Any]], source: str, first: FirstJobs | None = None
) -> QueueReading:
    """All records of a ``pyslurm.Jobs``' data, empty after it: twice the queue is not held.

    One that makes no sense goes to unread. first: see ``Backend.queue``.
    """
    reader = JobReader()
    known: list[Job] = []
    unread: list[str] = []
    for job in _taken_out(clusters):
        try:
            known.append(reader.job(job))
        except (ValueError, TypeError, AttributeError) as error:
            unread.append(f"job {job.id}: {error}")
        if first and len(known) == FIRST_JOBS:
            first(tuple(known))
            first = None
    return QueueReading(known, tuple(unread), source)


def _taken_out(clusters: Mapping[str, dict[int, Any]]) -> Iterator[Any]:
    for of_cluster in clusters.values():
        for job_id in sorted(of_cluster, reverse=True):  # the newest first
            yield of_cluster.pop(job_id)


class JobReader:
    """Reads records; keeps what repeats, which is most of a queue, from being looked up twice."""

    def __init__(self) -> None:
        self._users: dict[int | None, str] = {}
        self._finished: dict[str, bool] = {}
        self._sizes = SizeReader()
        self._now = time.time()

    def job(self, source: Any) -> Job:
        """One record. Raises ValueError, TypeError where it does not fit."""
        try:
            return self._job(source)
        except UnicodeDecodeError:
            return self._job(Undecodable(source))

    def _job(self, source: Any) -> Job:
        state: str = source.state or ""
        if not state:
            raise ValueError("no state")
        finished = self._finished.get(state)
        if finished is None:
            finished = self._finished[state] = is_finished(state)
        size = self._size(source)
        node_list: str = source.allocated_nodes or ""
        reason: str = source.state_reason or ""
        time_limit_min: int | None = source.time_limit
        ended_unstarted = finished and not node_list
        array_id, task_id, tasks_left = _place_in_array(source, ended_unstarted)
        het_id: int | None = source.heterogeneous_id
        return Job(
            job_id=source.id,
            state=intern(state),
            reason="" if reason == "None" else intern(reason),
            start_time=source.start_time,
            end_time=self._end_time(source, time_limit_min),
            # pyslurm gives None for INFINITE; the controller fills in a limit that was not asked.
            time_limit_s=UNLIMITED if time_limit_min is None else time_limit_min * 60,
            name=source.name or "",
            user=self._user(source.user_id),
            account=intern(source.account or ""),
            partition=intern(source.partition or ""),
            qos=intern(source.qos or ""),
            array_job_id=array_id,
            array_task_id=task_id,
            array_tasks=tasks_left,
            het_job_id=het_id,
            het_offset=None if het_id is None else source.heterogeneous_offset or 0,
            priority=source.priority,
            submit_time=source.submit_time,
            eligible_time=source.eligible_time,
            nodes=source.num_nodes if size.nodes is None else size.nodes,
            node_list=intern(node_list),
            # Of a job that ended unstarted Slurm may not say it; pyslurm then says 1.
            tasks=None if ended_unstarted and source.ntasks == 1 else source.ntasks,
            cpus=source.cpus if size.cpus is None else size.cpus,
            memory_bytes=size.memory_bytes,
            gpus=size.gpus,
            tres=size.text,
            dependency=dependency_text(source.dependencies),
            features=intern(_joined(source.constraints)),
            reservation=intern(source.reservation or ""),
            restarts=source.requeue_count,
            exit_code=f"{source.exit_code}:{source.exit_code_signal}" if finished else "",
            work_dir=intern(source.working_directory or ""),
            comment=source.comment or "",
            stage=NO_JOB.stage,
        )

    def _end_time(self, source: Any, time_limit_min: int | None) -> int | None:
        """Slurm plans a job without a limit to end in a year; squeue says NONE for that, too."""
        end: int | None = source.end_time
        return None if time_limit_min is None and end and end > self._now else end

    def _size(self, source: Any) -> Size:
        tres = source.allocated_tres
        return self._sizes.size(source.requested_tres if tres is None else tres)

    def _user(self, user_id: int | None) -> str:
        name = self._users.get(user_id)
        if name is None:
            name = self._users[user_id] = user_name(user_id)
        return name


class Undecodable:
    """A pyslurm record some text of which is not UTF-8: bytes survive as surrogates."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        try:
            return getattr(self._source, name)
        except UnicodeDecodeError as error:
            return error.object.decode("utf-8", "surrogateescape")


def user_name(user_id: int | None) -> str:
    """The name of a user id; its number where this machine knows no name."""
    if user_id is None or user_id in _NO_USER:
        return ""
    try:
        return intern(pwd.getpwuid(user_id).pw_name)
    except KeyError:
        return str(user_id)


def _place_in_array(source: Any, ended_unstarted: bool) -> tuple[int | None, int | None, str]:
    """Array, task of it, and the tasks not split off yet.

    pyslurm gives None for task 0, and for no task: the rest of a cancelled array, which squeue
    shows like a single job once slurmctld was restarted.
    """
    array_id: int | None = source.array_id
    if array_id is None:
        return None, None, ""
    waiting: str | None = source.array_tasks_waiting
    if not waiting:
        task_id: int | None = source.array_task_id
        if task_id is None and ended_unstarted and source.id == array_id:
            return None, None, ""
        return array_id, task_id or 0, ""
    at_once: int | None = source.array_tasks_parallel
    return array_id, None, f"{waiting}%{at_once}" if at_once else waiting


def dependency_text(given: str | dict[str, Any] | None) -> str:
    """A dependency as Slurm's text.

    Where pyslurm gives its own dict, kinds it does not know are lost and so is their order.
    """
    if given is None or isinstance(given, str):
        return given or ""
    parts = [
        f"{kind}:{job}" for kind, jobs in given.items() if isinstance(jobs, list) for job in jobs
    ]
    if given.get("singleton"):
        parts.append("singleton")
    return ("?" if given.get("satisfy") == "any" else ",").join(parts)


def _joined(words: list[str] | str | None) -> str:
    return words if isinstance(words, str) else ",".join(words or ())
