"""What tests of the local site on this machine share: folders and processes of each test alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from terminal import Terminal

JOBSHAPE = [sys.executable, "-m", "jobshape"]
MARK = "JOBSHAPE_TEST_MARK"


class Machine:
    """This machine without Slurm, with folders of its own; every process it starts is marked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith(("JOBSHAPE_", "SLURM_", "MAKE"))
        }  # fmt: skip
        self.environment[MARK] = self.mark
        self.environment["HOME"] = str(folder / "home")
        self.environment["PATH"] = "/usr/bin:/bin"
        for kind in ("CONFIG", "STATE", "CACHE"):
            self.environment[f"JOBSHAPE_{kind}_DIR"] = str(folder / kind.lower())
        (folder / "home").mkdir()

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run jobshape without a terminal; its output."""
        done = subprocess.run(
            [*JOBSHAPE, *arguments], env=self.environment, cwd=self.folder, timeout=90,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def open(self, *arguments: str, columns: int = 160, rows: int = 48) -> Terminal:
        """Run jobshape in a terminal."""
        return Terminal(
            ["/usr/bin/env", "-i", *(f"{k}={v}" for k, v in self.environment.items()),
             "TERM=xterm-256color", "COLORTERM=truecolor", *JOBSHAPE, *arguments],
            columns=columns, rows=rows, cwd=str(self.folder),
        )  # fmt: skip

    def processes(self) -> dict[int, str]:
        """Every process that this test started and that still runs: pid and command line."""
        found = {}
        sign = f"{MARK}={self.mark}".encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                if sign in (entry / "environ").read_bytes().split(b"\0"):
                    words = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(entry.name)] = words.decode(errors="replace").strip()
            except (OSError, ProcessLookupError):
                continue
        return found

    def wait_for_no_process(self, within_s: float = 15) -> None:
        """Nothing stays behind."""
        deadline = time.monotonic() + within_s
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left

    def end(self) -> None:
        """End what a failed test left."""
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """This machine, for one test."""
    made = Machine(tmp_path)
    yield made
    made.end()
