"""The view of one log: its end at once, any other place when asked for, whatever its size.

What is read is read in threads; the view holds the lines around what is on screen and draws only
those. Where it stands is a place in the file, not a line number: nobody has counted its lines.
"""

from collections.abc import Callable
from functools import partial

from jobshape.app.logs.cut import Line
from jobshape.app.logs.matching import ErrorMatcher, Matcher, TextMatcher
from jobshape.app.logs.reader import Stretch
from jobshape.app.logs.source import LogSource
from jobshape.app.logs.telling import PLAIN_WORDS, Telling
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.log_feed import LogFeed, Task
from jobshape.widgets.log_tasks import Outcome, seek
from jobshape.widgets.log_words import size_words
from textual import events
from textual.message import Message

WHEEL_ROWS = 3


class LogView(LogFeed, can_focus=True):
    """Shows a log and follows it. The screen owns the keys and calls the methods below.

    Once a second, or so, it calls :meth:`poll`. Nothing here waits for a disk or a network.
    on_node: reads the same path on ``node``, where the job runs; asked only by
    :meth:`read_on_node`, whose key is ``node_key``.
    """

    class SearchEnded(Message):
        """A search is over."""

        def __init__(self, *, found: bool) -> None:
            super().__init__()
            self.found = found

    def __init__(
        self,
        source: LogSource,
        clock: Callable[[], float],
        glyphs: Glyphs,
        *,
        telling: Telling = PLAIN_WORDS,
        on_node: LogSource | None = None,
        node: str = "",
        node_key: str = "o",
        id: str | None = None,
    ) -> None:
        super().__init__(source, clock, glyphs, telling.level_of, node_key=node_key, id=id)
        self._telling = telling
        self._matcher: Matcher | None = None
        self.show_source(source, on_node=on_node, node=node)

    # ------------------------------------------------------------------ which log

    def show_source(
        self, source: LogSource, *, on_node: LogSource | None = None, node: str = ""
    ) -> None:
        """Show another log: stdout or stderr, that of another job."""
        self._on_node = on_node
        self._take(source, node if on_node else "", through_node=False)

    def read_on_node(self) -> None:
        """Read the log on the node that writes it, where that was made possible."""
        if self._on_node is not None and not self.state.through_node:
            self._take(self._on_node, self.state.node, through_node=True)

    @property
    def can_read_on_node(self) -> bool:
        """Whether :meth:`read_on_node` would do something."""
        return self._on_node is not None and not self.state.through_node

    # ------------------------------------------------------------------ moving

    def move_rows(self, rows: int) -> None:
        """Scroll down, or up for a negative number."""
        if rows < 0:
            self._set_follows(follows=False)
        self._move(rows)

    def move_pages(self, pages: int) -> None:
        """Scroll by pages; one row stays in sight."""
        self.move_rows(pages * max(1, self.page_height - 1))

    def move_to_top(self) -> None:
        """The beginning of the file."""
        self._set_follows(follows=False)
        self._owed = 0
        if self.rows.window.at_start:
            self._placed(self.rows.to_top)
        else:
            work = partial(self._reader.after, 0, self._rows_at_once)
            self._read(work, partial(self._came, self.rows.to_top))

    def move_to_bottom(self) -> None:
        """The end of the file."""
        self._owed = 0
        if self.rows.window.at_end:
            self._placed(self.rows.to_bottom)
        else:
            work = partial(self._reader.tail, self._rows_at_once)
            self._read(work, partial(self._came, self.rows.to_bottom))

    def move_to_share(self, share: float) -> None:
        """A place in the file: 0 is its beginning, 1 its end."""
        self._set_follows(follows=False)
        self._owed = 0
        offset = int(self.rows.window.size * max(0.0, min(1.0, share)))
        rows = self._rows_at_once
        work = partial(self._reader.around, offset, rows, rows)
        self._read(work, partial(self._came, partial(self._to_offset, offset, 0)))

    def move_sideways(self, columns: int) -> None:
        """Show lines from a later column on, or an earlier one; wrapped lines have none."""
        if self.state.wraps:
            return
        longest = max((len(at.line.text) for at in self.rows.visible()), default=0)
        most = max(0, longest - 1)
        self.state.column = max(0, min(self.state.column + columns, max(most, self.state.column)))
        self.repaint()

    def toggle_wrap(self) -> None:
        """Long lines over several rows, or cut at the edge."""
        self.state.wraps, self.state.column = not self.state.wraps, 0
        self.rows.skip = 0
        self.lay_out()
        self._placed(self.rows.to_bottom if self.state.follows else self.rows.settle)

    def toggle_numbers(self) -> None:
        """Show or hide line numbers; to know them, what is before must be counted once."""
        self._shows_numbers = not self._shows_numbers
        if self._shows_numbers:
            self._ask_number()
        else:
            self._stop_count()
        self.count_lines()
        self.lay_out()
        self.repaint()

    def follow(self, follows: bool = True) -> None:
        """Stay at the end while the log grows, or stay here."""
        self._set_follows(follows=follows)
        if follows:
            self.move_to_bottom()
            self._polled_at = 0.0
            self.poll()
        else:
            self.repaint()

    def _to_offset(self, offset: int, above: int) -> None:
        index = self.rows.window.index_of(offset)
        if index is None:
            self.rows.to_bottom()
        else:
            self.rows.to_line(index, above)

    # ------------------------------------------------------------------ searching

    def search(self, text: str, backward: bool = False) -> None:
        """Go to the next line with this text from the top of the screen on, and mark all in sight.

        Lower case finds any case. No text: nothing is marked any more.
        """
        self.cancel_search()
        matcher = TextMatcher(text) if text else None
        self._matcher = self._marked = matcher
        self._hit, self._hit_line = None, None
        self.repaint()
        if matcher is not None:
            self.next_hit(backward)

    def next_hit(self, backward: bool = False) -> None:
        """The next match of the last search, or of the search for errors; round at the end."""
        visible = self.rows.visible()
        if self._matcher is None or not visible:
            return
        hit = self._hit_line
        start = visible[0].line.start
        if hit is not None:
            start = hit.start if backward else hit.end
        self._seek(self._matcher, start, backward=backward, goes_round=True)

    def first_error(self) -> None:
        """Go to the first line that tells of an error; :meth:`next_hit` goes on from there."""
        self._matcher, self._marked = ErrorMatcher(self._telling), None
        self._seek(self._matcher, 0, backward=False, goes_round=False)

    def _seek(self, matcher: Matcher, start: int, *, backward: bool, goes_round: bool) -> None:
        self.cancel_search()
        named = f"“{matcher.text}”" if isinstance(matcher, TextMatcher) else "an error"
        task = self._search = Task(f"searching for {named}")
        self.state.work, self.state.notice = task.words, ""
        size = self.rows.window.size
        rows = self._rows_at_once
        work = partial(seek, self._reader, matcher, start, size, rows, self._report(task, size),
                       backward=backward, goes_round=goes_round)  # fmt: skip
        self._run(work, partial(self._sought, task, named))
        self.repaint()

    def _sought(self, task: Task, named: str, outcome: Outcome) -> None:
        if task is not self._search:  # stopped, or another one was begun
            return
        self._search = None
        state, line = self.state, outcome.searched.line
        state.work, state.notice_at = "", None
        if line is None:
            state.notice = f"{named} not found in {size_words(outcome.searched.searched_bytes)}"
        else:
            end = "end" if outcome.backward else "top"
            state.notice = f"went on from the {end}" if outcome.went_round else ""
            self._hit, self._hit_line = line.start, line
            self._set_follows(follows=False)
            self._bring(line, outcome.stretch)
        self.post_message(self.SearchEnded(found=line is not None))
        self._changed()

    def _bring(self, line: Line, stretch: Stretch | None) -> None:
        """Have a line on screen; stretch: the lines around it, should it not be at hand."""
        index = self.rows.window.index_of(line.start)
        if index is None and stretch is not None:
            self._show(stretch)
            index = self.rows.window.index_of(line.start)
        if index is not None and not self.rows.shows(index):
            self.rows.to_line(index, self.rows.height // 3)
        if self._marked is not None and not self.state.wraps:
            start, end = next(iter(self._marked.spans(line.text, 1)), (0, 0))
            column, width = self.state.column, self.rows.width - 1
            if start < column or end > column + width:
                self.state.column = 0 if end <= width else max(0, start - width // 3)

    # ------------------------------------------------------------------ events

    def on_resize(self) -> None:
        """Lay out for the new size; at the first one, open the log."""
        self.lay_out()
        self._strips = []
        if self._known is None and not self._is_reading:
            self._open()
        elif self.state.follows:
            self.rows.to_bottom()
        self._fetch()
        self.refresh()

    def on_unmount(self) -> None:
        """Nobody waits for what threads still bring."""
        self._generation += 1
        self.cancel_search()
        self._stop_count()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel."""
        self.move_rows(WHEEL_ROWS)
        event.stop()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel."""
        self.move_rows(-WHEEL_ROWS)
        event.stop()

    def on_click(self, event: events.Click) -> None:
        """On the bar: go there."""
        if event.x >= self.size.width - 1 and event.y < self.page_height:
            self.move_to_share(event.y / self.page_height)
