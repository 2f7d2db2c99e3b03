"""Sends a script: kept in history, submitted, told; written down if nobody answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from jobshape.app.domain.action import new_batch, outcome_of
from jobshape.app.domain.errors import JobshapeError, Unreachable
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.scripts.draft import Project, record_of
from jobshape.screens.unsent import tell_unsent

if TYPE_CHECKING:
    from jobshape.screens.room import Room


@dataclass(frozen=True, slots=True)
class Submission:
    """A script that is to be sent, where it lies, why, and why blocks on it were lifted."""

    request: SubmitRequest
    path: str = ""
    reason: str = ""
    lifted: Mapping[str, str] = field(default_factory=dict)
    resubmitted_from: tuple[str, ...] = ()
    batch: str = field(default_factory=new_batch)


@dataclass(frozen=True, slots=True)
class SentScript:
    """What became of it. ``is_over``: there is nothing more to do in a form."""

    job_id: int | None
    words: str
    is_over: bool
    note: str = ""  # why history does not have it
    is_unclear: bool = False  # no answer came: what comes after it is better not sent now
    by_hand: tuple[str, str] | None = None  # where the script is kept, and the command for it


async def send_script(room: "Room", wanted: Submission) -> SentScript:
    """Submit it; raises nothing that the site says."""
    files, log = room.context.files, room.context.action_log
    request = replace(wanted.request, command=room.context.submit_command)
    project = Project()
    if files is not None:
        try:
            project = await files.project(wanted.path)
        except JobshapeError as error:
            return SentScript(None, f"submit: {error}", False)
    record = record_of(
        request, project, path=wanted.path, reason=wanted.reason, lifted=wanted.lifted,
        resubmitted_from=wanted.resubmitted_from, batch=wanted.batch,
    )  # fmt: skip
    begun = await log.begin_submission(record)
    if begun.ids and wanted.resubmitted_from:
        try:
            is_second = await log.is_second(wanted.resubmitted_from, begun.ids[0])
        except JobshapeError:
            is_second = False  # the history was there a moment ago: the person's word counts
        if is_second:
            words = "sent again already by another window, or by itself"
            await log.end_submission(begun, None, "refused", words)
            return SentScript(None, f"{', '.join(wanted.resubmitted_from[:3])}: {words}", True)
    try:
        job_id = await room.actions.call("submit", request=request)
    except JobshapeError as error:
        words = error.words
        outcome = outcome_of(error)
        await log.end_submission(begun, None, outcome, words)
        unsure = "; it may have been sent all the same: look first" if outcome == "unknown" else ""
        if isinstance(error, Unreachable) and files is not None:
            return await _hand_over(room, request, f"not submitted: {words}{unsure}")
        if unsure:
            return SentScript(None, f"no answer: {words}{unsure}", True, is_unclear=True)
        return SentScript(None, f"refused: {words}", False)
    note = await log.end_submission(begun, job_id, "done") or begun.note
    return SentScript(job_id, f"submitted {job_id} {request.name or ''}".rstrip(), True, note)


async def _hand_over(room: "Room", request: SubmitRequest, words: str) -> SentScript:
    files = room.context.files
    assert files is not None
    try:
        path, command = await files.hand_over(request)
    except JobshapeError as error:
        return SentScript(None, f"{words}; {error}", True, is_unclear=True)
    return SentScript(None, words, True, is_unclear=True, by_hand=(str(path), command))


def tell(room: "Room", sent: SentScript) -> None:
    """Say what became of it: in the status line, or where a person has to act, in a dialog."""
    note = f"; {sent.note}" if sent.note else ""
    room.status.say(sent.words + note, problem=bool(note) or sent.job_id is None)
    if sent.is_unclear:
        tell_unsent(room, sent)
