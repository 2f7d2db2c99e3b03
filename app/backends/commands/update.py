"""``scontrol update``: a job changed in place, so that what was asked for is what it then has.

What was seen on Slurm 22.05 and 26.05, all of it accepted with exit code 0:

* ``CPUsPerTask`` alone leaves NumCPUs and MinCPUsNode as they were, and the job waits for ever.
* ``NumTasks`` works NumCPUs out anew from numbers of before, so CPUs go in a command after it.
  (Should the job start between the two, the second is refused, and the error says so.)
* ``Gres`` of a job that asked with ``--gpus`` or ``--gpus-per-task`` adds to that.
* ``Gres=gpu:0`` takes the GPUs away; 22.05 goes on showing them in TRES until the job starts. (It
  refuses a type where none was asked for, and the other way round, unless ``TresPerNode=`` goes
  first.)
* ``MinMemoryNode`` of a job that asked with ``--mem-per-gpu`` changes nothing.

And what is refused may have been done all the same: with "Requested partition configuration not
available now" always, beside another change that is denied often. So it is taken back.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from jobshape.app.backends.commands.asked import asks_for_gpus, names_gpu_type
from jobshape.app.backends.commands.reference import checked
from jobshape.app.backends.commands.scontrol_text import said
from jobshape.app.domain.errors import BackendError, BadRequest, Refused
from jobshape.app.domain.request import JobChanges
from jobshape.app.domain.units import MIB, format_duration

_SHAPE = ("partition", "account", "qos", "nodes", "tasks", "cpus_per_task", "memory_bytes", "gpus",
          "time_limit_s", "features", "exclude_nodes")  # fmt: skip
_SIZE = ("Partition", "Account", "QOS", "TimeLimit", "Features", "ExcNodeList", "NumNodes",
         "NumTasks", "MinMemoryNode", "MinMemoryCPU", "MemPerTres", "TresPerJob", "TresPerTask",
         "TresPerNode")  # fmt: skip
_CPUS = {"CPUs/Task": "CPUsPerTask", "NumCPUs": "NumCPUs", "MinCPUsNode": "MinCPUsNode"}
_ROUNDS = 2
_PER_NODE = re.compile(r"\d+")  # NtasksPerN:B:S:C=4:0:*:*

Fields = Callable[[], Mapping[str, str]]
Send = Callable[[Sequence[str]], object]


def changes_shape(changes: JobChanges) -> bool:
    """Whether the fields of before are needed: for the words, and to take back what is refused."""
    return any(getattr(changes, name) is not None for name in _SHAPE)


def update_job(job: str, changes: JobChanges, *, fields: Fields, send: Send) -> None:
    """Change a job; what is refused is taken back, as far as Slurm did it.

    fields: reads what ``scontrol show job`` says of it; raises BadRequest where it is not there.
    send: runs a command; raises as the runner does.
    """
    before: Mapping[str, str] = {}
    if changes_shape(changes):
        with suppress(BadRequest):  # a job that is gone: scontrol says so
            before = fields()
    try:
        for command in update_commands(job, changes, before):
            send(command)
    except (Refused, BadRequest) as error:
        if before.get("JobState") != "PENDING":
            raise
        hint = _take_back(job, before, fields, send)
        raise type(error)(error.what, where=error.where, hint=hint) from error


def _take_back(job: str, before: Mapping[str, str], fields: Fields, send: Send) -> str:
    """Undo what a refused change did; gives a hint for the error, "" if all is as before.

    Of an array it compares the first task that is meant, and gives all what that one had.
    """
    with suppress(BackendError):
        for _ in range(_ROUNDS):
            commands = take_back_commands(job, before, fields())
            if not commands:
                return ""
            for command in commands:
                with suppress(Refused):  # it says again what it said before
                    send(command)
        if not take_back_commands(job, before, fields()):
            return ""
    return "some of it was done all the same, and could not be taken back: look at the job"


def update_commands(
    job: str, changes: JobChanges, now: Mapping[str, str] | None = None
) -> list[list[str]]:
    """The commands that change a job, in order; each change is a word, so it may hold spaces.

    now: what ``scontrol show job`` says before, where :func:`changes_shape`.
    """
    now = now or {}
    before: list[str] = []
    words = _plain(changes)
    if changes.tasks is not None:
        (words if not now else before).append(f"NumTasks={changes.tasks}")
    if _changes_gpu_type(changes, now):
        before.append("TresPerNode=")
    words += _cpus(changes, now) + _memory(changes, now) + _gpus(changes, now)
    return [_update(job, part) for part in (before, words) if part]


def take_back_commands(
    job: str, before: Mapping[str, str], after: Mapping[str, str]
) -> list[list[str]]:
    """The commands that give a job back what it asked for before; none where nothing differs."""
    size = [
        word
        for name in _SIZE
        if said(before.get(name)) != said(after.get(name))
        for word in _as_before(name, said(before.get(name)))
    ]
    cpus = [
        f"{word}={said(before.get(name))}"
        for name, word in _CPUS.items()
        if said(before.get(name)) != said(after.get(name)) and said(before.get(name))
    ]
    if size and not cpus and any(word.startswith(("NumTasks=", "NumNodes=")) for word in size):
        cpus = [f"NumCPUs={before['NumCPUs']}"] if said(before.get("NumCPUs")) else []
    return [_update(job, part) for part in (size, cpus) if part]


def _as_before(name: str, value: str) -> list[str]:
    if name in ("MinMemoryNode", "MinMemoryCPU", "NumTasks", "NumNodes", "Partition") and not value:
        return []  # the other one of two is set again, or it was not known
    if name == "TresPerNode":
        return [f"Gres={_as_gres(value)}" if value else "Gres=gpu:0"]
    return [f"{name}={value}"]


def _as_gres(text: str) -> str:
    return ",".join(re.sub("^gres[:/]", "", part) for part in text.split(","))


def _plain(changes: JobChanges) -> list[str]:
    limit = changes.time_limit_s
    fields: dict[str, str | int | None] = {
        "JobName": changes.name,
        "Comment": changes.comment,
        "Partition": changes.partition,
        "Account": changes.account,
        "QOS": changes.qos,
        "NumNodes": changes.nodes,
        "TimeLimit": None if limit is None else format_duration(limit),
        "ArrayTaskThrottle": changes.array_throttle,
        "Nice": changes.nice,
        "Features": changes.features,
        "ExcNodeList": changes.exclude_nodes,
        "Dependency": changes.dependency,
    }
    return [f"{name}={value}" for name, value in fields.items() if value is not None]


def _cpus(changes: JobChanges, now: Mapping[str, str]) -> list[str]:
    if changes.tasks is None and changes.cpus_per_task is None:
        return []
    asked = changes.cpus_per_task
    words = [] if asked is None else [f"CPUsPerTask={asked}"]
    tasks = _number(now.get("NumTasks")) if changes.tasks is None else changes.tasks
    each = _number(now.get("CPUs/Task")) if asked is None else asked
    if not tasks or not each:  # not known, or a zero that the controller is to refuse
        return words
    words.append(f"NumCPUs={tasks * each}")
    if asked is not None:
        per_node = _PER_NODE.match(said(now.get("NtasksPerN:B:S:C")))
        words.append(f"MinCPUsNode={each * max(1, int(per_node[0]) if per_node else 1)}")
    return words


def _memory(changes: JobChanges, now: Mapping[str, str]) -> list[str]:
    if changes.memory_bytes is None:
        return []
    per_gpu = ["MemPerTres="] if asks_for_gpus(said(now.get("MemPerTres"))) else []
    return [*per_gpu, f"MinMemoryNode={-(-changes.memory_bytes // MIB)}"]


def _gpus(changes: JobChanges, now: Mapping[str, str]) -> list[str]:
    if changes.gpus is None:
        return []
    words = [
        f"{name}={_without_gpus(said(now.get(name)))}"
        for name in ("TresPerJob", "TresPerTask", "TresPerSocket")
        if asks_for_gpus(said(now.get(name)))
    ]
    return [*words, f"Gres=gpu:{changes.gpus.removeprefix('gpu:') or 0}"]


def _changes_gpu_type(changes: JobChanges, now: Mapping[str, str]) -> bool:
    """Whether GPUs of a node were asked for with a type and now are not, or the other way round.

    Of a release that shows no ReqTRES; newer ones mind no more, and so never lack GPUs meanwhile.
    """
    per_node = said(now.get("TresPerNode"))
    if changes.gpus in (None, "", "0") or "ReqTRES" in now or not asks_for_gpus(per_node):
        return False
    return names_gpu_type(per_node) != names_gpu_type(f"gpu:{changes.gpus.removeprefix('gpu:')}")


def _without_gpus(text: str) -> str:
    return ",".join(part for part in text.split(",") if not asks_for_gpus(part))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def _update(job: str, words: list[str]) -> list[str]:
    return ["scontrol", "update", f"JobId={checked(job)}", *words]
