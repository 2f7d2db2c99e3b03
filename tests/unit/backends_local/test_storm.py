"""Random jobs on a real supervisor that is killed again and again: what must hold, holds."""

from __future__ import annotations

import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from jobshape.app.backends.local.record import NEVER, PENDING, LocalJob
from jobshape.app.backends.local.store import Store
from jobshape.app.domain.errors import BackendError

from .sites import GIB, MIB, TestSite, recorded_gpus

CPUS, MEMORY, GPUS = 4, 2 * GIB, 3
ENDED = {"COMPLETED", "FAILED"}
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""No shrinking: with real processes it takes longer than to read what failed."""


@dataclass(frozen=True)
class Wish:
    """One job of a random graph."""

    cpus: int
    memory: int
    gpus: int
    sleep: float
    code: int
    tasks: int  # 0: no array
    throttle: int
    kind: str  # of its dependency, "" for none
    on: int  # which earlier job it depends on, counted back
    partition: str


WISHES = st.builds(
    Wish, cpus=st.integers(1, CPUS), memory=st.sampled_from([64 * MIB, 300 * MIB, GIB]),
    gpus=st.sampled_from([0, 0, 0, 1, 2]), sleep=st.sampled_from([0, 0, 0.05, 0.2]),
    code=st.sampled_from([0, 0, 0, 1]), tasks=st.sampled_from([0, 0, 0, 3, 5]),
    throttle=st.sampled_from([0, 2]),
    kind=st.sampled_from(["", "", "after", "afterok", "afternotok", "afterany", "aftercorr",
                          "singleton"]),
    on=st.integers(1, 3), partition=st.sampled_from(["main", "smoke"]),
)  # fmt: skip


@settings(
    max_examples=6,
    deadline=None,
    phases=PHASES,
    suppress_health_check=list(HealthCheck),
)
@given(
    wishes=st.lists(WISHES, min_size=6, max_size=14),
    pauses=st.lists(st.floats(0.02, 0.5), min_size=2, max_size=6),
)
def test_random_jobs_while_the_supervisor_is_killed(
    wishes: list[Wish], pauses: list[float]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        site = TestSite(work, cpus=CPUS, memory_bytes=MEMORY,
                        gpus=recorded_gpus(work / "nvml.json", GPUS))  # fmt: skip
        try:
            with killing(site, pauses):
                submitted = submit_all(site, wishes)
            jobs = settled(site)
            ran = Counter((work / "ran").read_text().split() if (work / "ran").exists() else [])
            check(jobs, submitted, ran)
        finally:
            site.end()


@contextmanager
def killing(site: TestSite, pauses: Sequence[float]) -> Iterator[None]:
    """Kill the supervisor after each of these pauses, beside what is done meanwhile."""

    def kill() -> None:
        for number, pause in enumerate(pauses):
            time.sleep(pause)
            site.kill_supervisor()
            if number % 2:
                with suppress(BackendError):
                    site.backend.nodes()  # who reads the queue starts the next one

    killer = threading.Thread(target=kill)
    killer.start()
    yield
    killer.join()


def submit_all(site: TestSite, wishes: Sequence[Wish]) -> list[str]:
    """Submit them; those that are known to have arrived."""
    arrived: list[str] = []
    for wish in wishes:
        with suppress(BackendError):  # a kill left open whether it arrived
            arrived.append(submit(site, wish, arrived))
    return arrived


def submit(site: TestSite, wish: Wish, before: Sequence[str]) -> str:
    dependency = wish.kind if wish.kind == "singleton" else None
    if wish.kind and not dependency and len(before) >= wish.on:
        dependency = f"{wish.kind}:{before[-wish.on]}"
    array = f"0-{wish.tasks - 1}" if wish.tasks else None
    if array and wish.throttle:
        array += f"%{wish.throttle}"
    return site.submit(
        f"echo $SLURM_JOB_ID >> ran; sleep {wish.sleep}; exit {wish.code}",
        cpus_per_task=wish.cpus, memory_bytes=wish.memory, partition=wish.partition,
        gpus=str(wish.gpus) if wish.gpus else None, dependency=dependency, array=array,
        name=f"job{wish.on}", stdout="/dev/null",
    )  # fmt: skip


def settled(site: TestSite) -> list[LocalJob]:
    """Every row once nothing more will happen."""
    deadline = time.monotonic() + 40
    while True:
        site.backend.nodes()  # whoever looks starts a supervisor that is needed
        store = Store.to_read(site.folder.database)
        assert store
        try:
            active = store.active()
            if all(job.dependency_state == NEVER or behind_never(job, active) for job in active):
                return store.between(0, time.time() + 60)
        finally:
            store.close()
        assert time.monotonic() < deadline, f"still {active}"
        time.sleep(0.05)


def behind_never(job: LocalJob, active: Sequence[LocalJob]) -> bool:
    """Whether it waits for jobs alone that can never start."""
    stuck = {str(other.array_id or other.id) for other in active if other.dependency_state == NEVER}
    names = {other.name for other in active if other.dependency_state == NEVER}
    while True:
        more = {
            str(other.array_id or other.id)
            for other in active
            if other.state == PENDING and other.dependency_state
            and (other.dependency.rpartition(":")[2] in stuck
                 or (other.dependency == "singleton" and other.name in names))
        }  # fmt: skip
        names |= {o.name for o in active if str(o.array_id or o.id) in more}
        if more <= stuck:
            return str(job.array_id or job.id) in stuck
        stuck |= more


def check(jobs: list[LocalJob], submitted: list[str], ran: Counter[str]) -> None:
    by_id = {str(job.id): job for job in jobs}
    assert set(submitted) <= set(by_id), "a job was lost"
    for job in jobs:
        assert job.state in ENDED or (job.state == PENDING and job.dependency_state), job
        assert ran[str(job.id)] == (job.state in ENDED), f"ran {ran[str(job.id)]} times: {job}"
    began = [job for job in jobs if job.state in ENDED]
    for job in began:
        now = [o for o in began if (o.start_time or 0) <= (job.start_time or 0) < (o.end_time or 0)]
        now += [job] if job not in now else []
        assert sum(o.cpus for o in now) <= CPUS, now
        assert sum(o.memory_bytes for o in now) <= MEMORY, now
        gpus = [gpu for o in now for gpu in o.gpu_ids.split(",") if gpu]
        assert len(gpus) == len(set(gpus)), now
        assert len([gpu for gpu in job.gpu_ids.split(",") if gpu]) == job.gpus
        if job.throttle:
            assert sum(o.array_id == job.array_id for o in now) <= job.throttle, now
        check_order(job, jobs)


def check_order(job: LocalJob, jobs: list[LocalJob]) -> None:
    """What it waited for had come when it started."""
    kind, _, on = job.dependency.partition(":")
    if not on:
        return
    others = [other for other in jobs if int(on) in (other.id, other.array_id)]
    if kind == "aftercorr" and job.task_id is not None and others[0].array_id is not None:
        others = [other for other in others if other.task_id == job.task_id]
    start = job.start_time or 0
    if kind == "after":
        assert all((other.start_time or 0) <= start for other in others), (job, others)
    else:
        assert all((other.end_time or 1e12) <= start for other in others), (job, others)
    if kind in ("afterok", "aftercorr"):
        assert {other.state for other in others} == {"COMPLETED"}, (job, others)
    if kind == "afternotok":
        assert "FAILED" in {other.state for other in others}, (job, others)
