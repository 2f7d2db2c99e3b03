"""The list of alerts, the worst first, and what the one under the cursor means."""

import textwrap
from collections.abc import Sequence

from jobshape.app.domain.alert import Alert
from jobshape.app.domain.finding import CRITICAL, HIGH
from jobshape.app.domain.units import format_short_duration
from jobshape.widgets.cursor_list import CursorList
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.palette import Palette
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit, width_of
from rich.style import Style

LEVEL_WIDTH, AGE_WIDTH, LEAST_NAME, MOST_NAME = 8, 5, 8, 24
TEXT_WIDTH = 100
"""Cells from which a line of prose is hard to read."""


class AlertList(CursorList[Alert]):
    """Level, age, job, name and what is wrong."""

    def times(self) -> object:
        """How old they are, in words."""
        return [self._age(alert) for alert in self.items]

    def lines_of(self, items: Sequence[Alert], width: int) -> Sequence[Sequence[Piece]]:
        """Columns as wide as what stands in them."""
        labels = max(width_of(_whose(alert, self._glyphs)) for alert in items)
        names = max(width_of(clean(alert.name, self._glyphs)) for alert in items)
        names = max(LEAST_NAME, min(names, MOST_NAME, width // 5))
        return [self._line(alert, width, labels, names) for alert in items]

    def _line(self, alert: Alert, width: int, labels: int, names: int) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        head = LEVEL_WIDTH + AGE_WIDTH + labels + names + 8
        return [
            (f" {alert.level:<{LEVEL_WIDTH}} ", style_of(alert.level, palette)),
            (f"{self._age(alert):>{AGE_WIDTH}}  ", palette.muted),
            (fit(_whose(alert, glyphs), labels, glyphs) + "  ", palette.strong),
            (fit(clean(alert.name, glyphs), names, glyphs) + "  ", palette.text),
            (fit(clean(alert.title, glyphs), max(8, width - head), glyphs), palette.text),
        ]

    def _age(self, alert: Alert) -> str:
        return format_short_duration(max(0, int(self._clock() - alert.at)))


class AlertText(Lines):
    """What the alert under the cursor means and what to do about it."""

    DEFAULT_CSS = "AlertText { height: 7; }"

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self.alert: Alert | None = None

    def show(self, alert: Alert | None) -> None:
        """Tell of this one."""
        self.alert = alert
        self.redraw()

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """A heading, then why, then what to do."""
        palette, glyphs, alert = self.palette, self._glyphs, self.alert
        if alert is None:
            return []
        title = fit(clean(alert.title, glyphs), width - 2, glyphs)
        lines: list[list[Piece]] = [[(" " + title, palette.group)]]
        for text, style in ((alert.why, palette.text), (alert.fix, palette.accent)):
            lines += [
                [("  " + part, style)]
                for part in textwrap.wrap(clean(text, glyphs), max(20, min(TEXT_WIDTH, width - 4)))
            ]
        if len(lines) > height:
            lines[height - 1] = [(f"  {glyphs.ellipsis}", palette.muted)]
        return lines


def style_of(level: str, palette: Palette) -> Style:
    """The style of a level's word."""
    return {CRITICAL: palette.failed, HIGH: palette.warning}.get(level, palette.accent)


def _whose(alert: Alert, glyphs: Glyphs) -> str:
    more = f" x{alert.jobs}" if alert.jobs > 1 else ""
    return clean(alert.label, glyphs) + more
