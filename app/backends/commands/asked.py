"""What a job asks for now: out of ``scontrol show job`` while it is known there, else of sacct.

scontrol says how memory and GPUs were asked for (per node, CPU, GPU, task, job), and follows each
``scontrol update``; its NumNodes and NumCPUs are what a running job got, so of one ReqTRES counts.
sacct keeps totals alone, so of a job that left the queue tasks and CPUs a task are not known.
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from jobshape.app.backends.commands.accounting import read_records
from jobshape.app.backends.commands.queue import MARK
from jobshape.app.backends.commands.reference import whole
from jobshape.app.backends.commands.scontrol_text import said
from jobshape.app.domain.array_tasks import TaskSet
from jobshape.app.domain.job import UNLIMITED, Job
from jobshape.app.domain.request import JobRequest
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.tres import parse_tres, tres_cpus, tres_memory_bytes, tres_nodes
from jobshape.app.domain.units import MIB, parse_count, parse_duration, parse_size

_FIELDS = (
    "JobIDRaw", "JobID", "Partition", "Account", "QOS", "TimelimitRaw", "Constraints", "ReqTRES",
    "JobName", "Comment", "WorkDir",
)  # fmt: skip
_NEWER_FIELDS = ("SubmitLine", "StdOut", "StdErr")
_GPU = re.compile(
    r"(?:^|,)(?:gres[:/])?gpu(?:[:/]((?!\d+(?:[,(]|$))[^:=,()]+))?(?:[:=](\d+))?(?=[,(]|$)"
)
_PER_GPU = re.compile(r"(?:^|,)(?:gres[:/])?gpu(?::[^:,]*[A-Za-z][^:,]*)?:(\d+[KMGT]?)(?=,|$)")
_STANDING = re.compile(r"\([^()]*\)")  # afterok:12(unfulfilled)
_STDIN = "/dev/stdin"

Kept = Mapping[str, str]
"""A record of sacct."""


def kept_fields(known: Collection[str]) -> tuple[str, ...]:
    """The fields to ask sacct for, given those that it has."""
    return _FIELDS + tuple(name for name in _NEWER_FIELDS if name in known)


def kept_command(job: str, *, fields: Sequence[str], mark: str = MARK) -> list[str]:
    """The command that prints what accounting keeps of a request, of all tasks of an array."""
    return ["sacct", "--noheader", "--parsable", f"--delimiter={mark}", "--noconvert",
            "--allusers", "--allocations", "--starttime=uts1000000000", f"--jobs={whole(job)}",
            "--format=" + ",".join(fields)]  # fmt: skip


def parse_kept(text: str, *, fields: Sequence[str], mark: str = MARK) -> list[Kept]:
    """The records that :func:`kept_command` printed."""
    return list(read_records(text, fields, mark))


def read_kept(
    run: Callable[[Sequence[str]], str], job: str, known: Collection[str], mark: str
) -> list[Kept]:
    """All of it. run: gives what a command wrote. known: the fields that sacct has.

    sacct finds no task that is not split off, and no part of a het job by its label.
    """
    fields = kept_fields(known)
    for reference in dict.fromkeys((job, re.split(r"[_+]", job)[0])):
        text = run(kept_command(reference, fields=fields, mark=mark))
        kept = parse_kept(text, fields=fields, mark=mark)
        if kept:
            return kept
    return []


def kept_of(job: str, kept: Sequence[Kept]) -> Kept | None:
    """The record that a reference means; of several tasks the first one's."""
    for one in kept:
        if job in (one["JobID"], one["JobIDRaw"]):
            return one
    tasks = tasks_named(job)
    for one in kept:
        of_record = tasks_named(one["JobID"])
        if tasks and any(task in of_record for task in tasks):
            return one
    return None if tasks or "+" in job else next(iter(kept), None)


def record_of(job: str, records: Sequence[Job]) -> Job | None:
    """The record of the queue that a reference means; of several tasks the first one's."""
    for one in records:
        if job in (one.label, str(one.job_id)):
            return one
    tasks = tasks_named(job)
    for one in records:
        if any(task == one.array_task_id or task in _of_text(one.array_tasks) for task in tasks):
            return one
    return None if tasks else next(iter(records), None)


def tasks_named(label: str) -> TaskSet:
    """The tasks in a reference: those of ``4_7`` and ``4_[1-3%2]``, none of ``4``."""
    _, has_tasks, tasks = label.partition("_")
    return _of_text(tasks.strip("[]")) if has_tasks else TaskSet()


def _of_text(text: str) -> TaskSet:
    try:
        return TaskSet.parse(text.partition("%")[0]) if text else TaskSet()
    except ValueError:
        return TaskSet()


