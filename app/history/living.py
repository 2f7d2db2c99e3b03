"""Whether the process that began an action still runs: where it does not, nobody waits for it.

A process is known by its machine, its number and its start, since numbers are used again.
"""

import os
import socket
from pathlib import Path

OTHER_MACHINE_S = 3600
"""How long an action of another machine, whose processes are not seen, may be under way."""


def this_process() -> str:
    """How this process is known."""
    return f"{socket.gethostname()} {os.getpid()} {_start_of(os.getpid())}"


def is_living(process: str, age_s: float) -> bool:
    """Whether it may still be at work on what it began so long ago."""
    host, _, rest = process.partition(" ")
    number, _, start = rest.partition(" ")
    if host != socket.gethostname():
        return age_s < OTHER_MACHINE_S
    return number.isdecimal() and start != "" and _start_of(int(number)) == start


def _start_of(pid: int) -> str:
    """When it started, in ticks since the machine did; "" for none. Source: proc_pid_stat(5)."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""
