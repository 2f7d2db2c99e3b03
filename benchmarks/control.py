"""Processes that do nothing but wake up: when one is late, its core was, not the program.

One a core, since a virtual machine's cores are stopped one by one.

Machines that share their cores stop all processes for moments; a key or a heartbeat that meets
such a moment says nothing of the program measured. What is left out is counted and told.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

BEAT_S = 0.002
LATE_S = 0.008


class Control:
    """Beats beside a measurement; ask :meth:`disturbed` once it has ended."""

    def __enter__(self) -> Control:
        self._folder = Path(tempfile.mkdtemp(prefix="control-"))
        self._processes = [
            subprocess.Popen([sys.executable, __file__, str(self._folder / str(core)), str(core)])
            for core in os.sched_getaffinity(0)
        ]
        self._late: list[tuple[float, float]] = []
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        for report in self._folder.iterdir():
            for begin, end in map(str.split, report.read_text().splitlines()):
                self._late.append((float(begin), float(end)))
        shutil.rmtree(self._folder)

    def disturbed(self, begin: float, end: float) -> bool:
        """Whether the machine stopped at any time between two moments (monotonic, s)."""
        return any(stop > begin and start < end for start, stop in self._late)

    @property
    def longest_ms(self) -> float:
        """The longest the machine stopped."""
        return round(max((stop - start for start, stop in self._late), default=0.0) * 1000, 1)


def beat(report: Path, core: int) -> None:
    """On this core write begin and end of every beat that came late, until killed.

    At the highest priority it may have, so that what else runs there does not make it late.
    """
    os.sched_setaffinity(0, {core})
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    with report.open("w") as file:
        last = time.monotonic()
        while True:
            time.sleep(BEAT_S)
            now = time.monotonic()
            if now - last > LATE_S:
                file.write(f"{last} {now}\n")
                file.flush()
            last = now


if __name__ == "__main__":
    beat(Path(sys.argv[1]), int(sys.argv[2]))
