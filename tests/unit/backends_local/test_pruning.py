"""What accounting forgets, and what it must still know for those that wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jobshape.app.backends.local.config import LocalPartition
from jobshape.app.backends.local.machine import Machine
from jobshape.app.backends.local.queue import Queue
from jobshape.app.backends.local.record import NEVER, PENDING, LocalJob
from jobshape.app.backends.local.shape import job_of
from jobshape.app.backends.local.store import Store

MACHINE = Machine("here", 4, 4 << 30, (), (LocalPartition("main"),))
Add = Callable[..., LocalJob]


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    store = Store.to_write(tmp_path / "queue.db")
    yield Queue(store, MACHINE)
    store.close()


def add(queue: Queue, **options: str) -> LocalJob:
    job = job_of(options, MACHINE, submit_dir="/", now=1.0)
    with queue.store.transaction():
        queue.add(job, 1.0)
    return job


def end(queue: Queue, job: LocalJob, state: str) -> None:
    with queue.store.transaction():
        queue.start(job, 2.0, ())
        job.end_time = 3.0
        queue.finish(job, state, 3.0)


def prune(queue: Queue) -> int:
    with queue.store.transaction():
        gone = queue.store.prune(10.0, queue.named())
        queue.load(20.0)
    return gone


def test_what_a_job_waits_for_is_not_forgotten(queue: Queue) -> None:
    failed, other, done = add(queue), add(queue), add(queue)
    never = add(queue, dependency=f"afterok:{failed.id}")
    held = add(queue, dependency=f"afternotok:{failed.id},afterany:{done.id}", hold="")
    end(queue, failed, "FAILED")
    end(queue, other, "COMPLETED")
    end(queue, done, "COMPLETED")
    assert prune(queue) == 1
    assert queue.store.job(other.id) is None
    assert queue.jobs[never.id].dependency_state == NEVER
    assert queue.jobs[held.id].dependency_state == ""
    assert not list(queue.ready())
    with queue.store.transaction():
        for job_id in (never.id, held.id):
            queue.finish(queue.jobs[job_id], "CANCELLED", 4.0)
    assert prune(queue) == 4


def test_an_array_is_forgotten_as_a_whole(queue: Queue) -> None:
    array = add(queue, array="0-2")
    waiter = add(queue, dependency=f"afterok:{array.id}")
    with queue.store.transaction():
        first = queue.split(array, 0, 1.0)
    end(queue, first, "FAILED")
    assert prune(queue) == 0
    array = queue.jobs[array.id]
    with queue.store.transaction():
        second = queue.split(array, 1, 1.0)
    for job in (second, array):
        end(queue, job, "COMPLETED")
    assert prune(queue) == 0
    assert queue.jobs[waiter.id].state == PENDING
    assert queue.jobs[waiter.id].dependency_state == NEVER
    with queue.store.transaction():
        queue.finish(queue.jobs[waiter.id], "CANCELLED", 4.0)
    assert prune(queue) == 4
