"""Asks, carries out a plan, and reports the controller's own words."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from jobshape.app.domain.action import ActionEntry, new_batch
from jobshape.app.domain.job import Job
from jobshape.screens.acting import VERBS, Plan, count_words, is_others, plan
from jobshape.screens.confirm import ConfirmScreen, RefusedScreen
from jobshape.screens.sending import Sending, send

if TYPE_CHECKING:
    from jobshape.screens.room import Room

Done = Callable[[], None]
"""Called once some of the jobs were touched."""


def act(screen: "Room", action: str, jobs: Sequence[Job], *, ask: bool, done: Done) -> None:
    """Do an action to these jobs; ask first if told to, or where it is several calls."""
    todo = plan(action, jobs, screen.board)
    if not todo.targets:
        reason = todo.left_out[0][0] if todo.left_out else "no job"
        screen.status.say(f"{action}: {reason}", problem=True)
        return

    def answered(yes: bool | None) -> None:
        if yes:
            screen.run_worker(carry_out(screen, todo, done), group="act", exit_on_error=False)

    link = screen.board.link
    foreign = any(is_others(target.job, link.user) for target in todo.targets)
    unknown = not link.user and link.scope != "mine"  # the site has not said yet who we are
    if ask or foreign or unknown or len(todo.targets) > 1:
        screen.app.push_screen(ConfirmScreen(todo, screen.context), answered)
    else:
        answered(True)


async def carry_out(screen: "Room", todo: Plan, done: Done) -> None:
    """Do it; one line for success, a dialog for what was refused."""
    verb, past = VERBS[todo.action]
    count, batch = len(todo.targets), new_batch()
    who = screen.board.link.scheduler
    screen.status.say(f"{verb.lower()}: {count_words(count, todo.tasks)}, asking {who}")
    sending = await send(screen, [
        ActionEntry(todo.action, target.reference, verb.lower(), batch=batch)
        for target in todo.targets
    ])  # fmt: skip
    worked = [sent.is_done for sent in sending.sent]
    jobs = sum(worked)
    tasks = sum(target.tasks for target, ok in zip(todo.targets, worked, strict=True) if ok)
    screen.actions.refresh()
    if jobs:
        done()
    said = f"{past} {count_words(jobs, tasks)}" if jobs else f"nothing was {past}"
    report(screen, verb, said, sending)


def report(screen: "Room", verb: str, said: str, sending: Sending) -> None:
    """Say what became of it: ``said`` where all went well, each job's words where not."""
    failed = [(sent.entry.job, sent.words) for sent in sending.sent if not sent.is_done]
    who = screen.board.link.scheduler
    note = f"; {sending.note}" if sending.note else ""
    if not failed:
        screen.status.say(f"{said}{note}", problem=bool(note))
    elif len(sending.sent) == 1:
        screen.status.say(f"{verb} {failed[0][0]}: {failed[0][1]}{note}", problem=True)
    else:
        title = f"{who[0].upper()}{who[1:]} refused {count_words(len(failed), len(failed))}"
        if any(sent.outcome == "unknown" for sent in sending.sent):
            title = f"No answer on {count_words(len(failed), len(failed))}, or a refusal"
        screen.app.push_screen(RefusedScreen(title, said + note, failed, screen.glyphs))
