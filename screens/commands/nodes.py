"""The commands of the nodes."""

from typing import Protocol

from jobshape.screens.commands.command import GO, LOOK, MOVE, Command


class Situation(Protocol):
    """What a command needs to know to say whether it can be used now."""

    @property
    def has_node(self) -> bool:
        """Whether the cursor stands on a node."""
        ...

    @property
    def has_gpus(self) -> bool:
        """Whether any node has GPUs."""
        ...

    @property
    def measures_gpus(self) -> bool:
        """Whether the cells show GPUs."""
        ...


def _needs_node(situation: Situation) -> str | None:
    return None if situation.has_node else "there is no node under the cursor"


def _needs_use(situation: Situation) -> str | None:
    return "Slurm does not say how busy a node's GPUs are" if situation.measures_gpus else None


NODES: tuple[Command, ...] = (
    Command("line", ("j", "down"), "Down", "The line below.", MOVE, argument=1),
    Command("line", ("k", "up"), "Up", "The line above.", MOVE, argument=-1),
    Command("step", ("h", "left"), "Left", "The node before.", MOVE, argument=-1),
    Command("step", ("l", "right"), "Right", "The next node.", MOVE, argument=1),
    Command("page", ("pagedown", "ctrl+f", "ctrl+d"), "Page down", "One page down.", MOVE,
            argument=1),
    Command("page", ("pageup", "ctrl+b", "ctrl+u"), "Page up", "One page up.", MOVE,
            argument=-1),
    Command("edge", ("g", "home"), "First", "The first node.", MOVE, argument=-1),
    Command("edge", ("G", "end"), "Last", "The last node.", MOVE, argument=1),
    Command("trouble", ("n",), "Next problem", "The next node that is drained, down, ...", MOVE,
            argument=1),
    Command("trouble", ("N",), "Problem before", "The node in trouble before this one.", MOVE,
            argument=-1),
    Command("detail", ("enter",), "Detail",
            "Everything known of the node; for a pending job: where it would fit.", LOOK,
            blocked=_needs_node, footer=1),
    Command("filter", ("slash",), "Filter",
            "Filter as you type: words, state:drain gpu:a100 part:gpu feature:ib.", LOOK, footer=2),
    Command("back", ("escape",), "Back", "Close what is open, drop the filter, then to the queue.",
            LOOK),
    Command("view", ("tab",), "View", "Next view: all nodes, problems, what fits.", LOOK,
            footer=10),
    Command("problems", ("p",), "Problems",
            "The nodes that take no jobs, with Slurm's reason; again: all nodes.", LOOK, footer=6),
    Command("fits", ("f",), "Fits",
            "My pending jobs: which would fit into what is free now; again: all nodes.", LOOK,
            footer=5),
    Command("resource", ("c",), "Resource", "What the cells show: CPUs, memory, GPUs.", LOOK,
            footer=7),
    Command("use", ("u",), "Used",
            "Show what is in use on the node, or what Slurm has allocated.", LOOK,
            blocked=_needs_use, footer=8),
    Command("copy", ("y",), "Copy name", "Copy the node's name to the clipboard of your terminal.",
            LOOK, blocked=_needs_node),
    Command("jobs", ("o",), "Its jobs", "Show the node's jobs in the queue.", GO,
            blocked=_needs_node, footer=9),
)  # fmt: skip
