"""The last lines of a running job's log, asked of the site: what a person reads before it goes."""

from typing import NamedTuple

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.job import Job, LogPaths
from jobshape.app.domain.log_part import FOUND, LogPart
from jobshape.app.logs.shown import shown
from jobshape.screens.ports import Actions

TAIL_BYTES = 16 << 10


class LastLines(NamedTuple):
    """The end of a log; without lines ``problem`` says why."""

    path: str
    lines: tuple[str, ...] = ()
    problem: str = ""


async def last_lines(actions: Actions, job: Job, most: int) -> LastLines:
    """The last lines of what a job writes, blank ones left out; never raises for what is there."""
    try:
        paths = await actions.call("log_paths", job=str(job.job_id))
        assert isinstance(paths, LogPaths)
        path = paths.stdout or paths.stderr
        if not path:
            return LastLines("", problem="it writes no log")
        part = await actions.call("read_log", path=path, offset=-TAIL_BYTES, size=TAIL_BYTES)
        assert isinstance(part, LogPart)
    except JobshapeError as error:
        return LastLines("", problem=f"its log cannot be read: {error.what}")
    if part.state != FOUND:
        return LastLines(path, problem=f"no log here: {part.why or part.state}")
    whole = part.data if part.offset == 0 else part.data.partition(b"\n")[2]
    lines = [shown(line).text for line in whole.split(b"\n")]
    kept = [line for line in lines if line.strip()]
    return LastLines(path, tuple(kept[-most:]), "" if kept else "its log is empty so far")
