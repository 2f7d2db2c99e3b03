"""``squeue``: the queue as records.

Fields are closed by the unit separator; the three free texts (name, comment, working folder) come
last and are closed by ``mark``, which a caller makes unguessable, so that no job can break or forge
a record. Source: squeue(1), ``-O type:[.][size][suffix]``: without a size nothing is cut off.
"""

from collections.abc import Sequence
from contextlib import suppress
from hashlib import blake2b
from heapq import nlargest
from sys import intern

from jobshape.app.backends.base import FIRST_JOBS, FirstJobs, QueueReading, Scope
from jobshape.app.backends.commands.reference import whole
from jobshape.app.domain.job import NO_JOB, Job
from jobshape.app.domain.states import is_finished
from jobshape.app.domain.tres import (
    parse_tres,
    tres_cpus,
    tres_gpus,
    tres_memory_bytes,
    tres_nodes,
)
from jobshape.app.domain.units import parse_count, parse_duration

FIELD, MARK = "\x1f", "\x1e"

_FIELDS = (
    "JobID", "JobArrayID", "State", "Reason", "StartTime", "EndTime", "TimeLimit", "UserName",
    "Account", "Partition", "QOS", "PriorityLong", "SubmitTime", "EligibleTime", "NumNodes",
    "NodeList", "NumTasks", "NumCPUs", "tres-alloc", "Dependency", "Feature", "Reservation",
    "RestartCnt", "exit_code",
)  # fmt: skip
_FREE_TEXTS = ("Name", "Comment", "WorkDir")
_NO_TEXT = {"(null)": "", "N/A": "", "n/a": "", "None": "", "Unknown": ""}
_NO_VALUE = 0xFFFFFFFE  # Slurm's NO_VAL, printed where a count is not set


def queue_command(
    scope: Scope,
    *,
    user: str = "",
    accounts: Sequence[str] = (),
    jobs: Sequence[str] = (),
    mark: str = MARK,
) -> list[str]:
    """The command that lists the jobs of a scope, or only these jobs.

    user: whose jobs MINE are; "" for those of the caller. Without ``-r`` a pending array is one
    record; ``--all`` shows hidden partitions too, ``--local`` saves a question about federations.
    """
    columns = [f"{name}:{FIELD}" for name in _FIELDS]
    columns += [f"{name}:{mark}" for name in _FREE_TEXTS]
    command = ["squeue", "--local", "--noheader", "--all", "--noconvert", "--states=all"]
    command.append("--Format=" + ",".join(columns))
    if jobs:
        command.append("--jobs=" + ",".join(map(whole, jobs)))
    elif scope is Scope.MINE:
        command.append(f"--user={user}" if user else "--me")
    elif scope is Scope.ACCOUNTS:
        command.append("--account=" + ",".join(accounts))
    return command


def pulse_command() -> list[str]:
    """The command that lists all jobs' states and nothing else. Source: squeue(1), Slurm 24.05."""
    return ["squeue", "--local", "--noheader", "--states=all", "--only-job-state",
            "--format=%i %T"]  # fmt: skip


def parse_pulse(text: str) -> str:
    """The states, whatever their order, as one short text."""
    return blake2b("\n".join(sorted(text.splitlines())).encode(), digest_size=16).hexdigest()


def parse_queue(text: str, *, mark: str = MARK, first: FirstJobs | None = None) -> QueueReading:
    """The jobs that :func:`queue_command` listed; a record that makes no sense goes to unread.

    first: see :meth:`~jobshape.app.backends.base.Backend.queue`.
    """
    parts = text.split(mark)
    rest = parts.pop().strip("\n")
    whole = len(parts) // 3 * 3
    unread = [part for part in (*parts[whole:], rest) if part]
    jobs: list[Job] = []
    reader = _JobReader()
    if first and whole > 3 * FIRST_JOBS:
        newest = nlargest(FIRST_JOBS, range(0, whole, 3), key=lambda at: _id_of(parts[at]))
        with suppress(ValueError):
            first([reader.job(*parts[at : at + 3]) for at in newest])
    for at in range(0, whole, 3):
        head, comment, work_dir = parts[at : at + 3]
        try:
            jobs.append(reader.job(head, comment, work_dir))
        except ValueError:
            unread.append(f"{head} {comment} {work_dir}".strip().replace(FIELD, " "))
    return QueueReading(jobs, tuple(unread), "squeue")


