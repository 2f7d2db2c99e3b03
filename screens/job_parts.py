"""What the parts of the job screen show: asked when first seen, then kept up to date."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jobshape.app.board.arrays import tasks_of
from jobshape.app.board.usage_figures import of_this_run
from jobshape.app.board.usage_series import joined
from jobshape.app.domain.job import NO_JOB, Job
from jobshape.app.domain.states import Phase, phase_of
from jobshape.screens.job_answers import Answer, Answers
from jobshape.screens.job_log_keys import LogKeys
from jobshape.screens.job_tree import TreeKeeper
from jobshape.screens.ports import Context
from jobshape.widgets.detail_pane import DetailContent, DetailPane
from jobshape.widgets.lineage_view import LineageContent, LineageView
from jobshape.widgets.script_view import ScriptView
from jobshape.widgets.steps_view import StepsContent, StepsView
from jobshape.widgets.usage_plot import PlotContent, UsagePlots

if TYPE_CHECKING:
    from jobshape.widgets.highlight import ScriptLine

DETAIL_AGAIN_S, STEPS_AGAIN_S = 5.0, 30.0
"""Least time between two questions about the same job, however often its record changes."""

EVER = 1_000_000_000
"""Before the first Slurm: a job of accounting may be of any age."""


class JobParts(LogKeys):
    """Fills the parts of the screen of ``job``; ``_show_NAME`` brings one of them up to date."""

    about: DetailPane
    plots: UsagePlots
    is_on_board = False

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.job: Job = NO_JOB
        self.tab = ""
        self._tree_keeper = TreeKeeper(self)
        self._answers = Answers(self, self._answered)

    def show_now(self) -> None:
        """Bring the head and the part that is seen up to date."""
        raise NotImplementedError

    def _ask_for_record(self) -> None:
        """A job that left the list is known to accounting."""
        if self.is_on_board or self.job.state:
            return
        job_id = self.job.job_id
        self._answers.want(self.job, "accounting", lambda: self.actions.call(
            "accounting", scope="all", since=EVER, jobs=[str(job_id)]
        ))  # fmt: skip

    def _take_record(self, job_id: int) -> None:
        answer = self._answers.of(job_id, "accounting")
        found = answer.value or () if answer is not None else ()
        for accounted in found:
            if accounted.job.job_id == job_id and not self.job.state:
                self.job = accounted.job

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
            self._take_record(job_id)
            self.show_now()


def _coloured(script: str) -> "tuple[ScriptLine, ...]":
    from jobshape.widgets.highlight import highlight

    return tuple(highlight(script))
