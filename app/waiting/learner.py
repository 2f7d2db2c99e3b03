"""From features to quantiles: what was seen of earlier submissions, and a network taught by it."""

import base64
import math
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np
from jobshape.app.waiting.memory import Memory
from jobshape.app.waiting.neighbours import near_quantiles
from jobshape.app.waiting.network import MEMBERS, Network
from jobshape.app.waiting.records import LEVELS
from numpy.typing import NDArray

BATCH = 48
FIRST_NEAR = 30
"""Starts seen before the most similar ones are asked."""

FIRST_NETWORK = 200
"""Starts seen before the network takes over."""

FIRST_STEPS = 300
YOUNG = 3000
YOUNG_STEPS, OLD_STEPS = 3, 1
"""Steps of learning a start, while fewer than YOUNG were seen and after."""

RECENT = 3000
"""Of the rows of a step a part is taken from so many last ones."""

BURST_S = 60.0
BURST_SHARE = 4
"""Of jobs just like each other that start within BURST_S one in so many is learnt."""

MOST_BURSTS = 5000
RESCALED_AT = frozenset({400, 800, 1600, 3200, 6400})
RESCALED_EVERY = 8000


class Learner:
    """Quantiles of ln(wait + 60 s) for rows of features; it learns a little from each start."""

    def __init__(self, *, seed: int = 1) -> None:
        self._seed = seed
        self._rng = np.random.default_rng(seed)
        self._memory: Memory | None = None
        self._network: Network | None = None
        self._bursts: dict[Hashable, tuple[float, int]] = {}

    @property
    def seen(self) -> int:
        """How many starts it has learnt from."""
        return self._memory.total if self._memory else 0

    @property
    def taught(self) -> bool:
        """Whether the network answers, not only similar submissions."""
        return self._network is not None

    def learn(
        self, row: NDArray[np.float64], wait: float, *, at: float = 0.0, like: Hashable = None
    ) -> None:
        """A submission with these features has started now after this ln(wait + 60 s).

        like: the same for jobs just like each other; of those that start together as a burst only
        some are learnt, since they say one thing many times.
        """
        if like is not None and self._in_burst(like, at):
            return
        if self._memory is None:
            self._memory = Memory(len(row))
        memory = self._memory
        memory.add(row, wait)
        total = memory.total
        if total < FIRST_NETWORK:
            return
        steps = YOUNG_STEPS if total < YOUNG else OLD_STEPS
        if self._network is None:
            self._network = Network(len(row), seed=self._seed)
            self._network.begin_at(np.quantile(memory.waits, LEVELS))
            self._network.standardise(memory.rows)
            steps += FIRST_STEPS
        elif total in RESCALED_AT or total % RESCALED_EVERY == 0:
            self._network.standardise(memory.rows)
        for _ in range(steps):
            places = memory.sample(self._rng, MEMBERS * BATCH, recent=RECENT)
            self._rng.shuffle(places)
            self._network.learn(memory.rows[places], memory.waits[places])

    def _in_burst(self, like: Hashable, at: float) -> bool:
        last, left = self._bursts.pop(like, (-math.inf, 0))
        if at - last < BURST_S and left < BURST_SHARE - 1:
            self._bursts[like] = last, left + 1
            return True
        self._bursts[like] = at, 0
        if len(self._bursts) > MOST_BURSTS:
            del self._bursts[next(iter(self._bursts))]
        return False

    @property
    def longest(self) -> float:
        """ln(wait + 60 s) of the longest wait it remembers; without one, no limit."""
        if self._memory is None or self._memory.total < FIRST_NETWORK:
            return math.inf
        return float(self._memory.waits.max())

    def quantiles(
        self,
        rows: NDArray[np.float64],
        waiting: Iterable[tuple[NDArray[np.float64], float]] = (),
    ) -> NDArray[np.float64] | None:
        """p50, p90, p95 of ln(wait + 60 s), one row a row; None: too little was seen.

        waiting: features and ln(wait so far + 60 s) of jobs that have not started; only asked for
        while the network is not yet taught.
        """
        if self._network is not None:
            return self._network.predict(rows)
        if self._memory is None or self._memory.total < FIRST_NEAR:
            return None
        return self._near(self._memory, rows, list(waiting))

    @staticmethod
    def _near(
        memory: Memory,
        rows: NDArray[np.float64],
        waiting: list[tuple[NDArray[np.float64], float]],
    ) -> NDArray[np.float64] | None:
        seen = memory.rows.astype(float)
        waits = memory.waits.astype(float)
        censored = np.zeros(len(seen), bool)
        if waiting:
            seen = np.vstack([seen, [row for row, _ in waiting]])
            waits = np.append(waits, [wait for _, wait in waiting])
            censored = np.append(censored, np.ones(len(waiting), bool))
        mean, spread = seen.mean(0), np.maximum(seen.std(0), 0.05)
        seen = (seen - mean) / spread
        found = [near_quantiles(seen, waits, censored, (row - mean) / spread) for row in rows]
        if any(one is None for one in found):
            return None
        return np.array(found)

    def to_json(self) -> dict[str, Any]:
        """What the network has learnt, as plain values; the rows it learnt from are not kept."""
        if self._network is None:
            return {}
        return {
            "seen": self.seen,
            "network": [_text(array) for array in self._network.arrays()],
            "inputs": len(self._network.mean),
        }

    def restore(self, saved: Mapping[str, Any], inputs: int) -> None:
        """Take over what ``to_json`` gave; a network of other features than now is left out."""
        if saved.get("inputs") != inputs:
            return
        self._network = Network(inputs, seed=self._seed)
        self._network.set_arrays([_array(text) for text in saved["network"]])
        self._memory = Memory(inputs)


def _text(array: NDArray[np.float32]) -> str:
    return base64.b64encode(array.astype("<f4").tobytes()).decode("ascii")


def _array(text: str) -> NDArray[np.float32]:
    return np.frombuffer(base64.b64decode(text), "<f4").astype(np.float32)
