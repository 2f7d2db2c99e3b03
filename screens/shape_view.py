"""What the site says of shapes while somebody types one, worked out anew only when it changes."""

from collections.abc import Mapping, Sequence

from jobshape.app.board.board import Board
from jobshape.app.board.bounds import Bound, Site, bounds_of
from jobshape.app.board.fragments import NodeClass, node_classes
from jobshape.app.domain.limits import SiteLimits
from jobshape.app.domain.shape import JobShape
from jobshape.screens.effect import fit_words


class ShapeView:
    """Bounds and room of shapes on the board; ``limits`` is None until they are heard."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.limits: SiteLimits | None = None
        self._known: tuple[int, SiteLimits | None] | None = None
        self._bounds: dict[tuple[object, ...], Mapping[str, Bound]] = {}
        self._classes: Sequence[NodeClass] = ()

    def bounds(self, shape: JobShape) -> Mapping[str, Bound]:
        """Field -> what may stand there."""
        self._keep_up()
        depends = (shape.partition, shape.account, shape.qos, shape.nodes, shape.tasks)
        if depends not in self._bounds:
            board = self._board
            site = Site(board.partitions, list(board.nodes.values()), self.limits)
            self._bounds[depends] = bounds_of(shape, site)
        return self._bounds[depends]

    def room(self, shape: JobShape) -> tuple[bool, str]:
        """Whether a job of this shape has room on the nodes now, and in words."""
        self._keep_up()
        return fit_words(shape, self._board, self._classes)

    def _keep_up(self) -> None:
        known = (self._board.site_revision, self.limits)
        if self._known != known:
            self._known = known
            self._bounds = {}
            self._classes = node_classes(self._board.nodes.values())
