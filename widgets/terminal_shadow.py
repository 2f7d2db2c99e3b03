"""Writes to the terminal only the cells that differ from what it shows, with few style codes.

Textual 8 writes each dirty span again from the left edge of its widget and switches the whole style
off and on for every segment. Over SSH that is most of the traffic: with this a cursor key costs a
third less, a page half, and opening a dialog a quarter.
"""

from collections.abc import Iterator

from jobshape.widgets.text import width_of
from rich.color import ColorSystem
from rich.console import Console
from rich.control import Control
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import SGR_STYLES, Strip

MERGE_GAP = 8
"""Equal cells between two changes that cost less to write again than to jump over."""

Cell = tuple[str, Style | None]
"""What one cell shows; the second cell of a wide character has an empty text."""

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
        if isinstance(update, LayoutUpdate):
            self._whole(update, pen)
        else:
            self._parts(update, pen)
        return pen.finish()

    def _whole(self, update: LayoutUpdate, pen: "_Pen") -> None:
        x, y = update.region.offset
        if len(self._rows) < y + len(update.strips):
            self._rows = []
        for number, strips in enumerate(update.strips, y):
            cells = [cell for strip in strips for cell in cells_of(strip)]
            self._put(pen, number, x, cells)

    def _parts(self, update: ChopsUpdate, pen: "_Pen") -> None:
        for y, first, last in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is None or x >= last or end <= first:
                    continue
                left, right = max(x, first), min(end, last)
                self._put(pen, y, left, cells_of(strip.crop(left - x, right - x)))

    def _put(self, pen: "_Pen", y: int, x: int, cells: list[Cell]) -> None:
        while len(self._rows) <= y:
            self._rows.append([])
        row = self._rows[y]
        end = x + len(cells)
        if len(row) < end:
            row.extend([("?", None)] * (end - len(row)))  # no cell of ours: it differs from all
        before = row[x:end]
        if before == cells:
            return
        row[x:end] = cells
        for start, stop in differing(before, cells):
            pen.move(x + start, y)
            for text, style in cells[start:stop]:
                pen.write(text, style)


def cells_of(strip: Strip) -> list[Cell]:
    """One entry a cell; a wide character fills its second cell with an empty text."""
    cells: list[Cell] = []
    for text, style, control in strip:
        if control:
            continue
        if text.isascii():
            cells.extend([(char, style) for char in text])
            continue
        for char in text:
            width = width_of(char)
            if width:
                cells.append((char, style))
                cells.extend([("", style)] * (width - 1))
            elif cells:
                at = -1 if cells[-1][0] else -2
                cells[at] = (cells[at][0] + char, style)
    return cells


def differing(before: list[Cell], after: list[Cell]) -> Iterator[tuple[int, int]]:
    """Where two rows of equal length differ: (first, after the last), changes close by joined."""
    start = end = -1
    for x, (old, new) in enumerate(zip(before, after, strict=True)):
        if old is new or old == new:
            continue
        if start >= 0 and x - end > MERGE_GAP:
            yield start, end
            start = -1
        if start < 0:
            start = x if new[0] or not x else x - 1  # never from the middle of a wide character
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
        self._out.append(Control.move_to(x, y).segment.text)

    def write(self, text: str, style: Style | None) -> None:
        """Write where the cursor stands."""
        if style is not self._style:
            self._style = style
            wanted = _codes(style, self._system) if style else ("", "", "")
            if wanted != self._on:
                if text == " " and wanted[2] == self._on[2] and not (wanted[0] or self._on[0]):
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
