"""What was done to jobs, newest first: one line for all calls of a key press."""

from collections.abc import Callable, Sequence

from jobshape.app.board.columns import clock_text
from jobshape.app.domain.action import ActionRecord, Batch
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette
from jobshape.widgets.scrolled_lines import ScrolledLines
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit, width_of
from rich.style import Style
from textual import events
from textual.message import Message

OUTCOME_WIDTH, MOST_JOBS, LEAST_WORDS = 11, 16, 14

OUTCOME_WORDS = {
    "asked": "under way", "done": "done", "refused": "refused", "unknown": "no answer",
    "undone": "undone",
}  # fmt: skip


class ActionList(ScrolledLines, can_focus=True):
    """The cursor stays with its batch while newer ones come."""

    class Moved(Message):
        """The cursor stands on another batch."""

    class Opened(Message):
        """A batch was clicked twice."""

    def __init__(
        self, clock: Callable[[], float], glyphs: Glyphs, *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._glyphs = glyphs
        self.batches: Sequence[Batch] = ()
        self.at = 0
        self.nothing = "nothing was done yet"
        self._shown: object = None

    @property
    def chosen(self) -> Batch | None:
        """The one under the cursor."""
        return self.batches[self.at] if self.at < len(self.batches) else None

    def show(self, batches: Sequence[Batch], nothing: str) -> None:
        """Show these; ``nothing``: what an empty list says. On the newest it stays there."""
        here = self.chosen.key if self.chosen and self.at else None
        self.batches, self.nothing = batches, nothing
        keys = [batch.key for batch in batches]
        self.at = keys.index(here) if here in keys else max(0, min(self.at, len(keys) - 1))
        shown = (batches, nothing, self.at, clock_text(self._clock(), 0))
        if shown != self._shown:
            self._shown = shown
            self.rebuild()
            self.show_line(self.at)

    def move(self, by: int) -> None:
        """Move the cursor, stopping at the ends."""
        at = max(0, min(len(self.batches) - 1, self.at + by))
        if at != self.at:
            self.at = at
            self.rebuild()
            self.show_line(at)
            self.post_message(self.Moved())

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """Time, jobs, outcome, what was done, and the controller's words."""
        if not self.batches:
            return [[], [("  " + clean(self.nothing, self._glyphs), self.palette.muted)]]
        now = self._clock()
        times = max(len(clock_text(batch.at, now)) for batch in self.batches)
        jobs = max(width_of(jobs_text(batch, self._glyphs)) for batch in self.batches)
        jobs = min(jobs, MOST_JOBS)
        return [self._line(batch, at, width, times, jobs) for at, batch in enumerate(self.batches)]

    def ground_of(self, y: int) -> Style:
        """The cursor's line is coloured to its end."""
        if not self.batches or y != self.at:
            return self.palette.text
        return self.palette.cursor if self.has_focus else self.palette.cursor_blurred

    def on_focus(self) -> None:
        """The cursor is here."""
        self.rebuild()

    def on_blur(self) -> None:
        """The cursor is elsewhere."""
        self.rebuild()

    def _line(self, batch: Batch, at: int, width: int, times: int, jobs: int) -> list[Piece]:
        palette, glyphs = self.palette, self._glyphs
        outcome, style = outcome_text(batch, palette)
        room = max(8, width - times - jobs - OUTCOME_WIDTH - 7)
        title, words = clean(batch.title, glyphs), clean(words_of(batch), glyphs)
        what, told = shares(width_of(title), width_of(words), room)
        pieces: list[Piece] = [
            (f" {clock_text(batch.at, self._clock()):<{times}}  ", palette.muted),
            (fit(jobs_text(batch, glyphs), jobs, glyphs) + "  ", palette.strong),
            (fit(outcome, OUTCOME_WIDTH, glyphs) + "  ", style),
            (fit(title, what, glyphs), palette.text),
        ]
        if told:
            pieces.append(("  " + fit(words, told, glyphs), palette.muted))
        if at == self.at:
            focused = self.has_focus
            pieces = [(text, palette.on_cursor(ink, focused=focused)) for text, ink in pieces]
        return pieces

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor there, a second one opens."""
        index = self.scroll_offset.y + event.y
        if index < len(self.batches):
            self.move(index - self.at)
            if event.chain == 2:
                self.post_message(self.Opened())


def shares(title: int, words: int, room: int) -> tuple[int, int]:
    """Cells for the title and for the words, two cells apart; 0: the words are left out.

    The words get what the title leaves, or two fifths of a wide room, and nothing of a narrow one.
    """
    if not words:
        return room, 0
    left = max(room - title - 2, room * 2 // 5 - 2)
    if left < min(words, LEAST_WORDS):
        return room, 0
    return room - left - 2, left


def state_of(record: ActionRecord) -> str:
    """A key of OUTCOME_WORDS: how it ended, or that it was taken back."""
    return "undone" if record.undone_by is not None else record.outcome


def style_of(state: str, palette: Palette) -> Style:
    """The style of a word of OUTCOME_WORDS."""
    return {
        "asked": palette.accent, "done": palette.done, "refused": palette.failed,
        "unknown": palette.warning,
    }.get(state, palette.muted)  # fmt: skip


def outcome_text(batch: Batch, palette: Palette) -> tuple[str, Style]:
    """How it ended, the worst first: ``2 refused`` of several, ``refused`` of one or of all."""
    states = [state_of(record) for record in batch.records]
    for state in ("asked", "unknown", "refused", "undone", "done"):
        count = states.count(state)
        if count:
            words = OUTCOME_WORDS[state]
            text = words if count == len(states) else f"{count:,} {words}"
            return text, style_of(state, palette)
    return "", palette.text


def jobs_text(batch: Batch, glyphs: Glyphs) -> str:
    """Which job, or how many."""
    count = len(batch.records)
    return f"{count:,} jobs" if count > 1 else clean(batch.records[0].entry.job, glyphs) or "-"


def words_of(batch: Batch) -> str:
    """What the controller said of the first that did not go well; else of the first."""
    told = [record for record in batch.records if record.words]
    told.sort(key=lambda record: record.outcome == "done")
    return told[0].words if told else ""
