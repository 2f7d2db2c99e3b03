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

    @property
    def has_log(self) -> bool:
        """Whether a log is seen."""
        ...

    @property
    def has_two_logs(self) -> bool:
        """Whether stdout and stderr go to two files."""
        ...

    @property
    def can_read_on_node(self) -> bool:
        """Whether the log could be read on the node of the job."""
        ...

    def teach_block(self) -> str | None:
        """Why no failure rule can be made of what is known of the job; None if one can."""
        ...

    def again_block(self) -> str | None:
        """Why the job cannot be sent again; None if it can."""
        ...

    def act_block(self, action: str) -> str | None:
        """Why the action does not fit the job; None if it does."""
        ...


def _needs_log(situation: Situation) -> str | None:
    if situation.tab != "log":
        return "go to the log first (L)"
    return None if situation.has_log else "there is no log to show"


def _needs_two_logs(situation: Situation) -> str | None:
    if situation.tab != "log":
        return "go to the log first (L)"
    return None if situation.has_two_logs else "stdout and stderr are one file"


def _needs_node(situation: Situation) -> str | None:
    if situation.tab != "log":
        return "go to the log first (L)"
    return None if situation.can_read_on_node else "only a running job's log, on a cluster"


def _needs_tree(situation: Situation) -> str | None:
    return None if situation.tab == "depends" else "go to the dependencies first (Tab)"


def _needs_unexplained(situation: Situation) -> str | None:
    if situation.read_only:
        return "this session is read-only: it writes no rules"
    return situation.teach_block()


def _needs_fitting(action: str) -> Blocked:
    def blocked(situation: Situation) -> str | None:
        if situation.read_only:
            return "this session is read-only"
        return situation.act_block(action)

    return blocked


def _needs_again(situation: Situation) -> str | None:
    return "this session is read-only" if situation.read_only else situation.again_block()


PARTS_OF = {
    **dict.fromkeys(("search", "hit", "first_error", "follow", "stream"), ("log",)),
    "open": ("depends",),
}
"""Command -> the parts in whose key line it stands; any other one stands in all."""

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
    Command("turn", ("tab", "right_square_bracket"), "Next tab",
            "Overview, log, script, steps, dependencies, history.", LOOK, argument=1, footer=1),
    Command("turn", ("shift+tab", "left_square_bracket"), "Tab before",
            "The tab to the left.", LOOK, argument=-1),
    Command("side", ("l", "right"), "Right", "In a log to the right, else the next tab.", MOVE,
            argument=1),
    Command("side", ("h", "left"), "Left", "In a log to the left, else the tab before.", MOVE,
            argument=-1),
    Command("log", ("L",), "Log", "Straight to the log.", LOOK),
    Command("search", ("slash",), "Search", "In a log: go to the next line with a text.", LOOK,
            blocked=_needs_log, footer=5),
    Command("hit", ("n",), "Next match", "In a log: the next match, or the next error.", LOOK,
            blocked=_needs_log, argument=1, footer=8),
    Command("hit", ("N",), "Match before", "In a log: the match before.", LOOK,
            blocked=_needs_log, argument=-1),
    Command("first_error", ("E",), "First error", "In a log: the first line that tells of one.",
            LOOK, blocked=_needs_log, footer=4),
    Command("follow", ("f",), "Follow", "In a log: stay at its end while it grows, or stop.", LOOK,
            blocked=_needs_log, footer=7),
    Command("stream", ("s",), "Stream", "In a log: stdout or stderr.", LOOK,
            blocked=_needs_two_logs, footer=6),
    Command("wrap", ("w",), "Wrap", "In a log: wrap long lines, or cut them.", LOOK,
            blocked=_needs_log),
    Command("numbers", ("number_sign",), "Numbers", "In a log: show or hide line numbers.", LOOK,
            blocked=_needs_log),
    Command("on_node", ("o",), "On the node", "In a log: read it on the node where the job runs.",
            LOOK, blocked=_needs_node),
    Command("open", ("enter",), "Open", "Among dependencies: go to that job.", LOOK,
            blocked=_needs_tree, footer=6),
    Command("teach", ("plus",), "Add a rule",
            "Of an unexplained failure: make a rule of a line that tells the cause.", LOOK,
            blocked=_needs_unexplained),
    Command("back", ("escape",), "Back", "The job before, then the screen you came from.", LOOK,
            footer=0),
    Command("copy", ("y",), "Copy id", "Copy the job id to the clipboard of your terminal.",
            SELECT),
    Command("edit", ("e",), "Edit", "Edit what the job asks for.", ACT,
            blocked=_needs_fitting("update"), destructive=True, footer=3),
    Command("resubmit", ("r",), "Resubmit",
            "Send the ended or running job again, corrected by what went wrong.", ACT,
            blocked=_needs_again, destructive=True, footer=3),
    Command("smoke", ("m",), "Smoke", "Run its script in rounds, smoke first; asks first.", ACT,
            destructive=True),
    Command("hold", ("H",), "Hold", "Hold the pending job.", ACT,
            blocked=_needs_fitting("hold"), destructive=True),
    Command("release", ("U", "u"), "Release", "Release the held job.", ACT,
            blocked=_needs_fitting("release"), destructive=True),
    Command("cancel", ("x",), "Cancel", "Cancel the job; asks first.", ACT,
            blocked=_needs_fitting("cancel"), destructive=True, footer=9),
    Command("requeue", ("R",), "Requeue", "Put the job back in the queue; asks first.", ACT,
            blocked=_needs_fitting("requeue"), destructive=True),
    Command("top", ("T",), "To the top", "Put the pending job before your other ones.", ACT,
            blocked=_needs_fitting("top"), destructive=True),
    Command("suspend", ("P",), "Suspend", "Stop the running job where it is; where you may.", ACT,
            blocked=_needs_fitting("suspend"), destructive=True),
    Command("resume", ("ctrl+g",), "Resume", "Let the suspended job go on.", ACT,
            blocked=_needs_fitting("resume"), destructive=True),
)  # fmt: skip
