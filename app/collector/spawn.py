"""Starts a collector: cheap to import, so that it runs before Textual is loaded.

Call it from the main thread: the kernel ends the collector when the thread that started it ends.
"""

import contextlib
import fcntl
import signal
import subprocess
import sys

from jobshape.app.collector.start import Start

PIPE_BYTES = 1 << 20
"""Room for a first answer of some thousand jobs while the app is still importing."""

_F_SETPIPE_SZ = 1031


class CollectorProcess:
    """A collector and the three pipes to it."""

    def __init__(self, start: Start) -> None:
        self.start = start
        # -P: a folder called jobshape in the working directory must not be what runs.
        self._process = subprocess.Popen[bytes](
            [sys.executable, "-P", "-m", "jobshape.app.collector"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, _F_SETPIPE_SZ, PIPE_BYTES)
        from jobshape.app.collector.wire import Frame, send

        with contextlib.suppress(BrokenPipeError):
            send(self._process.stdin, Frame("start", start.head()))

    @property
    def pid(self) -> int:
        """Its process id, also that of its session."""
        return self._process.pid

    @property
    def in_fd(self) -> int:
        """Frames for it."""
        return self._pipes[0].fileno()

    @property
    def out_fd(self) -> int:
        """Frames from it."""
        return self._pipes[1].fileno()

    @property
    def err_fd(self) -> int:
        """What it and the libraries in it say to a person."""
        return self._pipes[2].fileno()

    def exit_code(self) -> int | None:
        """None while it runs; minus the signal that ended it."""
        return self._process.poll()

    def close(self) -> None:
        """Close the pipes, which ends it."""
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.close()

    def end(self, patience_s: float = 0.5) -> int:
        """Close the pipes, which ends it; kill it if that takes longer than this."""
        self.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(patience_s)
        self._process.kill()
        return self._process.wait()


def death_of(exit_code: int) -> str:
    """How a process ended, in words: ``killed by SIGSEGV``, ``exit code 1``."""
    if exit_code < 0:
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(-exit_code).name}"
        return f"killed by signal {-exit_code}"
    return f"exit code {exit_code}"
