"""Writes to the terminal only the cells that differ from what it shows, with few style codes.

Textual 8 writes each dirty span again from the left edge of its widget and switches the whole style
off and on for every segment. Over SSH that is most of the traffic: with this a cursor key costs a
third less, a page half, and opening a dialog a quarter.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import compress, count, groupby, repeat
from operator import eq, itemgetter, ne

from jobshape.widgets.text import width_of
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import SGR_STYLES, Strip

MERGE_GAP = 8
"""Equal cells between two changes that cost less to write again than to jump over."""

Cell = tuple[str, Style | None]
"""What one cell shows; the second cell of a wide character has an empty text."""

_TEXT, _STYLE = itemgetter(0), itemgetter(1)

UNKNOWN: Cell = ("?unknown", None)
"""No cell of ours: it differs from all."""

LEAST_SCROLLED, WORTH_SCROLLING = 6, 60
"""Lines, and bytes saved, from which having the terminal scroll is worth it."""

BYTES_A_ROW = 40
"""What moving to the changed cells of a row and switching styles costs there, about."""

SEEN_WIDTH = 60
"""Cells by which a moved line is recognised: another pane beside the table does not move."""

_RESET = "\x1b[0m"


class Ready(CompositorUpdate):
    """An update that is text already."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render_segments(self, console: Console) -> str:
        """The text."""
        return self.text


class TerminalShadow:
    """Knows what the terminal shows, cell by cell."""

    def __init__(self) -> None:
        self._rows: list[list[Cell]] = []

    def forget(self) -> None:
        """The terminal may show anything: the next update is written as a whole."""
        self._rows = []

    def changes(self, update: LayoutUpdate | ChopsUpdate, console: Console) -> str:
        """What to send for an update; "" when the terminal shows it already."""
        pen = _Pen(console._color_system or ColorSystem.TRUECOLOR)
        rows = _rows_of(update) if isinstance(update, LayoutUpdate) else self._spans_of(update)
        wanted = dict(rows)
        self._scroll(wanted, pen)
        for y, cells in wanted.items():
            before = self._row(y, len(cells))
            if before != cells:
                for start, stop in differing(before, cells):
                    pen.move(start, y)
                    for style, run in groupby(cells[start:stop], key=_STYLE):
                        pen.write("".join(map(_TEXT, run)), style)
                self._rows[y] = cells
        return pen.finish()

    def _row(self, y: int, width: int) -> list[Cell]:
        """What a line shows; cells that nobody wrote yet differ from all others."""
        while len(self._rows) <= y:
            self._rows.append([])
        row = self._rows[y]
        if len(row) != width:
            row = self._rows[y] = [*row[:width], *[UNKNOWN] * (width - len(row))]
        return row

    def _spans_of(self, update: ChopsUpdate) -> Iterator[tuple[int, list[Cell]]]:
        """The lines of a partial update as they are to be, what is not in it as it is."""
        for y, spans in groupby(update.spans, key=itemgetter(0)):
            width = update.chop_ends[y][-1]
            row = list(self._row(y, width))
            for _, first, last in spans:
                chops = zip(update.chop_ends[y], update.chops[y].items(), strict=False)
                for end, (x, strip) in chops:
                    if strip is not None and x < last and end > first:
                        left, right = max(x, first), min(end, last)
                        row[left:right] = cells_of(strip.crop(left - x, right - x))
            yield y, row

    def _scroll(self, wanted: Mapping[int, list[Cell]], pen: "_Pen") -> None:
        """Where lines only moved up or down, have the terminal move them: that is 30 bytes."""
        for top, bottom in _blocks(sorted(wanted)):
            while top < bottom and self._row(top, len(wanted[top])) == wanted[top]:
                top += 1  # a title above does not move with them
            while (
                bottom > top
                and self._row(bottom - 1, len(wanted[bottom - 1])) == (wanted[bottom - 1])
            ):
                bottom -= 1
            if bottom - top < LEAST_SCROLLED:
                continue
            shown = [self._row(y, len(wanted[y])) for y in range(top, bottom)]
            target = [wanted[y] for y in range(top, bottom)]
            by = _shift(shown, target)
            if not by:
                continue
            first, last = _moving(shown, target, by)  # what stands below may have changed, too
            top, bottom = top + first, top + last
            shown, target = shown[first:last], target[first:last]
            if len(target) < LEAST_SCROLLED:
                continue
            blank: list[list[Cell]] = [[UNKNOWN] * len(row) for row in target[: abs(by)]]
            moved = [*shown[by:], *blank] if by > 0 else [*blank, *shown[:by]]
            if _distance(moved, target) + WORTH_SCROLLING < _distance(shown, target):
                pen.scroll(top, bottom, by)
                self._rows[top:bottom] = moved


def _rows_of(update: LayoutUpdate) -> Iterator[tuple[int, list[Cell]]]:
    for y, strips in enumerate(update.strips, update.region.y):
        yield y, [cell for strip in strips for cell in cells_of(strip)]


