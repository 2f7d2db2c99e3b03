"""Searching a log of any size, block by block; it can be watched and stopped."""

from collections.abc import Callable
from typing import NamedTuple

from jobshape.app.domain.log_part import FOUND
from jobshape.app.logs.cut import PIECE_BYTES, Line
from jobshape.app.logs.matching import Matcher
from jobshape.app.logs.reader import LogReader
from jobshape.app.logs.shown import ESCAPES, shown

OVERLAP_BYTES = 4096
"""Read twice where a block has no line end to stop at; longer matches over such a cut are lost."""

Report = Callable[[int], bool]
"""Told how many bytes have been searched; says whether to go on."""


class Searched(NamedTuple):
    """What a search came to."""

    line: Line | None  # the first that matches; None: none does, or it was stopped
    searched_bytes: int
    was_stopped: bool = False


class Search:
    """Looks for the next line that matches."""

    def __init__(self, reader: LogReader, matcher: Matcher) -> None:
        self._reader = reader
        self._source = reader.source
        self._matcher = matcher

    def forward(self, start: int, stop: int, report: Report) -> Searched:
        """The first match in lines from ``start`` on that begin before ``stop``."""
        at = start
        while at < stop:
            if not report(at - start):
                return Searched(None, at - start, was_stopped=True)
            part = self._source.read(at, self._source.block_bytes)
            if part.state != FOUND or not part.data:
                break
            is_last = part.end >= part.size
            block = part.data if is_last else _to_line_end(part.data)
            found = self._first_in(block, at, stop)
            if found is not None:
                return Searched(found, found.end - start)
            cut = not is_last and not block.endswith(b"\n")
            at += len(block) - (OVERLAP_BYTES if cut and len(block) > OVERLAP_BYTES else 0)
        return Searched(None, max(0, min(at, stop) - start))

    def backward(self, end: int, stop: int, report: Report) -> Searched:
        """The last match in lines that end at or before ``end`` and begin at ``stop`` or later."""
        at = end
        while at > stop:
            if not report(end - at):
                return Searched(None, end - at, was_stopped=True)
            base = max(stop, at - self._source.block_bytes)
            part = self._source.read(base, at - base)
            if part.state != FOUND or not part.data:
                break
            lead = part.data.find(b"\n") + 1 if base > stop else 0
            if lead == len(part.data):
                lead = 0  # one line end, at its very end
            found = self._last_in(part.data[lead:], base + lead)
            if found is not None:
                return Searched(found, end - found.start)
            cut = lead == 0 and base > stop
            at = base + lead + (OVERLAP_BYTES if cut and at - base > OVERLAP_BYTES else 0)
        return Searched(None, end - max(at, stop))

    def _first_in(self, block: bytes, base: int, stop: int) -> Line | None:
        seen = ESCAPES.sub(b"", block) if b"\x1b" in block else block
        following = self._matcher.scan(seen)
        place = following(0)
        while place >= 0:
            start, end = _line_around(seen, place)
            raw_start, raw_end = (
                _same_line(seen, start, block) if seen is not block else (start, end)
            )
            if base + raw_start >= stop:
                return None
            exact = place if seen is block else raw_start
            line, past = self._judge(block, base, raw_start, raw_end, exact)
            if line is not None:
                return line
            place = following(max(end, past) if seen is block else end)
        return None

    def _last_in(self, block: bytes, base: int) -> Line | None:
        seen = ESCAPES.sub(b"", block) if b"\x1b" in block else block
        preceding = self._matcher.scan_back(seen)
        place = preceding(len(seen))
        while place >= 0:
            start, end = _line_around(seen, place)
            raw_start, raw_end = (
                _same_line(seen, start, block) if seen is not block else (start, end)
            )
            exact = place if seen is block else raw_start
            line, _ = self._judge(block, base, raw_start, raw_end, exact)
            if line is not None:
                return line
            if seen is block and raw_end - raw_start >= PIECE_BYTES:
                start = max(start, place - PIECE_BYTES // 2)  # an earlier piece may match
            place = preceding(start)
        return None

    def _judge(
        self, block: bytes, base: int, start: int, end: int, place: int
    ) -> tuple[Line | None, int]:
        """The line, or of a long one the piece, if it matches as it is shown.

        Also the place in the block up to which there is nothing more to judge.
        """
        if end - start < PIECE_BYTES:  # the common case: no reading, no cutting
            raw = block[start:end]
            if not self._matcher.matches(shown(raw).text):
                return None, end
        at = base + place
        while at < base + end:
            line = self._reader.line_at(at)
            if line is None:
                break
            if self._matcher.matches(line.text):
                return line, line.end - base
            if place != start:  # the place was exact: only this piece was meant
                return None, line.end - base
            at = line.end
        return None, end


def _to_line_end(data: bytes) -> bytes:
    """Up to the last line end, if there is one."""
    end = data.rfind(b"\n")
    return data if end < 0 else data[: end + 1]


def _line_around(block: bytes, place: int) -> tuple[int, int]:
    """Start and end, the line end included, of the line at a place."""
    start = block.rfind(b"\n", 0, place) + 1
    end = block.find(b"\n", place)
    return start, len(block) if end < 0 else end + 1


def _same_line(seen: bytes, start: int, block: bytes) -> tuple[int, int]:
    """Where the line that begins at ``start`` of ``seen`` lies in the block it was made from."""
    at = 0
    for _ in range(seen.count(b"\n", 0, start)):
        at = block.find(b"\n", at) + 1
    end = block.find(b"\n", at)
    return at, len(block) if end < 0 else end + 1
