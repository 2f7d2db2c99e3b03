"""Lines of styled text, and where two of them differ: the cells that must be written again."""

from collections.abc import Iterable, Iterator

from jobshape.widgets.text import width_of
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Piece = tuple[str, Style]
"""Clean text and its style."""

MERGE_GAP = 12
"""Equal cells between two changes that cost less to write again than to jump over."""


def strip_of(pieces: Iterable[Piece], width: int, ground: Style) -> Strip:
    """One line of exactly this width; neighbours of one style become one segment.

    A blank takes the style of the text before it where the two differ in ink only: nobody sees
    the ink of a blank, and each change of style costs bytes.
    """
    segments: list[Segment] = []
    text, style, used = "", ground, 0
    for part, part_style in pieces:
        if not part:
            continue
        if part_style is style or part_style == style:
            text += part
        else:
            if text:
                segments.append(Segment(text, style))
            text, style = part, part_style
        used += width_of(part)
    if text:
        segments.append(Segment(text, style))
    if used > width:
        return Strip(segments, used).crop(0, width)
    if used < width:
        if segments and segments[-1].style == ground:
            segments[-1] = Segment(segments[-1].text + " " * (width - used), ground)
        else:
            segments.append(Segment(" " * (width - used), ground))
    return Strip(segments, width)


def changed_spans(old: Strip, new: Strip) -> Iterator[tuple[int, int]]:
    """Where the new line differs from the old: (first cell, cell after the last), left to right."""
    if old is new:
        return
    before, after = _cells(old), _cells(new)
    length = max(len(before), len(after))
    before.extend([("", None)] * (length - len(before)))
    after.extend([("", None)] * (length - len(after)))
    start = end = -1
    for x in range(length):
        if before[x] != after[x]:
            if start >= 0 and x - end > MERGE_GAP:
                yield start, end
                start = -1
            if start < 0:
                start = x
            end = x + 1
    if start >= 0:
        yield start, end


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    """One entry a cell; a wide character fills its second cell with an empty text."""
    cells: list[tuple[str, Style | None]] = []
    for text, style, _ in strip:
        if text.isascii():
            cells.extend([(char, style) for char in text])
        else:
            for char in text:
                width = width_of(char)
                if width == 0 and cells:
                    cells[-1] = (cells[-1][0] + char, style)
                else:
                    cells.append((char, style))
                    cells.extend([(char, style)] * (width - 1))
    return cells
