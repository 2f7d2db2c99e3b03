"""What sizing learns from: one earlier run of the same work."""

from typing import NamedTuple


class SizingRun(NamedTuple):
    """One earlier run, oldest first in any list of them.

    need: what it used of the resource in question: bytes for memory, seconds for walltime. For a
    run that was ended for using too much, the limit it ran into, with ``censored`` set: that says
    only "more than this". A sample can miss the peak, so a killed run's MaxRSS says no more.
    """

    need: float
    runtime_s: float = 1.0
    input_bytes: float | None = None
    censored: bool = False
    smoke: bool = False  # shortened on purpose, so the real runs need more
    version: str = ""  # of the code; "" for unknown
