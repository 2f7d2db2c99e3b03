"""The commands of the stages."""

from typing import Protocol

from jobshape.screens.commands.command import ACT, LOOK, MOVE, Command


class Situation(Protocol):
    """What a command needs to know to say whether it can be used now."""

    @property
    def has_rows(self) -> bool:
        """Whether the table shows anything."""
        ...

    @property
    def unassigned(self) -> int:
        """Jobs that no rule claims."""
        ...


def _needs_row(situation: Situation) -> str | None:
    return None if situation.has_rows else "there is no stage in the list"


def _needs_unassigned(situation: Situation) -> str | None:
    return None if situation.unassigned else "every job has a stage"


STAGES: tuple[Command, ...] = (
    Command("move", ("j", "down"), "Down", "Next stage.", MOVE, argument=1),
    Command("move", ("k", "up"), "Up", "Previous stage.", MOVE, argument=-1),
    Command("page", ("pagedown", "ctrl+f", "ctrl+d"), "Page down",
            "Scroll what is known of the stage, down.", MOVE, argument=1),
    Command("page", ("pageup", "ctrl+b", "ctrl+u"), "Page up",
            "Scroll what is known of the stage, up.", MOVE, argument=-1),
    Command("edge", ("g", "home"), "Top", "First stage.", MOVE, argument=-1),
    Command("edge", ("G", "end"), "Bottom", "Last stage.", MOVE, argument=1),
    Command("worst", ("b",), "Bottleneck", "Go to the stage that bounds the total time.", MOVE,
            blocked=_needs_row, footer=8),
    Command("jobs", ("enter",), "Jobs", "Its jobs: the queue, filtered by the stage.", LOOK,
            blocked=_needs_row, footer=1),
    Command("runs", ("n",), "More runs", "Figures of more runs: 10, 20, 50, 200.", LOOK, footer=6,
            argument=1),
    Command("runs", ("N",), "Fewer runs", "Figures of fewer runs.", LOOK, argument=-1),
    Command("window", ("w",), "Longer window", "Look back further: 1, 7, 14, 30 days, all.", LOOK,
            footer=7, argument=1),
    Command("window", ("W",), "Shorter window", "Look back less far.", LOOK, argument=-1),
    Command("unassigned", ("u",), "Unassigned",
            "Jobs without a stage, and rules that would claim them.", ACT,
            blocked=_needs_unassigned, footer=2),
    Command("back", ("escape",), "Back", "Back to the queue.", LOOK, footer=5),
)  # fmt: skip
