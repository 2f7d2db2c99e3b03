"""``scancel`` and ``scontrol``: to change what is queued or runs."""

import re

from jobshape.app.backends.commands.reference import checked
from jobshape.app.domain.request import JobChanges
from jobshape.app.domain.units import MIB, format_duration

_KILL_ERROR = re.compile(r"error: Kill job error on job id \S+: (.*)")


def cancel_command(job: str, signal: str | None = None) -> list[str]:
    """Cancel, or only send a signal. Without ``--verbose`` scancel keeps an unknown job quiet."""
    command = ["scancel", "--verbose"]
    if signal is not None:
        command.append(f"--signal={signal}")
    return [*command, checked(job)]


def parse_cancel(stderr: str) -> str:
    """Why it was not done, in Slurm's words; "" if it was. scancel's exit code does not tell."""
    return "; ".join(dict.fromkeys(_KILL_ERROR.findall(stderr)))


def hold_command(job: str) -> list[str]:
    """Hold a pending job."""
    return ["scontrol", "hold", checked(job)]


def release_command(job: str) -> list[str]:
    """Release a held job."""
    return ["scontrol", "release", checked(job)]


def requeue_command(job: str) -> list[str]:
    """Put a job back in the queue."""
    return ["scontrol", "requeue", checked(job)]


def top_command(job: str) -> list[str]:
    """Put a pending job before the user's other ones."""
    return ["scontrol", "top", checked(job)]


def suspend_command(job: str) -> list[str]:
    """Stop a running job where it is."""
    return ["scontrol", "suspend", checked(job)]


def resume_command(job: str) -> list[str]:
    """Let a suspended job go on."""
    return ["scontrol", "resume", checked(job)]


def update_command(job: str, changes: JobChanges) -> list[str]:
    """Change a job in place; each change is a word of its own, so it may hold spaces."""
    gpus = None if changes.gpus is None else changes.gpus.removeprefix("gpu:")
    memory = changes.memory_bytes
    limit = changes.time_limit_s
    fields: dict[str, str | int | None] = {
        "JobName": changes.name,
        "Comment": changes.comment,
        "Partition": changes.partition,
        "Account": changes.account,
        "QOS": changes.qos,
        "NumNodes": changes.nodes,
        "NumTasks": changes.tasks,
        "CPUsPerTask": changes.cpus_per_task,
        "MinMemoryNode": None if memory is None else -(-memory // MIB),
        "Gres": None if gpus is None else f"gpu:{gpus}",
        "TimeLimit": None if limit is None else format_duration(limit),
        "ArrayTaskThrottle": changes.array_throttle,
        "Nice": changes.nice,
        "Features": changes.features,
        "ExcNodeList": changes.exclude_nodes,
        "Dependency": changes.dependency,
    }
    words = [f"{name}={value}" for name, value in fields.items() if value is not None]
    return ["scontrol", "update", f"JobId={checked(job)}", *words]
