"""The job table: only the visible rows are built, and only those that differ are painted."""

import textwrap
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from jobshape.app.board.columns import Column
from jobshape.app.board.view import Key, QueueView, Row, RowKind
from jobshape.app.domain.job import Job
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette, palette_of
from jobshape.widgets.row_painter import RowPainter
from jobshape.widgets.scroll_bar import quick_scroll_bar
from jobshape.widgets.spans import strip_of
from jobshape.widgets.table_layout import TableLayout, lay_out
from jobshape.widgets.text import clean
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip

SECONDS_FOR_S = 65
"""Durations below this are shown in seconds, longer ones in minutes."""

COARSE_S = 5
"""How often a row is built anew that shows minutes only."""

HEADER_HEIGHT = 1


class _Drawn(NamedTuple):
    """A row as it was painted, and what it was painted from."""

    row: Row
    cursor: int  # 0: elsewhere, 1: here, 2: here and keys go to the table
    selected: bool
    clock: int  # the second it was painted for; rows that move with time are built anew
    strip: Strip


class JobTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Rows of a :class:`QueueView`; the cursor and the scroll stay with their job.

    The view belongs to the screen: after it changed, call :meth:`view_changed`; every second
    :meth:`tick`. Neither writes a byte where nothing visible differs.
    """

    DEFAULT_CSS = """
    JobTable {
        height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
    }
    """
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = set()

    class CursorMoved(Message):
        """The cursor stands on another row."""

        def can_replace(self, message: Message) -> bool:
            """Only the newest counts."""
            return isinstance(message, JobTable.CursorMoved)

    class Opened(Message):
        """A row was double-clicked."""

    class SortAsked(Message):
        """A column's title was clicked."""

        def __init__(self, column_key: str) -> None:
            super().__init__()
            self.column_key = column_key

    class Marked(Message):
        """The selection mark of a row was clicked."""

    def __init__(
        self,
        view: QueueView,
        columns: Sequence[Column],
        clock: Callable[[], float],
        glyphs: Glyphs,
        *,
        widths: dict[str, int] | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._view = view
        self._columns = tuple(columns)
        self._widths = dict(widths or {})
        self._clock = clock
        self._glyphs = glyphs
        self._lines: list[_Drawn | None] = []  # what each line shows
        self._known: dict[Key, _Drawn] = {}  # the rows shown last, wherever they stand now
        self._header: Strip | None = None
        self._header_of: tuple[str, bool] = ("", False)
        self._painter: RowPainter | None = None
        self._cursor_styles: dict[Style, Style] = {}
        self._moved = False  # whether the person has put the cursor somewhere
        self._quiet = False  # while scrolling as part of a larger change
        self._said = ""  # the words of an empty table, as drawn
        self._id_width = 0
        self.cursor_index = 0
        self.cursor_key: Key | None = None
        self.empty_text: Callable[[], str] = view.empty_reason

    # ------------------------------------------------------------------ what it stands on

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """Textual asks for it here and starts it when it is first needed."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = quick_scroll_bar(self)
        return self._vertical_scrollbar

    @property
    def cursor_row(self) -> Row | None:
        """The row under the cursor, None in an empty table."""
        if 0 <= self.cursor_index < len(self._view):
            return self._view.row(self.cursor_index)
        return None

    @property
    def page_height(self) -> int:
        """Rows that fit."""
        return max(1, self.size.height - HEADER_HEIGHT)

    @property
    def table_layout(self) -> TableLayout:
        """Where the columns stand now."""
        return self._paint().layout

    @property
    def _width(self) -> int:
        """Cells for the columns; the last one is the scrollbar's, shown or not."""
        return max(1, self.size.width - 1)

    @property
    def _line_width(self) -> int:
        """Cells of a line: it need not be cut where the scrollbar begins."""
        return self.size.width - int(self.show_vertical_scrollbar)

    def watch_show_vertical_scrollbar(self) -> None:
        """Lines have another width now."""
        self._forget()

    @property
    def top(self) -> int:
        """Index of the first visible row."""
        return self.scroll_offset.y

    def set_columns(self, columns: Sequence[Column], widths: dict[str, int]) -> None:
        """Show these columns, with the widths the person chose."""
        self._columns, self._widths = tuple(columns), dict(widths)
        self._forget()

    # ------------------------------------------------------------------ changes

    def view_changed(self) -> None:
        """Take over the view's new order: same job under the cursor, at the same height."""
        count = len(self._view)
        old_index, old_top = self.cursor_index, self.top
        index: int | None = None
        if not self._moved:  # nobody chose this job: the cursor waits at the top
            index = 0
        elif self.cursor_key is not None:
            index = self._view.index_of(self.cursor_key, near=old_index)
        if index is None:  # gone: what now stands there takes its place
            index = max(0, min(old_index, count - 1))
        self.cursor_index = index
        moved_to = self._view.key(index) if count else None
        self._widen_ids(old_top)
        height_on_page = old_index - old_top
        in_sight = 0 <= height_on_page < self.page_height
        top = old_top
        if in_sight and not (old_top == 0 and index < self.page_height):
            top = index - height_on_page
        elif not in_sight:
            top = old_top + index - old_index if old_top else 0
        self._set_size(count)
        top = max(0, min(top, self.max_scroll_y))
        self._scroll(top)
        if moved_to != self.cursor_key:
            self.cursor_key = moved_to
            self.post_message(self.CursorMoved())
        self.repaint_changes()

    def _widen_ids(self, top: int) -> None:
        """Give ids the room that those in sight need; never take it back, which would jump."""
        rows = range(top, min(len(self._view), top + self.page_height))
        titles = (self._view.row(index) for index in rows)
        longest = max(
            (_id_length(row) for row in titles if row.kind is not RowKind.GROUP),
            default=0,
        )
        if longest > self._id_width:
            self._id_width = longest
            self._forget()

    def tick(self) -> None:
        """A second went by: paint the rows whose text it changed."""
        self.repaint_changes()

    def repaint_changes(self) -> None:
        """Build what is visible again and paint the rows that differ from what is shown."""
        if not self.size or not self.is_attached:
            return
        said = self._said
        self._said = "" if len(self._view) else self.empty_text()
        if (
            len(self._lines) != self.size.height - HEADER_HEIGHT
            or self._painter is None
            or said != self._said
        ):
            self._lines = []
            self.refresh()
            return
        regions = []
        header = self._build_header()
        if header is not self._header:
            self._header = header
            regions.append(Region(0, 0, self.size.width, 1))
        now = self._clock()
        for y, before in enumerate(self._lines):
            after = self._build(self.top + y, now)
            self._lines[y] = after
            if (after and after.strip) is not (before and before.strip):
                regions.append(Region(0, y + HEADER_HEIGHT, self.size.width, 1))
        self._known = {drawn.row.key: drawn for drawn in self._lines if drawn}
        if regions:
            self.refresh(*regions)

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a row and bring it into sight."""
        count = len(self._view)
        if not count:
            return
        index = max(0, min(index, count - 1))
        self._moved = True
        if index == self.cursor_index and self.cursor_key is not None:
            return
        self.cursor_index = index
        self.cursor_key = self._view.key(index)
        top, page = self.top, self.page_height
        if index < top:
            self._scroll(index)
        elif index >= top + page:
            self._scroll(index - page + 1)
        self.repaint_changes()
        self.post_message(self.CursorMoved())

    def move_page(self, pages: int) -> None:
        """Move cursor and scroll by pages."""
        target = self.cursor_index + pages * self.page_height
        self._scroll(self.top + pages * self.page_height)
        self.move_cursor(target)

    def reveal_members(self) -> None:
        """Scroll so that what stands under the cursor's row is in sight, and the row itself."""
        row = self.cursor_row
        if row is not None and row.folded is False:
            last = self.cursor_index + min(row.members, self.page_height - 1)
            if last >= self.top + self.page_height:
                self._scroll(last - self.page_height + 1)
                self.repaint_changes()

    def _scroll(self, top: int) -> None:
        """Make this the first visible row, without repainting yet."""
        top = max(0, min(top, self.max_scroll_y))
        if top != self.top:
            self._quiet = True
            self.scroll_to(y=top, animate=False)
            self._quiet = False

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Repaint what differs; rows look alike, so that is less than all of them."""
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = new_value
        if round(old_value) != round(new_value) and not self._quiet:
            self.repaint_changes()

    # ------------------------------------------------------------------ drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines as they were built.

        They have their final colours, and there is no border or padding, so they need none of
        what Textual does to lines: that halves the time a scrolled page takes.
        """
        strips = [self.render_line(y) for y in crop.line_range]
        if crop.column_span != (0, self.size.width):
            strips = [strip.crop(*crop.column_span) for strip in strips]
        return strips

    def render_line(self, y: int) -> Strip:
        """The header, a row, the words of an empty table, or nothing."""
        height = self.size.height - HEADER_HEIGHT
        if len(self._lines) != height or self._header is None:
            self._build_all(height)
        if y == 0 and self._header is not None:
            return self._header
        if not len(self._view):
            return self._empty_line(y - HEADER_HEIGHT)
        drawn = self._lines[y - HEADER_HEIGHT] if y <= height else None
        return drawn.strip if drawn else self._blank()

    def _build_all(self, height: int) -> None:
        """Build every visible line."""
        self._header = self._build_header()
        self._said = "" if len(self._view) else self.empty_text()
        now = self._clock()
        self._lines = [self._build(self.top + line, now) for line in range(max(0, height))]
        self._known = {drawn.row.key: drawn for drawn in self._lines if drawn}

    def _build(self, index: int, now: float) -> _Drawn | None:
        """The row at an index; the one drawn before where nothing about it changed."""
        if index >= len(self._view):
            return None
        row = self._view.row(index)
        before = self._known.get(row.key)
        cursor = (2 if self.has_focus else 1) if index == self.cursor_index else 0
        selected = self._view.is_selected(row.key)
        clock = _clock_of(row.job, now)
        if (
            before is not None
            and before.clock == clock
            and before.cursor == cursor
            and before.selected == selected
            and before.row == row
        ):
            return before
        painter = self._paint()
        pieces = painter.paint(row, now, selected=selected)
        if cursor:
            pieces = [(text, self._on_cursor(style)) for text, style in pieces]
        ground = self._on_cursor(painter.palette.text) if cursor else painter.palette.text
        strip = strip_of(pieces, self._line_width, ground)
        if before is not None and list(before.strip) == list(strip):
            strip = before.strip  # the same object says: nothing to write
        return _Drawn(row, cursor, selected, clock, strip)

    def _build_header(self) -> Strip:
        wanted = (self._view.sort_key, self._view.descending)
        if self._header is not None and self._header_of == wanted and self._painter is not None:
            return self._header
        painter = self._paint()
        self._header_of = wanted
        return strip_of(painter.header(*wanted), self._line_width, painter.palette.header)

    def _empty_line(self, y: int) -> Strip:
        palette = self._palette
        lines = [
            line
            for part in clean_lines(self.empty_text(), self._glyphs)
            for line in textwrap.wrap(part, max(20, min(72, self.size.width - 4)))
        ]
        first = max(1, (self.size.height - len(lines)) // 3)
        if not first <= y < first + len(lines):
            return self._blank()
        text = lines[y - first]
        indent = " " * max(0, (self.size.width - len(text)) // 2)
        style = palette.strong if y == first else palette.muted
        return strip_of([(indent, palette.text), (text, style)], self._line_width, palette.text)

    @property
    def _palette(self) -> Palette:
        return palette_of(self.app)

    def _paint(self) -> RowPainter:
        if self._painter is None:
            layout = lay_out(self._columns, self._width, self._widths, id_width=self._id_width)
            self._painter = RowPainter(self._palette, self._glyphs, layout)
            self._cursor_styles.clear()
        return self._painter

    def _on_cursor(self, style: Style) -> Style:
        """The style of a piece on the cursor's row; reverse video is one style for all."""
        found = self._cursor_styles.get(style)
        if found is None:
            painter = self._paint()
            found = painter.palette.on_cursor(style, focused=self.has_focus)
            self._cursor_styles[style] = found
        return found

    def _blank(self) -> Strip:
        return Strip.blank(self._line_width, self._palette.text)

    def _set_size(self, count: int) -> None:
        size = Size(self.size.width, count + HEADER_HEIGHT)
        if size != self.virtual_size:
            self.virtual_size = size

    def _forget(self) -> None:
        self._painter = None
        self._header = None
        self._lines = []
        self._known = {}
        self.refresh()

    def notify_style_update(self) -> None:
        """A new theme: everything is built again."""
        self._painter = None
        self._header = None
        self._lines = []
        self._known = {}
        super().notify_style_update()

    # ------------------------------------------------------------------ events

    def on_resize(self, event: events.Resize) -> None:
        """Lay the columns out for the new width and keep the cursor in sight."""
        self._forget()
        self._set_size(len(self._view))
        page = self.page_height
        if not self.top <= self.cursor_index < self.top + page:
            self._scroll(self.cursor_index - page // 2)

    def on_focus(self) -> None:
        """The cursor shows that keys go here."""
        self._cursor_styles.clear()
        self.repaint_changes()

    def on_blur(self) -> None:
        """Keys go elsewhere."""
        self.on_focus()

    def on_click(self, event: events.Click) -> None:
        """A row: the cursor goes there; twice: open it; a title: sort; the mark: select."""
        if event.y < HEADER_HEIGHT:
            key = self._paint().layout.column_at(event.x)
            if key is not None:
                self.post_message(self.SortAsked(key))
            return
        index = self.top + event.y - HEADER_HEIGHT
        if index >= len(self._view):
            return
        self.move_cursor(index)
        if event.chain == 2:
            self.post_message(self.Opened())
        elif event.x < 2 or event.ctrl:
            self.post_message(self.Marked())


def _id_length(row: Row) -> int:
    """Cells the id needs; of an array's task list only the beginning."""
    bracket = row.title.find("[")
    size = len(row.title) if bracket < 0 else min(len(row.title), bracket + 5)
    return size + row.depth


def clean_lines(text: str, glyphs: Glyphs) -> list[str]:
    """The lines of a text of ours, each safe to draw."""
    return [clean(line, glyphs) for line in text.splitlines()]


def _clock_of(job: Job, now: float) -> int:
    """A number that stays while no duration of the row can read differently, within COARSE_S."""
    moments = (job.submit_time, job.eligible_time, job.start_time, job.end_time)
    if any(at is not None and abs(now - at) < SECONDS_FOR_S for at in moments):
        return int(now)
    return int(now) // COARSE_S * COARSE_S
