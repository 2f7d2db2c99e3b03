"""The actions: who did what to which jobs when, what came back, and a way to take it back."""

from collections.abc import Sequence
from typing import ClassVar

from jobshape.app.board.named import record_id
from jobshape.app.domain.action import Batch, batches_of
from jobshape.app.domain.errors import JobshapeError
from jobshape.screens.commands.actions import ACTIONS
from jobshape.screens.commands.everywhere import EVERYWHERE
from jobshape.screens.ports import Context
from jobshape.screens.room import Room, bindings_of
from jobshape.widgets.action_list import ActionList
from jobshape.widgets.action_pane import ActionPane
from jobshape.widgets.key_line import KeyLine
from jobshape.widgets.spans import Piece
from jobshape.widgets.status_line import StatusLine
from jobshape.widgets.top_line import TopLine
from textual import on
from textual.app import ComposeResult

MOST = 1000
"""Calls that are listed; `jobshape history actions` has those before."""

AGAIN_S = 10.0
"""How often the log is read anew while it is seen: another session may write into it."""

NO_HISTORY = "nothing is kept of what was done: there is no history (see `jobshape doctor`)"


class ActionsStatus(StatusLine):
    """How many batches there are and where the cursor stands."""

    place: tuple[int, int] = (0, 0)

    def left(self, width: int) -> list[Piece]:
        """Position and count."""
        number, count = self.place
        return [(f" {number}/{count}", self.palette.frame_strong)]


class ActionsScreen(Room):
    """Go through what was done; see each job of it; take it back."""

    NAME = "actions"
    AUTO_FOCUS = "#list"
    CSS_PATH = "../styles/actions.tcss"
    KEYMAP = (*ACTIONS, *(command for command in EVERYWHERE if command.name != "undo"))
    BINDINGS: ClassVar = bindings_of(KEYMAP)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (150, "-wide")]

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.set_class(self.glyphs.is_ascii, "-ascii")
        self._list = ActionList(self.clock, self.glyphs, id="list")
        self._pane = ActionPane(self.glyphs, id="pane")
        self._read_at: float | None = None
        self._revision = -1
        self._asking = False
        self._nothing = "reading the history"
        self._batches: Sequence[Batch] = ()

    def compose(self) -> ComposeResult:
        """The list, and beside or below it one batch of it."""
        yield TopLine(self.board, self.glyphs, title="Actions", id="top")
        yield self._list
        yield self._pane
        yield ActionsStatus(self.board, self.clock, self.glyphs, id="status")
        yield KeyLine(self.hints, self.glyphs, id="keys")

    # ------------------------------------------------------------------ following the log

    def on_screen_resume(self) -> None:
        """In sight again: what is shown may be old."""
        self._ask()

    def board_changed(self) -> None:
        """An action of this session may be done."""
        self._ask_if_newer()

    def tick(self) -> None:
        """Another session may have done something."""
        self._ask_if_newer()
        self._show()

    def _ask_if_newer(self) -> None:
        is_old = self._read_at is not None and self.clock() - self._read_at >= AGAIN_S
        if is_old or self.context.action_log.revision != self._revision:
            self._ask()

    def _ask(self) -> None:
        if not self._asking:
            self._asking = True
            self.run_worker(self._read(), group="log", exit_on_error=False)

    async def _read(self) -> None:
        self._revision = self.context.action_log.revision
        try:
            records = await self.context.action_log.recent(MOST)
            self._batches = batches_of(records or ())
            self._nothing = NO_HISTORY if records is None else "nothing was done to a job yet"
        except JobshapeError as error:
            self._nothing = error.what
            self.status.say(error.what, problem=True)
        finally:
            self._read_at = self.clock()
            self._asking = False
        self._show()

    @property
    def is_settled(self) -> bool:
        """Whether nothing is being read."""
        return not self._asking and self._revision == self.context.action_log.revision

    def _show(self) -> None:
        self._list.show(self._batches, self._nothing)
        self._follow()

    @on(ActionList.Moved)
    def _follow(self) -> None:
        self._pane.show(self._list.item)
        status = self.query_one(ActionsStatus)
        count = len(self._batches)
        status.place = (min(count, self._list.at + 1), count)
        status.redraw()
        self.top_line.redraw()
        self.keys.redraw()

    # The situation that commands are judged by.

    @property
    def has_actions(self) -> bool:
        """Whether the list holds any."""
        return bool(self._batches)

    @property
    def has_job(self) -> bool:
        """Whether the cursor stands on something that has a job."""
        return bool(self._reference)

    @property
    def _reference(self) -> str:
        record = self._pane.record
        return record.entry.job if record is not None else ""

    # ------------------------------------------------------------------ commands

    @property
    def _moving(self) -> ActionList | ActionPane:
        return self._pane if self.focused is self._pane else self._list

    def do_move(self, by: int) -> None:
        """Next or previous."""
        self._moving.move(by)

    def do_page(self, by: int) -> None:
        """One page."""
        self._moving.move(by * max(1, self._moving.size.height - 1))

    def do_edge(self, to: int) -> None:
        """First or last."""
        self._moving.move(to * 10**9)

    @on(ActionList.Opened)
    def do_open(self) -> None:
        """Its jobs; from there the job's own screen."""
        if self.focused is self._pane:
            self.action_run("job")
        else:
            self.set_focus(self._pane)

    @on(ActionPane.Opened)
    def do_job(self) -> None:
        """The job's own screen."""
        job_id = record_id(self.board, self._reference)
        if job_id is not None:
            self.context.show_job(job_id)

    def do_find(self) -> None:
        """The job in the queue."""
        job_id = record_id(self.board, self._reference)
        if job_id is None or not self.context.find_job(job_id):
            self.status.say(f"job {self._reference} is not in the list any more", problem=True)

    def do_undo(self) -> None:
        """Take back the batch under the cursor."""
        from jobshape.screens.undo import undo_batch

        batch = self._list.item
        if batch is not None:
            self.run_worker(undo_batch(self, batch), group="undo", exclusive=True,
                            exit_on_error=False)  # fmt: skip

    def do_back(self) -> None:
        """To the list, then to the queue."""
        if self.focused is self._pane:
            self.set_focus(self._list)
        else:
            self.context.go("queue")
