"""The command line of the boxes."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Final

from box import cache
from box.box import Box, take_down
from box.environment import cached_names, layers
from box.errors import BoxError
from box.plan import Plan
from box.recipe import DEFAULT_RELEASE, RECIPES
from box.state import State

_DEFAULT_NAME: Final = "dev"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] in _INSIDE:
        _INSIDE[words[0]](words[1:])
        return 0
    args = _parser().parse_args(words)
    try:
        return int(args.command(args))
    except BoxError as error:
        print(f"box: {error}", file=sys.stderr)
        return 1


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _up(args: argparse.Namespace) -> int:
    plan = Plan(
        name=args.name,
        release=args.slurm,
        big_nodes=args.big_nodes,
        min_job_age_s=args.min_job_age,
        private_data=args.private_data,
    )
    Box.up(plan, die_with=args.die_with, say=_say)
    this = f"python3 {os.path.relpath(sys.argv[0])}"
    print(f"box {plan.name} is up: Slurm {plan.release}, users alice and bob")
    print(f"  {this} shell --name {plan.name}")
    print(f"  {this} exec --name {plan.name} --user alice -- squeue")
    print(f"  {this} down --name {plan.name}")
    return 0


def _down(args: argparse.Namespace) -> int:
    names = [state.name for state in State.all()] if args.all else [args.name]
    for name in names:
        print(f"box {name} is down" if take_down(name) else f"there was no box {name}")
    return 0


def _list(args: argparse.Namespace) -> int:
    for state in State.all():
        ready = state.alive() and (state.run / "ready").exists()
        how = "up" if ready else "coming up" if state.alive() else "dead"
        release = state.plan().release if state.plan_file.exists() else "?"
        print(f"{state.name}\t{release}\t{how}\tkeeper {state.pid('keeper')}")
    return 0


def _exec(args: argparse.Namespace) -> int:
    if wrong := [pair for pair in args.env if "=" not in pair]:
        raise BoxError(f"--env {wrong[0]!r} sets nothing", hint="write NAME=VALUE")
    env = dict(pair.split("=", 1) for pair in args.env)
    words = args.argv[1:] if args.argv[:1] == ["--"] else args.argv
    command = Box.named(args.name).command(words, user=args.user, cwd=args.cwd, env=env)
    os.execvp(command[0], command)


def _shell(args: argparse.Namespace) -> int:
    if not State.of(args.name).alive():
        Box.up(Plan(name=args.name, release=args.slurm), say=_say)
    command = Box.named(args.name).command(["bash", "--login"], user=args.user)
    os.execvp(command[0], command)


def _signal(args: argparse.Namespace) -> int:
    Box.named(args.name).signal(args.daemon, signal.Signals[f"SIG{args.signal}"])
    return 0


def _restart(args: argparse.Namespace) -> int:
    Box.named(args.name).restart(args.daemon)
    return 0


def _log(args: argparse.Namespace) -> int:
    sys.stdout.write(Box.named(args.name).log(args.daemon))
    return 0


def _fill(args: argparse.Namespace) -> int:
    from box.fill import STATES, fill

    states = tuple(args.states.split(",")) if args.states else STATES
    if unknown := set(states) - set(STATES):
        raise BoxError(f"unknown states {', '.join(unknown)}", hint=", ".join(STATES))
    fill(Box.named(args.name), args.jobs, args.user or ["alice", "bob"], states)
    return 0


def _build(args: argparse.Namespace) -> int:
    for release in args.slurm or RECIPES:
        for layer in layers(RECIPES[release], say=_say):
            print(layer)
    return 0


def _prune(args: argparse.Namespace) -> int:
    wanted = [name for recipe in RECIPES.values() for name in cached_names(recipe)]
    for name in cache.prune(wanted):
        print(f"deleted {name}")
    return 0


def _keep(words: list[str]) -> None:
    from box.keeper import keep

    name, die_with, *stack = words
    keep(name, stack, int(die_with) or None)


def _inside(words: list[str]) -> None:
    from box.keeper import inside

    inside(words[0], words[1:])


def _boot(words: list[str]) -> None:
    from box.boot import boot

    boot()


def _build_step(words: list[str]) -> None:
    from box.building import build_step

    build_step(words[0])


def _fill_pyslurm(words: list[str]) -> None:
    from box.fill import with_pyslurm

    with_pyslurm(words[0])


def _fill_sbatch(words: list[str]) -> None:
    from box.fill import with_sbatch

    with_sbatch(words[0])


# Steps of our own processes, not for people.
_INSIDE: Final[dict[str, Callable[[list[str]], None]]] = {
    "_keep": _keep,
    "_inside": _inside,
    "_boot": _boot,
    "_build-step": _build_step,
    "_fill-pyslurm": _fill_pyslurm,
    "_fill-sbatch": _fill_sbatch,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="box", description="Real Slurm clusters for tests.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(
        name: str, run: Callable[[argparse.Namespace], int], help: str
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help, description=help)
        added.set_defaults(command=run)
        return added

    def named(
        name: str, run: Callable[[argparse.Namespace], int], help: str
    ) -> argparse.ArgumentParser:
        added = command(name, run, help)
        added.add_argument("--name", default=_DEFAULT_NAME, help="which box (default: %(default)s)")
        return added

    def release(added: argparse.ArgumentParser) -> None:
        added.add_argument(
            "--slurm", choices=RECIPES, default=DEFAULT_RELEASE, help="Slurm release"
        )

    up = named("up", _up, "bring a box up, building what is missing")
    release(up)
    up.add_argument(
        "--big-nodes", type=int, default=0, metavar="N", help="idle cloud nodes to show"
    )
    up.add_argument("--die-with", type=int, metavar="PID", help="take the box down when PID ends")
    up.add_argument(
        "--min-job-age", type=int, default=30, metavar="S", help="slurm.conf's MinJobAge"
    )
    up.add_argument("--private-data", default="", metavar="WHAT", help="slurm.conf's PrivateData")

    down = named("down", _down, "take a box down")
    down.add_argument("--all", action="store_true", help="take all boxes down")
    command("list", _list, "list the boxes: name, release, state, keeper")

    run = named("exec", _exec, "run a command in a box")
    run.add_argument("--user", default="alice", help="alice, bob or root (default: %(default)s)")
    run.add_argument("--cwd", help="folder to run in (default: the home)")
    run.add_argument("--env", action="append", default=[], metavar="K=V", help="set a variable")
    run.add_argument("argv", nargs=argparse.REMAINDER, metavar="-- COMMAND ...")

    shell = named("shell", _shell, "a login shell in a box, brought up if it is not")
    release(shell)
    shell.add_argument("--user", default="alice", help="alice, bob or root (default: %(default)s)")

    send = named("signal", _signal, "send a signal to a daemon")
    send.add_argument("--daemon", required=True)
    send.add_argument("--signal", required=True, choices=("STOP", "CONT", "TERM", "KILL", "HUP"))
    for name, what, text in (
        ("restart", _restart, "stop and start a daemon"),
        ("log", _log, "print a daemon's log"),
    ):
        named(name, what, text).add_argument("--daemon", required=True)

    fill = named("fill", _fill, "fill the queue with pending jobs")
    fill.add_argument("--jobs", type=int, default=20_000)
    fill.add_argument("--user", action="append", help="whose jobs (repeat; default: alice and bob)")
    fill.add_argument("--states", help="resources,begin,held,dependency or some of them")

    build = command("build", _build, "build roots, wheel and Python layers, nothing else")
    build.add_argument("--slurm", action="append", choices=RECIPES, help="only this release")
    command("prune", _prune, "delete cached builds that no recipe names and no box uses")
    return parser
