"""From sbatch's options to the shape of a job, and back.

What a script leaves open stays None: memory a CPU on a number of nodes that only Slurm knows is no
memory a node. Source: sbatch(1); src/common/proc_args.c for how values are read.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jobshape.app.domain.entry import show_size
from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.shape import FIELD_OF, JobShape
from jobshape.app.domain.text import sanitize
from jobshape.app.domain.units import MIB, format_duration, parse_duration
from jobshape.app.scripts.directives import ScriptProblem

MEMORY_OPTIONS = ("mem", "mem-per-cpu", "mem-per-gpu")
GPU_OPTIONS = ("gres", "gpus-per-node", "gpus", "gpus-per-task", "gpus-per-socket")

_Read = Callable[[str, Callable[[str], Any]], Any]
_COUNT = re.compile(r"\s*\+?(\d{1,10})", re.ASCII)
_NODES = re.compile(r"(\d{1,9})([km]?)(?:-(\d{1,9})([km]?))?((?:[:,]\d.*)?)", re.ASCII | re.I)
_MEMORY = re.compile(r"\s*\+?(\d{1,15})(?:([KMGT])B?)?", re.ASCII | re.I)
_UNIT_MIB = {"": 1.0, "M": 1.0, "K": 1 / 1024, "G": 1024.0, "T": 1048576.0}
_TIME = re.compile(r"\d{1,9}(-|(-\d{1,9})?(:\d{1,9}){0,2})", re.ASCII)
_NO_LIMIT = ("unlimited", "infinite")
_GPU = re.compile(
    r"(?:gres[/:])?gpu(?:[:=](?P<kind>[A-Za-z][\w.-]*))?(?:[:=](?P<count>\d{1,6}))?", re.ASCII
)
_GPUS = re.compile(r"(?:(?:gpu[:=])?(?P<kind>[A-Za-z][\w.-]*)[:=])?(?P<count>\d{1,6})", re.ASCII)
_GPU_KIND = re.compile(r"(?:gpu[:=])?(?P<kind>[A-Za-z][\w.-]*)", re.ASCII)
_SHAPE_GPUS = re.compile(r"(?:[A-Za-z][\w.-]*:)?\d{1,6}", re.ASCII)
_ARRAY = re.compile(r"\[?\d+(-\d+(:\d+)?)?(,+\d+(-\d+(:\d+)?)?)*,*\]?(%\d+)?", re.ASCII)
_OTHER_TASKS = {"ntasks-per-gpu", "ntasks-per-core", "ntasks-per-socket", "ntasks-per-tres"}
_OTHER_CPUS = {"cpus-per-gpu", "mincpus", "exclusive", "tres-per-task"}
_MOST_INT = 2**31 - 1
_MOST_MIB = 2**42
_MOST_GPUS = 999_999


@dataclass(frozen=True, slots=True)
class _Counts:
    """What the options say of nodes and tasks; None: they leave it to Slurm."""

    nodes: int | None  # exactly so many
    tasks_per_node: int | None  # on each of them
    cpus_per_task: int


def shape_of(options: Mapping[str, str]) -> tuple[JobShape, list[ScriptProblem]]:
    """The shape that these options ask for, and the values that sbatch would refuse.

    memory and GPUs a node are computed from what is said for a CPU, a GPU, a task or the job, where
    nodes and tasks are said, too (a job that says nothing of them is one task). The problems'
    lines are 0: options have none.
    """
    problems: list[ScriptProblem] = []

    def read(name: str, reader: Callable[[str], Any]) -> Any:
        if name not in options:
            return None
        try:
            return reader(options[name])
        except ValueError as error:
            problems.append(bad_value(name, options[name], str(error)))
            return None

    nodes = read("nodes", node_range)
    tasks, cpus = read("ntasks", count), read("cpus-per-task", count)
    read("cpus-per-gpu", count)
    counts = _counts(options, nodes, tasks, read("ntasks-per-node", count), cpus)
    gpus = _gpus(options, counts, read)
    shape = JobShape(
        partition=read("partition", _text), account=read("account", _text),
        qos=read("qos", _text), nodes=nodes[0] if nodes else None, tasks=tasks, cpus_per_task=cpus,
        memory_bytes=_memory(options, counts, gpus, read, problems), gpus=gpus,
        time_limit_s=read("time", _time), array=read("array", _array),
        features=read("constraint", _text), exclude_nodes=read("exclude", _text),
    )  # fmt: skip
    return shape, problems


def options_of(shape: JobShape) -> dict[str, str]:
    """sbatch's options for what the shape says, by long name. Raises BadRequest."""
    return {FIELD_OF[name].option: option_value(name, value) for name, value in shape.said()}


