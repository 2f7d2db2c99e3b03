"""Runs the app on a made-up site, in whatever terminal it is started in, and opens its nodes.

``python nodes_app.py NODES``. Each line on the environment's pipe ``BOARD_APP_FD`` is a command:
``change N`` changes N nodes, ``same`` tells the screen of a change that is none. The file
``NODES_APP_REPORT`` gets a line for each: how long the app's loop was held by it, in ms.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from jobshape.app.settings.values import Settings
from jobshape.app.tui import JobshapeApp
from jobshape.screens.nodes import NodesScreen
from nodes_board import site_board
from recorded import NOW, RecordedActions


class NodesApp(JobshapeApp):
    """The app, and a way to change its board from outside."""

    def on_mount(self) -> None:
        """Open the nodes and listen to the pipe."""
        self._turn = 0
        fd = int(os.environ.get("BOARD_APP_FD", "-1"))
        if fd >= 0:
            asyncio.get_running_loop().add_reader(fd, self._command, fd)

    def _command(self, fd: int) -> None:
        for line in os.read(fd, 4096).decode().splitlines():
            word, _, number = line.partition(" ")
            if word == "change":
                self._change(int(number))
            began = time.monotonic()
            room = self.room
            if isinstance(room, NodesScreen):
                room.board_changed()
            report = os.environ.get("NODES_APP_REPORT")
            if report:
                with Path(report).open("a") as file:
                    file.write(f"{1000 * (time.monotonic() - began):.2f}\n")

    def _change(self, count: int) -> None:
        """Allocate some CPUs more, or less, on nodes spread over the site."""
        self._turn += 1
        nodes = list(self.board.nodes.values())
        step = max(1, len(nodes) // max(1, count))
        changed = [
            node._replace(cpus_allocated=(self._turn * 8 + place) % (node.cpus or 1))
            for place, node in enumerate(nodes[::step][:count])
        ]
        self.board.set_nodes(changed)


def main() -> None:
    """Run it."""
    board = site_board(int(sys.argv[1]))
    NodesApp(Settings(), board, RecordedActions(), clock=lambda: NOW).run()


if __name__ == "__main__":
    main()
