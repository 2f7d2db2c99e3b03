"""The list of alerts, the worst first, and what the one under the cursor means."""

import textwrap
from collections.abc import Callable, Sequence

from jobshape.app.domain.alert import Alert
from jobshape.app.domain.finding import CRITICAL, HIGH
from jobshape.app.domain.units import format_short_duration
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.palette import Palette
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit, width_of
from rich.style import Style
from textual import events
from textual.message import Message

LEVEL_WIDTH, AGE_WIDTH, LEAST_NAME, MOST_NAME = 8, 5, 8, 24
TEXT_WIDTH = 100
"""Cells from which a line of prose is hard to read."""


class AlertList(ScrolledLines, can_focus=True):
    """One line an alert. The cursor stays with its alert while others come and go."""

    class Moved(Message):
        """The cursor stands on another alert."""

    class Opened(Message):
        """An alert was clicked twice."""

    def __init__(
        self, clock: Callable[[], float], glyphs: Glyphs, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._glyphs = glyphs
        self.alerts: tuple[Alert, ...] = ()
        self.at = 0
        self.nothing = "no alerts"
        self._shown: object = None

    @property
    def alert(self) -> Alert | None:
        """The one under the cursor."""
        return self.alerts[self.at] if self.at < len(self.alerts) else None

    def show(self, alerts: Sequence[Alert], nothing: str) -> None:
        """Show these; ``nothing``: what an empty list says."""
        here = self.alert.key if self.alert else None
        self.alerts, self.nothing = tuple(alerts), nothing
        keys = [alert.key for alert in self.alerts]
        self.at = keys.index(here) if here in keys else max(0, min(self.at, len(keys) - 1))
        shown = (self.alerts, nothing, self.at, [self._age(alert) for alert in self.alerts])
        if shown != self._shown:
            self._shown = shown
            self.rebuild()
            self.show_line(self.at)

    def move(self, by: int) -> None:
        """Move the cursor, stopping at the ends."""
        at = max(0, min(len(self.alerts) - 1, self.at + by))
        if at != self.at:
            self.at = at
            self.rebuild()
            self.show_line(at)
            self.post_message(self.Moved())

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """Level, age, job, name and what is wrong."""
        if not self.alerts:
            return [[], [("  " + self.nothing, self.palette.muted)]]
        labels = max(width_of(_whose(alert, self._glyphs)) for alert in self.alerts)
        names = max(width_of(clean(alert.name, self._glyphs)) for alert in self.alerts)
        names = max(LEAST_NAME, min(names, MOST_NAME, width // 5))
        return [
            self._line(alert, at == self.at, width, labels, names)
            for at, alert in enumerate(self.alerts)
        ]

    def ground_of(self, y: int) -> Style:
        """The cursor's line is coloured to its end."""
        return self.palette.cursor if self.alerts and y == self.at else self.palette.text

    def _line(
        self, alert: Alert, is_here: bool, width: int, labels: int, names: int
    ) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        head = LEVEL_WIDTH + AGE_WIDTH + labels + names + 8
        pieces: list[Piece] = [
            (f" {alert.level:<{LEVEL_WIDTH}} ", style_of(alert.level, palette)),
            (f"{self._age(alert):>{AGE_WIDTH}}  ", palette.muted),
            (fit(_whose(alert, glyphs), labels, glyphs) + "  ", palette.strong),
            (fit(clean(alert.name, glyphs), names, glyphs) + "  ", palette.text),
            (fit(clean(alert.title, glyphs), max(8, width - head), glyphs), palette.text),
        ]
        if is_here:
            pieces = [(text, palette.on_cursor(style, focused=True)) for text, style in pieces]
        return pieces

    def _age(self, alert: Alert) -> str:
        return format_short_duration(max(0, int(self._clock() - alert.at)))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor there, a second one opens."""
        index = self.scroll_offset.y + event.y
        if index < len(self.alerts):
            self.move(index - self.at)
            if event.chain == 2:
                self.post_message(self.Opened())


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
