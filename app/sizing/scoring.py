"""The sizing as the benchmark on traces calls it: a history in, a request out."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobshape.app.sizing.ladder import next_rung
from jobshape.app.sizing.ledger import Ledger
from jobshape.app.sizing.run import SizingRun

WALLTIME_PRICE = 20.0
SMALLEST_S = 7200.0
PRICES = {"lean": 1.0, "default": 5.0, "safe": 25.0}


class _Memory:
    leaning = "default"

    def __init__(self) -> None:
        self._ledger = Ledger(1e9)

    def __call__(
        self,
        history: Sequence[Mapping[str, Any]],
        input_bytes: float | None,
        requested: float | None,
    ) -> float | None:
        for record in history[self._ledger.seen.count :]:
            self._ledger.learn(
                SizingRun(record["peak_bytes"], record["runtime_s"] or 1.0, record["input_bytes"])
            )
        if not history:
            return requested
        wanted = 0.0
        for leaning, price in PRICES.items():
            wanted = max(wanted, self._ledger.choose(input_bytes, price).request)
            if leaning == self.leaning:
                break
        return wanted

    def retry(
        self,
        previous: float,
        attempt: int,
        history: Sequence[Mapping[str, Any]],
        input_bytes: float | None,
        requested: float | None,
    ) -> float:
        """The request after one that was too small."""
        return next_rung(previous, self._ledger.seen.largest)


class safe(_Memory):
    """Few failures at the price of memory."""

    leaning = "safe"


class default(_Memory):
    """The setting the app starts with."""


class lean(_Memory):
    """Least memory, more retries."""

    leaning = "lean"


class walltime:
    """Walltime with few timeouts, never above what was asked."""

    def __init__(self) -> None:
        self._ledger = Ledger(SMALLEST_S)

    def __call__(
        self,
        history: Sequence[Mapping[str, Any]],
        input_bytes: float | None,
        requested: float | None,
    ) -> float | None:
        """Seconds to ask for."""
        for record in history[self._ledger.seen.count :]:
            ended = record["status"] == "timeout"
            self._ledger.learn(
                SizingRun(record["runtime_s"], 1.0, record["input_bytes"], censored=ended)
            )
        if not history:
            return requested
        return self._ledger.choose(input_bytes, WALLTIME_PRICE, requested).request

    def retry(
        self,
        previous: float,
        attempt: int,
        history: Sequence[Mapping[str, Any]],
        input_bytes: float | None,
        requested: float | None,
    ) -> float:
        """The request after one that was too small."""
        if requested and requested > previous:
            return requested
        return next_rung(previous, self._ledger.seen.largest)
