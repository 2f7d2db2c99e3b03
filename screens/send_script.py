"""Sends a draft: kept in history, submitted, told; written down if nobody answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jobshape.app.domain.action import new_batch, outcome_of
from jobshape.app.domain.errors import JobshapeError, Unreachable
from jobshape.app.scripts.draft import Draft, Project, record_of

if TYPE_CHECKING:
    from jobshape.screens.room import Room


@dataclass(frozen=True, slots=True)
class Submission:
    """A draft that is to be sent, and why blocks on it were lifted."""

    draft: Draft
    reason: str = ""
    lifted: Mapping[str, str] = field(default_factory=dict)
    resubmitted_from: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SentScript:
    """What became of it. ``is_over``: there is nothing more to do in the form."""

    job_id: int | None
    words: str
    is_over: bool


async def submit_draft(room: "Room", wanted: Submission, batch: str = "") -> SentScript:
    """Submit, and say in the status line what came of it; raises nothing that the site says."""
    draft, files, log = wanted.draft, room.context.files, room.context.action_log
    project = Project()
    try:
        request = replace(draft.request, command=room.context.submit_command)
        if files is not None:
            project = await files.project(draft.path)
    except JobshapeError as error:
        return _told(room, SentScript(None, f"submit: {error}", False))
    record = record_of(
        draft, project, reason=wanted.reason, lifted=wanted.lifted,
        resubmitted_from=wanted.resubmitted_from, batch=batch or new_batch(),
    )  # fmt: skip
    begun = await log.begin_submission(record)
    room.status.say(f"submitting {draft.final_name}, asking {room.board.link.scheduler}")
    try:
        job_id = await room.actions.call("submit", request=request)
    except JobshapeError as error:
        words = f"{error.what} ({error.hint})" if error.hint else error.what
        await log.end_submission(begun, None, outcome_of(error), words)
        if isinstance(error, Unreachable) and files is not None:
            return _told(room, await _hand_over(room, wanted, words, outcome_of(error)))
        return _told(room, SentScript(None, f"refused: {words}", False))
    note = await log.end_submission(begun, job_id, "done") or begun.note
    room.actions.refresh()
    said = f"submitted {job_id} {draft.final_name}" + (f"; {note}" if note else "")
    return _told(room, SentScript(job_id, said, True), problem=bool(note))


async def _hand_over(room: "Room", wanted: Submission, words: str, outcome: str) -> SentScript:
    files = room.context.files
    assert files is not None
    try:
        path, command = await files.hand_over(wanted.draft.request)
    except JobshapeError as error:
        return SentScript(None, f"{words}; {error}", False)
    first = "it may have been sent: look first; " if outcome == "unknown" else ""
    return SentScript(None, f"{words}; {first}kept as {path}: {command}", True)


def _told(room: "Room", sent: SentScript, *, problem: bool = False) -> SentScript:
    room.status.say(sent.words, problem=problem or sent.job_id is None)
    return sent
