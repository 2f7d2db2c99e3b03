"""Everything of one batch of actions: who, when, why, and each job with what came back."""

import textwrap
import time
from collections.abc import Mapping, Sequence
from typing import Any

from jobshape.app.domain.action import ActionRecord, Batch
from jobshape.app.domain.undo import why_not
from jobshape.widgets.action_list import OUTCOME_WORDS, state_of, style_of
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit
from rich.style import Style
from textual import events
from textual.message import Message

JOB_WIDTH, OUTCOME_WIDTH, TEXT_WIDTH = 14, 9, 100


class ActionPane(ScrolledLines, can_focus=True):
    """With the focus it has a cursor, which goes from job to job."""

    class Opened(Message):
        """A job was clicked twice."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self.shown: Batch | None = None
        self.at = 0
        self._places: list[int] = []  # the line of each job

    @property
    def record(self) -> ActionRecord | None:
        """The one under the cursor."""
        return self.shown.records[self.at] if self.shown else None

    def show(self, batch: Batch | None) -> None:
        """Tell of this one; the same again keeps its cursor."""
        if batch == self.shown:
            return
        same = batch is not None and self.shown is not None and batch.key == self.shown.key
        self.shown = batch
        self.at = min(self.at, len(batch.records) - 1) if same and batch else 0
        self.rebuild(to_top=not same)

    def move(self, by: int) -> None:
        """Move the cursor, stopping at the ends."""
        if self.shown is None:
            return
        at = max(0, min(len(self.shown.records) - 1, self.at + by))
        if at == 0 and by < 0:
            self.scroll_to(y=0, animate=False)
        if at != self.at:
            self.at = at
            self.rebuild()
        if at and self._places:
            after = self._places[at + 1] if at + 1 < len(self._places) else len(self._lines)
            self.show_line(min(after - 1, self._places[at] + max(0, self.size.height - 1)))
            self.show_line(self._places[at])

    def on_focus(self) -> None:
        """The cursor is here."""
        self.rebuild()
        self.move(0)

    def on_blur(self) -> None:
        """The cursor is elsewhere."""
        self.rebuild()

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """The head, then job by job."""
        self._places = []
        batch, palette, glyphs = self.shown, self.palette, self._glyphs
        if batch is None:
            return []
        first = batch.records[0]
        lines: list[list[Piece]] = [
            [(" " + part, palette.group)] for part in self._wrapped(batch.title, width - 2)
        ]
        lines.append([(f"  {_moment(batch.at)}  by {clean(first.user, glyphs) or '-'}",
                       palette.muted)])  # fmt: skip
        if first.entry.reason:
            lines += self._prose(f"why: {first.entry.reason}", width, palette.text)
        reasons = [why_not(record) for record in batch.records]
        if None in reasons:
            count = reasons.count(None)
            part = "" if count == len(reasons) else f" on {count:,} of {len(reasons):,} jobs"
            lines += self._prose(f"^z takes it back{part}", width, palette.accent)
        elif reasons[0]:
            lines += self._prose(f"no undo: {reasons[0]}", width, palette.muted)
        lines.append([])
        for at, record in enumerate(batch.records):
            self._places.append(len(lines))
            lines += self._job(record, width, batch, is_here=self.has_focus and at == self.at)
        return lines

    def ground_of(self, y: int) -> Style:
        """The cursor's line is coloured to its end."""
        here = self.has_focus and self.at < len(self._places) and self._places[self.at] == y
        return self.palette.cursor if here else self.palette.text

    def _job(
        self, record: ActionRecord, width: int, batch: Batch, *, is_here: bool
    ) -> list[list[Piece]]:
        palette, glyphs, entry = self.palette, self._glyphs, record.entry
        state = state_of(record)
        what = "" if entry.words == batch.title else clean(entry.words, glyphs)
        room = max(1, width - JOB_WIDTH - OUTCOME_WIDTH - 5)
        head: list[Piece] = [
            ("  " + fit(clean(entry.job, glyphs) or "-", JOB_WIDTH, glyphs) + " ", palette.strong),
            (fit(OUTCOME_WORDS[state], OUTCOME_WIDTH, glyphs) + " ", style_of(state, palette)),
            (fit(what, room, glyphs) if what else "", palette.text),
        ]
        if is_here:
            head = [(text, palette.on_cursor(style, focused=True)) for text, style in head]
        lines = [head]
        style = palette.muted if record.outcome == "done" else palette.text
        for text in (record.words, *_details(record, batch)):
            if text:
                lines += self._prose(text, width, style, indent=4)
        return lines

    def _prose(self, text: str, width: int, style: Style, indent: int = 2) -> list[list[Piece]]:
        return [[(" " * indent + part, style)] for part in self._wrapped(text, width - indent - 2)]

    def _wrapped(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(clean(text, self._glyphs), max(16, min(TEXT_WIDTH, width)))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor there, a second one opens the job."""
        line = self.scroll_offset.y + event.y
        at = max((n for n, place in enumerate(self._places) if place <= line), default=None)
        if at is None:
            return
        self.move(at - self.at)
        if event.chain == 2:
            self.post_message(self.Opened())


def _details(record: ActionRecord, batch: Batch) -> list[str]:
    """Reason and arguments, where they are its own or the title does not say them."""
    entry, first = record.entry, batch.records[0].entry
    told = []
    if entry.reason and entry.reason != first.reason:
        told.append(f"why: {entry.reason}")
    if entry.arguments and entry.method != "update":
        told.append(_pairs(entry.arguments))
    if record.undone_by is not None:
        told.append(f"taken back by action {record.undone_by}")
    return told


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in values.items())


def _moment(at: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
