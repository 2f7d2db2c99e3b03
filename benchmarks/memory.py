"""Watch the memory of a program and all its descendants while it runs: median, p95 and peak.

One moment says little: a child that reads a long queue lives for a second and holds most of what
is held then.
"""

from __future__ import annotations

import statistics
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import processes

EVERY_S = 0.05


class Share(NamedTuple):
    """One process in one sample: which command it runs, and whether it is a fork of its parent."""

    pid: int
    command: str
    forked: bool
    pss_mb: float


class MemoryWatch:
    """Samples the PSS of a process tree in a thread of its own, as a context manager."""

    def __init__(self, root: int, every_s: float = EVERY_S) -> None:
        self._root, self._every_s = root, every_s
        self.samples: list[list[Share]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> MemoryWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            if shares := _shares(self._root):
                self.samples.append(shares)
            self._over.wait(max(0.0, began + self._every_s - time.monotonic()))

    def figures(self) -> dict[str, Any]:
        """What all processes held together, in MB, and who held it at the peak."""
        totals = sorted(_total(sample) for sample in self.samples)
        highest = max(self.samples, key=_total)
        return {
            "samples": len(totals),
            "median_mb": round(statistics.median(totals), 1),
            "p95_mb": round(totals[int(len(totals) * 0.95)], 1),
            "peak_mb": round(totals[-1], 1),
            "at_peak": [share._asdict() for share in highest],
        }


def _total(sample: list[Share]) -> float:
    return sum(share.pss_mb for share in sample)


def _shares(root: int) -> list[Share]:
    shares = []
    words: dict[int, str] = {}
    for pid in processes.tree(root):
        try:
            words[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, UnicodeDecodeError):
            continue
        pss_mb = round(processes.pss_bytes([pid]) / 1e6, 1)
        forked = words[pid] == words.get(processes.parent(pid))
        shares.append(Share(pid, words[pid][:80].strip(), forked, pss_mb))
    return shares
