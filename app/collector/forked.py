"""One backend call in a forked child with a deadline: a hang, a crash or an exit() stays in there.

libslurm holds Python's interpreter lock while it waits, may end the process and may crash; a child
also gives its memory back. It writes frames into a pipe; the last one is ``end``.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, NoReturn

from jobshape.app.collector.wire import Frame, FrameReader
from jobshape.app.domain.errors import BackendError

Emit = Callable[[Frame], None]
Work = Callable[[Emit], dict[str, Any]]
"""What runs in the child: sends frames of records, gives the head of the ``end`` frame."""

PIPE_BYTES = 1 << 20
_F_SETPIPE_SZ = 1031  # fcntl.F_SETPIPE_SZ
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this signal to us when the thread that started us ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal_number)


def enlarge_pipe(fd: int) -> None:
    """Give a pipe room for 1 MiB, where the kernel lets us."""
    import fcntl

    with suppress(OSError):
        fcntl.fcntl(fd, _F_SETPIPE_SZ, PIPE_BYTES)


def give_back_memory() -> None:
    """Give the C heap's free pages back to the system; glibc alone keeps them until asked."""
    with suppress(AttributeError):
        _LIBC.malloc_trim(0)


def error_head(error: BaseException) -> list[str]:
    """An error as the four texts that cross a pipe: class, what, where, hint."""
    if isinstance(error, BackendError):
        return [type(error).__name__, *map(on_one_line, (error.what, error.where, error.hint))]
    where, at = "", error.__traceback__
    while at:  # not with the traceback module, whose import takes 10 ms
        where, at = f"{at.tb_frame.f_code.co_name}, line {at.tb_lineno}", at.tb_next
    what = on_one_line(f"{type(error).__name__}: {error}")
    return ["BackendError", what, where, "a bug in jobshape or its backend: please report it"]


def on_one_line(text: str) -> str:
    """A text without line ends and control codes."""
    return "".join(char if char.isprintable() else " " for char in text).strip()


def signal_name(number: int) -> str:
    """``SIGSEGV`` for 11; of an unknown one its number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


class Ended(NamedTuple):
    """How a child ended; error is None where it brought its ``end`` frame without one."""

    head: dict[str, Any]
    error: list[str] | None
    took_s: float
    cpu_s: float


class ForkedCall:
    """A call under way. Watch ``fd`` for reading; at its end call :meth:`finish`.

    subprocesses: the work starts commands, which must end with it; else the child dies at once
    when its parent does, even inside C code.
    """

    def __init__(self, name: str, work: Work, deadline_s: float, *, subprocesses: bool) -> None:
        self.name = name
        self.deadline_s = deadline_s
        self.started_at = time.monotonic()
        self.asked_at = time.time()
        self._reader = FrameReader()
        self._end: dict[str, Any] | None = None
        self._error: list[str] | None = None
        self.fd, write_fd = os.pipe()
        enlarge_pipe(write_fd)
        sys.stderr.flush()
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.fd)
            _run_child(work, write_fd, deadline_s, parent, subprocesses)
        os.close(write_fd)
        with suppress(OSError):  # the child does it too; whoever comes first
            os.setpgid(self.pid, self.pid)
        os.set_blocking(self.fd, False)

    @property
    def deadline_at(self) -> float:
        """The monotonic time at which it is killed."""
        return self.started_at + self.deadline_s

    def read(self) -> tuple[list[Frame], bool]:
        """Frames that have arrived, without the ``end``, and whether more may come."""
        frames: list[Frame] = []
        try:
            data = os.read(self.fd, PIPE_BYTES)
        except BlockingIOError:
            return frames, True
        try:
            for frame in self._reader.feed(data):
                if frame.kind == "end":
                    self._end = frame.head
                else:
                    frames.append(frame)
        except ValueError as error:
            self._error = ["BackendError", f"garbled answer: {error}", self.name, ""]
            return frames, False
        return frames, bool(data)

    def kill(self, error: list[str]) -> None:
        """End it and everything it started, for this reason."""
        self._error = error
        self.kill_group()

    def kill_group(self) -> None:
        """End it and everything it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def finish(self) -> Ended:
        """Close the pipe and collect the child; never waits for one that will not end."""
        os.close(self.fd)
        took_s = time.monotonic() - self.started_at
        status, cpu_s = self._wait()
        error = self._error
        if self._end is None:
            self.kill_group()  # commands it may have left
            error = error or ["BackendError", f"the call {_death(status)}", self.name, ""]
        head = self._end or {}
        return Ended(head, error or head.get("error"), took_s, cpu_s)

    def _wait(self) -> tuple[int | None, float]:
        for pause_s in (0.0, 0.001, 0.005, 0.02, 0.05):
            time.sleep(pause_s)
            pid, status, used = os.wait4(self.pid, os.WNOHANG)
            if pid:
                return status, used.ru_utime + used.ru_stime
        self.kill_group()  # its pipe is closed but it goes on: stuck in the kernel at worst
        return None, 0.0


def _death(status: int | None) -> str:
    if status is None:
        return "did not end"
    if os.WIFSIGNALED(status):
        return f"was ended by {signal_name(os.WTERMSIG(status))}"
    return f"ended the process with exit code {os.WEXITSTATUS(status)}"


def _run_child(work: Work, fd: int, deadline_s: float, parent: int, subprocesses: bool) -> NoReturn:
    def emit(frame: Frame) -> None:
        left = memoryview(frame.encode())
        while left:
            left = left[os.write(fd, left) :]

    code = 1
    try:
        os.setpgid(0, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, deadline_s + 2)  # should nobody be left to kill us
        if subprocesses:
            signal.signal(signal.SIGTERM, _end_group)
        die_with_parent(signal.SIGTERM)
        if os.getppid() == parent:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, 0)  # the app's pipes are not ours: they must close when our parent ends
            os.dup2(null, 1)
            emit(Frame("end", _worked(work, emit)))
            code = 0
    except BrokenPipeError:
        pass
    finally:
        os._exit(code)


def _worked(work: Work, emit: Emit) -> dict[str, Any]:
    try:
        return work(emit)
    except BrokenPipeError:
        raise
    except BaseException as error:
        return {"error": error_head(error)}


def _end_group(*_: object) -> None:
    os.killpg(0, signal.SIGKILL)
