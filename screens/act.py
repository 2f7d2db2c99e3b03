"""Asks, makes a plan's calls a few at a time, and reports the controller's own words."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.job import Job
from jobshape.screens.acting import VERBS, Call, Target, count_words, plan
from jobshape.screens.confirm import ConfirmScreen, RefusedScreen

if TYPE_CHECKING:
    from jobshape.screens.room import Room

AT_ONCE = 4
"""Calls under way together: more would only queue up at the controller."""


Done = Callable[[], None]
"""Called once some of the jobs were touched."""


class Outcome(NamedTuple):
    """What became of one call; ``words`` are the controller's where it was not done."""

    call: Call
    words: str = ""

    @property
    def done(self) -> bool:
        """Whether it was done."""
        return not self.words


def act(screen: "Room", action: str, jobs: Sequence[Job], *, ask: bool, done: Done) -> None:
    """Do an action to these jobs; ask first if told to, or where it is several calls."""
    todo = plan(action, jobs, screen.board)
    if not todo.targets:
        reason = todo.left_out[0][0] if todo.left_out else "no job"
        screen.status.say(f"{action}: {reason}", problem=True)
        return

    def answered(yes: bool | None) -> None:
        if yes:
            work = carry_out(screen, action, todo.calls, done)
            screen.run_worker(work, group="act", exit_on_error=False)

    if ask or len(todo.targets) > 1:
        screen.app.push_screen(ConfirmScreen(todo, screen.context), answered)
    else:
        answered(True)


async def carry_out(screen: "Room", action: str, calls: Sequence[Call], done: Done) -> None:
    """Make the calls; one line for success, a dialog for what was refused."""
    verb = VERBS[action][0]
    outcomes = await make_calls(screen, action, calls)
    if any(one.done for one in outcomes):
        done()
    refused = [one for one in outcomes if not one.done]
    if not refused:
        screen.status.say(said(action, outcomes))
    elif len(outcomes) == 1:
        reference = refused[0].call.target.reference
        screen.status.say(f"{verb} {reference}: {refused[0].words}", problem=True)
    else:
        show_refused(screen, action, outcomes)


async def make_calls(screen: "Room", action: str, calls: Sequence[Call]) -> list[Outcome]:
    """Make the calls, a few at a time; what became of each, in their order."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(call: Call) -> Outcome:
        async with gate:
            try:
                await screen.actions.call(call.method, job=call.target.reference, **call.arguments)
            except JobshapeError as error:
                words = f"{error.what} ({error.hint})" if error.hint else error.what
                return Outcome(call, words)
            return Outcome(call)

    verb, who = VERBS[action][0].lower(), screen.board.link.scheduler
    targets = [call.target for call in calls]
    screen.status.say(f"{verb}: {words_of(targets)}, asking {who}")
    outcomes = await asyncio.gather(*map(one, calls))
    screen.actions.refresh()
    return outcomes


def words_of(targets: Sequence[Target]) -> str:
    """``3 jobs (500 tasks)``."""
    return count_words(len(targets), sum(target.tasks for target in targets))


def said(action: str, outcomes: Sequence[Outcome]) -> str:
    """How much was done, in words."""
    past = VERBS[action][1]
    targets = [one.call.target for one in outcomes if one.done]
    return f"{past} {words_of(targets)}" if targets else f"nothing was {past}"


def show_refused(screen: "Room", action: str, outcomes: Sequence[Outcome]) -> None:
    """What was refused, job by job."""
    refused = [one for one in outcomes if not one.done]
    who = screen.board.link.scheduler
    title = f"{who[0].upper()}{who[1:]} refused {count_words(len(refused), len(refused))}"
    pairs = [(one.call.target.reference, one.words) for one in refused]
    screen.app.push_screen(RefusedScreen(title, said(action, outcomes), pairs, screen.glyphs))
