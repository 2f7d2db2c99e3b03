"""Sends failed jobs again by itself while the app runs, as far as policy says.

What is sent stands in history before it goes, with the reason; so neither a start anew nor a
second window sends it twice. Without a history nothing is sent by itself.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from jobshape.app.board.board import Board
from jobshape.app.domain.action import (
    Begun,
    Outcome,
    SubmissionRecord,
    leading_id,
    new_batch,
    outcome_of,
)
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.resubmission import Resubmission, ResubmissionPlan, Wanted
from jobshape.app.domain.terms import Terms
from jobshape.app.resubmit.retrying import (
    Failure,
    Line,
    RetryKeeper,
    label_of_reason,
    reason_of,
    verdict,
)
from jobshape.app.scripts.draft import Draft, Project, draft_of, record_of

Call = Callable[..., Awaitable[Any]]
Blocks = Callable[[Draft], Awaitable[Sequence[str]]]
"""What the pre-flight has against a draft, in words; nothing where it may be sent."""

LOOK_S = 5.0
AGAIN_S = 300.0
"""When it is tried anew after the site gave no answer, or the pre-flight blocks."""

SLICE_JOBS, SLICE_S = 500, 0.003
LONGEST_LINE = 50


class Log(Protocol):
    """Where it is kept what is sent; :class:`~jobshape.app.acting.log.HistoryActionLog` is one."""

    async def begin_submission(self, record: SubmissionRecord) -> Begun:
        """Keep what will be submitted now."""
        ...

    async def end_submission(
        self, begun: Begun, job_id: int | None, outcome: Outcome, words: str = ""
    ) -> str:
        """Keep what became of it."""
        ...

    async def submission(self, job_id: int) -> SubmissionRecord | None:
        """What was submitted as this job."""
        ...

    async def submissions(
        self, *, script_hash: str = "", configuration_hash: str = "", since: int | None = None
    ) -> list[SubmissionRecord] | None:
        """Submissions since then, newest first; None: nothing is kept."""
        ...

    async def is_second(self, jobs: Sequence[str], own_id: int) -> bool:
        """Whether some of these jobs were sent again by a submission kept before this one."""
        ...


class RetryWatch:
    """Runs beside the app. tell: is given a line for the person, and whether it is a problem."""

    def __init__(
        self, board: Board, terms: Terms, call: Call, clock: Callable[[], float], log: Log,
        tell: Callable[[str, bool], None], blocks: Blocks, command: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self._board, self._call, self._clock, self._log = board, call, clock, log
        self._tell, self._blocks, self._command = tell, blocks, tuple(command)
        self.keeper = RetryKeeper(terms)
        self._terms = terms
        self._changes = board.watch()
        self._is_first = True
        self._said_off = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; inside the running loop."""
        self._task = asyncio.create_task(self._run(), name="retries")

    def stop(self) -> None:
        """No more of it."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except JobshapeError as error:
                self._tell(f"nothing is sent again by itself just now: {error}", True)
                await asyncio.sleep(AGAIN_S)
            except Exception:  # a mistake of ours must not end the app
                logging.getLogger(__name__).exception("a retry failed")
                self._tell("a retry failed because of a mistake in jobshape; see its log", True)
                await asyncio.sleep(AGAIN_S)
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """See what changed, and send what is due; one round."""
        await self._see()
        now = self._clock()
        for failure in list(self.keeper.failures(self._board.findings.get, now)):
            if not self._board.history.site:
                if not self._said_off:
                    self._said_off = True
                    self._tell("nothing is sent again by itself: there is no history to count in",
                               True)  # fmt: skip
                return
            line = await self._line(failure)
            said = verdict(failure, line, self._terms)
            if said.stopped:
                self.keeper.settle(failure)
                self._tell(f"{failure.name} is not sent again: {said.stopped} (r: resubmit)", True)
            elif now >= said.due_at:
                await self._send(failure, said.time)
            else:
                self.keeper.put_off(failure, said.due_at)

    async def _see(self) -> None:
        board = self._board
        user = board.link.user
        if not user:
            return
        changed = list(self._changes.take())
        if self._is_first:
            self._is_first = False
            changed = list(board.jobs)
        began = time.monotonic()
        for at, job_id in enumerate(changed):
            if at % SLICE_JOBS == SLICE_JOBS - 1 and time.monotonic() - began > SLICE_S:
                await asyncio.sleep(0)
                began = time.monotonic()
            job = board.jobs.get(job_id)
            self.keeper.see(job_id, job if job is not None and job.user == user else None)

    async def _line(self, failure: Failure) -> Line:
        """The line of automatic resubmissions that led to it; a person's own begins a new one."""
        after: list[str] = []
        job_id: int | None = failure.key
        while job_id is not None and len(after) < LONGEST_LINE:
            record = await self._log.submission(job_id)
            label = label_of_reason(record.reason) if record is not None else None
            if record is None or label is None:
                break
            after.append(label)
            job_id = next(filter(None, map(leading_id, record.resubmitted_from)), None)
        return Line(tuple(after))

    # --- sending ----------------------------------------------------------------------------

    async def _send(self, failure: Failure, time_: int) -> None:
        findings = self.keeper.findings(failure)
        state = self._board.history
        wanted = Wanted(
            list(failure.jobs), findings, self._terms, by_itself=True,
            history_path=state.path, site=state.site,
        )  # fmt: skip
        plan: ResubmissionPlan
        try:
            plan = await self._call("plan_resubmit", wanted=wanted)
        except JobshapeError as error:
            self.keeper.put_off(failure, self._clock() + AGAIN_S)
            self._tell(f"{failure.name} cannot be sent again yet: {error.what}", True)
            return
        for one in plan.resubmissions:
            if not one.retriable:
                why = one.warnings[0] if one.warnings else "nothing is mended"
                self.keeper.settle(failure)
                self._tell(f"{failure.name} is not sent again: {why} (r: resubmit)", True)
                return
            against = await self._blocks(draft_of(one))
            if against:
                self.keeper.put_off(failure, self._clock() + AGAIN_S)
                self._tell(f"{failure.name} is not sent again yet: {against[0]}", True)
                return
        self.keeper.settle(failure)
        for one in plan.resubmissions:
            await self._submit(one, failure, time_)

    async def _submit(self, one: Resubmission, failure: Failure, time_: int) -> None:
        request = replace(one.request, command=self._command)
        record = record_of(
            request, Project(), path=one.script_path,
            reason=reason_of(time_, failure.label, one.reason), resubmitted_from=one.jobs,
            batch=new_batch(),
        )  # fmt: skip
        begun = await self._log.begin_submission(record)
        if not begun.ids:
            self._tell(f"{failure.name} is not sent again: {begun.note}", True)
            return
        if await self._log.is_second(one.jobs, begun.ids[0]):
            await self._log.end_submission(begun, None, "refused", "another window sends it")
            return
        try:
            job_id = await self._call("submit", request=request)
        except JobshapeError as error:
            outcome = outcome_of(error)
            await self._log.end_submission(begun, None, outcome, error.what)
            more = "; it may have been sent: look first" if outcome == "unknown" else ""
            self._tell(f"{failure.name} could not be sent again: {error.what}{more}", True)
            return
        note = await self._log.end_submission(begun, job_id, "done")
        why = one.reason or failure.title
        self._tell(
            f"sent {one.jobs[0]} again as {job_id}, time {time_} of {self._terms.most}: {why}"
            + (f"; {note}" if note else ""),
            bool(note),
        )
