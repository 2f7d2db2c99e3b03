"""The collector: one thread around a selector that never calls the site itself.

Every call runs in a forked child (forked.py). Frames from the app come in on stdin, frames for it
leave on stdout; when stdin ends, so does the collector, with all its children.
"""

import os
import selectors
import signal
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from jobshape.app.backends.base import Scope
from jobshape.app.collector.cadence import Cadence
from jobshape.app.collector.calls import DEADLINE_S, MUTATING
from jobshape.app.collector.forked import Ended, ForkedCall, error_head
from jobshape.app.collector.history_feed import HistoryFeed
from jobshape.app.collector.keeper import BackendKeeper
from jobshape.app.collector.known import KnownJobs
from jobshape.app.collector.ledger import Ledger, Spent
from jobshape.app.collector.outbox import Outbox
from jobshape.app.collector.polls import (
    NEVER,
    AccountingPoll,
    CapabilitiesPoll,
    CostPoll,
    NodesPoll,
    PartitionsPoll,
    Poll,
    PulsePoll,
    QueuePoll,
    UsagePoll,
)
from jobshape.app.collector.reading import BackendWork, do_action, with_backend
from jobshape.app.collector.start import RESTART, Start
from jobshape.app.collector.wire import Frame, FrameReader
from jobshape.app.domain.errors import NotSent
from jobshape.app.domain.stage_rules import StageRules

ACTIONS_AT_ONCE = 4
OUT_BYTES_HIGH = 4 << 20  # with more than this unread by the app, no new reading is begun
FORCED_GAP_S = 1.0  # a key held down asks no oftener than this
AFTER_ACTION_S = 0.3  # until the controller shows what an action did
NICENESS = 10  # of a reading nobody waits for: keys and other people's work go first
FAILURES_BEFORE_RESTART = 6