def request_of(
    job: str, record: Job, fields: Mapping[str, str], records: Iterable[Job], kept: Sequence[Kept]
) -> JobRequest:
    """The request of a job of the queue.

    fields: scontrol's of this record. records: all of the queue that belong to its array. kept:
    what accounting has of it, none where there is no accounting.
    """
    labels = [one.label for one in records] + [one["JobID"] for one in kept]
    throttle = said(fields.get("ArrayTaskThrottle"))
    if not throttle:
        throttle = next((one.array_tasks.partition("%")[2] for one in (record, *records)
                         if "%" in one.array_tasks), "")  # fmt: skip
    more = kept_of(job, kept) or {}
    submit_line = more.get("SubmitLine", "") or said(fields.get("SubmitLine"))
    command = said(fields.get("Command"))
    path = _script_path(command, record.work_dir)
    return JobRequest(
        job=job,
        shape=shape_of(
            fields, array=_array(job, record.array_job_id is not None, labels, throttle)
        ),
        name=record.name,
        comment=record.comment,
        work_dir=record.work_dir,
        dependency=_STANDING.sub("", said(fields.get("Dependency"))),
        script_path=path,
        arguments=() if _has_no_arguments(fields, command, path, submit_line) else None,
        submit_line=submit_line,
        stdout=more.get("StdOut", ""),
        stderr=more.get("StdErr", ""),
    )


def request_of_kept(job: str, one: Kept, kept: Sequence[Kept]) -> JobRequest:
    """The request of a job that left the queue, as accounting has it."""
    tres = parse_tres(one["ReqTRES"])
    nodes = tres_nodes(tres)
    cpus, memory = tres_cpus(tres), tres_memory_bytes(tres)
    labels = [record["JobID"] for record in kept]
    throttle = next((label.partition("%")[2].strip("]") for label in labels if "%" in label), "")
    return JobRequest(
        job=job,
        shape=JobShape(
            partition=one["Partition"] or None,
            account=one["Account"] or None,
            qos=one["QOS"] or None,
            nodes=nodes,
            tasks=1 if cpus == 1 else None,
            cpus_per_task=1 if cpus == 1 else None,
            memory_bytes=None if memory is None else _share(memory, nodes),
            gpus=_gpu_text(_gpus_of_tres(tres, nodes or 1)),
            time_limit_s=_minutes(one["TimelimitRaw"]),
            array=_array(job, "_" in one["JobID"], labels, throttle),
            features=said(one["Constraints"]) or None,
        ),
        name=one["JobName"],
        comment=one["Comment"],
        work_dir=one["WorkDir"],
        submit_line=one.get("SubmitLine", ""),
        stdout=one.get("StdOut", ""),
        stderr=one.get("StdErr", ""),
    )


def shape_of(fields: Mapping[str, str], *, array: str | None = None) -> JobShape:
    """The shape in the fields of ``scontrol show job``."""
    nodes = _nodes(fields)
    gpus = _gpus(fields, nodes or 1)
    return JobShape(
        partition=said(fields.get("Partition")) or None,
        account=said(fields.get("Account")) or None,
        qos=said(fields.get("QOS")) or None,
        nodes=nodes,
        tasks=_count(fields.get("NumTasks")) or None,  # 0: forgotten when slurmctld restarted
        cpus_per_task=_count(fields.get("CPUs/Task")) or None,
        memory_bytes=_memory(fields, nodes or 1, sum(count for _, count in gpus)),
        gpus=_gpu_text(gpus),
        time_limit_s=_duration(fields.get("TimeLimit")),
        array=array,
        features=said(fields.get("Features")) or None,
        exclude_nodes=said(fields.get("ExcNodeList")) or None,
    )


def names_gpu_type(text: str) -> bool:
    """Whether a TRES text asks for GPUs of a type."""
    return any(kind for kind, _ in _GPU.findall(text))


def asks_for_gpus(text: str) -> bool:
    """Whether a TRES text (``TresPerJob``, ``MemPerTres``) has to do with GPUs."""
    return _GPU.search(text) is not None or _PER_GPU.search(text) is not None


def _asked_tres(fields: Mapping[str, str]) -> dict[str, str]:
    """What was asked in all. Before 23.02 there is but TRES: of a running job what it got."""
    return parse_tres(said(fields.get("ReqTRES")) or said(fields.get("TRES")))


def _nodes(fields: Mapping[str, str]) -> int | None:
    """1-2 is at least and at most. A bare number is what the job may get, if the tasks want it."""
    shown = said(fields.get("NumNodes"))
    least = _count(shown.partition("-")[0])
    if "-" in shown and fields.get("JobState") == "PENDING":
        return least
    return tres_nodes(_asked_tres(fields)) or least


def _memory(fields: Mapping[str, str], nodes: int, gpus: int) -> int | None:
    """Of a node. MemPerTres comes first: beside it releases show a MinMemoryCPU that means nothing.

    It is empty, and MinMemoryTRES 0, after a change to memory a node; then ReqTRES tells.
    """
    per_gpu = _PER_GPU.search(said(fields.get("MemPerTres")))
    if per_gpu:
        size = _size(per_gpu[1])
        return None if size is None else size * max(1, gpus)
    if "MinMemoryNode" in fields:
        return _size(fields["MinMemoryNode"])
    per_cpu = _size(fields.get("MinMemoryCPU"))
    if per_cpu is not None:
        return per_cpu * _cpus_of_a_node(fields, nodes)
    tres = _asked_tres(fields)
    total = tres_memory_bytes(tres)
    return None if total is None else _share(total, tres_nodes(tres))


