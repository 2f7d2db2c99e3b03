"""Feeds the history: gathers what was seen of this user's jobs and has a child write it."""

import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from jobshape.app.board.history_state import HistoryState
from jobshape.app.collector.cadence import Cadence
from jobshape.app.collector.feeding import (
    Batch,
    Place,
    load_history,
    write_batch,
    write_history,
)
from jobshape.app.collector.forked import give_back_memory
from jobshape.app.collector.known import KnownJobs
from jobshape.app.collector.polls import NEVER, Poll, QueuePoll
from jobshape.app.collector.reading import BackendWork
from jobshape.app.collector.wire import Frame, from_body

GATHER_WAITS, GAP_WAITS = 1.5, 5.0
"""Of the fastest cadence: how long to gather before writing, and from one writing to the next."""

TROUBLE_WAITS = 30.0
"""Until it is tried again, where the history cannot be written."""

MOST_JOBS, MOST_SAMPLES = 20_000, 5_000
"""What waits at most where the history cannot be written; the oldest goes first."""

MANY_LINES = 1000
"""From so many on, the memory of lines that were written goes back: 11 MB of 20,000."""

LAST_WORDS_JOBS, LAST_WORDS_BUSY_S = 2_000, 0.2
"""What is still written when the app goes, and how long another jobshape is waited for then."""

NOTICE_S = 600.0
"""How long it is told that a damaged file was set aside."""


class SelfTimed(Poll):
    """A poll that decides its next time itself, by what there is to do."""

    asks_site = False

    def __init__(self, cadence: Cadence) -> None:
        super().__init__(cadence, next_at=NEVER)
        self.due_at = NEVER

    def let(self, at: float) -> None:
        """Begin at this time, if not sooner."""
        self.due_at = min(self.due_at, at)
        if self.running is None:
            self.next_at = self.due_at

    def schedule(self, now: float) -> None:
        """When it is due."""
        self.next_at = self.due_at


