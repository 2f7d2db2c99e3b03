"""Texts cut to a number of terminal cells, with nothing in them that a terminal would obey."""

from typing import Literal

from jobshape.app.domain.text import sanitize
from jobshape.widgets.glyphs import Glyphs, plain
from rich.cells import cell_len, set_cell_size

_PICTURE = "\ufe0f"
"""Asks for the character before it as a wide picture: terminals disagree on its width."""

Align = Literal["left", "right"]


def clean(text: str, glyphs: Glyphs) -> str:
    """What may be written to a terminal: no control, format or bidirectional characters.

    Job names, comments and paths come from other people, so they are never trusted.
    """
    if text.isascii() and text.isprintable():
        return text
    text = sanitize(text).replace(_PICTURE, "")
    return plain(text) if glyphs.is_ascii else text


def width_of(text: str) -> int:
    """How many cells a clean text takes."""
    return len(text) if text.isascii() else cell_len(text)


def fit(text: str, width: int, glyphs: Glyphs, align: Align = "left") -> str:
    """A clean text cut or padded to exactly this many cells; a cut shows."""
    if width <= 0:
        return ""
    size = width_of(text)
    if size > width:
        return set_cell_size(text, width - 1) + glyphs.ellipsis
    if size == width:
        return text
    return text + " " * (width - size) if align == "left" else " " * (width - size) + text


def bar(share: float, width: int, glyphs: Glyphs) -> tuple[str, str]:
    """A bar as its filled and its empty part; together they are ``width`` cells.

    A share above nothing shows at least half a cell, one below all leaves at least half a cell.
    """
    halves = round(max(0.0, min(1.0, share)) * width * 2)
    if share > 0:
        halves = max(halves, 1)
    if share < 1:
        halves = min(halves, width * 2 - 1)
    if glyphs.bar_half == glyphs.bar_full:  # ASCII: whole cells only
        halves = min(width - 1, halves // 2) * 2 if share < 1 else width * 2
    full, half = divmod(halves, 2)
    filled = glyphs.bar_full * full + (glyphs.bar_half if half else "")
    return filled, glyphs.bar_empty * (width - len(filled))


def cut_at_blanks(text: str, width: int) -> list[str]:
    """The text in pieces of at most so many cells, at blanks where there are some."""
    pieces: list[str] = []
    while width_of(text) > width:
        at = width
        while width_of(text[:at]) > width:
            at -= 1
        blank = text.rfind(" ", width // 2, at)
        comma = text.rfind(",", width // 2, at - 1)
        at = max(1, max(blank, comma) + 1 if max(blank, comma) > 0 else at)
        pieces.append(text[:at])
        text = text[at:]
    return [*pieces, text] if text or not pieces else pieces
