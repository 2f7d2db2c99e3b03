"""Every command of the app, declared once: for bindings, footer, palette, help and README.

A screen has its own commands and those that every screen has.
"""

from collections.abc import Iterable

from jobshape.screens.commands.actions import ACTIONS
from jobshape.screens.commands.alerts import ALERTS
from jobshape.screens.commands.command import Command, key_label
from jobshape.screens.commands.everywhere import EVERYWHERE
from jobshape.screens.commands.job import JOB
from jobshape.screens.commands.nodes import NODES
from jobshape.screens.commands.queue import QUEUE
from jobshape.screens.commands.rounds import ROUNDS
from jobshape.screens.commands.stages import STAGES

SCREENS: dict[str, tuple[Command, ...]] = {
    "The queue": QUEUE,
    "A job": JOB,
    "The stages": STAGES,
    "The nodes": NODES,
    "Alerts": ALERTS,
    "Actions": ACTIONS,
    "The rounds": ROUNDS,
    "Every screen": EVERYWHERE,
}
"""Screen -> its commands."""

COMMANDS: tuple[Command, ...] = tuple(c for commands in SCREENS.values() for c in commands)


def allowed(commands: Iterable[Command], *, read_only: bool) -> tuple[Command, ...]:
    """The commands of a session: a read-only one has none that change jobs."""
    return tuple(c for c in commands if not (read_only and c.destructive))


def keys_markdown() -> str:
    """The key tables of the README."""
    lines = []
    for screen, commands in SCREENS.items():
        lines += [f"**{screen}**", "", "| key | what | |", "|---|---|---|"]
        lines += [f"| {_code(c.keys)} | {c.title} | {c.help} |" for c in commands]
        lines.append("")
    return "\n".join(lines)


def _code(keys: Iterable[str]) -> str:
    return " ".join(f"`{key_label(key)}`" for key in keys)
