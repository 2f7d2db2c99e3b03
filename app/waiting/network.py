"""A small ensemble of neural networks that forecasts quantiles, learning a little at each event.

Plain numpy: the pinball loss is minimised by Adam on small batches of lately seen jobs, so that it
follows the site without a refit, and a screen full of shapes is a few matrix products.
"""

from itertools import pairwise
from typing import Any

import numpy as np
from jobshape.app.waiting.records import LEVELS
from numpy.typing import NDArray

Array = NDArray[np.float32]

MEMBERS = 4
HIDDEN = 40
CLIP = 4.0
SMOOTH = 0.05
"""Width, in ln seconds, in which the slope of the loss goes over from miss to hit."""


class Network:
    """An ensemble of equal networks with two hidden layers; the forecast is their mean."""

    def __init__(self, inputs: int, *, seed: int = 1, learning_rate: float = 2e-3) -> None:
        rng = np.random.default_rng(seed)
        outputs = len(LEVELS)
        sizes = (inputs, HIDDEN, HIDDEN, outputs)
        self.mean: Array = np.zeros(inputs, np.float32)
        self.scale: Array = np.ones(inputs, np.float32)
        self.parameters: list[Array] = []
        for before, after in pairwise(sizes):
            spread = np.sqrt(2.0 / before) * (0.1 if after == outputs else 1.0)
            weight = rng.normal(0.0, spread, (MEMBERS, before, after))
            self.parameters.append(weight.astype(np.float32))
            self.parameters.append(np.zeros((MEMBERS, 1, after), np.float32))
        self._moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self.parameters]
        self._steps = 0
        self._rate = learning_rate
        self._levels = np.array(LEVELS, np.float32)

    def arrays(self) -> list[Array]:
        """All that a forecast needs, in a fixed order."""
        return [self.mean, self.scale, *self.parameters]

    def set_arrays(self, flat: list[Array]) -> None:
        """Take over arrays of any shape with as many values. Raises ValueError for others."""
        mine = self.arrays()
        shaped = [new.reshape(old.shape).copy() for old, new in zip(mine, flat, strict=True)]
        if not all(np.isfinite(array).all() for array in shaped):
            raise ValueError("not finite")
        self.mean, self.scale, *self.parameters = shaped

    def standardise(self, rows: NDArray[Any]) -> None:
        """Set the scale of the inputs by these rows; what was learnt stays what it was."""
        mean = rows.mean(0).astype(np.float32)
        spread = rows.std(0).astype(np.float32)
        scale = 1.0 / np.maximum(spread, 0.05)
        weight, bias = self.parameters[0], self.parameters[1]
        moved = (mean - self.mean) * self.scale
        bias += np.einsum("i,mih->mh", moved, weight)[:, None]
        weight *= (self.scale / scale)[None, :, None]
        self.mean, self.scale = mean, scale

    def begin_at(self, quantiles: NDArray[np.float64]) -> None:
        """Start from these forecasts for every shape."""
        self.parameters[-1][:] = quantiles.astype(np.float32)

    def _inputs(self, rows: NDArray[Any]) -> Array:
        scaled: Array = np.clip((rows - self.mean) * self.scale, -CLIP, CLIP).astype(np.float32)
        return scaled

    def predict(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        """Quantiles, one row a row."""
        w1, b1, w2, b2, w3, b3 = self.parameters
        x = self._inputs(rows)
        h1 = np.maximum(x @ w1 + b1, 0)
        h2 = np.maximum(h1 @ w2 + b2, 0)
        out = (h2 @ w3 + b3).mean(0).astype(np.float64)
        return np.maximum.accumulate(out, axis=1)

    def learn(self, rows: NDArray[Any], waits: NDArray[Any]) -> None:
        """One step on as many rows as members times the batch: each member has its own."""
        w1, b1, w2, b2, w3, b3 = self.parameters
        x = self._inputs(rows).reshape(MEMBERS, -1, rows.shape[1])
        target = waits.reshape(MEMBERS, -1, 1).astype(np.float32)
        h1 = np.maximum(x @ w1 + b1, 0)
        h2 = np.maximum(h1 @ w2 + b2, 0)
        out = h2 @ w3 + b3
        hit = np.clip((out - target) / SMOOTH * 0.5 + 0.5, 0, 1)
        slope = (hit - self._levels) / np.float32(x.shape[1])
        g3 = h2.transpose(0, 2, 1) @ slope
        d2 = (slope @ w3.transpose(0, 2, 1)) * (h2 > 0)
        g2 = h1.transpose(0, 2, 1) @ d2
        d1 = (d2 @ w2.transpose(0, 2, 1)) * (h1 > 0)
        g1 = x.transpose(0, 2, 1) @ d1
        sums = [d.sum(1, keepdims=True) for d in (d1, d2, slope)]
        self._step([g1, sums[0], g2, sums[1], g3, sums[2]])

    def _step(self, gradients: list[Array]) -> None:
        self._steps += 1
        t = self._steps
        rate = self._rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        rate *= max(0.25, 1.0 / (1.0 + t / 8000.0))
        for p, g, (m, v) in zip(self.parameters, gradients, self._moments, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= np.float32(rate) * (m / (np.sqrt(v) + 1e-8) + np.float32(0.003) * p)
