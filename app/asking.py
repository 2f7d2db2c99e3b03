"""One question to the site, for commands without a screen: in a child with a deadline."""

import selectors
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from jobshape.app.backends.base import Backend
from jobshape.app.collector.calls import typed_error
from jobshape.app.collector.choose import choose_backend
from jobshape.app.collector.forked import Emit, ForkedCall
from jobshape.app.collector.wire import Frame
from jobshape.app.domain.errors import NO_ANSWER_HINT
from jobshape.app.sites import Site
from jobshape.app.snapshot import Wanted

Question = Callable[[Backend], Any]
"""What is asked in the child; gives JSON values."""


def wanted_of(site: Site, deadline_s: float) -> Wanted:
    """How to get at a site."""
    return Wanted(
        backend=site.backend, ssh=site.ssh, local=site.local.head() if site.local else None,
        deadline_s=deadline_s,
    )  # fmt: skip


def ask(wanted: Wanted, name: str, question: Question) -> Any:
    """The answer to a question. Raises BackendError, also where none comes in time."""
    call = ForkedCall(
        name, partial(_work, wanted, question), wanted.deadline_s,
        subprocesses=wanted.backend != "pyslurm",
    )  # fmt: skip
    answer: Any = None
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(call.fd, selectors.EVENT_READ)
            more = True
            while more:
                left_s = call.deadline_at - time.monotonic()
                if left_s <= 0 or not selector.select(left_s):
                    hint = "" if wanted.local else NO_ANSWER_HINT
                    what = f"no answer within {call.deadline_s:g} s"
                    call.kill(["Unreachable", what, "", hint])
                    break
                frames, more = call.read()
                for frame in frames:
                    answer = frame.head["answer"]
    finally:
        call.kill_group()
        ended = call.finish()
    if ended.error:
        raise typed_error(ended.error)
    return answer


def _work(wanted: Wanted, question: Question, emit: Emit) -> dict[str, Any]:
    _, backend = choose_backend(
        wanted.backend, wanted.ssh or None, local=wanted.local, careful=True
    )
    emit(Frame("answer", {"answer": question(backend)}))
    return {}
