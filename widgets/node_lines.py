"""The lines of the nodes screen: counts on top, the legend, the node under the cursor."""

from collections import Counter
from collections.abc import Callable, Sequence

from jobshape.app.board.board import Board
from jobshape.app.board.node_words import Standing
from jobshape.app.domain.site import Node
from jobshape.app.domain.units import format_size
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.lines import Lines
from jobshape.widgets.node_cells import STANDING_SIGNS, Measure, sign_of, style_of
from jobshape.widgets.node_heading import ROLES, counted, standing_word
from jobshape.widgets.spans import Piece
from jobshape.widgets.status_line import StatusLine
from jobshape.widgets.text import clean, fit, width_of
from jobshape.widgets.top_line import TopLine, banner_text, on

_SCALE = (0.0, 0.2, 0.5, 0.8, 1.0)


class NodesTop(TopLine):
    """How many nodes there are and how they stand; the banner when the data may be old."""

    def __init__(
        self, board: Board, glyphs: Glyphs, counts: Callable[[], Counter[Standing]], *,
        id: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(board, glyphs, title="Nodes", id=id)
        self._counts = counts
        self._signs = glyphs

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The one line."""
        if banner_text(self._board.link):
            return super().build(width, height)
        counts, known = self._counts(), len(self._board.nodes)
        palette, link = self.palette, self._board.link
        where = f" on {clean(link.site, self._signs)}" if link.site else ""
        shown = counts.total()
        said = f"{known:,} node{'' if known == 1 else 's'}" if known else "none known yet"
        if shown != known:
            said = f"{shown:,} of {said}"
        pieces: list[Piece] = [(f" Nodes{where}  ", palette.frame_strong), (said, palette.frame)]
        used = sum(width_of(text) for text, _ in pieces)
        states = counted(counts, palette, width - used)
        pieces += [(text, on(style, palette.frame)) for text, style in states]
        used = sum(width_of(text) for text, _ in pieces)
        right = " ".join(
            filter(
                None, (clean(link.user, self._signs), clean(link.scheduler_version, self._signs))
            )
        )
        if used + width_of(right) + 2 < width:
            pieces.append((" " * (width - used - width_of(right) - 1) + right + " ", palette.frame))
        return [pieces]


class NodeLegend(Lines):
    """What the cells show and what their signs say; only letters that are on the screen."""

    def __init__(
        self, glyphs: Glyphs, measure: Callable[[], Measure],
        counts: Callable[[], Counter[Standing]], *, id: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(id=id)
        self._glyphs = glyphs
        self._measure = measure
        self._counts = counts
        self.has_mine = False
        self.highlighted = ""  # what the nodes that are not pale have in common
        self.form = ""

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """One line or two; what there is no room for even then is left out from its end."""
        return self._packed(width)[:height]

    def wanted_height(self, width: int) -> int:
        """Lines it needs, at most two."""
        return max(1, min(2, len(self._packed(width))))

    def _packed(self, width: int) -> list[list[Piece]]:
        lines: list[list[Piece]] = [[]]
        for part in self._parts():
            size = sum(width_of(text) for text, _ in part)
            if lines[-1] and sum(width_of(text) for text, _ in lines[-1]) + size > width:
                lines.append([])
            lines[-1] += part
        return lines

    def _parts(self) -> list[list[Piece]]:
        palette, glyphs = self.palette, self._glyphs
        measure, counts = self._measure(), self._counts()
        parts: list[list[Piece]] = [[(f" {measure.title}", palette.strong)]]
        if self.highlighted:
            parts.append([(f"  {clean(self.highlighted, glyphs)}", palette.accent)])
        scale: list[Piece] = [("  ", palette.text)]
        for share in _SCALE:
            role = "running" if share == 0 else "bar_high" if share == 1 else "bar"
            word = " none " if share == 0 else " all" if share == 1 else ""
            scale += [(sign_of(share, glyphs), style_of(role, palette)), (word, palette.muted)]
        parts.append(scale)
        for standing in reversed(Standing):
            sign = STANDING_SIGNS.get(standing)
            if sign and counts[standing]:
                role = ROLES.get(standing, "muted")
                parts.append([(f"  {sign}", style_of(role, palette)),
                              (f" {standing_word(standing)}", palette.muted)])  # fmt: skip
        if measure.resource == "gpu":
            parts.append([("  blank: no GPUs", palette.muted)])
        if self.has_mine:
            said = f"{glyphs.mark} my jobs" if self.form == "tile" else "underlined: my jobs"
            parts.append([(f"  {said}", palette.muted)])
        return parts


class NodeStatus(StatusLine):
    """The node under the cursor in figures, and what hides others."""

    node: Node | None = None
    place: tuple[int, int] = (0, 0)  # the cursor's node from 1, nodes shown
    filter_text = ""
    other = ""  # in place of the node: what a list says of itself

    def left(self, width: int) -> list[Piece]:
        """Position, name, state, figures; the filter."""
        palette, glyphs = self.palette, self._glyphs
        plain, strong = palette.frame, palette.frame_strong
        number, count = self.place
        pieces: list[Piece] = [(f" {number:,}/{count:,}", strong)]
        if self.other:
            pieces.append((f"  {clean(self.other, glyphs)}", plain))
        elif self.node is not None:
            node = self.node
            pieces.append((f"  {clean(node.name, glyphs)}", strong))
            pieces.append((f" {clean(node.state.lower(), glyphs)}", plain))
            if node.reason:
                reason = fit(clean(node.reason, glyphs), max(16, width // 2 - 16), glyphs)
                pieces.append((f"  {reason.rstrip()}", on(palette.warning, plain)))
                return self._filtered(pieces, width)
            figures = f"  CPUs {_of(node.cpus_allocated, node.cpus)}"
            memory = (
                f"  mem {format_size(node.memory_allocated_bytes)}/{format_size(node.memory_bytes)}"
            )
            gpus = f"  GPUs {_of(node.gpus_allocated, node.gpus)}" if node.gpus else ""
            for text in (figures, memory, gpus):
                pieces.append((text, plain))
        return self._filtered(pieces, width)

    def _right(self, room: int) -> str:
        """The age is that of the jobs: nodes are read more seldom, and nobody says when."""
        text = super()._right(room - 5)
        return f"jobs {text}" if text else ""

    def _filtered(self, pieces: list[Piece], width: int) -> list[Piece]:
        """The pieces with the filter after the position."""
        if self.filter_text:
            text = clean(self.filter_text, self._glyphs)
            text = fit(text, min(width // 4, width_of(text)), self._glyphs)
            pieces.insert(1, (f"  filter {text}", on(self.palette.accent, self.palette.frame)))
        return pieces


def _of(part: int | None, whole: int | None) -> str:
    return f"{'-' if part is None else part}/{'-' if whole is None else whole}"
