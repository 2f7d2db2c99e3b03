"""The site read once, for commands without a screen: in a child with a deadline, never stuck.

What was read before something went wrong is kept, beside what went wrong.
"""

import selectors
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from jobshape.app.backends.base import Backend, Capabilities, Scope
from jobshape.app.collector.calls import typed_error
from jobshape.app.collector.choose import choose_backend
from jobshape.app.collector.forked import Emit, ForkedCall, error_head
from jobshape.app.collector.plain import from_plain, to_plain
from jobshape.app.collector.wire import (
    JOB_CODEC,
    NODE_CODEC,
    PARTITION_CODEC,
    Frame,
    RecordCodec,
    from_body,
    to_body,
)
from jobshape.app.domain.errors import NO_ANSWER_HINT, BackendError, NoSite
from jobshape.app.domain.job import AccountedJob, Job
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.stage_rules import StageRules
from jobshape.app.domain.states import is_finished

PARTS = ("site", "queue", "partitions", "nodes", "accounting")
"""What is read, in this order."""

MOST_FINISHED = 5000

_CODECS: dict[str, RecordCodec[Any]] = {
    "jobs": JOB_CODEC,
    "nodes": NODE_CODEC,
    "partitions": PARTITION_CODEC,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read and how to get at it. Times in seconds."""

    backend: str = "auto"
    ssh: str = ""
    local: Mapping[str, Any] | None = None  # LocalSite.head(), for the backend "local"
    scope: str = "mine"
    stage_rules: Sequence[Mapping[str, str]] = ()
    finished_hours: float = 0.0
    deadline_s: float = 30.0
    gpu: Mapping[str, Any] | None = None  # GpuSources.head()


@dataclass(slots=True)
class Snapshot:
    """What the site said. A part that was not read has its error in ``errors``.

    errors: part -> why; took_s: part -> seconds.
    """

    taken_at: float
    capabilities: Capabilities | None = None
    queue: list[Job] | None = None
    finished: list[Job] = field(default_factory=list)
    used: list[Any] = field(default_factory=list)  # of each finished job: the rest of its record
    partitions: list[Partition] | None = None
    nodes: list[Node] | None = None
    unread: int = 0
    source: str = ""
    errors: dict[str, BackendError] = field(default_factory=dict)
    took_s: dict[str, float] = field(default_factory=dict)

    @property
    def accounted(self) -> list[AccountedJob]:
        """The finished jobs with what they used, the newest first."""
        return [
            AccountedJob(job, *used) for job, used in zip(self.finished, self.used, strict=True)
        ]

    @property
    def jobs(self) -> list[Job]:
        """The queue and, behind it, finished jobs that have left it."""
        queue = self.queue or []
        known = {job.job_id for job in queue}
        return queue + [job for job in self.finished if job.job_id not in known]

    @property
    def trouble(self) -> BackendError | None:
        """Why there is no queue; None if there is one."""
        return self.errors.get("site") or self.errors.get("queue")


def read_site(wanted: Wanted) -> Snapshot:
    """Everything the site says now. Raises NoSite where there is none; other trouble is kept."""
    receiver = _Receiver(Snapshot(time.time()))
    work = partial(_read, wanted)
    call = ForkedCall("status", work, wanted.deadline_s, subprocesses=wanted.backend != "pyslurm")
    try:
        _receive(call, receiver, "" if wanted.local else NO_ANSWER_HINT)
    finally:
        call.kill_group()
        ended = call.finish()
    if ended.error:
        receiver.broke_off(typed_error(ended.error))
    no_site = receiver.snapshot.errors.get("site")
    if isinstance(no_site, NoSite):
        raise no_site
    return receiver.snapshot


def _receive(call: ForkedCall, receiver: "_Receiver", hint: str) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(call.fd, selectors.EVENT_READ)
        more = True
        while more:
            left_s = call.deadline_at - time.monotonic()
            if left_s <= 0 or not selector.select(left_s):
                what = f"no answer within {call.deadline_s:g} s"
                call.kill(["Unreachable", what, "", hint])
                return
            frames, more = call.read()
            for frame in frames:
                receiver.take(frame)


def _read(wanted: Wanted, emit: Emit) -> dict[str, Any]:
    """Runs in the child: one part after another; a part that fails does not stop the next."""
    began = time.monotonic()
    _, backend = choose_backend(
        wanted.backend, wanted.ssh or None, local=wanted.local, gpu=wanted.gpu, careful=True
    )
    site = backend.capabilities()
    emit(Frame("site", {"value": to_plain(site), "took_s": time.monotonic() - began}))
    stage_of = StageRules(wanted.stage_rules).stage_of
    scope = Scope(wanted.scope)

    def lines_of(jobs: Iterable[Job]) -> bytes:
        return to_body(JOB_CODEC.encode(job._replace(stage=stage_of(job))) for job in jobs)

    def queue() -> Frame:
        answer = backend.queue(scope)
        head = {"unread": len(answer.unread), "source": answer.source}
        return Frame("jobs", head, lines_of(answer.jobs))

    def partitions() -> Frame:
        return Frame("partitions", {}, to_body(map(PARTITION_CODEC.encode, backend.partitions())))

    def nodes() -> Frame:
        return Frame("nodes", {}, to_body(map(NODE_CODEC.encode, backend.nodes())))

    def accounting() -> Frame:
        entries = _finished(backend, site, wanted, scope)
        used = [entry[1:] for entry in entries]
        return Frame("jobs", {"used": used}, lines_of(entry.job for entry in entries))

    for read in (queue, partitions, nodes, accounting):
        emit(Frame("begin", {"part": read.__name__}))
        began = time.monotonic()
        try:
            emit(read())
            error = None
        except BackendError as caught:
            error = error_head(caught)
        emit(Frame("done", {"took_s": time.monotonic() - began, "error": error}))
    return {}


def _finished(
    backend: Backend, site: Capabilities, wanted: Wanted, scope: Scope
) -> list[AccountedJob]:
    """Jobs that ended in the last hours, the newest first; none where nobody keeps account."""
    accounting = site.features.get("accounting")
    if not wanted.finished_hours or accounting is None or not accounting.available:
        return []
    since = int(time.time() - wanted.finished_hours * 3600)
    entries = [
        entry
        for entry in backend.accounting(scope, since, ended=True)
        if is_finished(entry.job.state) and (entry.job.end_time or since) >= since
    ]
    entries.sort(key=lambda entry: entry.job.end_time or 0, reverse=True)
    return entries[:MOST_FINISHED]


class _Receiver:
    """Puts the child's frames together, part by part."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._part = "site"
        self._records: list[Any] = []
        self._used: list[Any] = []

    def take(self, frame: Frame) -> None:
        """Take one frame; records belong to the part that has begun."""
        codec = _CODECS.get(frame.kind)
        if codec is not None:
            self._records = list(map(codec.decode, from_body(frame.body)))
            self._used = frame.head.get("used", [])
            if self._part == "queue":
                self.snapshot.unread = frame.head["unread"]
                self.snapshot.source = frame.head["source"]
        elif frame.kind == "site":
            self.snapshot.capabilities = from_plain(Capabilities, frame.head["value"])
            self.snapshot.took_s["site"] = frame.head["took_s"]
        elif frame.kind == "begin":
            self._part, self._records = frame.head["part"], []
        elif frame.kind == "done":
            self._finish(frame.head)

    def _finish(self, head: Mapping[str, Any]) -> None:
        snapshot = self.snapshot
        snapshot.took_s[self._part] = head["took_s"]
        if head.get("error"):
            snapshot.errors[self._part] = typed_error(head["error"])
        elif self._part == "queue":
            snapshot.queue = self._records
        elif self._part == "partitions":
            snapshot.partitions = self._records
        elif self._part == "nodes":
            snapshot.nodes = self._records
        elif self._part == "accounting":
            snapshot.finished, snapshot.used = self._records, self._used

    def broke_off(self, error: BackendError) -> None:
        """The child ended early: the part under way and all that were to come have this error."""
        for part in PARTS[PARTS.index(self._part) :]:
            self.snapshot.errors.setdefault(part, error)
