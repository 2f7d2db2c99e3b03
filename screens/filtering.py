"""The filter of the queue: as it is typed, kept or taken back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobshape.app.board.completion import completions
from jobshape.app.board.query import (
    EVERYTHING,
    Completion,
    Query,
    QueryError,
    QueryProblem,
    compile_query,
)
from textual import events

if TYPE_CHECKING:
    from jobshape.screens.queue import QueueScreen


class FilterKeeper:
    """Opens the filter bar of one :class:`QueueScreen` and applies what is typed there."""

    def __init__(self, screen: "QueueScreen") -> None:
        self._screen = screen
        self._before = ""
        self._problem: QueryProblem | None = None

    def open(self) -> None:
        """Begin to type."""
        screen, bar = self._screen, self._screen.filter_bar
        self._before = screen.view.query.text
        screen.add_class("-filtering")
        bar.open(self._before)
        bar.show_result(None, self._found())
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
        screen.table.focus()
        screen.show_place()

    def apply(self, text: str) -> None:
        """Filter by the text; while something is wrong in it, by the rest."""
        view = self._screen.view
        try:
            query = compile_query(text) if text.strip() else EVERYTHING
            self._problem = None
        except QueryError as error:
            self._problem = error.problem
            self._screen.filter_bar.show_result(self._problem, "")
            query = self._without(text, error.problem)
        view.set_query(query)
        self._screen.wake()

    def _without(self, text: str, problem: QueryProblem) -> Query:
        """The filter of the text without what is wrong; the one in force where that fails too."""
        try:
            return compile_query(text[: problem.start] + text[problem.end :])
        except QueryError:
            return self._screen.view.query

    def show_result(self) -> None:
        """Say in the bar what became of the text."""
        if self._screen.filter_bar.is_open:
            self._screen.filter_bar.show_result(self._problem, self._found())

    def completions(self, text: str, cursor: int) -> Sequence[Completion]:
        """Ways to go on typing."""
        return completions(text, self._screen.board, cursor)

    async def take_key(self, event: events.Key) -> None:
        """Give the bar a key that was typed ahead, before it had the focus."""
        if self._screen.filter_bar.is_open and self._screen.is_current:
            await self._screen.filter_bar.on_key(event)

    def _found(self) -> str:
        return f"{self._screen.view.shown:,} of {len(self._screen.board.jobs):,}"