class Collector:
    """Reads the site and tells the app what changed, until the app goes."""

    def __init__(
        self, start: Start, reader: FrameReader, *, in_fd: int = 0, out_fd: int = 1
    ) -> None:
        now = time.monotonic()
        self._start = start
        self._in_fd, self._out_fd = in_fd, out_fd
        self._in = reader
        self._out = Outbox(out_fd)
        self._selector = selectors.DefaultSelector()
        self._over = False
        self._exit_code = 0
        self._keeper = BackendKeeper(start.backend, start.ssh, start.local, start.gpu)
        self._ledger = Ledger(now, free=start.backend == "local")
        self._rules = StageRules(start.stage_rules)
        self._waiting: deque[tuple[int, str, dict[str, Any], float]] = deque()
        self._actions: dict[ForkedCall, tuple[int, str, list[Any]]] = {}
        known = KnownJobs(most_kept=start.most_finished)
        known.kept.update((int(job_id), int(end)) for job_id, end in start.kept)
        fast, slow = start.fastest_s, start.slowest_s
        self._queue = QueuePoll(
            Cadence(fast, slow, 0.5), Scope(start.scope), self._rules, known, now
        )
        self._nodes = NodesPoll(Cadence(max(10.0, fast), 60.0, 0.15), now)
        self._pulse = PulsePoll(self._queue, Cadence(4 * fast, max(15.0, 4 * fast), 0.3))
        self._usage = UsagePoll(Cadence(max(10.0, fast), 60.0, 0.3, longest_s=30.0))
        self._accounting = AccountingPoll(
            self._queue, start.finished_hours, start.most_finished, now
        )
        self._history = HistoryFeed(start, self._queue, self._accounting)
        self._polls: list[Poll] = [
            self._queue,
            self._pulse,
            self._nodes,
            PartitionsPoll(Cadence(60.0, 300.0, 0.05), now),
            CapabilitiesPoll(now),
            self._accounting,
            self._usage,
            CostPoll(self._ledger, now),
            self._history.writer,
            self._history.backfill,
        ]
        for poll in self._polls:
            poll.cadence.budget_ms = start.controller_ms_per_minute

    # --- the loop ---------------------------------------------------------------------------

    def run(self) -> int:
        """Until stdin ends or a signal says so; gives the exit code."""
        os.set_blocking(self._in_fd, False)
        self._selector.register(self._in_fd, selectors.EVENT_READ, self._read_app)
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGHUP, self._stop)
        self._say_hello()
        self._put(self._queue.begin_anew(self._queue.known))
        self._hear(b"")  # what came with the first frame
        try:
            while not self._over and not self._out.closed:
                self._begin_due()
                self._watch_out()
                for key, _ in self._selector.select(self._patience_s()):
                    key.data()
                self._end_overdue()
        finally:
            for call in self._calls():
                call.kill_group()
        self._history.writer.last_words()
        return self._exit_code

    def _stop(self, *_: object) -> None:
        self._over = True

    def _calls(self) -> list[ForkedCall]:
        return [poll.running for poll in self._polls if poll.running] + list(self._actions)

    def _patience_s(self) -> float:
        """Seconds until something must be done without being asked."""
        due = [call.deadline_at for call in self._calls()]
        if self._out.waiting_bytes < OUT_BYTES_HIGH:
            due += [poll.next_at for poll in self._ready()]
        return max(0.0, min(60.0, min(due, default=NEVER) - time.monotonic()))

    def _ready(self) -> list[Poll]:
        """Polls that may begin when their time comes: before the first answer only the queue's."""
        polls = self._polls if self._keeper.backend else self._polls[:1]
        return [poll for poll in polls if poll.running is None]

    def _begin_due(self) -> None:
        if self._out.waiting_bytes < OUT_BYTES_HIGH:
            now = time.monotonic()
            for poll in self._ready():
                if poll.next_at <= now:
                    self._begin(poll, now)
        while self._keeper.backend and self._waiting and len(self._actions) < ACTIONS_AT_ONCE:
            call_id, method, arguments, until = self._waiting.popleft()
            if time.monotonic() >= until:  # who asked has given up: nothing is done later
                error = error_head(NotSent("too much else was being asked", where=method))
                self._out.put(Frame("result", {"id": call_id, "ok": False, "error": error}))
                continue
            call = self._fork(
                method, partial(do_action, method, arguments), DEADLINE_S.get(method, 10.0)
            )
            self._actions[call] = (call_id, method, [])

    def _end_overdue(self) -> None:
        now = time.monotonic()
        for call in self._calls():
            if call.deadline_at <= now:
                what = f"no answer within {call.deadline_s:.0f} s"
                call.kill(["Unreachable", what, call.name, ""])
                self._ended(call)

    def _watch_out(self) -> None:
        watched = self._out_fd in self._selector.get_map()
        if self._out.waiting_bytes and not watched:
            self._selector.register(self._out_fd, selectors.EVENT_WRITE, self._out.flush)
        elif watched and not self._out.waiting_bytes:
            self._selector.unregister(self._out_fd)

    # --- the app ----------------------------------------------------------------------------

    def _read_app(self) -> None:
        try:
            data = os.read(self._in_fd, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            self._over = True
        self._hear(data)

    def _hear(self, data: bytes) -> None:
        for frame in self._in.feed(data):
            self._heard(frame.kind, frame.head)

    def _heard(self, kind: str, head: dict[str, Any]) -> None:
        match kind:
            case "call":
                until = time.monotonic() + DEADLINE_S.get(head["method"], 10.0)
                self._waiting.append((head["id"], head["method"], head["args"], until))
            case "refresh":
                self._wake(self._queue)
                self._wake(self._nodes)
            case "attention":
                self._attend(bool(head["looking"]), tuple(head["jobs"]))
            case "guard":
                jobs = tuple(head["jobs"])[: self._start.usage_jobs]
                self._usage.guard(jobs, time.monotonic())
            case "scope":
                self._queue.scope = Scope(head["scope"])
                self._begin_anew()
            case "stage_rules":
                self._queue.rules = self._rules = StageRules(head["rules"])
                self._history.writer.use_rules(head["rules"])
                self._say_hello()
                self._begin_anew()

    def _say_hello(self) -> None:
        self._out.put(Frame("hello", {"pid": os.getpid(), "problems": self._rules.problems}))
        if self._history.writer.on:
            self._out.put(self._history.writer.frame())

    def _attend(self, looking: bool, jobs: tuple[str, ...]) -> None:
        came_back = looking and not self._queue.cadence.looking
        for poll in self._polls:
            poll.cadence.looking = looking
        self._usage.jobs = jobs[: self._start.usage_jobs]
        if looking and jobs:
            self._wake(self._usage, gap_s=self._usage.cadence.interval_s)
        if came_back:
            self._queue.cadence.wake()
            self._wake(self._queue, gap_s=self._queue.cadence.interval_s)
        self._report()

    def _wake(self, poll: Poll, delay_s: float = 0.0, gap_s: float = FORCED_GAP_S) -> None:
        """Begin a poll after this delay, but not within gap_s of its last start."""
        poll.wake(max(time.monotonic() + delay_s, poll.last_start_at + gap_s))

    def _begin_anew(self) -> None:
        """Forget what the app was told of jobs and read all of them again."""
        now = time.monotonic()
        for poll in (self._queue, self._accounting):
            if poll.running:
                poll.running.kill_group()
                self._forget(poll.running)
                poll.running = None
            poll.cadence.wake()
        self._put(self._queue.begin_anew(KnownJobs(most_kept=self._start.most_finished)))
        self._queue.next_at = now
        self._accounting.begin_anew(now)

    # --- readings and actions ---------------------------------------------------------------

    def _fork(self, name: str, work: BackendWork, deadline_s: float) -> ForkedCall:
        call = ForkedCall(
            name,
            partial(with_backend, self._keeper.backend, self._keeper.make, work),
            deadline_s,
            subprocesses=self._keeper.runs_commands,
        )
        self._selector.register(call.fd, selectors.EVENT_READ, partial(self._read_call, call))
        return call

    def _begin(self, poll: Poll, now: float) -> None:
        work = poll.work()
        if work is None:
            poll.pass_over()
            return
        poll.last_start_at = now
        poll.running = self._fork(poll.name, work, poll.deadline_s)
        if poll is self._queue:
            self._out.put(Frame("polling", {"at": poll.running.asked_at}))

    def _read_call(self, call: ForkedCall) -> None:
        frames, more = call.read()
        for frame in frames:
            if call in self._actions:
                self._actions[call][2].append(frame.head["value"])
            else:
                poll = self._poll_of(call)
                self._put(self._history.hear(poll, frame))
                self._put(poll.relay(frame))
        if not more:
            self._ended(call)

    def _poll_of(self, call: ForkedCall) -> Poll:
        return next(poll for poll in self._polls if poll.running is call)

    def _put(self, frames: Iterable[Frame]) -> None:
        for frame in frames:
            self._out.put(frame)

    def _forget(self, call: ForkedCall) -> Ended:
        with suppress(KeyError):
            self._selector.unregister(call.fd)
        return call.finish()

    def _ended(self, call: ForkedCall) -> None:
        ended = self._forget(call)
        took_s = ended.head.get("took_s", ended.took_s)
        spent = Spent(
            time.monotonic(),
            ended.head.get("calls", {}),
            max(0.0, took_s - ended.cpu_s),
            ended.cpu_s,
            ended.head.get("records", 0),
            ended.head.get("controller_ms"),
        )
        self._ledger.add(spent)
        self._keeper.learn(ended)
        if call in self._actions:
            self._action_ended(call, ended)
        else:
            self._poll_ended(self._poll_of(call), ended, spent)

    def _action_ended(self, call: ForkedCall, ended: Ended) -> None:
        call_id, method, values = self._actions.pop(call)
        head: dict[str, Any] = {"id": call_id, "ok": ended.error is None}
        if ended.error:
            head["error"] = ended.error
        else:
            head["value"] = values[0]
        self._out.put(Frame("result", head))
        if method in MUTATING:  # a failed one may have done half its work
            self._wake(self._queue, AFTER_ACTION_S)

    def _poll_ended(self, poll: Poll, ended: Ended, spent: Spent) -> None:
        now = time.monotonic()
        poll.running = None
        if ended.error:
            if poll.asks_site and self._keeper.doubts(ended):
                poll.next_at = self._queue.next_at = now
                return
            poll.cadence.failed()
            poll.trouble = ended.error[1]
            self._put(self._history.watch(poll, poll.failed(ended.error)))
        else:
            poll.trouble = ""
            moved = bool(ended.head.get("changed") or ended.head.get("gone"))
            poll.spent = spent
            poll.cadence.answered(moved=moved)
            self._put(self._history.watch(poll, poll.answered(ended.head)))
            poll.price(self._ledger)
        poll.schedule(now)
        if isinstance(poll, CostPoll):
            self._price_again(now)
        if poll is self._queue:
            self._queue_ended(ended, now)
        else:
            self._report()

    def _price_again(self, now: float) -> None:
        """The controller told what its calls cost: what we guessed before may be far off."""
        for poll in self._polls:
            poll.price(self._ledger)
            if not poll.running and poll.next_at < NEVER:
                poll.schedule(now)

    def _queue_ended(self, ended: Ended, now: float) -> None:
        known = self._queue.known
        old = known.too_old(self._accounting.oldest_end)
        if old:
            self._out.put(Frame("jobs", {"gone": old}))
        if known.missing and not self._accounting.running:
            self._accounting.next_at = min(
                self._accounting.next_at, now + self._accounting.cadence.interval_s
            )
        self._pulse.arm(now)
        self._report(ended)
        if ended.error is None:
            if self._keeper.backend is None:
                self._keeper.keep(ended)
                with suppress(OSError):
                    os.nice(NICENESS)  # only now: the first rows were in a hurry
        elif self._keeper.backend is None:
            self._refuse_waiting(ended.error)
        elif self._queue.cadence.failures == FAILURES_BEFORE_RESTART:
            self._exit_code, self._over = RESTART, True

    def _refuse_waiting(self, error: list[str]) -> None:
        """No site, no actions: say so at once instead of letting them wait."""
        while self._waiting:
            call_id, *_ = self._waiting.popleft()
            self._out.put(Frame("result", {"id": call_id, "ok": False, "error": error}))

    def _report(self, ended: Ended | None = None) -> None:
        """The status frame: after each reading, and when the cadence changes."""
        now, clock = time.monotonic(), time.time()
        calls, spent_ms, cpu = self._ledger.rates(now)
        last, known = self._queue.last, self._queue.known
        cadence = self._queue.cadence
        watching = self._pulse if cadence.calm and cadence.is_costly else self._queue
        head: dict[str, Any] = {
            "scope": self._queue.scope.value,
            "cadence_s": watching.cadence.interval_s,
            "unmoved_at": self._pulse.felt_at if cadence.calm else 0.0,
            "next_at": clock + self._queue.next_at - now if not self._queue.running else None,
            "failures": self._queue.cadence.failures,
            "jobs": last.get("jobs"),
            "finished": len(known.kept),
            "unread": last.get("unread", 0),
            "unread_sample": last.get("unread_sample", ""),
            "source": last.get("source", ""),
            "calls_per_minute": calls,
            "controller_ms_per_minute": spent_ms,
            "cpu": cpu,
            "notes": [f"{p.name}: {p.trouble}" for p in self._polls[1:] if p.trouble],
        }
        if ended:
            head["answer"] = {"at": clock, "took_s": ended.took_s, "error": ended.error}
        self._out.put(Frame("status", head))
