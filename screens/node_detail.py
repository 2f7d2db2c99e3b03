"""Keeps the pane of the nodes screen on the node under the cursor."""

from typing import TYPE_CHECKING, Literal

from jobshape.app.board.fragments import Shape
from jobshape.app.domain.job import Job
from jobshape.widgets.node_pane import NodeContent, NodePane

if TYPE_CHECKING:
    from jobshape.screens.nodes import NodesScreen

SIDE_FROM_WIDTH, BELOW_FROM_HEIGHT = 116, 44
"""From this width the pane stands at the side, else from this height below; else it is all."""

MOST_SHAPES = 500
"""Different shapes of pending jobs that are judged for one node."""

Place = Literal["side", "below", "full"]
_CLASSES = ("-detail-side", "-detail-below", "-detail-full")


class NodeDetail:
    """Opens, places and fills the pane of one :class:`NodesScreen`."""

    def __init__(self, screen: "NodesScreen") -> None:
        self._screen = screen
        self._pane: NodePane | None = None
        self._shapes: tuple[tuple[Shape, tuple[Job, ...]], ...] = ()
        self._shapes_of = -1

    @property
    def is_open(self) -> bool:
        """Whether the pane is on the screen."""
        return any(map(self._screen.has_class, _CLASSES))

    @property
    def has_keys(self) -> bool:
        """Whether the keys that move scroll the pane."""
        return self.is_open and self._pane is not None and self._pane.has_focus

    def _where(self) -> Place:
        width, height = self._screen.size
        if width >= SIDE_FROM_WIDTH:
            return "side"
        return "below" if height >= BELOW_FROM_HEIGHT else "full"

    def place(self) -> None:
        """Put the open pane where the screen's size has room for it."""
        if self.is_open:
            where = self._where()
            for name in ("side", "below", "full"):
                self._screen.set_class(name == where, f"-detail-{name}")

    def open(self) -> None:
        """Open; when open, give it the keys; when it has them, close."""
        screen = self._screen
        if self._pane is None:
            self._pane = NodePane(screen.board.partitions, screen.glyphs, id="detail")
            screen.query_one("#body").mount(self._pane)
        if not self.is_open:
            screen.add_class(f"-detail-{self._where()}")
            self.follow()
            if self._where() == "full":
                self._pane.focus()
        elif self.has_keys:
            self.close()
        else:
            self._pane.focus()

    def close(self) -> None:
        """Take the pane away."""
        self._screen.remove_class(*_CLASSES)
        self._screen.focus_view()

    def back(self) -> bool:
        """Give the keys back, or close; False if there was nothing to do."""
        if not self.is_open:
            return False
        if self.has_keys and self._where() != "full":
            self._screen.focus_view()
        else:
            self.close()
        return True

    def scroll(self, by: int) -> bool:
        """Scroll by lines; False if the keys are not the pane's."""
        if not self.has_keys or self._pane is None:
            return False
        self._pane.scroll_relative(y=by, animate=False)
        return True

    def scroll_page(self, by: int) -> bool:
        """Scroll by pages."""
        return self.scroll(by * max(1, self._pane.size.height - 1 if self._pane else 1))

    def follow(self) -> None:
        """Show the node under the cursor as it is now."""
        if not self.is_open or self._pane is None:
            return
        screen = self._screen
        node = screen.node
        if node is None:
            self._pane.show(None, screen.clock())
            return
        jobs = tuple(screen.jobs.on_node(node.name))
        self._pane.partitions = screen.board.partitions
        content = NodeContent(
            node, jobs, frozenset(job.job_id for job in jobs if screen.jobs.is_mine(job)),
            self._waiting(), not screen.board.link.is_local,
            screen.board.link.scope == "all" or screen.board.link.is_local,
        )  # fmt: skip
        self._pane.show(content, screen.clock())

    def _waiting(self) -> tuple[tuple[Shape, tuple[Job, ...]], ...]:
        """My pending jobs by shape; kept until jobs change."""
        revision = self._screen.board.jobs_revision if self._screen.jobs.is_built else -1
        if revision != self._shapes_of:
            self._shapes_of = revision
            waiting = self._screen.jobs.waiting()[:MOST_SHAPES]
            self._shapes = tuple((shape, tuple(jobs)) for shape, jobs in waiting)
        return self._shapes
