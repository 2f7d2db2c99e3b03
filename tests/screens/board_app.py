"""Runs the app on a board made up here, in whatever terminal it is started in.

``python board_app.py ROWS [--change CELLS]``: ROWS 0 is the recorded board. Each line on the
environment's pipe ``BOARD_APP_FD`` is a command: ``change N`` changes N cells, ``same`` tells the
screen of a change that is none.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from jobshape.app.board.board import Board
from jobshape.app.domain.job import Job
from jobshape.app.settings.values import Settings, SiteChoice
from jobshape.app.tui import JobshapeApp
from recorded import GIB, HOUR, LIVE, MINUTE, NOW, RecordedActions, job, recorded_board


def many_jobs(count: int) -> list[Job]:
    """A large cluster's queue: most of it waits."""
    made = []
    for n in range(count):
        more = {
            "user": f"user{n % 97:02d}", "name": f"train-{n % 1000:03d}-seed{n % 13}",
            "partition": ("cpu", "gpu", "long")[n % 3], "memory_bytes": (1 + n % 64) * GIB,
            "submit_time": NOW - n,
        }  # fmt: skip
        if n % 4 == 0:
            start = NOW - (n % 200) * MINUTE
            more |= {"start_time": start, "end_time": start + 4 * HOUR, "node_list": f"n{n % 99}"}
            made.append(job(100_000 + n, "RUNNING", **more))
        else:
            made.append(job(100_000 + n, "PENDING", reason="Priority", **more))
    return made


class BoardApp(JobshapeApp):
    """The app, and a way to change its board from outside."""

    def on_mount(self) -> None:
        """Listen to the pipe."""
        self._turn = 0
        fd = int(os.environ.get("BOARD_APP_FD", "-1"))
        if fd >= 0:
            asyncio.get_running_loop().add_reader(fd, self._command, fd)

    def _command(self, fd: int) -> None:
        for line in os.read(fd, 4096).decode().splitlines():
            word, _, number = line.partition(" ")
            if word == "change":
                self._change(int(number))
            self.board_changed()

    def _change(self, cells: int) -> None:
        """Change one figure of each of the first so many running jobs that are shown."""
        self._turn += 1
        states = ("COMPLETING", "RUNNING")
        view = self._queue.view if self._queue else None
        assert view is not None
        shown = [view.row(index).job for index in range(min(len(view), 40))]
        changed = [one._replace(state=states[self._turn % 2]) for one in shown[:cells]]
        self.board.change_jobs(changed)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=int)
    parser.add_argument("--theme", default="auto")
    arguments = parser.parse_args()
    if arguments.rows:
        board = Board(LIVE._replace(scope="all"))
        made = many_jobs(arguments.rows)
        board.change_jobs(made)
        settings = Settings(site=SiteChoice(scope="all"))
    else:
        board = recorded_board()
        settings = Settings()
    app = BoardApp(settings, board, RecordedActions(), clock=lambda: NOW)
    if arguments.theme != "auto":
        app.theme = arguments.theme
    app.run()


if __name__ == "__main__":
    main()
