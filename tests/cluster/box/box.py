"""A test cluster as an object: bring it up, run things in it, disturb its daemons, take it down."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from box import cgroups
from box.boot import USERS
from box.daemons import daemon
from box.environment import layers
from box.errors import BoxError
from box.keeper import ENTRY
from box.plan import Plan
from box.state import State, changing

_UP_PATIENCE_S: Final = 240.0
_DOWN_PATIENCE_S: Final = 15.0
_PATH: Final = "/opt/jobshape/bin:/usr/local/bin:/usr/bin:/bin"
_ROOT_PATH: Final = f"{_PATH}:/usr/local/sbin:/usr/sbin:/sbin"


def quiet(line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True, slots=True)
class Box:
    """A Slurm cluster of its own in namespaces of this machine."""

    plan: Plan

    @classmethod
    def up(
        cls, plan: Plan, *, die_with: int | None = None, say: Callable[[str], None] = quiet
    ) -> Box:
        """The box of this plan, brought up if it is not; several may be up at once.

        die_with: process that the box does not outlive, however that process ends.
        Raises BoxError if a box of that name is up with another plan.
        """
        plan = replace(plan, cgroup_plugin=cgroups.plugin())
        sweep_dead()
        with changing(plan.name):
            state = State.of(plan.name)
            if state.alive():
                if state.plan() != plan:
                    raise BoxError(f"box {plan.name} is up with another plan", hint="take it down")
                return cls(plan)
            stack = [str(layer) for layer in layers(plan.recipe, say=say)]
            _sweep(state)
            state.create(plan)
            _start_keeper(state, stack, die_with)
        return cls(plan)

    @classmethod
    def named(cls, name: str) -> Box:
        """The living box of this name; BoxError if there is none."""
        state = State.of(name)
        if not state.alive():
            raise BoxError(f"no box {name!r} is up", hint="see `list`, or bring it up with `up`")
        return cls(state.plan())

    @property
    def name(self) -> str:
        """The box's name, and its login node's."""
        return self.plan.name

    @property
    def state(self) -> State:
        """Where the box is kept on the machine."""
        return State.of(self.plan.name)

    def down(self) -> None:
        """End every process of the box and remove what it left."""
        take_down(self.name)

    def command(
        self,
        argv: Sequence[str],
        *,
        user: str = "alice",
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Command of the machine that runs a command of the box as one of its users.

        It dies with the process that runs it, and passes on stdin, stdout, stderr and exit code.
        """
        init = self.state.pid("init")
        home = "/root" if user == "root" else f"/home/{user}"
        environment = {
            "HOME": home,
            "USER": user,
            "LOGNAME": user,
            "SHELL": "/bin/bash",
            "PATH": _ROOT_PATH if user == "root" else _PATH,
            "TERM": os.environ.get("TERM", "xterm-256color"),
            "LANG": "C.UTF-8",
            **(env or {}),
        }
        return [
            *("nsenter", f"--target={init}"),
            *("--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--"),
            *("/usr/bin/setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"),
            *("--pdeathsig=KILL", "/usr/bin/env", "--ignore-environment", f"--chdir={cwd or home}"),
            *(f"{name}={value}" for name, value in environment.items()),
            *argv,
        ]

    def run(
        self,
        argv: Sequence[str],
        *,
        user: str = "alice",
        input: str | None = None,
        timeout: float | None = 60.0,
        check: bool = True,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the box to its end; BoxError with its output if `check` and it fails."""
        done = subprocess.run(
            self.command(argv, user=user, cwd=cwd, env=env),
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise BoxError(f"{list(argv)} in box {self.name}: {done.stdout}{done.stderr}")
        return done

    def popen(
        self,
        argv: Sequence[str],
        *,
        user: str = "alice",
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        **how: Any,
    ) -> subprocess.Popen[Any]:
        """Start a command in the box; `how` goes to subprocess.Popen."""
        return subprocess.Popen(self.command(argv, user=user, cwd=cwd, env=env), **how)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a daemon, such as SIGSTOP to a slurmctld that shall hang."""
        self.run(["kill", f"-{number.name.removeprefix('SIG')}", str(self._pid(name))], user="root")

    def stop(self, name: str, *, timeout_s: float = 30.0) -> None:
        """End a daemon and wait until it is gone."""
        pid = self._pid(name)
        self.signal(name, signal.SIGCONT)
        self.signal(name, signal.SIGTERM)
        _wait_until(lambda: not self._has_process(pid), f"{name} to end", timeout_s)

    def start(self, name: str) -> None:
        """Start a daemon that was stopped or killed."""
        wanted = daemon(self.plan, name)
        self.run(wanted.argv, user=wanted.user, cwd="/")

    def restart(self, name: str) -> None:
        """Stop a daemon if it runs, start it, and wait until slurmctld answers."""
        with contextlib.suppress(BoxError):
            self.stop(name)
        self.start(name)
        self.wait_up()

    def wait_up(self, *, timeout_s: float = 30.0) -> None:
        """Wait until slurmctld answers."""
        ping = ["scontrol", "ping"]
        answers = lambda: " UP" in self.run(ping, check=False).stdout  # noqa: E731
        _wait_until(answers, "slurmctld to answer", timeout_s)

    def wait_idle(self, *, timeout_s: float = 60.0) -> None:
        """Wait until no job is left in the queue, pending ones included."""
        queue = ["squeue", "--noheader", "--format=%i"]
        empty = lambda: not self.run(queue, user="root").stdout.strip()  # noqa: E731
        _wait_until(empty, "the queue to empty", timeout_s)

    def cancel_all(self) -> None:
        """Cancel every job of every user and wait until they are gone."""
        for user in USERS:
            self.run(["scancel", f"--user={user}"], user="root")
        self.wait_idle()

    def log(self, name: str) -> str:
        """What a daemon wrote to its log."""
        return self.run(["cat", daemon(self.plan, name).log], user="root").stdout

    def _pid(self, name: str) -> int:
        done = self.run(["cat", daemon(self.plan, name).pid_file], user="root", check=False)
        pid = int(done.stdout) if done.stdout.strip().isdigit() else 0
        if not pid or not self._has_process(pid):
            raise BoxError(f"{name} of box {self.name} is not running", hint="start it")
        return pid

    def _has_process(self, pid: int) -> bool:
        done = self.run(["ps", "-o", "stat=", "-p", str(pid)], user="root", check=False)
        return bool(done.stdout.strip()) and not done.stdout.startswith("Z")


def take_down(name: str) -> bool:
    """End the box of this name, alive or half dead; False if there was nothing."""
    with changing(name):
        state = State.of(name)
        if not state.folder.exists():
            return False
        keeper = state.pid("keeper")
        for number in (signal.SIGTERM, signal.SIGKILL):
            if keeper is not None and state.alive():
                os.kill(keeper, number)
                with contextlib.suppress(BoxError):
                    _wait_until(lambda: not state.alive(), "the keeper to end", _DOWN_PATIENCE_S)
        if keeper is not None:
            with contextlib.suppress(ChildProcessError):  # only if this process brought it up
                os.waitpid(keeper, 0)
        _sweep(state)
    return True


def sweep_dead() -> None:
    """Remove what boxes left whose keeper was killed; boxes that are coming up are left alone."""
    for state in State.all():
        with changing(state.name, wait=False) as free:
            if free and not state.alive():
                _sweep(state)


def _sweep(state: State) -> None:
    """Remove what a dead box left, its last processes included."""
    if state.folder.exists():
        for pid in cgroups.processes(state.name):
            with contextlib.suppress(ProcessLookupError), _watched(pid) as ended:
                signal.pidfd_send_signal(ended, signal.SIGKILL)
                select.select([ended], [], [], _DOWN_PATIENCE_S)
        cgroups.remove(state.name)
        state.remove()


@contextlib.contextmanager
def _watched(pid: int) -> Iterator[int]:
    """A file descriptor that is readable once the process has ended."""
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _start_keeper(state: State, stack: Sequence[str], die_with: int | None) -> None:
    """Start the keeper and wait until the box is ready; take it down and tell why if it is not."""
    command = [sys.executable, ENTRY, "_keep", state.name, str(die_with or 0), *stack]
    with state.keeper_log.open("wb") as log:
        keeper = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    ready = state.run / "ready"
    try:
        _wait_until(
            lambda: ready.exists() or keeper.poll() is not None,
            "the box to come up",
            _UP_PATIENCE_S,
        )
        if not ready.exists():
            raise BoxError(f"box {state.name} did not come up:\n{_why(state)}")
    except BaseException:
        keeper.terminate()
        keeper.wait()
        _sweep(state)
        raise
    keeper.returncode = 0  # it outlives us: nobody here waits for it


def _why(state: State) -> str:
    """The last lines of the keeper and of each log."""
    texts = [state.keeper_log, *sorted(state.logs.glob("*.log"))]
    return "\n".join(
        f"--- {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-12:])
        for path in texts
        if path.exists()
    )


def _wait_until(done: Callable[[], bool], what: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise BoxError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(0.05)
