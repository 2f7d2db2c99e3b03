"""A real terminal for a program under test: a pseudo-terminal, a screen model, and a stopwatch.

Used by the end-to-end tests and by ``benchmarks/``. The screen model is pyte's; what Textual asks
a terminal (synchronised output) is answered, so the program behaves as in a modern one.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import queue
import re
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import pyte

KEYS = {
    "down": "\x1b[B",
    "up": "\x1b[A",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "pagedown": "\x1b[6~",
    "pageup": "\x1b[5~",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "space": " ",
    "backspace": "\x7f",
    "shift+down": "\x1b[1;2B",
    "shift+up": "\x1b[1;2A",
    "ctrl+p": "\x10",
    "ctrl+c": "\x03",
    "ctrl+u": "\x15",
    "ctrl+z": "\x1a",
}
# What pyte would print instead of obeying: private CSI with <, =, > or $, and string sequences.
_FOREIGN = re.compile(
    r"\x1b\[[<=>][0-9;]*[A-Za-z]|\x1b\[\?[0-9;]*[$][a-z]|\x1b[PX^_][^\x1b]*\x1b\\"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[<-?]?[0-9;]*[$ ]?|[\]PX^_][^\x07\x1b]*)?$")
_FRAME = b"\x1b[?2026h"


class Terminal:
    """A program in a terminal of its own; a context manager that ends the program."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 160,
        rows: int = 48,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.Stream(self.screen)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self.bytes_seen = 0
        self.frames_seen = 0
        self.exit_code: int | None = None
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        environment.update(env or {})
        self.started = time.monotonic()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:  # the child: nothing but exec
            try:
                if cwd:
                    os.chdir(cwd)
                os.execvpe(argv[0], list(argv), environment)
            finally:
                os._exit(127)
        self.resize(columns, rows)
        # Drawing a page takes the screen model longer than the program: a thread takes the output
        # as it comes, so that moments are true and the program never waits for us.
        self._arrived: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        sys.setswitchinterval(0.0005)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._fd, 1 << 16)
            except OSError:  # EIO: the program closed its side
                data = b""
            self._arrived.put((time.monotonic(), data))
            if not data:
                return

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def resize(self, columns: int, rows: int) -> None:
        """Give the terminal another size, as a person who drags the window's corner."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.screen.resize(rows, columns)

    @property
    def lines(self) -> list[str]:
        """The screen's lines, without the blanks at their ends."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        """The whole screen."""
        return "\n".join(self.lines)

    def picture(self) -> int:
        """A number that changes when any cell's text or look changes."""
        buffer = self.screen.buffer
        rows, columns = range(self.screen.lines), range(self.screen.columns)
        return hash(tuple(tuple(buffer[y][x] for x in columns) for y in rows))

    def pump(self, timeout_s: float = 0.02) -> float | None:
        """Take what the program wrote; when it arrived (monotonic), None if nothing came."""
        if self.exit_code is not None:
            return None
        try:
            arrived, data = self._arrived.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return None
        if not data:
            self._reap()
            return None
        self.bytes_seen += len(data)
        self.frames_seen += data.count(_FRAME)
        if b"\x1b[?2026$p" in data:
            self.write("\x1b[?2026;2$y")
        text = self._rest + self._decoder.decode(data)
        cut = _UNFINISHED.search(text)
        self._rest = text[cut.start() :] if cut else ""
        self._stream.feed(_FOREIGN.sub("", text[: cut.start()] if cut else text))
        return arrived

    def write(self, text: str) -> None:
        """Type a text as it is."""
        os.write(self._fd, text.encode())

    def press(self, *keys: str) -> None:
        """Press named keys (:data:`KEYS`) or single characters."""
        for key in keys:
            self.write(KEYS.get(key, key))

    def wait_until(self, holds: Callable[[], object], timeout_s: float = 20) -> float:
        """Pump until it holds; the moment the deciding output arrived. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        arrived = time.monotonic()
        while not holds():
            if time.monotonic() > deadline or self.exit_code is not None:
                state = f"exit code {self.exit_code}" if self.exit_code is not None else "running"
                raise TimeoutError(f"not seen in {timeout_s} s ({state}); the screen:\n{self.text}")
            arrived = self.pump(0.05) or arrived
        return arrived

    def wait_for(self, pattern: str, timeout_s: float = 20) -> float:
        """Pump until the screen matches a regular expression; when that output arrived."""
        regex = re.compile(pattern, re.MULTILINE)
        return self.wait_until(lambda: regex.search(self.text), timeout_s)

    def wait_quiet(self, quiet_s: float = 0.1, longest_s: float = 3) -> bool:
        """Pump until nothing came for a while; False if it never was quiet."""
        deadline = time.monotonic() + longest_s
        while time.monotonic() < deadline:
            if self.pump(quiet_s) is None:
                return True
        return False

    def watch(self, seconds: float) -> None:
        """Pump for a while, as somebody who just looks."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0 and self.exit_code is None:
            self.pump(left)

    def time_key(self, key: str, timeout_s: float = 5) -> float | None:
        """Seconds from a key to the first output that changed the screen; None if none came."""
        before = self.picture()
        pressed = time.monotonic()
        self.press(key)
        while time.monotonic() < pressed + timeout_s and self.exit_code is None:
            arrived = self.pump(0.02)
            if arrived is not None and self.picture() != before:
                return arrived - pressed
        return None

    def close(self, timeout_s: float = 5) -> int | None:
        """End the program: hang up as a lost SSH session does, then kill; its exit code."""
        for number in (signal.SIGHUP, signal.SIGKILL):
            if self.exit_code is not None:
                break
            os.kill(self.pid, number)
            deadline = time.monotonic() + timeout_s
            while self.exit_code is None and time.monotonic() < deadline:
                self.pump(0.05)
                self._reap(block=False)
        if self._fd >= 0:
            self._reader.join(timeout_s)
            os.close(self._fd)
            self._fd = -1
        return self.exit_code

    def _reap(self, *, block: bool = True) -> None:
        if self.exit_code is not None:
            return
        pid, status = os.waitpid(self.pid, 0 if block else os.WNOHANG)
        if pid:
            self.exit_code = os.waitstatus_to_exitcode(status)
