"""The longest time the drawing process does not turn its event loop, as JSON.

Runs inside a test cluster as root. Starts itself once more as ``--user`` in a terminal: the app
as it is, with a heartbeat in its loop; then presses keys while the queue is read again and again.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import json
import random
import sys
import tempfile
import time
from pathlib import Path

BEAT_S = 0.002
STACK_AFTER_S = 0.06
"""A beat this late leaves the stack it waited for beside the report."""

KEYS = ("down", "pagedown", "pageup", "down", "S", "f", "f", "S", "end", "home", "z", "Z", "r")


def inside(report: Path, argv: list[str]) -> int:
    """The app with a heartbeat: writes moment, gap and CPU time in it of each late beat, in s."""
    import jobshape.app.tui as tui
    from jobshape.app.cli import main

    async def beat() -> None:
        stacks = report.with_suffix(".stacks").open("w")
        with report.open("w") as file:
            last = armed = time.monotonic()
            spent = time.thread_time()
            while True:
                if last - armed > 0.02:  # arming costs a thread
                    faulthandler.dump_traceback_later(STACK_AFTER_S, file=stacks)
                    armed = last
                await asyncio.sleep(BEAT_S)
                now, cpu = time.monotonic(), time.thread_time()
                if now - last - BEAT_S > 0.005:
                    file.write(f"{now} {now - last - BEAT_S} {cpu - spent}\n")
                    file.flush()
                last, spent = now, cpu

    class Watched(tui.LiveApp):
        def on_mount(self) -> None:
            self.heart = asyncio.create_task(beat())

    tui.LiveApp = Watched  # type: ignore[misc]
    sys.argv[1:] = argv
    return main()


def outside(user: str, seconds: float, argv: list[str]) -> dict[str, object]:
    """Watch that app for a while and say how long its longest stalls were."""
    from control import Control
    from measure import READY, Churn, as_user
    from terminal import Terminal

    report = Path(tempfile.mkdtemp()) / "beats"
    report.parent.chmod(0o777)
    me = [sys.executable, __file__, "--inside", str(report), "--", *argv]
    dice = random.Random(2)
    with Control() as control, Terminal(as_user(user, me)) as terminal, Churn("root"):
        ready = terminal.wait_for(READY, 120)
        while time.monotonic() < ready + seconds:
            terminal.watch(0.2 + 0.4 * dice.random())
            terminal.press(dice.choice(KEYS))
        end = time.monotonic()
    beats = [tuple(map(float, line.split())) for line in report.read_text().splitlines()]
    seen = [(m, gap, cpu) for m, gap, cpu in beats if ready < m < end]
    late = [
        (gap * 1000, cpu * 1000)
        for moment, gap, cpu in seen
        if not control.disturbed(moment - gap, moment)
    ]
    late.sort(reverse=True)
    busy = sorted((cpu for _, cpu in late), reverse=True)
    return {
        "longest_ms": round(late[0][0], 1) if late else 0.0,
        "longest_cpu_ms": round(busy[0], 1) if busy else 0.0,
        "longest_with_cpu_ms": [(round(gap, 1), round(cpu, 1)) for gap, cpu in late[:10]],
        "most_cpu_ms": [round(cpu, 1) for cpu in busy[:10]],
        "machine_stopped_ms": control.longest_ms,
        "left_out": len(seen) - len(late),
        "over_10_ms": sum(gap > 10 for gap, _ in late),
        "seconds": seconds,
        "stacks": report.with_suffix(".stacks").read_text().splitlines()[:60],
    }


def main() -> int:
    """Parse and run one of the two sides."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inside", type=Path)
    parser.add_argument("--user", default="alice")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("argv", nargs="*")
    options = parser.parse_args()
    if options.inside:
        return inside(options.inside, options.argv)
    json.dump(outside(options.user, options.seconds, options.argv), sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
