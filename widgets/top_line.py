"""The first line: whose jobs on which cluster and how many; or, in its place, what is wrong."""

from collections.abc import Sequence
from operator import itemgetter

from jobshape.app.board.board import Board
from jobshape.app.board.link import STARTING, Link
from jobshape.app.domain.finding import CRITICAL
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit, width_of
from rich.style import Style

SCOPE_WORDS = {
    "mine": "My jobs",
    "accounts": "Jobs of my accounts",
    "all": "Everybody's jobs",
}


class TopLine(Lines):
    """Counts while all is well; a banner in the same place when the data may be old.

    The banner takes no line of its own, so that nothing jumps when the controller hiccups.
    """

    def __init__(
        self, board: Board, glyphs: Glyphs, *, title: str = "", id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._board = board
        self._glyphs = glyphs
        self.title = title  # in place of whose jobs are shown

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The one line."""
        link = self._board.link
        banner = banner_text(link)
        if banner:
            return [self._banner(link, banner, width)]
        return [self._summary(link, width)]

    def ground(self) -> Style:
        """The banner colours the whole line."""
        link = self._board.link
        if not banner_text(link):
            return self.palette.frame
        return self.palette.notice if link.phase in ("starting", "late") else self.palette.alarm

    def _banner(self, link: Link, text: str, width: int) -> list[Piece]:
        style = self.ground()
        return [(fit(" " + clean(text, self._glyphs), width, self._glyphs), style)]

    def _summary(self, link: Link, width: int) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        ground = palette.frame
        scope = self.title or SCOPE_WORDS.get(link.scope, link.scope)
        where = f" on {clean(link.site, glyphs)}" if link.site else ""
        if link.last_answer_at is None:
            return [(f" {scope}{where}  ", palette.frame_strong), (f" {link.message}", ground)]
        counts = self._board.tally.counts
        shown = [
            (f" {count:,} {word} ", on(style, ground), rank)
            for count, word, style, rank in (
                (counts.running, "running", palette.running, 0),
                (counts.waiting, "pending", palette.waiting, 0),
                (counts.failed, "failed", palette.failed, 0),
                (counts.cancelled, "cancelled", palette.muted, 2),
                (counts.done, "done", palette.done, 1),
                (counts.unknown, "unknown", palette.unknown, 0),
            )
            if count or word in ("running", "pending")
        ]
        head = f" {scope}{where}  "
        badge = self._badge(ground)
        width -= sum(width_of(text) for text, _ in badge)
        while len(head) + sum(width_of(text) for text, _, _ in shown) > width and len(shown) > 2:
            if head != f" {scope}  ":
                head = f" {scope}  "
            else:
                shown.remove(max(shown, key=itemgetter(2)))
        pieces = [(head, palette.frame_strong), *((text, style) for text, style, _ in shown)]
        used = sum(width_of(text) for text, _ in pieces)
        right = " ".join(filter(None, (clean(link.user, glyphs), link.scheduler_version))) + " "
        if used + width_of(right) < width:
            pieces.append((" " * (width - used - width_of(right)) + right, ground))
        else:
            pieces.append((" " * (width - used), ground))
        return [*pieces, *badge]

    def _badge(self, ground: Style) -> list[Piece]:
        """How many alerts stand; none: nothing."""
        alerts = self._board.alerts
        if not alerts:
            return []
        critical = sum(alert.level == CRITICAL for alert in alerts)
        words = f" ! {critical or len(alerts)} {'critical' if critical else 'alerts'} "
        if len(alerts) == 1 and not critical:
            words = " ! 1 alert "
        return [(words, self.palette.alarm if critical else self.palette.notice)]


def on(style: Style, ground: Style) -> Style:
    """A style on another's ground."""
    return style + Style(bgcolor=ground.bgcolor, underline=ground.underline)


def banner_text(link: Link) -> str:
    """What is wrong with the link, in plain words; "" when nothing is."""
    begun = STARTING._replace(scope=link.scope, backend=link.backend, cluster=link.cluster)
    if link.phase == "live" or link == begun:
        return ""
    return " - ".join(filter(None, (link.message, link.hint)))
