"""A few lines drawn from pieces of text; only lines that differ are painted again."""

from collections.abc import Sequence

from jobshape.widgets.palette import Palette, palette_of
from jobshape.widgets.spans import Piece, strip_of
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Lines(Widget):
    """Base of the strips, bars and lines of text around the table.

    A subclass builds its lines in :meth:`build`; :meth:`redraw` builds them again and repaints what
    changed. Nothing changed: nothing is written.
    """

    DEFAULT_CSS = "Lines { height: 1; }"

    can_focus = False
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._strips: list[Strip] = []
        self._drawn_for: tuple[int, int] | None = None

    @property
    def palette(self) -> Palette:
        """The colours now in use."""
        return palette_of(self.app)

    def build(self, width: int, height: int) -> Sequence[Sequence[Piece]]:
        """The lines as they should be now, top to bottom."""
        raise NotImplementedError

    def ground(self) -> Style:
        """The style of what no piece covers."""
        return self.palette.text

    def redraw(self) -> None:
        """Build the lines again and repaint those that differ from what is shown."""
        if not self.is_attached or not self.size or self._drawn_for != tuple(self.size):
            self._drawn_for = None
            self.refresh()
            return
        old, self._strips = self._strips, self._build_strips()
        regions = [
            Region(0, y, self.size.width, 1)
            for y, (before, after) in enumerate(zip(old, self._strips, strict=True))
            if list(before) != list(after)
        ]
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """One line, from what was built for this size."""
        if self._drawn_for != tuple(self.size):
            self._strips = self._build_strips()
            self._drawn_for = (self.size.width, self.size.height)
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)

    def notify_style_update(self) -> None:
        """A new theme: everything is built again."""
        self._drawn_for = None
        super().notify_style_update()

    def _build_strips(self) -> list[Strip]:
        width, height = self.size
        ground = self.ground()
        lines = list(self.build(width, height))[:height]
        lines += [[]] * (height - len(lines))
        return [strip_of(line, width, ground) for line in lines]
