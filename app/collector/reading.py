"""What a forked child does: act, or read, compare with what the app has, send what differs.

A record is known by its mark, the hash of the tuple: the child inherits the marks and Python's
hash secret by fork, so only changed records are ever put into lines.
"""

import pickle
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from jobshape.app.backends.base import Backend, ControllerCost, Scope
from jobshape.app.collector.calls import typed_arguments
from jobshape.app.collector.forked import Emit, error_head
from jobshape.app.collector.plain import to_plain
from jobshape.app.collector.wire import (
    JOB_CODEC,
    NODE_CODEC,
    PARTITION_CODEC,
    USAGE_CODEC,
    Frame,
    to_body,
)
from jobshape.app.domain.errors import BackendError
from jobshape.app.domain.job import Job
from jobshape.app.domain.states import is_finished

Item = TypeVar("Item")
Marks = Mapping[int, int]
StageOf = Callable[[Job], str]

BackendWork = Callable[[Backend, Emit], dict[str, Any]]
"""What a forked child does with the backend; gives the head of its ``end`` frame."""

LONG_QUEUE = 1000
"""Jobs from which a reading costs the controller enough to ask it how much it was (0.05 ms)."""

FRAME_RECORDS = 1000
FIRST_FRAME_RECORDS = 100  # about two screenfuls: the first rows need not wait for the rest
UNREAD_KEPT = 20


