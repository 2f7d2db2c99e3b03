"""``jobshape wait JOB...``: from pending to the end, with a bar; the exit code tells success."""

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from shutil import get_terminal_size
from typing import Any, NamedTuple

from jobshape.app.asking import ask, check_reference, read_jobs, wanted_of
from jobshape.app.backends.base import Backend
from jobshape.app.board.words import reason_words, state_words
from jobshape.app.collector.plain import from_plain, to_plain
from jobshape.app.collector.wire import JOB_CODEC
from jobshape.app.domain.errors import BackendError, BadRequest, JobshapeError
from jobshape.app.domain.finding import UNKNOWN, Finding
from jobshape.app.domain.job import Job
from jobshape.app.domain.states import Phase, is_finished, phase_of
from jobshape.app.domain.text import sanitize
from jobshape.app.domain.units import format_short_duration
from jobshape.app.settings.folders import rule_paths
from jobshape.app.settings.values import Loaded
from jobshape.app.sites import choose_site
from jobshape.app.snapshot import Wanted

SCHEMA = "jobshape.wait/1"
OK, FAILED, TIMED_OUT = 0, 1, 3
DEADLINE_S = 60.0
FIRST_S, FIRST_FOR_S = 10.0, 120.0
THEN_S, THEN_FOR_S = 30.0, 900.0
LATER_S = 300.0
NEAR_S, NEAR_LIMIT_S = 60.0, 900.0
BAR_WIDTH = 24
MOST_MISSED = 3
"""Looks in a row that find a job nowhere, after which nobody knows how it ended."""

MOST_EXPLAINED = 5
"""Failed jobs of which the cause is told."""


class Look(NamedTuple):
    """One look at the jobs waited for."""

    at: float
    jobs: tuple[Job, ...]
    missed: Mapping[str, int] = {}  # label -> looks in a row that found it nowhere

    def is_lost(self, job: Job) -> bool:
        """Whether it left the queue and nobody knows how it ended."""
        return not is_finished(job.state) and self.missed.get(job.label, 0) >= MOST_MISSED

    @property
    def ended(self) -> list[Job]:
        """Those that are over."""
        return [job for job in self.jobs if is_finished(job.state) or self.is_lost(job)]

    @property
    def failed(self) -> list[Job]:
        """Those that are over and are no success."""
        return [job for job in self.ended if not is_success(job)]

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to wait for."""
        return bool(self.jobs) and len(self.ended) == len(self.jobs)


def is_success(job: Job) -> bool:
    """Whether Slurm says that it ended well: its state and its exit code."""
    return job.state == "COMPLETED" and job.exit_code in ("", "0:0")


def pause_s(waited_s: float, look: Look) -> float:
    """Seconds until the next look: seldom in a long wait, oftener near a job's time limit."""
    ends = [
        job.end_time - look.at
        for job in look.jobs
        if phase_of(job.state) is Phase.RUNNING and job.end_time is not None
    ]
    if look.missed:
        return FIRST_S
    regular = FIRST_S if waited_s < FIRST_FOR_S else THEN_S if waited_s < THEN_FOR_S else LATER_S
    if ends and min(ends) < NEAR_LIMIT_S:
        return min(regular, NEAR_S)
    return regular