def option_value(field: str, value: Any) -> str:
    """A field's value as sbatch reads it, of that field's own option. Raises BadRequest."""
    title = FIELD_OF[field].title
    match field:
        case "memory_bytes" if 0 <= value < 2**63:
            return show_size(value)
        case "gpus" if _SHAPE_GPUS.fullmatch(value):
            return f"gpu:{value.removeprefix('gpu:')}"
        case "time_limit_s" if value == UNLIMITED or 0 < value < _MOST_INT * 60:
            return format_duration(value)
        case "nodes" | "tasks" | "cpus_per_task" if 0 < value <= _MOST_INT:
            return str(value)
        case "array" if _ARRAY.fullmatch(value):
            return str(value)
        case "partition" | "account" | "qos" | "features" | "exclude_nodes" if value:
            return str(value)
    raise BadRequest(f"{value!r} is no value for sbatch", where=title,
                     hint=FIELD_OF[field].help)  # fmt: skip


def bad_value(option: str, value: str, why: str = "") -> ScriptProblem:
    """The problem of a value that sbatch refuses."""
    return ScriptProblem(0, "value", sanitize(f"Invalid --{option} specification: {value}"), why)


def node_range(text: str) -> tuple[int, int | None]:
    """Least and most nodes of ``4``, ``2-8``, ``1k``; a list ("2,4,8") has no most.

    Raises ValueError.
    """
    match = _NODES.fullmatch(text.strip())
    if not match:
        raise ValueError("write 4, or 2-8 for as many as can be had")
    least = _times(match[1], match[2])
    most = _times(match[3], match[4]) if match[3] else least
    if not 1 <= least <= most <= _MOST_INT:
        raise ValueError("the least number of nodes comes first, and is at least 1")
    return least, None if match[5] else most


def is_gpu(part: str) -> bool:
    """Whether a part of a --gres list is of GPUs; "none" is of every kind."""
    return re.match(r"\s*((gres[/:])?gpu\b|none\s*$)", part, re.I) is not None


def _gres_gpus(text: str) -> str | None:
    """The GPUs of a --gres list; "" for several kinds, None if it names none."""
    if text.strip().lower() == "none":
        return "0"
    found: list[str] = []
    for part in filter(is_gpu, text.split(",")):
        match = _GPU.fullmatch(part.strip())
        if not match:
            raise ValueError("write gpu:2 or gpu:a100:2")
        found.append(_gpu_text(match["kind"], match["count"] or "1"))
    return (found[0] if len(found) == 1 else "") if found else None


def _counts(options: Mapping[str, str], nodes: tuple[int, int | None] | None, tasks: int | None,
            tasks_per_node: int | None, cpus: int | None) -> _Counts:  # fmt: skip
    exact = nodes[0] if nodes and nodes[0] == nodes[1] else None
    if nodes is None and (tasks or 1) == 1 and "ntasks-per-gpu" not in options:
        exact = 1  # Slurm spreads no job over more nodes than it has tasks
    if tasks:
        tasks_per_node = tasks // exact if exact and tasks % exact == 0 else None
    elif tasks_per_node is None and not _OTHER_TASKS & set(options):
        tasks_per_node = 1
    return _Counts(exact, tasks_per_node, cpus or 1)


