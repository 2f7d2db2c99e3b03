"""A log's text as clean lines: no colours, no prefixes of ranks and clocks, one event a line."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import NamedTuple

LONGEST = 2000
"""Characters of a line that rules look at in one go: what bounds the time of any pattern."""
_OVERLAP = 200
_MOST_LINES = 60_000

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]|"
    r"\\x1b\[[\d;]*m|\\033\[[\d;]*m|\\u001b\[[\d;]*m"
)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]+")
_BREAKS = re.compile(r"\r+")

_RANK = re.compile(
    r"\[(?P<torch>rank\s?\d{1,5})\]:?\s?(?!\[rank)|"
    r"\[(?P<local>default\d{1,4})\]:\s?|"
    r"\[(?P<mpi>\d{1,4},\d{1,6})\]<std(?:err|out)>:\s?|"
    r"\[(?P<hydra>\d{1,5})\]:? (?=\S)|"
    r"(?P<srun>\s{0,4}\d{1,5}): (?=\S|\s{2})|"
    r"\((?P<ray>[A-Za-z_][\w.<>:-]{0,60} (?:rank=\d+ )?pid=\d+(?:, ip=[\d.]+)?)\)\s?|"
    r"\[(?P<host>[\w.-]{1,40}:\d{1,5})\]:?\s?(?=\S|\s|$)|"
    r"(?P<pdsh>[a-z]{1,12}[a-z0-9-]{0,30}\d(?:\.[a-z0-9.-]{1,40})?): (?=Traceback|  File|\w+Error)"
)
_CLOCK = re.compile(
    r"\[?\d{4}[-/]\d\d[-/]\d\d[T _-]\d\d[:-]\d\d[:-]\d\d(?:[.,:]\d+)?"
    r"(?:Z|[+-]\d\d:?\d\d)?\]?[ :,|-]*|"
    r"\[?\d{4}[-/]\d\d[-/]\d\d\]? |"
    r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d |"
    r"\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?(?:[ :|-]+)(?=\S)|"
    r"[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d |"
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d"
    r"(?: [A-Z]{2,5})? \d{4}[ :]*|"
    r"\[ {0,6}\d{1,8}\.\d{6}\] |"
    r"(?:> ?){1,3}(?=\S)|"
    r" {0,12}\| (?=\s*(?:File |Traceback|\w+(?:Error|Exception)\b))"
)


class Line(NamedTuple):
    """One line: its number in the log from 1 (0 where not known), and who wrote it (a rank)."""

    number: int
    text: str  # clean: what rules see
    shown: str  # as it stood, without control codes: what people see
    rank: str


def _strip_prefixes(text: str) -> tuple[str, str]:
    """The line without what launchers and loggers put before it, and the rank it names."""
    rank = ""
    for _ in range(4):
        clock = _CLOCK.match(text)
        if clock and clock.end():
            text = text[clock.end() :]
            continue
        found = _RANK.match(text)
        if not found or not found.end():
            break
        rank = rank or next(word for word in found.groups() if word is not None).strip()
        text = text[found.end() :]
    return text, rank


def _pieces(text: str) -> list[str]:
    """A line cut to what rules look at in one go; the pieces overlap, so no message is cut."""
    if len(text) <= LONGEST:
        return [text]
    step = LONGEST - _OVERLAP
    return [text[at : at + LONGEST] for at in range(0, len(text) - _OVERLAP, step)]


def clean_lines(text: str, *, first_number: int = 1) -> list[Line]:
    """Every line of a text, in order; of a progress bar each state is a line of that number.

    first_number: the number of the text's first line in its file; 0 where it is not known, as in
    the tail of a file that was not read from its start: then every line has number 0.
    """
    lines: list[Line] = []
    plain = "\x1b" not in text and "\\x1b" not in text and "\\033" not in text
    if not plain or "\\u001b" in text:
        text = _ESCAPES.sub("", text)
    text = text.replace("\r\n", "\n")
    for offset, whole in enumerate(text.split("\n")):
        number = first_number + offset if first_number else 0
        for part in _BREAKS.split(whole) if "\r" in whole else (whole,):
            clean = _CONTROLS.sub(" ", part) if not part.isprintable() else part
            for piece in _pieces(clean.expandtabs(8) if "\t" in clean else clean):
                stripped, rank = _strip_prefixes(piece)
                lines.append(Line(number, stripped.rstrip(), piece, rank))
    return lines[-_MOST_LINES:]


class CleanText:
    """The clean lines joined, with the way back from a place in it to the line."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines
        self.text = "\n".join(line.text for line in lines)
        self._starts: list[int] = []
        at = 0
        for line in lines:
            self._starts.append(at)
            at += len(line.text) + 1

    def index_at(self, offset: int) -> int:
        """Which of ``lines`` an offset of ``text`` lies in."""
        return bisect_right(self._starts, offset) - 1

    def start_of(self, index: int) -> int:
        """Where a line begins in ``text``."""
        return self._starts[index]

    @cached_property
    def digest(self) -> "Digest":
        """The different lines, to sieve rules by."""
        return Digest([line.text for line in self.lines])


