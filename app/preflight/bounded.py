"""Work that may hang (a dead disk), in a thread that nobody waits for longer than it may take."""

import threading
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


class TooSlow(Exception):
    """It did not end in time; the thread goes on by itself and ends with the process."""


def bounded(work: Callable[[], Answer], within_s: float) -> Answer:
    """What the work gives. Raises TooSlow, and what the work raises."""
    answers: list[Answer] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work())
        except BaseException as error:  # it belongs to who waits
            errors.append(error)

    thread = threading.Thread(target=run, name="preflight", daemon=True)
    thread.start()
    thread.join(within_s)
    if errors:
        raise errors[0]
    if not answers:
        raise TooSlow
    return answers[0]
