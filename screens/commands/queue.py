"""The commands of the queue."""

from typing import Protocol

from jobshape.screens.commands.command import ACT, LOOK, MOVE, SELECT, Blocked, Command


class Situation(Protocol):
    """What a command needs to know to say whether it can be used now."""

    @property
    def read_only(self) -> bool:
        """Whether this session may change nothing."""
        ...

    @property
    def on_group(self) -> bool:
        """Whether the cursor stands on a row that folds."""
        ...

    @property
    def on_job(self) -> bool:
        """Whether the cursor stands on a row that stands for a job or an array."""
        ...

    @property
    def has_rows(self) -> bool:
        """Whether the table shows anything."""
        ...

    @property
    def has_strip(self) -> bool:
        """Whether anything is known of the partitions."""
        ...

    def again_block(self) -> str | None:
        """Why none of the jobs can be sent again; None if some can."""
        ...

    def targets_block(self, action: str) -> str | None:
        """Why the action fits none of the jobs it would touch; None if it fits some."""
        ...


def _needs_row(situation: Situation) -> str | None:
    return None if situation.has_rows else "there is no job in the list"


def _needs_fold(situation: Situation) -> str | None:
    if not situation.has_rows:
        return "there is no job in the list"
    return None if situation.on_group else "this row has nothing to fold"


def _needs_job(situation: Situation) -> str | None:
    if not situation.has_rows:
        return "there is no job in the list"
    return None if situation.on_job else "this row is a group: unfold it and choose a job"


def _needs_strip(situation: Situation) -> str | None:
    return None if situation.has_strip else "nothing is known of the partitions yet"


def _needs_leave(situation: Situation) -> str | None:
    return "this session is read-only" if situation.read_only else None


def _needs_again(situation: Situation) -> str | None:
    if situation.read_only:
        return "this session is read-only"
    return _needs_row(situation) or situation.again_block()


def _needs_target(action: str) -> Blocked:
    def blocked(situation: Situation) -> str | None:
        if situation.read_only:
            return "this session is read-only"
        return _needs_row(situation) or situation.targets_block(action)

    return blocked


QUEUE: tuple[Command, ...] = (
    Command("move", ("j", "down"), "Down", "Next row.", MOVE, argument=1),
    Command("move", ("k", "up"), "Up", "Previous row.", MOVE, argument=-1),
    Command("page", ("pagedown", "ctrl+f", "ctrl+d"), "Page down", "One page down.", MOVE,
            argument=1),
    Command("page", ("pageup", "ctrl+b", "ctrl+u"), "Page up", "One page up.", MOVE,
            argument=-1),
    Command("edge", ("g", "home"), "Top", "First row.", MOVE, argument=-1),
    Command("edge", ("G", "end"), "Bottom", "Last row.", MOVE, argument=1),
    Command("fold", ("h", "left"), "Fold", "Fold the array or group, or go to its head.", MOVE),
    Command("unfold", ("l", "right"), "Unfold", "Unfold the array or group.", MOVE),
    Command("toggle_fold", ("tab",), "Fold or unfold", "Fold or unfold the array or group.", MOVE,
            blocked=_needs_fold),
    Command("fold_all", ("z",), "Fold all", "Fold every array and group.", MOVE,
            blocked=_needs_row),
    Command("unfold_all", ("Z",), "Unfold all", "Unfold every array and group.", MOVE,
            blocked=_needs_row),
    Command("detail", ("enter",), "Detail",
            "The job beside the list; again for the keys, then the job's own screen.",
            LOOK, blocked=_needs_row, footer=1),
    Command("job", ("i",), "Job screen",
            "The job's own screen at once: plots, log, script, steps, dependencies.",
            LOOK, blocked=_needs_job, footer=12),
    Command("filter", ("slash",), "Filter", "Filter as you type: words, state:R user:alice mem>8G.",
            LOOK, footer=2),
    Command("back", ("escape",), "Back", "Close what is open, drop the selection, then the filter.",
            LOOK),
    Command("sort", ("s",), "Sort", "Choose the column to sort by.", LOOK, footer=6),
    Command("reverse", ("S",), "Reverse", "Turn the order round.", LOOK),
    Command("sort_step", ("greater_than_sign",), "Sort right", "Sort by the next column.",
            LOOK, argument=1),
    Command("sort_step", ("less_than_sign",), "Sort left", "Sort by the column before.", LOOK,
            argument=-1),
    Command("group", ("o",), "Group", "Group by stage, state, user or array, or not.",
            LOOK, footer=8),
    Command("finished", ("f",), "Finished", "Show or hide finished jobs.", LOOK, footer=10),
    Command("scope", ("a",), "Scope", "My jobs, those of my accounts, everybody's.", LOOK,
            footer=7),
    Command("columns", ("c",), "Columns", "Choose, move and resize columns.", LOOK, footer=11),
    Command("strip", ("p",), "Partitions", "Partition strip: compact, all of it, none.", LOOK,
            blocked=_needs_strip),
    Command("select", ("space",), "Select", "Select the row (all of an array or group).", SELECT,
            blocked=_needs_row, footer=5),
    Command("extend", ("J", "shift+down"), "Extend down", "Select on, downwards.", SELECT,
            argument=1),
    Command("extend", ("K", "shift+up"), "Extend up", "Select on, upwards.", SELECT,
            argument=-1),
    Command("range", ("V",), "Range", "Select a range: here, then at its other end.", SELECT,
            blocked=_needs_row),
    Command("select_all", ("A",), "Select all", "Select every job shown.", SELECT,
            blocked=_needs_row),
    Command("copy", ("y",), "Copy id", "Copy the job ids to the clipboard of your terminal.",
            SELECT, blocked=_needs_row),
    Command("submit", ("n",), "New job", "Submit a script, or one made from a template.", ACT,
            blocked=_needs_leave, destructive=True, footer=4),
    Command("edit", ("e",), "Edit", "Edit what the jobs ask for: memory, CPUs, walltime, ...", ACT,
            blocked=_needs_target("update"), destructive=True, footer=3),
    Command("resubmit", ("r",), "Resubmit",
            "Send ended or running jobs again, corrected by what went wrong.", ACT,
            blocked=_needs_again, destructive=True, footer=3),
    Command("smoke", ("m",), "Smoke", "Run its script in rounds, smoke first; asks first.", ACT,
            blocked=_needs_job, destructive=True),
    Command("hold", ("H",), "Hold", "Hold pending jobs.", ACT,
            blocked=_needs_target("hold"), destructive=True),
    Command("release", ("U", "u"), "Release", "Release held jobs.", ACT,
            blocked=_needs_target("release"), destructive=True),
    Command("cancel", ("x",), "Cancel", "Cancel the jobs; asks first.", ACT,
            blocked=_needs_target("cancel"), destructive=True, footer=9),
    Command("requeue", ("R",), "Requeue", "Put the jobs back in the queue; asks first.", ACT,
            blocked=_needs_target("requeue"), destructive=True),
    Command("top", ("T",), "To the top", "Put pending jobs before your other ones.", ACT,
            blocked=_needs_target("top"), destructive=True),
    Command("suspend", ("P",), "Suspend", "Stop running jobs where they are; where you may.", ACT,
            blocked=_needs_target("suspend"), destructive=True),
    Command("resume", ("ctrl+g",), "Resume", "Let suspended jobs go on.", ACT,
            blocked=_needs_target("resume"), destructive=True),
)  # fmt: skip
