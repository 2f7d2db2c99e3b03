"""Curves as signs in cells, drawn by plotext. Loaded when the first plot is shown (27 ms).

plotext draws one curve a time without colours, so nothing of its text has to be taken for a code:
every sign that is not one of its dots is dropped.
"""

from collections.abc import Sequence
from typing import NamedTuple

import plotext
from jobshape.app.board.usage_figures import Curve, Point

_DOTS = frozenset(map(chr, range(0x2801, 0x2900)))
_SIGNS = frozenset("*-·")
_PER_CELL = 2
"""Points drawn a cell of width: more cost time and show nothing."""


class Canvas(NamedTuple):
    """Rows from the top. ``curve``: which curve a cell shows, -1 for none."""

    text: tuple[str, ...]
    curve: tuple[tuple[int, ...], ...]


def draw(
    width: int,
    height: int,
    curves: Sequence[tuple[Curve, str]],
    times: tuple[float, float],
    top: float,
) -> Canvas:
    """The curves between two times and between 0 and ``top``; where two meet the last one shows.

    Each with its sign, one of :data:`_SIGNS`, or "" for fine dots, eight a cell.
    """
    text = [[" "] * width for _ in range(height)]
    owner = [[-1] * width for _ in range(height)]
    for number, (curve, sign) in enumerate(curves):
        allowed = _SIGNS.intersection(sign) or _DOTS
        for y, line in enumerate(_drawn(width, height, curve, times, top, sign or "braille")):
            for x, drawn in enumerate(line[:width]):
                if drawn in allowed:
                    text[y][x], owner[y][x] = drawn, number
    return Canvas(tuple(map("".join, text)), tuple(map(tuple, owner)))


def _drawn(
    width: int, height: int, curve: Curve, times: tuple[float, float], top: float, marker: str
) -> list[str]:
    plotext.clear_figure()
    plotext.limitsize(False, False)
    plotext.theme("clear")
    plotext.plotsize(width, height)
    plotext.frame(False)
    plotext.xticks([])
    plotext.yticks([])
    plotext.xlim(0.0, 1.0)
    plotext.ylim(0.0, 1.0)
    first, last = times
    for stretch in curve:
        points = thinned(stretch, width * _PER_CELL)
        across = [(point.at - first) / (last - first) for point in points]
        up = [min(1.0, max(0.0, point.value / top)) for point in points]
        plotext.plot(across, up, marker=marker)
    lines: list[str] = plotext.uncolorize(plotext.build()).split("\n")
    return lines[:height]


def thinned(points: Sequence[Point], most: int) -> Sequence[Point]:
    """About so many of the points: of each handful the lowest and the highest, in their order."""
    if len(points) <= most:
        return points
    handful = -(-2 * len(points) // most)
    kept: list[Point] = []
    for at in range(0, len(points), handful):
        some = points[at : at + handful]
        ends = {min(some, key=lambda p: p.value), max(some, key=lambda p: p.value)}
        kept += sorted(ends)
    return kept


def row_of(value: float, top: float, height: int, *, fine: bool = True) -> int:
    """The row, 0 the upper one, in which a value is drawn; fine: with dots, four a row."""
    per_row = 4 if fine else 1
    dots = height * per_row
    dot = int((dots - 1) * min(1.0, max(0.0, value / top)) + 0.5)
    return height - 1 - dot // per_row
