"""Draws a log: its rows, a bar that says where in the file they are, a line of words below."""

import textwrap
from collections.abc import Callable, Sequence

from jobshape.app.logs.matching import TextMatcher
from jobshape.app.logs.numbers import Anchor, numbers_of
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.log_painter import LogPainter, Look
from jobshape.widgets.log_rows import LogRows, RowAt
from jobshape.widgets.log_words import LogState, empty_words, status_words
from jobshape.widgets.palette import Palette, palette_of
from jobshape.widgets.spans import strip_of
from jobshape.widgets.text import clean, width_of
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

STATUS_HEIGHT = 1
BAR_WIDTH = 1
_LEAST_NUMBER_WIDTH = 5


class LogDrawing(Widget, inherit_bindings=False):
    """The drawn side of a log view; what it shows is set by the class below it.

    Lines scroll without Textual's scrolling: that needs to know how many there are.
    """

    DEFAULT_CSS = "LogDrawing { height: 1fr; }"
    ALLOW_SELECT = False

    def __init__(
        self,
        clock: Callable[[], float],
        glyphs: Glyphs,
        level_of: Callable[[str], str],
        *,
        node_key: str,
        id: str | None,
    ) -> None:
        super().__init__(id=id)
        self.rows = LogRows()
        self.state = LogState()
        self._clock = clock
        self._glyphs = glyphs
        self._level_of = level_of
        self._node_key = node_key
        self._painter: LogPainter | None = None
        self._strips: list[Strip] = []
        self._shows_numbers = False
        self._anchor: Anchor | None = None
        self._numbers: Sequence[int | None] = ()
        self._marked: TextMatcher | None = None
        self._hit: int | None = None

    @property
    def page_height(self) -> int:
        """Rows that fit."""
        return max(1, self.size.height - STATUS_HEIGHT)

    # ------------------------------------------------------------------ what it draws

    def repaint(self) -> None:
        """Build what is visible and paint the rows that differ from what is shown."""
        if not self.size or not self.is_attached:
            return
        before, self._strips = self._strips, self._build()
        if len(before) != len(self._strips):
            self.refresh()
            return
        width = self.size.width
        pairs = enumerate(zip(before, self._strips, strict=True))
        regions = [Region(0, y, width, 1) for y, (old, new) in pairs if list(old) != list(new)]
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """One line, from what was built for this size."""
        if len(self._strips) != self.size.height:
            self._strips = self._build()
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    def notify_style_update(self) -> None:
        """A new theme: everything is built again."""
        self._painter, self._strips = None, []
        super().notify_style_update()

    def lay_out(self) -> None:
        """The text has another width: the view's size, the numbers or the wrapping changed."""
        self._painter = None
        self.rows.wraps = self.state.wraps
        self.rows.resize(self._paint().text_width(self._look()), self.page_height)

    def count_lines(self) -> None:
        """Other lines are at hand, or the number of one became known."""
        if self._shows_numbers:
            window = self.rows.window
            self._numbers = numbers_of(window.lines, self._anchor, at_end=window.at_end)

    # ------------------------------------------------------------------ drawing

    @property
    def _palette(self) -> Palette:
        return palette_of(self.app)

    def _paint(self) -> LogPainter:
        if self._painter is None:
            width = max(1, self.size.width - BAR_WIDTH)
            self._painter = LogPainter(self._palette, self._glyphs, self._level_of, width)
        return self._painter

    def _look(self) -> Look:
        width = 0
        if self._shows_numbers:
            longest = max((len(str(n)) for n in self._numbers if n is not None), default=0)
            width = max(_LEAST_NUMBER_WIDTH, longest)
        return Look(self.state.wraps, self.state.column, width, self._marked, self._hit)

    def _build(self) -> list[Strip]:
        """Every line of the view."""
        height = self.page_height
        if self.rows.height != height:  # painted before the message that says so came
            self.lay_out()
        visible = self.rows.visible()
        self._say_where(visible)
        if not visible:
            return [*self._empty(height), self._status()][-self.size.height :]
        painter, look = self._paint(), self._look()
        numbers = self._numbers if len(self._numbers) == len(self.rows.window.lines) else None
        strips = [
            painter.strip(at, numbers[at.line_index] if numbers else None, look) for at in visible
        ]
        blank = strip_of([], self.size.width - BAR_WIDTH, self._palette.text)
        strips += [blank] * (height - len(strips))
        bar = self._bar(visible, height)
        joined = [
            Strip([*strip, Segment(cell, style)], self.size.width)
            for strip, (cell, style) in zip(strips, bar, strict=True)
        ]
        return [*joined, self._status()][-self.size.height :]

    def _say_where(self, visible: Sequence[RowAt]) -> None:
        """Where in the file the rows are, for the words below."""
        state, window = self.state, self.rows.window
        if not visible:
            state.at_start = state.at_end = False
            state.first_number = None
            return
        first, last = visible[0], visible[-1]
        state.at_start = first.line.start == 0 and first.row == 0
        state.at_end = last.line.end >= window.size and last.is_last
        state.share = last.line.end / window.size if window.size else 1.0
        counted = self._shows_numbers and len(self._numbers) == len(window.lines)
        state.first_number = self._numbers[first.line_index] if counted else None

    def _bar(self, visible: Sequence[RowAt], height: int) -> list[tuple[str, Style]]:
        """The cells of the bar, top to bottom."""
        palette = self._palette
        track = self._glyphs.rule, palette.faint
        if self.state.at_start and self.state.at_end:
            return [(" ", palette.text)] * height
        size = max(1, self.rows.window.size)
        span = (visible[-1].line.end - visible[0].line.start) / size
        length = max(1, min(height - 1, round(span * height)))
        room = height - length
        top = round(visible[0].line.start / size * height)
        top = room if self.state.at_end else min(room, top)
        thumb = self._glyphs.bar_full if self._glyphs.is_ascii else "┃", palette.text
        return [thumb if top <= y < top + length else track for y in range(height)]

    def _empty(self, height: int) -> list[Strip]:
        """The words of a view without a line."""
        palette, width = self._palette, self.size.width
        said = [clean(text, self._glyphs) for text in self._empty_words()]
        lines = [
            (part, palette.muted if number else palette.strong)
            for number, text in enumerate(said)
            for part in textwrap.wrap(text, max(20, min(72, width - 4)))
        ]
        first = max(0, (height - len(lines)) // 3)
        strips = [strip_of([], width, palette.text)] * first
        for text, style in lines:
            indent = " " * max(0, (width - width_of(text)) // 2)
            strips.append(strip_of([(indent, palette.text), (text, style)], width, palette.text))
        strips += [strip_of([], width, palette.text)] * height
        return strips[:height]

    def _empty_words(self) -> list[str]:
        return empty_words(self.state, self._clock(), self._node_key)

    def _status(self) -> Strip:
        palette, width = self._palette, self.size.width
        path, right = status_words(self.state, self._clock(), width, self._glyphs)
        gap = " " * max(1, width - width_of(path) - width_of(right) - 2)
        pieces = [
            (f" {path}", palette.frame), (gap, palette.frame), (f"{right} ", palette.frame_strong)
        ]  # fmt: skip
        return strip_of(pieces, width, palette.frame)
