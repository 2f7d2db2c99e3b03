"""Measure one queue program on the cluster this runs in, as JSON on standard output.

Runs inside a test cluster as root, with ``tests/`` on PYTHONPATH; the measured program runs as
``--user``. Everything is seen from outside the program: a pseudo-terminal, /proc and sdiag.
``benchmarks/run.py`` calls this.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import processes
import sdiag
from control import Control
from memory import MemoryWatch
from terminal import Terminal

READY = r"^\W*\d+\S*\s.*\b(PD|PENDING|R|RUNNING)\b"
SQUEUE_FIELDS = "%i|%t|%r|%S|%e|%l|%j|%u|%a|%P|%q|%F|%K|%p|%V|%D|%N|%C|%m|%b|%E|%k"
"""The 22 fields of the job table that squeue has letters for."""


MOVING_S = 30.0
"""How long jobs come and go while the memory is watched: even a long queue is read anew."""


def as_user(user: str, argv: Sequence[str]) -> list[str]:
    """The command run as another user with that user's environment."""
    home = "/root" if user == "root" else f"/home/{user}"
    env = [f"HOME={home}", f"USER={user}", f"LOGNAME={user}", "LANG=C.UTF-8", "TERM=xterm-256color",
           "COLORTERM=truecolor", f"PATH={os.environ['PATH']}"]  # fmt: skip
    drop = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
    return [*([] if user == "root" else drop), "env", "-i", *env, *argv]


def milliseconds(values: Sequence[float]) -> dict[str, float] | None:
    """Median, 95th percentile and worst, in milliseconds."""
    if not values:
        return None
    ordered = sorted(value * 1000 for value in values)
    return {
        "median": round(statistics.median(ordered), 1),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 1),
        "worst": round(ordered[-1], 1),
        "count": len(ordered),
    }


def squeue_s(user: str, runs: int, extra: Sequence[str] = ()) -> float:
    """Median seconds of squeue printing the same fields."""
    times = []
    for _ in range(runs):
        begin = time.monotonic()
        subprocess.run(
            as_user(user, ["squeue", "-h", *extra, "-o", SQUEUE_FIELDS]),
            stdout=subprocess.DEVNULL,
            check=True,
            timeout=300,
        )
        times.append(time.monotonic() - begin)
    return statistics.median(times)


class Churn:
    """Somebody else's jobs that come and go, about one a second, while keys are timed."""

    def __init__(self, user: str) -> None:
        submit = (
            "while :; do j=$(sbatch --parsable -J churn -p main --mem=1M -t 1 --hold "
            "--wrap true -o /dev/null); sleep 0.5; scancel $j; sleep 0.5; done"
        )
        self._process = subprocess.Popen(
            as_user(user, ["sh", "-c", submit]),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> Churn:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, 15)
        self._process.wait()


def start_times(argv: Sequence[str], runs: int, ready: str) -> list[float]:
    """Seconds from exec to the first job rows on the screen, run by run."""
    times = []
    for _ in range(runs):
        with Terminal(argv) as terminal:
            times.append(terminal.wait_for(ready, 120) - terminal.started)
        time.sleep(0.5)
    return times


def key_times(terminal: Terminal, keys: Sequence[str], count: int) -> dict[str, Any]:
    """Latency of keys at jittered moments, and the bytes of each key's output."""
    dice = random.Random(1)
    timed: list[tuple[float, float]] = []
    missed, sizes = 0, []
    with Control() as control:
        for number in range(count):
            terminal.watch(0.08 + 0.12 * dice.random())
            terminal.wait_quiet(0.03, 1)
            before, pressed = terminal.bytes_seen, time.monotonic()
            took = terminal.time_key(keys[number % len(keys)])
            terminal.wait_quiet(0.03, 1)
            if took is None:
                missed += 1
            else:
                timed.append((pressed, took))
                sizes.append(terminal.bytes_seen - before)
    calm = [took for pressed, took in timed if not control.disturbed(pressed, pressed + took)]
    return {
        "ms": milliseconds(calm),
        "with_machine_stops_ms": milliseconds([took for _, took in timed]),
        "machine_stopped_ms": control.longest_ms,
        "without_answer": missed,
        "bytes_median": statistics.median(sizes) if sizes else None,
    }


def idle(terminal: Terminal, seconds: float) -> dict[str, Any]:
    """CPU, terminal bytes and controller time while nothing is done."""
    calls, cpu = sdiag.reading(), processes.cpu_s(processes.tree(terminal.pid))
    busy, sent, begin = processes.machine_busy_s(), terminal.bytes_seen, time.monotonic()
    terminal.watch(seconds)
    took = time.monotonic() - begin
    ours = processes.cpu_s(processes.tree(terminal.pid)) - cpu
    made = sdiag.difference(calls, sdiag.reading())
    minutes = took / 60
    return {
        "seconds": round(took, 1),
        "cpu_percent": round(100 * ours / took, 2),
        "tty_bytes_a_minute": round((terminal.bytes_seen - sent) / minutes),
        "controller_ms_a_minute": round(sum(ms for _, ms in made.values()) / minutes, 1),
        "controller_calls": {name: count for name, (count, _) in made.items()},
        "rest_of_machine_cpu_percent": round(
            100 * (processes.machine_busy_s() - busy - ours) / took, 1
        ),
    }


def with_controller_stopped(terminal: Terminal, keys: Sequence[str]) -> dict[str, Any]:
    """Key latencies during 30 s in which slurmctld is stopped by SIGSTOP, and what is shown."""
    controller = int(subprocess.run(["pidof", "slurmctld"], capture_output=True).stdout.split()[0])
    os.kill(controller, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        result = key_times(terminal, keys, 60)
        terminal.watch(max(0.0, 30 - (time.monotonic() - begin)))
        result["screen"] = terminal.lines
    finally:
        os.kill(controller, signal.SIGCONT)
    return result


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures of one program."""
    argv = as_user(options.user, options.command)
    result: dict[str, Any] = {
        "command": options.command,
        "squeue_s": round(squeue_s(options.user, 5), 3),
        "start_s": [round(t, 3) for t in start_times(argv, options.starts, options.ready)],
        "load": round(os.getloadavg()[0], 2),
    }
    result["start_median_s"] = round(statistics.median(result["start_s"]), 3)
    with Terminal(argv) as terminal:
        with MemoryWatch(terminal.pid) as memory:
            terminal.wait_for(options.ready, 120)
            terminal.watch(options.settle)
            result["idle"] = idle(terminal, options.idle)
            with Churn("root"):
                terminal.watch(MOVING_S)
        result["memory"] = memory.figures()
        keys = ("down", "down", "up", "down", "pagedown", "down", "pageup", "down")
        with Churn("root"):
            terminal.watch(2)
            result["keys"] = key_times(terminal, keys, options.keys)
        terminal.press("home")
        terminal.watch(3)
        result["cursor"] = key_times(terminal, ("down",), 20)
        if options.stop_controller:
            result["stopped"] = with_controller_stopped(terminal, keys)
        if options.screen:
            Path(options.screen).write_text(terminal.text)
    return result


def main() -> int:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--user", default="alice")
    parser.add_argument("--ready", default=READY)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--settle", type=float, default=60)  # the history is filled by then
    parser.add_argument("--idle", type=float, default=60)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--stop-controller", action="store_true", help="SIGSTOP slurmctld for 30 s")
    parser.add_argument("--screen", help="write the last screen there")
    parser.add_argument("command", nargs="+")
    json.dump(measure(parser.parse_args()), sys.stdout, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
