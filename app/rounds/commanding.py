"""Runs a command that a manifest asks for: words, never a shell, bounded in time and bytes."""

import os
import selectors
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from jobshape.app.domain.text import sanitize

LONGEST_S = 60.0
_TAIL_BYTES = 8192
_SLICE_S = 0.1
_DRAIN_S = 0.3
"""A process left behind by the command may hold its pipes; nobody waits for it longer."""
_MOST_SHOWN = 200


class Ended(NamedTuple):
    """How a command ended."""

    code: int | None  # below 0: the signal that ended it; None: see trouble
    last: str = ""  # its last line on stderr or, where that is empty, on stdout
    trouble: str = ""  # why there is no code: it cannot be started, it took too long

    def __str__(self) -> str:
        """In words, without the command itself."""
        said = self.trouble or f"ended with {self.code}"
        if self.code is not None and self.code < 0:
            said = f"was ended by signal {-self.code}"
        return f"{said}: {self.last}" if self.last else said


RunCommand = Callable[[Sequence[str], Path], Ended]
"""Runs a command in a folder and raises nothing; :func:`run_command` is one."""


def command_shown(words: Sequence[str]) -> str:
    """The command as a person would type it, shortened."""
    text = sanitize(shlex.join(words))
    return text if len(text) <= 80 else f"{text[:77]}..."


def run_command(words: Sequence[str], folder: Path, longest_s: float = LONGEST_S) -> Ended:
    """Run it to its end, or end it and all it started (its process group) when time is up."""
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            [word.encode("utf-8", "surrogateescape") for word in words], cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            start_new_session=True, bufsize=0,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        missing = f" ({folder})" if not folder.is_dir() else ""
        return Ended(None, "", f"cannot be started: {sanitize(why + missing)}")
    assert process.stdout is not None
    assert process.stderr is not None
    tails = {process.stdout: b"", process.stderr: b""}
    try:
        has_ended = _follow(process, tails, began + longest_s)
    finally:
        if process.poll() is None:  # not reaped yet, so its number is still its own
            with suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
        for pipe in tails:
            pipe.close()
    last = _last_line(tails[process.stderr]) or _last_line(tails[process.stdout])
    if not has_ended:
        return Ended(None, last, f"took longer than {longest_s:g} s and was ended")
    return Ended(process.returncode, last)


def _follow(
    process: subprocess.Popen[bytes], tails: dict[IO[bytes], bytes], deadline: float
) -> bool:
    """Keep the ends of what it writes until it ends; False: time is up."""
    drained_at: float | None = None
    with selectors.DefaultSelector() as selector:
        for pipe in tails:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            now = time.monotonic()
            if drained_at is None and process.poll() is not None:
                drained_at = now + _DRAIN_S
            if now > (deadline if drained_at is None else drained_at):
                return drained_at is not None
            for key, _ in selector.select(_SLICE_S):
                pipe = next(one for one in tails if one is key.fileobj)
                piece = os.read(key.fd, 65536)
                if not piece:
                    selector.unregister(pipe)
                tails[pipe] = (tails[pipe] + piece)[-_TAIL_BYTES:]
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        return False
    return True


def _last_line(tail: bytes) -> str:
    lines = tail.decode("utf-8", "replace").split("\n")
    line = next((one.strip() for one in reversed(lines) if one.strip()), "")
    return sanitize(line)[-_MOST_SHOWN:]
