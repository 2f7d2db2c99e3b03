"""From a script, its ``#SBATCH`` lines and a request to a job of this machine, or a refusal.

Refusals use Slurm's own words where it has some. Source: sbatch(1), slurm_errno.c.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from jobshape.app.backends.local.batch_lines import read_options
from jobshape.app.backends.local.config import LocalPartition
from jobshape.app.backends.local.machine import Machine
from jobshape.app.backends.local.record import LocalJob
from jobshape.app.domain.array_tasks import parse_array
from jobshape.app.domain.errors import BadRequest, Refused
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.domain.units import MIB, format_duration, parse_duration, parse_size

NOT_AVAILABLE = "Requested node configuration is not available"
BAD_PARTITION = "Invalid partition name specified"
BAD_TIME = "Requested time limit is invalid (missing or exceeds some limit)"
_GRES = re.compile(r"(?:gres/)?gpu(?:[:=]([A-Za-z][\w.-]*))?(?:[:=](\d+))?(?:\(.*\))?")
_GPUS = re.compile(r"(?:gpu:)?(?:([A-Za-z][\w.-]*)[:=])?(\d+)")
_NOW = re.compile(r"now(?:\+(\d+)([a-z]*))?")
_UNITS_S = {"": 1, "second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
_LATEST_S = 250_000_000_000  # in the year 9892: every calendar and time zone can still show it
_HOURS = {"midnight": 0, "elevenses": 11, "noon": 12, "fika": 15, "teatime": 16}


def options_of(request: SubmitRequest) -> dict[str, str]:
    """All options of a job: those of its script, and over them those of the request."""
    if not request.script.startswith("#!"):
        raise BadRequest(
            "This does not look like a batch script. The first line must start with #! followed"
            " by the path to an interpreter", hint="for instance: #!/bin/sh",
        )  # fmt: skip
    if "\0" in request.script:
        raise BadRequest("The SLURM controller does not allow scripts that contain a NULL"
                         " character '\\0'")  # fmt: skip
    if "\r\n" in request.script:
        raise BadRequest("Batch script contains DOS line breaks (\\r\\n) instead of expected UNIX"
                         " line breaks (\\n).", hint="dos2unix takes them out")  # fmt: skip
    options = read_options(request.script)
    given = {
        "job-name": request.name, "chdir": request.work_dir, "partition": request.partition,
        "account": request.account, "qos": request.qos, "nodes": request.nodes,
        "ntasks": request.tasks, "cpus-per-task": request.cpus_per_task, "array": request.array,
        "constraint": request.features, "exclude": request.exclude_nodes,
        "dependency": request.dependency, "comment": request.comment, "output": request.stdout,
        "error": request.stderr,
    }  # fmt: skip
    options.update({name: str(value) for name, value in given.items() if value is not None})
    if request.memory_bytes is not None:
        for name in ("mem", "mem-per-cpu", "mem-per-gpu"):
            options.pop(name, None)
        options["mem"] = f"{-(-request.memory_bytes // MIB)}M"
    if request.gpus is not None:
        for name in ("gpus", "gpus-per-node", "gpus-per-task", "gpus-per-socket", "gres"):
            options.pop(name, None)
        options["gres"] = f"gpu:{request.gpus.removeprefix('gpu:')}"
    if request.time_limit_s is not None:
        options["time"] = format_duration(request.time_limit_s)
    if request.hold:
        options["hold"] = ""
    return options


def job_of(options: Mapping[str, str], machine: Machine, *, submit_dir: str, now: float,
           arguments: tuple[str, ...] = ()) -> LocalJob:  # fmt: skip
    """The job that these options mean. Raises Refused, BadRequest."""
    partition = _partition(options.get("partition", ""), machine)
    job = LocalJob(
        name=options.get("job-name", "sbatch"), partition=partition.name,
        account=options.get("account", ""), qos=options.get("qos", ""),
        comment=options.get("comment", ""), features=options.get("constraint", ""),
        submit_dir=submit_dir, work_dir=_joined(submit_dir, options.get("chdir", "")),
        submit_time=now, arguments=json.dumps(arguments),
        nice=_whole(options.get("nice") or "100", "nice") if "nice" in options else 0,
        requeue=int("requeue" in options and "no-requeue" not in options),
        stdin=options.get("input", ""), stdout=options.get("output", ""),
        stderr=options.get("error", ""), open_mode=_open_mode(options.get("open-mode", "")),
        signal=options.get("signal", ""), export=options.get("export", ""),
        dependency=options.get("dependency", ""),
    )  # fmt: skip
    parse_signal(job.signal)
    if "priority" in options:
        job.boost = _whole(options["priority"], "priority")
    if "hold" in options or options.get("priority") == "0":
        job.held = 1
    if "begin" in options:
        job.begin_time = parse_begin(options["begin"], now)
    _set_size(job, options, machine)
    job.time_limit_s = time_limit(options.get("time"), partition)
    check_size(job, machine)
    if options.get("array"):
        _set_array(job, options["array"])
    return job


def _partition(names: str, machine: Machine) -> LocalPartition:
    """The first partition of a list, which must all be there: they share the same slots."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if not wanted:
        return machine.partitions[0]
    found = [machine.partition(name) for name in wanted]
    if None in found or found[0] is None:
        raise Refused(BAD_PARTITION, where="--partition")
    return found[0]


