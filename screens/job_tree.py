"""Keeps the dependency tree of the job screen up to date, in steps that leave room for keys."""

import asyncio
from typing import TYPE_CHECKING

from jobshape.app.board.dependencies import DependencyGraph
from jobshape.widgets.dependency_tree import DependencyTree, TreeContent

if TYPE_CHECKING:
    from jobshape.screens.job_parts import JobParts


class TreeKeeper:
    """Reads the board's dependencies while the tree is seen, and shows those of the job."""

    def __init__(self, screen: "JobParts") -> None:
        self._screen = screen
        self._graph: DependencyGraph | None = None
        self.is_growing = False
        self._again = False

    def drop(self) -> None:
        """Nobody looks: follow the board no more."""
        self._graph = None

    def follow(self) -> None:
        """The board has something newer, or the job is another one."""
        if self.is_growing:
            self._again = True
        else:
            self.is_growing = True
            self._screen.run_worker(self._grow(), group="tree", exit_on_error=False)

    async def _grow(self) -> None:
        screen = self._screen
        try:
            while True:
                self._again = False
                if self._graph is None:
                    self._graph = DependencyGraph(screen.board)
                graph = self._graph
                for _ in graph.refresh_steps():
                    await asyncio.sleep(0)
                job = screen.job
                above, below = graph.rows(job, "up"), graph.rows(job, "down")
                screen.query_one(DependencyTree).show(
                    TreeContent(job, graph.waits(job), tuple(above), tuple(below))
                )
                if not self._again:
                    return
        finally:
            self.is_growing = False
