"""Searching a log of any size, block by block; it can be watched and stopped."""

from bisect import bisect_right
from collections.abc import Callable
from functools import cached_property
from itertools import accumulate
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

    def _first_in(self, data: bytes, base: int, stop: int) -> Line | None:
        block = _Block(data)
        following = self._matcher.scan(block.seen)
        place = following(0)
        while place >= 0:
            span = block.line_at(place)
            if base + span.start >= stop:
                return None
            line, past = self._judge(block, base, span, place)
            if line is not None:
                return line
            place = following(max(span.seen_end, past) if block.is_plain else span.seen_end)
        return None

    def _last_in(self, data: bytes, base: int) -> Line | None:
        block = _Block(data)
        preceding = self._matcher.scan_back(block.seen)
        place = preceding(len(block.seen))
        while place >= 0:
            span = block.line_at(place)
            line, _ = self._judge(block, base, span, place)
            if line is not None:
                return line
            before = span.seen_start
            if block.is_plain and span.end - span.start >= PIECE_BYTES:
                before = max(before, place - PIECE_BYTES // 2)  # an earlier piece may match
            place = preceding(before)
        return None

    def _judge(
        self, block: "_Block", base: int, span: "_Span", place: int
    ) -> tuple[Line | None, int]:
        """The line, or of a long one the piece, if it matches as it is shown.

        Also the place in the block up to which there is nothing more to judge.
        """
        start, end = span.start, span.end
        if end - start < PIECE_BYTES:  # the common case: no reading, no cutting
            if not self._matcher.matches(shown(block.raw[start:end]).text):
                return None, end
            place = start
        elif not block.is_plain:  # where in the line is not known: every piece is looked at
            place = start
        at = base + place
        while at < base + end:
            line = self._reader.line_at(at)
            if line is None:
                break
            if self._matcher.matches(line.text):
                return line, line.end - base
            if place != start:  # only this piece was meant
                return None, line.end - base
            at = line.end
        return None, end


class _Span(NamedTuple):
    """Where a line lies in a block as it is searched, and in the bytes of the file."""

    seen_start: int
    seen_end: int
    start: int
    end: int


class _Block:
    """A block of a log, and the same without escapes, which is what is searched."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.is_plain = b"\x1b" not in raw
        self.seen = raw if self.is_plain else ESCAPES.sub(b"", raw)

    def line_at(self, place: int) -> _Span:
        """The line, its end included, at a place of what is searched."""
        if self.is_plain:
            start = self.raw.rfind(b"\n", 0, place) + 1
            end = self.raw.find(b"\n", place) + 1 or len(self.raw)
            return _Span(start, end, start, end)
        seen, raw = self._starts
        index = bisect_right(seen, place) - 1
        return _Span(seen[index], seen[index + 1], raw[index], raw[index + 1])

    @cached_property
    def _starts(self) -> tuple[list[int], list[int]]:
        """Where each line begins in both, then their ends; no escape holds a line end."""
        return _line_starts(self.seen), _line_starts(self.raw)


def _line_starts(data: bytes) -> list[int]:
    ends = accumulate(len(line) + 1 for line in data.split(b"\n"))
    return [0, *(min(end, len(data)) for end in ends)]


def _to_line_end(data: bytes) -> bytes:
    """Up to the last line end, if there is one."""
    end = data.rfind(b"\n")
    return data if end < 0 else data[: end + 1]
