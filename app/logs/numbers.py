"""Line numbers: known once everything before has been counted, which is done in slices."""

from collections.abc import Sequence
from typing import NamedTuple

from jobshape.app.domain.log_part import FOUND
from jobshape.app.logs.cut import Line
from jobshape.app.logs.source import LogSource

MARK_BYTES = 1 << 20
"""A count is kept for every so many bytes."""


class LineNumbers:
    """Counts the line ends of one log. Only one thread at a time may count."""

    def __init__(self, source: LogSource) -> None:
        self._source = source
        self._before = [0]  # line ends before each multiple of MARK_BYTES

    @property
    def counted_bytes(self) -> int:
        """How far it has been counted."""
        return (len(self._before) - 1) * MARK_BYTES

    def count_on(self, stop: int, most_bytes: int) -> bool:
        """Count on towards ``stop``, a slice of so many bytes; whether there is more to count."""
        for _ in range(max(1, most_bytes // MARK_BYTES)):
            if self.counted_bytes + MARK_BYTES > stop:
                return False
            part = self._source.read(self.counted_bytes, MARK_BYTES)
            if part.state != FOUND or len(part.data) < MARK_BYTES:
                return False
            self._before.append(self._before[-1] + part.data.count(b"\n"))
        return True

    def number_at(self, offset: int) -> int | None:
        """Number, from 1, of the line that holds an offset; None where it is not counted yet."""
        mark, rest = divmod(offset, MARK_BYTES)
        if mark >= len(self._before):
            return None
        part = self._source.read(mark * MARK_BYTES, rest)
        if part.state != FOUND or len(part.data) < rest:
            return None
        return self._before[mark] + part.data.count(b"\n") + 1


class Anchor(NamedTuple):
    """One line whose number is known."""

    offset: int
    number: int


def numbers_of(
    lines: Sequence[Line], anchor: Anchor | None, *, at_end: bool = False
) -> list[int | None]:
    """The number of each of these neighbouring lines; pieces of a long line share theirs.

    anchor: one of these lines. Without it they are counted from the end (-1 is the last line),
    where the last of them is the last of the log, else they are None: nobody knows.
    """
    if not lines:
        return []
    at = len(lines) - 1
    number = -1
    if anchor is not None:
        found = next((i for i, line in enumerate(lines) if line.start == anchor.offset), None)
        if found is None:
            return numbers_of(lines, None, at_end=at_end)
        at, number = found, anchor.number
    elif not at_end:
        return [None] * len(lines)
    numbers: list[int | None] = [None] * len(lines)
    numbers[at] = number
    count = number
    for index in range(at + 1, len(lines)):
        count += not lines[index].goes_on
        numbers[index] = count
    for index in range(at - 1, -1, -1):
        number -= not lines[index + 1].goes_on
        numbers[index] = number
    return numbers
