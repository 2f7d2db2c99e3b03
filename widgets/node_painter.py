"""A line of the node grid as pieces of text: names, signs, the cursor."""

from collections.abc import Mapping
from typing import NamedTuple

from jobshape.app.board.fragments import Free
from jobshape.app.domain.site import Node
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.node_cells import Cell, style_of
from jobshape.widgets.node_layout import GridLayout, Line
from jobshape.widgets.palette import Palette
from jobshape.widgets.spans import Piece
from jobshape.widgets.text import clean, fit
from rich.style import Style

_NOT_UNDERLINED = Style(underline=False)


class Known(NamedTuple):
    """A node's record and what was made of it."""

    node: Node
    cell: Cell
    free: Free | None  # None: it takes no jobs, or not everybody's


class NodePainter(NamedTuple):
    """Paints lines of cells. cursor: the node's place among all; highlight: all others are pale."""

    palette: Palette
    glyphs: Glyphs
    grid: GridLayout
    cells: Mapping[str, Known]
    mine: frozenset[str]
    highlight: frozenset[str] | None
    cursor: int
    focused: bool
    colours: bool

    def paint(self, line: Line) -> list[Piece]:
        """A line of nodes."""
        names = self.grid.names[line.start : line.stop]
        at = self.cursor - line.start
        if self.grid.form == "tile":
            pieces: list[Piece] = [(" ", self.palette.text)]
            for place, name in enumerate(names):
                pieces += self._tile(name, at_cursor=place == at)
            return pieces
        label = fit(self._label(names[0]), self.grid.label, self.glyphs)
        pieces = [(f" {label} ", self.palette.muted)]
        cells = [self._sign(name) for name in names]
        return pieces + (
            self._pairs(cells, at) if self.grid.form == "pair" else self._dots(cells, at)
        )

    def _dots(self, cells: list[Piece], at: int) -> list[Piece]:
        """Signs side by side; the cursor's in reverse video, to stand out among hundreds."""
        if 0 <= at < len(cells):
            ink = self.palette.strong if self.focused else self.palette.muted
            cells[at] = (cells[at][0], ink + Style(reverse=True))
        return [(" ", self.palette.text), *cells]

    def _pairs(self, cells: list[Piece], at: int) -> list[Piece]:
        """Signs with gaps; the cursor stands in the gaps, since a block reversed is another one."""
        palette = self.palette
        on_cursor = palette.cursor if self.focused else palette.cursor_blurred
        pieces: list[Piece] = []
        for place, (sign, style) in enumerate(cells):
            before = "[" if place == at else "]" if place - 1 == at else " "
            pieces.append((before, on_cursor if before != " " else palette.text))
            if place == at:
                style = palette.on_cursor(style, focused=self.focused)
            pieces.append((sign, style))
        return [*pieces, ("]", on_cursor)] if at == len(cells) - 1 else pieces

    def _tile(self, name: str, *, at_cursor: bool) -> list[Piece]:
        """Mark, name, sign and percent; of a node that takes no jobs its letter may say it all."""
        palette, glyphs = self.palette, self.glyphs
        sign, style = self._sign(name)
        known = self.cells.get(name)
        share = None if known is None else known.cell.share
        if not share and sign not in (glyphs.dot, "."):
            share = None
        if glyphs.is_ascii and share is not None and not sign.isalpha() and sign not in "!?":
            sign = " "  # a digit beside the percent would be read as one number
        percent = "" if share is None else f"{round(share * 100)}%"
        pale = self.highlight is not None and name not in self.highlight
        ink = palette.faint if pale else palette.text
        mark = glyphs.mark if name in self.mine else " "
        pieces: list[Piece] = [
            (mark, palette.marked), (fit(self._label(name), self.grid.label, glyphs), ink),
            (" ", palette.text), (sign, style + _NOT_UNDERLINED),
            (f"{percent:>5}", ink if share is None or pale else palette.muted),
        ]  # fmt: skip
        if at_cursor:
            pieces = [
                (text, palette.on_cursor(look, focused=self.focused)) for text, look in pieces
            ]
        return [*pieces, (" ", palette.text)]

    def _label(self, name: str) -> str:
        """A name; of a long one the end, which tells it from its neighbours."""
        text = clean(name, self.glyphs)
        if len(text) <= self.grid.label:
            return text
        return self.glyphs.ellipsis + text[-(self.grid.label - 1) :]

    def _sign(self, name: str) -> Piece:
        known = self.cells.get(name)
        if known is None:
            return "?", self.palette.muted
        cell = known.cell
        if self.highlight is not None and name not in self.highlight:
            return cell.sign, self.palette.faint
        style = style_of(cell.role, self.palette)
        if self.highlight is not None and self.grid.form != "tile" and self.colours:
            style = style + Style(reverse=True)  # a small sign must stand out as much as a block
        if name in self.mine and self.grid.form != "tile":
            style = style + Style(underline=True)
        return cell.sign, style
