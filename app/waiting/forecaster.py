"""The forecast of waits: watches the live queue, learns from each start, answers for a shape."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jobshape.app.waiting.correction import Correction
from jobshape.app.waiting.evidence import evidence
from jobshape.app.waiting.features import FEATURES, View, log_s
from jobshape.app.waiting.learner import Learner
from jobshape.app.waiting.ledger import Ledger
from jobshape.app.waiting.records import UNKNOWN_WAIT, QueuedJob, SiteState, Wait, WaitShape
from jobshape.app.waiting.similar import SimilarJobs
from numpy.typing import NDArray

VERSION = 1
"""Of the saved state."""

BURST_S = 300.0
"""A job that waits for less than this tells nothing yet: it may be one of a burst."""

FEWEST_WAITS = 5
"""Waits seen in a queue and partition before the live forecast speaks of it."""

MOST_WAITING = 500
SLURM_SPREAD = ((1.0, 0.0), (3.0, 600.0), (6.0, 1800.0))
"""p50, p90, p95 from Slurm's own estimate: times, plus seconds. It covers two jobs in three, since
it knows nothing of later arrivals; as with other forecasts the correction takes over."""


class Forecaster:
    """Quantiles of the wait of a shape submitted now, from the queue as it is told of it.

    Deterministic: the same observations give the same forecasts. Numpy is loaded with this module.
    """

    def __init__(self, *, seed: int = 1) -> None:
        self._ledger = Ledger()
        self._learner = Learner(seed=seed)
        self._correction = Correction()
        self._similar = SimilarJobs()
        self._rows: dict[int, NDArray[np.float64]] = {}
        self._view: tuple[tuple[object, ...], View] | None = None

    def __contains__(self, key: int) -> bool:
        return key in self._ledger

    def observe_submit(self, job: QueuedJob, now: float, site: SiteState | None = None) -> None:
        """A job was submitted now. To learn from it, its own forecast is made and watched."""
        view = self._look(job.shape.pool, now, site)
        row = view.of(job.shape)
        self._rows[job.key] = row
        self._correction.passed(now)
        if self._learner.taught:
            found = self._learner.quantiles(row[None])
            if found is not None:
                self._watch(job.key, _kind(view, job.shape), now, found[0])
        self._ledger.submit(job, now)

    def observe_present(self, job: QueuedJob, now: float, started: float | None) -> None:
        """A job was there before the watch began: its wait teaches nothing, its place counts."""
        self._ledger.submit(job, now)
        if started is not None:
            self._ledger.start(job.key, started, known=False)

    def observe_start(self, key: int, now: float) -> None:
        """A queued job started."""
        job = self._ledger.job(key)
        wait_s = max(now - job.submitted, 0.0)
        self._ledger.start(key, now)
        self._correction.passed(now)
        self._correction.started(key, wait_s)
        self._similar.add(job.shape, wait_s)
        row = self._rows.pop(key, None)
        if row is not None:
            self._learner.learn(row, log_s(wait_s), at=now, like=job.shape)

    def observe_end(self, key: int, now: float) -> None:
        """A job ended, or left the queue without a start."""
        self._rows.pop(key, None)
        self._correction.dropped(key)
        self._ledger.end(key, now)

    def observe_past(self, shape: WaitShape, wait_s: float) -> None:
        """A job of history waited so long: nothing is known of the queue it was in."""
        self._similar.add(shape, wait_s)

    def forecast(
        self,
        shape: WaitShape,
        now: float,
        site: SiteState | None = None,
        *,
        slurm_wait_s: float | None = None,
    ) -> Wait:
        """The wait of a shape submitted now.

        slurm_wait_s: what Slurm's own ``sbatch --test-only`` says, for where nothing else is known.
        """
        return self.forecast_all([shape], now, site, slurm_wait_s=slurm_wait_s)[0]

    def forecast_all(
        self,
        shapes: Sequence[WaitShape],
        now: float,
        site: SiteState | None = None,
        *,
        slurm_wait_s: float | None = None,
    ) -> list[Wait]:
        """Forecasts of many shapes; those of one pool share one look at its queue."""
        waits: list[Wait] = [UNKNOWN_WAIT] * len(shapes)
        by_pool: dict[str, list[int]] = {}
        for place, shape in enumerate(shapes):
            by_pool.setdefault(shape.pool, []).append(place)
        for pool, places in by_pool.items():
            view = self._look(pool, now, site)
            rows = np.array([view.of(shapes[place]) for place in places])
            found = self._learner.quantiles(rows, self._waiting(now))
            for number, place in enumerate(places):
                raw = None if found is None else found[number]
                waits[place] = self._wait(shapes[place], view, raw, slurm_wait_s)
        return waits

    def map(
        self,
        shape: WaitShape,
        cpus: Sequence[int],
        walltimes_s: Sequence[float],
        now: float,
        site: SiteState | None = None,
    ) -> list[list[Wait]]:
        """Waits over CPUs (rows) and walltimes (columns), the rest as ``shape`` has it."""
        shapes = [shape._replace(cpus=c, walltime_s=w) for c in cpus for w in walltimes_s]
        waits = self.forecast_all(shapes, now, site)
        wide = len(walltimes_s)
        return [waits[row * wide : (row + 1) * wide] for row in range(len(cpus))]

    def _look(self, pool: str, now: float, site: SiteState | None) -> View:
        state = (pool, now, self._ledger.pool(pool).revision, site)
        if self._view is None or self._view[0] != state:
            self._view = state, View(self._ledger, pool, now, site)
        return self._view[1]

    def _waiting(self, now: float) -> list[tuple[NDArray[np.float64], float]]:
        if self._learner.taught:
            return []
        waited = (
            (row, now - self._ledger.job(key).submitted)
            for key, row in list(self._rows.items())[-MOST_WAITING:]
        )
        return [(row, log_s(waited_s)) for row, waited_s in waited if waited_s > BURST_S]

    def _wait(
        self,
        shape: WaitShape,
        view: View,
        raw: NDArray[np.float64] | None,
        slurm_wait_s: float | None,
    ) -> Wait:
        coverage, coverage_of = self._correction.coverage
        if raw is not None and self._ledger.waits_seen(shape) >= FEWEST_WAITS:
            if self._learner.taught:
                kind = _kind(view, shape)
                values = self._corrected(kind, raw)
                why = evidence(view, shape, self._learner.seen, coverage, coverage_of)
                return Wait(*_three(values), "live queue", why, coverage, coverage_of)
            values = Correction().corrected("", [float(value) for value in raw])
            why = evidence(view, shape, self._learner.seen, None, 0)
            return Wait(*_three(values), "live queue", why)
        alike = self._similar.quantiles(shape)
        if alike is not None:
            values = Correction().corrected("", alike[0])
            return Wait(
                *_three(values), "similar jobs", (f"from {alike[1]} similar jobs of before",)
            )
        if slurm_wait_s is not None:
            values = [max(slurm_wait_s, 0.0) * times + plus for times, plus in SLURM_SPREAD]
            return Wait(
                *_three(values), "slurm", ("Slurm's own estimate, widened for later arrivals",)
            )
        return UNKNOWN_WAIT._replace(why=("no similar job has started since the watch began",))

    def _watch(self, key: int, kind: str, now: float, raw: NDArray[np.float64]) -> None:
        self._correction.opened(key, kind, now, self._corrected(kind, raw)[1:])

    def _corrected(self, kind: str, raw: NDArray[np.float64]) -> list[float]:
        quantiles = [float(value) for value in raw]
        return self._correction.corrected(kind, quantiles, longest=self._learner.longest)

    def to_json(self) -> dict[str, Any]:
        """What has been learnt of this site, as plain values; the queue itself is not kept."""
        return {
            "version": VERSION,
            "correction": self._correction.to_json(),
            "learner": self._learner.to_json(),
            "ledger": self._ledger.to_json(),
        }

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Take over what ``to_json`` gave; a state of another version is left out.

        Raises ValueError, KeyError or TypeError for what is no such state.
        """
        if saved.get("version") != VERSION:
            return
        self._correction.restore(saved["correction"])
        self._learner.restore(saved["learner"], FEATURES)
        self._ledger.restore(saved["ledger"])


def _kind(view: View, shape: WaitShape) -> str:
    return "fits" if view.fits(shape) else "waits"


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    p50, p90, p95 = values
    return p50, p90, p95
