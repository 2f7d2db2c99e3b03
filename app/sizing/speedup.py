"""How run time falls with more CPUs, fitted to a sweep."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import isclose

MEASURES = 3
"""Different CPU counts a curve needs: it has three terms."""

WITHIN = 0.1
"""The fewest CPUs whose run time is within this share of the shortest are enough."""

BEYOND_SWEEP = 2.0
"""How far past the largest count measured a curve is believed."""


@dataclass(frozen=True, slots=True)
class SpeedUp:
    """Run time on n CPUs: serial_s + parallel_s / n + overhead_s x (n - 1).

    Without overhead it is Amdahl's law, with it Gunther's universal law (its coherence term left
    out: a sweep of three to six counts cannot tell it from contention).
    error: the typical relative distance of the measured times from it.
    """

    serial_s: float
    parallel_s: float
    overhead_s: float
    error: float
    largest: int  # count measured

    def runtime_s(self, cpus: int) -> float:
        """The run time on that many CPUs."""
        return self.serial_s + self.parallel_s / cpus + self.overhead_s * (cpus - 1)

    def efficiency(self, cpus: int) -> float:
        """Speed-up over one CPU for each CPU: 1 is perfect."""
        return self.runtime_s(1) / self.runtime_s(cpus) / cpus

    def enough(self, candidates: Iterable[int]) -> int:
        """The fewest CPUs that are nearly as quick as the quickest of the candidates.

        Candidates far past what was measured are left out; raises ValueError without any left.
        """
        believed = [n for n in candidates if 1 <= n <= BEYOND_SWEEP * self.largest]
        if not believed:
            raise ValueError("no candidate near the counts that were measured")
        quickest = min(self.runtime_s(n) for n in believed)
        return min(n for n in believed if self.runtime_s(n) <= (1 + WITHIN) * quickest)


def fit_speedup(runtimes_s: Mapping[int, Sequence[float]]) -> SpeedUp | None:
    """The curve through run times by CPU count; None with fewer than three counts.

    Least squares of the relative errors of each count's median, no term negative.
    """
    points = []
    for cpus, times in sorted(runtimes_s.items()):
        known = sorted(time for time in times if time > 0)
        if cpus >= 1 and known:
            points.append((cpus, known[len(known) // 2]))
    if len(points) < MEASURES:
        return None
    rows = [(1.0 / time, 1.0 / cpus / time, (cpus - 1) / time) for cpus, time in points]
    best: tuple[float, tuple[float, float, float]] | None = None
    for size in (1, 2, 3):
        for used in combinations(range(3), size):
            terms = _least_squares(rows, used)
            if terms is None or min(terms) < 0:
                continue
            off = sum(
                (sum(a * b for a, b in zip(row, terms, strict=True)) - 1) ** 2 for row in rows
            )
            # A further term must earn its place: rounding alone is no reason.
            if best is None or off < best[0] * (1 - 1e-9) - 1e-12:
                best = off, terms
    if best is None:
        return None
    off, (serial, parallel, overhead) = best
    return SpeedUp(serial, parallel, overhead, (off / len(rows)) ** 0.5, points[-1][0])


def _least_squares(
    rows: Sequence[tuple[float, float, float]], used: tuple[int, ...]
) -> tuple[float, float, float] | None:
    """The factors of the used columns that sum each row to 1 best; the others are 0."""
    size = len(used)
    table = [
        [sum(row[i] * row[j] for row in rows) for j in used] + [sum(row[i] for row in rows)]
        for i in used
    ]
    for at in range(size):
        pivot = max(range(at, size), key=lambda line: abs(table[line][at]))
        table[at], table[pivot] = table[pivot], table[at]
        if isclose(table[at][at], 0.0, abs_tol=1e-300):
            return None
        for line in range(size):
            if line != at:
                factor = table[line][at] / table[at][at]
                table[line] = [a - factor * b for a, b in zip(table[line], table[at], strict=True)]
    terms = [0.0, 0.0, 0.0]
    for at, column in enumerate(used):
        terms[column] = table[at][size] / table[at][at]
    return terms[0], terms[1], terms[2]
