"""Quantities of earlier runs that a request can start from: the largest peak, a line on input."""

from bisect import bisect_right, insort
from math import ceil, inf, log1p

NAMES = ("largest", "recent", "p90", "median", "line", "near")
"""Order of the values that :meth:`Baselines.values` gives."""

RECENT = 3
NEAREST = 5
LINE_RUNS = 3  # a line through two points always fits


class Baselines:
    """Running summaries of the needs seen so far; each takes a run in logarithmic time."""

    def __init__(self) -> None:
        self.count = 0
        self.largest = 0.0
        self._last: list[float] = []
        self._sorted: list[float] = []
        self._by_input: list[tuple[float, int, float]] = []
        self._shift = 0.0
        self._sum_x = self._sum_y = self._sum_xx = self._sum_xy = 0.0

    def learn(self, need: float, input_bytes: float | None) -> None:
        """Take one more run."""
        self.count += 1
        self.largest = max(self.largest, need)
        self._last = [*self._last[-RECENT + 1 :], need]
        insort(self._sorted, need)
        if input_bytes is not None:
            insort(self._by_input, (input_bytes, self.count, need))
            if len(self._by_input) == 1:
                self._shift = input_bytes
            x = input_bytes - self._shift  # near 0, so the sums of squares keep their digits
            self._sum_x += x
            self._sum_y += need
            self._sum_xx += x * x
            self._sum_xy += x * need

    def values(self, input_bytes: float | None) -> tuple[float, ...]:
        """A value for each of NAMES, for a next run of that input; at least one run is known.

        What cannot be told (no input size, too few runs) is the largest need.
        """
        line = near = self.largest
        if input_bytes is not None and self._by_input:
            fitted = self.line_at(input_bytes)
            line = self.largest if fitted is None else fitted
            near = self._largest_near(input_bytes)
        return self.largest, max(self._last), self.quantile(0.9), self.quantile(0.5), line, near

    def quantile(self, share: float) -> float:
        """The need that this share of the runs did not exceed."""
        return self._sorted[max(0, ceil(share * self.count) - 1)]

    def line(self) -> tuple[float, float] | None:
        """Slope and offset of the least-squares line on the input size; None if it has no say."""
        count = len(self._by_input)
        if count < LINE_RUNS:
            return None
        mean_x, mean_y = self._sum_x / count, self._sum_y / count
        spread = self._sum_xx - count * mean_x * mean_x
        scale = max(abs(self._shift), abs(self._by_input[-1][0]), 1.0)
        if spread <= 1e-9 * scale * scale:
            return None
        slope = (self._sum_xy - count * mean_x * mean_y) / spread
        return slope, mean_y - slope * (mean_x + self._shift)

    def line_at(self, input_bytes: float) -> float | None:
        """The line's value there, at least the smallest need seen."""
        fitted = self.line()
        if fitted is None:
            return None
        return max(fitted[0] * input_bytes + fitted[1], self._sorted[0])

    def _largest_near(self, input_bytes: float) -> float:
        """The largest need of the runs whose input was nearest by ratio, newest first."""
        runs, at = self._by_input, log1p(input_bytes)
        right = bisect_right(runs, (input_bytes, self.count + 1, inf))
        left = right - 1
        largest = 0.0
        for _ in range(min(NEAREST, len(runs))):
            below = at - log1p(runs[left][0]) if left >= 0 else inf
            above = log1p(runs[right][0]) - at if right < len(runs) else inf
            if below <= above:
                largest = max(largest, runs[left][2])
                left -= 1
            else:
                largest = max(largest, runs[right][2])
                right += 1
        return largest
