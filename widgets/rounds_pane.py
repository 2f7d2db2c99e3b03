"""Beside the tables of campaigns: the gate of a round, a trial, what happened; or a campaign."""

import time
from collections.abc import Callable, Iterator, Sequence

from jobshape.app.domain.campaigns import (
    CampaignLine,
    CampaignPicture,
    RoundLine,
    SavedTime,
    TrialLine,
)
from jobshape.app.domain.units import format_short_duration
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.rounds_columns import STATE_WORDS, ink_of, progress, short
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, cut_at_blanks, fit, width_of
from rich.style import Style

HEAD_BAR, SHORT_BAR, NARROW = 20, 8, 100


class CampaignHead(Lines):
    """The campaign that is open, in two lines."""

    DEFAULT_CSS = "CampaignHead { height: 2; }"

    def __init__(
        self, clock: Callable[[], float], glyphs: Glyphs, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._clock, self._glyphs = clock, glyphs
        self.picture: CampaignPicture | None = None

    def show(self, picture: CampaignPicture | None) -> None:
        """Tell of this one."""
        self.picture = picture
        self.redraw()

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """Name, state, progress, saved; then the question or the last event."""
        picture, palette, glyphs = self.picture, self.palette, self._glyphs
        if picture is None:
            return []
        line = picture.line
        until = line.ended_at if line.ended_at is not None else self._clock()
        cells = SHORT_BAR if width < NARROW else HEAD_BAR
        first: list[Piece] = [
            (f" {clean(line.name, glyphs)} ", palette.group), (f"#{line.key}  ", palette.muted),
            (line.state, ink_of(line.state, palette)), ("  ", palette.text),
            *progress(line.done + line.needless, line.failed, line.total, cells, glyphs, palette),
            (f" {line.done:,} of {line.total:,} done", palette.text),
        ]  # fmt: skip
        if line.failed:
            first.append((f", {line.failed:,} failed", palette.failed))
        if line.needless:
            first.append((f", {line.needless:,} not needed", palette.muted))
        rest: list[Piece] = [
            (f"   {short(until - line.created_at)}", palette.muted),
            *saved_pieces(picture.saved, palette.done, palette.warning, palette.muted),
        ]
        room = width - sum(width_of(text) for text, _ in first)
        for piece in rest:
            if width_of(piece[0]) <= room:
                first.append(piece)
                room -= width_of(piece[0])
        said, style = told_of(line, palette.warning, palette.muted)
        return [first, [(" " + fit(clean(said, glyphs), max(1, width - 2), glyphs), style)]]


def told_of(line: CampaignLine, loud: Style, calm: Style) -> tuple[str, Style]:
    """What is most worth knowing of it now."""
    if line.question:
        return f"asks (y answers): {line.question}", loud
    if line.state == "active" and not line.is_run:
        return "nothing runs it now: its jobs go on, what follows waits", loud
    return line.note or "-", calm


def saved_pieces(saved: SavedTime, good: Style, bad: Style, muted: Style) -> list[Piece]:
    """``saved 2h10 against the baseline``, and its interval where there is one."""
    if saved.seconds is None:
        return [("   saved -", muted)]
    word, style = ("saved", good) if saved.seconds >= 0 else ("lost", bad)
    made: list[Piece] = [
        (f"   {word} {_span(abs(saved.seconds))}", style), (" against the baseline", muted),
    ]  # fmt: skip
    if saved.low is not None and saved.high is not None:
        made.append((f" (90 %: {_signed(saved.low)} to {_signed(saved.high)})", muted))
    return made


def _signed(seconds: float) -> str:
    return f"{'-' if seconds < 0 else ''}{_span(abs(seconds))}"


def _span(seconds: float) -> str:
    return format_short_duration(int(seconds))


class RoundsPane(ScrolledLines, can_focus=True):
    """Of an open campaign: gate, trial, events. Of the list: the campaign under the cursor."""

    def __init__(
        self, clock: Callable[[], float], glyphs: Glyphs, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._clock, self._glyphs = clock, glyphs
        self._campaign: CampaignLine | None = None
        self._picture: CampaignPicture | None = None
        self._round: RoundLine | None = None
        self._trial: TrialLine | None = None

    def show_campaign(self, line: CampaignLine | None) -> None:
        """Tell of a campaign of the list."""
        self._change(line, None, None, None)

    def show_round(
        self, picture: CampaignPicture, one: RoundLine | None, trial: TrialLine | None
    ) -> None:
        """Tell of a round of an open one, and of a trial where the cursor is among these."""
        self._change(None, picture, one, trial)

    def _change(
        self, campaign: CampaignLine | None, picture: CampaignPicture | None,
        one: RoundLine | None, trial: TrialLine | None,
    ) -> None:  # fmt: skip
        new = (campaign, picture, one, trial)
        old = (self._campaign, self._picture, self._round, self._trial)
        if new == old:
            return
        keys = [tuple(part and getattr(part, "key", 0) for part in some) for some in (new, old)]
        self._campaign, self._picture, self._round, self._trial = new
        self.rebuild(to_top=keys[0] != keys[1])

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """All of it."""
        if self._picture is not None:
            return list(self._of_round(self._picture, width))
        return list(self._of_campaign(width)) if self._campaign is not None else []

    def _of_campaign(self, width: int) -> Iterator[list[Piece]]:
        line, palette = self._campaign, self.palette
        assert line is not None
        said, style = told_of(line, palette.warning, palette.text)
        yield from self._text(said, style, width, 1)
        yield []
        yield from self._text(f"manifest  {line.manifest}", palette.muted, width, 1)
        run = "a process runs it" if line.is_run else "no process runs it"
        if line.is_over:
            run = "it has ended"
        began = time.strftime("%Y-%m-%d %H:%M", time.localtime(line.created_at))
        yield from self._text(f"began     {began} at {line.site}, {run}", palette.muted, width, 1)

    def _of_round(self, picture: CampaignPicture, width: int) -> Iterator[list[Piece]]:
        palette, one = self.palette, self._round
        if picture.line.question:
            yield from self._text(f"asks (y answers): {picture.line.question}",
                                  palette.warning, width, 1)  # fmt: skip
            yield []
        if self._trial is not None:
            yield from self._of_trial(self._trial, width)
            yield []
        if one is not None:
            yield [(f" Gate of round {one.key}", palette.group)]
            yield from self._gate(one, width)
            for title, text in (("hypothesis", one.hypothesis), ("outcome", one.outcome)):
                yield from self._text(f"{title}: {text or '-'}", palette.text, width, 3)
            yield []
        yield [(" Events, the newest first", palette.group)]
        for event in reversed(picture.events):
            at = time.strftime("%H:%M:%S", time.localtime(event.at))
            parts = cut_at_blanks(clean(event.text, self._glyphs), max(16, width - 13))
            yield [(f"   {at} ", palette.muted), (parts[0], palette.text)]
            yield from ([(" " * 12 + part, palette.text)] for part in parts[1:])

    def _gate(self, one: RoundLine, width: int) -> Iterator[list[Piece]]:
        palette = self.palette
        if not one.gate:
            yield [("   -", palette.muted)]
        for condition in one.gate:
            sign, style = "[ ]", palette.waiting
            if condition.holds is not None:
                done = condition.holds
                sign, style = ("[x]", palette.done) if done else ("[!]", palette.failed)
            missing = f": {condition.missing}" if condition.missing else ""
            text = clean(f"{condition.name}{missing}", self._glyphs)
            parts = cut_at_blanks(text, max(16, width - 8))
            yield [(f"   {sign} ", style), (parts[0], palette.text)]
            yield from ([("       " + part, palette.text)] for part in parts[1:])

    def _of_trial(self, trial: TrialLine, width: int) -> Iterator[list[Piece]]:
        palette, glyphs = self.palette, self._glyphs
        yield [
            (f" {clean(trial.name, glyphs)}  ", palette.group),
            (STATE_WORDS.get(trial.state, trial.state), ink_of(trial.state, palette)),
        ]  # fmt: skip
        waited, ran, lost = trial.times(int(self._clock()))
        said = f"job {trial.job or '-'}, waited {short(waited)}, ran {short(ran)}"
        if trial.attempts > 1:
            tries = trial.attempts - 1
            before = "the attempt before" if tries == 1 else f"{tries} attempts before"
            said += f", lost {short(lost)} in {before}"
        yield from self._text(said, palette.text, width, 3)
        if trial.differs:
            yield from self._text(trial.differs, palette.text, width, 3)
        if trial.told:
            yield from self._text(trial.told, palette.warning, width, 3)

    def _text(self, text: str, style: Style, width: int, indent: int) -> Iterator[list[Piece]]:
        for part in cut_at_blanks(clean(text, self._glyphs), max(20, width - indent - 1)):
            yield [(" " * indent + part, style)]
