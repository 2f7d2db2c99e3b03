"""Sends actions to the site a few at a time, each kept in the log before and told of after."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from jobshape.app.domain.action import (
    ActionEntry,
    Begun,
    Ended,
    Outcome,
    call_arguments,
    outcome_of,
)
from jobshape.app.domain.errors import JobshapeError
from jobshape.screens.ports import ActionLog

if TYPE_CHECKING:
    from jobshape.screens.room import Room

AT_ONCE = 4
"""Calls under way together: more would only queue up at the controller."""


class Sent(NamedTuple):
    """One action and what came back; ``words`` are the controller's, "" where it was done."""

    entry: ActionEntry
    outcome: Outcome
    words: str = ""

    @property
    def is_done(self) -> bool:
        """Whether it was done."""
        return self.outcome == "done"


class Sending(NamedTuple):
    """What became of some actions, in their order; note: why the log does not have all of it."""

    sent: tuple[Sent, ...]
    note: str = ""


async def send(screen: "Room", entries: Sequence[ActionEntry]) -> Sending:
    """Do these; raises nothing that the site says, only a mistake in jobshape itself."""
    log = screen.context.action_log
    begun = await log.begin(entries)
    told = _Told(log, begun)
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(place: int, entry: ActionEntry) -> Sent:
        async with gate:
            try:
                await screen.actions.call(entry.method, **call_arguments(entry))
            except JobshapeError as error:
                words = error.words
                outcome = outcome_of(error)
                if outcome == "unknown":
                    words = f"{words}; it may be done all the same: look before you try again"
                sent = Sent(entry, outcome, words)
            except Exception as error:
                told.add(place, Sent(entry, "unknown", f"a mistake in jobshape: {error!r}"))
                raise
            else:
                sent = Sent(entry, "done")
            told.add(place, sent)
            return sent

    calls = (one(place, entry) for place, entry in enumerate(entries))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    await told.finish()
    sent = []
    for answer in answers:
        if isinstance(answer, BaseException):
            raise answer
        sent.append(answer)
    return Sending(tuple(sent), begun.note or told.note)


class _Told:
    """Tells the log what came back: all that came while it was busy with what came before."""

    def __init__(self, log: ActionLog, begun: Begun) -> None:
        self._log = log
        self._ids = begun.ids
        self._waiting: list[Ended] = []
        self._task: asyncio.Task[None] | None = None
        self.note = ""

    def add(self, place: int, sent: Sent) -> None:
        """This came back."""
        if not self._ids:
            return
        self._waiting.append(Ended(self._ids[place], sent.outcome, sent.words))
        if self._task is None:
            self._task = asyncio.create_task(self._tell())

    async def _tell(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting, []
            self.note = await self._log.end(some) or self.note
        self._task = None

    async def finish(self) -> None:
        """All is told."""
        if self._task is not None:
            await self._task
