"""The stages: where the workload stands, what its runs used, and what bounds the total time."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TypeVar

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.job import UNASSIGNED
from jobshape.app.domain.stage import StagesPicture
from jobshape.app.stages.picture import BASELINES, DAY_S, MOST_RUNS, WINDOWS_S, StagesKeeper
from jobshape.app.stages.rule_file import RuleFile
from jobshape.screens.commands.everywhere import EVERYWHERE
from jobshape.screens.commands.stages import STAGES
from jobshape.screens.ports import Context
from jobshape.screens.room import Room, bindings_of
from jobshape.widgets.key_line import KeyLine
from jobshape.widgets.stage_panel import StagePanel
from jobshape.widgets.stage_table import StageTable
from jobshape.widgets.stages_status import BottleneckLine, StagesStatus
from jobshape.widgets.top_line import TopLine
from textual import events, on
from textual.app import ComposeResult

Value = TypeVar("Value")

AGAIN_S = 1.0
"""Least time between two countings that nobody asked for with a key."""

COUNT_SHARE = 0.02
"""Share of the time that counting may take while much is in the queue."""

LOOK_EVERY_S = 5
"""How often waits and remaining times are counted anew while nothing else changes."""

PAST_EVERY_S = 60
"""How often history is asked again: it learns what finished jobs used some time later."""

CATCH_UP_S = 300
"""How often the board's journal is taken in while the screen is not seen: it would grow."""

SESSION_ONLY = "this session only: no history"

LINES_AROUND = 4
"""Lines of the screen that are neither the table's nor the panel's."""


