"""The dependency tree of a job: what it waits for above, who waits for it below."""

from collections.abc import Sequence
from typing import NamedTuple

from jobshape.app.board.arrays import Counts
from jobshape.app.board.dependencies import Dependency, TreeRow
from jobshape.app.domain.job import Job
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit, width_of
from rich.style import Style
from textual import events
from textual.message import Message

_KIND_WORDS = {
    "afterok": "after it completed", "afterany": "after it ended", "afternotok": "after it failed",
    "after": "after it started", "aftercorr": "task by task, after it completed",
    "afterburstbuffer": "after its burst buffer", "singleton": "one of this name at a time",
}  # fmt: skip
_COUNT_WORDS = ("pending", "running", "done", "failed", "cancelled", "unknown")


class TreeContent(NamedTuple):
    """The tree of one job."""

    job: Job
    dependency: Dependency
    above: tuple[TreeRow, ...]
    below: tuple[TreeRow, ...]


class _Line(NamedTuple):
    pieces: list[Piece]
    job_id: int | None = None


class DependencyTree(ScrolledLines, can_focus=True):
    """Lines with a cursor on those that name a job of the list."""

    DEFAULT_CSS = "DependencyTree { width: 1fr; height: 1fr; }"

    class Chosen(Message):
        """Enter, or a click, on a job."""

        def __init__(self, job_id: int) -> None:
            super().__init__()
            self.job_id = job_id

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self.content: TreeContent | None = None
        self.cursor: int | None = None  # the job id under it
        self._rows: list[_Line] = []

    def show(self, content: TreeContent) -> None:
        """Show this tree; the cursor stays on its job while that is there."""
        if content == self.content:
            return
        old, self.content = self.content, content
        is_other = old is None or old.job.job_id != content.job.job_id
        if is_other:
            self.cursor = None
        self.rebuild(to_top=is_other)

    @property
    def stops(self) -> list[int]:
        """The jobs the cursor can stand on, top to bottom."""
        return [line.job_id for line in self._rows if line.job_id is not None]

    def move(self, by: int) -> None:
        """Move the cursor to the next job; without one, scroll."""
        stops = self.stops
        if not stops:
            self.scroll_relative(y=by, animate=False)
            return
        at = stops.index(self.cursor) if self.cursor in stops else 0
        self.cursor = stops[max(0, min(len(stops) - 1, at + by))]
        self.rebuild()
        self.show_line(next(n for n, line in enumerate(self._rows) if line.job_id == self.cursor))

    def choose(self) -> None:
        """Go to the job under the cursor."""
        if self.cursor is not None:
            self.post_message(self.Chosen(self.cursor))

    def on_click(self, event: events.Click) -> None:
        """A click goes to the job it hits."""
        index = self.scroll_offset.y + event.y
        if index < len(self._rows) and (job_id := self._rows[index].job_id) is not None:
            self.cursor = job_id
            self.rebuild()
            self.choose()

    # ------------------------------------------------------------------ what is drawn

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """Above, the job, below."""
        content = self.content
        if content is None:
            return []
        palette = self.palette
        rows: list[_Line] = [_Line([(" Waits for", palette.group)])]
        any_one = content.dependency.any_will_do
        if any_one and len(content.dependency.conditions) > 1:
            rows.append(_Line([("  any one of these will do", palette.muted)]))
        rows += [self._row(row, width) for row in content.above]
        if content.dependency.unread:
            text = f"  not understood: {clean(content.dependency.unread, self._glyphs)}"
            rows.append(_Line([(fit(text, width, self._glyphs), palette.warning)]))
        elif not content.above:
            rows += [_Line([(text, palette.muted)]) for text in (
                "  nothing now. Slurm forgets a dependency once it is met.",)]  # fmt: skip
        rows += [_Line([]), _Line(self._job(content.job, " ", width, palette.strong)), _Line([])]
        rows.append(_Line([(" Who waits for it", palette.group)]))
        rows += [self._row(row, width) for row in content.below]
        if not content.below:
            rows.append(_Line([("  no job of the list", palette.muted)]))
        self._rows = rows
        stops = self.stops
        if self.cursor not in stops:
            self.cursor = stops[0] if stops else None
        done = False
        lines: list[list[Piece]] = []
        for line in rows:
            pieces = line.pieces
            if line.job_id is not None and line.job_id == self.cursor and not done:
                done = True
                pieces = [(text, palette.on_cursor(style, focused=True)) for text, style in pieces]
            lines.append(pieces)
        return lines

    def ground_of(self, y: int) -> Style:
        """The cursor's line is coloured to its end."""
        at = next((n for n, line in enumerate(self._rows)
                   if line.job_id is not None and line.job_id == self.cursor), -1)  # fmt: skip
        return self.palette.cursor if y == at else self.palette.text

    def _guide(self, row: TreeRow) -> str:
        bar, tee, end = ("|  ", "+- ", "`- ") if self._glyphs.is_ascii else ("│  ", "├─ ", "└─ ")
        above = "".join("   " if last else bar for last in row.last[:-1])
        return f"  {above}{end if row.last[-1] else tee}"

    def _row(self, row: TreeRow, width: int) -> _Line:
        palette, glyphs = self.palette, self._glyphs
        guide: Piece = (self._guide(row), palette.faint)
        if row.more:
            return _Line([guide, (f"and {row.more:,} more", palette.muted)])
        if row.job is None:
            pieces = [guide, (clean(row.label, glyphs), palette.muted), *self._condition(row)]
            pieces.append((f"  {row.note}" if row.note else "", palette.muted))
            return _Line(_cut(pieces, width, glyphs))
        style = palette.failed if row.never else palette.text
        pieces = [guide, *self._job(row.job, "", width, style, row)]
        stop = None if row.note else row.job.job_id  # each job once
        return _Line(_cut(pieces, width, glyphs), stop)

    def _job(
        self, job: Job, margin: str, width: int, style: Style, row: TreeRow | None = None
    ) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        label = clean(row.label if row else job.label, glyphs)
        name = clean(job.name, glyphs)
        name = fit(name, min(width_of(name), max(12, width // 3)), glyphs)
        pieces: list[Piece] = [(f"{margin}{label}  ", style), (f"{name}  ", palette.text)]
        if row is not None and row.counts.total > 1:
            pieces.append((counts_text(row.counts), palette.text))
        else:
            pieces.append((clean(job.state, glyphs), palette.of_state(job.state)))
        return [*pieces, *self._condition(row)] if row else pieces

    def _condition(self, row: TreeRow) -> list[Piece]:
        palette = self.palette
        words = _KIND_WORDS.get(row.kind, "")
        pieces: list[Piece] = [(f"  {clean(row.kind, self._glyphs)}", palette.accent)]
        if row.never:
            pieces.append((f"  {clean(row.never, self._glyphs)}", palette.failed))
        elif words:
            pieces.append((f" ({words})", palette.muted))
        if row.note and row.job is not None:
            pieces.append((f"  {row.note}", palette.muted))
        return pieces


def counts_text(counts: Counts) -> str:
    """``15 pending 6 running 2 failed``, the nothings left out."""
    return " ".join(
        f"{count:,} {word}" for count, word in zip(counts, _COUNT_WORDS, strict=True) if count
    )


def _cut(pieces: Sequence[Piece], width: int, glyphs: Glyphs) -> list[Piece]:
    """As much as fits; a cut shows."""
    kept: list[Piece] = []
    used = 0
    for text, style in pieces:
        if used + width_of(text) > width:
            kept.append((fit(text, width - used, glyphs), style))
            break
        kept.append((text, style))
        used += width_of(text)
    return kept
