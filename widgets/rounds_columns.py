"""How campaigns, rounds and trials stand in their tables."""

from collections.abc import Callable, Sequence

from jobshape.app.domain.campaigns import CampaignLine, RoundLine, TrialLine
from jobshape.app.domain.units import format_short_duration
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette
from jobshape.widgets.row_list import RowColumn
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import bar, clean
from rich.style import Style

Clock = Callable[[], float]
BAR = 10

STATE_WORDS = {
    "pending": "P pending", "sent": "Q queued", "running": "R running", "completed": "C done",
    "failed_oom": "M memory", "failed_other": "F failed", "stuck": "! stuck", "stale": "T stale",
    "left_out": "- left out",
}  # fmt: skip
"""A trial's state: a letter and a word."""

_ROLES = {
    "pending": "muted", "sent": "waiting", "running": "running", "completed": "done",
    "failed_oom": "warning", "failed_other": "failed", "stuck": "failed", "stale": "warning",
    "left_out": "muted",
    "active": "running", "paused": "waiting", "asking": "warning", "stopping": "waiting",
    "stopped": "muted", "finished": "done", "open": "running", "passed": "done",
    "failed": "failed",
}  # fmt: skip


def ink_of(state: str, palette: Palette) -> Style:
    """The style of a state's word."""
    return getattr(palette, _ROLES.get(state, "text"))  # type: ignore[no-any-return]


def progress(
    done: int, failed: int, total: int, width: int, glyphs: Glyphs, palette: Palette
) -> list[Piece]:
    """A bar of what is done and of what failed."""
    if not total:
        return [(glyphs.bar_empty * width, palette.faint)]
    filled, empty = bar((done + failed) / total, width, glyphs)
    bad = min(len(filled), max(1, round(failed / total * width))) if failed else 0
    return [
        (filled[: len(filled) - bad], palette.bar), (filled[len(filled) - bad :], palette.failed),
        (empty, palette.faint),
    ]  # fmt: skip


def short(seconds: float | None) -> str:
    """A span in a few letters; ``-`` where nobody knows."""
    return "-" if seconds is None else format_short_duration(max(0, int(seconds)))


def _number(count: int, style: Style, palette: Palette) -> list[Piece]:
    return [(f"{count:,}", style if count else palette.muted)]


def campaign_columns(clock: Clock, glyphs: Glyphs) -> Sequence[RowColumn[CampaignLine]]:
    """Of the campaigns."""

    def age(one: CampaignLine, palette: Palette, _: int) -> Sequence[Piece]:
        until = one.ended_at if one.ended_at is not None else clock()
        return [(short(until - one.created_at), palette.muted)]

    def told(one: CampaignLine, palette: Palette, _: int) -> Sequence[Piece]:
        if one.question:
            return [(clean(one.question, glyphs), palette.warning)]
        if one.state == "active" and not one.is_run:
            return [("nothing runs it now", palette.warning)]
        return [(clean(one.note, glyphs) or "-", palette.muted)]

    def share(one: CampaignLine, palette: Palette, _: int) -> Sequence[Piece]:
        return progress(one.done + one.needless, one.failed, one.total, BAR, glyphs, palette)

    return (
        RowColumn("ID", 2, 5, lambda one, p, _: [(str(one.key), p.muted)], "right"),
        RowColumn("Campaign", 8, 24, lambda one, p, _: [(clean(one.name, glyphs), p.strong)]),
        RowColumn("State", 8, 8, lambda one, p, _: [(one.state, ink_of(one.state, p))]),
        RowColumn(
            "Rnd", 3, 4,
            lambda one, p, _: [("-" if one.round is None else str(one.round), p.text)], "right",
        ),
        RowColumn("Done", 4, 7, lambda one, p, _: _number(one.done, p.done, p), "right"),
        RowColumn("Fail", 4, 6, lambda one, p, _: _number(one.failed, p.failed, p), "right"),
        RowColumn("Jobs", 4, 7, lambda one, p, _: [(f"{one.total:,}", p.text)], "right"),
        RowColumn("Progress", BAR, BAR, share, rank=1),
        RowColumn("Age", 4, 5, age, "right"),
        RowColumn("Site", 4, 16, lambda one, p, _: [(clean(one.site, glyphs), p.muted)], rank=3),
        RowColumn("Asks, or last", 10, 0, told, rank=2),
    )  # fmt: skip


