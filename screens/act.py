"""Asks, carries out a plan a few calls at a time, and reports the controller's own words."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.job import Job
from jobshape.screens.acting import VERBS, Plan, Target, count_words, plan
from jobshape.screens.confirm import ConfirmScreen, RefusedScreen

if TYPE_CHECKING:
    from jobshape.screens.room import Room

AT_ONCE = 4
"""Calls under way together: more would only queue up at the controller."""


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

    if ask or len(todo.targets) > 1:
        screen.app.push_screen(ConfirmScreen(todo, screen.glyphs), answered)
    else:
        answered(True)


async def carry_out(screen: "Room", todo: Plan, done: Done) -> None:
    """Do it; one line for success, a dialog for what was refused."""
    verb, past = VERBS[todo.action]
    gate = asyncio.Semaphore(AT_ONCE)
    refusals: list[tuple[str, str]] = []
    count = len(todo.targets)

    async def one(target: Target) -> bool:
        async with gate:
            try:
                await screen.actions.call(todo.action, job=target.reference)
            except JobshapeError as error:
                words = f"{error.what} ({error.hint})" if error.hint else error.what
                refusals.append((target.reference, words))
                return False
            return True

    who = screen.board.link.scheduler
    screen.status.say(f"{verb.lower()}: {count_words(count, todo.tasks)}, asking {who}")
    worked = await asyncio.gather(*map(one, todo.targets))
    jobs = sum(worked)
    tasks = sum(target.tasks for target, ok in zip(todo.targets, worked, strict=True) if ok)
    screen.actions.refresh()
    if jobs:
        done()
    said = f"{past} {count_words(jobs, tasks)}" if jobs else f"nothing was {past}"
    if not refusals:
        screen.status.say(said)
    elif count == 1:
        screen.status.say(f"{verb} {refusals[0][0]}: {refusals[0][1]}", problem=True)
    else:
        title = f"{who[0].upper()}{who[1:]} refused {count_words(len(refusals), len(refusals))}"
        screen.app.push_screen(RefusedScreen(title, said, refusals, screen.glyphs))
