"""Where a log comes from: a file that this machine sees, or one that a site reads for us."""

import os
import stat
from collections.abc import Callable
from typing import Protocol

from jobshape.app.domain.errors import BadRequest, JobshapeError
from jobshape.app.domain.log_part import (
    FOUND,
    MAX_PART_BYTES,
    MISSING,
    NO_FOLDER,
    UNREADABLE,
    LogPart,
)

_KINDS = (
    (stat.S_ISDIR, "a folder, not a file"),
    (stat.S_ISFIFO, "a pipe, which keeps nothing to read"),
    (stat.S_ISCHR, "a device, which keeps nothing to read"),
    (stat.S_ISBLK, "a block device, not a file"),
    (stat.S_ISSOCK, "a socket, not a file"),
)


class LogSource(Protocol):
    """One log. Both calls may take as long as a disk or a network does; neither raises."""

    path: str
    block_bytes: int  # a size that is good to read at once
    far_bytes: int  # how far to look for the end of a line; a multiple of block_bytes
    poll_s: float  # how often it may be asked whether it grew
    count_bytes: int  # how much of it may be read only to know line numbers

    def stat(self) -> LogPart:
        """What is known of the file, without any of it."""
        ...

    def read(self, offset: int, size: int) -> LogPart:
        """Up to so many bytes from there; a negative offset counts from the end.

        Fewer only at the end of the file.
        """
        ...


class LocalFile:
    """A file that this machine sees. Opened anew for each reading: the path may lead elsewhere."""

    block_bytes = 1 << 20
    far_bytes = 4 << 20
    poll_s = 1.0
    count_bytes = 1 << 40

    def __init__(self, path: str) -> None:
        self.path = path

    def stat(self) -> LogPart:
        """What is known of the file."""
        return read_file(self.path, 0, 0)

    def read(self, offset: int, size: int) -> LogPart:
        """Up to so many bytes from there."""
        return read_file(self.path, offset, size)


class CalledFile:
    """A file that others read for us, a bounded part a call, and no oftener than ``poll_s``.

    call: (offset, size) -> part, up to MAX_PART_BYTES; what it raises becomes an unreadable part.
    """

    block_bytes = MAX_PART_BYTES
    far_bytes = 1 << 20
    count_bytes = 4 << 20

    def __init__(
        self, path: str, call: Callable[[int, int], LogPart], *, poll_s: float = 5.0
    ) -> None:
        self.path = path
        self.poll_s = poll_s
        self._call = call

    def stat(self) -> LogPart:
        """What is known of the file."""
        return self._ask(0, 0)

    def read(self, offset: int, size: int) -> LogPart:
        """Up to so many bytes from there, in as many calls as that takes."""
        part = self._ask(offset, min(size, MAX_PART_BYTES))
        pieces, start, at = [part.data], part.offset, part.end
        while part.data and at < part.size and at - start < size:
            more = self._ask(at, min(size - (at - start), MAX_PART_BYTES))
            if more.state != FOUND or more.mark != part.mark or not more.data:
                break
            pieces.append(more.data)
            at, part = more.end, more
        return part._replace(offset=start, data=b"".join(pieces))

    def _ask(self, offset: int, size: int) -> LogPart:
        try:
            return self._call(offset, size)
        except (JobshapeError, OSError) as error:
            return LogPart(UNREADABLE, str(error) or type(error).__name__)


def check_part(path: str, size: int) -> None:
    """Raises BadRequest for a part that is not read."""
    if not path.startswith("/") or "\0" in path:
        raise BadRequest(f"{path!r} is no full path", where="read_log",
                         hint="log_paths tells where a job writes")  # fmt: skip
    if not 0 <= size <= MAX_PART_BYTES:
        raise BadRequest(f"{size} bytes at once", where="read_log",
                         hint=f"ask for at most {MAX_PART_BYTES}")  # fmt: skip


def read_file(path: str, offset: int, size: int) -> LogPart:
    """A part of a file of this machine. Never blocks on a pipe, never raises for what is there.

    A negative offset counts from the end.
    """
    try:
        # Before it is opened: that alone could wake who waits to write into a pipe.
        why = _why_no_file(os.stat(path).st_mode)  # noqa: PTH116
        if why:
            return LogPart(UNREADABLE, why)
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        return _absent(path, error)
    except ValueError as error:  # a NUL in the path
        return LogPart(UNREADABLE, str(error))
    try:
        found = os.fstat(fd)
        why = _why_no_file(found.st_mode)  # it may have been replaced since
        if why:
            return LogPart(UNREADABLE, why)
        start = max(0, found.st_size + offset) if offset < 0 else offset
        data = _pread(fd, size, start) if size > 0 else b""
    except OSError as error:
        return LogPart(UNREADABLE, _words(error))
    finally:
        os.close(fd)
    mark = f"{found.st_dev}:{found.st_ino}"
    whole = max(found.st_size, start + len(data) if data else 0)  # it may have grown meanwhile
    return LogPart(FOUND, "", start, data, whole, found.st_mtime, mark)


def _pread(fd: int, size: int, offset: int) -> bytes:
    """As much as asked for, unless the file ends before."""
    data = os.pread(fd, size, offset)
    while len(data) < size:
        more = os.pread(fd, size - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def _why_no_file(mode: int) -> str:
    if stat.S_ISREG(mode):
        return ""
    return next((words for is_kind, words in _KINDS if is_kind(mode)), "not a regular file")


def _absent(path: str, error: OSError) -> LogPart:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        return LogPart(UNREADABLE, _words(error))
    folder = os.path.dirname(path) or "."  # noqa: PTH120
    there = os.path.isdir(folder)  # noqa: PTH112
    return LogPart(MISSING if there else NO_FOLDER, _words(error))


def _words(error: OSError) -> str:
    return error.strerror or type(error).__name__
