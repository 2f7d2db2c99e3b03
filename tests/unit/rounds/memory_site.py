"""A site in memory, and a store that can be killed at any step: the runner without time or jobs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jobshape.app.backends.base import QueueReading, Scope
from jobshape.app.domain.errors import BadRequest, Refused, Unreachable
from jobshape.app.domain.job import NO_JOB, AccountedJob, Job, LogPaths
from jobshape.app.domain.limits import SiteLimits
from jobshape.app.domain.log_part import FOUND, LogPart
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.rounds.campaign import Campaign
from jobshape.app.rounds.campaign_run import CampaignRun, Conditions, new_trials
from jobshape.app.rounds.reading import read_text
from jobshape.app.rounds.runner import Means, Runner
from jobshape.app.rounds.sending import Sender
from jobshape.app.rounds.store import Store
from jobshape.app.scripts.draft import Project

PURGED_S = 300
"""How long the queue remembers a job that ended (MinJobAge)."""

_TASK = re.compile(r"^(?:\d+\)\n)?(?:export [^\n]*\n)*set -- (.*)$", re.MULTILINE)


class Crash(BaseException):
    """The process is killed here. Nothing may catch it."""


@dataclass
class Fuse:
    """Counts steps down to a kill; None: never."""

    left: int | None = None
    burnt: int = 0

    def burn(self) -> None:
        self.burnt += 1
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Crash


class FusedStore(Store):
    """Every transaction may be the last: before it, before it is kept, after it."""

    fuse: Fuse

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._db.in_transaction:
            yield
            return
        self.fuse.burn()
        with super().transaction():
            yield
            self.fuse.burn()
        self.fuse.burn()


@dataclass
class Task:
    """One job at the site, or a task of an array."""

    job: Job
    words: tuple[str, ...]
    is_smoke: bool
    lasts_s: int
    end: str
    key: str
    log: str
    after: tuple[int, ...] = ()  # ids of jobs that have to succeed before


Ends = Callable[[tuple[str, ...], bool, int | None, int], tuple[str, int, str]]
"""words, is it a smoke, its memory, how often it ran before -> Slurm's word, seconds, log."""


def all_well(words: tuple[str, ...], smoke: bool, memory: int | None, before: int) -> Any:
    return "COMPLETED", 30, ""


@dataclass
class MemorySite:
    """Starts each job at once, and ends it as it is told to."""

    ends: Ends = all_well
    fuse: Fuse = field(default_factory=Fuse)
    now: float = 1_000_000.0
    tasks: list[Task] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list)  # next submissions: "", lost, arrived, refused
    accounting_lag_s: int = 0
    next_id: int = 100
    is_strict: bool = True  # see that nothing runs twice at a time, which takes long for many
    log_at: float | None = None  # when logs were last written; None: just now

    def clock(self) -> float:
        return self.now

    def _count(self, name: str) -> None:
        self.calls[name] = self.calls.get(name, 0) + 1

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        for task in self.tasks:
            self._start(task)
            job = task.job
            if job.state == "RUNNING" and job.start_time + task.lasts_s <= self.now:
                end = int(job.start_time + task.lasts_s)
                code = "0:0" if task.end == "COMPLETED" else "1:0"
                task.job = job._replace(state=task.end, end_time=end, exit_code=code)

    def _start(self, task: Task) -> None:
        if task.job.state != "PENDING":
            return
        states = {one.job.state for one in self.tasks
                  if (one.job.array_job_id or one.job.job_id) in task.after}  # fmt: skip
        if states <= {"COMPLETED"}:
            now = int(self.now)
            task.job = task.job._replace(state="RUNNING", start_time=now, node_list="n1", reason="")
        elif states - {"COMPLETED", "RUNNING", "PENDING"}:
            task.job = task.job._replace(reason="DependencyNeverSatisfied")

    # --- the protocol, as much of it as the runner uses ---------------------------------------

    def queue(self, scope: Scope, first: object = None) -> QueueReading:
        self.fuse.burn()
        self._count("queue")
        known = [
            task.job for task in self.tasks
            if task.job.end_time is None or self.now - task.job.end_time < PURGED_S
        ]  # fmt: skip
        self.fuse.burn()
        return QueueReading(known)

    def accounting(
        self, scope: Scope, since: int, until: int | None = None, jobs: Sequence[str] = ()
    ) -> list[AccountedJob]:
        self.fuse.burn()
        self._count("accounting")
        told = []
        for task in self.tasks:
            job = task.job
            if jobs and str(job.array_job_id or job.job_id) not in jobs:
                continue
            if job.end_time is not None and self.now - job.end_time < self.accounting_lag_s:
                job = job._replace(state="RUNNING", end_time=None)
            is_over = job.end_time is not None and job.start_time is not None
            elapsed = job.end_time - job.start_time if is_over else None
            told.append(AccountedJob(job, elapsed, 1.0, 1 << 20, ""))
        return told

    def submit(self, request: SubmitRequest) -> int:
        self.fuse.burn()
        self._count("submit")
        way = self.unclear.pop(0) if self.unclear else ""
        if way == "refused":
            raise Refused("QOSMaxSubmitJobPerUserLimit")
        if way == "lost":
            raise Unreachable("no answer in time")
        number = self._take(request)
        self.fuse.burn()
        if way == "arrived":
            raise Unreachable("no answer in time")
        return number

    def _take(self, request: SubmitRequest) -> int:
        found = [tuple(shlex.split(one)) for one in _TASK.findall(request.script)]
        number = self.next_id
        self.next_id += len(found) + 1
        smoke = "export JOBSHAPE_SMOKE=1" in request.script
        after = tuple(map(int, (request.dependency or "").split(":")[1:]))
        for place, words in enumerate(found):
            same = [t for t in self.tasks if t.words == words and t.is_smoke == smoke
                    and self.is_strict]  # fmt: skip
            before = len(same)
            end, lasts, log = self.ends(words, smoke, request.memory_bytes, before)
            job = NO_JOB._replace(
                job_id=number + place, state="PENDING", reason="None",
                submit_time=int(self.now), name=request.name or "", comment=request.comment or "",
                memory_bytes=request.memory_bytes, nodes=1,
                time_limit_s=request.time_limit_s, partition="main",
                array_job_id=number if request.array else None,
                array_task_id=place if request.array else None,
            )  # fmt: skip
            alive = [one for one in same if one.job.end_time is None]
            assert not alive, f"{words} runs twice at the same time"
            key = (request.comment or "").rpartition("key=")[2]
            self.tasks.append(Task(job, words, smoke, lasts, end, key, log, after))
            self._start(self.tasks[-1])
        return number

    def cancel(self, job: str, *, signal: str | None = None) -> None:
        self.fuse.burn()
        self._count("cancel")
        mine = [t for t in self.tasks if job in (str(t.job.array_job_id), t.job.label)]
        if not mine:
            raise BadRequest(f"Invalid job id {job}")
        for task in mine:
            if task.job.end_time is None:
                task.job = task.job._replace(state="CANCELLED", end_time=int(self.now))
        self.fuse.burn()

    def nodes(self) -> list[Any]:
        return []

    def limits(self) -> SiteLimits:
        return SiteLimits()

    def log_paths(self, job: str) -> LogPaths:
        return LogPaths(f"/nowhere/{job}.log", "", "")

    def read_log(self, path: str, offset: int, size: int, *, on_node_of: str = "") -> LogPart:
        label = path.removeprefix("/nowhere/").removesuffix(".log")
        text = next(t.log for t in self.tasks if label in (t.job.label, str(t.job.job_id))).encode()
        at = max(0, len(text) + offset) if offset < 0 else offset
        return LogPart(FOUND, offset=at, data=text[at : at + size], size=len(text),
                       modified_at=self.now if self.log_at is None else self.log_at)  # fmt: skip


