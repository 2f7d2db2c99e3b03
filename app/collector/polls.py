"""The kinds of readings: what each asks for, how often, and what it makes of the answer."""

import time
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from jobshape.app.backends.base import Scope
from jobshape.app.collector import reading
from jobshape.app.collector.cadence import Cadence, Cost
from jobshape.app.collector.forked import ForkedCall
from jobshape.app.collector.known import KnownJobs
from jobshape.app.collector.ledger import Ledger, Spent
from jobshape.app.collector.reading import BackendWork
from jobshape.app.collector.wire import RECORD, Frame
from jobshape.app.domain.stage_rules import StageRules

NEVER = float("inf")
MISSING_ASKED_AT_ONCE = 500
GUARDED_EVERY_S = 30.0
"""How often usage is asked of jobs that nobody looks at."""


class Poll:
    """One kind of reading; times are monotonic. At most one is under way."""

    name = ""
    deadline_s = 30.0
    asks_site = True  # a failure may be the backend's

    def __init__(self, cadence: Cadence, *, next_at: float = 0.0) -> None:
        self.cadence = cadence
        self.next_at = next_at
        self.last_start_at = -1e9
        self.again_at = NEVER  # asked for while one was under way
        self.running: ForkedCall | None = None
        self.trouble = ""  # why the last one failed
        self.spent: Spent | None = None  # by the last one that worked
        self.size = 0  # jobs in the last one

    def work(self) -> BackendWork | None:
        """What to do now; None if there is nothing to ask."""
        raise NotImplementedError

    def relay(self, frame: Frame) -> Iterable[Frame]:
        """Frames for the app, made of one from the child."""
        return (frame,)

    def answered(self, head: dict[str, Any]) -> Iterable[Frame]:
        """Frames for the app after a reading that worked."""
        return ()

    def failed(self, error: Sequence[str]) -> Iterable[Frame]:
        """Frames for the app after a reading that failed."""
        return ()

    def pass_over(self) -> None:
        """There was nothing to ask: rest until something is."""
        self.next_at = NEVER

    def wake(self, at: float) -> None:
        """Let the next one begin at this time, if it would not sooner."""
        self.cadence.wake()
        if self.running:
            self.again_at = min(self.again_at, at)
        else:
            self.next_at = min(self.next_at, at)

    def price(self, ledger: Ledger) -> None:
        """Let the cadence know what the last one cost, as far as that is known now."""
        if self.spent:
            controller_ms = ledger.controller_ms(self.spent)
            self.cadence.cost = Cost(controller_ms, self.spent.cpu_s, self.size)

    def schedule(self, now: float) -> None:
        """Set the time of the next one after one has ended, or when its price became known."""
        regular = max(self.last_start_at + self.cadence.interval_s, now)
        self.next_at, self.again_at = max(now, min(regular, self.again_at)), NEVER


class QueuePoll(Poll):
    """The queue: changed jobs as they come, then those that are gone."""

    name = "queue"

    def __init__(
        self, cadence: Cadence, scope: Scope, rules: StageRules, known: KnownJobs, now: float
    ) -> None:
        super().__init__(cadence, next_at=now)
        self.scope, self.rules, self.known = scope, rules, known
        self.last: dict[str, Any] = {}
        self.user = ""  # whose records the answer is to mark; "" while that is not known
        self.owes_own = False  # the marks came too late for records that the app has
        self._full = True

    def begin_anew(self, known: KnownJobs) -> Iterable[Frame]:
        """Tell the app that what follows is all there is, up to the frame that says ``last``."""
        self.known = known
        self._full = True
        return (self._frame(first=True),)

    def work(self) -> BackendWork:
        """Read the queue, compare with what the app knows."""
        owes_own, self.owes_own = self.owes_own, False
        return partial(
            reading.read_queue,
            self.scope,
            self.known.marks,
            self.rules.stage_of,
            user=self.user,
            with_own=owes_own,
        )

    def relay(self, frame: Frame) -> Iterable[Frame]:
        """Remember what the app is told."""
        head = frame.head
        if frame.kind != "jobs":
            return ()
        self.known.saw_in_queue(head["ids"], head["marks"], head["ends"])
        return (self._frame(frame.body),)

    def stir(self) -> None:
        """Jobs moved: read as soon as the last reading's price allows."""
        self.cadence.wake()
        if not self.running:
            self.next_at = min(self.next_at, self.last_start_at + self.cadence.interval_s)

    def rest(self) -> None:
        """Nothing moves: the next reading can wait, unless somebody asked for it."""
        is_regular = self.next_at >= self.last_start_at + self.cadence.interval_s
        self.cadence.calm = True
        if not self.running and is_regular:
            self.next_at = self.last_start_at + self.cadence.interval_s

    def answered(self, head: dict[str, Any]) -> Iterable[Frame]:
        """Remember what left; the end of a full reading is told even if it was empty."""
        self.last, self.size = head, head["jobs"]
        self.known.left_queue(head["gone"])
        if self._full:
            yield self._frame(last=True)
            self._full = False

    def _frame(self, body: bytes = b"", *, first: bool = False, last: bool = False) -> Frame:
        return Frame("jobs", {"first": first, "last": last, "gone": []}, body)


