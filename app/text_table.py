"""Plain text for commands without a screen: columns side by side."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

Title = tuple[str, Literal["left", "right"]]


def lay_out(titles: Sequence[Title], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Lines of a table, each column as wide as its widest cell; empty titles draw no heading."""
    table = [list(row) for row in rows]
    if any(title for title, _ in titles):
        table.insert(0, [title for title, _ in titles])
    widths = [max(map(cells, column)) for column in zip(*table, strict=True)]
    for row in table:
        padded = []
        for text, width, (_, align) in zip(row, widths, titles, strict=True):
            space = " " * (width - cells(text))
            padded.append(space + text if align == "right" else text + space)
        yield "  ".join(padded).rstrip()


def cells(text: str) -> int:
    """How many columns of a terminal a text takes; control characters must be gone."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(character) for character in text)


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