def _cpus_of_a_node(fields: Mapping[str, str], nodes: int) -> int:
    tasks, per_task = _count(fields.get("NumTasks")), _count(fields.get("CPUs/Task"))
    if tasks and per_task:
        cpus: int | None = tasks * per_task
    else:
        cpus = tres_cpus(_asked_tres(fields)) or _count(fields.get("NumCPUs"))
    return -(-(cpus or 1) // nodes)


def _gpus(fields: Mapping[str, str], nodes: int) -> list[tuple[str, int]]:
    """Type and number on each node."""
    per_node = said(fields.get("TresPerNode"))
    if asks_for_gpus(per_node):
        return _named_gpus(per_node)
    per_job = said(fields.get("TresPerJob"))
    if asks_for_gpus(per_job):
        return [(kind, -(-count // nodes)) for kind, count in _named_gpus(per_job)]
    per_task = said(fields.get("TresPerTask"))
    if asks_for_gpus(per_task):
        tasks = _count(fields.get("NumTasks")) or 1
        return [(kind, -(-count * tasks // nodes)) for kind, count in _named_gpus(per_task)]
    return _gpus_of_tres(_asked_tres(fields), nodes)


def _named_gpus(text: str) -> list[tuple[str, int]]:
    plain = re.sub(r"\([^)]*\)", "", text)
    found = [(kind, int(count or 1)) for kind, count in _GPU.findall(plain)]
    return [(kind, count) for kind, count in found if count]


def _gpus_of_tres(tres: Mapping[str, str], nodes: int) -> list[tuple[str, int]]:
    counts = {name.removeprefix("gres/gpu").lstrip(":"): _count(value) or 0
              for name, value in tres.items() if re.fullmatch(r"gres/gpu(:.*)?", name)}  # fmt: skip
    total = counts.pop("", None)
    typed = [(kind, count) for kind, count in counts.items() if count]
    if total is not None and sum(count for _, count in typed) != total:
        typed = [("", total)] if total else []
    return [(kind, -(-count // nodes)) for kind, count in typed]


def _gpu_text(gpus: Iterable[tuple[str, int]]) -> str | None:
    """As a shape has it; of several types what comes behind ``gpu:`` in ``--gres``."""
    return ",gpu:".join(f"{kind}:{n}" if kind else str(n) for kind, n in gpus) or None


def _array(job: str, in_array: bool, labels: Iterable[str], throttle: str) -> str | None:
    """All tasks of the array that anything is known of, or the ones named; None of one task."""
    if not in_array:
        return None
    tasks = set(tasks_named(job))
    if len(tasks) == 1:
        return None
    if not tasks:
        number = f"{job}_"
        for label in labels:
            if label.startswith(number):
                tasks |= set(tasks_named(label))
    if not tasks:
        return None  # a task by Slurm's own id
    limit = f"%{throttle}" if throttle not in ("", "0") else ""
    return f"{TaskSet(tasks)}{limit}"


def _script_path(command: str, work_dir: str) -> str:
    """Where the script lay. Up to 22.05 (and later) its arguments follow, after a blank.

    So a path with blanks is only known whole below the working folder.
    """
    if command.split(" ")[0] in ("", _STDIN):
        return ""
    folder = f"{work_dir.rstrip('/')}/"
    below = command.removeprefix(folder)
    script = below.partition(" ")[0]
    return script if below == command else folder + script


def _has_no_arguments(fields: Mapping[str, str], command: str, path: str, submit_line: str) -> bool:
    """Whether it surely has none: a script from stdin, or one whose name ends the submit line."""
    if not command:
        return fields.get("BatchFlag") == "1"
    name = PurePosixPath(path).name
    words = [PurePosixPath(word).name for word in submit_line.split(" ")]
    return bool(name) and words[-1] == name and words.count(name) == 1


def _share(total: int, nodes: int | None) -> int:
    """Memory of a node, whole MiB."""
    return -(-total // (max(1, nodes or 1) * MIB)) * MIB


def _size(text: str | None) -> int | None:
    try:
        return parse_size(said(text), default_unit="M")
    except ValueError:
        return None


def _count(text: str | None) -> int | None:
    try:
        return parse_count(said(text))
    except ValueError:
        return None


def _duration(text: str | None) -> int | None:
    try:
        return parse_duration(said(text))
    except ValueError:
        return None


def _minutes(text: str) -> int | None:
    if text == "UNLIMITED":
        return UNLIMITED
    return int(text) * 60 if text.isdigit() else None