class PulsePoll(Poll):
    """Whether jobs moved, felt between two readings of a long queue, which are dear."""

    name = "pulse"
    deadline_s = 10.0

    def __init__(self, queue: QueuePoll, cadence: Cadence) -> None:
        super().__init__(cadence, next_at=NEVER)
        self._queue = queue
        self._last = ""
        self._is_known = True
        self.felt_at = 0.0  # when nothing had moved, seconds since the epoch

    def arm(self, now: float) -> None:
        """After a reading of the queue: feel the pulse from now on, if that one was dear."""
        if self.next_at == NEVER and not self.running and self._is_worth_it():
            self.next_at = now + self.cadence.fastest_s

    def _is_worth_it(self) -> bool:
        queue = self._queue
        return (
            self._is_known
            and queue.scope is not Scope.MINE
            and queue.cadence.is_costly
            and queue.cadence.looking
            and not queue.cadence.failures
            and queue.running is None  # it tells more, and two answers would be held at once
        )

    def work(self) -> BackendWork | None:
        """Feel it, while that is worth it."""
        jobs = self._queue.size
        return partial(reading.read_pulse, jobs) if self._is_worth_it() else None

    def answered(self, head: dict[str, Any]) -> Iterable[Frame]:
        """What moved since the last time is read as soon as its price allows."""
        last, self._last = self._last, head["pulse"]
        if last == self._last:
            self.felt_at = time.time()
            self._queue.rest()
        elif last:
            self.cadence.wake()
            self._queue.stir()
        return ()

    def failed(self, error: Sequence[str]) -> Iterable[Frame]:
        """A site without a pulse is not asked again; what else is wrong the queue is to say."""
        self.trouble = ""
        self._queue.cadence.wake()
        if error[0] == "NotSupported":
            self._is_known = False
        else:
            self._queue.wake(self._queue.last_start_at)
        return ()


class AccountingPoll(Poll):
    """Ended jobs: once at the start for the last hours, then only for jobs that went missing."""

    name = "accounting"
    deadline_s = 180.0

    def __init__(self, queue: QueuePoll, finished_hours: float, most: int, now: float) -> None:
        delay_s = 1.5 * queue.cadence.fastest_s  # slurmdbd hears of an end after the controller
        super().__init__(Cadence(delay_s, 600.0), next_at=now)
        self._queue = queue
        self._finished_s, self._most = finished_hours * 3600, most
        self._asked_hours = False
        self._asked: list[int] = []

    def begin_anew(self, now: float) -> None:
        """Ask for the last hours again."""
        self._asked_hours, self._asked = False, []
        self.next_at = now

    @property
    def oldest_end(self) -> int:
        """Jobs that ended before this time are not shown."""
        return int(time.time() - self._finished_s)

    def work(self) -> BackendWork | None:
        """Ask accounting, if there is anything to ask."""
        self._asked = list(self._queue.known.missing)[:MISSING_ASKED_AT_ONCE]
        scope = self._queue.scope
        jobs: tuple[str, ...] = ()
        if self._asked_hours:
            if not self._asked:
                return None
            jobs = tuple(map(str, self._asked))
        elif scope is Scope.ALL:
            scope = Scope.MINE  # the ended jobs of a whole site are too many to ask for
        return partial(
            reading.read_accounting,
            scope,
            self.oldest_end,
            jobs,
            self._most,
            self._queue.rules.stage_of,
            user=self._queue.user,
        )

    def relay(self, frame: Frame) -> Iterable[Frame]:
        """Pass on what the queue does not know better."""
        news = self._queue.known.saw_in_accounting(frame.head["ids"], frame.head["ends"])
        separator = RECORD.encode()
        lines = [line for line, new in zip(frame.body.split(separator), news, strict=True) if new]
        if lines:
            yield Frame("jobs", {"gone": []}, separator.join(lines))

    def answered(self, head: dict[str, Any]) -> Iterable[Frame]:
        """Missing jobs that accounting does not know are asked for again, then dropped."""
        self._asked_hours = True
        return self._drop(self._queue.known.not_accounted(self._asked))

    def failed(self, error: Sequence[str]) -> Iterable[Frame]:
        """Without accounting nobody knows how a missing job ended."""
        final = error[0] == "NotSupported"
        self._asked_hours = self._asked_hours or final
        return self._drop(self._queue.known.not_accounted(self._asked, final=final))

    def schedule(self, now: float) -> None:
        """Again only if something is missing, or the last hours could not be had."""
        super().schedule(now)
        if self._asked_hours and not self._queue.known.missing:
            self.next_at = NEVER

    def _drop(self, gone: list[int]) -> Iterable[Frame]:
        if gone:
            yield Frame("jobs", {"gone": gone})


