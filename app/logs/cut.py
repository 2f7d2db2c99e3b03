"""Where the lines of a log begin, found from any place in it without reading what is before.

A line begins after a line end. One that goes on and on is cut, at places that can be found from
both sides: at a multiple of PIECE_BYTES where the piece before holds neither a line end nor a
carriage return, and at a multiple of ``far_bytes`` where as much before holds no line end. So a
line of several MB becomes pieces, a progress bar stays one line however often it was overwritten
(up to ``far_bytes``), and nobody needs to read more than twice ``far_bytes`` to find a beginning.
"""

from collections.abc import Iterator
from typing import NamedTuple

from jobshape.app.logs.shown import shown

PIECE_BYTES = 16 << 10
"""Size of the pieces of a long line."""


class Line(NamedTuple):
    """One line as it is shown: a line of the file, or a piece of one that is very long."""

    start: int  # offset of its first byte
    end: int  # offset after its last byte, the line end included
    text: str  # safe to draw
    overwritten: int  # how many states of a progress bar it had before this one
    goes_on: bool  # it continues the line before
    is_whole: bool  # its end has been written; else it may still grow


class Cutter:
    """Cuts bytes into lines; far_bytes is the source's."""

    def __init__(self, far_bytes: int) -> None:
        self.far_bytes = far_bytes

    def starts(self, data: bytes, base: int) -> list[int]:
        """Offsets, ascending, where lines begin in (base, base + len(data)], as data shows.

        Sure only from the first one that follows a line end, or ``far_bytes`` behind base.
        """
        found: list[int] = []
        at = 0
        while True:
            end = data.find(b"\n", at)
            stop = len(data) if end < 0 else end
            if stop - at >= PIECE_BYTES:
                found.extend(self._cuts(data, base, at, stop))
            if end < 0:
                return found
            found.append(base + end + 1)
            at = end + 1

    def _cuts(self, data: bytes, base: int, at: int, stop: int) -> Iterator[int]:
        """Where a stretch without a line end is cut: at offsets up to ``stop``, relative to data.

        Not at ``stop`` itself where a line end stands there: what follows is only that.
        """
        first = -(-(base + at) // PIECE_BYTES) * PIECE_BYTES + PIECE_BYTES
        for cut in range(first, base + stop + 1, PIECE_BYTES):
            here = cut - base
            if here == stop and stop < len(data):
                return
            far = cut % self.far_bytes == 0 and here - self.far_bytes >= at
            if far or data.find(b"\r", here - PIECE_BYTES, here) < 0:
                yield cut

    def lines(self, data: bytes, base: int, starts: list[int], size: int) -> list[Line]:
        """The lines that begin at these offsets; the last one ends where data does.

        size: of the whole file, to know which line may still grow.
        """
        ends = [*starts[1:], base + len(data)]
        lines = []
        for start, end in zip(starts, ends, strict=True):
            if end > start:
                raw = data[start - base : end - base]
                is_whole = raw.endswith(b"\n") or end < size
                goes_on = start > base and data[start - base - 1] != 0x0A
                lines.append(Line(start, end, *shown(raw), goes_on, is_whole))
        return lines
