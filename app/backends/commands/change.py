"""``scancel`` and ``scontrol``: to change what is queued or runs; see ``update`` for changes."""

import re

from jobshape.app.backends.commands.reference import checked

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
