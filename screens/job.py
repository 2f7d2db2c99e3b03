"""One job: what it uses over time, its log, script, steps, dependencies and lineage."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobshape.app.board.arrays import tasks_of
from jobshape.app.board.usage_figures import of_this_run
from jobshape.app.board.usage_series import joined
from jobshape.app.domain.job import NO_JOB, Job
from jobshape.app.domain.states import Phase, phase_of
from jobshape.screens.commands.everywhere import EVERYWHERE
from jobshape.screens.commands.job import JOB, PARTS_OF
from jobshape.screens.job_answers import Answer, Answers
from jobshape.screens.job_log import LogTab
from jobshape.screens.job_log_keys import LogKeys
from jobshape.screens.job_tree import TreeKeeper
from jobshape.screens.ports import Context
from jobshape.screens.room import bindings_of
from jobshape.widgets.dependency_tree import DependencyTree
from jobshape.widgets.detail_pane import DetailContent, DetailPane
from jobshape.widgets.filter_bar import FilterBar
from jobshape.widgets.job_head import JobHead
from jobshape.widgets.job_status import JobStatus
from jobshape.widgets.key_line import KeyHint, KeyLine
from jobshape.widgets.lineage_view import LineageContent, LineageView
from jobshape.widgets.rule import Rule
from jobshape.widgets.script_view import ScriptView
from jobshape.widgets.steps_view import StepsContent, StepsView
from jobshape.widgets.tab_line import Tab, TabLine
from jobshape.widgets.top_line import TopLine
from jobshape.widgets.usage_plot import PlotContent, UsagePlots
from textual import on
from textual.app import ComposeResult
from textual.scroll_view import ScrollView
from textual.widget import Widget

if TYPE_CHECKING:
    from jobshape.widgets.highlight import ScriptLine

TABS = (
    Tab("overview", "Overview"), Tab("log", "Log"), Tab("script", "Script"),
    Tab("steps", "Steps"), Tab("depends", "Depends"), Tab("history", "History"),
)  # fmt: skip

DETAIL_AGAIN_S, STEPS_AGAIN_S = 5.0, 30.0
"""Least time between two questions about the same job, however often its record changes."""

MOST_BEFORE = 50
"""Jobs that Esc leads back through."""


class Part(Widget):
    """Holds what one tab shows; a job's texts cover it."""

    BLANK = True


