"""What a log view has done in threads: each a function that reads and gives back what it found."""

from collections.abc import Callable
from typing import NamedTuple

from jobshape.app.logs.matching import Matcher
from jobshape.app.logs.numbers import Anchor, LineNumbers
from jobshape.app.logs.reader import Change, Known, LogReader, Stretch, change_between
from jobshape.app.logs.search import Report, Search, Searched

MOST_NEW_BYTES = 1 << 20
"""Of what was appended since the last look; beyond it only the new end is read."""

SLICE_BYTES = 16 << 20
"""What is searched or counted between two words about how far it is."""


class Opened(NamedTuple):
    """A log looked at for the first time, or again after it was replaced."""

    known: Known
    stretch: Stretch


class Followed(NamedTuple):
    """What became of a log since it was last looked at."""

    known: Known
    change: Change
    stretch: Stretch | None  # what was appended, or the end of another file


class Outcome(NamedTuple):
    """What a search came to, with the lines around what it found."""

    searched: Searched
    stretch: Stretch | None
    backward: bool
    went_round: bool  # past the end of the file, or its beginning


def opened(reader: LogReader, rows: int) -> Opened:
    """Its last lines."""
    known = reader.look()
    return Opened(known, reader.tail(rows) if known.part.size else Stretch(known.part))


def follow_on(reader: LogReader, known: Known, resume_at: int | None, rows: int) -> Followed:
    """Look again; read what was appended from ``resume_at`` on, unless that is None."""
    now = reader.look()
    change = change_between(known, now)
    stretch: Stretch | None = None
    if change in (Change.REPLACED, Change.APPEARED):
        stretch = reader.tail(rows) if now.part.size else Stretch(now.part)
    elif change is Change.GREW and resume_at is not None:
        if now.part.size - resume_at <= MOST_NEW_BYTES:
            stretch = reader.after(resume_at, MOST_NEW_BYTES)
        if stretch is None or not stretch.at_end:
            stretch = reader.tail(rows)
    return Followed(now, change, stretch)


def seek(
    reader: LogReader, matcher: Matcher, start: int, size: int, rows: int, report: Report,
    *, backward: bool, goes_round: bool,
) -> Outcome:  # fmt: skip
    """The next line that matches, from an offset to the end and, if asked for, on to the offset.

    size: of the file; what is appended meanwhile is not searched.
    """
    search = Search(reader, matcher)
    run = search.backward if backward else search.forward
    found = run(start, 0 if backward else size, report)
    went_round = False
    if found.line is None and not found.was_stopped and goes_round:
        before = found.searched_bytes
        again = run(size if backward else 0, start, lambda searched: report(before + searched))
        found = again._replace(searched_bytes=before + again.searched_bytes)
        went_round = True
    stretch = reader.around(found.line.start, rows, rows) if found.line else None
    return Outcome(found, stretch, backward, went_round)


def count_to(numbers: LineNumbers, offset: int, report: Callable[[int], bool]) -> Anchor | None:
    """The number of the line that begins at an offset; None where it was stopped or cannot be."""
    while report(numbers.counted_bytes) and numbers.count_on(offset, SLICE_BYTES):
        pass
    number = numbers.number_at(offset)
    return None if number is None else Anchor(offset, number)
