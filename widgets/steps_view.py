"""The steps of a job as a small table."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from jobshape.app.domain.job import Job
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.step import Step
from jobshape.app.domain.units import format_duration, format_size
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import Align, clean, fit, width_of


class StepsContent(NamedTuple):
    """The steps of a job; without any, the note says why."""

    job: Job
    steps: tuple[Step, ...]
    now: float
    note: str = ""
    is_problem: bool = False


class _Column(NamedTuple):
    title: str
    width: int
    align: Align
    rank: int  # the highest goes first where there is no room
    text: Callable[[Step, float], str]


def _elapsed(step: Step, now: float) -> str:
    if step.elapsed_s is not None and phase_of(step.state) is not Phase.RUNNING:
        return format_duration(step.elapsed_s)
    if step.start_time is None:
        return "-"
    return format_duration(max(0, int(step.end_time or now) - step.start_time))


def _started(step: Step, now: float) -> str:
    if step.start_time is None:
        return "-"
    return datetime.fromtimestamp(step.start_time).strftime("%m-%d %H:%M:%S")


def _cpu_share(step: Step, now: float) -> str:
    """CPU time used of what its CPUs could have given."""
    if step.total_cpu_s is None or not step.cpus or not step.elapsed_s:
        return "-"
    return f"{100 * step.total_cpu_s / (step.elapsed_s * step.cpus):.0f} %"


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


_COLUMNS = (
    _Column("Step", 12, "left", 0, lambda step, _: step.step),
    _Column("State", 14, "left", 0, lambda step, _: step.state),
    _Column("Elapsed", 11, "right", 1, _elapsed),
    _Column("Exit", 6, "right", 1, lambda step, _: step.exit_code or "-"),
    _Column("Tasks", 6, "right", 4, lambda step, _: _number(step.tasks)),
    _Column("CPUs", 5, "right", 5, lambda step, _: _number(step.cpus)),
    _Column("CPU use", 8, "right", 3, _cpu_share),
    _Column("Peak task", 9, "right", 2, lambda step, _: format_size(step.max_rss_bytes)),
    _Column("Started", 14, "left", 6, _started),
    _Column("Nodes", 14, "left", 7, lambda step, _: step.node_list or "-"),
    _Column("Resources", 36, "left", 8, lambda step, _: step.tres or "-"),
)
MOST_STEPS = 300
"""Steps shown of a job with very many: they are drawn anew every second."""

_NAME_MOST = 30
"""Cells for the name; with longer ones the columns that matter least go."""


class StepsView(ScrolledLines, can_focus=True):
    """One line a step, the batch script first."""

    DEFAULT_CSS = "StepsView { width: 1fr; height: 1fr; }"

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self.content: StepsContent | None = None

    def show(self, content: StepsContent) -> None:
        """Show these."""
        old, self.content = self.content, content
        if old != content:
            self.rebuild(to_top=old is None or old.job.job_id != content.job.job_id)

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """A title line, then the steps; last what Slurm's figures mean."""
        content, palette, glyphs = self.content, self.palette, self._glyphs
        if content is None:
            return []
        if not content.steps:
            style = palette.failed if content.is_problem else palette.muted
            return [[], [("  " + clean(content.note, glyphs), style)]]
        columns = list(_COLUMNS)
        names = max((width_of(clean(step.name, glyphs)) for step in content.steps), default=0)
        names = max(len("Name"), min(_NAME_MOST, names)) + 1
        while sum(c.width + 1 for c in columns) + names + 2 > width and len(columns) > 2:
            columns.remove(max(columns, key=lambda c: c.rank))
        room = max(4, min(names, width - sum(c.width + 1 for c in columns) - 2))
        heads = [fit(c.title, c.width, glyphs, c.align) for c in columns]
        titles = " ".join([" " + heads[0], fit("Name", room, glyphs), *heads[1:]])
        lines: list[list[Piece]] = [[(fit(titles, width, glyphs), palette.header)]]
        steps = content.steps
        if len(steps) > MOST_STEPS:
            left = len(steps) - MOST_STEPS
            said = f"{len(steps):,} steps: the first one and the last {MOST_STEPS - 1} are shown"
            lines += [self._line(steps[0], columns, room, content.now), [],
                      [("  " + fit(said, width - 2, glyphs), palette.warning)]]  # fmt: skip
            steps = steps[left + 1 :]
        lines += [self._line(step, columns, room, content.now) for step in steps]
        lines.append([])
        if content.note:
            style = palette.failed if content.is_problem else palette.muted
            lines.append([("  " + clean(content.note, glyphs), style)])
        said = "CPU use and the peak of its largest task (MaxRSS) are known once a step is over."
        lines.append([("  " + fit(said, width - 2, glyphs), palette.muted)])
        return lines

    def _line(self, step: Step, columns: Sequence[_Column], room: int, now: float) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        cells: list[Piece] = [(" ", palette.text)]
        for column in columns:
            text = fit(clean(column.text(step, now), glyphs), column.width, glyphs, column.align)
            is_state = column.title == "State"
            cells.append((text + " ", palette.of_state(step.state) if is_state else palette.text))
            if column is columns[0]:
                cells.append((fit(clean(step.name, glyphs), room, glyphs) + " ", palette.text))
        return cells