def _blocks(lines: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Runs of neighbouring lines: (first, after the last)."""
    start = end = -1
    for y in lines:
        if y != end:
            if end > start:
                yield start, end
            start = y
        end = y + 1
    if end > start:
        yield start, end


def _shift(shown: Sequence[list[Cell]], target: Sequence[list[Cell]]) -> int:
    """By how many lines up (or, negative, down) most of what is shown is to move."""
    height = len(target)
    best, by = sum(map(eq, shown, target)) + height // 3, 0
    for lines in (1, -1, 2, -2, 3, -3):
        pairs = zip(shown[lines:], target, strict=False) if lines > 0 else zip(
            shown, target[-lines:], strict=False
        )  # fmt: skip
        same = sum(before[:SEEN_WIDTH] == after[:SEEN_WIDTH] for before, after in pairs)
        if same > best:
            best, by = same, lines
    return by


def _moving(shown: Sequence[list[Cell]], target: Sequence[list[Cell]], by: int) -> tuple[int, int]:
    """The lines that move by so many, with those that come to sight: (first, after the last)."""
    alike = [
        at for at in range(len(target))
        if 0 <= at + by < len(shown) and shown[at + by][:SEEN_WIDTH] == target[at][:SEEN_WIDTH]
    ]  # fmt: skip
    if not alike:
        return 0, 0
    first, last = alike[0], alike[-1] + 1
    return (first, min(len(target), last + by)) if by > 0 else (max(0, first + by), last)


def _distance(shown: Sequence[list[Cell]], target: Sequence[list[Cell]]) -> int:
    """About how many bytes the difference costs: moves and styles, and a byte a cell."""
    return sum(
        BYTES_A_ROW + sum(map(ne, before, after))
        for before, after in zip(shown, target, strict=True)
        if before != after
    )


def cells_of(strip: Strip) -> tuple[Cell, ...]:
    """One entry a cell; a wide character fills its second cell with an empty text."""
    return _cells(tuple(strip))


@lru_cache(maxsize=256)  # lines that scroll or lie behind a dialog come again and again
def _cells(segments: tuple[Segment, ...]) -> tuple[Cell, ...]:
    cells: list[Cell] = []
    for text, style, control in segments:
        if control:
            continue
        if text.isascii():
            cells.extend(zip(text, repeat(style)))
            continue
        for char in text:
            width = width_of(char)
            if width:
                cells.append((char, style))
                cells.extend([("", style)] * (width - 1))
            elif cells:
                at = -1 if cells[-1][0] else -2
                cells[at] = (cells[at][0] + char, style)
    return tuple(cells)


def differing(before: list[Cell], after: list[Cell]) -> Iterator[tuple[int, int]]:
    """Where two rows of equal length differ: (first, after the last), changes close by joined."""
    start = end = -1
    for x in compress(count(), map(ne, before, after)):
        if start >= 0 and x - end > MERGE_GAP:
            yield start, end
            start = -1
        if start < 0:
            start = x if after[x][0] or not x else x - 1  # never from the middle of a wide one
        end = x + 1
    if start >= 0:
        yield start, end


class _Pen:
    """Writes styled text, switching only what differs from the style already on."""

    def __init__(self, system: ColorSystem) -> None:
        self._out: list[str] = []
        self._system = system
        self._on: tuple[str, str, str] = ("", "", "")
        self._style: Style | None = None

    def move(self, x: int, y: int) -> None:
        """Go to a cell."""
        self._out.append(f"\x1b[{y + 1};{x + 1}H")

    def scroll(self, top: int, bottom: int, by: int) -> None:
        """Move the lines from top to before bottom up by so many (down, if negative)."""
        verb = f"{by}M" if by > 0 else f"{-by}L"  # delete or insert lines at the top
        self._out.append(f"\x1b[{top + 1};{bottom}r\x1b[{top + 1};1H\x1b[{verb}\x1b[r")

    def write(self, text: str, style: Style | None) -> None:
        """Write where the cursor stands."""
        if style is not self._style:
            self._style = style
            wanted = _codes(style, self._system) if style else ("", "", "")
            if wanted != self._on:
                if text.isspace() and wanted[2] == self._on[2] and not (wanted[0] or self._on[0]):
                    self._style = None  # nobody sees the ink of a blank
                else:
                    self._out.append(_switch(self._on, wanted))
                    self._on = wanted
        self._out.append(text)

    def finish(self) -> str:
        """All that was written; no style is left on."""
        if any(self._on):
            self._out.append(_RESET)
        return "".join(self._out)


_CODES: dict[tuple[Style, ColorSystem], tuple[str, str, str]] = {}


def _codes(style: Style, system: ColorSystem) -> tuple[str, str, str]:
    """Attributes, colour and ground of a style as SGR codes."""
    key = (style, system)
    codes = _CODES.get(key)
    if codes is None:
        on = style._attributes & style._set_attributes
        attributes = [SGR_STYLES[bit] for bit in range(on.bit_length()) if on & (1 << bit)]
        colour = style.color.downgrade(system).get_ansi_codes() if style.color else ()
        ground = style.bgcolor.downgrade(system).get_ansi_codes(False) if style.bgcolor else ()
        codes = (";".join(attributes), ";".join(colour), ";".join(ground))
        if len(_CODES) > 4096:
            _CODES.clear()
        _CODES[key] = codes
    return codes


def _switch(old: tuple[str, str, str], new: tuple[str, str, str]) -> str:
    if not any(new):
        return _RESET
    if old[0] != new[0] or (old[1] and not new[1]) or (old[2] and not new[2]):
        first = ("0",) if any(old) else ()  # what is on can only be reset
        return f"\x1b[{';'.join((*first, *filter(None, new)))}m"
    changed = [code for before, code in zip(old[1:], new[1:], strict=True) if before != code]
    return f"\x1b[{';'.join(changed)}m"
