"""Lines of styled text, made of pieces."""

from collections.abc import Iterable

from jobshape.widgets.text import width_of
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

Piece = tuple[str, Style]
"""Clean text and its style."""


def strip_of(pieces: Iterable[Piece], width: int, ground: Style) -> Strip:
    """One line of exactly this width; neighbours of one style become one segment."""
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
