"""The app's side of the collector: frames in, changes to the board; actions out, results back.

Runs in the app's asyncio loop and never holds it much longer than SLICE_S.
"""

import asyncio
import gc
import itertools
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from jobshape.app.board.board import Board
from jobshape.app.board.history_state import HistoryState
from jobshape.app.collector.calls import DEADLINE_S, MUTATING, typed_error, typed_result
from jobshape.app.collector.linking import LinkState
from jobshape.app.collector.outbox import Outbox
from jobshape.app.collector.plain import to_plain
from jobshape.app.collector.spawn import CollectorProcess, death_of
from jobshape.app.collector.start import RESTART
from jobshape.app.collector.wire import (
    JOB_CODEC,
    NODE_CODEC,
    PARTITION_CODEC,
    USAGE_CODEC,
    Frame,
    FrameReader,
    from_body,
)
from jobshape.app.domain.errors import BackendError, NotSent, NotSupported, Unreachable
from jobshape.app.domain.states import is_finished

SLICE_S = 0.004
SLICE_RECORDS = 50
READ_BYTES = 1 << 18
INBOX_BYTES_HIGH = 8 << 20  # with more than this not yet applied, nothing more is read
TICK_S = 1.0
RESPAWN_FIRST_S, RESPAWN_LONGEST_S = 1.0, 30.0
LIVED_WELL_S = 60.0  # a collector that ends after this begins the backoff anew
CALL_GRACE_S = 5.0  # beyond the deadline that the collector itself keeps
MANY_RECORDS = 500  # new ones that the garbage collector is not to walk again and again
LOG_LINES = 50


