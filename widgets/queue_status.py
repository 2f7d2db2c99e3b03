"""The queue's line above the keys: where the cursor stands and what the list shows."""

from collections.abc import Callable

from jobshape.app.board.board import Board
from jobshape.app.board.columns import COLUMNS
from jobshape.app.board.view import QueueView
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.spans import Piece
from jobshape.widgets.status_line import StatusLine
from jobshape.widgets.text import clean, fit, width_of
from jobshape.widgets.top_line import on


class QueueStatus(StatusLine):
    """Position, order, grouping and filter of the job table."""

    def __init__(
        self,
        board: Board,
        view: QueueView,
        clock: Callable[[], float],
        glyphs: Glyphs,
        *,
        id: str | None = None,
    ) -> None:
        super().__init__(board, clock, glyphs, id=id)
        self._view = view
        self.place: tuple[int, int] = (0, 0)  # cursor's row from 1, rows

    def left(self, width: int) -> list[Piece]:
        """Position, selection, filter, order, grouping."""
        palette, glyphs, view = self.palette, self._glyphs, self._view
        plain, strong = palette.frame, palette.frame_strong
        number, count = self.place
        size = len(f"{count:,}")
        pieces: list[Piece] = [(f" {number:>{size},}/{count:,}", strong)]
        chosen = len(view.selection)
        if chosen:
            pieces.append((f"  {chosen:,} selected", on(palette.marked, plain)))
        if view.query.text:
            query = fit(clean(view.query.text, glyphs), min(width // 3, width_of(view.query.text)),
                        glyphs)  # fmt: skip
            pieces.append((f"  filter {query}", on(palette.accent, plain)))
        column = COLUMNS.get(view.sort_key)
        arrow = glyphs.sort_down if view.descending else glyphs.sort_up
        title = column.title if column else view.sort_key
        pieces.append((f"  by {title.lower()}{arrow}", plain))
        if view.group_by not in ("none", "array"):
            pieces.append((f"  grouped by {view.group_by}", plain))
        if not view.show_finished:
            pieces.append(("  finished hidden", plain))
        return pieces
