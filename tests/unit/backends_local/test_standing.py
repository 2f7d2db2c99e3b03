"""How jobs stand is kept up to date event by event: it is what a supervisor started anew finds."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.backends.local.actions import Actions
from jobshape.app.backends.local.config import LocalPartition
from jobshape.app.backends.local.limits import Limits
from jobshape.app.backends.local.machine import Machine
from jobshape.app.backends.local.queue import Queue
from jobshape.app.backends.local.record import ACTIVE, PENDING, RUNNING, LocalJob
from jobshape.app.backends.local.runs import Runs
from jobshape.app.backends.local.shape import job_of
from jobshape.app.backends.local.store import Store
from jobshape.app.domain.errors import BackendError

NOW = 1000.0
MACHINE = Machine("here", 64, 64 << 30, (), (LocalPartition("main"),))
KINDS = ("", "after", "afterok", "afternotok", "afterany", "aftercorr", "aftercorr", "singleton")
OPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "add", "start", "start", "start", "end", "end", "end",
                         "cancel", "cancel task", "rename", "depend", "hold", "release"]),
        st.integers(0, 8), st.integers(0, 8), st.sampled_from(KINDS),
        st.sampled_from(["", "0-2", "1-4%2"]), st.sampled_from("ab"),
    ),
    min_size=8, max_size=40,
)  # fmt: skip


class _Undo(Exception):
    """The transaction is to leave nothing."""


def found_anew(queue: Queue) -> dict[int, tuple[str, ...]]:
    """How the pending jobs stand to a queue that reads them from disk."""
    other = Queue(queue.store, MACHINE)
    try:
        with queue.store.transaction():
            other.load(NOW)
            raise _Undo
    except _Undo:
        return standing(other)


def standing(queue: Queue) -> dict[int, tuple[str, ...]]:
    ready = {job.id for job, _ in queue.ready()}
    return {
        job.id: (job.dependency_state, job.dependency_shown, job.reason, str(job.id in ready))
        for job in queue.jobs.values()
        if job.state == PENDING
    }


def do(queue: Queue, op: tuple[str, int, int, str, str, str], known: list[int]) -> None:
    what, pick, on, kind, array, name = op
    if what == "add":
        dependency = "singleton" if kind == "singleton" else ""
        if kind and not dependency and known:
            dependency = f"{kind}:{known[on % len(known)]}"
        options = {"job-name": name, "array": array, "dependency": dependency}
        job = job_of(options, MACHINE, submit_dir="/", now=NOW)
        queue.add(job, NOW)
        known.append(job.id)
        if job.array_tasks and "aftercorr" in dependency:  # as a submission does
            for task in list(queue.tasks(job)):
                queue.judge(queue.split(job, task, NOW), NOW)
    elif what == "start":
        ready = [job for job, _ in queue.ready()]
        if ready:
            queue.start(ready[pick % len(ready)], NOW, ())
    elif what == "end":
        running = [job for job in queue.in_use() if job.state == RUNNING]
        if running:
            job = running[pick % len(running)]
            job.end_time = NOW
            queue.finish(job, "COMPLETED" if on % 3 else "FAILED", NOW)
    elif known:
        act(queue, what, known[pick % len(known)], f"{kind}:{known[on % len(known)]}", name)


def act(queue: Queue, what: str, job_id: int, dependency: str, name: str) -> None:
    row = queue.jobs.get(job_id) or queue.store.job(job_id)
    if row is None or (row.state in ACTIVE and row.state != PENDING):
        return  # its processes are no matter of the queue alone
    actions = Actions(queue, cast(Runs, None), cast(Limits, None))
    job = f"{job_id}_1" if what == "cancel task" else str(job_id)
    if what.startswith("cancel") and any(
        one.state != PENDING for one in rows_of(queue, job_id) if one.state in ACTIVE
    ):
        return
    wanted = {"name": name} if what == "rename" else {"dependency": dependency}
    arguments: dict[str, dict[str, object]] = {
        "cancel": {"signal": None}, "cancel task": {"signal": None},
        "rename": {"changes": wanted}, "depend": {"changes": wanted},
    }  # fmt: skip
    method = {"cancel task": "cancel", "rename": "update", "depend": "update"}.get(what, what)
    actions.do(method, {"job": job, **arguments.get(what, {})}, NOW)


def rows_of(queue: Queue, job_id: int) -> list[LocalJob]:
    return [job for job in queue.jobs.values() if job_id in (job.id, job.array_id)]


@settings(max_examples=200, deadline=None)
@given(OPS)
def test_nothing_but_a_new_start_would_find_it_otherwise(
    ops: list[tuple[str, int, int, str, str, str]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.to_write(Path(folder) / "queue.db")
        store._db.execute("PRAGMA synchronous = OFF")
        queue = Queue(store, MACHINE)
        known: list[int] = []
        for op in ops:
            try:
                with store.transaction():
                    do(queue, op, known)
            except BackendError:
                continue  # refused: what it may not change it has not
            assert standing(queue) == found_anew(queue), op
        store.close()
