"""Every node as a cell, grouped by partition: the cursor goes in two dimensions."""

import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from typing import ClassVar

from jobshape.app.board.board import Board
from jobshape.app.board.fragments import Fragments, fragments_of, free_of
from jobshape.app.board.node_groups import NodeGroup
from jobshape.app.board.node_words import Standing
from jobshape.app.domain.site import Node
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.node_cells import Measure, cell_of
from jobshape.widgets.node_heading import heading
from jobshape.widgets.node_layout import HEADINGS, GridLayout
from jobshape.widgets.node_painter import Known, NodePainter
from jobshape.widgets.palette import Palette, palette_of
from jobshape.widgets.scroll_bar import quick_scroll_bar
from jobshape.widgets.spans import Piece, strip_of
from jobshape.widgets.text import clean
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip

_BEFORE_SIZE = (80, 24)
"""Until the first size is known."""


class NodeGrid(ScrollView, can_focus=True, inherit_bindings=False):
    """The cursor and the scroll stay with their node while nodes come, go and change.

    :meth:`set_groups` sets which nodes; :meth:`nodes_changed` takes over their newer records.
    Neither writes a byte where nothing visible differs.
    """

    DEFAULT_CSS = """
    NodeGrid {
        height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
    }
    """
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = set()

    class CursorMoved(Message):
        """The cursor stands on another node."""

        def can_replace(self, message: Message) -> bool:
            """Only the newest counts."""
            return isinstance(message, NodeGrid.CursorMoved)

    class Opened(Message):
        """A node was double-clicked."""

    def __init__(self, board: Board, glyphs: Glyphs, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._board = board
        self._glyphs = glyphs
        self.measure = Measure()
        self.mine: frozenset[str] = frozenset()  # nodes where my jobs run, underlined
        self.highlight: frozenset[str] | None = None  # all others are pale
        self.empty_text: Callable[[], str] = lambda: "No nodes are known yet."
        self._groups: Sequence[NodeGroup] = ()
        self._grid = GridLayout((), 1, 1)
        self._cells: dict[str, Known] = {}
        self._fragments: list[Fragments] = []
        self._counts: list[Counter[Standing]] = []
        self._strips: dict[int, Strip] = {}  # by line, those drawn since the layout was made
        self.cursor = 0
        self.cursor_name: str | None = None
        self._column = 0

    # ------------------------------------------------------------------ what it stands on

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """Textual asks for it here and starts it when it is first needed."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = quick_scroll_bar(self)
        return self._vertical_scrollbar

    @property
    def count(self) -> int:
        """Nodes shown, in sight or not."""
        return len(self._grid.names)

    @property
    def node(self) -> Node | None:
        """The node under the cursor."""
        return self._board.nodes.get(self.cursor_name) if self.cursor_name else None

    @property
    def form(self) -> str:
        """How a cell looks: tile, pair or dot."""
        return self._grid.form

    @property
    def top(self) -> int:
        """The first visible line."""
        return self.scroll_offset.y

    @property
    def cursor_line(self) -> int:
        """The line of the cursor, from the first one."""
        return self._grid.line_of(self.cursor) if self.count else 0

    @property
    def standings(self) -> Counter[Standing]:
        """How many of the nodes shown stand how."""
        total: Counter[Standing] = Counter()
        for counts in self._counts:
            total.update(counts)
        return total

    @property
    def _line_width(self) -> int:
        return self.size.width - int(self.show_vertical_scrollbar)

    # ------------------------------------------------------------------ changes

    def set_groups(self, groups: Sequence[NodeGroup]) -> None:
        """Show these nodes: the cursor stays on its node, at the same height on the screen."""
        if list(groups) == list(self._groups):
            self.nodes_changed()
            return
        height_on_page = self.cursor_line - self.top
        self._groups = tuple(groups)
        self._lay_out()
        self._place_cursor()
        if self.count:
            self._scroll(self.cursor_line - height_on_page)
        self._read_all()
        self._forget()

    def nodes_changed(self) -> None:
        """Take over newer records of the nodes and paint what differs."""
        self._repaint_lines(self._take_newer())

    def set_measure(self, measure: Measure) -> None:
        """Show another share in each cell."""
        self.measure = measure
        self._cells.clear()
        self._read_all()
        self.repaint_changes()

    def set_mine(self, mine: frozenset[str]) -> None:
        """Underline these nodes."""
        if mine != self.mine:
            self.mine = mine
            self.repaint_changes()

    def set_highlight(self, names: frozenset[str] | None) -> None:
        """Make all nodes pale but these; None: all are as they are."""
        if names != self.highlight:
            self.highlight = names
            self.repaint_changes()

    def _lay_out(self) -> None:
        width, height = self.size if self.size else _BEFORE_SIZE
        self._grid = GridLayout(self._groups, max(1, width - 1), height)
        self._strips.clear()
        size = Size(self.size.width, len(self._grid.lines))
        if size != self.virtual_size:
            self.virtual_size = size

    def _place_cursor(self) -> None:
        """Find the cursor's node again; where it is gone, what stands there now takes its place."""
        before = self.cursor_name
        index = self._grid.index.get(before or "")
        if index is None:
            index = max(0, min(self.cursor, self.count - 1))
        self.cursor = index
        self.cursor_name = self._grid.names[index] if self.count else None
        self._column = self._grid.column_of(index) if self.count else 0
        if self.cursor_name != before:
            self.post_message(self.CursorMoved())

    def _read_all(self) -> None:
        nodes = self._board.nodes
        self._cells = {
            name: self._know(node) for name in self._grid.names
            if (node := nodes.get(name)) is not None
        }  # fmt: skip
        self._counts, self._fragments = [], []
        for group in self._groups:
            counts, fragments = self._sum(group)
            self._counts.append(counts)
            self._fragments.append(fragments)

    def _know(self, node: Node) -> Known:
        cell = cell_of(node, self.measure, self._glyphs)
        is_open = node.usable and cell.standing is not Standing.RESERVED
        return Known(node, cell, free_of(node) if is_open else None)

    def _sum(self, group: NodeGroup) -> tuple[Counter[Standing], Fragments]:
        known = [self._cells[name] for name in group.names if name in self._cells]
        counts = Counter([one.cell.standing for one in known])
        return counts, fragments_of((one[0], one[2]) for one in known if one[2] is not None)

    def _take_newer(self) -> set[int]:
        """Read the nodes whose records are others; the lines where anything is another now."""
        nodes, cells, grid = self._board.nodes, self._cells, self._grid
        lines: set[int] = set()
        for number, group in enumerate(self._groups):
            newer = [
                node for name in group.names
                if (node := nodes.get(name)) is not None
                and (name not in cells or cells[name].node is not node)
            ]  # fmt: skip
            for node in newer:
                cells[node.name] = self._know(node)
                lines.add(grid.line_of(grid.index[node.name]))
            if newer:
                self._counts[number], self._fragments[number] = self._sum(group)
                lines.update(grid.headings_of(number))
        return lines

    # ------------------------------------------------------------------ the cursor

    def move(self, by: int) -> None:
        """To the next or previous node, also over the end of a line or group."""
        self.move_to(self.cursor + by)

    def move_lines(self, by: int) -> None:
        """So many lines of cells down or up, in the same column."""
        if not self.count:
            return
        target = self._grid.beyond(self.cursor, self._column, by)
        if target == self.cursor and by < 0:
            self._scroll(0)  # the heading above the first line
        self.move_to(target, column=self._column)

    def move_page(self, pages: int) -> None:
        """So many pages down or up."""
        self.move_lines(pages * max(1, self.size.height - 2))

    def move_to(self, index: int, *, column: int | None = None) -> None:
        """Put the cursor on a node and bring it into sight."""
        if not self.count:
            return
        index = max(0, min(index, self.count - 1))
        self._column = self._grid.column_of(index) if column is None else column
        if index == self.cursor:
            return
        before = self.cursor_line
        self.cursor, self.cursor_name = index, self._grid.names[index]
        line, height = self.cursor_line, max(1, self.size.height)
        top = self.top
        if line < top or line >= top + height:
            headings = self._grid.heading_lines if self._grid.lines[line - 1].start < 0 else 0
            self._scroll(line - headings if line < top else line - height + 1)
        self._repaint_lines({before, line})  # a scroll has asked for all others
        self.post_message(self.CursorMoved())

    def next_where(self, holds: Callable[[Node], bool], step: int = 1) -> bool:
        """Go to the next node for which it holds, round the end; False if there is none."""
        for away in range(1, self.count + 1):
            index = (self.cursor + step * away) % self.count
            node = self._board.nodes.get(self._grid.names[index])
            if node is not None and holds(node):
                self.move_to(index)
                return True
        return False

    def _scroll(self, top: int) -> None:
        top = max(0, min(top, self.max_scroll_y))
        if top != self.top:
            self.scroll_to(y=top, animate=False)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Repaint what differs."""
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = new_value
        if round(old_value) != round(new_value):
            self.refresh()

    def watch_show_vertical_scrollbar(self) -> None:
        """Lines have another width now."""
        self._forget()

    # ------------------------------------------------------------------ drawing

    def repaint_changes(self) -> None:
        """Build the visible lines again and paint those that differ."""
        self._repaint_lines(range(self.top, self.top + self.size.height))
        visible = range(self.top, self.top + self.size.height)
        for line in [line for line in self._strips if line not in visible]:
            del self._strips[line]

    def _repaint_lines(self, lines: "range | set[int]") -> None:
        if not self.size or not self.is_attached:
            return
        regions = []
        top, height = self.top, self.size.height
        for line in lines:
            before = self._strips.pop(line, None)
            if not top <= line < top + height:
                continue
            after = self._strip(line)
            if before is not None and list(before) == list(after):
                self._strips[line] = before
            else:
                regions.append(Region(0, line - top, self.size.width, 1))
        if regions:
            self.refresh(*regions)

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines as they were built: they have their final colours and no border."""
        strips = [self.render_line(y) for y in crop.line_range]
        if crop.column_span != (0, self.size.width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """A heading, a line of cells, the words of an empty grid, or nothing."""
        return self._strip(self.top + y) if self.count else self._empty_line(y)

    def _strip(self, line: int) -> Strip:
        found = self._strips.get(line)
        if found is None:
            palette = self._palette
            found = strip_of(self._pieces(line, palette), self._line_width, palette.text)
            self._strips[line] = found
        return found

    def _pieces(self, number: int, palette: Palette) -> list[Piece]:
        if not 0 <= number < len(self._grid.lines):
            return []
        line = self._grid.lines[number]
        if line.start < 0:
            return heading(
                self._groups[line.group], self._counts[line.group], self._fragments[line.group],
                self._board.partitions, self._line_width, palette, self._glyphs,
                lines=self._grid.heading_lines,
            )[HEADINGS.index(line.start)]  # fmt: skip
        return NodePainter(
            palette, self._glyphs, self._grid, self._cells, self.mine, self.highlight,
            self.cursor, self.has_focus, not self.app.no_color,
        ).paint(line)  # fmt: skip

    def _empty_line(self, y: int) -> Strip:
        palette = self._palette
        words = clean(self.empty_text(), self._glyphs)
        lines = textwrap.wrap(words, max(20, min(72, self.size.width - 4)))
        first = max(1, (self.size.height - len(lines)) // 3)
        if not first <= y < first + len(lines):
            return Strip.blank(self._line_width, palette.text)
        text = lines[y - first]
        indent = " " * max(0, (self.size.width - len(text)) // 2)
        style = palette.strong if y == first else palette.muted
        return strip_of([(indent, palette.text), (text, style)], self._line_width, palette.text)

    @property
    def _palette(self) -> Palette:
        return palette_of(self.app)

    def _forget(self) -> None:
        self._strips.clear()
        self.refresh()

    def notify_style_update(self) -> None:
        """A new theme: everything is built again."""
        self._strips.clear()
        super().notify_style_update()

    # ------------------------------------------------------------------ events

    def on_resize(self, event: events.Resize) -> None:
        """Lay the cells out for the new size and keep the cursor in sight."""
        self._lay_out()
        self._place_cursor()
        if not self.top <= self.cursor_line < self.top + self.size.height:
            self._scroll(self.cursor_line - self.size.height // 2)
        self._forget()

    def on_focus(self) -> None:
        """The cursor shows that keys go here."""
        self._repaint_lines({self.cursor_line})

    def on_blur(self) -> None:
        """Keys go elsewhere."""
        self._repaint_lines({self.cursor_line})

    def on_click(self, event: events.Click) -> None:
        """The cursor goes to the node; twice: open it."""
        index = self._grid.node_at(self.top + event.y, event.x)
        if index is not None:
            self.move_to(index)
            if event.chain == 2:
                self.post_message(self.Opened())
