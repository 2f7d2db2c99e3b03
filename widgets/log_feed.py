"""Feeds a log view with lines: what threads read, what was appended, which log it is."""

import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, TypeVar

from jobshape.app.domain.log_part import FOUND, UNREADABLE, LogPart
from jobshape.app.logs.cut import Line
from jobshape.app.logs.numbers import Anchor, LineNumbers
from jobshape.app.logs.reader import Change, Known, LogReader, Stretch
from jobshape.app.logs.source import LogSource
from jobshape.widgets.glyphs import Glyphs
from jobshape.widgets.log_drawing import LogDrawing
from jobshape.widgets.log_tasks import (
    SLICE_BYTES,
    Followed,
    Opened,
    count_to,
    follow_on,
    opened,
)
from jobshape.widgets.log_words import LogState
from textual import on
from textual.message import Message

T = TypeVar("T")

PAGES_AHEAD = 2
"""So many pages are at hand on each side before they are needed."""

THREAD_NAME = "log"

NOTICE_S = 60
"""How long it is told that a log was replaced."""

LEAST_ROWS = 100
"""Lines that are read at once, at least."""


class _Done(Message, bubble=False):
    """A thread has what it was asked for."""

    def __init__(self, generation: int, then: Callable[[Any], None], result: Any) -> None:
        super().__init__()
        self.generation, self.then, self.result = generation, then, result


class _Said(Message, bubble=False):
    """How far a thread is."""

    def __init__(self, task: "Task", share: float) -> None:
        super().__init__()
        self.task, self.share = task, share


