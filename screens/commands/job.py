"""The commands of the job screen."""

from typing import Protocol

from jobshape.screens.commands.command import ACT, LOOK, MOVE, SELECT, Blocked, Command


class Situation(Protocol):
    """What a command needs to know to say whether it can be used now."""

    @property
    def read_only(self) -> bool:
        """Whether this session may change nothing."""
        ...

    @property
    def tab(self) -> str:
        """The part that is seen."""
        ...

    def act_block(self, action: str) -> str | None:
        """Why the action does not fit the job; None if it does."""
        ...


def _needs_log(situation: Situation) -> str | None:
    return None if situation.tab == "log" else "go to the log first (Tab)"


def _needs_tree(situation: Situation) -> str | None:
    return None if situation.tab == "depends" else "go to the dependencies first (Tab)"


def _needs_fitting(action: str) -> Blocked:
    def blocked(situation: Situation) -> str | None:
        if situation.read_only:
            return "this session is read-only"
        return situation.act_block(action)

    return blocked


JOB: tuple[Command, ...] = (
    Command("move", ("j", "down"), "Down", "One line down; among dependencies the next job.", MOVE,
            argument=1),
    Command("move", ("k", "up"), "Up", "One line up; among dependencies the job before.", MOVE,
            argument=-1),
    Command("page", ("pagedown", "ctrl+f", "ctrl+d", "space"), "Page down", "One page down.", MOVE,
            argument=1),
    Command("page", ("pageup", "ctrl+b", "ctrl+u"), "Page up", "One page up.", MOVE,
            argument=-1),
    Command("edge", ("g", "home"), "Top", "First line.", MOVE, argument=-1),
    Command("edge", ("G", "end"), "Bottom", "Last line; a log then follows what is written.", MOVE,
            argument=1),
    Command("turn", ("tab", "right_square_bracket", "l", "right"), "Next tab",
            "Overview, log, script, steps, dependencies, history.", LOOK, argument=1, footer=1),
    Command("turn", ("shift+tab", "left_square_bracket", "h", "left"), "Tab before",
            "The tab to the left.", LOOK, argument=-1),
    Command("open", ("enter",), "Open", "Among dependencies: go to that job.", LOOK,
            blocked=_needs_tree, footer=6),
    Command("back", ("escape",), "Back", "The job before, then the screen you came from.", LOOK,
            footer=0),
    Command("copy", ("y",), "Copy id", "Copy the job id to the clipboard of your terminal.",
            SELECT),
    Command("hold", ("H",), "Hold", "Hold the pending job.", ACT,
            blocked=_needs_fitting("hold"), destructive=True),
    Command("release", ("U", "u"), "Release", "Release the held job.", ACT,
            blocked=_needs_fitting("release"), destructive=True),
    Command("cancel", ("x",), "Cancel", "Cancel the job; asks first.", ACT,
            blocked=_needs_fitting("cancel"), destructive=True, footer=9),
    Command("requeue", ("R",), "Requeue", "Put the job back in the queue; asks first.", ACT,
            blocked=_needs_fitting("requeue"), destructive=True),
)  # fmt: skip
