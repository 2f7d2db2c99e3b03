"""``srun`` inside local jobs: runs a command once a task, so that scripts for Slurm run unchanged.

Knows the number of tasks; other options are read and left alone, since there is one node. Signals
go on to the tasks, the highest exit code is its own. Imports little: a job may call it often.
"""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

# Options with a value, by name and by letter; all others have none.
_VALUED = """
    account acctg-freq bcast bb bbf begin cluster-constraint comment compress constraint container
    container-id core-spec cores-per-socket cpu-bind cpu-freq cpus-per-gpu cpus-per-task deadline
    delay-boot dependency chdir distribution epilog error exclude export extra-node-info gpu-bind
    gpu-freq gpus gpus-per-node gpus-per-socket gpus-per-task gres gres-flags het-group hint
    immediate input job-name jobid licenses mail-type mail-user mem mem-bind mem-per-cpu
    mem-per-gpu mincpus mpi msg-timeout network nodefile nodelist nodes ntasks ntasks-per-core
    ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output partition power priority
    prolog qos relative reservation signal slurmd-debug sockets-per-node switches task-epilog
    task-prolog thread-spec threads threads-per-core time time-min tmp tres-bind tres-per-task
    wait wckey
"""
_WITH_VALUE = frozenset(_VALUED.split())
_OPTIONAL = frozenset({"bcast", "immediate", "kill-on-bad-exit", "compress", "propagate"})
_LETTERS_WITH_VALUE = frozenset("AcCdDeGiJLmMnNopPqrRStTwWxB")
_NAMES = {"n": "ntasks", "D": "chdir", "o": "output", "e": "error", "c": "cpus-per-task"}


class Call(NamedTuple):
    """What was asked: tasks, the command, and options by their long name."""

    tasks: int
    command: Sequence[str]
    options: dict[str, str]
    label: bool


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tasks; gives the highest exit code, 128 and its number for a signal."""
    try:
        call = read_call(sys.argv[1:] if arguments is None else arguments, os.environ)
    except ValueError as error:
        sys.stderr.write(f"srun: error: {error}\n")
        return 1
    if not call.command:
        sys.stderr.write("srun: fatal: No command given to execute.\n")
        return 1
    return run_tasks(call)


def read_call(arguments: Sequence[str], environ: "os._Environ[str] | dict[str, str]") -> Call:
    """Options up to the first word that is none, then the command. Raises ValueError."""
    left = list(arguments)
    options: dict[str, str] = {}
    while left and left[0].startswith("-") and left[0] != "-":
        word = left.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if not equals and name in _WITH_VALUE and name not in _OPTIONAL:
                value = left.pop(0) if left else ""
            options[name] = value
            continue
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            value = ""
            if letter in _LETTERS_WITH_VALUE:
                value = letters or (left.pop(0) if left else "")
                letters = ""
            options[_NAMES.get(letter, letter)] = value
    asked = options.get("ntasks") or environ.get("SLURM_NTASKS") or "1"
    if not asked.isdigit() or not 0 < int(asked) <= 100_000:
        raise ValueError(f'Invalid numeric value "{asked}" for --ntasks.')
    return Call(int(asked), left, options, "label" in options or "l" in options)


def run_tasks(call: Call) -> int:
    """Start every task, pass signals on, wait for all."""
    step = _next_step()
    pids: dict[int, int] = {}
    received: list[int] = []

    def forward(number: int, _: object) -> None:
        received.append(number)
        for pid in list(pids):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    forwarded = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2,
                 signal.SIGQUIT, signal.SIGCONT, signal.SIGALRM)  # fmt: skip
    for number in forwarded:
        signal.signal(number, forward)
    for task in range(call.tasks):
        pid = os.fork()
        if pid == 0:
            _become_task(call, task, step, forwarded)
        pids[pid] = task
    highest = 0
    while pids:
        pid, status = os.waitpid(-1, 0)
        if pid in pids:
            task = pids.pop(pid)
            code = os.waitstatus_to_exitcode(status)
            if code:
                how = f"signal {-code}" if code < 0 else f"exit code {code}"
                sys.stderr.write(f"srun: error: task {task}: {how}\n")
            highest = max(highest, 128 - code if code < 0 else code)
    return highest


def _become_task(call: Call, task: int, step: int, handled: Sequence[int]) -> None:
    code = 127
    try:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)
        environment = dict(os.environ)
        facts = {"PROCID": task, "LOCALID": task, "STEP_ID": step, "STEPID": step, "NODEID": 0,
                 "NTASKS": call.tasks, "NPROCS": call.tasks, "STEP_NUM_TASKS": call.tasks,
                 "STEP_TASKS_PER_NODE": call.tasks, "STEP_NUM_NODES": 1,
                 "TASK_PID": os.getpid()}  # fmt: skip
        environment.update({f"SLURM_{name}": str(value) for name, value in facts.items()})
        if call.options.get("cpus-per-task"):
            environment["SLURM_CPUS_PER_TASK"] = call.options["cpus-per-task"]
        if call.options.get("chdir"):
            os.chdir(call.options["chdir"])
        _redirect(call, task, step)
        os.execvpe(call.command[0], list(call.command), environment)
    except OSError as error:
        sys.stderr.write(f"srun: error: {call.command[0]}: {error.strerror}\n")
        sys.stderr.flush()
        code = 13 if isinstance(error, PermissionError) else 2
    finally:
        os._exit(code)


def _redirect(call: Call, task: int, step: int) -> None:
    """--output and --error, with %t, %j, %s, %n filled in; "none" is nowhere, "all" everywhere."""
    for name, descriptor in (("output", 1), ("error", 2)):
        path = call.options.get(name, "")
        if not path or path == "all":
            continue
        facts = {"%t": task, "%j": os.environ.get("SLURM_JOB_ID", ""), "%s": step, "%n": 0,
                 "%J": f"{os.environ.get('SLURM_JOB_ID', '')}.{step}"}  # fmt: skip
        for pattern, value in facts.items():
            path = path.replace(pattern, str(value))
        target = os.devnull if path == "none" else path
        opened = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o666)
        os.dup2(opened, descriptor)
        if name == "output" and not call.options.get("error"):
            os.dup2(opened, 2)


def _next_step() -> int:
    """The steps of a job are counted in its spool folder."""
    folder = os.environ.get("JOBSHAPE_LOCAL_SPOOL", "")
    for step in range(1_000_000):
        try:
            os.close(os.open(f"{folder}/step.{step}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            continue
        except OSError:
            return step
        return step
    return 0


if __name__ == "__main__":
    sys.exit(main())
