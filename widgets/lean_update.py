"""Fewer bytes to the terminal: only the changed cells, and only the style codes that change.

Textual 8 writes a changed span from the left edge of its widget and switches the whole style off
and on for every segment. Over SSH that is most of the traffic of a cursor key.
"""

from rich.color import ColorSystem
from rich.console import Console
from rich.control import Control
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.strip import SGR_STYLES

_RESET = "\x1b[0m"


class LeanUpdate(ChopsUpdate):
    """A partial update of the screen, written with as few bytes as its cells need."""

    @classmethod
    def of(cls, update: ChopsUpdate) -> "LeanUpdate":
        """The same update, written leaner."""
        return cls(update.chops, update.spans, update.chop_ends)

    def render_segments(self, console: Console) -> str:
        """The update as what is sent to the terminal; leaves no style switched on."""
        pen = _Pen(console._color_system or ColorSystem.TRUECOLOR)
        for y, first_x, last_x in self.spans:
            at = -1  # the cell the terminal's own cursor stands at, if it is in this line
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                if strip is None or x >= last_x or end <= first_x:
                    continue
                left, right = max(x, first_x), min(end, last_x)
                if left != at:
                    pen.out.append(Control.move_to(left, y).segment.text)
                for text, style, _ in strip.crop(left - x, right - x):
                    pen.write(text, style)
                at = right
        return pen.finish()


class _Pen:
    """Writes styled text, switching only what differs from the style already on."""

    def __init__(self, color_system: ColorSystem) -> None:
        self.out: list[str] = []
        self._system = color_system
        self._on: tuple[str, str, str] = ("", "", "")
        self._style: Style | None = None

    def write(self, text: str, style: Style | None) -> None:
        if style is not self._style:
            self._style = style
            wanted = _codes(style, self._system) if style else ("", "", "")
            if wanted != self._on:
                self.out.append(_switch(self._on, wanted))
                self._on = wanted
        self.out.append(text)

    def finish(self) -> str:
        if any(self._on):
            self.out.append(_RESET)
        return "".join(self.out)


_CACHE: dict[tuple[Style, ColorSystem], tuple[str, str, str]] = {}


def _codes(style: Style, system: ColorSystem) -> tuple[str, str, str]:
    """Attributes, colour and ground of a style as SGR codes."""
    key = (style, system)
    codes = _CACHE.get(key)
    if codes is None:
        on = style._attributes & style._set_attributes
        attributes = [SGR_STYLES[bit] for bit in range(on.bit_length()) if on & (1 << bit)]
        colour = style.color.downgrade(system).get_ansi_codes() if style.color else ()
        ground = style.bgcolor.downgrade(system).get_ansi_codes(False) if style.bgcolor else ()
        codes = (";".join(attributes), ";".join(colour), ";".join(ground))
        if len(_CACHE) > 4096:
            _CACHE.clear()
        _CACHE[key] = codes
    return codes


def _switch(old: tuple[str, str, str], new: tuple[str, str, str]) -> str:
    if not any(new):
        return _RESET
    if old[0] != new[0] or (old[1] and not new[1]) or (old[2] and not new[2]):
        return f"\x1b[{';'.join(('0', *filter(None, new)))}m"  # what is on can only be reset
    changed = [code for before, code in zip(old[1:], new[1:], strict=True) if before != code]
    return f"\x1b[{';'.join(changed)}m"
