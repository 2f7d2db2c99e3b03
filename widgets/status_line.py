"""The line above the keys: what the screen shows, and how fresh, from where and at what cost."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jobshape.app.board.board import Board
from jobshape.app.board.link import Link
from jobshape.app.domain.units import format_short_duration
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import bar, clean, fit, width_of
from jobshape.widgets.top_line import on
from rich.style import Style

HISTORY_BAR_WIDTH = 10

MESSAGE_FOR_S = 6.0
"""How long a word to the person stands in the line."""


class _Message(NamedTuple):
    """A text that stands in the line for a while."""

    text: str
    problem: bool
    since: float
    until: float


class StatusLine(Lines):
    """Left: what the screen says of itself. Right: age, cadence, source, cost.

    A short message (a blocked key's reason, what was copied) takes the whole line for a while.
    """

    def __init__(
        self,
        board: Board,
        clock: Callable[[], float],
        glyphs: Glyphs,
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._board = board
        self._clock = clock
        self._glyphs = glyphs
        self._answer: _Message | None = None
        self._news: _Message | None = None

    def say(self, text: str, *, problem: bool = False) -> None:
        """Answer a key with a short message, for a few seconds."""
        now = self._clock()
        self._answer = _Message(text, problem, now, now + MESSAGE_FOR_S)
        if self._news is not None and now < self._news.since:
            self.tell(self._news.text, problem=self._news.problem)  # nobody has read it yet
        self.redraw()

    def tell(self, text: str, *, problem: bool = False) -> None:
        """Say what happened by itself: once an answer that somebody may wait for was read."""
        since = max(self._clock(), self._answer.until if self._answer else 0.0)
        self._news = _Message(text, problem, since, since + MESSAGE_FOR_S)
        self.redraw()

    @property
    def _message(self) -> _Message | None:
        """What is to be read now."""
        now = self._clock()
        both = (self._answer, self._news)
        return next(
            (one for one in both if one and one.text and one.since <= now < one.until), None
        )

    def ground(self) -> Style:
        """As the header's."""
        return self.palette.frame

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The one line."""
        palette, glyphs = self.palette, self._glyphs
        message = self._message
        if message is not None:
            style = on(palette.failed if message.problem else palette.accent, palette.frame)
            return [[(fit(" " + clean(message.text, glyphs), width, glyphs), style)]]
        left = [*self.left(width), *self.trouble()]
        used = sum(width_of(part) for part, _ in left)
        right = self._right(width - used - 3)
        room = width - used - width_of(right)
        return [[*left, (" " * max(0, room) + right, palette.frame)]]

    def left(self, width: int) -> list[Piece]:
        """What this screen says of itself. The first piece is the most needed."""
        return []

    def trouble(self) -> list[Piece]:
        """What is not as it should be, though there is something new to show."""
        text = _trouble(self._board.link)
        if text:
            style = on(self.palette.warning, self.palette.frame)
            return [(f"  {clean(text, self._glyphs)}", style)]
        history = self._board.history
        if not history.is_filling:
            return []
        done, total = history.slices_done, history.slices_total
        filled, empty = bar(done / total, HISTORY_BAR_WIDTH, self._glyphs)
        return [
            ("  reading earlier jobs ", self.palette.frame),
            (filled, on(self.palette.bar, self.palette.frame)),
            (empty, on(self.palette.faint, self.palette.frame)),
        ]

    def _right(self, room: int) -> str:
        """As much of the link's figures as there is room for, the most needed kept longest."""
        link, now = self._board.link, self._clock()
        source = clean(_source(link), self._glyphs)
        full = [_age(link, now), _cadence(link), _cost(link), source]
        short = [_age(link, now), _cadence(link), _short_cost(link), _short_source(link, source)]
        for parts in (full, short, short[:3], short[:2], short[:1]):
            text = f" {self._glyphs.dot} ".join(filter(None, parts)) + " "
            if width_of(text) <= room:
                return text
        return ""


def _trouble(link: Link) -> str:
    """What is not as it should be, though the rows are there and new."""
    if link.unread:
        records = "record" if link.unread == 1 else "records"
        return f"{link.unread:,} {records} not understood"
    return link.notes[0] if link.notes and link.phase == "live" else ""


def _age(link: Link, now: float) -> str:
    if link.last_answer_at is None:
        return ""
    age = format_short_duration(max(0, int(now - link.last_answer_at)))
    return f"{age:>3} old"


def _cadence(link: Link) -> str:
    return "" if link.cadence_s is None else f"every {link.cadence_s:.0f}s"


def _source(link: Link) -> str:
    if link.is_local:
        return "this machine" if link.cluster in ("", "local") else f"this machine: {link.cluster}"
    return link.source or link.backend


def _short_source(link: Link, source: str) -> str:
    return source if link.is_local else source.partition(" ")[0]


def _short_cost(link: Link) -> str:
    if link.controller_ms_per_minute is None or link.is_local:
        return ""
    return f"{link.controller_ms_per_minute:.0f} ms/min"


def _cost(link: Link) -> str:
    if link.calls_per_minute is None or link.is_local:
        return ""
    calls = f"{link.calls_per_minute:.0f} calls/min"
    if link.controller_ms_per_minute is None:
        return calls
    return f"slurmctld {link.controller_ms_per_minute:.0f} ms/min in {calls}"