class Digest:
    """Each different line once, in small letters and with every digit a 0, and where it stands.

    A log of a million steps is a few lines here.
    """

    def __init__(self, lines: list[str]) -> None:
        masked = mask_digits("\n".join(lines)).split("\n")
        self._places: dict[str, list[int]] = {}
        self._masked = masked
        for at, line in enumerate(masked):
            places = self._places.setdefault(line, [])
            if len(places) == _MOST_PLACES:
                places[-1] = at  # of a line that repeats, its first places and its last
            else:
                places.append(at)
        self.text = "\n".join(self._places)
        self._starts: list[int] = []
        start = 0
        for line in self._places:
            self._starts.append(start)
            start += len(line) + 1
        self._kinds = list(self._places.values())

    def those(self, lines: list[Line], fits: Callable[[str], object]) -> set[int]:
        """Indices of all lines that a test fits; lines that differ in digits are tested once."""
        known: dict[str, bool] = {}
        for masked, line in zip(self._masked, lines, strict=True):
            if masked not in known:
                known[masked] = bool(fits(line.text))
        return {at for at, masked in enumerate(self._masked) if known[masked]}

    def lines_with(self, words: Iterable[str]) -> list[int]:
        """Indices of lines that have one of the words, in order."""
        found: set[int] = set()
        for word in words:
            at = self.text.find(word)
            while at >= 0:
                kind = bisect_right(self._starts, at) - 1
                found.update(self._kinds[kind])
                if kind + 1 == len(self._kinds) or len(found) > _MOST_LINES_OF_A_WORD:
                    break
                at = self.text.find(word, self._starts[kind + 1])
        return sorted(found)


_MOST_PLACES = 6
_MOST_LINES_OF_A_WORD = 4000
_MASK = {ord(digit): "0" for digit in "123456789"}


def mask_digits(text: str) -> str:
    """A text as it stands in a digest."""
    return text.lower().translate(_MASK)


_TERMINAL_WIDTHS = (80, 100, 120, 132)
_MOST_WRAPPED = 500
_LONGEST_UNWRAPPED = 1000


def unwrapped(lines: list[Line]) -> list[Line] | None:
    """The lines with those joined that a narrow terminal cut in the middle of a word.

    None where nothing looks cut: a cut shows as several lines of one and the same full width.
    """
    if not 2 <= len(lines) <= _MOST_WRAPPED:
        return None
    widths: dict[int, int] = {}
    for line in lines:
        widths[len(line.shown)] = widths.get(len(line.shown), 0) + 1
    wide = max(widths, default=0)
    if not 40 <= wide <= 400 or (widths[wide] < 2 and wide not in _TERMINAL_WIDTHS):
        return None
    joined: list[Line] = []
    cut = False
    for line in lines:
        if cut and len(joined[-1].text) < _LONGEST_UNWRAPPED:
            last = joined[-1]
            joined[-1] = last._replace(text=last.text + line.text, shown=last.shown + line.shown)
        else:
            joined.append(line)
        cut = len(line.shown) == wide and not line.shown.endswith(" ")
    return joined if len(joined) < len(lines) else None
