"""Work on files in a thread, so that a dead disk keeps nobody from going on."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from jobshape.app.domain.errors import JobshapeError

PATIENCE_S = 10.0

Answer = TypeVar("Answer")


async def beside(
    work: Callable[[], Answer], who: str = "the history", patience_s: float = PATIENCE_S
) -> Answer:
    """Do some work in a thread that nobody waits for at the end; raises what it raises.

    Raises JobshapeError, naming who gave no answer, where it takes longer than that.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Answer] = loop.create_future()

    def run() -> None:
        try:
            answer, error = work(), None
        except BaseException as caught:  # it belongs to who waits
            error = caught
        with suppress(RuntimeError):  # the loop is over
            if error is None:
                loop.call_soon_threadsafe(_settle, future, answer)
            else:
                loop.call_soon_threadsafe(_fail, future, error)

    threading.Thread(target=run, name=who, daemon=True).start()
    try:
        async with asyncio.timeout(patience_s):
            return await future
    except TimeoutError as error:
        what = f"{who} gave no answer in {patience_s:g} s"
        raise JobshapeError(what, hint="is its disk well?") from error


def _settle(future: "asyncio.Future[Answer]", answer: Answer) -> None:
    if not future.done():
        future.set_result(answer)


def _fail(future: "asyncio.Future[Answer]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
