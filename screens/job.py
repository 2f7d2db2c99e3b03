"""One job: what it uses over time, its log, script, steps, dependencies and lineage."""

from collections.abc import Sequence

from jobshape.app.domain.job import NO_JOB, Job
from jobshape.app.domain.states import Phase, phase_of
from jobshape.screens.acting_keys import ActingKeys
from jobshape.screens.commands.everywhere import EVERYWHERE
from jobshape.screens.commands.job import JOB, PARTS_OF
from jobshape.screens.job_log import LogTab
from jobshape.screens.job_parts import JobParts
from jobshape.screens.ports import Context
from jobshape.screens.room import bindings_of
from jobshape.widgets.dependency_tree import DependencyTree
from jobshape.widgets.detail_pane import DetailPane
from jobshape.widgets.filter_bar import FilterBar
from jobshape.widgets.job_head import JobHead
from jobshape.widgets.job_status import JobStatus
from jobshape.widgets.key_line import KeyHint, KeyLine
from jobshape.widgets.lineage_view import LineageView
from jobshape.widgets.rule import Rule
from jobshape.widgets.script_view import ScriptView
from jobshape.widgets.steps_view import StepsView
from jobshape.widgets.tab_line import Tab, TabLine
from jobshape.widgets.top_line import TopLine
from jobshape.widgets.usage_plot import UsagePlots
from textual import on
from textual.app import ComposeResult
from textual.scroll_view import ScrollView
from textual.widget import Widget

TABS = (
    Tab("overview", "Overview"), Tab("log", "Log"), Tab("script", "Script"),
    Tab("steps", "Steps"), Tab("depends", "Depends"), Tab("history", "History"),
)  # fmt: skip

MOST_BEFORE = 50
"""Jobs that Esc leads back through."""


class Part(Widget):
    """Holds what one tab shows; a job's texts cover it."""

    BLANK = True


