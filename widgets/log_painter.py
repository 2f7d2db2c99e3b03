"""One row of a log as it is drawn: number, sign, text with what was found in it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jobshape.app.logs.matching import TextMatcher
from jobshape.app.logs.telling import ERROR, WARNING
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.log_rows import RowAt, row_of
from jobshape.widgets.palette import Palette
from jobshape.widgets.spans import Piece, strip_of
from jobshape.widgets.text import clean, width_of
from rich.style import Style
from textual.strip import Strip

SIGN_WIDTH = 2
"""Cells of the sign before a line and the space after it."""

_LOOKED_AT_CHARS = 2000
"""Of a line, for its level: what tells stands at its beginning."""

_LEVELS_KEPT = 8192
_SIGNS = {ERROR: "E", WARNING: "W"}


class Look(NamedTuple):
    """How the person wants to see the log."""

    wraps: bool
    column: int  # first character shown of each line that is not wrapped
    number_width: int  # cells for line numbers; 0: none are shown
    matcher: TextMatcher | None  # what is marked
    hit: int | None  # offset of the line that was found last


class LogPainter:
    """Draws rows of one log in one theme."""

    def __init__(
        self, palette: Palette, glyphs: Glyphs, level_of: Callable[[str], str], width: int
    ) -> None:
        self._palette = palette
        self._glyphs = glyphs
        self._level_of = level_of
        self._width = width
        self._levels: dict[str, str] = {}

    def text_width(self, look: Look) -> int:
        """Cells that are left for the text of a line."""
        numbers = look.number_width + 1 if look.number_width else 0
        return max(1, self._width - SIGN_WIDTH - numbers)

    def strip(self, at: RowAt, number: int | None, look: Look) -> Strip:
        """One row; its number is negative when counted from the end."""
        palette, line = self._palette, at.line
        level = self._level(line.text)
        is_hit = look.hit == line.start
        pieces: list[Piece] = []
        if look.number_width:
            text = "" if at.row or line.goes_on else "-" if number is None else f"{number}"
            pieces.append((f"{text:>{look.number_width}} ", palette.faint))
        style = {ERROR: palette.failed, WARNING: palette.warning}.get(level, palette.text)
        pieces.append(self._sign(at, level, style, is_hit=is_hit))
        pieces.extend(self._body(at, look, style))
        if at.is_last and line.overwritten and not look.column:
            times = f"{line.overwritten:,}{'x' if self._glyphs.is_ascii else '×'}"
            pieces.append((f"  (overwritten {times})", palette.muted))
        return strip_of(pieces, self._width, palette.text)

    def _sign(self, at: RowAt, level: str, style: Style, *, is_hit: bool) -> Piece:
        palette = self._palette
        if is_hit and at.row == 0:
            return "> ", palette.marked
        if at.row or at.line.goes_on:
            return "+ ", palette.faint
        if level in _SIGNS:
            return f"{_SIGNS[level]} ", style
        return "  ", palette.text

    def _body(self, at: RowAt, look: Look, style: Style) -> list[Piece]:
        """The part of the line's text that this row shows, what was found marked."""
        text, width = at.line.text, self.text_width(look)
        cut = ""
        if look.wraps:
            start, end = row_of(text, width, at.row)
        else:
            start, end = look.column, look.column + width
            if width_of(text[start : end + 1]) > width:
                end -= 1
                while end > start and width_of(text[start:end]) > width - 1:
                    end -= 1
                cut = " " * (width - 1 - width_of(text[start:end])) + self._glyphs.ellipsis
        marks = self._marks(text, start, end, look.matcher)
        pieces: list[Piece] = []
        at_char = start
        for first, last in marks:
            pieces.append((clean(text[at_char:first], self._glyphs), style))
            pieces.append((clean(text[first:last], self._glyphs), self._palette.notice))
            at_char = last
        pieces.append((clean(text[at_char:end], self._glyphs), style))
        if cut:
            pieces.append((cut, self._palette.muted))
        return pieces

    def _marks(
        self, text: str, start: int, end: int, matcher: TextMatcher | None
    ) -> Sequence[tuple[int, int]]:
        """What was found between two places of a text, cut to them."""
        if matcher is None:
            return ()
        lead = max(0, start - len(matcher.text))
        found = matcher.spans(text[lead : end + len(matcher.text)])
        spans = ((max(start, lead + a), min(end, lead + b)) for a, b in found)
        return [(a, b) for a, b in spans if a < b]

    def _level(self, text: str) -> str:
        text = text[:_LOOKED_AT_CHARS]
        level = self._levels.get(text)
        if level is None:
            if len(self._levels) >= _LEVELS_KEPT:
                self._levels.clear()
            level = self._levels[text] = self._level_of(text)
        return level
