"""Takes back what was done: shows first what will be sent."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from jobshape.app.board.columns import clock_text
from jobshape.app.board.named import is_over, records_of
from jobshape.app.domain.action import ActionEntry, ActionRecord, Batch
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.domain.undo import Undo, last_undo, undo_of
from jobshape.screens.act import report
from jobshape.screens.acting import count_words
from jobshape.screens.confirm import LISTED
from jobshape.screens.dialog import Dialog, Words
from jobshape.screens.sending import send
from jobshape.widgets.palette import palette_of
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, cut_at_blanks, fit
from textual.binding import Binding
from textual.widget import Widget

if TYPE_CHECKING:
    from jobshape.screens.room import Room

WORDS_WIDTH = 66
"""Of what is sent to a job, in the box of a dialog."""

CLOCKS_APART_S = 60
"""How far the controller's clock may be from ours."""

LOOKED_AT = 1000
"""Of the newest actions so many are looked at for one that can be taken back."""

LONGEST_AGO_S = 7 * 86400
"""What is older is taken back only from the list, where it is seen what it is."""


async def undo_last(screen: "Room") -> None:
    """Take back the last batch of this user that can be."""
    records = await _recent(screen)
    if records is None:
        return
    since = screen.clock() - LONGEST_AGO_S
    found = last_undo([one for one in records if one.at >= since], screen.board.link.user)
    if found is None:
        nothing = "undo: nothing of the last days can be taken back; all that was done: 5"
        screen.status.say(nothing, problem=True)
        return
    _ask(screen, *found)


async def undo_batch(screen: "Room", batch: Batch) -> None:
    """Take back this one."""
    records = await _recent(screen)
    if records is None:
        return
    _ask(screen, batch, undo_of(batch, records))


async def _recent(screen: "Room") -> list[ActionRecord] | None:
    try:
        records = await screen.context.action_log.recent(LOOKED_AT)
    except JobshapeError as error:
        screen.status.say(f"undo: {error.what}", problem=True)
        return None
    if records is None:
        screen.status.say("undo: nothing is kept of what was done: no history", problem=True)
    return records


def _ask(screen: "Room", batch: Batch, undo: Undo) -> None:
    undo = _without_ended(screen, batch, undo)
    if not undo.entries:
        reason = undo.left_out[0][1] if undo.left_out else "nothing was done"
        screen.status.say(f"undo {batch.title}: {reason}", problem=True)
        return

    def answered(yes: bool | None) -> None:
        if yes:
            screen.run_worker(_carry_out(screen, undo), group="act", exit_on_error=False)

    screen.app.push_screen(UndoScreen(screen, batch, undo), answered)


def _without_ended(screen: "Room", batch: Batch, undo: Undo) -> Undo:
    """Without what the board speaks against: over by now, started, or another job of that id."""
    kept: list[ActionEntry] = []
    left_out = list(undo.left_out)
    for entry in undo.entries:
        reason = _against(screen, batch, entry)
        if reason:
            left_out.append((entry.job, reason))
        else:
            kept.append(entry)
    return Undo(tuple(kept), tuple(left_out))


def _against(screen: "Room", batch: Batch, entry: ActionEntry) -> str:
    records = records_of(screen.board, entry.job)
    if is_over(screen.board, entry.job):
        return "the job is over"
    if records and all((job.submit_time or 0) > batch.at + CLOCKS_APART_S for job in records):
        return "another job has that id now"
    started = records and all(phase_of(job.state) is not Phase.WAITING for job in records)
    if entry.method == "hold" and started:
        return "it started since"
    return ""


async def _carry_out(screen: "Room", undo: Undo) -> None:
    count = len(undo.entries)
    screen.status.say(f"undo: {count_words(count, count)}, asking {screen.board.link.scheduler}")
    sending = await send(screen, undo.entries)
    screen.actions.refresh()
    done = sum(sent.is_done for sent in sending.sent)
    titles = {entry.words for entry in undo.entries}
    what = titles.pop() if len(titles) == 1 else "as it was before"
    said = f"taken back on {count_words(done, done)}: {what}" if done else "nothing was taken back"
    report(screen, "Undo", said, sending)


class UndoScreen(Dialog[bool | None]):
    """Gives True only for ``y``: Enter, pressed once too often, does nothing."""

    AUTO_FOCUS: ClassVar[str | None] = None
    BINDINGS = [
        Binding("y", "answer(True)", "Yes", show=False),
        Binding("n,escape,q", "answer(False)", "No", show=False),
    ]

    def __init__(self, screen: "Room", batch: Batch, undo: Undo) -> None:
        count = len(undo.entries)
        super().__init__(f"Take back on {count_words(count, count)}?", screen.glyphs)
        self._screen, self._batch, self._undo = screen, batch, undo

    def content(self) -> Iterable[Widget]:
        """What was done and when, what will be sent to which job, the two answers."""
        palette, glyphs, undo = palette_of(self.app), self.glyphs, self._undo
        when = clock_text(self._batch.at, self._screen.clock())
        lines: list[list[Piece]] = [
            [],
            [(f"  {when}  ", palette.muted),
             (clean(f"you did: {self._batch.title}", glyphs), palette.muted)],
            [],
        ]  # fmt: skip
        for entry in undo.entries[:LISTED]:
            states = {job.state.lower() for job in records_of(self._screen.board, entry.job)}
            state = states.pop() if len(states) == 1 else ""
            lines.append([
                ("  " + fit(clean(entry.job, glyphs), 14, glyphs) + " ", palette.strong),
                (fit(clean(state, glyphs), 10, glyphs) + " ", palette.muted),
            ])  # fmt: skip
            for part in cut_at_blanks(clean(entry.words, glyphs), WORDS_WIDTH):
                lines.append([("      " + part.rstrip(), palette.text)])
        if len(undo.entries) > LISTED:
            lines.append([(f"  and {len(undo.entries) - LISTED:,} more", palette.strong)])
        lines.append([])
        counted: dict[str, int] = {}
        for _, reason in undo.left_out:
            counted[reason] = counted.get(reason, 0) + 1
        for reason, count in counted.items():
            text = f"  left out: {count_words(count, count)}, {reason}"
            lines.append([(clean(text, glyphs), palette.muted)])
        if counted:
            lines.append([])
        lines.append([
            ("  y", palette.key), (" send it", palette.strong),
            ("     n", palette.key), (" leave it as it is", palette.text),
        ])  # fmt: skip
        yield Words(lines)

    def action_answer(self, yes: bool) -> None:
        """Answer."""
        self.dismiss(yes)
