"""The sizing as the benchmark on traces calls it: a history in, a request out."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobshape.app.sizing.ladder import next_rung
from jobshape.app.sizing.ledger import Ledger
from jobshape.app.sizing.memory import SMALLEST_LOSS_BYTES, choose_memory
from jobshape.app.sizing.run import SizingRun
from jobshape.app.sizing.sized import Leaning
from jobshape.app.sizing.walltime import SMALLEST_LOSS_S, choose_walltime, walltime_retry

History = Sequence[Mapping[str, Any]]


class _Memory:
    leaning: Leaning = "default"

    def __init__(self) -> None:
        self._ledger = Ledger(SMALLEST_LOSS_BYTES)

    def __call__(
        self, history: History, input_bytes: float | None, requested: float | None
    ) -> float | None:
        """Bytes to ask for."""
        for record in history[self._ledger.seen.count :]:
            self._ledger.learn(
                SizingRun(record["peak_bytes"], record["runtime_s"] or 1.0, record["input_bytes"])
            )
        if not history:
            return requested
        return choose_memory(self._ledger, self.leaning, input_bytes, requested).request

    def retry(
        self,
        previous: float,
        attempt: int,
        history: History,
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
        self._ledger = Ledger(SMALLEST_LOSS_S)

    def __call__(
        self, history: History, input_bytes: float | None, requested: float | None
    ) -> float | None:
        """Seconds to ask for."""
        for record in history[self._ledger.seen.count :]:
            ended = record["status"] == "timeout"
            self._ledger.learn(
                SizingRun(record["runtime_s"], 1.0, record["input_bytes"], censored=ended)
            )
        if not history:
            return requested
        return choose_walltime(self._ledger, input_bytes, requested).request

    def retry(
        self,
        previous: float,
        attempt: int,
        history: History,
        input_bytes: float | None,
        requested: float | None,
    ) -> float:
        """The request after one that was too small."""
        return walltime_retry(previous, self._ledger.seen.largest, requested)