class JobScreen(LogKeys):
    """Watch one job. Which one, :meth:`show` says; the screen is made once and used again."""

    CSS_PATH = "../styles/job.tcss"
    NAME = "job"
    KEYMAP = (*JOB, *EVERYWHERE)
    BINDINGS = bindings_of(KEYMAP)
    AUTO_FOCUS = ""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._confirm = context.confirm
        self.job: Job = NO_JOB
        self.tab = TABS[0].name
        self.is_on_board = False
        self._came_from = "queue"
        self._before: list[int] = []  # the jobs that Esc leads back through
        self._tree_keeper = TreeKeeper(self)
        self._answers = Answers(self, self._answered)

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
        self.show_tab(self.tab)

    # ------------------------------------------------------------------ which job

    def show(self, job_id: int, *, came_from: str = "") -> None:
        """Show this job; without ``came_from`` Esc leads back to the one shown now."""
        if came_from and came_from != self.NAME:
            self._came_from, self._before = came_from, []
        elif self.job.job_id not in (0, job_id):
            self._before = [*self._before[-MOST_BEFORE:], self.job.job_id]
        self._take(job_id)

    def _take(self, job_id: int) -> None:
        known = self.board.jobs.get(job_id)
        self.is_on_board = known is not None
        self.job = known or NO_JOB._replace(job_id=job_id)
        if self.is_mounted:
            self.attend()
            self._show()

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
        self._show()

    def tick(self) -> None:
        """A second went by: figures that grow with time."""
        self.query_one(JobHead).redraw()
        if self.tab == "log":
            self.log_tab.poll()
        if self.tab == "steps" and phase_of(self.job.state) is Phase.RUNNING:
            self._show_steps()

    def _show(self) -> None:
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

    # ------------------------------------------------------------------ the parts

    def _show_overview(self) -> None:
        job = self.job
        answer = self._ask_again_if_changed("detail", DETAIL_AGAIN_S)
        groups = answer.value.groups if answer and answer.state == "answered" else ()
        state: Any = answer.state if answer else "asking"
        note = answer.note if answer else f"asking {self.board.link.scheduler} for the rest"
        self.about.show(DetailContent(job, tasks_of(job), groups, state, note), self.clock())
        if self.board.usage.get(job.job_id) is not self.about.usage_shown:
            self.about.rebuild()
        self._answers.want(job, "usage", lambda: self.context.past.usage_series(job))
        self.plots.show(self._plot_content())
        self._fit_plots()

    def on_screen_suspend(self) -> None:
        """Out of sight."""
        self._tree_keeper.drop()

    def on_resize(self) -> None:
        """The plots take what they need of the new size."""
        self._fit_plots()

    def _fit_plots(self) -> None:
        """Above the detail they are as high as they need to be; beside it as high as it is."""
        height = self.plots.wanted_height(self.size.width) if self.has_class("-narrow") else "1fr"
        if str(self.plots.styles.height) != str(height):
            self.plots.styles.height = height

    def _plot_content(self) -> PlotContent:
        job = self.job
        stored = self._answers.of(job.job_id, "usage")
        kept = stored.value if stored is not None and stored.value else ()
        samples = joined(kept, self.board.usage_series.of(job.job_id))
        features = {f.name: f for f in self.board.link.features}
        return PlotContent(
            job, tuple(of_this_run(samples, job.start_time)),
            features.get("usage"), features.get("gpu_usage"),
        )  # fmt: skip

    def _show_log(self) -> None:
        job = self.job
        answer = self._ask_again_if_changed("log_paths", DETAIL_AGAIN_S)
        if answer is None:
            self.log_tab.say(f"asking {self.board.link.scheduler} where it writes")
        elif answer.state == "failed":
            self.log_tab.say(f"not available: {answer.note}", problem=True)
        else:
            self.log_tab.show(job, answer.value)

    def _show_script(self) -> None:
        job = self.job
        self._answers.want(job, "script", lambda: self._load_script(job))
        answer = self._answers.of(job.job_id, "script")
        view = self.query_one("#script", ScriptView)
        if answer is None:
            view.show(None, f"asking {self.board.link.scheduler} for the script")
        elif answer.state == "failed":
            view.show(None, f"not available: {answer.note}", problem=True)
        elif not answer.value:
            view.show(None, "no script: it was started without one (srun, salloc)")
        else:
            view.show(answer.value)

    async def _load_script(self, job: Job) -> "tuple[ScriptLine, ...]":
        text = await self.actions.call("script", job=str(job.job_id))
        return await asyncio.to_thread(_coloured, text) if text else ()

    def _show_steps(self) -> None:
        job = self.job
        running = phase_of(job.state) is Phase.RUNNING
        answer = self._ask_again_if_changed("steps", STEPS_AGAIN_S, often=running)
        note, problem = f"asking {self.board.link.scheduler} for the steps", False
        steps = tuple(answer.value or ()) if answer else ()
        if answer is not None:
            problem = answer.state == "failed"
            note = f"not available: {answer.note}" if problem else self._why_no_steps(steps)
        content = StepsContent(job, steps, self.clock(), note, problem)
        self.query_one(StepsView).show(content)

    def _why_no_steps(self, steps: Sequence[Any]) -> str:
        if steps:
            return ""
        if phase_of(self.job.state) is Phase.WAITING:
            return "no steps yet: it has not started"
        return "no steps are known of it"

    def _show_depends(self) -> None:
        self._tree_keeper.follow()

    def _show_history(self) -> None:
        job = self.job
        self._answers.want(job, "lineage", lambda: self.context.past.lineage(job))
        answer = self._answers.of(job.job_id, "lineage")
        note, problem = "asking the history", False
        if answer is not None:
            problem = answer.state == "failed"
            note = answer.note if problem else "there is no history of this job yet"
        lineage = answer.value if answer is not None else None
        self.query_one(LineageView).show(LineageContent(job, lineage, note, problem))

    def _ask_again_if_changed(
        self, question: str, again_after_s: float, *, often: bool = False
    ) -> Answer | None:
        """Ask the site; again where the record is another one than then, or now and then."""
        job = self.job
        answer = self._answers.of(job.job_id, question)
        is_old = answer is not None and (
            answer.of is not job or (often and self.clock() - answer.at >= again_after_s)
        )
        self._answers.want(
            job, question, lambda: self.actions.call(question, job=str(job.job_id)),
            again_after_s=again_after_s if is_old else None,
        )  # fmt: skip
        return answer

    def _answered(self, job_id: int, question: str) -> None:
        if job_id == self.job.job_id and self.is_mounted:
            self._show()

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
        self._show()

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
        return why_not(action, self.job, self.board.link.user)

    def do_hold(self) -> None:
        """Hold."""
        self._act("hold")

    def do_release(self) -> None:
        """Release."""
        self._act("release")

    def do_cancel(self) -> None:
        """Cancel; asks."""
        self._act("cancel", ask=self._confirm)

    def do_requeue(self) -> None:
        """Requeue; asks."""
        self._act("requeue", ask=self._confirm)

    def _act(self, action: str, *, ask: bool = False) -> None:
        from jobshape.screens.act import act

        act(self, action, [self.job], ask=ask, done=self._show)


def _coloured(script: str) -> "tuple[ScriptLine, ...]":
    from jobshape.widgets.highlight import highlight

    return tuple(highlight(script))
