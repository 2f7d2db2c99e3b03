"""Logs that the site reads for us, for a log view: its threads ask, the app's loop carries it."""

import asyncio

from jobshape.app.domain.log_part import LogPart
from jobshape.app.logs.source import CalledFile
from jobshape.screens.ports import Actions

LONGEST_S = 70.0
"""A little more than the collector gives the call."""

SSH_POLL_S, NODE_POLL_S = 5.0, 30.0
"""How often such a log is looked at; on a node each look costs the controller two job steps."""


def log_of_site(actions: Actions, path: str, *, on_node_of: str = "") -> CalledFile:
    """A log that only the site sees, or only the node of a running job.

    Call it in the app's event loop; the log itself may be read in any other thread.
    """
    loop = asyncio.get_running_loop()

    def call(offset: int, size: int) -> LogPart:
        asked = actions.call("read_log", path=path, offset=offset, size=size, on_node_of=on_node_of)
        part = asyncio.run_coroutine_threadsafe(asked, loop).result(LONGEST_S)
        assert isinstance(part, LogPart)
        return part

    return CalledFile(path, call, poll_s=NODE_POLL_S if on_node_of else SSH_POLL_S)