class StagesScreen(Room):
    """Watch the stages."""

    NAME = "stages"
    CSS_PATH = "../styles/stages.tcss"
    AUTO_FOCUS = "#table"
    KEYMAP = (*STAGES, *EVERYWHERE)
    BINDINGS = bindings_of(KEYMAP)

    def __init__(self, context: Context, rule_file: RuleFile) -> None:
        super().__init__(context)
        self.stages = tuple(context.stages)
        self.rule_file = rule_file
        self.keeper = StagesKeeper(self.board, self.stages, self.board.link.user)
        kept, days = self.kept, [(w or 0) // DAY_S for w in WINDOWS_S]
        if kept.stage_runs in BASELINES:
            self.keeper.baseline = kept.stage_runs
        if kept.stage_days in days:
            self.keeper.window_s = WINDOWS_S[days.index(kept.stage_days)]
        self.picture = StagesPicture()
        self._wake = asyncio.Event()
        self._working = self._urgent = False
        self._asking = False
        self._past_at: float | None = None  # when history was asked

    # ------------------------------------------------------------------ what stands where

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield TopLine(self.board, self.glyphs, title="Stages", id="top")
        yield BottleneckLine(self.glyphs, id="why")
        yield StageTable(self.glyphs, self._empty_text, id="table")
        yield StagePanel(self.glyphs, id="panel")
        yield StagesStatus(self.board, self.clock, self.glyphs, id="status")
        yield KeyLine(self.hints, self.glyphs, id="keys")

    def on_mount(self) -> None:
        """Begin to follow the board."""
        self.table = self.query_one(StageTable)
        self.panel = self.query_one(StagePanel)
        self.why_line = self.query_one(BottleneckLine)
        self.place_line = self.query_one(StagesStatus)
        self._ask_past()
        self._wake.set()
        self.set_interval(CATCH_UP_S, self._wake.set)
        self.run_worker(self._follow(), group="follow", exit_on_error=False)

    def on_resize(self, event: events.Resize) -> None:
        """The table takes what the new height allows."""
        self._fit()

    def _fit(self) -> None:
        lines = self.table.lines_each
        height = self.table.wanted_height(self.size.height - LINES_AROUND)
        if self.table.styles.height is None or self.table.styles.height.value != height:
            self.table.styles.height = height
        if lines != self.table.lines_each:
            self.table.repaint_changes()

    def _empty_text(self) -> str:
        if not self.picture.at:
            return "counting the jobs of each stage"
        return "No stage is set up: name some as `stages` in the settings or in .jobshape.toml."

    # ------------------------------------------------------------------ following the board

    def board_changed(self) -> None:
        """Count anew soon."""
        self._wake.set()

    def on_screen_resume(self) -> None:
        """In sight again: what is shown may be old."""
        self.recount()

    def tick(self) -> None:
        """Waits grow, and history may know more."""
        now = self.clock()
        if now - self.picture.at >= LOOK_EVERY_S:
            self._wake.set()
        if self._past_at is not None and now - self._past_at >= PAST_EVERY_S:
            self._ask_past()

    async def _follow(self) -> None:
        """Count when something changed, in steps that leave room for keys."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            self._working, self._urgent = True, False
            began = time.monotonic()
            try:
                await self._count()
            except Exception as error:  # keep the screen; say what went wrong
                self.log.error(error)
                self.status.say(f"the stages could not be counted: {error}", problem=True)
            finally:
                self._working = False
            pause_s = max(AGAIN_S, (time.monotonic() - began) / COUNT_SHARE)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._until_urgent(), pause_s)

    async def _count(self) -> None:
        self.keeper.set_user(self.board.link.user)
        steps = self.keeper.refresh_steps(self.clock())
        while True:
            try:
                next(steps)
            except StopIteration as done:
                self.picture = done.value
                break
            await asyncio.sleep(0)
        self.show()

    def recount(self) -> None:
        """Count at once: the person changed what is wanted."""
        self._urgent = True
        self._wake.set()

    async def _until_urgent(self) -> None:
        while not self._urgent:
            await asyncio.sleep(0.01)

    def _ask_past(self) -> None:
        self._past_at = self.clock()
        self._asking = True
        self.run_worker(self._read_past(), group="past", exclusive=True, exit_on_error=False)

    async def _read_past(self) -> None:
        """Take over what history knows; without one the jobs of the board have to do."""
        try:
            since = self.keeper.since(self.clock())
            runs = await self.context.past.stage_runs(since, MOST_RUNS)
            if runs is None:
                self.keeper.set_past((), problem=SESSION_ONLY)
            else:
                await self._read_rules()
                self.keeper.set_past(runs)
        except JobshapeError as error:
            self.keeper.problem = f"{SESSION_ONLY}: {error.what}"
        finally:
            self._asking = False
            self.recount()

    async def _read_rules(self) -> None:
        """What history has without a stage may get one by rules that are newer."""
        try:
            self.keeper.set_rules(await asyncio.to_thread(self.rule_file.rules))
        except JobshapeError as error:
            self.status.say(f"the stage rules cannot be read: {error}", problem=True)

    @property
    def is_settled(self) -> bool:
        """Whether what is shown is what is known, and nothing is being asked."""
        return not (self._wake.is_set() or self._working or self._asking or self._urgent)

    # ------------------------------------------------------------------ showing

    @property
    def baseline_words(self) -> str:
        """Which runs count: ``20 newest runs in 14 days``."""
        window = self.keeper.window_s
        days = 0 if window is None else window // DAY_S
        span = "ever" if window is None else "in 1 day" if days == 1 else f"in {days} days"
        return f"{self.keeper.baseline} newest runs {span}"

    def show(self) -> None:
        """Paint what differs, everywhere."""
        self.table.show(self.picture)
        self._fit()
        self.why_line.show(self.picture)
        self.top_line.redraw()
        self._show_cursor()

    @on(StageTable.CursorMoved)
    def _show_cursor(self) -> None:
        self.panel.show(self.picture, self.table.cursor_row, self.baseline_words)
        count = len(self.picture.stages)
        self.place_line.place = (min(count, self.table.cursor_index + 1), count)
        self.place_line.baseline = self.baseline_words
        self.place_line.problem = self.picture.problem
        self.status.redraw()
        self.keys.redraw()

    # The situation that commands are judged by.

    @property
    def has_rows(self) -> bool:
        """Whether the table shows anything."""
        return bool(self.picture.stages)

    @property
    def unassigned(self) -> int:
        """Jobs that no rule claims."""
        return sum(one.counts.total for one in self.picture.stages if one.stage == UNASSIGNED)

    # ------------------------------------------------------------------ commands

    def do_move(self, by: int) -> None:
        """Next or previous stage."""
        self.table.move_cursor(self.table.cursor_index + by)

    def do_page(self, by: int) -> None:
        """Scroll the panel."""
        self.panel.scroll_relative(y=by * max(1, self.panel.size.height - 1), animate=False)

    def do_edge(self, to: int) -> None:
        """First or last stage."""
        self.table.move_cursor(0 if to < 0 else len(self.picture.stages) - 1)

    def do_worst(self) -> None:
        """Go to the bottleneck."""
        worst = self.picture.bottleneck
        if worst is None:
            self.status.say("no stage is known to be the bottleneck")
            return
        names = [one.stage for one in self.picture.stages]
        self.table.move_cursor(names.index(worst.stage))

    def do_jobs(self) -> None:
        """The queue, filtered by the stage."""
        row = self.table.cursor_row
        if row is not None:
            self.context.show_jobs(stage_filter(row.stage))

    @on(StageTable.Opened)
    def _double_clicked(self) -> None:
        self.do_jobs()

    def do_runs(self, by: int) -> None:
        """Figures of more or fewer runs."""
        self.keeper.baseline = _step(BASELINES, self.keeper.baseline, by)
        self._baseline_changed()

    def do_window(self, by: int) -> None:
        """Look back further or less far."""
        self.keeper.window_s = _step(WINDOWS_S, self.keeper.window_s, by)
        self._ask_past()
        self._baseline_changed()

    def _baseline_changed(self) -> None:
        self.kept.stage_runs = self.keeper.baseline
        self.kept.stage_days = (self.keeper.window_s or 0) // DAY_S
        self.keep()
        self.status.say(f"figures of the {self.baseline_words}")
        self.recount()

    def do_back(self) -> None:
        """Back to the queue."""
        self.context.go("queue")

    def do_unassigned(self) -> None:
        """Jobs without a stage, and rules for them."""
        from jobshape.screens.unassigned import open_unassigned

        self.run_worker(open_unassigned(self), group="unassigned", exclusive=True,
                        exit_on_error=False)  # fmt: skip


def stage_filter(stage: str) -> str:
    """The filter of the queue that shows exactly this stage's jobs."""
    return f'stage="{stage}"' if any(c in stage for c in ' ,"') else f"stage={stage}"


def _step(values: Sequence[Value], value: Value, by: int) -> Value:
    return values[max(0, min(len(values) - 1, values.index(value) + by))]
