"""The columns of the stage table: what each says of a stage, and which of them fit in a width."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jobshape.app.domain.spans import pace_words
from jobshape.app.domain.stage import StageSummary
from jobshape.app.domain.units import format_short_duration, format_size
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette
from jobshape.widgets.spans import Piece
from jobshape.widgets.stage_bars import jobs_bar, split_bar
from jobshape.widgets.text import clean, fit
from rich.style import Style

HIGH_SHARE = 0.95
"""Share of what was asked from which a figure is coloured: it is nearly all."""

LOW_SHARE = 0.3
"""Share of CPU or GPU below which most of what is held does nothing."""

FAILS_SHARE = 0.1

BARS = ("jobs", "split")
"""Columns that share what is left of the width."""

Draw = Callable[[StageSummary, int, Palette, Glyphs], list[Piece]]
"""(stage, cells, palette, glyphs) -> pieces of exactly so many cells."""


class StageColumn(NamedTuple):
    """One column. ``rank``: the highest goes first where there is no room."""

    key: str
    title: str
    least: int
    liked: int
    rank: int
    draw: Draw
    right: bool = True


class Placed(NamedTuple):
    """A column and how many cells it has."""

    column: StageColumn
    width: int


def place(width: int, columns: Sequence[StageColumn], gap: int, left: int) -> tuple[Placed, ...]:
    """The columns that fit, left to right; what is left over goes to those that like more."""
    kept = list(columns)
    while len(kept) > 1 and left + sum(c.least + gap for c in kept) - gap > width:
        kept.remove(max(kept, key=lambda c: c.rank))
    widths = [c.least for c in kept]
    spare = width - left - sum(widths) - gap * (len(kept) - 1)
    for at in sorted(range(len(kept)), key=lambda n: kept[n].rank):
        if kept[at].key not in BARS:
            more = max(0, min(spare, kept[at].liked - widths[at]))
            widths[at] += more
            spare -= more
    bars = [at for at, column in enumerate(kept) if column.key in BARS]
    for number, at in enumerate(bars):
        more = max(0, min(spare // (len(bars) - number), kept[at].liked - widths[at]))
        widths[at] += more
        spare -= more
    return tuple(map(Placed, kept, widths))


def text_cell(text: str, width: int, style: Style, glyphs: Glyphs, *, right: bool) -> list[Piece]:
    """A text in its cells."""
    return [(fit(clean(text, glyphs), width, glyphs, "right" if right else "left"), style)]


def _count(name: str, role: str) -> Draw:
    def draw(one: StageSummary, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
        number = getattr(one.counts, name)
        finished = name in ("done", "failed")
        capped = "+" if finished and one.counts_capped and number else ""
        style = getattr(palette, role) if number else palette.faint
        return text_cell(f"{short_count(number)}{capped}", width, style, glyphs, right=True)

    return draw


def short_count(number: int) -> str:
    """A count in at most four figures: ``9999``, ``12k``."""
    return str(number) if number < 10_000 else f"{number // 1000}k"


def _memory(one: StageSummary, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
    asked = one.shape.node_memory_bytes if one.shape else None
    used = None if one.memory is None else round(one.memory.p95)
    style = _share_style(one.memory_share, palette)
    return text_cell(f"{format_size(used)}/{format_size(asked)}", width, style, glyphs, right=True)


def _elapsed(one: StageSummary, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
    limit = one.shape.time_limit_s if one.shape else None
    used = None if one.elapsed is None else round(one.elapsed.p95)
    text = f"{format_short_duration(used)}/{format_short_duration(limit)}"
    return text_cell(text, width, _share_style(one.limit_share, palette), glyphs, right=True)


def _share_style(share: float | None, palette: Palette) -> Style:
    if share is None:
        return palette.muted
    return palette.warning if share >= HIGH_SHARE else palette.text


def _percent(share_of: Callable[[StageSummary], float | None]) -> Draw:
    def draw(one: StageSummary, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
        share = share_of(one)
        if share is None:
            return text_cell("-", width, palette.faint, glyphs, right=True)
        style = palette.warning if share < LOW_SHARE else palette.text
        return text_cell(f"{100 * share:.0f}%", width, style, glyphs, right=True)

    return draw


def _failures(one: StageSummary, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
    rate = one.failure_rate
    if rate is None:
        return text_cell("-", width, palette.faint, glyphs, right=True)
    style = palette.failed if rate >= FAILS_SHARE else palette.text
    return text_cell(f"{100 * rate:.0f}%", width, style, glyphs, right=True)


def _split(one: StageSummary, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
    """Median wait, its bar with the median run's, median run."""
    wait = "-" if one.wait is None else format_short_duration(round(one.wait.p50))
    run = "-" if one.elapsed is None else format_short_duration(round(one.elapsed.p50))
    room = max(1, width - 12)
    share = one.wait_share
    if share is None:
        bar: list[Piece] = [(glyphs.bar_empty * room, palette.faint)]
    else:
        bar = split_bar(share, room, palette, glyphs)
    return [
        (f"{wait:>5} ", palette.waiting if one.wait else palette.faint), *bar,
        (f" {run:<5}", palette.text if one.elapsed else palette.faint),
    ]  # fmt: skip


def _pace(one: StageSummary, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
    pace = one.pace_per_hour
    text = "-" if pace is None else pace_words(pace)
    return text_cell(text, width, palette.text if pace else palette.faint, glyphs, right=True)


def _retries(one: StageSummary, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
    text = "-" if one.retries is None else short_count(one.retries)
    style = palette.text if one.retries else palette.faint
    return text_cell(text, width, style, glyphs, right=True)


def _eta(one: StageSummary, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
    if one.eta is None:
        return text_cell("-", width, palette.faint, glyphs, right=True)
    text = format_short_duration(round(one.eta.mid_s))
    return text_cell(f"~{text}", width, palette.text, glyphs, right=True)


def _name(one: StageSummary, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
    return text_cell(one.stage, width, palette.strong, glyphs, right=False)


def _jobs(one: StageSummary, width: int, palette: Palette, glyphs: Glyphs) -> list[Piece]:
    return jobs_bar(one.counts, width, palette, glyphs)


STAGE_COLUMNS: tuple[StageColumn, ...] = (
    StageColumn("stage", "Stage", 13, 18, 0, _name, right=False),
    StageColumn("jobs", "Jobs", 8, 48, 6, _jobs, right=False),
    StageColumn("waiting", "PD", 4, 6, 1, _count("waiting", "waiting")),
    StageColumn("running", "R", 3, 6, 2, _count("running", "running")),
    StageColumn("done", "Done", 4, 6, 7, _count("done", "done")),
    StageColumn("failed", "F", 3, 5, 3, _count("failed", "failed")),
    StageColumn("memory", "Mem/asked", 9, 11, 4, _memory),
    StageColumn("elapsed", "Run/limit", 11, 12, 8, _elapsed),
    StageColumn("cpu", "CPU", 4, 5, 9, _percent(lambda one: one.cpu_efficiency)),
    StageColumn("gpu", "GPU", 4, 5, 11,
                _percent(lambda one: None if one.gpu_percent is None else one.gpu_percent / 100)),
    StageColumn("split", "Wait / run", 18, 48, 5, _split, right=False),
    StageColumn("pace", "Done/h", 6, 7, 10, _pace),
    StageColumn("fails", "Fails", 5, 5, 4, _failures),
    StageColumn("retries", "Retry", 5, 5, 12, _retries),
    StageColumn("eta", "To go", 6, 7, 3, _eta),
)  # fmt: skip
"""All columns, left to right. PD and R are Slurm's letters; To go: time until all is over."""
