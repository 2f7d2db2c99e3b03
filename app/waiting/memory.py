"""What earlier submissions looked like and how long they waited: the rows forecasts learn from."""

import numpy as np
from numpy.typing import NDArray

RECENT_SHARE = 7
"""More of the last rows, and the network believes a burst of jobs instead of the site."""


class Memory:
    """A ring of the last started submissions: features and ln(wait + 60 s)."""

    def __init__(self, columns: int, *, size: int = 16000) -> None:
        self._size = size
        self._rows = np.zeros((min(size, 1024), columns), np.float32)
        self._waits = np.zeros(min(size, 1024), np.float32)
        self.total = 0

    def __len__(self) -> int:
        return min(self.total, self._size)

    @property
    def rows(self) -> NDArray[np.float32]:
        """All rows held, in no order."""
        return self._rows[: len(self)]

    @property
    def waits(self) -> NDArray[np.float32]:
        """Their ln(wait + 60 s)."""
        return self._waits[: len(self)]

    def add(self, row: NDArray[np.float64], wait: float) -> None:
        """A submission with this row has started after a wait of this ln(wait + 60 s)."""
        place = self.total % self._size
        if place == len(self._rows):
            more = min(len(self._rows), self._size - place)
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows[:more])])
            self._waits = np.concatenate([self._waits, np.zeros_like(self._waits[:more])])
        self._rows[place] = row
        self._waits[place] = wait
        self.total += 1

    def sample(self, rng: np.random.Generator, count: int, *, recent: int) -> NDArray[np.intp]:
        """Places of ``count`` rows, a seventh of them among the last ``recent``."""
        held = len(self)
        fresh = count // RECENT_SHARE
        old = rng.integers(0, held, count - fresh)
        back = rng.integers(1, min(held, recent) + 1, fresh)
        return np.concatenate([old, (self.total - back) % self._size]).astype(np.intp)
