"""The commands of the campaigns."""

from typing import Protocol

from jobshape.screens.commands.command import ACT, LOOK, MOVE, Blocked, Command


class Situation(Protocol):
    """What a command needs to know to say whether it can be used now."""

    @property
    def has_campaign(self) -> bool:
        """Whether a campaign is meant."""
        ...

    @property
    def is_inside(self) -> bool:
        """Whether one campaign is open."""
        ...

    def wish_block(self, what: str) -> str | None:
        """Why this cannot be wished of the campaign; None if it can."""
        ...


def _needs_campaign(situation: Situation) -> str | None:
    return None if situation.has_campaign else "there is no campaign"


def _needs_inside(situation: Situation) -> str | None:
    return None if situation.is_inside else "open a campaign first (Enter)"


def _needs_state(what: str) -> Blocked:
    def blocked(situation: Situation) -> str | None:
        if not situation.has_campaign:
            return "there is no campaign"
        return situation.wish_block(what)

    return blocked


ROUNDS: tuple[Command, ...] = (
    Command("move", ("j", "down"), "Down", "Next line.", MOVE, argument=1),
    Command("move", ("k", "up"), "Up", "Previous line.", MOVE, argument=-1),
    Command("page", ("pagedown", "ctrl+f", "ctrl+d"), "Page down", "One page down.", MOVE,
            argument=1),
    Command("page", ("pageup", "ctrl+b", "ctrl+u"), "Page up", "One page up.", MOVE,
            argument=-1),
    Command("edge", ("g", "home"), "Top", "First line.", MOVE, argument=-1),
    Command("edge", ("G", "end"), "Bottom", "Last line.", MOVE, argument=1),
    Command("turn", ("tab",), "Other list", "Rounds, trials, gate and events.", MOVE,
            blocked=_needs_inside),
    Command("open", ("enter",), "Open", "A campaign, then a round's trials, then a trial's job.",
            LOOK, blocked=_needs_campaign, footer=1),
    Command("filter", ("slash",), "Filter", "Trials with these words: name, state, value, job.",
            LOOK, blocked=_needs_inside, footer=7),
    Command("smoke", ("s",), "Start", "Run a manifest or a script in rounds: s, Enter, y.", ACT,
            destructive=True, footer=2),
    Command("answer", ("y",), "Answer", "Answer what the campaign asks: retry, skip, stop.", ACT,
            blocked=_needs_state("retry"), destructive=True, footer=3),
    Command("pause", ("p",), "Pause", "Send nothing new; again: go on.", ACT,
            blocked=_needs_state("pause or resume"), destructive=True, footer=5),
    Command("resume", ("u",), "Resume", "Go on.", ACT, blocked=_needs_state("resume"),
            destructive=True),
    Command("stop", ("x",), "Stop", "End it and cancel its jobs; asks first.", ACT,
            blocked=_needs_state("stop"), destructive=True, footer=6),
    Command("report", ("r",), "Report", "Write the report as HTML, and say where.", LOOK,
            blocked=_needs_campaign, footer=8),
    Command("back", ("escape",), "Back", "From trials to rounds, to the campaigns, to the queue.",
            LOOK, footer=0),
)  # fmt: skip
