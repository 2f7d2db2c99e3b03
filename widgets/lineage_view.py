"""Where a job comes from and what became of it: the jobs it was resubmitted from and as."""

import textwrap
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from jobshape.app.domain.job import Job
from jobshape.app.domain.past import Lineage, PastJob
from jobshape.app.domain.units import format_duration, format_size
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit, width_of


class LineageContent(NamedTuple):
    """The lineage of a job; None: not known, and the note says why."""

    job: Job
    lineage: Lineage | None
    note: str = ""
    is_problem: bool = False


class LineageView(ScrolledLines, can_focus=True):
    """Oldest first: two lines a job, what it asked for and what became of it."""

    DEFAULT_CSS = "LineageView { width: 1fr; height: 1fr; }"

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self.content: LineageContent | None = None

    def show(self, content: LineageContent) -> None:
        """Show this."""
        old, self.content = self.content, content
        if old != content:
            self.rebuild(to_top=old is None or old.job.job_id != content.job.job_id)

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """Before, this job, after."""
        content, palette, glyphs = self.content, self.palette, self._glyphs
        if content is None:
            return []
        lineage, job = content.lineage, content.job
        lines: list[list[Piece]] = []
        if lineage is None:
            style = palette.failed if content.is_problem else palette.muted
            lines += [[], [("  " + fit(clean(content.note, glyphs), width - 2, glyphs), style)]]
        else:
            lines.append([(" Resubmitted from", palette.group)])
            for past in lineage.before:
                lines += self._past(past, width)
            if not lineage.before:
                lines.append([("  none: it was submitted anew", palette.muted)])
        lines += [[], [(" This job", palette.group)], *self._job(job, width),
                  [(f"     {_asked(job)}", palette.muted)], []]  # fmt: skip
        if lineage is not None:
            lines.append([(" Resubmitted as", palette.group)])
            for past in lineage.after:
                lines += self._past(past, width)
            if not lineage.after:
                lines.append([("  none yet", palette.muted)])
        if job.restarts:
            times = "once" if job.restarts == 1 else f"{job.restarts} times"
            lines += [[], [(f"  Slurm requeued this job {times} under the same id.",
                            palette.text)]]  # fmt: skip
        return lines

    def _past(self, past: PastJob, width: int) -> list[list[Piece]]:
        palette, glyphs = self.palette, self._glyphs
        lines = self._job(past.record.job, width)
        used = [] if past.finding in ("", "none") else [f"finding: {past.finding}"]
        used += [
            _asked(past.record.job),
            f"ran {format_duration(past.record.elapsed_s)}",
            f"largest task {format_size(past.record.max_rss_bytes)}",
        ]
        if past.note:
            used.append(f"note: {past.note}")
        text = clean(", ".join(used), glyphs)
        parts = textwrap.wrap(text, max(20, width - 6))
        return [*lines, *([(f"     {part}", palette.muted)] for part in parts)]

    def _job(self, job: Job, width: int) -> list[list[Piece]]:
        palette, glyphs = self.palette, self._glyphs
        at = "-" if job.submit_time is None else (
            datetime.fromtimestamp(job.submit_time).strftime("%Y-%m-%d %H:%M"))  # fmt: skip
        name = clean(job.name, glyphs)
        name = fit(name, min(width_of(name), max(10, width // 4)), glyphs)
        return [[
            (f"  {clean(job.label, glyphs)}  ", palette.strong), (f"{name}  ", palette.text),
            (f"{clean(job.state, glyphs)}  ", palette.of_state(job.state)),
            (f"submitted {at}", palette.muted),
        ]]  # fmt: skip


def _asked(job: Job) -> str:
    cpus = "-" if job.cpus is None else str(job.cpus)
    size, time = format_size(job.memory_bytes), format_duration(job.time_limit_s)
    return f"asked for {cpus} CPU{'' if job.cpus == 1 else 's'}, {size}, {time}"