class CollectorClient:
    """Keeps a board up to date from a collector, which it starts again if it ends.

    on_change is called after each slice that changed the board; it must be quick.
    """

    def __init__(
        self, process: CollectorProcess, board: Board, on_change: Callable[[], None]
    ) -> None:
        self._process = process
        self._board = board
        self._on_change = on_change
        self._start = process.start
        self._state = LinkState(self._start.scope, local=self._start.local)
        self._inbox: deque[Frame] = deque()
        self._inbox_bytes = 0
        self._arrived = asyncio.Event()
        self._out: Outbox | None = None
        self._calls: dict[int, tuple[str, asyncio.Future[Any]]] = {}
        self._ids = itertools.count(1)
        self._attention: tuple[bool, tuple[str, ...]] = (True, ())
        self._guarded: tuple[str, ...] = ()
        self._seen: set[int] | None = None  # jobs of the full reading under way
        self._kept: frozenset[int] = frozenset()
        self._task: asyncio.Task[None] | None = None
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self.problems: tuple[str, ...] = ()  # of the stage rules
        self.longest_slice_s = 0.0

    # --- for the app ------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to read; call it inside the running loop."""
        self._out = Outbox(self._process.in_fd)
        self._task = asyncio.create_task(self._run(), name="collector client")

    async def close(self, patience_s: float = 0.5) -> None:
        """End the collector; takes patience_s at the longest."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._fail_calls()
        self._process.close()
        for _ in range(int(patience_s / 0.01)):
            if self._process.exit_code() is not None:
                return
            await asyncio.sleep(0.01)
        self._process.end(0)

    async def call(self, method: str, **arguments: Any) -> Any:
        """Do an action of the backend (calls.py lists them), with its own arguments.

        Raises the BackendError that it raised, or Unreachable if the collector gave no answer.
        """
        if method not in DEADLINE_S:
            raise NotSupported(f"no action {method!r}", where="collector")
        if self._out is None or self._out.closed:
            raise NotSent("the collector is not running", hint=self._state.link.message)
        call_id = next(self._ids)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._calls[call_id] = (method, future)
        self._send("call", id=call_id, method=method, args=to_plain(arguments))
        try:
            async with asyncio.timeout(DEADLINE_S[method] + CALL_GRACE_S):
                return await future
        except TimeoutError as error:
            raise _no_answer(method, "the collector gave no answer in time") from error
        finally:
            self._calls.pop(call_id, None)

    def refresh(self) -> None:
        """Read the queue and the nodes as soon as is decent."""
        self._send("refresh")

    def set_scope(self, scope: str) -> None:
        """Show other jobs: ``mine``, ``accounts`` or ``all``."""
        if scope != self._start.scope:
            self._start = self._start._replace(scope=scope)
            self._kept = frozenset()
            self._state.rescoped(scope)
            self._send("scope", scope=scope)
            self._show_link()

    def set_attention(self, looking: bool, jobs: Sequence[str] = ()) -> None:
        """Whether someone looks at the screen, and which running jobs' usage they look at."""
        attention = (looking, tuple(jobs))
        if attention != self._attention:
            self._attention = attention
            self._send("attention", looking=looking, jobs=attention[1])

    def set_guarded(self, jobs: Sequence[str]) -> None:
        """Running jobs whose usage is wanted now and then, though nobody looks at them."""
        if tuple(jobs) != self._guarded:
            self._guarded = tuple(jobs)
            self._send("guard", jobs=self._guarded)

    def set_stage_rules(self, rules: Sequence[Mapping[str, str]]) -> None:
        """Other rules for the stage of a job; all jobs are read again."""
        if list(rules) != list(self._start.stage_rules):
            self._start = self._start._replace(stage_rules=tuple(rules))
            self._send("stage_rules", rules=rules)

    @property
    def log(self) -> tuple[str, ...]:
        """The last lines that the collector, or a library in it, wrote to its stderr."""
        return tuple(self._log)

    # --- the collector's life ---------------------------------------------------------------

    async def _run(self) -> None:
        delay_s = RESPAWN_FIRST_S
        while True:
            born_at = time.monotonic()
            try:
                await self._serve()
            finally:
                self._out = None
            exit_code = await self._reaped()
            self._fail_calls()
            if exit_code != RESTART:
                if time.monotonic() - born_at > LIVED_WELL_S:
                    delay_s = RESPAWN_FIRST_S
                last_words = self._log[-1] if self._log else ""
                self._state.died(death_of(exit_code), last_words, delay_s, time.time())
                self._show_link()
                await asyncio.sleep(delay_s)
                delay_s = min(RESPAWN_LONGEST_S, delay_s * 2)
            self._respawn()

    def _respawn(self) -> None:
        ended = {
            job.job_id: job.end_time or int(time.time())
            for job in self._board.jobs.values()
            if is_finished(job.state)
        }
        self._kept = frozenset(ended)
        self._seen = None
        self._inbox.clear()
        self._inbox_bytes = 0
        self._process = CollectorProcess(self._start._replace(kept=tuple(ended.items())))
        self._out = Outbox(self._process.in_fd)
        looking, jobs = self._attention
        self._send("attention", looking=looking, jobs=jobs)
        self._send("guard", jobs=self._guarded)
        self._state.restarted(time.time())
        self._show_link()

    async def _reaped(self) -> int:
        for _ in range(100):  # its pipe is closed: it is ending
            exit_code = self._process.exit_code()
            if exit_code is not None:
                break
            await asyncio.sleep(0.01)
        return self._process.end(0)

    def _fail_calls(self) -> None:
        for method, future in self._calls.values():
            if not future.done():
                future.set_exception(_no_answer(method, "the collector ended before it answered"))

    # --- frames -----------------------------------------------------------------------------

    async def _serve(self) -> None:
        """Apply frames until the pipe ends."""
        loop = asyncio.get_running_loop()
        reader, process = FrameReader(), self._process
        ended = False

        def readable() -> None:
            nonlocal ended
            try:
                data = os.read(process.out_fd, READ_BYTES)
                frames = list(reader.feed(data))
            except BlockingIOError:
                return
            except ValueError as error:  # something in there prints: no use to go on
                self._log.append(str(error))
                data, frames = b"", []
            self._inbox.extend(frames)
            self._inbox_bytes += sum(len(frame.body) for frame in frames)
            ended = not data
            if ended or self._inbox_bytes > INBOX_BYTES_HIGH:
                loop.remove_reader(process.out_fd)
            self._arrived.set()

        os.set_blocking(process.out_fd, False)
        os.set_blocking(process.err_fd, False)
        loop.add_reader(process.out_fd, readable)
        loop.add_reader(process.err_fd, self._read_stderr, process.err_fd)
        try:
            while not ended or self._inbox:
                await self._tick_until_arrived()
                while self._inbox:
                    frame = self._inbox.popleft()
                    full = self._inbox_bytes > INBOX_BYTES_HIGH
                    self._inbox_bytes -= len(frame.body)
                    await self._apply(frame)
                    if full and self._inbox_bytes <= INBOX_BYTES_HIGH and not ended:
                        loop.add_reader(process.out_fd, readable)
        finally:
            self._read_stderr(process.err_fd)
            loop.remove_reader(process.out_fd)
            loop.remove_reader(process.err_fd)
            loop.remove_writer(process.in_fd)

    async def _tick_until_arrived(self) -> None:
        """Wait for frames; meanwhile keep the link's words true, if they change with time."""
        while not self._inbox and not self._arrived.is_set():
            link = self._state.link
            quiet = link.phase == "live" and link.asked_at is None
            with suppress(TimeoutError):
                async with asyncio.timeout(None if quiet else TICK_S):
                    await self._arrived.wait()
            self._state.tick(time.time())
            self._show_link()
        self._arrived.clear()

    def _read_stderr(self, fd: int) -> None:
        with suppress(BlockingIOError):
            data = os.read(fd, 1 << 16)
            if not data:
                asyncio.get_running_loop().remove_reader(fd)
            text = data.decode("utf-8", "replace")
            lines = (
                " ".join("".join(filter(_printable, line)).split()) for line in text.split("\n")
            )
            self._log.extend(line[:300] for line in lines if line)

    async def _apply(self, frame: Frame) -> None:
        now = time.time()
        match frame.kind:
            case "jobs":
                await self._apply_jobs(frame)
            case "nodes":
                await self._apply_nodes(frame)
            case "partitions":
                self._board.set_partitions(map(PARTITION_CODEC.decode, from_body(frame.body)))
            case "usage":
                self._board.set_usage(map(USAGE_CODEC.decode, from_body(frame.body)))
            case "polling":
                self._state.polling(frame.head["at"], now)
                self._show_link()
                return
            case "status":
                if frame.head["scope"] == self._start.scope:
                    self._state.reported(frame.head, now)
            case "capabilities":
                self._state.capable(frame.head)
            case "history":
                self._board.set_history(HistoryState(**frame.head))
            case "result":
                self._answer(frame.head)
                return
            case "hello":
                self.problems = tuple(frame.head["problems"])
                return
        self._show_link()
        self._on_change()

    async def _apply_jobs(self, frame: Frame) -> None:
        if frame.head.get("first"):
            self._seen = set()
        all_lines = from_body(frame.body)
        async for lines in _paced(all_lines, self._on_slice):
            jobs = [JOB_CODEC.decode(line) for line in lines]
            self._board.change_jobs(jobs)
            if self._seen is not None:
                self._seen.update(job.job_id for job in jobs)
        if len(all_lines) >= MANY_RECORDS:
            if gc.isenabled():  # not while starting: everything is young then
                gc.collect(0)  # what is garbage by now must not be kept for good
            gc.freeze()  # else a full collection walks all of them: 40 ms for 100,000
        gone = frame.head["gone"]
        if frame.head.get("last") and self._seen is not None:
            gone = [i for i in self._board.jobs if i not in self._seen and i not in self._kept]
            self._seen = None
        for start in range(0, len(gone), SLICE_RECORDS * 10):
            self._board.change_jobs((), gone[start : start + SLICE_RECORDS * 10])
            await asyncio.sleep(0)

    async def _apply_nodes(self, frame: Frame) -> None:
        async for lines in _paced(from_body(frame.body), self._on_slice):
            self._board.set_nodes([NODE_CODEC.decode(line) for line in lines])
        if frame.head["gone"]:
            self._board.set_nodes((), frame.head["gone"])

    def _on_slice(self, took_s: float) -> None:
        self.longest_slice_s = max(self.longest_slice_s, took_s)
        self._on_change()

    def _answer(self, head: dict[str, Any]) -> None:
        method, future = self._calls.get(head["id"], ("", None))
        if future is None or future.done():
            return
        if not head["ok"]:
            future.set_exception(typed_error(head["error"]))
            return
        try:
            future.set_result(typed_result(method, head["value"]))
        except (KeyError, TypeError, ValueError) as error:
            future.set_exception(BackendError(f"garbled result of {method}: {error}"))

    def _show_link(self) -> None:
        if self._board.link != self._state.link:
            self._board.set_link(self._state.link)
            self._on_change()

    def _send(self, kind: str, **head: Any) -> None:
        """A frame for the collector; one that is not running hears it when it starts."""
        if self._out is None:
            return
        self._out.put(Frame(kind, head))
        if self._out.waiting_bytes:
            asyncio.get_running_loop().add_writer(self._process.in_fd, self._flush)

    def _flush(self) -> None:
        if self._out is not None:
            self._out.flush()
        if self._out is None or not self._out.waiting_bytes:
            asyncio.get_running_loop().remove_writer(self._process.in_fd)


async def _paced(
    lines: Sequence[str], on_slice: Callable[[float], None]
) -> AsyncIterator[Sequence[str]]:
    """Lines in small batches, letting others have the loop as often as SLICE_S says."""
    began = time.perf_counter()
    for start in range(0, len(lines), SLICE_RECORDS):
        yield lines[start : start + SLICE_RECORDS]
        took_s = time.perf_counter() - began
        if took_s >= SLICE_S:
            on_slice(took_s)
            await asyncio.sleep(0)
            began = time.perf_counter()


def _printable(char: str) -> bool:
    return char.isprintable() or char.isspace()


def _no_answer(method: str, what: str) -> Unreachable:
    hint = "see in the queue whether it was done before you try again" if method in MUTATING else ""
    return Unreachable(what, where=method, hint=hint)
