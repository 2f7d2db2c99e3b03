"""Lines of a log from any place in it: its end, before and after an offset, around one."""

from enum import Enum
from typing import NamedTuple

from jobshape.app.domain.log_part import FOUND, LogPart
from jobshape.app.logs.cut import Cutter, Line
from jobshape.app.logs.source import LogSource

FIRST_BYTES = 64 << 10
"""Read first: some hundred lines, more than a screen."""

HEAD_BYTES = 64
"""Of the beginning of a log, kept to see that it is still the same one."""


class Stretch(NamedTuple):
    """Neighbouring lines, and what was known of the whole file when they were read."""

    part: LogPart  # without its data
    lines: tuple[Line, ...] = ()

    @property
    def is_found(self) -> bool:
        """Whether the file could be read."""
        return self.part.state == FOUND

    @property
    def at_start(self) -> bool:
        """Whether nothing comes before."""
        return not self.lines or self.lines[0].start == 0

    @property
    def at_end(self) -> bool:
        """Whether nothing came after, when it was read."""
        return not self.lines or self.lines[-1].end >= self.part.size


class Known(NamedTuple):
    """Which file it is, and how far it had grown."""

    part: LogPart  # without its data
    head: bytes = b""


class Change(Enum):
    """What happened to a log between two looks."""

    NONE = "none"
    GREW = "grew"
    REPLACED = "replaced"  # another file, or the same cut short and written anew
    APPEARED = "appeared"
    GONE = "gone"


def change_between(old: Known, new: Known) -> Change:
    """What happened between two looks at the same path."""
    if new.part.state != FOUND:
        return Change.GONE if old.part.state == FOUND else Change.NONE
    if old.part.state != FOUND:
        return Change.APPEARED
    shrank = new.part.size < old.part.size
    if shrank or new.part.mark != old.part.mark or not new.head.startswith(old.head):
        return Change.REPLACED
    return Change.GREW if new.part.size > old.part.size else Change.NONE


class LogReader:
    """Reads lines of one source; holds nothing of it, so any thread may use it."""

    def __init__(self, source: LogSource) -> None:
        self.source = source
        self._cutter = Cutter(source.far_bytes)
        self._most = 2 * source.far_bytes + FIRST_BYTES  # a line begins in there for sure

    def look(self) -> Known:
        """Which file it is and how far it has grown, in one cheap reading."""
        part = self.source.read(0, HEAD_BYTES)
        return Known(part._replace(data=b""), part.data)

    def tail(self, rows: int) -> Stretch:
        """The last lines."""
        part = self.source.read(-FIRST_BYTES, FIRST_BYTES)
        return self._back(part, part.end, rows)

    def before(self, end: int, rows: int) -> Stretch:
        """The lines that end at an offset, which must be where a line begins or the file ends."""
        base = max(0, end - FIRST_BYTES)
        return self._back(self.source.read(base, end - base), end, rows)

    def after(self, start: int, rows: int) -> Stretch:
        """Lines from an offset on, which must be where a line begins."""
        base = max(0, start - 1)
        part = self.source.read(base, FIRST_BYTES)
        if start and part.data and not part.data.startswith(b"\n"):  # within a long line
            base = max(0, start - self.source.far_bytes)
            part = self.source.read(base, start - base + FIRST_BYTES)
        data = part.data
        while part.state == FOUND:
            starts = [start, *(s for s in self._cutter.starts(data, base) if s > start)]
            stop = base + len(data)
            if len(starts) > rows:
                stop = starts[rows]
                return self._stretch(part, data[: stop - base], base, starts[:rows])
            if stop >= part.size or not part.data:
                return self._stretch(part, data, base, starts)
            if stop - start >= self._most:
                return self._stretch(part, data[: starts[-1] - base], base, starts[:-1])
            part = self.source.read(stop, min(len(data), self.source.block_bytes))
            data += part.data
        return Stretch(part._replace(data=b""))

    def around(self, offset: int, before: int, after: int) -> Stretch:
        """The line that holds this offset, so many before it and so many from it on."""
        line = self.line_at(offset)
        if line is None:
            return self.tail(before + after)
        following = self.after(line.start, after)
        if not following.is_found or not line.start:
            return following
        leading = self.before(line.start, before)
        return Stretch(following.part, (*leading.lines, *following.lines))

    def line_at(self, offset: int) -> Line | None:
        """The whole line that holds this offset; None past the end or where there is no file."""
        found = self.before(offset + 1, 1)
        if not found.lines or found.lines[-1].end <= offset:
            return None
        return next(iter(self.after(found.lines[-1].start, 1).lines), None)

    def _back(self, part: LogPart, end: int, rows: int) -> Stretch:
        """The lines that end at an offset; part holds what is just before it."""
        data, base = part.data, part.offset
        while part.state == FOUND and base + len(data) >= end:
            starts = [s for s in self._cutter.starts(data, base) if s < end]
            if base == 0:
                starts = [0, *starts]
            else:
                sure = self._sure_from(data, base)
                starts = [s for s in starts if s >= sure]
            if base == 0 or len(starts) >= rows or end - base >= self._most:
                return self._stretch(part, data, base, starts[-rows:])
            step = min(max(FIRST_BYTES, len(data)), self.source.block_bytes, base)
            base -= step
            part = self.source.read(base, step)
            if len(part.data) < step:  # it was cut short meanwhile
                break
            data = part.data + data
        return Stretch(part._replace(data=b""))

    def _sure_from(self, data: bytes, base: int) -> int:
        """From where on no beginning of a line can have been missed."""
        end = data.find(b"\n", 0, self.source.far_bytes)
        return base + (self.source.far_bytes if end < 0 else end + 1)

    def _stretch(self, part: LogPart, data: bytes, base: int, starts: list[int]) -> Stretch:
        lines = self._cutter.lines(data, base, starts, part.size)
        return Stretch(part._replace(data=b""), tuple(lines))
