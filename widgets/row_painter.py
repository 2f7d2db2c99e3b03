"""One row of the job table as pieces of styled text."""

from collections.abc import Sequence
from functools import lru_cache

from jobshape.app.board.arrays import Counts
from jobshape.app.board.view import Row, RowKind
from jobshape.app.domain.job import UNLIMITED, Job
from jobshape.app.domain.states import Phase, letters_of, phase_of
from jobshape.app.domain.units import format_short_duration
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette
from jobshape.widgets.spans import Piece
from jobshape.widgets.table_layout import TableLayout
from jobshape.widgets.text import bar, clean, fit, width_of
from rich.style import Style

NEAR_LIMIT = 0.9
"""Share of the time limit from which the bar warns."""

_DURATION_WIDTH = 5
"""Widest text of ``format_short_duration``."""

_PHASES = (
    (Phase.FAILED, "F", "failed"),
    (Phase.RUNNING, "R", "running"),
    (Phase.WAITING, "PD", "waiting"),
    (Phase.CANCELLED, "CA", "cancelled"),
    (Phase.DONE, "CD", "done"),
    (Phase.UNKNOWN, "?", "unknown"),
)


class RowPainter:
    """Draws rows for one palette, one set of signs and one layout."""

    def __init__(self, palette: Palette, glyphs: Glyphs, layout: TableLayout) -> None:
        self.palette = palette
        self.glyphs = glyphs
        self.layout = layout
        self._gap = " " * layout.gap

    def paint(self, row: Row, now: float, *, selected: bool) -> list[Piece]:
        """The row's pieces, left to right."""
        head = self._head(row, selected)
        if row.kind is RowKind.GROUP:
            return [*head, *self._heading(row)]
        pieces = head
        many = row.kind is RowKind.ARRAY
        phase = phase_of(row.job.state)
        is_over = phase in (Phase.DONE, Phase.CANCELLED)
        base = self.palette.muted if is_over else self.palette.text
        for number, place in enumerate(self.layout.places):
            if number:
                pieces.append((self._gap, base))
            key, width = place.column.key, place.width
            if key == "id":
                pieces.append(self._id(row, width, base, selected))
            elif many and key in ("state", "time", "where"):
                pieces.extend(self._of_many(row, key, width))
            elif key == "state":
                pieces.append(self._state(row.job, width))
            elif key == "time":
                pieces.extend(self._time(row.job, now, width, phase))
            else:
                said = row.cause if place.column.key == "where" else ""
                text = clean(said or place.column.text(row.job, now), self.glyphs)
                if key == "where" and row.counts.total > 1 and row.kind is RowKind.JOB:
                    text = f"{row.counts.total} tasks: {text}"
                style = self._cell_style(key, row.job, phase, base, many)
                pieces.append((fit(text, width, self.glyphs, place.column.align), style))
        return pieces

    def header(self, sort_key: str, descending: bool) -> list[Piece]:
        """The titles, with an arrow at the column that is sorted by."""
        palette, glyphs = self.palette, self.glyphs
        pieces: list[Piece] = [(" " * self.layout.left, palette.header)]
        for number, place in enumerate(self.layout.places):
            if number:
                pieces.append((self._gap, palette.header))
            column, width = place.column, place.width
            is_sorted = column.key == sort_key
            room = width - 1 if is_sorted else width
            title = column.title if width_of(column.title) <= room else column.short
            if is_sorted:
                arrow = glyphs.sort_down if descending else glyphs.sort_up
                title = fit(title, min(room, width_of(title)), glyphs)
                title = title + arrow if column.align == "left" else arrow + title
            style = palette.header_sorted if is_sorted else palette.header
            pieces.append((fit(title, width, glyphs, column.align), style))
        return pieces

    def _head(self, row: Row, selected: bool) -> list[Piece]:
        glyphs = self.glyphs
        mark = glyphs.mark if selected else " "
        fold = " "
        if row.folded is not None:
            fold = glyphs.fold_closed if row.folded else glyphs.fold_open
        return [
            (mark, self.palette.marked if selected else self.palette.text),
            (fold + " " * (self.layout.left - 2), self.palette.text),
        ]

    def _id(self, row: Row, width: int, base: Style, selected: bool) -> Piece:
        text = clean(row.title, self.glyphs)
        indent = " " * min(row.depth, 3)
        if row.folded is not None:
            base = self.palette.strong
        style = self.palette.marked if selected else base
        return fit(indent + text, width, self.glyphs), style

    def _state(self, job: Job, width: int) -> Piece:
        letters = clean(letters_of(job.state), self.glyphs)
        if width >= 10:
            letters = clean(job.state, self.glyphs)
        return fit(letters, width, self.glyphs), self.palette.of_state(job.state)

    def _time(self, job: Job, now: float, width: int, phase: Phase) -> list[Piece]:
        limit = self._duration(job.time_limit_s)
        if phase is Phase.WAITING:
            return self._waited(job, now, width, limit)
        if job.start_time is None:
            return self._without_bar("-", width, limit, self.palette.muted)
        end = now if job.end_time is None or phase is Phase.RUNNING else job.end_time
        elapsed_s = max(0, int(end) - job.start_time)
        elapsed = self._duration(elapsed_s)
        limit_s = job.time_limit_s
        room = width - 2 * _DURATION_WIDTH - 2
        if not limit_s or limit_s == UNLIMITED or room < 3:
            style = self.palette.muted if phase is Phase.DONE else self.palette.text
            return self._without_bar(elapsed, width, limit, style)
        share = elapsed_s / limit_s
        filled, empty = bar(share, room, self.glyphs)
        style = self.palette.of_state(job.state)
        if phase is Phase.RUNNING and share >= NEAR_LIMIT:
            style = self.palette.warning
        return [
            (f"{elapsed:>{_DURATION_WIDTH}} {filled}", style),
            (empty, self.palette.faint),
            (f" {limit:<{_DURATION_WIDTH}}", self.palette.muted),
        ]

    def _waited(self, job: Job, now: float, width: int, limit: str) -> list[Piece]:
        if job.submit_time is None:
            return self._without_bar("-", width, limit, self.palette.muted)
        waited = self._duration(max(0, int(now) - job.submit_time))
        text = f"waits {waited}" if width >= 3 * _DURATION_WIDTH + 1 else f"w {waited}"
        return self._without_bar(text, width, limit, self.palette.muted, align_left=True)

    def _without_bar(
        self, text: str, width: int, limit: str, style: Style, *, align_left: bool = False
    ) -> list[Piece]:
        if not align_left:
            text = f"{text:>{_DURATION_WIDTH}}"
        if width < 2 * _DURATION_WIDTH + 3:
            return [(fit(text, width, self.glyphs), style)]
        left = fit(text, width - _DURATION_WIDTH, self.glyphs)
        return [(left, style), (f"{limit:<{_DURATION_WIDTH}}", self.palette.muted)]

    def _duration(self, duration_s: int | None) -> str:
        text = format_short_duration(duration_s)
        return clean(text, self.glyphs)

    def _of_many(self, row: Row, key: str, width: int) -> list[Piece]:
        """What an array's head says in the cells that differ from task to task."""
        if key == "where":
            tasks = f"{row.counts.total} tasks"
            return [(fit(tasks, width, self.glyphs), self.palette.muted)]
        if key == "state":
            phase = _leading_phase(row.counts)
            letters = next(letters for one, letters, _ in _PHASES if one is phase)
            return [(fit(letters, width, self.glyphs), self.palette.of_phase(phase))]
        return self.count_bar(row.counts, width)

    def count_bar(self, counts: Counts, width: int) -> list[Piece]:
        """Counts by phase as figures, the worst first, and as a bar of what room is left."""
        figures = _figures(counts)
        text_width = sum(width_of(text) for text, _ in figures) + max(0, len(figures) - 1)
        if text_width > width:
            return [(fit(" ".join(t for t, _ in figures), width, self.glyphs), self.palette.text)]
        pieces: list[Piece] = []
        for number, (text, phase) in enumerate(figures):
            if number:
                pieces.append((" ", self.palette.text))
            pieces.append((text, self.palette.of_phase(phase)))
        room = width - text_width - 1
        if room >= 4:
            pieces.append((" ", self.palette.text))
            pieces.extend(self._shares(counts, room))
        else:
            pieces.append((" " * (width - text_width), self.palette.text))
        return pieces

    def _shares(self, counts: Counts, width: int) -> list[Piece]:
        """A bar cut by phase: done, failed, cancelled, running, the rest still empty."""
        total = counts.total or 1
        pieces: list[Piece] = []
        used = 0
        parts = ((Phase.DONE, counts.done), (Phase.FAILED, counts.failed),
                 (Phase.CANCELLED, counts.cancelled), (Phase.RUNNING, counts.running))  # fmt: skip
        for phase, count in parts:
            cells = min(width - used, max(1, round(width * count / total))) if count else 0
            pieces.append((self.glyphs.bar_full * cells, self.palette.of_phase(phase)))
            used += cells
        pieces.append((self.glyphs.bar_empty * (width - used), self.palette.faint))
        return pieces

    def _heading(self, row: Row) -> list[Piece]:
        palette, glyphs = self.palette, self.glyphs
        jobs = "job" if row.members == 1 else "jobs"
        pieces: list[Piece] = [
            (fit(clean(row.title, glyphs), max(14, width_of(row.title)), glyphs), palette.group),
            (f"  {row.members:,} {jobs}", palette.muted),
        ]
        words = _words(row.counts)
        if len(words) > 1:
            for text, phase in words:
                pieces += [("  ", palette.text), (text, palette.of_phase(phase))]
        elif row.counts.total != row.members:
            pieces.append((f"  {row.counts.total:,} tasks", palette.muted))
        return pieces

    def _cell_style(self, key: str, job: Job, phase: Phase, base: Style, many: bool) -> Style:
        if key == "where" and phase is Phase.FAILED and job.reason not in ("", "None"):
            return self.palette.of_state(job.state)
        if key == "where" and phase is Phase.WAITING:
            return self.palette.muted
        if many and key != "name":
            return self.palette.muted  # said of each task, not of them all
        return base


def _leading_phase(counts: Counts) -> Phase:
    """The one letter for many tasks: they run if one runs, else wait, else failed, else done."""
    for phase, count in (
        (Phase.RUNNING, counts.running), (Phase.WAITING, counts.waiting),
        (Phase.FAILED, counts.failed), (Phase.DONE, counts.done),
        (Phase.CANCELLED, counts.cancelled),
    ):  # fmt: skip
        if count:
            return phase
    return Phase.UNKNOWN


@lru_cache(maxsize=4096)
def _figures(counts: Counts) -> tuple[tuple[str, Phase], ...]:
    return tuple(
        (f"{getattr(counts, name)}{letters}", phase)
        for phase, letters, name in _PHASES
        if getattr(counts, name)
    )


def _words(counts: Counts) -> Sequence[tuple[str, Phase]]:
    names = {"waiting": "pending", "unknown": "in an unknown state"}
    return [
        (f"{getattr(counts, name)} {names.get(name, name)}", phase)
        for phase, _, name in _PHASES
        if getattr(counts, name)
    ]
