"""The daemons of a box: how each is started and where its process id and log are."""

from __future__ import annotations

from dataclasses import dataclass

from box.config import LOGS, NODES
from box.errors import BoxError
from box.plan import Plan


@dataclass(frozen=True, slots=True)
class Daemon:
    """One daemon; its command goes to the background by itself.

    user: who it is started as; most drop to their own user later.
    """

    name: str
    argv: tuple[str, ...]
    pid_file: str
    log: str
    user: str = "root"


def daemons(plan: Plan) -> dict[str, Daemon]:
    """All daemons of a box by name, in the order they start."""
    found = [
        Daemon(
            "mariadbd",
            ("setsid", "--fork", "mariadbd", "--user=mysql"),
            "/run/mysqld/mysqld.pid",
            f"{LOGS}/mariadbd.log",
        ),
        Daemon(
            "sshd",
            ("/usr/sbin/sshd", "-E", f"{LOGS}/sshd.log"),
            "/run/sshd.pid",
            f"{LOGS}/sshd.log",
        ),
        _controller("slurmdbd", ("slurmdbd",)),
        # -i: start again after a SIGKILL, though some of its state was never written
        _controller("slurmctld", ("slurmctld", "-i")),
        *(_slurmd(f"slurmd-{node.name}", node.name) for node in NODES),
    ]
    if plan.recipe.munge:
        log = "/var/log/munge/munged.log"  # it refuses a folder that is not its own
        found.insert(0, Daemon("munged", ("munged",), "/run/munge/munged.pid", log, "munge"))
    return {daemon.name: daemon for daemon in found}


def daemon(plan: Plan, name: str) -> Daemon:
    """The daemon of this name; BoxError with the names there are."""
    known = daemons(plan)
    if name not in known:
        raise BoxError(f"no daemon {name!r} in box {plan.name}", hint=", ".join(known))
    return known[name]


def _controller(name: str, argv: tuple[str, ...]) -> Daemon:
    return Daemon(name, argv, f"/run/{name}/{name}.pid", f"{LOGS}/{name}.log")


def _slurmd(name: str, node: str) -> Daemon:
    return Daemon(name, ("slurmd", "-N", node), f"/run/{name}.pid", f"{LOGS}/{name}.log")