def _id_of(head: str) -> int:
    job_id = head.partition(FIELD)[0].strip()
    return int(job_id) if job_id.isdigit() else 0


class _Size:
    """What a TRES text says, read once for all jobs that share it."""

    __slots__ = ("cpus", "gpus", "memory_bytes", "nodes", "text")

    def __init__(self, text: str) -> None:
        tres = parse_tres(text)
        self.text = text
        self.nodes, self.cpus = tres_nodes(tres), tres_cpus(tres)
        self.memory_bytes, self.gpus = tres_memory_bytes(tres), tres_gpus(tres)


class _JobReader:
    """Reads records; keeps what repeats, which is most of a queue, from being read twice."""

    def __init__(self) -> None:
        self._sizes: dict[str, _Size] = {}
        self._limits: dict[str, int | None] = {}

    def job(self, head: str, comment: str, work_dir: str) -> Job:
        """One record. Raises ValueError where it does not fit."""
        (
            job_id, label, state, reason, start, end, limit, user, account, partition, qos,
            priority, submitted, eligible, nodes, node_list, tasks, cpus, tres, dependency,
            features, reservation, restarts, exit_code, name,
        ) = head.split(FIELD, len(_FIELDS))  # fmt: skip
        if not state:
            raise ValueError("no state")
        size = self._sizes.get(tres)
        if size is None:
            size = self._sizes[tres] = _Size(intern(_text(tres)))
        if limit not in self._limits:
            self._limits[limit] = parse_duration(limit)
        job = Job(
            job_id=int(job_id),
            state=intern(state),
            reason=intern(_text(reason)),
            start_time=_time(start),
            end_time=_time(end),
            time_limit_s=self._limits[limit],
            name=name,
            user=intern(user),
            account=intern(_text(account)),
            partition=intern(_text(partition)),
            qos=intern(_text(qos)),
            array_job_id=None,
            array_task_id=None,
            array_tasks="",
            het_job_id=None,
            het_offset=None,
            priority=int(priority) if priority.isdigit() else None,
            submit_time=_time(submitted),
            eligible_time=_time(eligible),
            nodes=_count(nodes) if size.nodes is None else size.nodes,
            node_list=intern(_text(node_list)),
            tasks=_count(tasks) or None,  # 0: forgotten when slurmctld restarted
            cpus=_count(cpus) if size.cpus is None else size.cpus,
            memory_bytes=size.memory_bytes,
            gpus=size.gpus,
            tres=size.text,
            dependency=_text(dependency),
            features=intern(_text(features)),
            reservation=intern(_text(reservation)),
            restarts=_count(restarts),
            exit_code=exit_code_of(exit_code) if is_finished(state) else "",
            work_dir=intern(_text(work_dir)),
            comment="" if comment == "(null)" else comment,
            stage=NO_JOB.stage,
        )
        return job if label.isdigit() else placed(job, label)


def placed(job: Job, label: str) -> Job:
    """The job with its place in an array or a heterogeneous job, read from its label.

    ``4_7``, ``4_[1-500%20]``, ``9+1``; a plain id changes nothing. Raises ValueError otherwise.
    """
    if "_" in label:
        array, _, task = label.partition("_")
        if task.startswith("["):
            return job._replace(array_job_id=int(array), array_tasks=task.strip("[]"))
        return job._replace(array_job_id=int(array), array_task_id=int(task))
    if "+" in label:
        leader, _, offset = label.partition("+")
        return job._replace(het_job_id=int(leader), het_offset=int(offset))
    if not label.isdigit():
        raise ValueError(f"not a job: {label!r}")
    return job


def exit_code_of(text: str) -> str:
    """``code:signal`` of what a release prints: that, or (22.05) the bare wait status."""
    if ":" in text or not text.isdigit():
        return _text(text)
    status = int(text)
    return f"{status >> 8 & 0xFF}:{status & 0x7F}"


def _text(text: str) -> str:
    return _NO_TEXT.get(text, text)


def _time(text: str) -> int | None:
    return int(text) or None if text.isdigit() else None


def _count(text: str) -> int | None:
    number = int(text) if text.isdigit() else parse_count(text.partition("-")[0])
    return None if number is None or number >= _NO_VALUE else number