class JobScreen(ActingKeys, JobParts):
    """Watch one job. Which one, :meth:`show` says; the screen is made once and used again."""

    CSS_PATH = "../styles/job.tcss"
    NAME = "job"
    KEYMAP = (*JOB, *EVERYWHERE)
    BINDINGS = bindings_of(KEYMAP)
    AUTO_FOCUS = ""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.tab = TABS[0].name
        self._came_from = "queue"
        self._before: list[int] = []  # the jobs that Esc leads back through

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        glyphs = self.glyphs
        yield TopLine(self.board, glyphs, title="Job", id="top")
        yield JobHead(glyphs, self.clock, id="head")
        yield TabLine(TABS, glyphs, id="tabs")
        with Part(id="overview"):
            yield DetailPane(self.board, glyphs, with_head=False, id="about")
            yield Rule(glyphs, id="divider")
            yield UsagePlots(glyphs, id="plots")
        yield LogTab(self.context, id="log")
        yield ScriptView(glyphs, id="script")
        yield StepsView(glyphs, id="steps")
        yield DependencyTree(glyphs, id="depends")
        yield LineageView(glyphs, id="history")
        yield JobStatus(self.board, self.clock, glyphs, id="status")
        yield KeyLine(self.hints, glyphs, id="keys")
        yield FilterBar(
            lambda text, cursor: (), glyphs, hint="Enter searches  Esc gives up", id="search"
        )

    def on_mount(self) -> None:
        """Set up for the job that is to be shown."""
        self.about = self.query_one(DetailPane)
        self.plots = self.query_one(UsagePlots)
        self.depends = self.query_one(DependencyTree)
        self.log_tab = self.query_one(LogTab)
        self.search_bar = self.query_one(FilterBar)
        self._ask_for_record()
        self.show_tab(self.tab)

    # ------------------------------------------------------------------ which job

    def show(self, job_id: int, *, came_from: str = "") -> None:
        """Show this job; without ``came_from`` Esc leads back to the one shown now."""
        if came_from and came_from != self.NAME:
            self._came_from, self._before = came_from, []
            if job_id != self.job.job_id:  # what a job is and why it failed comes first
                self.tab = "overview"
        elif self.job.job_id not in (0, job_id):
            self._before = [*self._before[-MOST_BEFORE:], self.job.job_id]
        self._take(job_id)

    def _take(self, job_id: int) -> None:
        known = self.board.jobs.get(job_id)
        self.is_on_board = known is not None
        self.job = known or NO_JOB._replace(job_id=job_id)
        if self.is_mounted:
            self._ask_for_record()
            self.attend()
            self.show_tab(self.tab)

    @property
    def watched(self) -> tuple[str, ...]:
        """The job, while it runs."""
        return (str(self.job.job_id),) if phase_of(self.job.state) is Phase.RUNNING else ()

    @property
    def is_settled(self) -> bool:
        """Whether nothing is being asked or read."""
        reads = self.is_mounted and self.tab == "log" and not self.log_tab.is_settled
        return not (self._answers.is_asking or reads or self._tree_keeper.is_growing)

    # ------------------------------------------------------------------ following the board

    def board_changed(self) -> None:
        """The record, its usage or its dependencies may be newer."""
        if not self.is_mounted:
            return
        known = self.board.jobs.get(self.job.job_id)
        was_watched = self.watched
        self.is_on_board = known is not None
        if known is not None and known is not self.job:
            self.job = known
            if self.watched != was_watched:
                self.attend()
        self.show_now()

    def tick(self) -> None:
        """A second went by: figures that grow with time."""
        self.query_one(JobHead).redraw()
        if self.tab == "log":
            self.log_tab.poll()
        if self.tab == "steps" and phase_of(self.job.state) is Phase.RUNNING:
            self._show_steps()

    def show_now(self) -> None:
        """Bring the head and the part that is seen up to date."""
        note = "" if self.is_on_board else "not on the list any more"
        self.query_one(JobHead).show(self.job, note)
        getattr(self, f"_show_{self.tab}")()
        self._say_place()
        self.top_line.redraw()
        self.keys.redraw()

    def _say_place(self) -> None:
        title = next(tab.title for tab in TABS if tab.name == self.tab)
        status = self.query_one(JobStatus)
        status.place = (self.job.label, title.lower())
        status.redraw()

    # ------------------------------------------------------------------ commands

    def hints(self) -> Sequence[KeyHint]:
        """Without the keys of the other parts."""
        return [
            hint for hint in super().hints()
            if self.tab in PARTS_OF.get(self.commands[hint.command].name, (self.tab,))
        ]  # fmt: skip

    @on(TabLine.Chosen)
    def _tab_clicked(self, message: TabLine.Chosen) -> None:
        self.show_tab(message.name)

    def show_tab(self, name: str) -> None:
        """Show a part."""
        self.tab = name
        if name != "depends":
            self._tree_keeper.drop()
        for tab in TABS:
            self.query_one(f"#{tab.name}").display = tab.name == name
        self.query_one(TabLine).choose(name)
        self.show_now()

    def do_turn(self, by: int) -> None:
        """To the next tab, or the one before."""
        self.show_tab(self.query_one(TabLine).after(by))

    def do_log(self) -> None:
        """To the log."""
        self.show_tab("log")

    @property
    def _scrolled(self) -> ScrollView:
        """What the keys that move scroll now."""
        if self.tab == "overview":
            return self.about
        return self.query_one(f"#{self.tab}", ScrollView)

    def do_move(self, by: int) -> None:
        """A line; among dependencies a job."""
        if self.tab == "log":
            if self._log is not None:
                self._log.move_rows(by)
        elif self.tab == "depends":
            self.depends.move(by)
        else:
            self._scrolled.scroll_relative(y=by, animate=False)

    def do_page(self, by: int) -> None:
        """A page."""
        if self.tab == "log":
            if self._log is not None:
                self._log.move_pages(by)
            return
        height = max(1, self._scrolled.size.height - 1)
        if self.tab == "depends":
            self.depends.move(by * height)
        else:
            self._scrolled.scroll_relative(y=by * height, animate=False)

    def do_edge(self, to: int) -> None:
        """The first or last line."""
        if self._log is not None:
            self._log.move_to_top() if to < 0 else self._log.follow()
        else:
            self.do_move(to * 100_000)

    def teach_block(self) -> str | None:
        """Why no failure rule can be made of what is known of the job; None if one can."""
        from jobshape.screens.teaching import lines_of

        if self.context.rules is None:
            return "rules cannot be written here"
        if lines_of(self.board.findings.get(self.job.job_id)):
            return None
        return "only for a failure that nothing explains, with lines of its log"

    def do_teach(self) -> None:
        """Make a failure rule of a line."""
        from jobshape.screens.teaching import teach

        self.run_worker(teach(self), group="teach", exclusive=True, exit_on_error=False)

    def do_open(self) -> None:
        """Go to the job under the cursor."""
        self.depends.choose()

    @on(DependencyTree.Chosen)
    def _job_chosen(self, message: DependencyTree.Chosen) -> None:
        self.show(message.job_id)

    def do_back(self) -> None:
        """To the job before; else to the screen it was opened from."""
        if self._log is not None and self._log.state.work:
            self._log.cancel_search()
            self._log.repaint()
        elif self._before:
            job_id = self._before.pop()
            self._take(job_id)
        else:
            self.context.go(self._came_from)

    def do_copy(self) -> None:
        """The id to the clipboard of the terminal."""
        self.app.copy_to_clipboard(self.job.label)
        self.status.say(f"copied {self.job.label}")

    # Acting on the job.

    def act_block(self, action: str) -> str | None:
        """Why the action does not fit the job."""
        from jobshape.screens.acting import why_not

        if not self.is_on_board:
            return "the job is not on the list any more"
        return why_not(action, self.job)

    def again_block(self) -> str | None:
        """Why it cannot be sent again."""
        from jobshape.screens.resubmit import why_not

        return why_not([self.job], self.board)

    def chosen_jobs(self) -> Sequence[Job]:
        """The job."""
        return [self.job]

    def acted(self) -> None:
        """Show what is newer."""
        self.show_now()
