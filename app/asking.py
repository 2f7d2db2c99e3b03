"""One question to the site, for commands without a screen: in a child with a deadline."""

import re
import selectors
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from jobshape.app.backends.base import Backend, Scope
from jobshape.app.collector.calls import typed_error
from jobshape.app.collector.choose import choose_backend
from jobshape.app.collector.forked import Emit, ForkedCall
from jobshape.app.collector.wire import JOB_CODEC, Frame
from jobshape.app.domain.errors import NO_ANSWER_HINT, BadRequest, NotSupported
from jobshape.app.domain.job import Job
from jobshape.app.sites import Site
from jobshape.app.snapshot import Wanted

LOOK_BACK_S = 30 * 86400
"""How old a job may be that accounting is asked for."""

_REFERENCE = re.compile(r"[0-9]+(_[0-9]+)?(\+[0-9]+)?")

_TASKS = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?(?::([0-9]{1,9}))?")

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


def check_reference(reference: str) -> None:
    """Raises BadRequest for a text that cannot name a job."""
    if not _REFERENCE.fullmatch(reference):
        what = f"{reference!r} is no job id"
        raise BadRequest(what, hint="like 12, or 4_7 for one task of an array")


def read_jobs(
    references: tuple[str, ...], expected: tuple[str, ...], is_first: bool, backend: Backend
) -> dict[str, Any]:
    """Runs in the child: this user's queue, else everybody's; what is not there, in accounting.

    Of an array some tasks may have ended and be gone: at the first look accounting tells of them.
    """
    found: dict[str, list[Job]] = {reference: [] for reference in references}
    for scope in (Scope.MINE, Scope.ALL):
        missing = [reference for reference, jobs in found.items() if not jobs]
        if missing and (is_first or scope is Scope.MINE):
            _sort_in(found, missing, backend.queue(scope).jobs)
    queued = {job.job_id: job for jobs in found.values() for job in jobs}
    labels = {job.label for job in queued.values()}
    asked = [reference for reference, jobs in found.items() if not jobs]
    if is_first:
        asked += [r for r, jobs in found.items() if any(job.array_job_id for job in jobs)]
    else:
        asked = [label.partition("_[")[0] for label in expected if label not in labels]
    hint = ""
    ended: dict[int, Job] = {}
    if asked:
        since = int(time.time() - LOOK_BACK_S)
        try:
            for entry in backend.accounting(Scope.ALL, since, jobs=asked):
                ended[entry.job.job_id] = entry.job
        except NotSupported as error:
            hint = f"accounting cannot be asked: {error.what}"
    jobs = ended | queued
    return {
        "jobs": [JOB_CODEC.encode(job) for job in jobs.values()],
        "unknown": [r for r in references if not any(names(r, job) for job in jobs.values())],
        "gone": _gone(expected, jobs.values()),
        "hint": hint,
    }


def _gone(expected: Sequence[str], jobs: Iterable[Job]) -> list[str]:
    """What was found nowhere; of ``4_[1-3]`` any task of the array will do."""
    found: set[str] = set()
    for job in jobs:
        found |= {job.label, f"{job.array_job_id}_["}
    return [
        label for label in expected
        if label not in found and "".join(label.partition("_[")[:2]) not in found
    ]  # fmt: skip


def _sort_in(found: dict[str, list[Job]], missing: Sequence[str], jobs: Sequence[Job]) -> None:
    for reference in missing:
        found[reference] = [job for job in jobs if names(reference, job)]


def names(reference: str, job: Job) -> bool:
    """Whether a reference means this job: its id, its array's, or its het job's."""
    whole = {job.job_id, job.array_job_id, job.het_job_id}
    if reference.isdigit():
        return int(reference) in whole
    if job.label == reference:
        return True
    array, _, task = reference.partition("_")
    return str(job.array_job_id) == array and task.isdigit() and _holds(job.array_tasks, int(task))


def _holds(tasks: str, number: int) -> bool:
    """Whether tasks that are not split off yet (``5-10,20-40:4%2``) hold this one."""
    for part in tasks.partition("%")[0].split(","):
        match = _TASKS.fullmatch(part)
        if match:
            first, last, step = (int(found) if found else 0 for found in match.groups())
            if first <= number <= (last or first) and (number - first) % (step or 1) == 0:
                return True
    return False