class NodesPoll(Poll):
    """The nodes: those that changed."""

    name = "nodes"

    def __init__(self, cadence: Cadence, now: float) -> None:
        super().__init__(cadence, next_at=now)
        self._marks: dict[str, int] = {}

    def work(self) -> BackendWork:
        """Read the nodes, compare with what the app knows."""
        return partial(reading.read_nodes, self._marks)

    def relay(self, frame: Frame) -> Iterable[Frame]:
        """Remember what the app is told."""
        self._marks.update(zip(frame.head["names"], frame.head["marks"], strict=True))
        return (Frame("nodes", {"gone": []}, frame.body),)

    def answered(self, head: dict[str, Any]) -> Iterable[Frame]:
        """Nodes that are gone."""
        for name in head["gone"]:
            self._marks.pop(name, None)
        if head["gone"]:
            yield Frame("nodes", {"gone": head["gone"]})


class PartitionsPoll(Poll):
    """The partitions: all, whenever one changed."""

    name = "partitions"

    def __init__(self, cadence: Cadence, now: float) -> None:
        super().__init__(cadence, next_at=now)
        self._mark = 0

    def work(self) -> BackendWork:
        """Read the partitions."""
        return partial(reading.read_partitions, self._mark)

    def answered(self, head: dict[str, Any]) -> Iterable[Frame]:
        """Remember what the app was told."""
        self._mark = head["mark"]
        return ()


class UsagePoll(Poll):
    """Live usage: of the jobs a person looks at, and seldom of others that alerts are made for.

    Each costs a round trip to each of its nodes.
    """

    name = "usage"
    deadline_s = 60.0

    def __init__(self, cadence: Cadence) -> None:
        super().__init__(cadence, next_at=NEVER)
        self.jobs: tuple[str, ...] = ()
        self.guarded: tuple[str, ...] = ()
        self._guarded_at = -1e9  # when the guarded ones were asked for last

    def work(self) -> BackendWork | None:
        """Ask for the jobs looked at, and for the others if it is time."""
        now = time.monotonic()
        close = self.jobs if self.cadence.looking else ()
        others: tuple[str, ...] = ()
        if self.guarded and now >= self._guarded_at + GUARDED_EVERY_S - 1:
            others = tuple(job for job in self.guarded if job not in close)
            self._guarded_at = now
        return partial(reading.read_usage, close, others) if close or others else None

    def guard(self, jobs: tuple[str, ...], now: float) -> None:
        """Ask for these from now on, too."""
        self.guarded = jobs
        if jobs and not self.running:
            self.next_at = min(self.next_at, max(now, self._guard_due_at))

    def pass_over(self) -> None:
        """Nobody looks at a job any more: the guarded ones stay to be asked for."""
        self.next_at = self._guard_due_at

    def schedule(self, now: float) -> None:
        """The jobs looked at by the cadence, the others by their own."""
        super().schedule(now)
        if not (self.jobs and self.cadence.looking):
            self.next_at = max(self.next_at, self._guard_due_at)

    @property
    def _guard_due_at(self) -> float:
        return self._guarded_at + GUARDED_EVERY_S if self.guarded else NEVER


class CapabilitiesPoll(Poll):
    """What works here: asked once, and again until it is known."""

    name = "capabilities"
    deadline_s = 60.0

    def __init__(self, now: float) -> None:
        super().__init__(Cadence(5.0, 60.0), next_at=now)
        self._known = False

    def work(self) -> BackendWork | None:
        """Ask the site, unless it is known."""
        return None if self._known else reading.read_capabilities

    def answered(self, head: dict[str, Any]) -> Iterable[Frame]:
        """It is known now."""
        self._known = True
        return ()


class CostPoll(Poll):
    """What the controller spends on a call, by its own count; asked more and more seldom."""

    name = "cost"

    def __init__(self, ledger: Ledger, now: float) -> None:
        super().__init__(Cadence(10.0, 900.0), next_at=now)
        self._ledger = ledger

    def work(self) -> BackendWork:
        """Ask the controller."""
        return reading.read_cost

    def relay(self, frame: Frame) -> Iterable[Frame]:
        """Keep it for the ledger."""
        self._ledger.per_call_ms = frame.head
        return ()
