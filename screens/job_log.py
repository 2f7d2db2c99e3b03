"""The log tab of the job screen: stdout and stderr, followed, searched, from wherever they are."""

from typing import Literal

from jobshape.app.domain.job import Job, LogPaths
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.logs.source import LocalFile, LogSource
from jobshape.screens.log_sources import log_of_site
from jobshape.screens.ports import Context
from jobshape.widgets.log_view import LogView
from jobshape.widgets.note import Note
from jobshape.widgets.tab_line import Tab, TabLine
from textual import on
from textual.app import ComposeResult
from textual.widget import Widget

Stream = Literal["stdout", "stderr"]
STREAMS = (Tab("stdout", "stdout"), Tab("stderr", "stderr"))
ONE_FILE = (Tab("stdout", "stdout and stderr"),)


class LogTab(Widget):
    """One view, which shows one of the two streams; above it which ones there are."""

    BLANK = True
    DEFAULT_CSS = """
    LogTab { height: 1fr; layout: vertical; }
    LogTab LogView { height: 1fr; }
    """

    def __init__(self, context: Context, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._from = context
        self._job: Job | None = None
        self._paths: LogPaths | None = None
        self._shown: tuple[int, str, bool] | None = None  # job, path, whether its node could read
        self.stream: Stream = "stdout"
        self.view: LogView | None = None

    def compose(self) -> ComposeResult:
        """The streams, and words until there is something to show."""
        yield TabLine(STREAMS, self._from.glyphs, id="streams")
        yield Note(self._from.glyphs, id="log-note")

    @property
    def is_settled(self) -> bool:
        """Whether no thread is at work for it."""
        return self.view is None or self.view.is_settled or not self.view.display

    def say(self, text: str, *, problem: bool = False) -> None:
        """Words in place of the log."""
        self._paths, self._shown = None, None
        self.query_one(Note).say(text, problem=problem)
        self._display(log=False)

    def show(self, job: Job, paths: LogPaths) -> None:
        """Show a stream of this job; the same again changes nothing."""
        is_other = self._job is None or self._job.job_id != job.job_id
        self._job, self._paths = job, paths
        if is_other:
            self.stream = "stdout"
        both = paths.stdout == paths.stderr or not paths.stderr
        streams = self.query_one("#streams", TabLine)
        streams.set_tabs(ONE_FILE if both else STREAMS)
        if both:
            self.stream = "stdout"
        streams.choose(self.stream)
        path = paths.stdout if self.stream == "stdout" else paths.stderr
        if not path:
            self.query_one(Note).say("it writes no log: it was started without a batch script")
            self._display(log=False)
            return
        self._open(job, path)

    def _open(self, job: Job, path: str) -> None:
        through_node = phase_of(job.state) is Phase.RUNNING and not self._from.board.link.is_local
        self._display(log=True)
        if not self._is_another(job, path, through_node):
            return
        self._shown = (job.job_id, path, through_node)
        source: LogSource = LocalFile(path)
        if self._from.through_site:
            source = log_of_site(self._from.actions, path)
        on_node: LogSource | None = None
        if through_node:
            on_node = log_of_site(self._from.actions, path, on_node_of=str(job.job_id))
        node = first_node(job.node_list)
        if self.view is None:
            self.view = LogView(source, self._from.clock, self._from.glyphs, on_node=on_node,
                                node=node, id="log-view")  # fmt: skip
            self.mount(self.view)
        else:
            self.view.show_source(source, on_node=on_node, node=node)

    def _is_another(self, job: Job, path: str, through_node: bool) -> bool:
        """Whether to open it anew; a job that ends does not move what is being read."""
        if self._shown is None or self.view is None or self._shown[:2] != (job.job_id, path):
            return True
        could = self._shown[2]
        return (through_node and not could) or (not through_node and self.view.state.through_node)

    def _display(self, *, log: bool) -> None:
        self.query_one(Note).display = not log
        if self.view is not None:
            self.view.display = log

    @on(TabLine.Chosen)
    def _stream_clicked(self, message: TabLine.Chosen) -> None:
        message.stop()
        if message.name != self.stream:
            self.switch()

    @property
    def can_switch(self) -> bool:
        """Whether the two streams go to two files."""
        paths = self._paths
        return paths is not None and bool(paths.stderr) and paths.stdout != paths.stderr

    def switch(self) -> None:
        """Show the other stream."""
        if self.can_switch and self._job is not None and self._paths is not None:
            self.stream = "stderr" if self.stream == "stdout" else "stdout"
            self.show(self._job, self._paths)

    def poll(self) -> None:
        """Look whether it grew."""
        if self.view is not None and self.view.display:
            self.view.poll()


def first_node(node_list: str) -> str:
    """The first name of a short form: ``n3`` of ``n[3-5],m1``; the form itself if that is odd."""
    head, bracket, rest = node_list.partition("[")
    if not bracket or "," in head:
        return node_list.partition(",")[0]
    numbers = rest.partition("]")[0]
    return head + numbers.partition(",")[0].partition("-")[0]
