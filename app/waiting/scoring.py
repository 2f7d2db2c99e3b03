"""The forecaster as the benchmark of batch logs calls it."""

from collections.abc import Mapping
from typing import Any

from jobshape.app.waiting.forecaster import Forecaster
from jobshape.app.waiting.records import QueuedJob, SiteState, WaitShape


class Replayed:
    """A forecaster fed by a replayed log."""

    def __init__(self, cluster: Mapping[str, Any], **options: Any) -> None:
        self._by_partition = cluster["pools"] == "partition"
        self.forecaster = Forecaster(**options)

    def _shape(self, job: Any) -> WaitShape:
        return WaitShape(
            job.procs,
            job.req,
            str(job.user),
            str(job.queue),
            str(job.part),
            str(job.part) if self._by_partition else "",
        )

    def _site(self, job: Any, state: Any) -> SiteState:
        pool = state.pool(job)
        return SiteState({self._shape(job).pool: state.cap(pool)})

    def forecast(self, job: Any, now: float, state: Any) -> tuple[float, float, float]:
        """p50, p90, p95 in seconds."""
        wait = self.forecaster.forecast(self._shape(job), now, self._site(job, state))
        return (wait.p50_s or 0.0, wait.p90_s or 0.0, wait.p95_s or 0.0)

    def on_submit(self, job: Any, now: float, state: Any) -> None:
        """A job of the log was submitted."""
        queued = QueuedJob(job.id, now, self._shape(job))
        self.forecaster.observe_submit(queued, now, self._site(job, state))

    def on_start(self, job: Any, now: float) -> None:
        """It started."""
        self.forecaster.observe_start(job.id, now)

    def on_end(self, job: Any, now: float) -> None:
        """It ended."""
        self.forecaster.observe_end(job.id, now)


def make(cluster: Mapping[str, Any]) -> Replayed:
    """A forecaster for one log."""
    return Replayed(cluster)
