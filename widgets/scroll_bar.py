"""A scrollbar whose cells are made at once."""

from rich.style import Style
from textual.geometry import Region
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip
from textual.widget import Widget


class QuickScrollBar(ScrollBar):
    """Textual's scrollbar without its way through the styles, cell by cell.

    Every scrolled page paints all of it, which took as long as half the rows.
    """

    def render_lines(self, crop: Region) -> list[Strip]:
        """One strip a cell; equal cells share theirs."""
        bar = self.render()
        colours = bar.style if isinstance(bar, ScrollBarRender) else None
        if self.app.no_color or self.app.native_ansi_color or not isinstance(colours, Style):
            return super().render_lines(crop)
        assert isinstance(bar, ScrollBarRender) and colours.bgcolor and colours.color
        cells = bar.render_bar(
            size=self.size.height, virtual_size=bar.virtual_size, window_size=bar.window_size,
            position=bar.position, back_color=colours.bgcolor, bar_color=colours.color,
        ).segments  # fmt: skip
        strips = {id(cell): Strip([cell], 1) for cell in cells}
        return [strips[id(cell)] for cell in cells[crop.y : crop.bottom]]


def quick_scroll_bar(widget: Widget) -> QuickScrollBar:
    """A vertical scrollbar of this kind for a widget that has none yet."""
    bar = QuickScrollBar(vertical=True, name="vertical")
    bar.display = False
    widget.app._start_widget(widget, bar)
    return bar
