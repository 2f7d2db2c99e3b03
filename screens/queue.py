"""The queue: partitions, the job table, the detail of one job, and what can be done with them."""

import asyncio
import contextlib
import time
from collections.abc import Sequence

from jobshape.app.board.columns import COLUMNS, DEFAULT_COLUMNS, Column
from jobshape.app.board.view import GroupBy, QueueView, Row, RowKind, ScopeName
from jobshape.app.domain.job import Job
from jobshape.screens.acting_keys import ActingKeys
from jobshape.screens.commands.command import Command
from jobshape.screens.commands.everywhere import EVERYWHERE
from jobshape.screens.commands.queue import QUEUE
from jobshape.screens.detail import DetailKeeper
from jobshape.screens.filtering import FilterKeeper
from jobshape.screens.ports import Context
from jobshape.screens.room import Room, bindings_of
from jobshape.screens.selecting import Selector
from jobshape.widgets.filter_bar import FilterBar
from jobshape.widgets.job_table import JobTable
from jobshape.widgets.key_line import KeyHint, KeyLine
from jobshape.widgets.partition_strip import MODES, PartitionStrip
from jobshape.widgets.queue_status import QueueStatus
from jobshape.widgets.rule import Rule
from jobshape.widgets.top_line import SCOPE_WORDS, TopLine
from textual import events, on
from textual.app import ComposeResult
from textual.widget import Widget

REFRESH_PAUSE_S = 0.1
"""Least time between two new orders of the list that nobody asked for with a key."""

REFRESH_SHARE = 0.2
"""Share of the time that such new orders may take while many records arrive."""

GROUPS: tuple[GroupBy, ...] = ("none", "stage", "state", "user", "array")
SCOPES: tuple[ScopeName, ...] = ("mine", "accounts", "all")
MANY = 500
"""Selected jobs beyond which a key is not greyed for them: that would cost too much each time."""

_DETAIL_HINTS = (
    KeyHint("j k", "scroll", "down", 1), KeyHint("PgDn PgUp", "page", "page-down", 2),
    KeyHint("g G", "ends", "bottom", 4), KeyHint("y", "copy id", "copy-id", 5),
    KeyHint("Enter", "job screen", "job-screen", 3),
    KeyHint("Esc", "back to the list", "back", 0),
)  # fmt: skip


class Body(Widget):
    """Holds the table and the detail, which cover it."""

    BLANK = True


