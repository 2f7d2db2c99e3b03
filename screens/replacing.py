"""Running jobs with another shape: submitted anew, and the old one cancelled once the new is in."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from jobshape.app.domain.action import ActionEntry, new_batch
from jobshape.app.domain.check import blocking, softened
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.resubmission import Resubmission
from jobshape.app.domain.shape import FIELD_OF, JobShape
from jobshape.app.scripts.draft import draft_of
from jobshape.app.scripts.surgery import with_shape
from jobshape.screens.editing import Change
from jobshape.screens.resubmit import plan_of, whole
from jobshape.screens.send_script import Submission, send_script
from jobshape.screens.sending import send
from jobshape.screens.unsent import tell_unsent

if TYPE_CHECKING:
    from jobshape.screens.room import Room


async def replace_running(screen: "Room", changes: Sequence[Change]) -> None:
    """Submit running jobs anew with other shapes; each old one is cancelled once the new is in."""
    entries: list[ActionEntry] = []
    batch, problems = new_batch(), []
    wholes = _by_submission(changes)
    count = f"{len(wholes)} running job{'s' if len(wholes) > 1 else ''}"
    screen.status.say(f"resubmitting {count} with the new shape")
    ending = {job.job_id for job in whole([c.job.target.job for c in changes], screen.board)}
    for of_one in wholes:
        target = of_one[0].job.target
        job = target.job
        try:
            plan = await plan_of(screen, [job], running=True)
            if not plan.resubmissions:
                reason = plan.left_out[0].reason if plan.left_out else "it cannot be sent again"
                problems.append(f"{job.label}: {reason}")
                continue
            one = plan.resubmissions[0]
            request = replace(one.request, script=_with_changes(one.request.script, of_one))
            against = await _blocks(screen, replace(one, request=request), ending)
        except JobshapeError as error:
            problems.append(f"{job.label}: {error.what}")
            continue
        if against:
            problems.append(f"{job.label}: blocked by {against}; it runs on")
            continue
        words = "changed while it ran"
        sent = await send_script(
            screen, Submission(request, one.script_path, words, {}, one.jobs, batch)
        )
        if sent.job_id is None:
            problems.append(f"{job.label}: {sent.words}; it runs on")
            if sent.is_unclear:
                tell_unsent(screen, sent, f"{job.label} runs on")
                break  # nothing is to arrive later, when nobody looks any more
            continue
        why = f"sent again as {sent.job_id}"
        reference = target.reference if job.het_job_id is None else str(job.het_job_id)
        entries.append(ActionEntry("cancel", reference, "cancel", reason=why, batch=batch))
    if entries:
        sending = await send(screen, entries)
        problems += [f"{one.entry.job}: {one.words}" for one in sending.sent if not one.is_done]
    screen.actions.refresh()
    if problems:
        screen.status.say("; ".join(problems[:3]), problem=True)
    else:
        screen.status.say(f"sent {len(entries)} again with the new shape; the old ones cancelled")


def _by_submission(changes: Sequence[Change]) -> list[list[Change]]:
    """The changes of each job; those of components of one heterogeneous job together."""
    found: dict[int, list[Change]] = {}
    for change in changes:
        job = change.job.target.job
        found.setdefault(job.job_id if job.het_job_id is None else job.het_job_id, []).append(
            change
        )
    return list(found.values())


def _with_changes(script: str, changes: Sequence[Change]) -> str:
    """The script with what the person changed, of each component."""
    for change in changes:
        group = change.job.target.job.het_offset or 0
        script = with_shape(script, wanted_of(change), group=group)
    return script


async def _blocks(screen: "Room", one: Resubmission, ending: Collection[int]) -> str:
    """The rules that block it. ending: the jobs that are cancelled for it and for its like."""
    preflight = screen.context.preflight
    if preflight is None:
        return ""
    lines = await preflight.examine(draft_of(one), replaced=ending)
    return ", ".join(line.rule for line in blocking([softened(line) for line in lines]))


def wanted_of(change: Change) -> JobShape:
    """The fields that the person changed, as a shape."""
    given = {name: new for name, (_, new) in change.fields.items() if name in FIELD_OF}
    return JobShape(**given)