def slices(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """The items in frames, the first one small."""
    start, size = 0, FIRST_FRAME_RECORDS
    while start < len(items):
        yield items[start : start + size]
        start, size = start + size, FRAME_RECORDS


def changed_jobs(jobs: Sequence[Job], known: Marks) -> tuple[list[tuple[Job, int]], list[int]]:
    """Jobs that differ from what is known, with their marks; and the ids that are gone."""
    changed = []
    ids = set()
    for job in jobs:
        mark = hash(job)
        ids.add(job.job_id)
        if known.get(job.job_id) != mark:
            changed.append((job, mark))
    return changed, [job_id for job_id in known if job_id not in ids]


def jobs_frame(
    batch: Sequence[tuple[Job, int]], stage_of: StageOf, scope: Scope = Scope.ALL, user: str = ""
) -> Frame:
    """A frame of jobs; its head tells the collector their ids, marks and ends (0: not ended).

    ``mine`` says which are this user's: true for all, else their places.
    """
    mine: bool | list[int] = scope is Scope.MINE
    if user and not mine:
        mine = [at for at, (job, _) in enumerate(batch) if job.user == user]
    head = {
        "mine": mine,
        "ids": [job.job_id for job, _ in batch],
        "marks": [mark for _, mark in batch],
        "ends": [_end_of(job) for job, _ in batch],
    }
    lines = (JOB_CODEC.encode(job._replace(stage=stage_of(job))) for job, _ in batch)
    return Frame("jobs", head, to_body(lines))


def _end_of(job: Job) -> int:
    return (job.end_time or int(time.time())) if is_finished(job.state) else 0


def _own_frame(own: Sequence[Job], stage_of: StageOf) -> Frame:
    """Records of this user, for the history."""
    lines = (JOB_CODEC.encode(job._replace(stage=stage_of(job))) for job in own)
    return Frame("own", {"ids": [job.job_id for job in own]}, to_body(lines))


def read_queue(
    scope: Scope,
    known: Marks,
    stage_of: StageOf,
    backend: Backend,
    emit: Emit,
    *,
    user: str = "",
    with_own: bool = False,
) -> dict[str, Any]:
    """One reading of the queue; of a long one the controller's own count says what it cost.

    user: whose records to mark where the scope is wider; with_own: send all of them once more.
    """
    before = _count_of(backend) if len(known) > LONG_QUEUE else None
    calls_before = dict(backend.calls)
    sent: dict[int, int] = {}

    def show_first(jobs: Sequence[Job]) -> None:
        batch = [(job, hash(job)) for job in jobs]
        sent.update((job.job_id, mark) for job, mark in batch)
        emit(jobs_frame(batch, stage_of, scope, user))

    reading = backend.queue(scope, None if known else show_first)
    calls = {kind: n - calls_before.get(kind, 0) for kind, n in backend.calls.items()}
    after = _count_of(backend) if before else None
    changed, gone = changed_jobs(reading.jobs, {**known, **sent} if sent else known)
    for batch in slices(changed):
        emit(jobs_frame(batch, stage_of, scope, user))
    if with_own and user:
        for own in slices([job for job in reading.jobs if job.user == user]):
            emit(_own_frame(own, stage_of))
    return {
        "gone": gone,
        "changed": len(changed) + len(sent),
        "jobs": len(reading.jobs),
        # Of an account's jobs we see but a part of what the controller sends.
        "records": None if scope is Scope.ACCOUNTS else len(reading.jobs),
        "controller_ms": _spent_ms(calls, before, after),
        "unread": len(reading.unread),
        "unread_sample": "\n".join(reading.unread[:UNREAD_KEPT])[:2000],
        "source": reading.source,
    }


def _count_of(backend: Backend) -> ControllerCost | None:
    """The controller's count of calls so far, None where it does not tell."""
    with suppress(BackendError):
        return backend.controller_cost()
    return None


def _spent_ms(
    calls: Mapping[str, int], before: ControllerCost | None, after: ControllerCost | None
) -> float | None:
    """What the controller spent on our calls between two counts, in ms.

    Where somebody else sent calls of the same type between them, the mean of all counts as ours.
    """
    if before is None or after is None:
        return None
    per_call_ms = after.since(before).per_call_ms
    sent = {kind: count for kind, count in calls.items() if count}
    if not sent or not per_call_ms.keys() >= sent.keys():
        return None
    return sum(count * per_call_ms[kind] for kind, count in sent.items())


def read_pulse(jobs: int, backend: Backend, emit: Emit) -> dict[str, Any]:
    """Whether jobs moved: compare with the pulse before. jobs: how many there are, about."""
    return {"pulse": backend.pulse(), "records": jobs}


def read_nodes(known: Mapping[str, int], backend: Backend, emit: Emit) -> dict[str, Any]:
    """One reading of the nodes."""
    nodes = backend.nodes()
    marks = {node.name: hash(node) for node in nodes}
    changed = [node for node in nodes if known.get(node.name) != marks[node.name]]
    for batch in slices(changed):
        head = {"names": [n.name for n in batch], "marks": [marks[n.name] for n in batch]}
        emit(Frame("nodes", head, to_body(map(NODE_CODEC.encode, batch))))
    return {"gone": [name for name in known if name not in marks], "changed": len(changed)}


def read_partitions(known: int, backend: Backend, emit: Emit) -> dict[str, Any]:
    """One reading of the partitions: all of them if anything differs."""
    partitions = backend.partitions()
    mark = hash(tuple(partitions))
    if mark != known:
        emit(Frame("partitions", {}, to_body(map(PARTITION_CODEC.encode, partitions))))
    return {"mark": mark, "changed": int(mark != known)}


def read_usage(
    jobs: Sequence[str], guarded: Sequence[str], backend: Backend, emit: Emit
) -> dict[str, Any]:
    """Live usage of jobs looked at, and of others without running anything inside them."""
    usage = backend.usage(jobs) if jobs else []
    if guarded:
        usage += backend.usage(guarded, probe=False)
    emit(Frame("usage", {}, to_body(map(USAGE_CODEC.encode, usage))))
    return {"changed": len(usage)}


def read_accounting(
    scope: Scope,
    since: int,
    jobs: Sequence[str],
    most: int,
    stage_of: StageOf,
    backend: Backend,
    emit: Emit,
    *,
    user: str = "",
) -> dict[str, Any]:
    """Finished jobs of accounting, the newest ``most`` of them."""
    finished = [
        (entry.job, hash(entry.job))
        for entry in backend.accounting(scope, since, jobs=jobs, ended=True)
        if is_finished(entry.job.state) and (entry.job.end_time or since) >= since
    ]
    finished.sort(key=lambda pair: pair[0].end_time or 0, reverse=True)
    for batch in slices(finished[:most]):
        emit(jobs_frame(batch, stage_of, scope, user))
    return {"changed": len(finished)}


def read_capabilities(backend: Backend, emit: Emit) -> dict[str, Any]:
    """What works here."""
    emit(Frame("capabilities", to_plain(backend.capabilities())))
    return {}


def read_cost(backend: Backend, emit: Emit) -> dict[str, Any]:
    """What the controller spends on one call of each type, in ms."""
    emit(Frame("cost", backend.controller_cost().per_call_ms))
    return {}


def do_action(
    method: str, arguments: dict[str, Any], backend: Backend, emit: Emit
) -> dict[str, Any]:
    """One action; its value goes into a frame of its own."""
    typed = typed_arguments(method, arguments)
    if method == "diagnose":  # loaded only in the child that does it
        from jobshape.app.collector.diagnosing import look_into

        value = to_plain(look_into(backend, **typed))
    elif method == "preflight_facts":
        from jobshape.app.collector.preflight_facts import gather_site_facts

        value = to_plain(gather_site_facts(backend, **typed))
    elif method == "plan_resubmit":
        from jobshape.app.resubmit.source import prepare

        value = to_plain(prepare(backend, **typed))
    else:
        value = to_plain(getattr(backend, method)(**typed))
    emit(Frame("value", {"value": value}))
    return {}


def relearn(backend: Backend, head: Mapping[str, Any]) -> None:
    """Teach a backend what its twin in a child learned."""
    for name, value in head.get("learned", {}).items():
        vars(backend)[name] = pickle.loads(bytes.fromhex(value))


def _learned(knows: Mapping[str, Any], knew: Mapping[str, Any]) -> dict[str, str]:
    """What can be told of it; a loaded library cannot."""
    learned = {}
    for name, value in knows.items():
        if value is not knew.get(name, knew):
            with suppress(TypeError, AttributeError, pickle.PicklingError):
                learned[name] = pickle.dumps(value).hex()
    return learned


def with_backend(
    backend: Backend | None, make: Callable[[], tuple[str, Backend]], work: BackendWork, emit: Emit
) -> dict[str, Any]:
    """Do the work with a backend, made here if need be.

    Adds which kind was made, whether pyslurm is loaded, the calls it sent to the site, and what it
    learned: cached properties (user, accounts), which else each child would find out again.
    """
    started = time.monotonic()
    head: dict[str, Any]
    made = ""
    knew: dict[str, Any] = {}
    before: dict[str, int] = {}
    calls: Mapping[str, int] = {}
    try:
        if backend is None:
            made, backend = make()
        before, calls = dict(backend.calls), backend.calls
        knew = dict(vars(backend))
        started = time.monotonic()
        head = work(backend, emit)
    except BackendError as error:
        head = {"error": error_head(error)}
    head["took_s"] = time.monotonic() - started
    head["made"] = made
    if backend is not None:
        head["learned"] = _learned(vars(backend), knew)
        head["pyslurm"] = "pyslurm" in sys.modules
    head["calls"] = {kind: n - before.get(kind, 0) for kind, n in calls.items()}
    return head