def wait_for_jobs(
    loaded: Loaded,
    references: Sequence[str],
    *,
    as_json: bool,
    timeout_s: float | None,
    say: Callable[[str], object],
    tell: Callable[[str], object] | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> int:
    """Wait for the end of jobs; gives 0 where all ended well, 1 where one did not, 3 out of time.

    tell: takes the lines on the way (standard error by default). Raises BadRequest for a job that
    nobody knows, and what asking raises at the first look; later trouble is told and borne.
    """
    for reference in references:
        check_reference(reference)
    wanted = wanted_of(choose_site(loaded), DEADLINE_S)
    teller = Teller(tell)
    began = time.monotonic()
    look = look_at(wanted, references)
    changed_at = began
    while True:
        teller.show(look)
        waited_s = time.monotonic() - began
        if look.is_over or (timeout_s is not None and waited_s >= timeout_s):
            break
        pause = pause_s(time.monotonic() - changed_at, look)
        if timeout_s is not None:
            pause = min(pause, max(0.1, timeout_s - waited_s))
        sleep(pause)
        try:
            newer = look_at(wanted, references, look)
        except BackendError as error:
            teller.trouble(error)
            continue
        if [job.state for job in newer.jobs] != [job.state for job in look.jobs]:
            changed_at = time.monotonic()
        look = newer
    teller.close()
    causes = causes_of(wanted, look.failed)
    for line in [_document(look, causes)] if as_json else _summary(look, causes):
        say(line)
    return (FAILED if look.failed else OK) if look.is_over else TIMED_OUT


def causes_of(wanted: Wanted, failed: Sequence[Job]) -> dict[int, Finding]:
    """Job id -> the likeliest cause, of the first few; nothing where nobody can look."""
    jobs = [job for job in failed if phase_of(job.state) is Phase.FAILED][:MOST_EXPLAINED]
    if not jobs:
        return {}
    try:
        answer = ask(wanted, "diagnose", partial(_look_into, jobs, list(map(str, rule_paths()))))
    except BackendError:
        return {}
    found: list[Finding] = from_plain(list[Finding], answer)
    return {job.job_id: finding for job, finding in zip(jobs, found, strict=True)}


def _look_into(jobs: Sequence[Job], rules: Sequence[str], backend: Backend) -> list[Any]:
    """Runs in the child."""
    from jobshape.app.collector.diagnosing import look_into

    return [to_plain(findings[0]) for findings in look_into(backend, jobs, rules)]


def look_at(wanted: Wanted, references: Sequence[str], before: Look | None = None) -> Look:
    """The jobs as they are now; those seen ending before, which may be gone by now, stay.

    Raises BackendError; at the first look BadRequest for one that nobody knows.
    """
    known = {job.job_id: job for job in before.jobs} if before else {}
    over = {job.job_id: job for job in before.ended} if before else {}
    expected = [job.label for job in known.values() if job.job_id not in over]
    question = partial(read_jobs, tuple(references), tuple(expected), before is None)
    answer = ask(wanted, "wait", question)
    if answer["unknown"] and before is None:
        raise BadRequest(
            f"no job {', '.join(answer['unknown'])} in the queue or in accounting",
            hint=answer["hint"],
        )
    _take(known, list(map(JOB_CODEC.decode, answer["jobs"])))
    missed = {job.label: MOST_MISSED for job in over.values() if not is_finished(job.state)}
    if before is not None:
        missed |= {label: before.missed.get(label, 0) + 1 for label in answer["gone"]}
    return Look(time.time(), tuple(known.values()), missed)


def _take(known: dict[int, Job], fresh: Sequence[Job]) -> None:
    """Put the newest records in place; tasks that were split off an array leave its record."""
    ids = {job.job_id for job in fresh}
    arrays = {job.array_job_id for job in fresh}
    for job in list(known.values()):
        if job.array_tasks and job.job_id not in ids and job.array_job_id in arrays:
            del known[job.job_id]
    known.update((job.job_id, job) for job in fresh)


class Teller:
    """Tells how it goes: on a terminal one line that is drawn over, else a line a change."""

    def __init__(self, tell: Callable[[str], object] | None) -> None:
        self._tell = tell
        self._is_live = tell is None and sys.stderr is not None and sys.stderr.isatty()
        self._last = ""

    def show(self, look: Look) -> None:
        """How many are how far."""
        line = sanitize(progress_line(look))
        if self._is_live:
            width = get_terminal_size().columns - 1
            print(f"\r\x1b[K{line[:width]}", end="", file=sys.stderr, flush=True)  # noqa: T201
        elif line != self._last:
            self._say(line)
        self._last = line

    def trouble(self, error: JobshapeError) -> None:
        """An answer did not come; the wait goes on."""
        text = sanitize(f"{error.what}; trying again")
        if self._is_live:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)  # noqa: T201
        else:
            self._say(text)

    def close(self) -> None:
        """No more lines."""
        if self._is_live:
            print(file=sys.stderr)  # noqa: T201

    def _say(self, line: str) -> None:
        if self._tell is not None:
            self._tell(line)
        elif sys.stderr is not None:
            print(line, file=sys.stderr, flush=True)  # noqa: T201


def progress_line(look: Look) -> str:
    """``[####....] 4 of 10 done, 1 failed, 3 running, 2 pending (others go first)``."""
    total, ended, failed = len(look.jobs), len(look.ended), len(look.failed)
    filled = BAR_WIDTH * ended // total if total else 0
    parts = [f"{ended - failed} of {total} done"]
    if failed:
        parts.append(f"{failed} failed")
    left = [job for job in look.jobs if not look.is_lost(job)]
    running = [job for job in left if phase_of(job.state) is Phase.RUNNING]
    waiting = [job for job in left if phase_of(job.state) is Phase.WAITING]
    if running:
        longest = min((job.start_time or look.at for job in running), default=look.at)
        ran = format_short_duration(max(0, int(look.at - longest)))
        parts.append(f"{len(running)} running ({ran})")
    if waiting:
        reasons = {reason_words(job.reason).short for job in waiting}
        why = next(iter(reasons)) if len(reasons) == 1 else "several reasons"
        parts.append(f"{len(waiting)} pending ({why})")
    others = total - ended - len(running) - len(waiting)
    if others:
        parts.append(f"{others} in an unknown state")
    return f"[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {', '.join(parts)}"


def _summary(look: Look, causes: Mapping[int, Finding]) -> list[str]:
    lines = []
    for job in look.jobs:
        if look.is_lost(job):
            words = f"it left the queue ({job.state} when last seen), nobody knows how it ended"
            lines.append(sanitize(f"{job.label} {job.name}: {words}"))
            continue
        ran = ""
        if job.start_time is not None and job.end_time is not None and is_finished(job.state):
            ran = f" after {format_short_duration(max(0, job.end_time - job.start_time))}"
        code = f", exit code {job.exit_code}" if job.exit_code not in ("", "0:0") else ""
        words = state_words(job.state).short
        lines.append(sanitize(f"{job.label} {job.name}: {words} ({job.state}){code}{ran}"))
        cause = causes.get(job.job_id)
        if cause is not None and cause.label != UNKNOWN:
            lines.append(sanitize(f"  {cause.title}: {cause.why} {cause.fix}"))
            lines += [sanitize(f"  | {seen.text.strip()}"[:200]) for seen in cause.evidence[:2]]
    return lines


def _document(look: Look, causes: Mapping[int, Finding]) -> str:
    jobs = [
        {
            "id": job.label, "job_id": job.job_id, "name": job.name, "state": job.state,
            "reason": job.reason or None, "exit_code": job.exit_code or None,
            "start_time": job.start_time, "end_time": job.end_time,
            "ended": is_finished(job.state),
            "lost": look.is_lost(job),
            "success": is_success(job) if is_finished(job.state) else None,
            "cause": causes[job.job_id].label if job.job_id in causes else None,
        }
        for job in look.jobs
    ]  # fmt: skip
    document = {
        "schema": SCHEMA, "taken_at": int(look.at), "over": look.is_over,
        "success": look.is_over and not look.failed, "jobs": jobs,
    }  # fmt: skip
    return json.dumps(document, indent=1)