def round_columns(clock: Clock, glyphs: Glyphs) -> Sequence[RowColumn[RoundLine]]:
    """Of the rounds."""

    def took(one: RoundLine, palette: Palette, _: int) -> Sequence[Piece]:
        until = one.closed_at if one.closed_at is not None else clock()
        return [(short(until - one.opened_at), palette.muted)]

    def share(one: RoundLine, palette: Palette, _: int) -> Sequence[Piece]:
        return progress(one.done, one.failed, one.total, BAR, glyphs, palette)

    return (
        RowColumn("Rnd", 3, 4, lambda one, p, _: [(str(one.key), p.strong)], "right"),
        RowColumn("State", 6, 6, lambda one, p, _: [(one.state, ink_of(one.state, p))]),
        RowColumn("Done", 4, 7, lambda one, p, _: _number(one.done, p.done, p), "right"),
        RowColumn("Fail", 4, 6, lambda one, p, _: _number(one.failed, p.failed, p), "right"),
        RowColumn("All", 4, 7, lambda one, p, _: [(f"{one.total:,}", p.text)], "right"),
        RowColumn("Progress", BAR, BAR, share),
        RowColumn("Took", 4, 5, took, "right"),
        RowColumn("Hypothesis", 12, 0, lambda one, p, _: [(clean(one.hypothesis, glyphs), p.text)]),
        RowColumn(
            "Outcome", 22, 0, lambda one, p, _: [(clean(one.outcome, glyphs) or "-", p.muted)],
            rank=1,
        ),
    )  # fmt: skip


def trial_columns(clock: Clock, glyphs: Glyphs) -> Sequence[RowColumn[TrialLine]]:
    """Of the trials."""

    def span(at: int) -> Callable[[TrialLine, Palette, int], Sequence[Piece]]:
        def cell(one: TrialLine, palette: Palette, _: int) -> Sequence[Piece]:
            seconds = one.times(int(clock()))[at]
            return [(short(seconds), palette.text if seconds else palette.muted)]

        return cell

    def differs(one: TrialLine, palette: Palette, _: int) -> Sequence[Piece]:
        if one.kind == "smoke":
            return [("smoke ", palette.accent), (clean(one.differs, glyphs), palette.muted)]
        said = clean(one.differs, glyphs)
        if one.is_baseline:
            return [("baseline ", palette.group), (said, palette.text)]
        return [(said or "-", palette.text if said else palette.muted)]

    def state(one: TrialLine, palette: Palette, _: int) -> Sequence[Piece]:
        return [(STATE_WORDS.get(one.state, one.state), ink_of(one.state, palette))]

    def told(one: TrialLine, palette: Palette, _: int) -> Sequence[Piece]:
        return [(clean(one.told, glyphs) or "-", palette.muted)]

    def tries(one: TrialLine, palette: Palette, _: int) -> Sequence[Piece]:
        said = str(one.attempts) if one.attempts else "-"
        return [(said, palette.warning if one.attempts > 1 else palette.muted)]

    return (
        RowColumn("State", 10, 10, state),
        RowColumn("Trial", 8, 28, lambda one, p, _: [(clean(one.name, glyphs), p.strong)]),
        RowColumn("Differs from baseline", 14, 0, differs),
        RowColumn("Job", 5, 14, lambda one, p, _: [(one.job or "-", p.muted)]),
        RowColumn("Wait", 4, 5, span(0), "right"),
        RowColumn("Run", 4, 5, span(1), "right"),
        RowColumn("Lost", 4, 5, span(2), "right", rank=2),
        RowColumn("Try", 3, 3, tries, "right", rank=1),
        RowColumn("Outcome, or why", 20, 0, told, rank=3),
    )  # fmt: skip