class QueueScreen(ActingKeys, Room):
    """Watch the queue."""

    NAME = "queue"
    AUTO_FOCUS = "#table"
    KEYMAP = (*QUEUE, *EVERYWHERE)
    BINDINGS = bindings_of(KEYMAP)

    def __init__(
        self, context: Context, *, scope: ScopeName = "mine", filter_text: str = ""
    ) -> None:
        super().__init__(context)
        self._filter_text = filter_text
        self.view = QueueView(self.board)
        self.view.set_stages(tuple(context.stages))
        self.view.set_scope(scope)
        self._wake = asyncio.Event()
        self._urgent = True
        self._working = False
        self.filtering = FilterKeeper(self)
        self.selector = Selector(self)
        self._reveal = False  # what the cursor unfolded is to be brought into sight
        self._sought: int | None = None  # the job the cursor is to go to once it is listed

    # ------------------------------------------------------------------ what stands where

    def compose(self) -> ComposeResult:
        """Top to bottom; the filter takes the place of the two last lines."""
        yield TopLine(self.board, self.glyphs, id="top")
        yield PartitionStrip(self.board, self.glyphs, id="strip")
        with Body(id="body"):
            yield JobTable(
                self.view, self.columns, self.clock, self.glyphs,
                widths=self.kept.widths, id="table",
            )  # fmt: skip
            yield Rule(self.glyphs, id="rule")
        yield QueueStatus(self.board, self.view, self.clock, self.glyphs, id="status")
        yield KeyLine(self.hints, self.glyphs, id="keys")
        yield FilterBar(self.filtering.completions, self.glyphs, id="filter")

    def on_mount(self) -> None:
        """Set the list up as it was kept, and begin to follow the board."""
        self.table = self.query_one(JobTable)
        self.strip = self.query_one(PartitionStrip)
        self.place_line = self.query_one(QueueStatus)
        self.filter_bar = self.query_one(FilterBar)
        self.detail = DetailKeeper(self)
        kept, view = self.kept, self.view
        if kept.sort in COLUMNS:
            view.set_sort(kept.sort, descending=kept.descending)
        if kept.group in GROUPS:
            view.set_group(next(group for group in GROUPS if group == kept.group))
        view.set_finished(kept.show_finished)
        self.strip.mode = next((mode for mode in MODES if mode == kept.strip), "auto")
        if self._filter_text:
            self.filtering.apply(self._filter_text)
        self.wake()
        self.run_worker(self._follow(), group="follow", exit_on_error=False)

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns the person wants, those that exist; not only my jobs: also whose."""
        keys = [key for key in self.kept.columns if key in COLUMNS] or list(DEFAULT_COLUMNS)
        if self.view.scope != "mine" and "user" not in keys:
            keys.insert(keys.index("name") if "name" in keys else 1, "user")
        return tuple(COLUMNS[key] for key in keys)

    def on_resize(self, event: events.Resize) -> None:
        """The strip takes what the new height allows."""
        self._fit_strip()
        self.detail.place()

    def _fit_strip(self) -> None:
        height = self.strip.wanted_height(self.size.height)
        if self.strip.styles.height is None or self.strip.styles.height.value != height:
            self.strip.styles.height = height

    # ------------------------------------------------------------------ following the board

    def wake(self) -> None:
        """Bring the list up to date at once: the person changed what is wanted."""
        self._urgent = True
        self._wake.set()

    def board_changed(self) -> None:
        """Bring the list up to date soon."""
        self._wake.set()

    async def _follow(self) -> None:
        """Bring the view up to date when something changed, in steps that leave room for keys."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            urgent, self._urgent = self._urgent, False
            self._working = True
            began = time.monotonic()
            try:
                for _ in self.view.refresh_steps(self.clock()):
                    await asyncio.sleep(0)
                    if self._urgent and not urgent:
                        break  # a key wants another list: begin anew with that
                self._show()
            except Exception as error:  # keep the screen; say what went wrong
                self.log.error(error)
                self.status.say(f"the list could not be brought up to date: {error}", problem=True)
            finally:
                self._working = False
            if not urgent:
                pause_s = max(REFRESH_PAUSE_S, (time.monotonic() - began) / REFRESH_SHARE)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._until_urgent(), pause_s)

    @property
    def is_settled(self) -> bool:
        """Whether what is shown is what is wanted, and nothing is being asked."""
        busy = self._wake.is_set() or self._working or self.view.needs_refresh(self.clock())
        return not busy and not self.detail.is_asking

    async def _until_urgent(self) -> None:
        while not self._urgent:
            await asyncio.sleep(0.01)

    def _show(self) -> None:
        """Paint what differs, everywhere."""
        self.table.view_changed()
        if self._reveal:
            self._reveal = False
            self.table.reveal_members()
        if self._sought is not None:
            self._go_to_sought()
        self._fit_strip()
        self.strip.redraw()
        self.top_line.redraw()
        self.show_place()
        self.filtering.show_result()
        self.detail.follow()

    def show_place(self) -> None:
        """Say where the cursor stands, and which keys can be used there."""
        count = len(self.view)
        self.place_line.place = (min(count, self.table.cursor_index + 1), count)
        self.status.redraw()
        self.keys.redraw()

    def tick(self) -> None:
        """A second went by."""
        if self.view.needs_refresh(self.clock()):
            self._wake.set()
        self.table.tick()
        self.detail.tick()

    # ------------------------------------------------------------------ commands

    def run_command(self, command: Command) -> None:
        """Do it."""
        if command.name != "extend":
            self.selector.end_run()
        super().run_command(command)

    def hints(self) -> Sequence[KeyHint]:
        """The keys of the list, or of the detail while it has them."""
        return _DETAIL_HINTS if self.detail.has_keys else super().hints()

    # The situation that commands are judged by.

    @property
    def has_rows(self) -> bool:
        """Whether the table shows anything."""
        return len(self.view) > 0

    @property
    def on_group(self) -> bool:
        """Whether the cursor stands on a row that folds."""
        row = self.table.cursor_row
        return row is not None and row.folded is not None

    @property
    def on_job(self) -> bool:
        """Whether the cursor stands on a row that stands for a job or an array."""
        row = self.table.cursor_row
        return row is not None and row.kind is not RowKind.GROUP

    @property
    def has_strip(self) -> bool:
        """Whether anything is known of the partitions."""
        return bool(self.board.summaries())

    def targets_block(self, action: str) -> str | None:
        """Why the action fits none of the jobs it would touch; None if it fits some."""
        from jobshape.screens.acting import why_not

        row = self.table.cursor_row
        if not self.view.selection and row is not None and row.members > MANY:
            return None
        if len(self.view.selection) > MANY:
            return None
        reason: str | None = "there is no job in the list"
        for job in self.chosen_jobs()[:MANY]:
            reason = why_not(action, job)
            if reason is None:
                return None
        return reason

    def again_block(self) -> str | None:
        """Why none of the jobs can be sent again."""
        from jobshape.screens.resubmit import why_not

        return why_not(self.chosen_jobs()[:MANY], self.board)

    # Moving. While keys go to the detail pane they scroll that.

    def do_move(self, by: int) -> None:
        """Next or previous row."""
        if not self.detail.scroll(by):
            self.table.move_cursor(self.table.cursor_index + by)
            self.show_place()

    def do_page(self, by: int) -> None:
        """One page."""
        if not self.detail.scroll_page(by):
            self.table.move_page(by)

    def do_edge(self, to: int) -> None:
        """First or last row."""
        if not self.detail.scroll_edge(to):
            self.table.move_cursor(0 if to < 0 else len(self.view) - 1)

    @on(JobTable.CursorMoved)
    def _cursor_moved(self) -> None:
        self.show_place()
        self.detail.follow()

    def show_job(self, job_id: int) -> bool:
        """Put the cursor on a job, without the filter if that hides it; False if it is gone."""
        if job_id not in self.board.jobs:
            return False
        self._sought = job_id
        if self.view.index_of(job_id) is None:
            self.filtering.apply("")
            if not self.view.show_finished:
                self.do_finished()
        self.wake()
        return True

    def _go_to_sought(self) -> None:
        index = None if self._sought is None else self.view.index_of(self._sought)
        self._sought = None
        if index is not None:
            self.table.move_cursor(index)

    # Folding.

    def do_toggle_fold(self) -> None:
        """Fold or unfold the row under the cursor."""
        key = self.table.cursor_key
        if key is not None and self.view.toggle_fold(key):
            self._reveal = True
            self._folded()

    def do_unfold(self) -> None:
        """Unfold; on something unfolded already, go into it."""
        row = self.table.cursor_row
        if row is None or row.folded is None:
            return
        if row.folded:
            self.do_toggle_fold()
        else:
            self.table.move_cursor(self.table.cursor_index + 1)

    def do_fold(self) -> None:
        """Fold; on something with nothing to fold, go to the row it stands under."""
        row = self.table.cursor_row
        if row is None:
            return
        if row.folded is False:
            self.do_toggle_fold()
            return
        head = self._head_of(row)
        if head is not None:
            self.table.move_cursor(head)

    def _head_of(self, row: Row) -> int | None:
        for index in range(self.table.cursor_index - 1, -1, -1):
            if self.view.row(index).depth < row.depth:
                return index
        return None

    def do_fold_all(self) -> None:
        """Fold every array."""
        self.view.fold_all()
        self._folded()

    def do_unfold_all(self) -> None:
        """Unfold everything."""
        self.view.unfold_all()
        self._folded()

    def _folded(self) -> None:
        self.wake()

    # Sorting, grouping, what is shown.

    @on(JobTable.SortAsked)
    def _title_clicked(self, message: JobTable.SortAsked) -> None:
        self.sort_by(message.column_key)

    def sort_by(self, key: str) -> None:
        """Sort by a column: figures from the largest, words from A; the same again: reversed."""
        if key == self.view.sort_key:
            descending = not self.view.descending
        else:
            descending = COLUMNS[key].align == "right"
        self._sort(key, descending)

    def _sort(self, key: str, descending: bool) -> None:
        self.view.set_sort(key, descending=descending)
        self.kept.sort, self.kept.descending = key, descending
        self._changed()

    def do_reverse(self) -> None:
        """Turn the order round."""
        self._sort(self.view.sort_key, not self.view.descending)

    def do_sort_step(self, by: int) -> None:
        """Sort by the column to the right or left of the one sorted by now."""
        keys = [place.column.key for place in self.table.table_layout.places]
        at = keys.index(self.view.sort_key) if self.view.sort_key in keys else -1
        key = keys[max(0, min(len(keys) - 1, at + by))]
        if key != self.view.sort_key:
            self.sort_by(key)

    def do_sort(self) -> None:
        """Choose the column to sort by."""
        from jobshape.screens.choices import choose_sort

        choose_sort(self)

    def do_group(self) -> None:
        """Group by the next thing."""
        at = GROUPS.index(self.view.group_by)
        group = GROUPS[(at + 1) % len(GROUPS)]
        self.view.set_group(group)
        self.kept.group = group
        self.status.say("not grouped" if group == "none" else f"grouped by {group}")
        self._changed()

    def do_finished(self) -> None:
        """Show or hide finished jobs."""
        show = not self.view.show_finished
        self.view.set_finished(show)
        self.kept.show_finished = show
        self.status.say("finished jobs shown" if show else "finished jobs hidden")
        self._changed()

    def do_scope(self) -> None:
        """My jobs, those of my accounts, everybody's."""
        scope = SCOPES[(SCOPES.index(self.view.scope) + 1) % len(SCOPES)]
        self.view.set_scope(scope)
        self.actions.set_scope(scope)
        self.table.set_columns(self.columns, self.kept.widths)
        self.status.say(SCOPE_WORDS[scope].lower())
        self.wake()

    def _changed(self) -> None:
        """Something about the list is another and is kept."""
        self.keep()
        self.wake()

    def do_columns(self) -> None:
        """Choose, move and resize columns."""
        from jobshape.screens.choices import choose_columns

        choose_columns(self)

    def do_strip(self) -> None:
        """Partition strip: what fits, all of it, none."""
        self.strip.mode = MODES[(MODES.index(self.strip.mode) + 1) % len(MODES)]
        self.kept.strip = self.strip.mode
        self.keep()
        self._fit_strip()
        words = {"auto": "the busiest partitions", "all": "all partitions", "none": "no partitions"}
        self.status.say(words[self.strip.mode])

    # The filter.

    def do_filter(self) -> None:
        """Open the filter."""
        self.filtering.open()

    async def take_key(self, event: events.Key) -> None:
        """Typed ahead: it is the filter's."""
        await self.filtering.take_key(event)

    @on(FilterBar.Changed)
    def _filter_typed(self, message: FilterBar.Changed) -> None:
        self.filtering.apply(message.text)

    @on(FilterBar.Closed)
    def _filter_closed(self, message: FilterBar.Closed) -> None:
        self.filtering.close(kept=message.kept)

    def do_back(self) -> None:
        """Close what is open; else drop the selection; else the filter."""
        if not self.detail.back() and not self.selector.drop() and self.view.query.text:
            self.filtering.apply("")

    # Selecting.

    def do_select(self) -> None:
        """Select or unselect, and go on to the next row."""
        self.selector.toggle(go_on=True)

    @on(JobTable.Marked)
    def _mark_clicked(self) -> None:
        self.selector.toggle(go_on=False)

    def do_extend(self, by: int) -> None:
        """Select on, up or down."""
        self.selector.extend(by)

    def do_range(self) -> None:
        """Begin or end a range."""
        self.selector.range()

    def do_select_all(self) -> None:
        """Select every job shown."""
        self.selector.all()

    def do_copy(self) -> None:
        """Copy job ids."""
        self.selector.copy()

    # The detail.

    def do_detail(self) -> None:
        """Open the detail; again: its keys scroll it; again: the job's own screen."""
        if self.detail.has_keys:
            self.do_job()
        else:
            self.detail.open()

    def do_job(self) -> None:
        """The screen of the job under the cursor; of an array that of the first task shown."""
        row = self.table.cursor_row
        if row is not None and row.kind is not RowKind.GROUP:
            self.context.show_job(row.job.job_id)

    @on(JobTable.Opened)
    def _double_clicked(self) -> None:
        row = self.table.cursor_row
        if row is not None and row.kind is RowKind.GROUP:
            self.do_toggle_fold()
        else:
            self.detail.open()

    @on(events.DescendantFocus)
    def _keys_go_elsewhere(self) -> None:
        self.keys.redraw()

    @property
    def watched(self) -> tuple[str, ...]:
        """The job of the detail."""
        return self.detail.watched

    # Acting on jobs.

    def chosen_jobs(self) -> Sequence[Job]:
        """The selected jobs, else those of the row under the cursor."""
        return self.view.selected_jobs(self.table.cursor_key)

    def acted(self) -> None:
        """Drop the selection, and show what is newer."""
        self.view.clear_selection()
        self.wake()
