"""What a program says of its own progress, read from the last lines of its log."""

import re
from typing import NamedTuple

LOOKED_AT_CHARS = 4000


class Progress(NamedTuple):
    """A share of the whole (0 to 1), and in which words it stood: only like is compared to like."""

    kind: str
    share: float


_BAR = re.compile(r"(?<![\d.])(\d{1,3})(?:\.\d+)?%\s?[|\[]")
_WORDS = re.compile(
    r"(?i)\b(epoch|step|iter(?:ation)?|batch|round|chunk|file|frame|sample|shard|task)s?\b"
    r"[\s:=#\[(]{0,4}(\d{1,12})\s?(?:/|of)\s?(\d{1,12})\b"
)
_PERCENT = re.compile(r"(?i)\b(?:progress|complete[d]?|done)\b[\s:=]{0,3}(\d{1,3})(?:\.\d+)?\s?%")


def progress_of(text: str) -> Progress | None:
    """The last word on progress in the text, None if it has none.

    A count of epochs outranks one of steps, which may begin anew with each epoch; both outrank a
    bar, which may be any loop's.
    """
    tail = text[-LOOKED_AT_CHARS:]
    counts: dict[str, float] = {}
    for match in _WORDS.finditer(tail):
        done, whole = int(match[2]), int(match[3])
        if whole > 0 and done <= whole:
            counts[match[1].lower()[:4]] = done / whole
    for kind in ("epoc", "roun", "step", "iter", *counts):
        if kind in counts:
            return Progress(kind, counts[kind])
    for kind, pattern in (("percent", _PERCENT), ("bar", _BAR)):
        found = pattern.findall(tail)
        if found and int(found[-1]) <= 100:
            return Progress(kind, int(found[-1]) / 100)
    return None
