"""What was asked about the job of the job screen, and what came of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, NamedTuple

from jobshape.app.domain.errors import JobshapeError, Unreachable
from jobshape.app.domain.job import Job
from jobshape.screens.room import Room

MOST_KEPT = 200
"""Answers kept, so that going to and fro between jobs asks nothing twice."""

FAILED_AGAIN_S = 30.0
"""When a question is asked again that the site did not answer."""

Ask = Callable[[], Awaitable[Any]]


class Answer(NamedTuple):
    """What is known of one question. ``of``: the record it was asked for."""

    state: Literal["answered", "failed"]
    value: Any
    note: str  # why it failed, in one line
    is_final: bool  # the same again would give the same
    of: Job
    at: float


class Answers:
    """Asks beside the loop and keeps what came; tells the screen which question got an answer."""

    def __init__(self, screen: Room, arrived: Callable[[int, str], None]) -> None:
        self._screen = screen
        self._arrived = arrived
        self._known: dict[tuple[int, str], Answer] = {}
        self._asked: set[tuple[int, str]] = set()
        self._resting = 0  # of those asked, how many only wait until it is decent to ask

    @property
    def is_asking(self) -> bool:
        """Whether an answer is on its way."""
        return len(self._asked) > self._resting

    def of(self, job_id: int, question: str) -> Answer | None:
        """The last answer, None while there was none."""
        return self._known.get((job_id, question))

    def want(
        self, job: Job, question: str, ask: Ask, *, again_after_s: float | None = None
    ) -> None:
        """Ask, unless that was done: again only if told to, and not sooner than this.

        What nobody answered is asked again by itself.
        """
        key = (job.job_id, question)
        known = self._known.get(key)
        if known is not None and not known.is_final and again_after_s is None:
            again_after_s = FAILED_AGAIN_S
        if key in self._asked or (known is not None and again_after_s is None):
            return
        pause_s = 0.0
        if known is not None and again_after_s is not None:
            pause_s = max(0.0, known.at + again_after_s - self._screen.clock())
        self._asked.add(key)
        self._screen.run_worker(self._ask(key, job, ask, pause_s), group="ask", exit_on_error=False)

    async def _ask(self, key: tuple[int, str], job: Job, ask: Ask, pause_s: float) -> None:
        is_final = True
        try:
            if pause_s:
                self._resting += 1
                try:
                    await asyncio.sleep(pause_s)
                finally:
                    self._resting -= 1
            value, note = await ask(), ""
        except JobshapeError as error:
            value, note, is_final = None, said(error), not isinstance(error, Unreachable)
        finally:
            self._asked.discard(key)
        if len(self._known) >= MOST_KEPT:
            self._known.clear()
        state: Literal["answered", "failed"] = "failed" if note else "answered"
        self._known[key] = Answer(state, value, note, is_final, job, self._screen.clock())
        self._arrived(*key)


def said(error: JobshapeError) -> str:
    """An error in one line, with what to do about it."""
    kind = "Unreachable: " if type(error).__name__ == "Unreachable" else ""
    hint = f" ({error.hint})" if error.hint else ""
    return f"{kind}{error.what}{hint}"
