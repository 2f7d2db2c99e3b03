"""The files of one attempt to run a job: who runs it, how it ended.

Whoever makes the claim decides what becomes of the attempt: the shepherd, which then runs the
script, or a supervisor that was started anew, after which no shepherd can. A claim names its maker
by pid and start time, since a pid alone may be somebody else's by now.
"""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

_EXIT_BYTES = 1024
_MOST_ERROR = 400


class Claim(NamedTuple):
    """Who took an attempt. ``runs``: false where a supervisor did, so that it never ran."""

    pid: int
    start: int  # in ticks since boot, /proc/PID/stat
    boot: str
    runs: bool
    cgroup: str = ""  # the group that its processes are in, "" for none


class Exit(NamedTuple):
    """How an attempt ended. ``error``: why the script could not be run at all; "" if it was."""

    code: int
    signal: int
    end_time: float
    cpu_s: float = 0.0
    peak_bytes: int = 0  # the largest process; 0: not known
    oom: bool = False  # the kernel ended a process at the memory limit
    error: str = ""
    log_full: bool = False  # it failed, and the disk of its log has no room


def make(folder: Path) -> None:
    """Make the folder of an attempt, before anybody can claim it. Raises OSError.

    It is never made again: once it is removed, a shepherd that comes late finds nothing to claim.
    """
    folder.mkdir(mode=0o700, exist_ok=True)


def prepare(folder: Path) -> None:
    """Write the exit record at its full size: it must not need room at the end. Raises OSError."""
    _write(folder / "exit", b" " * _EXIT_BYTES)


def is_prepared(folder: Path) -> bool:
    """Whether there was room for the exit record."""
    try:
        return (folder / "exit").stat().st_size >= _EXIT_BYTES
    except OSError:
        return False


def take_claim(folder: Path, claim: Claim) -> bool:
    """Whether the attempt is ours now: false where somebody else was first. Raises OSError."""
    draft = folder / f"claim.{claim.pid}"
    try:
        _write(draft, json.dumps(claim).encode())
        os.link(draft, folder / "claim")  # atomic, with its content, never replacing
    except (FileExistsError, FileNotFoundError):
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def read_claim(folder: Path) -> Claim | None:
    """Who took it; None if nobody has."""
    found = _read(folder / "claim")
    return Claim(*found) if found else None


def write_exit(folder: Path, end: Exit) -> None:
    """Write how it ended, in place: one page of a file that has its room. Raises OSError."""
    record = end._replace(error=end.error[:_MOST_ERROR])
    descriptor = os.open(folder / "exit", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, json.dumps(record).encode().ljust(_EXIT_BYTES), 0)
    finally:
        os.close(descriptor)


def read_exit(folder: Path) -> Exit | None:
    """How it ended; None if it has not, or nobody lived to write it."""
    found = _read(folder / "exit")
    return Exit(*found[: len(Exit._fields)]) if found else None


def remove(folder: Path) -> None:
    """Remove the attempt's files; what cannot be removed stays."""
    with suppress(OSError):
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        if os.write(descriptor, data) < len(data):
            raise OSError(28, os.strerror(28), str(path))  # ENOSPC: what a short write means here
    finally:
        os.close(descriptor)


def _read(path: Path) -> list[Any] | None:
    try:
        text = path.read_text("utf-8").strip()
        return list(json.loads(text)) if text else None
    except (OSError, ValueError):
        return None