class Task:
    """A search or a count under way: what it is called, and a way to stop it."""

    def __init__(self, words: str) -> None:
        self.words = words
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Have it stop at the next block."""
        self._stopped.set()

    @property
    def is_stopped(self) -> bool:
        """Whether it was told to."""
        return self._stopped.is_set()


class LogFeed(LogDrawing):
    """The side of a log view that reads. Whatever is slow is done in threads, which post."""

    class FollowChanged(Message, namespace="log_view"):
        """It began to follow, or stopped: by a key, or because someone scrolled."""

        def __init__(self, *, follows: bool) -> None:
            super().__init__()
            self.follows = follows

    def __init__(
        self,
        source: LogSource,
        clock: Callable[[], float],
        glyphs: Glyphs,
        level_of: Callable[[str], str],
        *,
        node_key: str,
        id: str | None,
    ) -> None:
        super().__init__(clock, glyphs, level_of, node_key=node_key, id=id)
        self._generation = 0
        self._search: Task | None = None
        self._count: Task | None = None
        self._hit_line: Line | None = None  # what the last search found
        self._take(source, "", through_node=False)

    @property
    def is_settled(self) -> bool:
        """Whether it has opened its log and no thread is at work for it."""
        is_idle = self._search is None and self._count is None
        return self._known is not None and not self._is_reading and is_idle

    def _take(self, source: LogSource, node: str, *, through_node: bool) -> None:
        self._generation += 1  # what threads still bring belongs to another log
        self.cancel_search()
        self._stop_count()
        self._reader = LogReader(source)
        self._line_numbers = LineNumbers(source)
        self._known: Known | None = None
        self._is_reading = False
        self._next: tuple[Callable[[], Any], Callable[[Any], None]] | None = None
        self._owed = 0  # rows to move once their lines are at hand
        self._polled_at = 0.0
        self._is_lost = False
        self._forget_lines()
        self.rows.replace(Stretch(LogPart(FOUND)))
        self.state = LogState(path=source.path, node=node, through_node=through_node,
                              wraps=self.state.wraps)  # fmt: skip
        if self.is_attached and self.size:
            self._open()

    def _forget_lines(self) -> None:
        self._anchor, self._numbers = None, ()
        self._hit, self._hit_line = None, None

    def _open(self) -> None:
        self._read(partial(opened, self._reader, self._rows_at_once), self._opened)
        self.repaint()

    def _opened(self, result: Opened) -> None:
        self._hear(result.known)
        self._show(result.stretch)
        self.rows.to_bottom()
        self._changed()

    def _set_follows(self, *, follows: bool) -> None:
        if self.state.follows != follows:
            self.state.follows = follows
            self.post_message(self.FollowChanged(follows=follows))

    def _move(self, rows: int) -> None:
        window = self.rows.window
        if self.state.notice_at is None:
            self.state.notice = ""
        left = self.rows.move(rows)
        more = not (window.at_start if left < 0 else window.at_end)
        self._owed = left if more and window.lines else 0
        self._fetch()
        self.repaint()

    def _placed(self, place: Callable[[], None]) -> None:
        place()
        self._fetch()
        self.repaint()

    def cancel_search(self) -> None:
        """Stop a search that is under way."""
        if self._search is not None:
            self._search.stop()
            self._search = None
            self.state.work = ""

    # ------------------------------------------------------------------ growing

    def poll(self) -> None:
        """Look whether the log grew or was replaced, as often as its source bears; ages go on."""
        now = self._clock()
        known = self._known
        due = now - self._polled_at >= self._reader.source.poll_s * 0.9  # a tick may be early
        self._forget_notice(now)
        if known is not None and not self._is_reading and due:
            self._polled_at = now
            window = self.rows.window
            if not window.lines and known.part.size:  # it was being replaced when it was read
                self._read(partial(opened, self._reader, self._rows_at_once), self._opened)
                return
            wanted = not window.lines or (window.at_end and (
                self.state.follows or len(self.rows.visible()) < self.rows.height
            ))  # fmt: skip
            resume_at = window.resume_at if wanted else None
            work = partial(follow_on, self._reader, known, resume_at, self._rows_at_once)
            self._read(work, self._followed)
        self.repaint()

    def _forget_notice(self, now: float) -> None:
        happened = self.state.notice_at
        if happened is not None and not self._is_lost and now - happened > NOTICE_S:
            self.state.notice, self.state.notice_at = "", None

    def _followed(self, result: Followed) -> None:
        state, window, stretch = self.state, self.rows.window, result.stretch
        if result.change is Change.GONE:  # what is known stays: it may come back as it was
            self._lose(result.known.part)
            return
        if self._is_lost:
            self._is_lost, state.notice, state.notice_at = False, "", None
        self._hear(result.known)
        match result.change:
            case Change.NONE:
                self.repaint()
                return
            case Change.REPLACED:
                state.notice, state.notice_at = "was replaced", self._clock()
                self._stop_count()
                self._line_numbers = LineNumbers(self._reader.source)
                self._forget_lines()
            case Change.APPEARED:
                state.notice, state.notice_at = "", None
                self._line_numbers = LineNumbers(self._reader.source)
                self._forget_lines()
            case Change.GREW:
                window.size = result.known.part.size
        if stretch is not None:
            self._take_over(stretch, result.change)
        self._changed()

    def _take_over(self, stretch: Stretch, change: Change) -> None:
        """Add what was appended, or show the end of what is another log."""
        window = self.rows.window
        grew = change is Change.GREW and window.lines
        if grew and stretch.lines and stretch.lines[0].start == window.resume_at:
            self.rows.append(stretch)
        elif not grew or stretch.lines:  # else scrolling has read it already
            self._show(stretch)
            self.rows.to_bottom()
        if self.state.follows:
            self.rows.to_bottom()

    def _lose(self, part: LogPart) -> None:
        """The file is gone or cannot be read any more; what was read of it stays on screen."""
        words = f"unreadable: {part.why}," if part.state == UNREADABLE else "gone"
        if not self._is_lost:
            self._is_lost, self.state.notice_at = True, self._clock()
        self.state.notice = words
        self.state.part, self.state.part_at = part, self._clock()
        self.repaint()

    # ------------------------------------------------------------------ numbers

    def _ask_number(self) -> None:
        """Have the first line at hand counted, where none is known."""
        lines = self.rows.window.lines
        if not self._shows_numbers or self._count is not None or not lines:
            return
        anchor = self._anchor
        if anchor is not None and self.rows.window.index_of(anchor.offset) is not None:
            return
        offset = lines[0].start
        if offset > self._reader.source.count_bytes:
            return
        task = self._count = Task("counting lines")
        work = partial(count_to, self._line_numbers, offset, self._report(task, offset))
        self._run(work, partial(self._counted, task))

    def _counted(self, task: Task, anchor: Anchor | None) -> None:
        if task is not self._count:
            return
        self._stop_count()
        self._anchor = anchor
        if anchor is not None and self.rows.window.index_of(anchor.offset) is None:
            self._ask_number()  # the view went elsewhere meanwhile; most is counted by now
        self.count_lines()
        self.lay_out()
        self.repaint()

    def _stop_count(self) -> None:
        if self._count is not None:
            self._count.stop()
            self._count = None
            self.state.work = "" if self._search is None else self.state.work

    # ------------------------------------------------------------------ reading

    @property
    def _rows_at_once(self) -> int:
        return max(LEAST_ROWS, 3 * self.page_height)

    def _hear(self, known: Known) -> None:
        self._known = known
        self.state.part, self.state.part_at = known.part, self._clock()

    def _show(self, stretch: Stretch) -> None:
        self.rows.replace(stretch)
        self._owed = 0

    def _changed(self) -> None:
        """Other lines are at hand."""
        self._ask_number()
        self.count_lines()
        if self._shows_numbers:
            self.lay_out()
        self._fetch()
        self.repaint()

    def _fetch(self) -> None:
        """Have the lines read that are about to be needed."""
        rows, window = self.rows, self.rows.window
        if self._is_reading or not window.lines:
            return
        near, count = PAGES_AHEAD * self.page_height, self._rows_at_once
        below = len(window.lines) - rows.top
        if not window.at_start and (rows.top < near or self._owed < 0):
            self._read(partial(self._reader.before, window.lines[0].start, count), self._before)
        elif not window.at_end and (below < near + self.page_height or self._owed > 0):
            self._read(partial(self._reader.after, window.resume_at, count), self._after)

    def _before(self, stretch: Stretch) -> None:
        self.rows.prepend(stretch)
        self._go_on(stretch)

    def _after(self, stretch: Stretch) -> None:
        self.rows.append(stretch)
        self._go_on(stretch)

    def _go_on(self, stretch: Stretch) -> None:
        owed, self._owed = self._owed, 0
        if not stretch.lines:  # cut short, or gone: the next poll tells
            self.repaint()
            return
        self._owed = self.rows.move(owed)
        self._changed()

    def _came(self, place: Callable[[], None], stretch: Stretch) -> None:
        if stretch.lines:
            self._show(stretch)
            place()
        self._changed()

    def _read(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Have something read; while another reading is under way the newest waits for it."""
        if self._is_reading:
            self._next = work, then
            return
        self._is_reading = True
        self._run(work, partial(self._has_read, then))

    def _has_read(self, then: Callable[[Any], None], result: Any) -> None:
        self._is_reading = False
        waiting, self._next = self._next, None
        if waiting is not None:
            self._read(*waiting)
        then(result)

    def _run(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Do something in a thread, then something with its result here."""
        generation = self._generation

        def run() -> None:
            try:
                done = _Done(generation, then, work())
            except Exception as error:  # a bug of ours or of a source: told, the app goes on
                done = _Done(generation, self._broke, f"{type(error).__name__}: {error}")
            with suppress(RuntimeError):  # the app has ended
                self.post_message(done)

        # No Textual worker: the app waits for these when it ends, for a dead disk thus for ever.
        context = copy_context()
        threading.Thread(target=context.run, args=(run,), name=THREAD_NAME, daemon=True).start()

    def _broke(self, words: str) -> None:
        self._is_reading, self._next = False, None
        self.cancel_search()
        self._stop_count()
        self._hear(Known(LogPart(UNREADABLE, words)))
        self.repaint()

    def _report(self, task: Task, whole: int) -> Callable[[int], bool]:
        """What a long task calls between blocks, in its thread."""
        said = 0

        def report(done: int) -> bool:
            nonlocal said
            if done - said >= SLICE_BYTES:
                said = done
                with suppress(RuntimeError):
                    self.post_message(_Said(task, done / max(1, whole)))
            return not task.is_stopped

        return report

    # ------------------------------------------------------------------ messages

    @on(_Done)
    def _is_done(self, message: _Done) -> None:
        if message.generation == self._generation:
            message.then(message.result)

    @on(_Said)
    def _is_so_far(self, message: _Said) -> None:
        if message.task in (self._search, self._count):
            self.state.work = f"{message.task.words} {min(99, int(message.share * 100))}%"
            self.repaint()
