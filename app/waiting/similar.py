"""Waits of similar jobs, where the live queue has not been watched for long: history's answer."""

import math
from collections import deque

import numpy as np
from jobshape.app.waiting.ledger import size_class, wall_class
from jobshape.app.waiting.records import GRACE_S, LEVELS, WaitShape

KEPT = 100
FEWEST = 20
"""Fewer waits than this are no distribution."""


class SimilarJobs:
    """The last waits of shapes alike in queue, partition, size and walltime; else more coarsely."""

    def __init__(self) -> None:
        self._waits: dict[tuple[object, ...], deque[float]] = {}

    @staticmethod
    def _keys(shape: WaitShape) -> tuple[tuple[object, ...], ...]:
        where = (shape.queue, shape.partition)
        size = size_class(shape.cpus)
        wall = wall_class(shape.walltime_s) if shape.walltime_s else -1
        return (where, size, wall), (where, size), (where,)

    def add(self, shape: WaitShape, wait_s: float) -> None:
        """A job of this shape waited so long."""
        for key in self._keys(shape):
            self._waits.setdefault(key, deque(maxlen=KEPT)).append(max(wait_s, 0.0))

    def quantiles(self, shape: WaitShape) -> tuple[list[float], int] | None:
        """Quantiles of ln(wait + 60 s) of the closest group with enough waits, and how many."""
        for key in self._keys(shape):
            waits = self._waits.get(key)
            if waits and len(waits) >= FEWEST:
                found = np.quantile(np.array(waits), LEVELS, method="higher")
                return [math.log(value + GRACE_S) for value in found], len(waits)
        return None
