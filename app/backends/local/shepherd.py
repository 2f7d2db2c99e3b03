"""The process that stands above one job: starts its script, waits, writes how it ended.

Forked, not started anew, from the single-threaded nursery, and independent of all from then on: it
outlives a supervisor that is killed. As a subreaper it stays above every process of its job.
"""

import ctypes
import gc
import os
import resource
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from jobshape.app.backends.local import process_tree, spool
from jobshape.app.backends.local.cgroup import Cgroup
from jobshape.app.backends.local.spool import Claim, Exit

DONE, TAKEN, NO_ROOM = 0, 3, 4
"""Exit codes: its end is recorded; the attempt was somebody else's; nothing could be written."""

_NO_ROOM_BYTES = 1 << 16  # what some file systems keep back at the end
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NAME = 15
_LIBC = ctypes.CDLL(None, use_errno=True)


class Assignment(NamedTuple):
    """All that a shepherd needs. ``cgroup``: None where the kernel does not keep the limit."""

    folder: Path
    script: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    work_dir: str
    stdin: str
    stdout: str
    stderr: str
    append: bool
    umask: int
    memory_bytes: int
    cgroup: Cgroup | None
    boot: str
    open_files: tuple[int, int]  # the limits the job gets


class CannotRun(Exception):
    """The script cannot be run, for a reason that a person can mend."""


def fork_shepherd(task: Assignment) -> int:
    """Start one; gives its pid. Raises OSError where no process can be had."""
    pid = os.fork()
    if pid:
        return pid
    code = NO_ROOM
    try:
        code = _shepherd(task)
    finally:
        os._exit(code)


def _shepherd(task: Assignment) -> int:
    gc.disable()
    _stand_alone()
    group = task.cgroup
    name = str(group.path) if group else ""
    me = os.getpid()
    try:
        spool.prepare(task.folder)
        if not spool.take_claim(
            task.folder, Claim(me, process_tree.start_of(me) or 0, task.boot, True, name)
        ):
            return TAKEN
    except FileNotFoundError:  # the folder is gone: this attempt was given up
        return TAKEN
    except OSError:
        return NO_ROOM
    try:
        pid = _start(task)
        end = _wait(pid, group)
        if end.code or end.signal:
            end = end._replace(log_full=any(map(_is_full, {task.stdout, task.stderr})))
    except CannotRun as reason:
        end = Exit(1, 0, time.time(), error=str(reason))
    if group:
        group.remove()
    with suppress(OSError):
        spool.write_exit(task.folder, end)
    return DONE


def _stand_alone() -> None:
    """Leave nothing of the supervisor's open, be found by no signal meant for it."""
    os.setsid()
    os.chdir("/")
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _LIBC.prctl(_PR_SET_NAME, b"jobshape-job", 0, 0, 0)
    close_all_but(0)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, _nothing)  # a handler, unlike SIG_IGN, is not passed on to the job
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def close_all_but(kept: int) -> None:
    """Close every descriptor but this one; the first three become nothing.

    The database among them: it is not ours to close properly, which could tidy its log away.
    """
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if kept > 2:
        os.closerange(3, kept)
        os.closerange(kept + 1, most)
    else:
        os.closerange(3, most)


def _nothing(*_: object) -> None:
    pass


def _start(task: Assignment) -> int:
    """Start the script; gives its pid. Raises CannotRun."""
    os.umask(task.umask)
    if not os.path.isdir(task.work_dir):  # noqa: PTH112
        raise CannotRun(f"the work folder {task.work_dir} is not there")
    command = [*_interpreter(task.script), _copy(task), *task.arguments]
    files = _open_files(task)
    try:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, task.open_files)
        _enter(task)
        started = subprocess.Popen(
            command, stdin=files[0], stdout=files[1], stderr=files[2], cwd=task.work_dir,
            env=dict(task.environment), start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        what = error.filename if isinstance(error.filename, str) else command[0]
        missing = isinstance(error, FileNotFoundError) and what == command[0]
        words = "the interpreter" if missing else "cannot run"
        raise CannotRun(f"{words} {what}: {error.strerror}") from None
    except ValueError as error:  # a NUL in an argument or a variable
        raise CannotRun(f"cannot run {command[0]}: {error}") from None
    finally:
        _leave(task)
        for descriptor in set(files):
            os.close(descriptor)
    started.returncode = 0  # it is waited for below, with all the others
    return started.pid


def _enter(task: Assignment) -> None:
    if task.cgroup:
        try:
            task.cgroup.make(task.memory_bytes)
            task.cgroup.join()
        except OSError as error:
            raise CannotRun(f"the memory limit cannot be set: {error}") from None


def _leave(task: Assignment) -> None:
    if task.cgroup:
        with suppress(OSError):
            task.cgroup.leave()


def _interpreter(script: str) -> list[str]:
    """The words of the ``#!`` line: a program and at most one argument, as the kernel reads it."""
    words = script.split("\n", 1)[0].removeprefix("#!").strip().split(None, 1)
    if not words:
        raise CannotRun("the first line of the script names no interpreter")
    return [word.strip() for word in words]


def _copy(task: Assignment) -> str:
    path = task.folder / "script"
    try:
        path.write_bytes(task.script.encode("utf-8", "surrogateescape"))
        path.chmod(0o700)
    except OSError as error:
        raise CannotRun(f"cannot write the script's copy {path}: {error.strerror}") from None
    return str(path)


def _open_files(task: Assignment) -> tuple[int, int, int]:
    """stdin, stdout and stderr of the script. Raises CannotRun."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if task.append else os.O_TRUNC)
    stdin = _opened(task.stdin, os.O_RDONLY, "read")
    stdout = _opened(task.stdout, flags, "write")
    stderr = stdout if task.stderr == task.stdout else _opened(task.stderr, flags, "write")
    return stdin, stdout, stderr


def _opened(path: str, flags: int, what: str) -> int:
    try:
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOCTTY, 0o666)
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) else str(error)
        raise CannotRun(f"cannot {what} {path}: {words}") from None


def _is_full(path: str) -> bool:
    """Whether the disk of a log has no room for this user."""
    try:
        there = os.statvfs(path)
    except (OSError, ValueError):
        return False
    return there.f_blocks > 0 and there.f_bavail * there.f_frsize < _NO_ROOM_BYTES


def _wait(pid: int, group: Cgroup | None) -> Exit:
    """Wait for the script, then end what it left."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == pid:
            break
    end_time = time.time()
    oom = group is not None and group.ended_for_memory()
    process_tree.kill_below(os.getpid())
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # What becomes a program counts with the memory of who forked it: up to ours it is not its own.
    ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    killed = os.WIFSIGNALED(status)
    return Exit(
        code=0 if killed else os.WEXITSTATUS(status),
        signal=os.WTERMSIG(status) if killed else 0,
        end_time=end_time,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_bytes=used.ru_maxrss * 1024 if used.ru_maxrss > ours else 0,
        oom=oom or (group is not None and group.ended_for_memory()),
    )
