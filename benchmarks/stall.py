"""The longest time the drawing process does not turn its event loop, as JSON.

Runs inside a test cluster as root. Starts itself once more as ``--user`` in a terminal: the app
as it is, with a heartbeat in its loop; then presses keys while the queue is read again and again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path

BEAT_S = 0.002
KEYS = ("down", "pagedown", "pageup", "down", "S", "f", "f", "S", "end", "home", "z", "Z", "r")


def inside(report: Path, argv: list[str]) -> int:
    """The app with a heartbeat: writes [moment, gap in seconds] of each late beat."""
    import jobshape.app.tui as tui
    from jobshape.app.cli import main

    async def beat() -> None:
        with report.open("w") as file:
            last = time.monotonic()
            while True:
                await asyncio.sleep(BEAT_S)
                now = time.monotonic()
                if now - last - BEAT_S > 0.005:
                    file.write(f"{now} {now - last - BEAT_S}\n")
                    file.flush()
                last = now

    class Watched(tui.LiveApp):
        def on_mount(self) -> None:
            self.heart = asyncio.create_task(beat())

    tui.LiveApp = Watched  # type: ignore[misc]
    sys.argv[1:] = argv
    return main()


def outside(user: str, seconds: float, argv: list[str]) -> dict[str, object]:
    """Watch that app for a while and say how long its longest stalls were."""
    from measure import READY, Churn, as_user
    from terminal import Terminal

    report = Path(tempfile.mkdtemp()) / "beats"
    report.parent.chmod(0o777)
    me = [sys.executable, __file__, "--inside", str(report), "--", *argv]
    dice = random.Random(2)
    with Terminal(as_user(user, me)) as terminal, Churn("root"):
        ready = terminal.wait_for(READY, 120)
        while time.monotonic() < ready + seconds:
            terminal.watch(0.2 + 0.4 * dice.random())
            terminal.press(dice.choice(KEYS))
        os.sync()
    beats = [tuple(map(float, line.split())) for line in report.read_text().splitlines()]
    gaps = sorted((gap * 1000 for moment, gap in beats if moment > ready), reverse=True)
    return {
        "longest_ms": round(gaps[0], 1) if gaps else 0.0,
        "next_ms": [round(gap, 1) for gap in gaps[1:10]],
        "over_10_ms": sum(gap > 10 for gap in gaps),
        "before_first_rows_ms": round(
            max((g for m, g in beats if m <= ready), default=0) * 1000, 1
        ),
        "seconds": seconds,
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
