"""A process that does nothing but wake up: when it is late, the machine was, not the program.

Machines that share their cores stop all processes for moments; a key or a heartbeat that meets
such a moment says nothing of the program measured. What is left out is counted and told.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

BEAT_S = 0.002
LATE_S = 0.008


class Control:
    """Beats beside a measurement; ask :meth:`disturbed` once it has ended."""

    def __enter__(self) -> Control:
        self._report = Path(tempfile.mkstemp(prefix="control-")[1])
        self._process = subprocess.Popen([sys.executable, __file__, str(self._report)])
        self._late: list[tuple[float, float]] = []
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._late = [
            (float(begin), float(end))
            for begin, end in map(str.split, self._report.read_text().splitlines())
        ]
        self._report.unlink()

    def disturbed(self, begin: float, end: float) -> bool:
        """Whether the machine stopped at any time between two moments (monotonic, s)."""
        return any(stop > begin and start < end for start, stop in self._late)

    @property
    def longest_ms(self) -> float:
        """The longest the machine stopped."""
        return round(max((stop - start for start, stop in self._late), default=0.0) * 1000, 1)


def beat(report: Path) -> None:
    """Write begin and end of every beat that came late, until killed."""
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
    beat(Path(sys.argv[1]))
