"""Feeds a forecaster from what a site shows: jobs, partitions and nodes, one look at a time."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from jobshape.app.domain.job import UNLIMITED, Job
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.site import Node, Partition
from jobshape.app.domain.states import Phase, phase_of
from jobshape.app.waiting.forecaster import Forecaster
from jobshape.app.waiting.records import QueuedJob, SiteState, Wait, WaitShape

NOT_QUEUED = frozenset({"Dependency", "BeginTime", "JobHeldUser", "JobHeldAdmin", "DeadLine"})
"""Reasons of jobs that do not compete yet: their wait is not the queue's."""


class QueueWatch:
    """Turns looks at a site into what a forecaster observes: who came, who started, who left.

    Partitions that share a node share a pool of CPUs. A job counts as queued from the moment it is
    eligible, so a dependency or a hold is no wait. What a first look shows is there already: only
    jobs seen to come and to start teach.
    """

    def __init__(self, forecaster: Forecaster | None = None) -> None:
        self.forecaster = forecaster or Forecaster()
        self._pools: dict[str, str] = {}
        self._partitions: dict[str, Partition] = {}
        self._site: SiteState = SiteState()
        self._running: set[int] = set()
        self._queued: set[int] = set()
        self._first = True

    def see_site(self, partitions: Sequence[Partition], nodes: Sequence[Node]) -> None:
        """Learn the pools and their capacity; may be called again as nodes go down and come up."""
        self._partitions = {partition.name: partition for partition in partitions}
        self._pools = _pools([p.name for p in partitions], nodes)
        capacity: dict[str, int] = {}
        used: dict[str, int] = {}
        for node in nodes:
            pool = next((self._pools[p] for p in node.partitions if p in self._pools), None)
            if pool is None or node.cpus is None or not node.usable:
                continue
            capacity[pool] = capacity.get(pool, 0) + node.cpus
            used[pool] = used.get(pool, 0) + (node.cpus_allocated or 0)
        self._site = SiteState(capacity, used)

    def see_jobs(self, jobs: Iterable[Job], now: float) -> None:
        """Take in a look at all jobs of the queue, of all users; what is missing has left it."""
        present = {job.job_id: job for job in jobs}
        for key in (self._queued | self._running) - present.keys():
            self._leave(key, now)
        coming = []
        for job in present.values():
            phase = phase_of(job.state)
            if phase is Phase.WAITING:
                coming.append(job)
            elif phase is Phase.RUNNING:
                self._started(job, now)
            elif job.job_id in self._queued or job.job_id in self._running:
                self._leave(job.job_id, now)
        for job in sorted(coming, key=lambda job: job.eligible_time or job.submit_time or 0):
            self._waits(job, now)
        self._first = False

    def _leave(self, key: int, now: float) -> None:
        self._queued.discard(key)
        self._running.discard(key)
        self.forecaster.observe_end(key, now)

    def _waits(self, job: Job, now: float) -> None:
        key = job.job_id
        if key in self._running:  # requeued: it waits anew
            self._leave(key, now)
        held = job.priority == 0 or job.reason in NOT_QUEUED
        if held:
            if key in self._queued:
                self._leave(key, now)
            return
        if key in self._queued:
            return
        self._queued.add(key)
        seen = QueuedJob(key, _since(job, now), self._shape_of(job))
        if self._first:
            self.forecaster.observe_present(seen, now, None)
        else:
            self.forecaster.observe_submit(seen, now, self._site)

    def _started(self, job: Job, now: float) -> None:
        key = job.job_id
        if key in self._running:
            return
        started = min(float(job.start_time), now) if job.start_time else now
        if key in self._queued:
            self._queued.discard(key)
            self.forecaster.observe_start(key, started)
        else:
            seen = QueuedJob(key, _since(job, now), self._shape_of(job))
            self.forecaster.observe_present(seen, now, started)
            if not self._first:  # it came and started between two looks
                self.forecaster.observe_past(seen.shape, max(started - seen.submitted, 0.0))
        self._running.add(key)

    def _shape_of(self, job: Job) -> WaitShape:
        partition = job.partition.split(",", 1)[0]
        walltime = None if job.time_limit_s in (None, UNLIMITED) else float(job.time_limit_s or 0)
        return WaitShape(
            max(job.cpus or 1, 1),
            walltime or None,
            job.user,
            job.qos,
            partition,
            self._pools.get(partition, partition),
        )

    def wait_shape(self, shape: JobShape, user: str, qos: str = "") -> WaitShape:
        """A job shape as the forecast sees it, with what its partition gives by default."""
        name = (shape.partition or "").split(",", 1)[0] or self._default()
        partition = self._partitions.get(name)
        asked = shape.time_limit_s
        if asked is None and partition is not None:
            asked = partition.default_time_s or partition.time_limit_s
        walltime = None if asked is None or asked == UNLIMITED else float(asked)
        tasks = max(shape.tasks or 1, shape.nodes or 1)
        cpus = tasks * (shape.cpus_per_task or 1)
        pool = self._pools.get(name, name)
        return WaitShape(cpus, walltime or None, user, shape.qos or qos, name, pool)

    def _default(self) -> str:
        return next((p.name for p in self._partitions.values() if p.is_default), "")

    def forecast(self, shape: WaitShape, now: float, *, slurm_wait_s: float | None = None) -> Wait:
        """The wait of a shape submitted now, by what the site showed last."""
        return self.forecaster.forecast(shape, now, self._site, slurm_wait_s=slurm_wait_s)

    def map(
        self, shape: WaitShape, cpus: Sequence[int], walltimes_s: Sequence[float], now: float
    ) -> list[list[Wait]]:
        """Waits over CPUs (rows) and walltimes (columns)."""
        return self.forecaster.map(shape, cpus, walltimes_s, now, self._site)

    def learn_past(self, jobs: Iterable[PastJob]) -> None:
        """Take in the waits of a history, for where the live queue was not watched yet."""
        for past in jobs:
            job = past.record.job
            since = job.eligible_time or job.submit_time
            if since and job.start_time and job.start_time >= since:
                self.forecaster.observe_past(self._shape_of(job), float(job.start_time - since))

    def to_json(self) -> dict[str, Any]:
        """What has been learnt of the site."""
        return self.forecaster.to_json()

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take over what ``to_json`` gave."""
        self.forecaster.restore(saved)


def _since(job: Job, now: float) -> float:
    return min(float(job.eligible_time or job.submit_time or now), now)


def _pools(names: Sequence[str], nodes: Iterable[Node]) -> dict[str, str]:
    """The pool of each partition: those joined by shared nodes have one, named by one of them."""
    pool = {name: name for name in names}
    for node in nodes:
        joined = {pool[name] for name in node.partitions if name in pool}
        if len(joined) > 1:
            first = min(joined)
            pool = {name: first if of in joined else of for name, of in pool.items()}
    return pool
