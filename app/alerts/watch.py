"""Has alerts looked for while the app runs: when the board changes, and as time goes by.

Beside that it has failed jobs looked into, and looks now and then at the logs of those that run.
All questions go through the collector, one at a time of each kind.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from jobshape.app.alerts.facts import Pace
from jobshape.app.alerts.keeper import SLICE_CHANGES, AlertKeeper
from jobshape.app.alerts.progress import progress_of
from jobshape.app.board.board import Board
from jobshape.app.domain.alert import Alert
from jobshape.app.domain.errors import BackendError, JobshapeError
from jobshape.app.domain.family import family_of
from jobshape.app.domain.finding import UNKNOWN, Finding
from jobshape.app.domain.job import Job, LogPaths
from jobshape.app.domain.log_part import FOUND, LogPart
from jobshape.app.domain.states import Phase, phase_of

Call = Callable[..., Awaitable[Any]]

LOOK_S = 5.0
"""How often alerts are looked for while nothing changes: times go on."""

GAP_S = 1.0
"""Least time between two looks, however often the board changes."""

FAILURE_S = 86400.0
"""Failures older than this are not looked into by themselves."""

MOST_OF_ARRAY = 5
"""Tasks of one array that ended alike and are looked into: the others will have failed likewise."""

AT_ONCE = 8
MOST_AT_START = 30
"""Failed jobs, the newest, that are looked into at the start; older ones when somebody asks."""

MOST_TRIES, RETRY_S = 3, 5.0
"""How often a look into a failure is tried where no answer comes, and the pause after each."""

MOST_UNKEPT = 100
"""Findings that wait for history to know their jobs; the oldest goes first."""

PEEK_S = 5.0
PEEK_AGAIN_S = 60.0
PEEK_BYTES = 8192
PACE_LOOKS = 120
HISTORY_TRIES, MEMORY_S = 30, 10.0
MOST_GUARDED, GUARDED_FOR_S = 20, 60.0
SLICE_S = 0.003


class Memory(Protocol):
    """What is remembered of jobs from one session to the next. All raise a JobshapeError."""

    async def findings(self, job: Job) -> Sequence[Finding]:
        """What an earlier look into its last run gave; nothing where there was none."""
        ...

    async def keep_findings(self, job: Job, findings: Sequence[Finding]) -> None:
        """Keep what a look into it gave."""
        ...

    async def typical_s(self, job: Job) -> float | None:
        """How long jobs like it run; None where nobody knows."""
        ...

    async def acknowledged(self) -> set[str]:
        """Keys of the alerts that are to stay away."""
        ...


class AlertWatch:
    """Runs beside the app. tell: is given alerts that are new, each once."""

    def __init__(
        self, board: Board, keeper: AlertKeeper, call: Call, clock: Callable[[], float],
        tell: Callable[[Sequence[Alert]], None], on_change: Callable[[], None],
        memory: Memory, guard: Callable[[Sequence[str]], None],
        rule_files: Callable[[], Sequence[str]],
    ) -> None:  # fmt: skip
        self._rule_files = rule_files
        self._guard = guard
        self._guarded: set[int] = set()
        self._guarded_at = float("-inf")
        self._memory = memory
        self._typical_s: dict[str, float | None] = {}
        keeper.typical_s = self._typical_of
        self._board = board
        self._keeper = keeper
        self._call = call
        self._clock = clock
        self._tell = tell
        self._on_change = on_change
        self._changed = asyncio.Event()
        self._remembered = False
        self._tasks: list[asyncio.Task[None]] = []
        self._failures = board.watch()
        self._todo: dict[int, Job] = {}
        self._wanted: dict[int, Job] = {}
        self._of_array: dict[tuple[int, str, str], set[int]] = {}  # tasks that are looked into
        self._tries: dict[int, int] = {}  # looks that got no answer
        self._unkept: dict[int, tuple[Job, Sequence[Finding]]] = {}  # history may not know the job
        self._written = -1  # of the history, when these were last tried
        self._paths: dict[int, LogPaths] = {}
        self._peeked_at: dict[int, float] = {}
        self._kinds: dict[int, str] = {}
        self._silent_since: dict[int, float] = {}
        self._looked_at: dict[int, float] = {}
        self._pace: dict[int, Pace] = {}
        keeper.silent_since, keeper.looked_at = self._silent_since, self._looked_at
        keeper.pace = self._pace

    def start(self) -> None:
        """Begin; inside the running loop."""
        for work in (self._look, self._look_into_failures, self._peek):
            task = asyncio.create_task(_lasting(work), name=f"alerts: {work.__name__}")
            self._tasks.append(task)

    def stop(self) -> None:
        """No more of it."""
        for task in self._tasks:
            task.cancel()

    def board_changed(self) -> None:
        """There is something newer on the board."""
        self._changed.set()

    async def _look(self) -> None:
        await self._remember()
        while True:
            if not self._remembered and self._board.history.site:
                await self._remember()
            await asyncio.sleep(GAP_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), LOOK_S)
            self._changed.clear()
            revision, began = self._board.revision, time.monotonic()
            for _ in self._keeper.look():
                if time.monotonic() - began > SLICE_S:
                    await asyncio.sleep(0)
                    began = time.monotonic()
            news = self._keeper.news()
            if self._board.revision != revision:
                self._on_change()
            if news:
                self._tell(news)

    async def _remember(self) -> None:
        """What was acknowledged before stays away; history is known soon after the first answer."""
        for _ in range(HISTORY_TRIES):
            if self._board.history.site or self._board.link.user:
                break  # who I am is told after where the history is: without a site it is off
            await asyncio.sleep(GAP_S)
        self._remembered = bool(self._board.history.site)
        with suppress(JobshapeError, TimeoutError):  # the disk may be dead
            async with asyncio.timeout(MEMORY_S):
                self._keeper.acknowledged |= await self._memory.acknowledged()

    def _typical_of(self, job: Job) -> float | None:
        return self._typical_s.get(family_of(job))

    # --- failures ----------------------------------------------------------------------------

    async def _look_into_failures(self) -> None:
        while not self._board.link.user:
            await asyncio.sleep(0.5)
        await self._note(list(self._board.jobs))
        for old in sorted(self._todo.values(), key=_end_of)[:-MOST_AT_START]:
            del self._todo[old.job_id]
        while True:
            await self._note(list(self._failures.take()))
            if self._unkept and self._written != self._board.history.written:
                await self._keep_findings()
            wanted = self._wanted or self._todo
            if not wanted:
                await asyncio.sleep(0.5)
                continue
            newest = sorted(wanted.values(), key=_end_of)[-AT_ONCE:]
            for job in newest:
                self._wanted.pop(job.job_id, None)
                self._todo.pop(job.job_id, None)
            await self._look_into(newest)

    def want(self, job: Job) -> None:
        """A person looks at this job: look into it next, unless that was done."""
        if job.job_id not in self._board.findings:
            self._wanted[job.job_id] = job

    async def _note(self, job_ids: Sequence[int]) -> None:
        now, user = self._clock(), self._board.link.user
        for at, job_id in enumerate(job_ids):
            if at % SLICE_CHANGES == SLICE_CHANGES - 1:
                await asyncio.sleep(0)
            job = self._board.jobs.get(job_id)
            if job is None or phase_of(job.state) is not Phase.FAILED:
                continue
            if job_id in self._board.findings:
                continue
            if not user or job.user != user or now - (job.end_time or now) > FAILURE_S:
                continue
            if job.array_job_id is not None:
                like = (job.array_job_id, job.state, job.exit_code)
                looked = self._of_array.setdefault(like, set())
                if job_id not in looked and len(looked) >= MOST_OF_ARRAY:
                    continue
                looked.add(job_id)
            self._todo[job_id] = job

    async def _look_into(self, jobs: Sequence[Job]) -> None:
        new = []
        for job in jobs:
            known: Sequence[Finding] = ()
            with suppress(JobshapeError):
                known = await self._memory.findings(job)
            if known and known[0].label != UNKNOWN:  # rules may have been added since
                self._board.set_findings(job.job_id, known)
            else:
                new.append(job)
        if new:
            await self._diagnose(new)
        self._on_change()
        self._changed.set()

    async def _diagnose(self, jobs: Sequence[Job]) -> None:
        try:
            rule_files = self._rule_files()
            healthy = self._keeper.did_well_like(jobs)
            findings = await self._call(
                "diagnose", jobs=jobs, rule_files=rule_files, healthy=healthy
            )
        except BackendError:
            await asyncio.sleep(RETRY_S)
            if len(jobs) > 1:  # one log on a dead disk must not hide what the others say
                for job in jobs:
                    await self._diagnose([job])
                return
            (job,) = jobs
            self._tries[job.job_id] = self._tries.get(job.job_id, 0) + 1
            if self._tries[job.job_id] < MOST_TRIES:
                self._todo[job.job_id] = job
            else:
                self._board.set_findings(job.job_id, ())
            return
        for job, found in zip(jobs, findings, strict=True):
            now = self._board.jobs.get(job.job_id)
            if now is not None and now.state != job.state:
                continue  # it runs again, or another end is known: that is looked into anew
            self._board.set_findings(job.job_id, found)
            self._unkept[job.job_id] = (job, found)
        await self._keep_findings()

    async def _keep_findings(self) -> None:
        """Keep what was found; a job that history does not know yet waits for its next writing."""
        self._written = self._board.history.written
        for job, found in list(self._unkept.values())[-MOST_UNKEPT:]:
            with suppress(JobshapeError):
                await self._memory.keep_findings(job, found)
                self._unkept.pop(job.job_id, None)
        for job_id in list(self._unkept)[:-MOST_UNKEPT]:
            del self._unkept[job_id]

    # --- logs of running jobs ----------------------------------------------------------------

    async def _peek(self) -> None:
        while True:
            await asyncio.sleep(PEEK_S)
            now = self._clock()
            running = {job.job_id: job for job in self._keeper.running}
            for kept in (self._paths, self._peeked_at, self._kinds, self._silent_since,
                         self._looked_at, self._pace):  # fmt: skip
                for job_id in [job_id for job_id in kept if job_id not in running]:
                    del kept[job_id]
            due = [
                job_id for job_id in running
                if now - self._peeked_at.get(job_id, 0.0) >= PEEK_AGAIN_S
            ]  # fmt: skip
            self._guard_some(running, now)
            await self._learn_typical(running.values())
            if due:
                oldest = min(due, key=lambda job_id: self._peeked_at.get(job_id, 0.0))
                self._peeked_at[oldest] = now
                await self._peek_at(running[oldest])

    def _guard_some(self, running: Mapping[int, Job], now: float) -> None:
        """Have usage asked of jobs that run, so many at a time, others each minute."""
        if not running and not self._guarded:
            return
        known = self._guarded & running.keys()
        is_full = len(known) >= min(MOST_GUARDED, len(running))
        if is_full and now < self._guarded_at + GUARDED_FOR_S:
            return
        usage = self._board.usage
        oldest = sorted(running, key=lambda job_id: usage[job_id].at if job_id in usage else 0)
        self._guarded, self._guarded_at = set(oldest[:MOST_GUARDED]), now
        self._guard(sorted(str(job_id) for job_id in self._guarded))

    async def _learn_typical(self, jobs: Iterable[Job]) -> None:
        """Ask history how long jobs like these run, one family a turn."""
        if not self._board.history.site:
            return  # nobody could answer yet
        for job in jobs:
            family = family_of(job)
            if family not in self._typical_s:
                self._typical_s[family] = None
                with suppress(JobshapeError):
                    self._typical_s[family] = await self._memory.typical_s(job)
                return

    async def _peek_at(self, job: Job) -> None:
        """Remember when its log last grew, and what it says of its progress."""
        try:
            paths = self._paths.get(job.job_id)
            if paths is None:
                paths = self._paths[job.job_id] = await self._call("log_paths", job=job.label)
            parts = [
                await self._call("read_log", path=path, offset=-PEEK_BYTES, size=PEEK_BYTES)
                for path in dict.fromkeys((paths.stdout, paths.stderr))
                if path and path != "/dev/null"
            ]
        except BackendError:
            return
        self._learn(job, [part for part in parts if part.state == FOUND])

    def _learn(self, job: Job, parts: Sequence[LogPart]) -> None:
        grew = [part.modified_at for part in parts if part.modified_at is not None]
        if grew:
            self._silent_since[job.job_id] = max(*grew, float(job.start_time or 0))
            self._looked_at[job.job_id] = self._clock()
        else:
            self._silent_since.pop(job.job_id, None)
        for part in parts:
            progress = progress_of(part.data.decode("utf-8", "replace"))
            if progress is None:
                continue
            if self._kinds.get(job.job_id) != progress.kind:
                self._kinds[job.job_id] = progress.kind
                self._pace[job.job_id] = Pace()
            seen = (*self._pace[job.job_id].seen, (self._clock(), progress.share))
            self._pace[job.job_id] = Pace(seen[-PACE_LOOKS:])
            return


async def _lasting(work: Callable[[], Awaitable[None]]) -> None:
    """Begin anew after a mistake of our own: without alerts nobody would miss them."""
    while True:
        try:
            await work()
        except Exception:
            logging.getLogger(__name__).exception("looking for alerts begins anew")
        await asyncio.sleep(LOOK_S)


def _end_of(job: Job) -> int:
    return job.end_time or 0
