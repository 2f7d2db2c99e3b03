"""What keys do to the log of the job screen."""

from collections.abc import Callable

from jobshape.app.domain.job import Job
from jobshape.app.domain.states import Phase, phase_of
from jobshape.screens.job_log import LogTab
from jobshape.screens.room import Room
from jobshape.widgets.filter_bar import FilterBar
from jobshape.widgets.log_view import LogView
from textual import events, on

SIDE_COLUMNS = 20
OPENING_S = 0.05
"""How soon it is looked again whether a log has been opened."""


class LogKeys(Room):
    """A room with a log among its parts, and a bar to type in what to search for."""

    log_tab: LogTab
    search_bar: FilterBar
    tab: str
    job: Job

    def do_turn(self, by: int) -> None:
        """To the next part, or the one before."""
        raise NotImplementedError

    @property
    def _log(self) -> LogView | None:
        """The log, while it is seen."""
        return self.log_tab.view if self.tab == "log" else None

    def do_side(self, by: int) -> None:
        """A log scrolls; else the tab beside."""
        if self._log is not None and self.has_log:
            self._log.move_sideways(by * SIDE_COLUMNS)
        else:
            self.do_turn(by)

    @property
    def has_log(self) -> bool:
        """Whether a log is seen."""
        view = self._log
        return view is not None and bool(view.display)

    @property
    def has_two_logs(self) -> bool:
        """Whether stdout and stderr go to two files."""
        return self.log_tab.can_switch

    @property
    def can_read_on_node(self) -> bool:
        """Whether the log could be read on the node of the job."""
        view = self._log
        runs = phase_of(self.job.state) is Phase.RUNNING
        return view is not None and runs and view.can_read_on_node

    def do_search(self) -> None:
        """Type what to search for."""
        self.add_class("-searching")
        self.search_bar.open("")
        self.search_bar.focus()

    async def take_key(self, event: events.Key) -> None:
        """Typed ahead: it is the search bar's."""
        if self.search_bar.is_open and self.is_current:
            await self.search_bar.on_key(event)

    @on(FilterBar.Closed)
    def _search_typed(self, message: FilterBar.Closed) -> None:
        self.remove_class("-searching")
        self.set_focus(None)
        text = self.search_bar.text
        if message.kept:
            self._once_open(lambda view: view.search(text))

    def do_hit(self, by: int) -> None:
        """The next match, or the one before."""
        if self._log is not None:
            self._log.next_hit(backward=by < 0)

    def do_first_error(self) -> None:
        """The first error of the log."""
        self._once_open(LogView.first_error)

    def _once_open(self, do: Callable[[LogView], None]) -> None:
        """Do something with the log as soon as its first lines are there."""
        view = self._log
        if view is None:
            return
        if view.state.part is None:
            self.set_timer(OPENING_S, lambda: self._once_open(do))
        else:
            do(view)

    def do_follow(self) -> None:
        """Stay at the end, or stop."""
        if self._log is not None:
            self._log.follow(not self._log.state.follows)

    def do_wrap(self) -> None:
        """Wrap long lines or cut them."""
        if self._log is not None:
            self._log.toggle_wrap()

    def do_numbers(self) -> None:
        """Line numbers."""
        if self._log is not None:
            self._log.toggle_numbers()

    def do_stream(self) -> None:
        """stdout or stderr."""
        self.log_tab.switch()

    def do_on_node(self) -> None:
        """Read the log where the job runs."""
        if self._log is not None:
            self._log.read_on_node()
