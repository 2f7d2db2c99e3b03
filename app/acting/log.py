"""The log of what is done to jobs, in the history of the site that a board shows.

Nothing that a person does waits for a history that cannot be written: it is done all the same, and
a note says that it is not kept.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from jobshape.app.acting.board_history import BoardHistory
from jobshape.app.board.board import Board
from jobshape.app.domain.action import (
    ActionEntry,
    ActionRecord,
    Begun,
    Ended,
    Outcome,
    SubmissionRecord,
    touches,
)
from jobshape.app.domain.errors import JobshapeError

if TYPE_CHECKING:
    from jobshape.app.history.history import History

Answer = TypeVar("Answer")

BEGINS_WITHIN_S = 3.0

SAME_S = 600
"""Older submissions of the same jobs were seen when this one was planned."""

NO_HISTORY = "the history is switched off, or not open yet"


class HistoryActionLog(BoardHistory):
    """Writing gives a note, "" where all is well, and never raises; reading raises a JobshapeError.

    ``revision`` grows with all that is written here. is_on: there is a history, though the board
    may not know of it in the first second; a writing waits for that.
    """

    def __init__(self, board: Board, *, is_on: bool = False) -> None:
        super().__init__(board)
        self._is_on = is_on
        self.revision = 0

    # --- written ----------------------------------------------------------------------------

    async def begin(self, entries: Sequence[ActionEntry]) -> Begun:
        """Keep what will be sent now; it is on disk when this returns."""
        ids, note = await self._write(
            lambda history, site: history.begin_actions(site, self._user, entries)
        )
        return Begun(ids or (), note)

    async def end(self, ended: Iterable[Ended]) -> str:
        """Keep what became of actions; gives a note."""
        told = list(ended)
        if not told:
            return ""
        _, note = await self._write(lambda history, site: history.end_actions(told))
        return note

    async def begin_submission(self, record: SubmissionRecord) -> Begun:
        """Keep what will be submitted now, with its action; the id is that of the submission."""
        kept, note = await self._write(
            lambda history, site: history.begin_submission(site, self._user, record)
        )
        return Begun(() if kept is None else (kept,), note)

    async def end_submission(
        self, begun: Begun, job_id: int | None, outcome: Outcome, words: str = ""
    ) -> str:
        """Keep what became of a submission; gives a note."""
        if not begun.ids:
            return ""
        (submission,) = begun.ids
        _, note = await self._write(
            lambda history, site: history.end_submission(submission, job_id, outcome, words)
        )
        return note

    @property
    def _user(self) -> str:
        return self._board.link.user

    async def _write(self, change: Callable[["History", str], Answer]) -> tuple[Answer | None, str]:
        await self._begun()
        if not self._is_known:
            trouble = self._board.history.trouble or NO_HISTORY
            return None, f"not kept in history: {trouble}"
        try:
            answer = await self._change(change)
        except JobshapeError as error:
            return None, f"not kept in history: {error.what}"
        finally:
            self.revision += 1
        return answer, ""

    async def _begun(self) -> None:
        """Wait until the board knows where the history is, if it can be expected to."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + BEGINS_WITHIN_S
        while self._is_on and loop.time() < deadline:
            if self._board.history.site and self._user:
                return
            await asyncio.sleep(0.02)

    # --- read -------------------------------------------------------------------------------

    async def recent(self, limit: int, job: str | None = None) -> list[ActionRecord] | None:
        """The newest actions here, newest first, no batch cut; None where nothing is kept.

        job: only those that concern this job, task or array.
        """
        return await self._read(lambda history, site: history.actions(site, limit, job))

    async def submission(self, job_id: int) -> SubmissionRecord | None:
        """What was submitted as this job, or as the array that it is a task of."""
        return await self._read(lambda history, site: history.submission(site, job_id))

    async def submissions(
        self, *, script_hash: str = "", configuration_hash: str = "", since: int | None = None
    ) -> list[SubmissionRecord] | None:
        """Submissions with these hashes, "" for any, newest first; None: nothing is kept."""
        return await self._read(
            lambda history, site: history.submissions(
                site, script_hash=script_hash, configuration_hash=configuration_hash, since=since
            )
        )

    async def is_second(self, jobs: Sequence[str], own_id: int) -> bool:
        """Whether some of these jobs were sent again by a submission that was kept before ours."""
        others = await self.submissions(since=int(time.time()) - SAME_S) or []
        return any(
            other.id < own_id and other.outcome != "refused"
            and any(touches(mine, theirs) for mine in jobs for theirs in other.resubmitted_from)
            for other in others
        )  # fmt: skip
