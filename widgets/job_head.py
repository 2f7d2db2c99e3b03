"""The head of the job screen: which job, its state, and how far it has come."""

from collections.abc import Callable, Sequence

from jobshape.app.board.arrays import tasks_of
from jobshape.app.board.figures import elapsed_s, wait_s
from jobshape.app.board.words import reason_words
from jobshape.app.domain.job import UNASSIGNED, UNLIMITED, Job
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.units import format_duration, format_short_duration, format_size
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import bar, clean, fit, width_of

_BAR_WIDTH = 10
_NAME_LEAST = 12
"""Cells that the name keeps before figures are left out."""


class JobHead(Lines):
    """One line; figures are left out from the right where there is no room."""

    def __init__(
        self, glyphs: Glyphs, clock: Callable[[], float], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._clock = clock
        self.job: Job | None = None
        self.note = ""  # why the record may be old

    def show(self, job: Job | None, note: str = "") -> None:
        """Show this job."""
        self.job, self.note = job, note
        self.redraw()

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The one line."""
        job, palette, glyphs = self.job, self.palette, self._glyphs
        if job is None:
            return [[(" no job", palette.muted)]]
        label = f" {clean(job.label, glyphs)} "
        state = f"  {clean(job.state or '-', glyphs)}"
        parts = self._parts(job)
        name = clean(job.name, glyphs)
        used = width_of(label) + width_of(state)
        wanted = min(width_of(name), max(_NAME_LEAST, width // 3))
        room = width - used - wanted
        while parts and sum(width_of(text) for part in parts for text, _ in part) > room:
            parts.pop()
        rest = [piece for part in parts for piece in part]
        left = width - used - sum(width_of(text) for text, _ in rest)
        name = fit(name, min(width_of(name), max(0, left)), glyphs)
        return [[(label, palette.strong), (name, palette.text),
                 (state, palette.of_state(job.state)), *rest]]  # fmt: skip

    def _parts(self, job: Job) -> list[list[Piece]]:
        """What is known besides, the most needed first."""
        palette, glyphs = self.palette, self._glyphs
        parts = [self._time(job)]
        if self.note:
            parts.insert(0, [(f"  {clean(self.note, glyphs)}", palette.warning)])
        where = job.node_list or job.partition
        stage = "" if job.stage == UNASSIGNED else clean(job.stage, glyphs)
        for text in (
            clean(where, glyphs),
            _count(tasks_of(job), "task", above=1),
            _count(job.cpus, "CPU"),
            format_size(job.memory_bytes, unknown=""),
            _count(job.gpus, "GPU"),
            stage,
        ):
            if text:
                parts.append([(f"  {text}", palette.muted)])
        return [part for part in parts if part]

    def _time(self, job: Job) -> list[Piece]:
        palette, glyphs, now = self.palette, self._glyphs, self._clock()
        phase = phase_of(job.state)
        if phase is Phase.WAITING:
            wait = clean(format_short_duration(wait_s(job, now)), glyphs)
            why = clean(reason_words(job.reason).short, glyphs) if job.reason else ""
            return [(f"  {wait} in the queue" + (f": {why}" if why else ""), palette.text)]
        elapsed = elapsed_s(job, now)
        if elapsed is None:
            return []
        limit = job.time_limit_s
        if limit is None or limit == UNLIMITED:
            return [(f"  {format_duration(elapsed)}", palette.text)]
        share = elapsed / limit if limit else 1.0
        filled, empty = bar(share, _BAR_WIDTH, glyphs)
        style = palette.warning if share >= 0.9 else palette.bar
        return [
            (f"  {format_duration(elapsed)} of {format_duration(limit)} ", palette.text),
            (filled, style), (empty, palette.faint),
        ]  # fmt: skip


def _count(number: int | None, noun: str, *, above: int = 0) -> str:
    if number is None or number <= above:
        return ""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