class Played:
    """A campaign with the process that runs it, which may be killed and started again."""

    def __init__(self, folder: Path, manifest: str, site: MemorySite, **conditions: Any) -> None:
        self.folder, self.site = folder, site
        self.path = folder / "rounds.db"
        self.conditions = Conditions(**conditions)
        made = read_text(manifest, folder / "jobshape.yaml").manifest
        with Store.to_write(self.path) as store:
            self.number = store.add_campaign(
                Campaign(0, made.project, "memory", str(folder), str(folder / "jobshape.yaml"),
                         manifest, "active", created_at=int(site.now), baseline=0),
                new_trials(made, {}),
            )  # fmt: skip
        self.store: FusedStore | None = None
        self.runner: Runner | None = None
        self.starts = 0

    def start(self) -> None:
        self.starts += 1
        opened = FusedStore.to_write(self.path)
        assert isinstance(opened, FusedStore)
        opened.fuse = self.site.fuse
        self.store = opened

        def sender(run: CampaignRun) -> Sender:
            return Sender(run, self.site, lambda record: lambda job, error: None, Project)  # type: ignore[arg-type]

        self.runner = Runner(opened, Means(
            self.site, "memory", self.conditions, lambda run, number: [], sender,  # type: ignore[arg-type]
            clock=self.site.clock,
        ))  # fmt: skip

    def turn(self, step_s: float = 10.0) -> bool:
        """One turn; whether the process lived through it."""
        if self.runner is None:
            self.start()
        assert self.runner is not None
        try:
            self.runner.turn()
        except Crash:
            self.kill()
            return False
        finally:
            self.site.pass_time(step_s)
        return True

    def kill(self) -> None:
        if self.store is not None:
            self.store.close()
        self.store = self.runner = None

    def play(self, most: int = 400, step_s: float = 10.0) -> Campaign:
        """Until it ends or asks; how it stands then."""
        for _ in range(most):
            self.turn(step_s)
            found = self.campaign
            if found.state not in ("active", "stopping"):
                return found
        raise AssertionError(f"does not end: {self.campaign.note}, {self.counts()}")

    @contextmanager
    def reading(self) -> Iterator[Store]:
        with Store.to_write(self.path) as store:
            yield store

    @property
    def campaign(self) -> Campaign:
        with self.reading() as store:
            found = store.campaign(self.number)
            assert found is not None
            return found

    def counts(self) -> dict[tuple[str, str], int]:
        with self.reading() as store:
            found: dict[tuple[str, str], int] = {}
            for one in store.counts(self.number):
                found[one.kind, one.state] = found.get((one.kind, one.state), 0) + one.trials
            return found

    def wish(self, what: str) -> None:
        with self.reading() as store:
            store.wish(self.number, what, "", int(self.site.now))
