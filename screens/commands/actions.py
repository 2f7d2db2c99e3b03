"""The commands of the list of what was done to jobs."""

from typing import Protocol

from jobshape.screens.commands.command import ACT, LOOK, MOVE, Command


class Situation(Protocol):
    """What a command needs to know to say whether it can be used now."""

    @property
    def has_actions(self) -> bool:
        """Whether the list holds any."""
        ...

    @property
    def has_job(self) -> bool:
        """Whether the cursor stands on something that has a job."""
        ...


def _needs_action(situation: Situation) -> str | None:
    return None if situation.has_actions else "nothing was done yet"


def _needs_job(situation: Situation) -> str | None:
    if not situation.has_actions:
        return "nothing was done yet"
    return None if situation.has_job else "it never became a job"


ACTIONS: tuple[Command, ...] = (
    Command("move", ("j", "down"), "Down", "Next action; inside one the next job.", MOVE,
            argument=1),
    Command("move", ("k", "up"), "Up", "The action before; inside one the job before.", MOVE,
            argument=-1),
    Command("page", ("pagedown", "ctrl+f", "ctrl+d"), "Page down", "One page down.", MOVE,
            argument=1),
    Command("page", ("pageup", "ctrl+b", "ctrl+u"), "Page up", "One page up.", MOVE,
            argument=-1),
    Command("edge", ("g", "home"), "Top", "First line.", MOVE, argument=-1),
    Command("edge", ("G", "end"), "Bottom", "Last line.", MOVE, argument=1),
    Command("open", ("enter",), "Open", "Go through its jobs one by one; again: the job's screen.",
            LOOK, blocked=_needs_action, footer=1),
    Command("job", ("i",), "Job", "The job's own screen: log, plots, script, ...", LOOK,
            blocked=_needs_job, footer=2),
    Command("find", ("o",), "In queue", "Go to the job in the queue.", LOOK, blocked=_needs_job,
            footer=6),
    Command("undo", ("ctrl+z",), "Undo",
            "Take back what is under the cursor: hold, release, a changed job; asks first.", ACT,
            blocked=_needs_action, destructive=True, footer=3),
    Command("back", ("escape",), "Back", "Back to the list, then to the queue.", LOOK, footer=0),
)  # fmt: skip