def partition_of(names: str, machine: Machine) -> LocalPartition:
    """The partition that a job is moved to. Raises Refused."""
    if not names.strip():
        raise Refused(BAD_PARTITION, where="--partition")
    return _partition(names, machine)


def time_limit(text: str | None, partition: LocalPartition) -> int:
    """Seconds, UNLIMITED for none. Raises Refused for more than the partition gives."""
    most = partition.time_limit_s
    if text is None:
        return partition.default_time_s if most is None else min(partition.default_time_s, most)
    try:
        limit = parse_duration(text)
    except ValueError:
        limit = None
    if limit is None:
        raise BadRequest("Invalid --time specification", where=f"--time={text}")
    if limit == 0:
        limit = UNLIMITED
    check_time(limit, partition)
    return limit


def check_time(limit_s: int, partition: LocalPartition) -> None:
    """Raises Refused for more time than the partition gives."""
    most = partition.time_limit_s
    if most is not None and (limit_s == UNLIMITED or limit_s > most):
        raise Refused(BAD_TIME, where=f"partition {partition.name}",
                      hint=f"its limit is {format_duration(most)}")  # fmt: skip


def check_size(job: LocalJob, machine: Machine) -> None:
    """Raises Refused for a shape that this machine can never have."""
    for what, asked, there in (
        ("CPUs", job.cpus, machine.cpus),
        ("MiB of memory", -(-job.memory_bytes // MIB), machine.memory_bytes // MIB),
        (f"GPUs {job.gpu_type}".strip(), job.gpus, machine.gpu_count(job.gpu_type)),
    ):
        if asked > there:
            raise Refused(NOT_AVAILABLE, where=machine.name,
                          hint=f"it asks for {asked} {what}, this machine has {there}")  # fmt: skip
    kinds = machine.gpu_kinds(job.gpu_type) if job.gpus and job.gpu_type else ()
    if len(kinds) > 1:
        raise Refused(NOT_AVAILABLE, where=machine.name,
                      hint=f"{job.gpu_type} may mean {' or '.join(kinds)}: name one")  # fmt: skip


def check_nodes(count: int, machine: Machine) -> None:
    """Raises Refused for more than the one node there is."""
    if count > 1:
        raise Refused(NOT_AVAILABLE, where=machine.name,
                      hint=f"it asks for {count} nodes, this machine is one")  # fmt: skip


def _set_size(job: LocalJob, options: Mapping[str, str], machine: Machine) -> None:
    check_nodes(_whole(options.get("nodes", "1").partition("-")[0] or "1", "nodes"), machine)
    for name in ("exclude", "nodelist"):
        listed = [node.partition(".")[0] for node in options.get(name, "").split(",") if node]
        if listed and (machine.name in listed) is (name == "exclude"):
            raise Refused(NOT_AVAILABLE, where=machine.name, hint=f"--{name}={options[name]}")
    per_node = _whole(options.get("ntasks-per-node", "0"), "ntasks-per-node", least=0)
    job.tasks_per_node = per_node
    job.ntasks_given = int("ntasks" in options or per_node > 0)
    job.task_count = _whole(options.get("ntasks", str(per_node or 1)), "ntasks")
    job.cpus_given = int("cpus-per-task" in options)
    job.cpus_per_task = _whole(options.get("cpus-per-task", "1"), "cpus-per-task")
    job.gpus, job.gpu_type = _gpus(options, job.task_count)
    job.cpus = job.task_count * job.cpus_per_task
    if "cpus-per-gpu" in options and not job.cpus_given:
        job.cpus = max(job.cpus, job.gpus * _whole(options["cpus-per-gpu"], "cpus-per-gpu"))
    job.cpus = max(job.cpus, _whole(options.get("mincpus", "1"), "mincpus"))
    if "exclusive" in options and options["exclusive"] in ("", "user"):
        job.cpus = machine.cpus
    job.memory_bytes = _memory(options, job, machine)


def _memory(options: Mapping[str, str], job: LocalJob, machine: Machine) -> int:
    for name, factor in (("mem", 1), ("mem-per-cpu", job.cpus), ("mem-per-gpu", job.gpus)):
        if name not in options:
            continue
        try:
            size = parse_size(options[name], default_unit="M")
        except ValueError:
            size = None
        if size is None:
            raise BadRequest(f"Invalid --{name} specification", where=f"--{name}={options[name]}")
        if size == 0 and name == "mem":
            return machine.memory_bytes
        return -(-size // MIB) * MIB * max(1, factor)
    partition = machine.partition(job.partition)
    assert partition
    return min(partition.default_memory_bytes, machine.memory_bytes)


def parse_gpus(text: str) -> tuple[int, str]:
    """How many GPUs and of which type: ``a100:2``, ``2``, ``gpu:2``, ``a100``. Raises Refused."""
    match = _GPUS.fullmatch(text.strip())
    if match:
        return int(match[2]), match[1] or ""
    if re.fullmatch(r"[A-Za-z][\w.-]*", text.strip()):
        return 1, "" if text.strip() == "gpu" else text.strip()
    raise Refused("Invalid generic resource (gres) specification", where=text)


def _gpus(options: Mapping[str, str], tasks: int) -> tuple[int, str]:
    for name, factor in (("gpus", 1), ("gpus-per-node", 1), ("gpus-per-task", tasks),
                         ("gpus-per-socket", 1)):  # fmt: skip
        if name in options:
            return _added(options[name].split(","), factor, name)
    wanted = [part for part in options.get("gres", "").split(",") if part]
    wanted += [part for part in options.get("tres-per-node", "").split(",") if "gpu" in part]
    parts = []
    for part in wanted:
        match = _GRES.fullmatch(part.strip())
        if not match:
            raise Refused("Invalid generic resource (gres) specification", where=f"--gres={part}",
                          hint="this machine knows gpu alone")  # fmt: skip
        parts.append(f"{match[1]}:{match[2] or 1}" if match[1] else match[2] or "1")
    return _added(parts, 1, "gres")


def _added(parts: list[str], factor: int, name: str) -> tuple[int, str]:
    found = [parse_gpus(part) for part in parts]
    kinds = {kind for _, kind in found}
    if len(kinds) > 1:
        raise Refused(NOT_AVAILABLE, where=f"--{name}",
                      hint="GPUs of several types in one job are not given here")  # fmt: skip
    return sum(count for count, _ in found) * factor, kinds.pop() if kinds else ""


def _set_array(job: LocalJob, text: str) -> None:
    tasks, job.throttle = parse_array(text)
    job.array_tasks = str(tasks)
    job.first_task, job.last_task = tasks.first(), tasks.last()
    job.all_tasks, job.task_step = len(tasks), tasks.step()


def parse_signal(text: str) -> tuple[str, int, bool] | None:
    """Name, seconds before the end and whether the batch shell alone gets it, of ``B:USR1@60``.

    None for no signal. Raises BadRequest.
    """
    if not text:
        return None
    match = re.fullmatch(r"(?:(R|B|RB|BR):)?([A-Za-z0-9]+)(?:@(\d+))?", text)
    number = signal_number(match[2]) if match else None
    if match is None or number is None:
        raise BadRequest("Invalid --signal specification", where=f"--signal={text}")
    return match[2], int(match[3] or 60), "B" in (match[1] or "")


def signal_number(name: str) -> int | None:
    """The number of ``USR1``, ``SIGUSR1`` or ``10``; None if there is no such signal."""
    import signal

    word = name.upper().removeprefix("SIG")
    try:
        return signal.Signals(int(word)) if word.isdigit() else signal.Signals[f"SIG{word}"]
    except (ValueError, KeyError):
        return None


def parse_begin(text: str, now: float) -> float:
    """When a job may begin, of sbatch's --begin. Raises BadRequest."""
    try:
        at = _begin(text, now)
        if at <= _LATEST_S:
            return at
    except (ValueError, OverflowError):
        pass
    raise BadRequest("Invalid time specification", where=f"--begin={text[:80]}")


def _begin(text: str, now: float) -> float:
    """The time that a text means. Raises ValueError or OverflowError where there is none."""
    word = text.strip().lower()
    if match := _NOW.fullmatch(word):
        unit = match[2] or ""
        unit = unit if unit in _UNITS_S else unit.removesuffix("s")
        if unit in _UNITS_S:
            return now + int(match[1] or 0) * _UNITS_S[unit]
    today = datetime.fromtimestamp(now)
    start = today.replace(hour=0, minute=0, second=0, microsecond=0)
    if word in ("today", "tomorrow"):
        return now if word == "today" else (today + timedelta(days=1)).timestamp()
    if word in _HOURS or re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", word):
        hour, minute, second = _HOURS.get(word, 0), 0, 0
        if word not in _HOURS:
            hour, minute, second = (*(int(part) for part in word.split(":")), 0)[:3]
        if hour < 24 and minute < 60 and second < 60:
            at = start + timedelta(hours=hour, minutes=minute, seconds=second)
            return (at if at > today else at + timedelta(days=1)).timestamp()
    return datetime.fromisoformat(text.strip()).timestamp()


def _whole(text: str, name: str, *, least: int | None = None) -> int:
    """A whole number of an option; at least 1 unless another least is given (nice: any)."""
    try:
        number = int(text)
    except ValueError:
        raise BadRequest(f'Invalid numeric value "{text}" for --{name}') from None
    low = {"nice": -(1 << 31), "priority": 0}.get(name, 1 if least is None else least)
    if number < low or number > 1 << 31:
        raise BadRequest(f'Invalid numeric value "{text}" for --{name}')
    return number


def _open_mode(text: str) -> str:
    if text and text[0] not in "at":
        raise BadRequest("Invalid --open-mode specification", where=f"--open-mode={text}")
    return text[:1]


def _joined(folder: str, path: str) -> str:
    if not path:
        return folder
    return path if path.startswith("/") else f"{folder.rstrip('/')}/{path}"
