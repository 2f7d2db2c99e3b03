"""What history knows of a script: which jobs it was sent as, and how they ended."""

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.job import Job
from jobshape.app.domain.site_facts import SiteFacts
from jobshape.app.domain.states import is_finished
from jobshape.app.preflight.bounded import TooSlow, bounded
from jobshape.app.preflight.facts import PastFacts, Sent
from jobshape.app.preflight.subject import Subject

if TYPE_CHECKING:
    from jobshape.app.history.history import History

PATIENCE_S = 5.0
MOST = 50
MOST_ASKED = 10
BACK_S = 180 * 86400
"""How old a submission may be that is looked at."""


def look_into_past(
    path: Path | None, site: str, subject: Subject, facts: SiteFacts | None
) -> PastFacts:
    """Earlier submissions of the same configuration, newest first; raises nothing.

    path: of the history; None where none is kept. site: its name there.
    """
    if path is None:
        return PastFacts("no history is kept (history.enabled)")
    if not site:
        return PastFacts("the site's name is not known")
    try:
        return bounded(lambda: _look(path, site, subject, facts), PATIENCE_S)
    except TooSlow:
        return PastFacts("the history's disk does not answer")
    except JobshapeError as error:
        return PastFacts(f"the history cannot be read: {error.what}")


def open_ends(past: PastFacts, facts: SiteFacts | None) -> list[int]:
    """The newest jobs that are not in the queue, and whose end history does not know."""
    queued = {job.whole_id for job in (facts.queue if facts else None) or ()}
    return [
        sent.job_id for sent in past.sent
        if sent.job_id not in queued and not is_finished(sent.state)
    ][:MOST_ASKED]  # fmt: skip


def with_ends(past: PastFacts, ended: Iterable[Job]) -> PastFacts:
    """The same with what accounting says of these jobs or, of an array, of its tasks."""
    states: dict[int, set[str]] = {}
    partitions: dict[int, str] = {}
    for job in ended:
        whole = job.array_job_id or job.het_job_id or job.job_id
        states.setdefault(whole, set()).add(job.state)
        partitions[whole] = job.partition
    return replace(past, sent=tuple(
        sent._replace(state=_together(states[sent.job_id]), partition=partitions[sent.job_id])
        if sent.job_id in states else sent
        for sent in past.sent
    ))  # fmt: skip


def _look(path: Path, site: str, subject: Subject, facts: SiteFacts | None) -> PastFacts:
    from jobshape.app.history.history import History

    history = History.to_read(path)
    if history is None:
        return PastFacts()
    since = int(time.time()) - BACK_S
    with history:
        records = history.submissions(
            site, configuration_hash=subject.configuration_hash, since=since, limit=MOST
        )
        return PastFacts(sent=tuple(
            _sent(record, record.job_id, history, site, subject, facts)
            for record in records if record.job_id is not None
        ))  # fmt: skip


def _sent(
    record: SubmissionRecord, job_id: int, history: "History", site: str, subject: Subject,
    facts: SiteFacts | None,
) -> Sent:  # fmt: skip
    states, partition = _states(job_id, history, site, facts)
    return Sent(
        job_id, partition or record.shape.partition or "", record.shape.array or "",
        _together(states),
        record.script_hash == subject.script_hash and record.arguments == subject.arguments,
    )  # fmt: skip


def _states(
    job_id: int, history: "History", site: str, facts: SiteFacts | None
) -> tuple[set[str], str]:
    """The states of a job or of an array's tasks, as history and queue have them now."""
    from jobshape.app.history.query import JobQuery

    now = {job.job_id: job for job in (facts.queue if facts else None) or ()
           if job.whole_id == job_id}  # fmt: skip
    kept = [one.record.job for one in history.jobs(JobQuery(site=site, ids=(str(job_id),),
                                                            limit=10_000))]  # fmt: skip
    states = {job.state for job in kept if job.job_id not in now}
    partitions = [one.partition for one in now.values()] + [one.partition for one in kept]
    partitions = list(filter(None, partitions))
    return states | {job.state for job in now.values()}, partitions[0] if partitions else ""


def _together(states: set[str]) -> str:
    """One word for all tasks: COMPLETED only if every one is."""
    if states == {"COMPLETED"}:
        return "COMPLETED"
    return sorted(states - {"COMPLETED"})[0] if states else ""
