"""Everything known of one job, in groups a person reads top to bottom."""

import textwrap
from collections.abc import Sequence
from typing import Literal, NamedTuple

from jobshape.app.board.board import Board
from jobshape.app.board.columns import COLUMNS
from jobshape.app.board.words import reason_words, state_words
from jobshape.app.domain.finding import Finding
from jobshape.app.domain.job import Job, Usage
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.units import format_duration, format_size
from jobshape.widgets.finding_lines import finding_lines
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import bar, clean, cut_at_blanks, fit, width_of
from rich.style import Style

Groups = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""(title, ((field, value), ...)), top to bottom."""

_LABEL_WIDTH = 19
_BAR_WIDTH = 16
_NARROW = 56
"""Below this width the bars are half as long."""

MOST_CAUSES = 3

_SAYS_IT_ALL = ("RUNNING", "PENDING", "COMPLETED")
"""States that need no words."""


class DetailContent(NamedTuple):
    """What the pane shows. ``state``: of the question to Slurm; note: what is to be said of it."""

    job: Job
    tasks: int
    groups: Groups = ()
    state: Literal["asking", "answered", "failed"] = "asking"
    note: str = ""


class DetailPane(ScrolledLines, can_focus=True):
    """The job under the cursor: at once what the board has, then Slurm's own full answer."""

    DEFAULT_CSS = "DetailPane { width: 1fr; height: 1fr; }"

    def __init__(
        self, board: Board, glyphs: Glyphs, *, with_head: bool = True, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._board = board
        self._glyphs = glyphs
        self._with_head = with_head  # False where the screen itself says which job it is
        self._now = 0.0
        self.content: DetailContent | None = None
        self.usage_shown: Usage | None = None
        self.findings_shown: tuple[Finding, ...] | None = None

    def show(self, content: DetailContent | None, now: float) -> None:
        """Show this; another job starts at the top."""
        old, self.content, self._now = self.content, content, now
        same = old is not None and content is not None and old.job.job_id == content.job.job_id
        if old != content:
            self.rebuild(to_top=not same)

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """Head, what it means, live usage, then the groups."""
        content = self.content
        if content is None:
            return [[("  no job under the cursor", self.palette.muted)]]
        lines = self._head(content, width) if self._with_head else []
        lines += self._causes(content.job, width) or self._meaning(content.job, width)
        lines += self._usage(content.job, width)
        if content.note:
            style = self.palette.failed if content.state == "failed" else self.palette.muted
            lines += [[], *self._wrapped(content.note, width, style)]
        groups = content.groups or known_groups(content.job, self._now)
        for title, fields in groups:
            lines += [[], [(" " + clean(title, self._glyphs), self.palette.group)]]
            for field, value in fields:
                lines += self._field(field, value, width)
        return lines if lines and lines[0] else lines[1:]

    def _head(self, content: DetailContent, width: int) -> list[list[Piece]]:
        palette, glyphs, job = self.palette, self._glyphs, content.job
        label = clean(job.label, glyphs)
        tasks = f" {content.tasks} tasks" if content.tasks > 1 else ""
        state = clean(job.state, glyphs)
        room = width - width_of(label) - width_of(tasks) - width_of(state) - 5
        name = fit(clean(job.name, glyphs), max(4, room), glyphs)
        return [[
            (f" {label} ", palette.strong), (name, palette.text), (tasks, palette.muted),
            (f"  {state} ", palette.of_state(job.state)),
        ]]  # fmt: skip

    def _meaning(self, job: Job, width: int) -> list[list[Piece]]:
        """The state and the reason in plain words, and what to do about them."""
        lines: list[list[Piece]] = []
        said = [] if job.state in _SAYS_IT_ALL else [state_words(job.state)]
        if job.reason not in ("", "None"):
            said.append(reason_words(job.reason))
        for words in {(w.long, w.advice): w for w in said}.values():
            if words.long and words.long != job.state:
                lines += self._wrapped(words.long, width, self.palette.text)
            if words.advice:
                lines += self._wrapped(words.advice, width, self.palette.accent)
        return lines

    def _causes(self, job: Job, width: int) -> list[list[Piece]]:
        """What a look into the job found, the likeliest cause first."""
        self.findings_shown = self._board.findings.get(job.job_id)
        lines: list[list[Piece]] = []
        for finding in (self.findings_shown or ())[:MOST_CAUSES]:
            lines += finding_lines(finding, width, self.palette, self._glyphs)
        return lines

    def _usage(self, job: Job, width: int) -> list[list[Piece]]:
        """What a running job uses now, against what it asked for."""
        usage = self.usage_shown = self._board.usage.get(job.job_id)
        if usage is None or phase_of(job.state) is not Phase.RUNNING:
            return []
        bar_width = _BAR_WIDTH if width >= _NARROW else _BAR_WIDTH // 2
        lines: list[list[Piece]] = [[], [(" Uses now", self.palette.group)]]
        if usage.memory_bytes is not None:
            lines.append(
                self._share(
                    "memory",
                    bar_width,
                    usage.memory_bytes,
                    job.memory_bytes,
                    f"{format_size(usage.memory_bytes)} of {format_size(job.memory_bytes)}",
                )
            )
        if usage.memory_peak_bytes is not None:
            lines += self._field("largest task so far", format_size(usage.memory_peak_bytes), width)
        if usage.cpu_time_s is not None and job.start_time is not None and job.cpus:
            possible_s = max(1, usage.at - job.start_time) * job.cpus
            percent = 100 * usage.cpu_time_s / possible_s
            lines.append(
                self._share(
                    "CPU",
                    bar_width,
                    usage.cpu_time_s,
                    possible_s,
                    f"{percent:.0f} % of {job.cpus} CPU{'' if job.cpus == 1 else 's'}",
                )
            )
        return lines + self._gpu_usage(usage, job, width)

    def _gpu_usage(self, usage: Usage, job: Job, width: int) -> list[list[Piece]]:
        """What its GPUs do and who says so, or why nobody does."""
        lines: list[list[Piece]] = []
        if usage.gpu_percent is not None:
            text = f"{usage.gpu_percent:.0f} % of {job.gpus} ({usage.gpu_source})"
            lines += self._field("GPUs", text, width)
        if usage.gpu_memory_bytes is not None:
            total = usage.gpu_memory_total_bytes
            of = "" if total is None else f" of {format_size(total)}"
            lines += self._field("GPU memory", format_size(usage.gpu_memory_bytes) + of, width)
        if usage.gpu_note:
            lines += self._wrapped(usage.gpu_note, width, self.palette.muted)
        return lines

    def _share(
        self, title: str, bar_width: int, part: float, whole: float | None, text: str
    ) -> list[Piece]:
        palette = self.palette
        pieces: list[Piece] = [(f"  {title:<{_LABEL_WIDTH}} ", palette.muted)]
        if whole:
            filled, empty = bar(part / whole, bar_width, self._glyphs)
            style = palette.warning if part / whole >= 0.9 else palette.bar
            pieces += [(filled, style), (empty + " ", palette.faint)]
        return [*pieces, (text, palette.text)]

    def _field(self, field: str, value: str, width: int) -> list[list[Piece]]:
        palette, glyphs = self.palette, self._glyphs
        label = fit(clean(field, glyphs), _LABEL_WIDTH, glyphs)
        room = max(12, width - _LABEL_WIDTH - 4)
        parts = [
            piece
            for line in (value.split("\n") or [""])
            for piece in (cut_at_blanks(clean(line, glyphs), room) or [""])
        ]
        first, *rest = parts or [""]
        lines: list[list[Piece]] = [[(f"  {label} ", palette.muted), (first, palette.text)]]
        indent = " " * (_LABEL_WIDTH + 3)
        lines += [[(indent + part, palette.text)] for part in rest]
        return lines

    def _wrapped(self, text: str, width: int, style: Style) -> list[list[Piece]]:
        room = max(16, width - 3)
        return [[("  " + part, style)] for part in textwrap.wrap(clean(text, self._glyphs), room)]


def known_groups(job: Job, now: float) -> Groups:
    """What the board itself knows of a job, until Slurm's own answer is there."""
    fields = [
        (column.title, text)
        for column in COLUMNS.values()
        if (text := column.text(job, now)) not in ("", "-")
    ]
    if job.time_limit_s is not None:
        fields.append(("Time limit", format_duration(job.time_limit_s)))
    return (("Last reading", tuple(fields)),)
