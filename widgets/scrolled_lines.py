"""Prepared lines that scroll: the base of the detail pane and of the lists in dialogs."""

from collections.abc import Sequence

from jobshape.widgets.palette import Palette, palette_of
from jobshape.widgets.spans import Piece, strip_of
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip


class ScrolledLines(ScrollView, inherit_bindings=False):
    """Lines built once for a width; only the visible ones become strips."""

    DEFAULT_CSS = """
    ScrolledLines { overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1; }
    """
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: Sequence[Sequence[Piece]] = ()
        self._built_for = -1

    @property
    def palette(self) -> Palette:
        """The colours now in use."""
        return palette_of(self.app)

    def build(self, width: int) -> Sequence[Sequence[Piece]]:
        """All lines for this width."""
        raise NotImplementedError

    @property
    def count(self) -> int:
        """How many lines there are."""
        return len(self.build(80))

    def ground_of(self, y: int) -> Style:
        """The style of what no piece of a line covers."""
        return self.palette.text

    def rebuild(self, *, to_top: bool = False) -> None:
        """The content is another one."""
        self._built_for = -1
        if not self.is_attached or not self.size.width:
            return
        self._lines = self.build(self._width)
        self._built_for = self.size.width
        self.virtual_size = Size(self.size.width, len(self._lines))
        if to_top:
            self.scroll_to(y=0, animate=False)
        self.refresh()

    @property
    def _width(self) -> int:
        """Cells for the lines; the last one is the scrollbar's, shown or not."""
        return max(1, self.size.width - 1)

    def show_line(self, y: int) -> None:
        """Scroll until this line is in sight."""
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if y < top:
            self.scroll_to(y=y, animate=False)
        elif y >= top + height:
            self.scroll_to(y=y - height + 1, animate=False)

    def render_line(self, y: int) -> Strip:
        """One visible line."""
        width = self.size.width
        index = self.scroll_offset.y + y
        if self._built_for != width or index >= len(self._lines):
            return Strip.blank(width, self.palette.text)
        return strip_of(self._lines[index], width, self.ground_of(index))

    def on_resize(self, event: events.Resize) -> None:
        """Build for the new width."""
        if self._built_for != self.size.width:
            self.rebuild()

    def notify_style_update(self) -> None:
        """A new theme: everything is built again."""
        super().notify_style_update()
        self.rebuild()
