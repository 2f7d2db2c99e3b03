"""Starts the supervisor where none runs, detached from whoever asks; and stops one."""

import fcntl
import json
import os
import sys
import time
from contextlib import suppress
from typing import Any

from jobshape.app.backends.local import link
from jobshape.app.backends.local.config import LocalSite
from jobshape.app.backends.local.folder import SiteFolder
from jobshape.app.backends.local.owner import refuse_another_machine
from jobshape.app.backends.local.process_tree import MARKER
from jobshape.app.domain.errors import Unreachable

START_S = 20.0
"""How long a supervisor may take to listen, on a busy machine."""

RETIRED = "retired"
_WORD_BYTES = 512


def request(site: LocalSite, do: str, arguments: dict[str, Any], timeout_s: float) -> Any:
    """Ask the supervisor, which is started if need be. Raises BackendError."""
    folder = SiteFolder(site.folder)
    folder.is_there()
    message = {
        "do": do, "arguments": arguments, "site": site.head(), "protocol": link.PROTOCOL,
    }  # fmt: skip
    now = time.monotonic()
    deadline, start_at = now + START_S, now
    while True:
        try:
            value = link.ask(folder.socket, message, timeout_s)
            if value != RETIRED:
                return value
        except link.NobodyThere:
            if time.monotonic() >= start_at:  # again, should it have met one that was about to end
                start(site)
                start_at = time.monotonic() + 1.0
        if time.monotonic() > deadline:
            raise Unreachable(
                f"the local supervisor did not start in {START_S:.0f} s", where=str(folder.path),
                hint=f"its log is {folder.log}",
            )  # fmt: skip
        time.sleep(0.01)


def start(site: LocalSite) -> None:
    """Start a supervisor; where one runs already, the new one ends. Raises BackendError."""
    import subprocess

    folder = SiteFolder(site.folder)
    if MARKER in os.environ:
        raise Unreachable(
            "no local supervisor runs, and one started inside a job would end with it",
            where=str(folder.path), hint="run `jobshape` once outside of the job",
        )  # fmt: skip
    folder.make()
    refuse_another_machine(folder)
    # -P: a folder called jobshape in the working directory must not be what runs.
    command = [sys.executable, "-P", "-m", "jobshape.app.backends.local", json.dumps(site.head())]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            cwd="/", start_new_session=True, timeout=START_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreachable(f"the local supervisor cannot be started: {error}",
                          where=sys.executable) from error  # fmt: skip
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Unreachable(
            f"the local supervisor cannot be started: {said[-1] if said else done.returncode}",
            where=str(folder.path), hint=f"its log is {folder.log}",
        )  # fmt: skip


def is_running(folder: SiteFolder) -> bool:
    """Whether a supervisor has the lock."""
    try:
        descriptor = os.open(folder.lock, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def wait_until_gone(folder: SiteFolder, timeout_s: float) -> bool:
    """Whether no supervisor has the lock within this time."""
    deadline = time.monotonic() + timeout_s
    while is_running(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def running_pid(folder: SiteFolder) -> int | None:
    """The supervisor's process, if one has the lock."""
    with suppress(OSError, ValueError):
        if is_running(folder):
            return int(folder.lock.read_text("utf-8").partition("\n")[0])
    return None


def trouble(folder: SiteFolder) -> str:
    """What keeps a running supervisor from its work; "" for nothing."""
    with suppress(OSError):
        said = folder.lock.read_text("utf-8").partition("\n")[2].strip()
        return said if said and is_running(folder) else ""
    return ""


class LockWord:
    """What a supervisor says in its lock file: its pid, and its trouble.

    The file has its full size from the start, so that this works on a disk without room.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def say(self, trouble: str) -> None:
        """Write the pid and this trouble. Raises OSError where even the first time has no room."""
        text = f"{os.getpid()}\n{trouble[:200]}".encode("utf-8", "replace")
        os.pwrite(self._descriptor, text[: _WORD_BYTES - 1].ljust(_WORD_BYTES - 1) + b"\n", 0)
