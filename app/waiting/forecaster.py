"""The forecast of waits: watches the live queue, learns from each start, answers for a shape."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from jobshape.app.waiting.correction import Correction
from jobshape.app.waiting.features import View, log_s
from jobshape.app.waiting.ledger import Ledger
from jobshape.app.waiting.memory import Memory
from jobshape.app.waiting.network import MEMBERS, Network
from jobshape.app.waiting.records import GRACE_S, QueuedJob, SiteState, WaitShape

BATCH = 48
FIRST_NETWORK = 200
RECENT = 3000


class Forecaster:
    """Quantiles of the wait of a shape submitted now."""

    def __init__(self, *, seed: int = 1, steps: float = 1.0, rate: float = 2e-3, eta: float = 0.05, memory: int = 16000, recent: int = RECENT) -> None:
        self.ledger = Ledger()
        self.correction = Correction(rate=eta)
        self._rng = np.random.default_rng(seed)
        self._seed = seed
        self._asked: dict[int, NDArray[np.float64]] = {}
        self._memory: Memory | None = None
        self._network: Network | None = None
        self._steps, self._lr, self._size, self._recent = steps, rate, memory, recent
        self._credit = 0.0
        self._view: tuple[tuple[object, ...], View] | None = None
        self.warm: list = []

    def view(self, pool: str, now: float, site: SiteState | None) -> View:
        """One moment of a pool, kept until anything changes."""
        state = (pool, now, self.ledger.pool(pool).revision, site)
        if self._view is None or self._view[0] != state:
            self._view = state, View(self.ledger, pool, now, site)
        return self._view[1]

    def observe_submit(self, job: QueuedJob, now: float, site: SiteState | None = None) -> None:
        """A job was submitted."""
        view = self.view(job.shape.pool, now, site)
        row = view.of(job.shape)
        self._asked[job.key] = row
        self.correction.passed(now)
        found = self._quantiles(row[None])
        if found is not None:
            kind = self._kind(view, job.shape)
            bounds = self._corrected(found[0], kind)
            self.correction.opened(job.key, kind, now, bounds[1:])
        self.ledger.submit(job, now)

    def observe_start(self, key: int, now: float) -> None:
        """A queued job started."""
        submitted = self.ledger._jobs[key].job.submitted
        self.ledger.start(key, now)
        self.correction.passed(now)
        self.correction.started(key, now - submitted)
        row = self._asked.pop(key, None)
        if row is not None:
            self._learn(row, log_s(now - submitted))

    def observe_end(self, key: int, now: float) -> None:
        """A job ended, or left the queue."""
        self._asked.pop(key, None)
        self.correction.dropped(key)
        self.ledger.end(key, now)

    @staticmethod
    def _kind(view: View, shape: WaitShape) -> str:
        return "fits" if view.fits(shape) else "waits"

    def _corrected(self, found: NDArray[np.float64], kind: str) -> list[float]:
        p50, *upper = (float(value) for value in found)
        values = [p50, *(u + s for u, s in zip(upper, self.correction.shifts(kind), strict=True))]
        out: list[float] = []
        for value in values:
            wait = max(math.exp(min(value, 18.0)) - GRACE_S, 0.0)
            out.append(max(wait, out[-1] if out else 0.0))
        return out

    def _quantiles(self, rows: NDArray[np.float64]) -> NDArray[np.float64] | None:
        if self._network is None:
            return None
        return self._network.predict(rows)

    def quantiles(self, shape: WaitShape, now: float, site: SiteState | None) -> list[float] | None:
        view = self.view(shape.pool, now, site)
        found = self._quantiles(view.of(shape)[None])
        if found is None:
            return None
        return self._corrected(found[0], self._kind(view, shape))

    def _learn(self, row: NDArray[np.float64], wait: float) -> None:
        if self._memory is None:
            self._memory = Memory(len(row), size=self._size)
        memory = self._memory
        memory.add(row, wait)
        total = memory.total
        if total < FIRST_NETWORK:
            return
        if self._network is None:
            self._network = Network(len(row), seed=self._seed, learning_rate=self._lr)
            self._network.begin_at(np.quantile(memory.waits, (0.5, 0.9, 0.95)))
            self._network.standardise(memory.rows)
            self._credit = 300
        elif total in (400, 800, 1600, 3200, 6400) or total % 8000 == 0:
            self._network.standardise(memory.rows)
        self._credit += self._steps * (3.0 if total < 3000 else 1.0)
        while self._credit >= 1.0:
            self._credit -= 1.0
            places = memory.sample(self._rng, MEMBERS * BATCH, recent=self._recent)
            self._rng.shuffle(places)
            self._network.learn(memory.rows[places], memory.waits[places])
