"""Looks at disks that may be dead: nobody waits longer than said, and few threads may hang."""

import threading
from collections.abc import Callable
from typing import TypeVar

from jobshape.app.preflight.bounded import TooSlow, bounded

MOST_HANGING = 16
"""Looks that may hang at once; while so many do, the next ones get no answer at once."""

Answer = TypeVar("Answer")
_free = threading.BoundedSemaphore(MOST_HANGING)


def patiently(work: Callable[[], Answer], within_s: float) -> Answer:
    """What the work gives. Raises TooSlow, and what the work raises."""
    if not _free.acquire(blocking=False):
        raise TooSlow

    def run() -> Answer:
        try:
            return work()
        finally:
            _free.release()

    return bounded(run, within_s)
