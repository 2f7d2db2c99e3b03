"""Whether a sending without a clear answer has arrived: the site is looked at for its key.

That nothing arrived is sure only once nobody can be sending it any more, and queue and accounting
have both answered after that. A wrong yes costs a wait, a wrong no runs everything twice.
"""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from jobshape.app.backends.base import Backend, Scope
from jobshape.app.domain.errors import BackendError, NotSupported, Refused
from jobshape.app.domain.job import Job
from jobshape.app.rounds.campaign import Sending
from jobshape.app.rounds.observing import QueueIndex

SETTLE_S = 20
"""How old a sending has to be before it can be sure that it did not arrive, and for how long it has
to be missing in readings that the site answered after that. A call takes 20 s at most; sbatch
that outlives a killed runner is seen among the processes."""

REMOTE_SETTLE_S = 150
"""The same where sbatch runs on another machine: it tries again for two minutes by itself (15
pauses of 1 to 15 s), and nobody sees it there."""

QUEUE_KEEPS_S = 240
"""Where no accounting is: a job that ended stays in the queue so long (MinJobAge is 300 s)."""

CLOCKS_APART_S = 60


class NotSure(NamedTuple):
    """Nobody can tell yet; ``is_final``: nor will anybody later."""

    why: str
    is_final: bool = False


class Search:
    """Looks for sendings, and keeps since when it misses which."""

    def __init__(self, backend: Backend, *, remote: bool = False) -> None:
        self._backend = backend
        self._settle_s = REMOTE_SETTLE_S if remote else SETTLE_S
        self._missing: dict[int, int] = {}  # sending -> since when it is missing

    def look(self, sending: Sending, queue: QueueIndex, now: int) -> int | NotSure | None:
        """The id of its job, the array's; None: it is sure that nothing arrived."""
        job = queue.by_key.get(sending.key) or queue.by_name.get(sending.name)
        if job is not None:
            return _id(job)
        if now - sending.at < self._settle_s or is_being_sent(sending.key):
            self._missing.pop(sending.id, None)
            return NotSure("it may still arrive")
        has_accounting = True
        try:
            job = self._in_accounting(sending)
        except (NotSupported, Refused):
            has_accounting = False
        except BackendError as error:
            return NotSure(error.what)
        if job is not None:
            return _id(job)
        since = self._missing.setdefault(sending.id, now)
        if not has_accounting and since - sending.at > QUEUE_KEEPS_S:
            return NotSure("the queue may have forgotten it, and there is no accounting", True)
        if not has_accounting and queue.unread:
            return NotSure("a job of the queue cannot be read, and there is no accounting", True)
        if now - since < self._settle_s:
            return NotSure("it is looked for")
        return None

    def _in_accounting(self, sending: Sending) -> Job | None:
        since = max(0, sending.at - CLOCKS_APART_S)
        jobs = [entry.job for entry in self._backend.accounting(Scope.MINE, since)]
        index = QueueIndex(jobs)
        return index.by_key.get(sending.key) or index.by_name.get(sending.name)


def _id(job: Job) -> int:
    return job.array_job_id or job.job_id


def is_being_sent(key: str) -> bool:
    """Whether a process of this user, left by a runner that was killed, still names the key."""
    wanted, own = key.encode(), os.getpid()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == own:
            continue
        with suppress(OSError):
            if folder.stat().st_uid == os.getuid() and wanted in (folder / "cmdline").read_bytes():
                return True
    return False
