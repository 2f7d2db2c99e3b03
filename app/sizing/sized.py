"""The answer of sizing: what to ask for, how sure that is, and why."""

from dataclasses import dataclass
from typing import Literal

Leaning = Literal["lean", "default", "safe"]
LEANINGS: tuple[Leaning, ...] = ("lean", "default", "safe")
"""From least waste to fewest failures; each asks for at least as much as the one before."""

Basis = Literal["history", "asked", "rule of thumb", "nothing"]


@dataclass(frozen=True, slots=True)
class Sized:
    """What to ask for next of one resource; bytes, seconds or a count.

    low, high: nine of ten next runs need something between; None where nothing tells.
    p_fail: the chance that the first attempt is too small; None where nothing tells.
    retries: what to ask for after each attempt that was too small.
    """

    request: int | None
    low: int | None
    high: int | None
    p_fail: float | None
    basis: Basis
    runs: int  # that it was learned from
    why: tuple[str, ...]
    retries: tuple[int, ...] = ()
