"""The parts of a log that matter, read in the same short time whatever the file's size.

A large file is read at its head and its tail; further back only the places around words of Slurm
that settle a cause are taken in. What is between was never read, so nothing is said of it.
"""

import mmap
import os
import stat
from pathlib import Path
from typing import NamedTuple

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.signals.lines import CleanText, Line, clean_lines

HEAD_BYTES = 16 << 10
TAIL_BYTES = 256 << 10
_WHOLE_BYTES = HEAD_BYTES + TAIL_BYTES
_SEARCHED_BYTES = 8 << 20
"""How far before the end strong words are looked for."""
_COUNTED_BYTES = 16 << 20
"""Files up to this size have their lines counted, so that a place has its number."""
_AROUND_BYTES = 4 << 10
_STRONG = (
    b"oom_kill", b"oom-kill", b"slurmstepd: error: ***", b"Traceback (most recent call last)",
    b"Out Of Memory", b"Segmentation fault",
)  # fmt: skip


class LogError(JobshapeError):
    """A log cannot be read."""


class Part(NamedTuple):
    """A stretch of a file: where it begins, in bytes, its first line's number (0: not known)."""

    offset: int
    first_number: int
    text: str


class Log(NamedTuple):
    """What was read of a file, in order, and its size in bytes."""

    path: str
    size_bytes: int
    parts: tuple[Part, ...]

    @property
    def whole(self) -> bool:
        """Whether all of the file was read."""
        return (
            len(self.parts) == 1 and self.parts[0].offset == 0 and self.size_bytes <= _WHOLE_BYTES
        )

    def clean(self) -> CleanText:
        """The lines of all parts."""
        lines: list[Line] = []
        for part in self.parts:
            lines += clean_lines(part.text, first_number=part.first_number)
        return CleanText(lines)


def read_log(path: str | Path) -> Log:
    """The head, the tail, and the telling places before the tail. Raises LogError."""
    try:
        # Without O_NONBLOCK a named pipe that nobody writes to would hold us for ever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no ordinary file"
            raise LogError(f"is {kind}", where=str(path), hint="name a job's output file")
        return Log(str(path), status.st_size, _parts(descriptor, status.st_size))
    except OSError as error:
        raise _unreadable(path, error) from error
    finally:
        os.close(descriptor)


def _unreadable(path: str | Path, error: Exception) -> LogError:
    why = getattr(error, "strerror", None) or str(error)
    return LogError(f"cannot be read: {why}", where=str(path))


def _parts(descriptor: int, size: int) -> tuple[Part, ...]:
    if size <= _WHOLE_BYTES:
        return (Part(0, 1, _text(os.pread(descriptor, _WHOLE_BYTES, 0))),)
    tail_at = size - TAIL_BYTES
    tail = os.pread(descriptor, TAIL_BYTES, tail_at)
    cut = tail.find(b"\n")
    if 0 <= cut < TAIL_BYTES // 2:  # begin with a whole line, unless it is one of several MB
        tail_at, tail = tail_at + cut + 1, tail[cut + 1 :]
    spans = [(0, HEAD_BYTES), *_strong_places(descriptor, size, tail_at), (tail_at, size)]
    counted = _Counter(descriptor) if size <= _COUNTED_BYTES else None
    parts = []
    for begin, end in spans:
        piece = tail if begin == tail_at else os.pread(descriptor, end - begin, begin)
        number = 1 if begin == 0 else counted.line_at(begin) if counted else 0
        parts.append(Part(begin, number, _text(piece)))
    return tuple(parts)


def _strong_places(descriptor: int, size: int, tail_at: int) -> list[tuple[int, int]]:
    """Stretches around the last of each strong word before the tail, none overlapping."""
    low = max(HEAD_BYTES, size - _SEARCHED_BYTES)
    with mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) as view:
        spots = {view.rfind(word, low, tail_at) for word in _STRONG}
        spans: list[tuple[int, int]] = []
        for spot in sorted(spots - {-1}):
            # From a line's start, so that its prefix is read with it.
            start = view.rfind(b"\n", max(low, spot - 1000), spot) + 1 or spot
            begin, end = (
                max(start, spans[-1][1] if spans else 0),
                min(spot + _AROUND_BYTES, tail_at),
            )
            if begin < end:
                spans.append((begin, end))
    return spans


class _Counter:
    """Numbers of lines by offset, counted once through a file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._at = 0
        self._number = 1

    def line_at(self, offset: int) -> int:
        while self._at < offset:
            chunk = os.pread(self._descriptor, min(1 << 20, offset - self._at), self._at)
            if not chunk:
                break
            self._number += chunk.count(b"\n")
            self._at += len(chunk)
        return self._number


def _text(piece: bytes) -> str:
    return piece.decode("utf-8", "replace")
