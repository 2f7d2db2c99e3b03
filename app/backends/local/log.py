"""The supervisor's log: bounded, and never a reason to fail."""

import os
import time
from contextlib import suppress
from pathlib import Path

MOST_BYTES = 1 << 20


class Log:
    """One file, and the one before it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._open()

    def write(self, text: str) -> None:
        """Add lines, with the time before them."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        with suppress(OSError):  # a full disk must not end us
            os.write(self._descriptor, f"{stamp} {text.rstrip()}\n".encode("utf-8", "replace"))
            if os.fstat(self._descriptor).st_size > MOST_BYTES:
                self._path.replace(self._path.with_suffix(".log.1"))
                self._open()
                self.take_stdio()

    def take_stdio(self) -> None:
        """Have what this process says, and whatever it loads, end up here; stdin is nothing."""
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        for descriptor in (1, 2):
            os.dup2(self._descriptor, descriptor)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        new = os.open(self._path, flags, 0o600)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = new
