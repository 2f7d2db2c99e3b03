"""The history of the site that a board shows: read and written beside the event loop.

Each question opens the file anew in a thread of its own; one that a dead disk holds keeps nobody
from quitting.
"""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from jobshape.app.acting.beside import beside
from jobshape.app.board.board import Board

if TYPE_CHECKING:
    from jobshape.app.history.history import History

Answer = TypeVar("Answer")


class BoardHistory:
    """Base of those who read or write it. All raise a JobshapeError."""

    def __init__(self, board: Board) -> None:
        self._board = board

    @property
    def _is_known(self) -> bool:
        """Whether there is a history, and the site's name in it is known."""
        state = self._board.history
        return bool(state.path and state.site)

    async def _read(self, question: Callable[["History", str], Answer]) -> Answer | None:
        """The answer; None where there is no history, or nothing is known of the site yet."""
        state = self._board.history
        if not self._is_known:
            return None

        def work() -> Answer | None:
            from jobshape.app.history.history import History  # not before the first rows

            with suppress(FileNotFoundError):
                history = History.to_read(Path(state.path or ""))
                if history is not None:
                    with history:
                        return question(history, state.site)
            return None

        return await beside(work)

    async def _change(self, change: Callable[["History", str], Answer]) -> Answer | None:
        """Write in one transaction; None where there is no history."""
        state = self._board.history
        if not self._is_known:
            return None

        def work() -> Answer:
            from jobshape.app.history.history import History

            path = Path(state.path or "")
            with History.to_write(path) as history, history.transaction():
                return change(history, state.site)

        return await beside(work)
