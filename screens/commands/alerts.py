"""The commands of the list of alerts."""

from typing import Protocol

from jobshape.screens.commands.command import LOOK, MOVE, Command


class Situation(Protocol):
    """What a command needs to know to say whether it can be used now."""

    @property
    def has_alerts(self) -> bool:
        """Whether the list holds any."""
        ...


def _needs_alert(situation: Situation) -> str | None:
    return None if situation.has_alerts else "there is no alert"


ALERTS: tuple[Command, ...] = (
    Command("move", ("j", "down"), "Down", "Next alert.", MOVE, argument=1),
    Command("move", ("k", "up"), "Up", "Previous alert.", MOVE, argument=-1),
    Command("page", ("pagedown", "ctrl+f", "ctrl+d"), "Page down", "One page down.", MOVE,
            argument=1),
    Command("page", ("pageup", "ctrl+b", "ctrl+u"), "Page up", "One page up.", MOVE,
            argument=-1),
    Command("edge", ("g", "home"), "Top", "First alert.", MOVE, argument=-1),
    Command("edge", ("G", "end"), "Bottom", "Last alert.", MOVE, argument=1),
    Command("open", ("enter",), "Job", "The job's own screen: log, plots, script, ...", LOOK,
            blocked=_needs_alert, footer=1),
    Command("find", ("o",), "In queue", "Go to the job in the queue.", LOOK,
            blocked=_needs_alert, footer=6),
    Command("acknowledge", ("a", "space"), "Acknowledge", "Seen: it stays away from now on.", LOOK,
            blocked=_needs_alert, footer=2),
    Command("acknowledge_all", ("A",), "Acknowledge all", "All of them are seen.", LOOK,
            blocked=_needs_alert, footer=5),
    Command("back", ("escape",), "Back", "To the queue.", LOOK, footer=0),
)  # fmt: skip
