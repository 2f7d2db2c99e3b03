"""Keeps the detail pane on the job under the cursor: at once from the board, then from Slurm."""

import asyncio
from typing import TYPE_CHECKING, Literal

from jobshape.app.board.arrays import tasks_of
from jobshape.app.board.view import RowKind
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.job import Job
from jobshape.app.domain.states import Phase, phase_of
from jobshape.widgets.detail_pane import DetailContent, DetailPane, Groups

if TYPE_CHECKING:
    from jobshape.screens.queue import QueueScreen

SETTLE_S = 0.15
"""How long the cursor rests on a job before Slurm is asked about it."""

ASK_AGAIN_S = 5.0
"""Least time between two questions about the same job, however often it changes."""

SIDE_FROM_WIDTH, BELOW_FROM_HEIGHT = 116, 36
"""From this width the pane stands at the side, else from this height below; else it is all."""

Place = Literal["side", "below", "full"]
_CLASSES = ("-detail-side", "-detail-below", "-detail-full")


class DetailKeeper:
    """Opens, places and fills the pane of one :class:`QueueScreen`."""

    def __init__(self, screen: "QueueScreen") -> None:
        self._screen = screen
        self._pane: DetailPane | None = None
        self._job: Job | None = None
        self._answers: dict[int, tuple[Job, Groups]] = {}
        self._asked_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the pane is on the screen."""
        return any(map(self._screen.has_class, _CLASSES))

    @property
    def is_asking(self) -> bool:
        """Whether Slurm has been asked about the job shown and has not answered."""
        content = self._pane.content if self.is_open and self._pane else None
        return content is not None and content.state == "asking"

    @property
    def has_keys(self) -> bool:
        """Whether the keys that move scroll the pane."""
        return self.is_open and self._pane is not None and self._pane.has_focus

    def _where(self) -> Place:
        width, height = self._screen.size
        if width >= SIDE_FROM_WIDTH:
            return "side"
        return "below" if height >= BELOW_FROM_HEIGHT else "full"

    def place(self) -> None:
        """Put the open pane where the screen's size has room for it."""
        if self.is_open:
            where = self._where()
            for name in ("side", "below", "full"):
                self._screen.set_class(name == where, f"-detail-{name}")

    def open(self) -> None:
        """Open; when open, give it the keys."""
        screen = self._screen
        if self._pane is None:
            self._pane = DetailPane(screen.board, screen.glyphs, id="detail")
            screen.query_one("#body").mount(self._pane)
        if not self.is_open:
            screen.add_class(f"-detail-{self._where()}")
            self.follow()
            if self._where() == "full":
                self._pane.focus()
        else:
            self._pane.focus()

    def close(self) -> None:
        """Take the pane away."""
        self._screen.remove_class(*_CLASSES)
        self._screen.table.focus()
        self._job = None
        self._screen.workers.cancel_group(self._screen, "detail")
        self._screen.attend()

    def back(self) -> bool:
        """Give the keys back to the table, or close; False if there was nothing to do."""
        if not self.is_open:
            return False
        if self.has_keys and self._where() != "full":
            self._screen.table.focus()
        else:
            self.close()
        return True

    # Keys while the pane has them.

    def scroll(self, by: int) -> bool:
        """Scroll by lines; False if the keys are not the pane's."""
        if not self.has_keys or self._pane is None:
            return False
        self._pane.scroll_relative(y=by, animate=False)
        return True

    def scroll_page(self, by: int) -> bool:
        """Scroll by pages."""
        return self.scroll(by * max(1, self._pane.size.height - 1 if self._pane else 1))

    def scroll_edge(self, to: int) -> bool:
        """Scroll to the first or last line."""
        return self.scroll(to * 100_000)

    # Content.

    def follow(self) -> None:
        """Show the job under the cursor, if another one or changed since."""
        if not self.is_open or self._pane is None:
            return
        row = self._screen.table.cursor_row
        if row is None or row.kind is RowKind.GROUP:
            self._job = None
            self._pane.show(None, self._screen.clock())
            return
        tasks = row.counts.total if row.kind is RowKind.ARRAY else tasks_of(row.job)
        changed = row.job is not self._job
        if changed:
            self._job = row.job
            self._screen.attend()
        known = self._answers.get(row.job.job_id)
        is_new = known is not None and known[0] is row.job
        content = DetailContent(
            row.job, tasks, known[1] if known else (), "answered" if is_new else "asking"
        )
        if known is None:
            content = content._replace(
                note=f"asking {self._screen.board.link.scheduler} for the rest"
            )
        if changed or self._pane.content is None:
            self._pane.show(content, self._screen.clock())
        if changed and phase_of(row.job.state) is Phase.FAILED:
            self._screen.context.look_into(row.job)
        if changed and not is_new:
            self._screen.run_worker(
                self._ask(content), group="detail", exclusive=True, exit_on_error=False
            )

    async def _ask(self, content: DetailContent) -> None:
        job, screen = content.job, self._screen
        since = screen.clock() - self._asked_at
        known = job.job_id in self._answers
        await asyncio.sleep(max(SETTLE_S, ASK_AGAIN_S - since if known else 0))
        self._asked_at = screen.clock()
        try:
            answer = await screen.actions.call("detail", job=str(job.job_id))
        except JobshapeError as error:
            found = content._replace(
                state="failed", note=f"{error.what}. {error.hint}".rstrip(". ")
            )
        else:
            if len(self._answers) > 200:
                self._answers.clear()
            self._answers[job.job_id] = (job, answer.groups)
            found = content._replace(state="answered", note="", groups=answer.groups)
        if self._pane is not None and self._job is job:
            self._pane.show(found, screen.clock())

    def tick(self) -> None:
        """Usage may be newer, or somebody has looked into the job."""
        if self.is_open and self._pane is not None and self._job is not None:
            board, job_id = self._screen.board, self._job.job_id
            usage, findings = board.usage.get(job_id), board.findings.get(job_id)
            if (usage is not None and usage is not self._pane.usage_shown) or (
                findings is not self._pane.findings_shown
            ):
                self._pane.rebuild()

    @property
    def watched(self) -> tuple[str, ...]:
        """The job whose live usage is wanted."""
        job = self._job
        if job is None or not self.is_open or phase_of(job.state) is not Phase.RUNNING:
            return ()
        return (job.label,)
