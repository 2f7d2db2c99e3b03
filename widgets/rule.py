"""A thin line between two panes."""

from collections.abc import Sequence

from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.spans import Piece


class Rule(Lines):
    """One cell wide, as high as it is given room."""

    DEFAULT_CSS = "Rule { width: 1; height: 1fr; }"

    def __init__(self, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The same sign in each line."""
        return [[(self._glyphs.rule, self.palette.faint)]] * height
