"""Which columns fit in a width and how wide each is: no sideways scrolling, no half columns."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jobshape.app.board.columns import Column

FLEXIBLE = ("name", "where", "comment", "work_dir", "dependency", "node_list")
"""Columns of free text: they take the room that is left."""

LIKED_WIDTHS = {"time": 20}
"""Room for the bar beside the two durations."""

LEAST_WIDTHS = {
    "id": 7, "state": 3, "time": 15, "name": 13, "where": 13, "stage": 9, "partition": 7,
    "user": 7, "start": 10, "cpus": 4, "gpus": 4,
}  # fmt: skip
"""Below these a column says too little: another column goes instead."""

KEPT_LONGEST = ("id", "state", "where", "name", "time", "partition", "memory", "gpus", "cpus")
"""What a narrow screen keeps and widens, the most needed first; of the others the rightmost goes
first. A reason that is cut says less than a name that is."""

MOST_FLEXIBLE_WIDTH = 48
"""A name wider than this is read no better; the last flexible column takes the rest."""

WIDE_GAP_FROM = 140
"""From this width on columns stand two cells apart, below it one."""


class Place(NamedTuple):
    """A column and where it stands, in cells from the left edge."""

    column: Column
    x: int
    width: int


class TableLayout(NamedTuple):
    """The columns that fit, left to right, and those that do not."""

    places: tuple[Place, ...]
    hidden: tuple[str, ...]
    gap: int
    left: int  # cells of the selection mark before the first column

    def column_at(self, x: int) -> str | None:
        """The column at a cell, its gap to the right included."""
        for place in self.places:
            if x < place.x + place.width + self.gap:
                return place.column.key
        return None


def lay_out(
    columns: Sequence[Column],
    width: int,
    chosen_widths: Mapping[str, int],
    *,
    left: int = 2,
    id_width: int = 0,
) -> TableLayout:
    """Places for as many columns as fit.

    chosen_widths: what the person set, by key; such a column is neither shrunk nor stretched.
    id_width: the longest job id seen; an id that is cut is of no use.
    """
    gap = 2 if width >= WIDE_GAP_FROM else 1
    kept, hidden = list(columns), []

    def least(column: Column) -> int:
        chosen = chosen_widths.get(column.key)
        if column.key == "id" and not chosen:
            return min(column.width, max(LEAST_WIDTHS["id"], id_width))
        return chosen or LEAST_WIDTHS.get(column.key) or column.min_width

    while len(kept) > 1 and left + sum(least(c) + gap for c in kept) - gap > width:
        victim = max(kept, key=lambda c: (_dispensable(c.key), kept.index(c)))
        kept.remove(victim)
        hidden.append(victim.key)
    widths = {c.key: least(c) for c in kept}
    spare = width - left - sum(widths.values()) - gap * (len(kept) - 1)
    spare = _grow(kept, widths, spare, chosen_widths)
    _stretch(kept, widths, spare, chosen_widths)
    places, x = [], left
    for column in kept:
        size = max(1, min(widths[column.key], width - x))
        places.append(Place(column, x, size))
        x += size + gap
    return TableLayout(tuple(places), tuple(hidden), gap, left)


def _dispensable(key: str) -> int:
    return KEPT_LONGEST.index(key) if key in KEPT_LONGEST else len(KEPT_LONGEST)


def _grow(
    kept: Sequence[Column], widths: dict[str, int], spare: int, chosen: Mapping[str, int]
) -> int:
    """Bring columns to the width they like best, the most needed first; gives what is left."""
    for column in sorted(kept, key=lambda c: _dispensable(c.key)):
        if column.key in chosen:
            continue
        liked = LIKED_WIDTHS.get(column.key, column.width)
        more = max(0, min(spare, liked - widths[column.key]))
        widths[column.key] += more
        spare -= more
    return spare


def _stretch(
    kept: Sequence[Column], widths: dict[str, int], spare: int, chosen: Mapping[str, int]
) -> None:
    """Share what is left among the columns of free text."""
    flexible = [c.key for c in kept if c.key in FLEXIBLE and c.key not in chosen]
    if not flexible or spare <= 0:
        return
    *others, last = flexible
    for key in others:
        share = spare // len(flexible)
        more = max(0, min(share, MOST_FLEXIBLE_WIDTH - widths[key]))
        widths[key] += more
        spare -= more
    widths[last] += spare
