"""The commands that every screen has."""

from jobshape.screens.commands.command import ACT, APP, GO, Command

EVERYWHERE: tuple[Command, ...] = (
    Command("go", ("1",), "Queue", "Go to the queue.", GO, argument="queue"),
    Command("go", ("2",), "Stages", "Go to the stages.", GO, argument="stages",
            footer=12),
    Command("go", ("3",), "Nodes", "Go to the nodes.", GO, argument="nodes",
            footer=13),
    Command("go", ("exclamation_mark", "4"), "Alerts", "What is wrong with my jobs now.", GO,
            argument="alerts", footer=14),
    Command("go", ("5",), "Actions", "What was done to jobs, and what came back.", GO,
            argument="actions"),
    Command("go", ("6",), "Rounds", "Go to the campaigns: workloads run in rounds.", GO,
            argument="rounds"),
    Command("undo", ("ctrl+z",), "Undo",
            "Take back what you did last: hold, release, a changed job; asks first.", ACT,
            destructive=True),
    Command("refresh", ("ctrl+r", "f5"), "Refresh", "Ask the site now.", APP),
    Command("theme", ("t",), "Theme", "Choose the colours.", APP),
    Command("redraw", ("ctrl+l",), "Redraw", "Draw the screen anew, after something wrote into it.",
            APP),
    Command("help", ("question_mark",), "Help", "All keys.", APP, footer=3),
    Command("command_palette", ("ctrl+p",), "Commands", "Find a command by its name.", APP),
    Command("quit", ("q", "ctrl+q"), "Quit", "Leave jobshape; jobs go on.", APP, footer=4),
)  # fmt: skip