def _gpus(options: Mapping[str, str], counts: _Counts,
          read: _Read) -> str | None:  # fmt: skip
    found: dict[str, Any] = {name: read(name, _gpu_option) for name in GPU_OPTIONS[1:]}
    gres: str | None = read("gres", _gres_gpus)
    if gres is not None:
        return gres or None
    if found["gpus-per-node"]:
        return _gpu_text(*found["gpus-per-node"])
    if found["gpus-per-task"] and counts.tasks_per_node:
        kind, number = found["gpus-per-task"]
        total = int(number) * counts.tasks_per_node
        return _gpu_text(kind, str(total)) if total <= _MOST_GPUS else None
    if found["gpus"]:
        kind, number = found["gpus"]
        if int(number) <= 1 and "nodes" not in options:
            return _gpu_text(kind, number)
        if counts.nodes and int(number) % counts.nodes == 0:
            return _gpu_text(kind, str(int(number) // counts.nodes))
    return None


def _memory(options: Mapping[str, str], counts: _Counts, gpus: str | None,
            read: _Read, problems: list[ScriptProblem]) -> int | None:  # fmt: skip
    said = [name for name in MEMORY_OPTIONS if name in options]
    sizes = {name: read(name, _mebibytes) for name in said}
    if len(said) > 1:
        problems.append(ScriptProblem(
            0, "memory", f"--{' and --'.join(said)} exclude each other", "keep one of them"
        ))  # fmt: skip
    if not said or sizes[said[0]] is None:
        return None
    size: int = sizes[said[0]] * MIB
    factor = 1
    if size and said[0] == "mem-per-cpu":
        known = not _OTHER_CPUS & set(options)
        factor = (counts.tasks_per_node or 0) * counts.cpus_per_task if known else 0
    elif size and said[0] == "mem-per-gpu":
        factor = int(gpus.rpartition(":")[2]) if gpus else 0
    total = size * factor
    return total if factor and total <= _MOST_MIB * MIB else None


def _text(text: str) -> str | None:
    return text or None


def count(text: str) -> int:
    """A number of tasks or CPUs. Raises ValueError."""
    match = _COUNT.fullmatch(text)
    if not match or not 0 < int(match[1]) <= _MOST_INT:
        raise ValueError("write a whole number from 1 on")
    return int(match[1])


def _mebibytes(text: str) -> int:
    match = _MEMORY.fullmatch(text)
    if not match:
        raise ValueError("write a whole number and K, M, G or T: 1500M, 12G")
    size = math.ceil(int(match[1]) * _UNIT_MIB[(match[2] or "").upper()])
    if size > _MOST_MIB:
        raise ValueError("that is more than any node has")
    return size


def _time(text: str) -> int:
    if text.lower() in _NO_LIMIT:
        return UNLIMITED
    if not _TIME.fullmatch(text):
        raise ValueError("write minutes, H:M:S, D-H or D-H:M:S")
    return (
        parse_duration(f"{text}0" if text.endswith("-") else text) or UNLIMITED
    )  # zero is no limit, too


def _array(text: str) -> str:
    if not _ARRAY.fullmatch(text.strip()):
        raise ValueError("write 0-99, 1,3,7 or 0-99%10")
    return text.strip()


def _gpu_option(text: str) -> tuple[str | None, str] | None:
    """Type and number of ``2``, ``a100:2``, ``a100``; None for several types."""
    if "," in text:
        return None
    match = _GPUS.fullmatch(text.strip())
    if match:
        return match["kind"] if match["kind"] != "gpu" else None, match["count"]
    kind = _GPU_KIND.fullmatch(text.strip())
    if kind:
        return None if kind["kind"] == "gpu" else kind["kind"], "1"
    raise ValueError("write 2 or a100:2")


def _gpu_text(kind: str | None, count: str) -> str:
    number = int(count)
    return f"{kind}:{number}" if kind and number else str(number)


def _times(digits: str, unit: str) -> int:
    return int(digits) * {"": 1, "k": 1024, "m": 1024 * 1024}[unit.lower()]
