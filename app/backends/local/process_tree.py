"""A job's processes, read from /proc: who they are, what they use, how to end them.

Below a shepherd, a subreaper, stand all processes of its job, also those that changed session or
whose parents are gone. Were a shepherd itself killed, its job's processes are found by a variable
of their environment. /proc is read directly: what is wanted of it (children, PSS, start time,
environment) takes four small files, and pidfds and subreapers bind us to Linux anyway.
"""

import errno
import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
MARKER = "JOBSHAPE_LOCAL_JOB"
STEP_MARKER = b"SLURM_STEP_ID="
_ROUNDS = 100
_STOP_ROUNDS = 20


class Figures(NamedTuple):
    """What a tree of processes uses: memory now, CPU time so far, ended children included."""

    memory_bytes: int
    cpu_s: float


def start_of(pid: int) -> int | None:
    """When a process started, in ticks since boot; None if it is gone or a zombie."""
    fields = _stat(pid)
    if fields is None or fields[0] in (b"Z", b"X"):
        return None
    return int(fields[19])


def is_alive(pid: int, start: int) -> bool:
    """Whether this very process runs, not another one that got its number."""
    return start_of(pid) == start


def descendants(pid: int) -> list[int]:
    """Every process below this one, parents first."""
    found: list[int] = []
    left = [pid]
    seen = {pid}
    while left:
        for child in _children(left.pop()):
            if child not in seen:
                seen.add(child)
                found.append(child)
                left.append(child)
    return found


def marked(value: str) -> list[int]:
    """Processes of this user whose environment says that they belong to this attempt."""
    wanted = f"{MARKER}={value}".encode()
    me, mine = os.getpid(), os.geteuid()
    found = []
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit() and int(entry.name) != me:
                with suppress(OSError):
                    if entry.stat().st_uid == mine and wanted in _environment(int(entry.name)):
                        found.append(int(entry.name))
    return found


def step_tasks(pids: Iterable[int]) -> list[int]:
    """Those of the processes that srun itself started, not what they started in turn."""
    inside = {
        pid
        for pid in pids
        if any(variable.startswith(STEP_MARKER) for variable in _environment(pid))
    }
    return [pid for pid in inside if parent_of(pid) not in inside]


def parent_of(pid: int) -> int | None:
    """The process above this one; None if it is gone."""
    fields = _stat(pid)
    return None if fields is None else int(fields[1])


def figures(pids: Iterable[int]) -> Figures:
    """Resident memory and CPU time of these processes together; pages they share count each."""
    memory = ticks = 0
    for pid in pids:
        fields = _stat(pid)
        if fields is not None:
            memory += int(fields[21]) * PAGE
            ticks += sum(map(int, fields[11:15]))
    return Figures(memory, ticks / TICKS)


def reaped_cpu_s(pid: int) -> float:
    """CPU time of the children that this process has waited for."""
    fields = _stat(pid)
    return 0.0 if fields is None else (int(fields[13]) + int(fields[14])) / TICKS


def proportional_bytes(pids: Iterable[int]) -> int | None:
    """Their memory with shared pages counted once (PSS); None where that cannot be read."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup", "rb") as file:  # noqa: PTH123
                pss = next(line for line in file if line.startswith(b"Pss:"))
        except (FileNotFoundError, ProcessLookupError):
            continue
        except (OSError, StopIteration) as error:
            if isinstance(error, OSError) and error.errno == errno.ESRCH:
                continue
            return None
        total += int(pss.split()[1]) * 1024
    return total


def send(pids: Iterable[int], number: int) -> None:
    """Send a signal to each that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def kill_below(pid: int) -> None:
    """Kill every process below this one, and whatever they start meanwhile."""
    for turn in range(_ROUNDS):
        below = [child for child in descendants(pid) if start_of(child) is not None]
        if not below:
            return
        send(below, signal.SIGKILL)
        if turn:
            time.sleep(min(0.001 * turn, 0.02))


def stop_all(find: Callable[[], Iterable[int]]) -> None:
    """Stop every process that ``find`` gives, and those that they start meanwhile.

    One that waits for a disk stops later; it is found again with the next call.
    """
    for _ in range(_STOP_ROUNDS):
        going = [pid for pid in find() if _goes_on(pid)]
        if not going:
            return
        send(going, signal.SIGSTOP)
        time.sleep(0.001)


def _goes_on(pid: int) -> bool:
    fields = _stat(pid)
    return fields is not None and fields[0] not in (b"T", b"t", b"Z", b"X")


def kill_marked(value: str) -> None:
    """Kill every process that belongs to this attempt, wherever it stands."""
    for turn in range(_ROUNDS):
        found = [pid for pid in marked(value) if start_of(pid) is not None]
        if not found:
            return
        send(found, signal.SIGKILL)
        time.sleep(min(0.001 * (turn + 1), 0.02))


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123
                found += map(int, file.read().split())
        except (FileNotFoundError, ProcessLookupError):
            if not _KNOWS_CHILDREN:
                return _children_by_parent(pid)
        except OSError:
            continue
    return found


def _children_by_parent(pid: int) -> list[int]:
    """The same where the kernel keeps no list of children."""
    found = []
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit():
            fields = _stat(int(name))
            if fields is not None and int(fields[1]) == pid:
                found.append(int(name))
    return found


def _stat(pid: int) -> list[bytes] | None:
    """The fields of /proc/PID/stat from the third, the state, on."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return None


def _environment(pid: int) -> list[bytes]:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
            return file.read().split(b"\0")
    except OSError:
        return []


_KNOWS_CHILDREN = os.path.exists(f"/proc/self/task/{os.getpid()}/children")  # noqa: PTH110
