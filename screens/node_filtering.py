"""The filter of the nodes: as it is typed, kept or taken back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobshape.app.board.node_filter import Matches, compile_node_filter, node_completions
from jobshape.app.board.query import Completion, QueryError, QueryProblem

if TYPE_CHECKING:
    from jobshape.screens.nodes import NodesScreen


class NodeFiltering:
    """Opens the filter bar of one :class:`NodesScreen` and applies what is typed there."""

    def __init__(self, screen: "NodesScreen") -> None:
        self._screen = screen
        self._before = ""
        self._problem: QueryProblem | None = None
        self.text = ""
        self.matches: Matches | None = None

    def open(self) -> None:
        """Begin to type."""
        screen, bar = self._screen, self._screen.filter_bar
        self._before = self.text
        screen.add_class("-filtering")
        bar.open(self.text)
        self.show_result()
        bar.focus()

    def close(self, *, kept: bool) -> None:
        """Keep it or take it back; what cannot be understood is not kept."""
        screen = self._screen
        if kept and self._problem is not None and not self._problem.incomplete:
            screen.filter_bar.is_open = True  # until it is understood or given up
            return
        screen.remove_class("-filtering")
        if not kept:
            self.apply(self._before)
        screen.focus_view()
        screen.show_place()

    def apply(self, text: str) -> None:
        """Filter by the text; while something is wrong in it, the last one that was right holds."""
        try:
            self.matches = compile_node_filter(text)
            self.text, self._problem = text, None
        except QueryError as error:
            self._problem = error.problem
        self._screen.nodes_wanted()
        self.show_result()

    def show_result(self) -> None:
        """Say in the bar what became of the text."""
        bar, screen = self._screen.filter_bar, self._screen
        if bar.is_open:
            found = f"{screen.grid.count:,} of {len(screen.board.nodes):,} nodes"
            bar.show_result(self._problem, found)

    def completions(self, text: str, cursor: int) -> Sequence[Completion]:
        """Ways to go on typing."""
        return node_completions(text, self._screen.board, cursor)
