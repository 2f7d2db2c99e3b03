"""Reads earlier jobs from accounting into the history, and what jobs used once they have ended."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from jobshape.app.collector.cadence import Cadence
from jobshape.app.collector.feeding import load_history, read_slice
from jobshape.app.collector.history_poll import TROUBLE_WAITS, HistoryPoll, SelfTimed
from jobshape.app.collector.polls import NEVER, QueuePoll
from jobshape.app.collector.reading import BackendWork
from jobshape.app.collector.wire import Frame

FIRST_SLICE_WAITS, TOP_UP_WAITS, TOP_UP_GAP_WAITS = 5.0, 7.5, 30.0
"""Until accounting is first read, is read after a job's end, and is read again at the soonest."""

PAUSE_SHARE = 2.0
"""After a slice of accounting, a pause so many times as long as the slice took."""

SLICE_S, SHORTEST_SLICE_S = 86_400, 3_600
TOP_UP_TRIES = 4


class BackfillPoll(SelfTimed):
    """Reads from accounting what history does not have: at the start, and after jobs ended.

    One slice a call, the newest first, with a pause after each. What was read is marked in the
    history itself, so that the next start goes on where this one was ended.
    """

    name = "earlier jobs"
    deadline_s = 180.0
    asks_site = True

    def __init__(self, history: HistoryPoll, queue: QueuePoll, first_days: float) -> None:
        super().__init__(Cadence(5 * queue.cadence.fastest_s, 600.0))
        self._wait_s = queue.cadence.fastest_s
        self._history, self._queue = history, queue
        self._first_days = first_days
        self._plan, self._planned, self._at_start = True, False, True
        self._longest_s = SLICE_S
        self._done = 0
        self._top_ups = 0  # still to be tried for jobs that ended
        self._available: bool | None = None
        self._began_at = 0.0

    def learn(self, capabilities: Mapping[str, Any]) -> None:
        """Whether the site keeps account of jobs; if so, begin soon."""
        if not self._history.on or self._available is not None:
            return
        feature = capabilities["features"].get("accounting") or {"available": False, "detail": ""}
        self._available = bool(feature["available"])
        if self._available:
            self._history.remark("")
            self.let(time.monotonic() + FIRST_SLICE_WAITS * self._wait_s)
            return
        why = f" ({feature['detail']})" if feature["detail"] else ""
        words = f"no accounting on this site{why}: history holds only what jobshape saw itself"
        self._history.remark(words)
        self._over()

    def begin_anew(self) -> None:
        """The history was lost: read all of accounting again that a first start reads."""
        self._plan = self._at_start = True
        self._done = 0
        if self._available:
            self.let(time.monotonic() + FIRST_SLICE_WAITS * self._wait_s)

    def hear_ended(self) -> None:
        """A job of this user ended: what it used is known to accounting in a moment."""
        if self._available and not self._plan:
            self._top_ups = TOP_UP_TRIES
            self._plan_top_up()

    def _plan_top_up(self) -> None:
        self._plan = True
        now = time.monotonic()
        soonest = self.last_start_at + TOP_UP_GAP_WAITS * self._wait_s
        if self.due_at == NEVER and self.running is None:
            self.let(max(now + TOP_UP_WAITS * self._wait_s, soonest))

    def work(self) -> BackendWork | None:
        """Read the next slice."""
        self.due_at = NEVER
        place = self._history.place
        if place is None or not self._available:
            return None
        self._began_at = time.monotonic()
        plan, self._plan = self._plan, False
        self._planned = plan
        load_history()
        return partial(
            read_slice, place, self._first_days, self._longest_s, plan, self._at_start,
            self._queue.rules.stage_of,
        )  # fmt: skip

    def answered(self, head: dict[str, Any]) -> Iterable[Frame]:
        """On to the next slice, after a pause."""
        now = time.monotonic()
        if head.get("trouble"):
            self._plan = self._plan or self._planned
            if head["began_anew"]:
                self._history.lost_file(head["trouble"])
            self.trouble = head["trouble"]
            self.let(now + TROUBLE_WAITS * self._wait_s)
            self._history.say(trouble=head["trouble"])
            return (self._history.frame(),)
        self._done += head["read"]
        self._history.is_well(head["notice"])
        self._say(head)
        if head["left"]:
            took_s = now - self._began_at
            self.let(now + max(self._wait_s, PAUSE_SHARE * took_s))
        else:
            self._complete(head)
        return (self._history.frame(),)

    def _complete(self, head: Mapping[str, Any]) -> None:
        first, self._at_start = self._at_start, False
        self._done, self._longest_s = 0, SLICE_S
        self._history.say(slices_done=0, slices_total=0, message="")
        if first:
            self._over()
        if self._plan:  # a job ended meanwhile
            self._plan_top_up()
        elif self._top_ups and head.get("untold"):
            self._top_ups -= 1
            self._plan_top_up()

    def _over(self) -> None:
        self._at_start = False
        self._history.sweep()

    def _say(self, head: Mapping[str, Any]) -> None:
        state = self._history.state
        total = self._done + head["left"]
        message = f"reading earlier jobs from accounting: {self._done} of {total} parts"
        self._history.say(
            slices_done=self._done if self._at_start else 0,
            slices_total=total if self._at_start else 0,
            message=message if self._at_start else "",
            jobs=head["jobs"],
            written=state.written + bool(head.get("changed")),
        )

    def failed(self, error: Sequence[str]) -> Iterable[Frame]:
        """Less at a time, and later."""
        self._plan = self._plan or self._planned
        self._longest_s = max(SHORTEST_SLICE_S, self._longest_s // 2)
        self.let(time.monotonic() + self.cadence.interval_s)
        return ()
