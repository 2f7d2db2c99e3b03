"""Sends jobs again: what of them, with which changes and why; then one key sends it."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from jobshape.app.board.board import Board
from jobshape.app.domain.action import new_batch
from jobshape.app.domain.check import with_lifts
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.job import Job
from jobshape.app.domain.resubmission import Resubmission, ResubmissionPlan, Wanted
from jobshape.app.domain.states import Phase, phase_of
from jobshape.screens.acting import count_words, own_of
from jobshape.screens.resubmit_review import ResubmitScreen
from jobshape.screens.send_script import SentScript, Submission, send_script
from jobshape.screens.unsent import tell_unsent

if TYPE_CHECKING:
    from jobshape.screens.room import Room

GROUP = "resubmit"
"""Of the worker: one plan at a time."""

LOOK_S = 8.0
"""How long a cause that is not known yet is waited for."""

LOOKED_INTO = 20


def resubmit(screen: "Room", jobs: Sequence[Job]) -> None:
    """Send these jobs again, as far as that makes sense."""
    reason = why_not(jobs, screen.board)
    if reason:
        screen.status.say(f"resubmit: {reason}", problem=True)
        return
    if any(one.group == GROUP and one.is_running for one in screen.workers):
        screen.status.say("resubmit: the jobs are being looked at already", problem=True)
        return
    screen.run_worker(_resubmit(screen, jobs), group=GROUP, exit_on_error=False)


def why_not(jobs: Sequence[Job], board: Board) -> str | None:
    """Why none of these can be sent again; None if some can."""
    if not jobs:
        return "there is no job in the list"
    meant, _ = own_of(whole(jobs, board), board.link.user)
    if all(phase_of(job.state) is Phase.WAITING for job in meant):
        return "still pending: edit it (e)"
    return None


def whole(jobs: Sequence[Job], board: Board) -> list[Job]:
    """The jobs, and all components of those that are heterogeneous: they are sent as one."""
    chosen = {job.job_id: job for job in jobs}
    for job in jobs:
        family = board.family_of(job) if job.het_job_id is not None else None
        for job_id in sorted(family.job_ids) if family else ():
            chosen.setdefault(job_id, board.jobs[job_id])
    return list(chosen.values())


async def _resubmit(screen: "Room", jobs: Sequence[Job]) -> None:
    screen.status.say("resubmit: looking at the jobs, their causes and their script")
    try:
        plan = await plan_of(screen, jobs)
    except JobshapeError as error:
        screen.status.say(f"resubmit: {error}", problem=True)
        return
    if not plan.resubmissions:
        left = plan.left_out
        reason = left[0].reason if left else "there is nothing to send"
        screen.status.say(f"resubmit: {reason}", problem=True)
        return
    lifted = await screen.app.push_screen_wait(ResubmitScreen(screen, plan))
    if lifted is not None:
        await _send_all(screen, plan.resubmissions, lifted)


async def plan_of(screen: "Room", jobs: Sequence[Job], *, running: bool | None = None
                  ) -> ResubmissionPlan:  # fmt: skip
    """What would be sent. Raises JobshapeError."""
    board = screen.board
    own, _ = own_of(whole(jobs, board), board.link.user)
    await _know_causes(screen, own)
    state = board.history
    is_one = len({job.het_job_id or job.job_id for job in own}) == 1
    one_runs = is_one and any(phase_of(job.state) is Phase.RUNNING for job in own)
    wanted = Wanted(
        own,
        {str(job.job_id): list(found) for job in own if (found := board.findings.get(job.job_id))},
        screen.context.terms,
        running=one_runs if running is None else running,
        done=all(phase_of(job.state) is Phase.DONE for job in own),
        history_path=str(state.path or ""),
        site=state.site,
    )
    plan = await screen.actions.call("plan_resubmit", wanted=wanted)
    assert isinstance(plan, ResubmissionPlan)
    return plan


async def _know_causes(screen: "Room", jobs: Sequence[Job]) -> None:
    """Have the causes found that are not known: one of tasks that ended alike is enough."""
    unlike: dict[tuple[object, ...], Job] = {}
    known = screen.board.findings
    for job in jobs:
        if phase_of(job.state) is Phase.FAILED:
            unlike.setdefault((job.array_job_id or job.job_id, job.state, job.exit_code), job)
    missing = [job for job in unlike.values() if job.job_id not in known][:LOOKED_INTO]
    for job in missing:
        screen.context.look_into(job)
    loop = asyncio.get_running_loop()
    until = loop.time() + (LOOK_S if missing else 0)
    while loop.time() < until and any(job.job_id not in known for job in missing):
        await asyncio.sleep(0.05)


async def _send_all(
    screen: "Room", resubmissions: Sequence[Resubmission], lifted: Mapping[str, str]
) -> list[SentScript]:
    """Send them one after the other; say what came of it."""
    batch, tasks = new_batch(), sum(one.count for one in resubmissions)
    screen.status.say(f"resubmitting {count_words(len(resubmissions), tasks)}")
    sent: list[SentScript] = []
    for one in resubmissions:
        sent.append(await send_script(screen, _submission(one, lifted, batch)))
        if sent[-1].is_unclear:
            break  # nothing is to arrive later, when nobody looks any more
    screen.actions.refresh()
    done = [one.job_id for one in sent if one.job_id is not None]
    bad = [one for one in sent if one.job_id is None]
    notes = [one.note for one in sent if one.note]
    if bad:
        rest = len(resubmissions) - len(sent)
        more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
        more += f"; {rest} not sent" if rest else ""
        first = f"submitted {len(done)}; " if done else ""
        screen.status.say(f"{first}{bad[0].words}{more}", problem=True)
        if sent[-1].is_unclear:
            tell_unsent(screen, sent[-1], f"{first}{rest} not sent" if first or rest else "")
    else:
        ids = ", ".join(map(str, done[:3])) + (" ..." if len(done) > 3 else "")
        note = f"; {notes[0]}" if notes else ""
        screen.status.say(f"resubmitted {count_words(len(done), tasks)} as {ids}{note}",
                          problem=bool(note))  # fmt: skip
    return sent


def _submission(one: Resubmission, lifted: Mapping[str, str], batch: str) -> Submission:
    return Submission(
        one.request,
        one.script_path,
        with_lifts(one.reason or "resubmitted", lifted),
        lifted,
        one.jobs,
        batch,
    )
