"""The stage table: one to three lines a stage; only lines that differ are painted."""

import textwrap
from collections.abc import Callable
from typing import ClassVar

from jobshape.app.domain.stage import StagesPicture, StageSummary
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.palette import Palette, palette_of
from jobshape.widgets.scroll_bar import quick_scroll_bar
from jobshape.widgets.spans import Piece, strip_of
from jobshape.widgets.stage_columns import STAGE_COLUMNS, Placed, place, text_cell
from jobshape.widgets.stage_words import class_words, shape_words, sizes, spans
from jobshape.widgets.text import clean
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip

HEADER_HEIGHT = 1
MARK_WIDTH = 2
MOST_LINES = 3
WIDE_GAP_FROM = 140


class StageTable(ScrollView, can_focus=True, inherit_bindings=False):
    """Stages in pipeline order. The cursor stays with its stage when others come and go."""

    DEFAULT_CSS = """
    StageTable {
        height: 1fr; overflow-x: hidden; overflow-y: auto; scrollbar-size-vertical: 1;
    }
    """
    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = set()

    class CursorMoved(Message):
        """The cursor stands on another stage."""

        def can_replace(self, message: Message) -> bool:
            """Only the newest counts."""
            return isinstance(message, StageTable.CursorMoved)

    class Opened(Message):
        """A stage was double-clicked."""

    def __init__(
        self, glyphs: Glyphs, empty_text: Callable[[], str], *, id: str | None = None
    ) -> None:
        super().__init__(id=id)
        self._glyphs = glyphs
        self._empty_text = empty_text
        self._strips: list[Strip] = []
        self._built_for: tuple[int, int] | None = None  # width, lines a stage
        self._layout_of: tuple[int, tuple[Placed, ...]] = (-1, ())
        self.picture = StagesPicture()
        self.cursor_stage = ""
        self.lines_each = 1

    # ------------------------------------------------------------------ what it stands on

    @property
    def vertical_scrollbar(self) -> ScrollBar:
        """Textual asks for it here and starts it when it is first needed."""
        if self._vertical_scrollbar is None:
            self._vertical_scrollbar = quick_scroll_bar(self)
        return self._vertical_scrollbar

    @property
    def cursor_index(self) -> int:
        """Place of the cursor's stage, 0 in an empty table."""
        names = [one.stage for one in self.picture.stages]
        return names.index(self.cursor_stage) if self.cursor_stage in names else 0

    @property
    def cursor_row(self) -> StageSummary | None:
        """The stage under the cursor."""
        stages = self.picture.stages
        return stages[self.cursor_index] if stages else None

    def wanted_height(self, room: int) -> int:
        """Lines it would like of so many, and with it how many lines a stage gets.

        A third is left to what stands below it, as far as one line a stage allows.
        """
        count = len(self.picture.stages)
        for lines in range(MOST_LINES, 0, -1):
            height = HEADER_HEIGHT + count * lines
            if lines == 1 or height <= room * (0.4 if lines == MOST_LINES else 0.45):
                self.lines_each = lines
                return max(3, min(height, room * 2 // 3))
        raise AssertionError("unreachable")

    # ------------------------------------------------------------------ changes

    def show(self, picture: StagesPicture) -> None:
        """Take over newer figures; the same stage stays under the cursor."""
        at = self.cursor_index
        self.picture = picture
        names = [one.stage for one in picture.stages]
        if names and self.cursor_stage not in names:
            worst = picture.bottleneck.stage if picture.bottleneck else ""
            first = not self.cursor_stage and worst in names
            self.cursor_stage = worst if first else names[min(at, len(names) - 1)]
            self.post_message(self.CursorMoved())
        self.repaint_changes()

    def move_cursor(self, index: int) -> None:
        """Put the cursor on a stage and bring it into sight."""
        stages = self.picture.stages
        if not stages:
            return
        index = max(0, min(index, len(stages) - 1))
        if stages[index].stage == self.cursor_stage:
            return
        self.cursor_stage = stages[index].stage
        self.reveal()
        self.repaint_changes()
        self.post_message(self.CursorMoved())

    def reveal(self) -> None:
        """Scroll until the cursor's stage is in sight."""
        first = self.cursor_index * self.lines_each
        page = max(self.lines_each, self.size.height - HEADER_HEIGHT)
        top = self.scroll_offset.y
        if first < top:
            self.scroll_to(y=first, animate=False)
        elif first + self.lines_each > top + page:
            self.scroll_to(y=first + self.lines_each - page, animate=False)

    def repaint_changes(self) -> None:
        """Build all lines again and paint those that differ from what is shown."""
        if not self.size or not self.is_attached:
            return
        size = Size(self.size.width, HEADER_HEIGHT + len(self.picture.stages) * self.lines_each)
        if size != self.virtual_size:
            self.virtual_size = size
        before, built_for = self._strips, self._built_for
        self._build_all()
        if built_for != self._built_for or len(before) != len(self._strips):
            self.refresh()
            return
        top, height = self.scroll_offset.y, self.size.height
        regions = []
        for n, (old, new) in enumerate(zip(before, self._strips, strict=True)):
            if list(old) == list(new):
                self._strips[n] = old
                continue
            y = n if n < HEADER_HEIGHT else n - top
            if n < HEADER_HEIGHT or HEADER_HEIGHT <= y < height:
                regions.append(Region(0, y, self.size.width, 1))
        if regions:
            self.refresh(*regions)

    # ------------------------------------------------------------------ drawing

    def render_line(self, y: int) -> Strip:
        """The header, a line of a stage, the words of an empty table, or nothing."""
        if self._built_for != self._key:
            self._build_all()
        if not self.picture.stages and y >= HEADER_HEIGHT:
            return self._empty_line(y)
        index = y if y < HEADER_HEIGHT else y + self.scroll_offset.y
        if index < len(self._strips):
            return self._strips[index]
        return Strip.blank(self._line_width, self._palette.text)

    @property
    def _key(self) -> tuple[int, int]:
        return (self._line_width, self.lines_each)

    @property
    def _line_width(self) -> int:
        return max(1, self.size.width - int(self.show_vertical_scrollbar))

    @property
    def _palette(self) -> Palette:
        return palette_of(self.app)

    @property
    def _gap(self) -> int:
        return 2 if self.size.width >= WIDE_GAP_FROM else 1

    def _placed(self) -> tuple[Placed, ...]:
        width = self.size.width - 1
        if self._layout_of[0] != width:
            self._layout_of = (width, place(width, STAGE_COLUMNS, self._gap, MARK_WIDTH))
        return self._layout_of[1]

    def _build_all(self) -> None:
        palette, width = self._palette, self._line_width
        lines = [strip_of(self._header(), width, palette.header)]
        for one in self.picture.stages:
            on_cursor = one.stage == self.cursor_stage
            for pieces in self._stage_lines(one)[: self.lines_each]:
                ground = palette.text
                if on_cursor:
                    focused = self.has_focus
                    pieces = [(t, palette.on_cursor(s, focused=focused)) for t, s in pieces]
                    ground = palette.on_cursor(palette.text, focused=focused)
                lines.append(strip_of(pieces, width, ground))
        self._strips, self._built_for = lines, self._key

    def _header(self) -> list[Piece]:
        palette, gap = self._palette, " " * self._gap
        pieces: list[Piece] = [(" " * MARK_WIDTH, palette.header)]
        for column, width in self._placed():
            pieces += text_cell(column.title, width, palette.header, self._glyphs,
                                right=column.right)  # fmt: skip
            pieces.append((gap, palette.header))
        return pieces

    def _stage_lines(self, one: StageSummary) -> list[list[Piece]]:
        palette, glyphs, gap = self._palette, self._glyphs, " " * self._gap
        worst = self.picture.bottleneck
        is_worst = worst is not None and worst.stage == one.stage
        mark = f"{glyphs.fold_closed} " if is_worst else "  "
        first: list[Piece] = [(mark, palette.warning)]
        for column, width in self._placed():
            first += column.draw(one, width, palette, glyphs)
            first.append((gap, palette.text))
        if self.lines_each == 1:
            return [first]
        return [first, self._asked(one), self._used(one)]

    def _asked(self, one: StageSummary) -> list[Piece]:
        palette = self._palette
        if one.is_empty:
            return [("    no jobs", palette.faint)]
        asked = clean(shape_words(one.shape), self._glyphs)
        pieces: list[Piece] = [("    asks ", palette.muted), (asked, palette.text)]
        if one.shape_share is not None and one.shape_share < 0.999:
            pieces.append((f" ({100 * one.shape_share:.0f} % of them)", palette.muted))
        if one.failures:
            pieces += [("   fails: ", palette.muted),
                       (clean(class_words(one), self._glyphs), palette.failed)]  # fmt: skip
        return pieces

    def _used(self, one: StageSummary) -> list[Piece]:
        """Median, 95 % and most of what the runs took."""
        if not one.runs:
            return [("" if one.is_empty else "    no run is over yet", self._palette.muted)]
        palette = self._palette
        runs = "run" if one.runs == 1 else "runs"
        pieces: list[Piece] = [(f"    {one.runs} {runs}, median, 95 %, most: ", palette.muted)]
        for title, words in (
            ("memory ", one.memory and sizes(one.memory)),
            ("   run ", one.elapsed and spans(one.elapsed)),
            ("   wait ", one.wait and spans(one.wait)),
        ):
            pieces += [(title, palette.muted), (words or "-", palette.text)]
        return pieces

    def _empty_line(self, y: int) -> Strip:
        palette = self._palette
        lines = textwrap.wrap(clean(self._empty_text(), self._glyphs), max(20, self.size.width - 8))
        n = y - HEADER_HEIGHT - 1
        text = lines[n] if 0 <= n < len(lines) else ""
        return strip_of([("    " + text, palette.muted)], self._line_width, palette.text)

    def notify_style_update(self) -> None:
        """A new theme: everything is built again."""
        self._built_for = None
        super().notify_style_update()

    def watch_show_vertical_scrollbar(self) -> None:
        """Lines have another width now."""
        self._built_for = None
        self.refresh()

    # ------------------------------------------------------------------ events

    def on_resize(self, event: events.Resize) -> None:
        """Lay the columns out for the new width and keep the cursor in sight."""
        self._built_for = None
        self.repaint_changes()
        self.reveal()
        self.refresh()

    def on_focus(self) -> None:
        """The cursor shows that keys go here."""
        self.repaint_changes()

    def on_blur(self) -> None:
        """Keys go elsewhere."""
        self.repaint_changes()

    def on_click(self, event: events.Click) -> None:
        """A stage: the cursor goes there; twice: open it."""
        line = event.y - HEADER_HEIGHT + self.scroll_offset.y
        if event.y < HEADER_HEIGHT or line >= len(self.picture.stages) * self.lines_each:
            return
        self.move_cursor(line // self.lines_each)
        if event.chain == 2:
            self.post_message(self.Opened())
