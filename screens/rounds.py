"""The rounds: campaigns, and of one its rounds, their trials, the gate and what happened."""

from collections.abc import Sequence
from typing import ClassVar

from jobshape.app.domain.campaigns import (
    WISHES,
    CampaignLine,
    CampaignPicture,
    RoundLine,
    TrialLine,
)
from jobshape.app.domain.errors import JobshapeError
from jobshape.screens.commands.everywhere import EVERYWHERE
from jobshape.screens.commands.rounds import ROUNDS
from jobshape.screens.ports import Campaigns, Context
from jobshape.screens.room import Room, bindings_of
from jobshape.screens.steering import Steering
from jobshape.widgets.entry import Entry
from jobshape.widgets.key_line import KeyLine
from jobshape.widgets.rounds_columns import campaign_columns, round_columns, trial_columns
from jobshape.widgets.rounds_pane import CampaignHead, RoundsPane
from jobshape.widgets.row_list import RowList
from jobshape.widgets.spans import Piece
from jobshape.widgets.status_line import StatusLine
from jobshape.widgets.top_line import TopLine
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container
from textual.widget import Widget

TALL = 34
"""Lines from which the gate gets more of them."""

FEW_ROUNDS, MOST_ROUNDS = 4, 9
"""Rounds in sight at once, on a low screen and on a tall one."""

NOTHING = "no campaign yet: s runs a manifest (jobshape.yaml) or a script in rounds"


class FilterEntry(Entry):
    """The words by which trials are filtered; up and down are left to the screen."""

    BINDINGS = [Binding("escape", "leave", "Drop", show=False)]

    def action_leave(self) -> None:
        """Drop the filter."""
        self.value = ""
        self.post_message(self.Submitted(self, ""))


class RoundsStatus(StatusLine):
    """Where the cursor stands in which list."""

    place: tuple[str, int, int] = ("campaign", 0, 0)
    filtered: str = ""

    def left(self, width: int) -> list[Piece]:
        """Position, and the filter."""
        what, number, count = self.place
        pieces: list[Piece] = [(f" {what} {number:,}/{count:,}", self.palette.frame_strong)]
        if self.filtered:
            pieces.append((f"  /{self.filtered}", self.palette.frame))
        return pieces


