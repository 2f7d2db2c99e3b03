"""The alerts: what is wrong with my jobs now, why, and what to do."""

from typing import ClassVar

from jobshape.app.domain.alert import CAMPAIGN
from jobshape.screens.commands.alerts import ALERTS
from jobshape.screens.commands.everywhere import EVERYWHERE
from jobshape.screens.ports import Context
from jobshape.screens.room import Room, bindings_of
from jobshape.widgets.alert_list import AlertList, AlertText
from jobshape.widgets.key_line import KeyLine
from jobshape.widgets.spans import Piece
from jobshape.widgets.status_line import StatusLine
from jobshape.widgets.top_line import TopLine
from textual import on
from textual.app import ComposeResult


class AlertStatus(StatusLine):
    """How many alerts there are and where the cursor stands."""

    place: tuple[int, int] = (0, 0)

    def left(self, width: int) -> list[Piece]:
        """Position and count."""
        number, count = self.place
        return [(f" {number}/{count}", self.palette.frame_strong)]


class AlertScreen(Room):
    """Go through the alerts, open the job of one, or say that it is seen."""

    NAME = "alerts"
    AUTO_FOCUS = "#list"
    CSS_PATH = "../styles/alerts.tcss"
    KEYMAP = (*ALERTS, *EVERYWHERE)
    BINDINGS: ClassVar = bindings_of(KEYMAP)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._list = AlertList(self.clock, self.glyphs, id="list")
        self._text = AlertText(self.glyphs, id="text")

    def compose(self) -> ComposeResult:
        """The list, and below it what one alert means."""
        yield TopLine(self.board, self.glyphs, title="Alerts", id="top")
        yield self._list
        yield self._text
        yield AlertStatus(self.board, self.clock, self.glyphs, id="status")
        yield KeyLine(self.hints, self.glyphs, id="keys")

    def board_changed(self) -> None:
        """Alerts came or went."""
        looking = self.board.link.last_answer_at is not None
        nothing = "no alerts: nothing is wrong with your jobs now" if looking else "not looked yet"
        self._list.show(self.board.alerts, nothing)
        self._follow()

    def tick(self) -> None:
        """They grow older."""
        self.board_changed()

    @on(AlertList.Moved)
    def _follow(self) -> None:
        self._text.show(self._list.item)
        status = self.query_one(AlertStatus)
        count = len(self._list.items)
        status.place = (min(count, self._list.at + 1), count)
        status.redraw()
        self.top_line.redraw()
        self.keys.redraw()

    @property
    def has_alerts(self) -> bool:
        """Whether the list holds any."""
        return bool(self._list.items)

    def do_move(self, by: int) -> None:
        """Next or previous."""
        self._list.move(by)

    def do_page(self, by: int) -> None:
        """One page."""
        self._list.move(by * max(1, self._list.size.height - 1))

    def do_edge(self, to: int) -> None:
        """First or last."""
        self._list.move(to * len(self._list.items))

    @on(AlertList.Opened)
    def do_open(self) -> None:
        """The job's own screen."""
        alert = self._list.item
        if alert is not None and alert.rule == CAMPAIGN:
            self.context.go("rounds")
        elif alert is not None:
            self.context.show_job(alert.job_id)

    def do_find(self) -> None:
        """The job in the queue."""
        alert = self._list.item
        if alert is not None and alert.rule == CAMPAIGN:
            self.status.say("it is of a campaign, not of a job: Enter shows the rounds")
        elif alert is not None and not self.context.find_job(alert.job_id):
            self.status.say(f"job {alert.label} is not in the list any more", problem=True)

    def do_acknowledge(self) -> None:
        """Seen."""
        alert = self._list.item
        if alert is not None:
            self._acknowledge([alert.key])
            self.status.say(f"acknowledged: {alert.title} ({alert.label})")

    def do_acknowledge_all(self) -> None:
        """All are seen."""
        keys = [alert.key for alert in self._list.items]
        self._acknowledge(keys)
        self.status.say(f"acknowledged: {len(keys)}")

    def _acknowledge(self, keys: list[str]) -> None:
        self.context.acknowledge(keys)
        self.board_changed()

    def do_back(self) -> None:
        """To the queue."""
        self.context.go("queue")
