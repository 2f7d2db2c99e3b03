"""What was done to jobs, newest first: one line for all calls of a key press."""

from collections.abc import Sequence

from jobshape.app.board.columns import clock_text
from jobshape.app.domain.action import ActionRecord, Batch
from jobshape.widgets.cursor_list import CursorList
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit, width_of
from rich.style import Style

OUTCOME_WIDTH, MOST_JOBS, LEAST_WORDS = 11, 16, 14

OUTCOME_WORDS = {
    "asked": "under way", "done": "done", "refused": "refused", "unknown": "no answer",
    "undone": "undone",
}  # fmt: skip


class ActionList(CursorList[Batch]):
    """Time, jobs, outcome, what was done, and the controller's words."""

    STAYS_FIRST = True  # who looks at the newest sees what comes

    def times(self) -> object:
        """A moment stands as a time of day until the day is over."""
        return clock_text(self._clock(), 0)

    def lines_of(self, items: Sequence[Batch], width: int) -> Sequence[Sequence[Piece]]:
        """Columns as wide as what stands in them."""
        now = self._clock()
        times = max(len(clock_text(batch.at, now)) for batch in items)
        jobs = max(width_of(jobs_text(batch, self._glyphs)) for batch in items)
        jobs = min(jobs, MOST_JOBS)
        return [self._line(batch, width, times, jobs) for batch in items]

    def _line(self, batch: Batch, width: int, times: int, jobs: int) -> list[Piece]:
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
        return pieces


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
