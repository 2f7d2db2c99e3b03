"""Lines around the stage table: which runs count, and which stage is the bottleneck."""

from collections.abc import Callable, Sequence

from jobshape.app.board.board import Board
from jobshape.app.domain.stage import StagesPicture
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.spans import Piece
from jobshape.widgets.status_line import StatusLine
from jobshape.widgets.text import clean, fit
from jobshape.widgets.top_line import on


class BottleneckLine(Lines):
    """The stage that bounds the total time, and why, in one sentence."""

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._picture = StagesPicture()

    def show(self, picture: StagesPicture) -> None:
        """Say it of these stages."""
        self._picture = picture
        self.redraw()

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The one line."""
        palette, glyphs, worst = self.palette, self._glyphs, self._picture.bottleneck
        if worst is None:
            text = "no bottleneck: nothing is open and no run is known"
            if not self._picture.at:
                text = "counting"
            return [[(f"  {text}", palette.muted)]]
        head = f"{glyphs.fold_closed} bottleneck: {clean(worst.stage, glyphs)}  "
        why = clean(worst.why, glyphs)
        return [[(head, palette.warning),
                 (fit(why, max(1, width - len(head)), glyphs), palette.text)]]  # fmt: skip


class StagesStatus(StatusLine):
    """Position, the runs that the figures are of, and whether there is a history."""

    def __init__(
        self, board: Board, clock: Callable[[], float], glyphs: Glyphs, *, id: str | None = None
    ) -> None:
        super().__init__(board, clock, glyphs, id=id)
        self.place: tuple[int, int] = (0, 0)  # cursor's row from 1, rows
        self.baseline = ""
        self.problem = ""

    def left(self, width: int) -> list[Piece]:
        """Position, baseline, what is missing."""
        plain, strong = self.palette.frame, self.palette.frame_strong
        pieces: list[Piece] = [(f" {self.place[0]}/{self.place[1]}", strong)]
        if self.problem:
            words = clean(self.problem, self._glyphs)
            room = max(0, width - len(self.baseline) - 8)
            words = fit(words, room, self._glyphs) if len(words) > room else words
            pieces.append((f"  {words}", on(self.palette.warning, plain)))
        pieces.append((f"  {self.baseline}", plain))
        return pieces
