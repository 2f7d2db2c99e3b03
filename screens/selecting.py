"""Selecting rows: one by one, as a range, all of them."""

from typing import TYPE_CHECKING

from jobshape.app.board.view import Key

if TYPE_CHECKING:
    from jobshape.screens.queue import QueueScreen

MOST_COPIED = 1000
"""Job ids that fit into what terminals accept for their clipboard (OSC 52, some 74 KB)."""


class Selector:
    """Keeps the selection of one :class:`QueueScreen`."""

    def __init__(self, screen: "QueueScreen") -> None:
        self._screen = screen
        self._range_from: Key | None = None
        self._run: tuple[Key, frozenset[Key]] | None = None  # where it began, selected before

    def end_run(self) -> None:
        """Another key than shift and an arrow: the next such begins anew."""
        self._run = None

    def toggle(self, *, go_on: bool) -> None:
        """Select or unselect the row under the cursor; go on to the next one."""
        table = self._screen.table
        if table.cursor_key is not None:
            self._screen.view.toggle_selected(table.cursor_key)
            if go_on:
                table.move_cursor(table.cursor_index + 1)
            self._show()

    def extend(self, by: int) -> None:
        """Move and select everything from where the run of these keys began."""
        table = self._screen.table
        if table.cursor_key is None:
            return
        if self._run is None:
            self._run = (table.cursor_key, frozenset(self._screen.view.selection))
        table.move_cursor(table.cursor_index + by)
        self._select_between(*self._run)

    def range(self) -> None:
        """The first time note where, the second time select all between."""
        if self._range_from is None:
            self._range_from = self._screen.table.cursor_key
            self._screen.status.say("range: go to its other end and press V")
            return
        self._select_between(self._range_from, frozenset(self._screen.view.selection))
        self._range_from = None

    def all(self) -> None:
        """Select every job shown."""
        view = self._screen.view
        if len(view):
            view.select_range(view.key(0), view.key(len(view) - 1))
            self._show()

    def drop(self) -> bool:
        """Give up a range begun, else the selection; False if there was neither."""
        if self._range_from is not None:
            self._range_from = None
            self._screen.status.say("no range")
        elif self._screen.view.selection:
            self._screen.view.clear_selection()
            self._show()
        else:
            return False
        return True

    def copy(self) -> None:
        """Copy the ids of the selected jobs, or of the one under the cursor."""
        screen = self._screen
        jobs = screen.view.selected_jobs(screen.table.cursor_key)
        if len(jobs) > MOST_COPIED:
            screen.status.say(f"copy: more than {MOST_COPIED:,} jobs are too many", problem=True)
        elif jobs:
            screen.app.copy_to_clipboard(" ".join(job.label for job in jobs))
            what = jobs[0].label if len(jobs) == 1 else f"{len(jobs):,} job ids"
            screen.status.say(f"copied {what}")

    def _select_between(self, anchor: Key, before: frozenset[Key]) -> None:
        key, view = self._screen.table.cursor_key, self._screen.view
        if key is not None:
            view.selection = set(before)
            view.select_range(anchor, key)
            self._show()

    def _show(self) -> None:
        self._screen.table.repaint_changes()
        self._screen.show_place()