class RoundsScreen(Steering, Room):
    """Enter goes deeper, Esc back. What is shown is read beside the loop, and only that."""

    NAME = "rounds"
    AUTO_FOCUS = "#campaigns"
    CSS_PATH = "../styles/rounds.tcss"
    KEYMAP = (*ROUNDS, *EVERYWHERE)
    BINDINGS: ClassVar = bindings_of(KEYMAP)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (140, "-wide")]
    VERTICAL_BREAKPOINTS = [(0, "-low"), (TALL, "-tall")]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.set_class(self.glyphs.is_ascii, "-ascii")
        clock, glyphs = self.clock, self.glyphs
        self._campaigns = RowList[CampaignLine](
            campaign_columns(clock, glyphs), glyphs, id="campaigns"
        )
        self._rounds = RowList[RoundLine](round_columns(clock, glyphs), glyphs, id="rounds")
        self._trials = RowList[TrialLine](trial_columns(clock, glyphs), glyphs, id="trials")
        self._about = RoundsPane(clock, glyphs, id="about")
        self._gate = RoundsPane(clock, glyphs, id="gate")
        self._head = CampaignHead(clock, glyphs, id="head")
        self._picture: CampaignPicture | None = None
        self._opened: int | None = None
        self._all_trials: tuple[TrialLine, ...] = ()
        self._trials_of: tuple[int, int] | None = None  # campaign, round
        self._follows = True  # whether the newest round is wanted, whichever that is
        self._revision: int | None = None
        self._reading = False
        self._again = False
        self._nothing = "reading the campaigns"

    def compose(self) -> ComposeResult:
        """The list of campaigns, or the tables of one."""
        yield TopLine(self.board, self.glyphs, title="Rounds", id="top")
        yield self._campaigns
        yield self._about
        yield self._head
        yield Container(Container(self._rounds, self._trials, id="tables"), self._gate, id="inside")
        yield FilterEntry(id="line", compact=True, placeholder="words of a trial", disabled=True)
        yield RoundsStatus(self.board, self.clock, self.glyphs, id="status")
        yield KeyLine(self.hints, self.glyphs, id="keys")

    # ------------------------------------------------------------------ following the store

    def board_changed(self) -> None:
        """Nothing here is of the board but the first line."""
        self.top_line.redraw()

    def on_screen_resume(self) -> None:
        """In sight again: what is shown may be old."""
        self.attend()
        self.read()
        self.board_changed()

    def tick(self) -> None:
        """Look whether anything is new; ages go on."""
        self.read(only_if_newer=True)
        for table in (self._campaigns, self._rounds, self._trials):
            table.refresh()
        self._head.redraw()

    def read(self, *, only_if_newer: bool = False) -> None:
        """Read what is shown, beside the loop; what is asked meanwhile is read after."""
        if self._reading:
            self._again = self._again or not only_if_newer
            return
        self._reading = True
        self.run_worker(self._read(only_if_newer), group="read", exit_on_error=False)

    async def _read(self, only_if_newer: bool) -> None:
        source = self.context.campaigns
        try:
            if source is None:
                self._nothing = "there are no campaigns here"
                return
            while True:
                self._again = False
                revision = await source.revision()
                if not only_if_newer or revision != self._revision:
                    self._revision = revision
                    await self._read_all(source)
                if not self._again:
                    break
                only_if_newer = False
        except JobshapeError as error:
            self._nothing = error.what
            self.status.say(str(error), problem=True)
        finally:
            self._reading = False
            self._show()

    async def _read_all(self, source: Campaigns) -> None:
        listed = await source.listed()
        self._nothing = NOTHING
        self._campaigns.show(listed, self._nothing)
        opened = self._opened
        if opened is None:
            return
        picture = await source.picture(opened)
        if picture is None or opened != self._opened:
            return
        self._picture = picture
        newest = picture.rounds[-1].key if picture.rounds else None
        self._rounds.show(
            picture.rounds, "no round has begun", at_key=newest if self._follows else None
        )
        item = self._rounds.item
        if item is not None:
            trials = await source.trials(opened, item.key)
            if opened == self._opened:
                self._all_trials, self._trials_of = trials, (opened, item.key)

    @property
    def is_settled(self) -> bool:
        """Whether nothing is being read."""
        return not self._reading

    def _show(self) -> None:
        self._campaigns.show(self._campaigns.items, self._nothing)
        if self._opened is None:
            self._about.show_campaign(self._campaigns.item)
        else:
            self._head.show(self._picture)
            most = MOST_ROUNDS if self.size.height >= TALL else FEW_ROUNDS
            self._rounds.styles.height = max(2, min(most, len(self._rounds.items))) + 1
            self._trials.show(self._filtered(), self._no_trials)
            self._show_gate()
        self._show_place()

    def _show_gate(self) -> None:
        if self._picture is not None:
            trial = self._trials.item if self.focused is self._trials else None
            self._gate.show_round(self._picture, self._rounds.item, trial)

    @property
    def _no_trials(self) -> str:
        item = self._rounds.item
        if item is not None and self._trials_of != (self._opened, item.key):
            return "reading the trials"
        return "no trial has these words" if self._all_trials else "no trial yet"

    def _filtered(self) -> Sequence[TrialLine]:
        item = self._rounds.item
        if item is None or self._trials_of != (self._opened, item.key):
            return ()
        found: Sequence[TrialLine] = self._all_trials
        for word in self._line.value.lower().split():
            found = [one for one in found if word in one.words]
        return found

    @property
    def _line(self) -> FilterEntry:
        return self.query_one("#line", FilterEntry)

    def _show_place(self) -> None:
        status, moving = self.query_one(RoundsStatus), self._moving
        if isinstance(moving, RowList):
            names = {"campaigns": "campaign", "rounds": "round", "trials": "trial"}
            count = len(moving.items)
            status.place = (names[moving.id or ""], min(count, moving.at + 1), count)
        status.filtered = "" if self.has_class("-filtering") else self._line.value
        status.redraw()
        self.top_line.redraw()
        self.keys.redraw()

    @on(RowList.Moved)
    def _moved(self, message: RowList.Moved) -> None:
        if message.list is self._rounds:
            rounds = self._rounds
            self._follows = rounds.at == len(rounds.items) - 1
            self.read()
        elif message.list is self._trials:
            self._show_gate()
            self._show_place()
            return
        self._show()

    # ------------------------------------------------------------------ the situation

    @property
    def campaign(self) -> CampaignLine | None:
        """The one that keys act on."""
        if self._opened is None:
            return self._campaigns.item
        return self._picture.line if self._picture is not None else None

    @property
    def has_campaign(self) -> bool:
        """Whether a campaign is meant."""
        return self.campaign is not None

    @property
    def is_inside(self) -> bool:
        """Whether one campaign is open."""
        return self._opened is not None

    def wish_block(self, what: str) -> str | None:
        """Why this cannot be wished of the campaign; None if it can."""
        line = self.campaign
        if line is None:
            return "there is no campaign"
        if any(line.state in WISHES[one] for one in what.split(" or ")):
            return None
        return "it asks nothing" if what == "retry" else f"it is {line.state}"

    # ------------------------------------------------------------------ commands

    @property
    def _moving(
        self,
    ) -> "RowList[CampaignLine] | RowList[RoundLine] | RowList[TrialLine] | RoundsPane":
        if self._opened is None:
            return self._campaigns
        if self.focused is self._gate:
            return self._gate
        return self._trials if self.focused is self._trials else self._rounds

    def do_move(self, by: int) -> None:
        """Next or previous."""
        moving = self._moving
        if isinstance(moving, RoundsPane):
            moving.scroll_relative(y=by, animate=False)
        else:
            moving.move(by)

    def do_page(self, by: int) -> None:
        """One page."""
        moving = self._moving
        page = moving.size.height - 1 if isinstance(moving, RoundsPane) else moving.page
        self.do_move(by * max(1, page))

    def do_edge(self, to: int) -> None:
        """First or last."""
        self.do_move(to * 10**9)

    def do_turn(self) -> None:
        """The next of rounds, trials and gate."""
        order: list[Widget] = [self._rounds, self._trials, self._gate]
        at = order.index(self._moving) if self._moving in order else 0
        self.set_focus(order[(at + 1) % len(order)])
        self._show()

    @on(RowList.Opened)
    def do_open(self) -> None:
        """One deeper: a campaign, a round's trials, a trial's job."""
        if self._opened is None:
            line = self._campaigns.item
            if line is not None:
                self.open_campaign(line.key)
        elif self.focused is not self._trials:
            self.set_focus(self._trials)
            self._show()
        elif (trial := self._trials.item) is not None:
            if trial.job_id is None:
                self.status.say(f"{trial.name} has no job yet", problem=True)
            else:
                self._open_job(trial.job, trial.job_id)

    def _open_job(self, reference: str, job_id: int) -> None:
        from jobshape.app.board.named import record_id

        found = record_id(self.board, reference)
        shown = next((one for one in (found, job_id) if one in self.board.jobs), None)
        if shown is None:
            self.status.say(f"job {reference} is not in the list any more", problem=True)
        else:
            self.context.show_job(shown)

    def open_campaign(self, key: int) -> None:
        """Show its rounds."""
        self._opened, self._picture, self._follows = key, None, True
        self._all_trials, self._trials_of = (), None
        self._rounds.show((), "reading the rounds")
        self._trials.show((), "")
        self.add_class("-inside")
        self.set_focus(self._rounds)
        self.read()
        self._show()

    def do_back(self) -> None:
        """One up."""
        if self._opened is None:
            self.context.go("queue")
        elif self._line.value:
            self._line.value = ""
            self._show()
        elif self.focused is not self._rounds:
            self.set_focus(self._rounds)
            self._show()
        else:
            self._opened, self._picture = None, None
            self.remove_class("-inside")
            self.set_focus(self._campaigns)
            self._show()

    def do_filter(self) -> None:
        """Filter the trials by words."""
        self._line.disabled = False
        self.add_class("-filtering")
        self.set_focus(self._line)
        self._show_place()

    @on(Entry.Changed)
    def _typed(self) -> None:
        self._show()

    @on(Entry.Submitted)
    def _entered(self) -> None:
        self.remove_class("-filtering")
        self.set_focus(self._trials)
        self._line.disabled = True
        self._show()

    async def take_key(self, event: events.Key) -> None:
        """A key that was typed ahead of the filter line's focus goes to it."""
        if self.has_class("-filtering") and self.is_current and self.focused is not self._line:
            await self._line._on_key(event)