class HistoryPoll(SelfTimed):
    """Gathers changed records of this user's jobs and samples, and has them written."""

    name = "history"
    deadline_s = 60.0

    def __init__(self, path: str | None, site: str, queue: QueuePoll) -> None:
        super().__init__(Cadence(queue.cadence.fastest_s, 600.0))
        self._wait_s = queue.cadence.fastest_s
        self._queue = queue
        self.state = HistoryState(path=path or "", site=site if path else "")
        self.user = ""
        self.own: set[int] = set()  # this user's jobs of the queue
        self._rules: Sequence[Mapping[str, str]] | None = None
        self._remark: str | None = None  # to be kept
        self._jobs: dict[tuple[bool, int], str] = {}
        self._own_frames: list[Frame] = []
        self._usage: list[str] = []
        self._lost: dict[int, None] = {}
        self._sweeps = False
        self._counted = False
        self._notice, self._notice_until = "", 0.0
        self.began_anew = False  # the file was damaged, and a new one begun
        self._under_way = Batch()
        self._taken: tuple[tuple[bool, int], ...] = ()  # whose lines are under way

    @property
    def on(self) -> bool:
        """Whether there is a history to feed."""
        return bool(self.state.path)

    @property
    def place(self) -> Place | None:
        """Where to write; None while the site's name is not known, or history is off."""
        return Place(self.state.path, self.state.site) if self.on and self.state.site else None

    # --- what is seen -----------------------------------------------------------------------

    def hear_jobs(self, frame: Frame, *, from_accounting: bool = False) -> bool:
        """Take this user's records of a frame of jobs; gives whether one of them has ended."""
        mine = frame.head.get("mine")
        if not self.on or not mine:
            return False
        lines, ids, ends = from_body(frame.body), frame.head["ids"], frame.head["ends"]
        ended = False
        for at in range(len(ids)) if mine is True else mine:
            key = (from_accounting, ids[at])  # each knows what the other does not
            self._jobs.pop(key, None)  # the newest goes last
            self._jobs[key] = lines[at]
            self.own.add(ids[at])
            ended = ended or bool(ends[at])
        self._gather()
        return ended

    def hear_own(self, frame: Frame) -> None:
        """Take records of this user that the app may have had before; newer ones go first."""
        self._own_frames.append(frame)
        self.own.update(frame.head["ids"])
        self._gather()

    def _unpack_own(self) -> None:
        """Only now: lines that lie among what stays would keep whole arenas from going back."""
        for frame in self._own_frames:
            for job_id, line in zip(frame.head["ids"], from_body(frame.body), strict=True):
                self._jobs.setdefault((False, job_id), line)
        self._own_frames = []

    def hear_usage(self, frame: Frame) -> None:
        """Take samples."""
        if self.on and frame.body:
            self._usage += from_body(frame.body)
            self._gather()

    def hear_lost(self, job_ids: Iterable[int]) -> None:
        """These left the queue, and accounting does not know how they ended."""
        lost = self.own.intersection(job_ids)
        if self.on and lost:
            self.own -= lost
            self._lost.update(dict.fromkeys(lost))
            self._gather()

    def learn(self, capabilities: Mapping[str, Any]) -> None:
        """Where nobody named the site, it goes by its cluster's name."""
        self.user = str(capabilities["user"])
        if self.on and not self.state.site:
            self.state = self.state._replace(site=str(capabilities["cluster"]) or "slurm")
        self._gather()

    def use_rules(self, rules: Sequence[Mapping[str, str]]) -> None:
        """Apply these stage rules to what is kept, if they are others than the last time."""
        self._rules = rules
        self._gather()

    def remark(self, words: str) -> None:
        """What is to be known of this site's jobs, on the screen and in the history itself."""
        self.say(message=words)
        self._remark = words
        self._gather()

    def sweep(self) -> None:
        """All that ended before was read: whatever is not over and not in the queue is lost."""
        if self.on:
            self._sweeps = True
            self._gather()

    def _gather(self) -> None:
        if self.place and self.running is None and self.due_at == NEVER:
            now = time.monotonic()
            soonest = self.last_start_at + GAP_WAITS * self._wait_s
            self.let(max(now + GATHER_WAITS * self._wait_s, soonest))

    @property
    def _waits(self) -> bool:
        some = (
            self._jobs
            or self._own_frames
            or self._usage
            or self._lost
            or self._sweeps
            or self._rules
        )
        return bool(some or self._remark)

    # --- writing ----------------------------------------------------------------------------

    def work(self) -> BackendWork | None:
        """Have it written, if there is anything."""
        self.due_at = NEVER
        place = self.place
        if place is None or not self._waits:
            return None
        load_history()
        self._under_way = self._take()
        return partial(write_history, place, self._under_way, self._queue.rules.stage_of)

    def _take(self) -> Batch:
        self._unpack_own()
        known: KnownJobs = self._queue.known
        batch = Batch(
            tuple(self._jobs.values()),
            tuple(self._usage),
            tuple(self._lost),
            frozenset(known.marks).union(known.missing) if self._sweeps else None,
            self._rules,
            not self._counted,
            self._remark,
        )
        self._taken = tuple(self._jobs)
        self._jobs, self._usage, self._lost = {}, [], {}
        self._sweeps, self._rules, self._remark = False, None, None
        return batch

    def answered(self, head: dict[str, Any]) -> Iterable[Frame]:
        """What was written is done with; what was not waits on."""
        if head.get("trouble"):
            if head["began_anew"]:
                self.lost_file(head["trouble"])
            return self._not_written(head["trouble"])
        many = len(self._taken) > MANY_LINES
        self._under_way, self._taken = Batch(), ()
        if many:
            give_back_memory()
        if head["jobs"] is not None:
            self._counted = True
            self.state = self.state._replace(jobs=head["jobs"])
        elif self.state.jobs is not None:
            self.state = self.state._replace(jobs=self.state.jobs + head["added"])
        self.is_well(head["notice"])
        self.say(written=self.state.written + bool(head["changed"]))
        if self._waits:
            self._gather()
        return (self.frame(),)

    def failed(self, error: Sequence[str]) -> Iterable[Frame]:
        """The child died or took too long."""
        return self._not_written(error[1])

    def _not_written(self, why: str) -> Iterable[Frame]:
        self.trouble = why
        batch, self._under_way = self._under_way, Batch()
        jobs = dict(zip(self._taken, batch.jobs, strict=False))
        jobs.update(self._jobs)
        self._jobs = dict(list(jobs.items())[-MOST_JOBS:])
        self._usage = [*batch.usage, *self._usage][-MOST_SAMPLES:]
        self._lost = {**dict.fromkeys(batch.lost), **self._lost}
        self._sweeps = self._sweeps or batch.in_queue is not None
        self._rules = self._rules if self._rules is not None else batch.rules
        self._remark = self._remark if self._remark is not None else batch.remark
        self.say(trouble=why)
        self.let(time.monotonic() + TROUBLE_WAITS * self._wait_s)
        return (self.frame(),)

    def lost_file(self, notice: str) -> None:
        """A damaged file was set aside, which stays told for a while."""
        self.began_anew = True
        self._notice, self._notice_until = notice, time.monotonic() + NOTICE_S

    def is_well(self, notice: str) -> None:
        """It was written; notice: a damaged file was set aside for that."""
        if notice:
            self.lost_file(notice)
        elif time.monotonic() > self._notice_until:
            self._notice = ""
        self.trouble = self._notice
        self.say(trouble=self._notice)

    def say(self, **words: Any) -> None:
        """Change what is said of the history."""
        self.state = self.state._replace(**words)

    def frame(self) -> Frame:
        """How the history stands."""
        return Frame("history", self.state._asdict())

    def last_words(self) -> None:
        """The app goes: write what waits, in this process, if that is quick."""
        if self.place is None:
            return
        if self._under_way.jobs or self._under_way.usage or self._under_way.lost:
            list(self._not_written(""))
        self._unpack_own()
        if self._waits and len(self._jobs) <= LAST_WORDS_JOBS:
            batch = self._take()._replace(rules=None, in_queue=None, counts=False)
            write_batch(self.place, batch, self._queue.rules.stage_of, LAST_WORDS_BUSY_S)
