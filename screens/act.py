"""Carries out a plan, a few calls at a time, and reports the controller's own words."""

import asyncio
from typing import TYPE_CHECKING

from jobshape.app.domain.errors import JobshapeError
from jobshape.screens.acting import VERBS, Plan, Target, count_words

if TYPE_CHECKING:
    from jobshape.screens.queue import QueueScreen

AT_ONCE = 4
"""Calls under way together: more would only queue up at the controller."""


async def carry_out(screen: "QueueScreen", plan: Plan) -> None:
    """Do it; one line for success, a dialog for what was refused."""
    verb, past = VERBS[plan.action]
    gate = asyncio.Semaphore(AT_ONCE)
    refusals: list[tuple[str, str]] = []
    count = len(plan.targets)

    async def one(target: Target) -> bool:
        async with gate:
            try:
                await screen.actions.call(plan.action, job=target.reference)
            except JobshapeError as error:
                words = f"{error.what} ({error.hint})" if error.hint else error.what
                refusals.append((target.reference, words))
                return False
            return True

    screen.status.say(f"{verb.lower()}: {count_words(count, plan.tasks)}, asking Slurm")
    done = await asyncio.gather(*map(one, plan.targets))
    jobs = sum(done)
    tasks = sum(target.tasks for target, ok in zip(plan.targets, done, strict=True) if ok)
    screen.actions.refresh()
    if jobs:
        screen.view.clear_selection()
        screen.wake()
    said = f"{past} {count_words(jobs, tasks)}" if jobs else f"nothing was {past}"
    if not refusals:
        screen.status.say(said)
    elif count == 1:
        screen.status.say(f"{verb} {refusals[0][0]}: {refusals[0][1]}", problem=True)
    else:
        from jobshape.screens.confirm import RefusedScreen

        title = f"Slurm refused {count_words(len(refusals), len(refusals))}"
        screen.app.push_screen(RefusedScreen(title, said, refusals, screen.glyphs))
