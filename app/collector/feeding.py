"""What forked children do for the history: write what was seen, read accounting slice by slice."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jobshape.app.backends.base import Backend, Scope
from jobshape.app.collector.forked import Emit, on_one_line
from jobshape.app.collector.reading import StageOf
from jobshape.app.collector.wire import JOB_CODEC, USAGE_CODEC
from jobshape.app.domain.job import AccountedJob

if TYPE_CHECKING:
    from jobshape.app.history.history import History

NICENESS = 5  # on top of the collector's
AT_ONCE = 2000  # jobs of accounting in one transaction: a second jobshape need not wait long
UNTOLD_S, UNTOLD_AT_START_S = 3600, 2 * 86400
"""How long an ended job is asked for again whose usage accounting has not told."""


class Place(NamedTuple):
    """Where to write: the file, and the name the site has in it."""

    path: str
    site: str


class Batch(NamedTuple):
    """What was seen since the last writing, as the lines that came over the pipe."""

    jobs: tuple[str, ...] = ()
    usage: tuple[str, ...] = ()
    lost: tuple[int, ...] = ()
    in_queue: frozenset[int] | None = None  # given: every other job that is not over is lost
    rules: Sequence[Mapping[str, str]] | None = None  # given: apply them if they are others
    counts: bool = False  # whether to say how many jobs there are
    remark: str | None = None  # given: what is to be known of the site's jobs


def load_history() -> None:
    """Load what the children need before they are forked: 6 ms of CPU for each instead of 27."""
    import_module("jobshape.app.history.history")


def write_history(
    place: Place, batch: Batch, stage_of: StageOf, backend: Backend, emit: Emit
) -> dict[str, Any]:
    """Write a batch in one transaction; trouble is part of the answer, no error."""
    with suppress(OSError):
        os.nice(NICENESS)
    return write_batch(place, batch, stage_of)


def write_batch(
    place: Place, batch: Batch, stage_of: StageOf, busy_s: float = 10.0
) -> dict[str, Any]:
    """The same in this process."""
    from jobshape.app.history.history import History
    from jobshape.app.history.opening import HistoryTrouble

    try:
        with History.to_write(Path(place.path), busy_s=busy_s) as history:
            with history.transaction():
                head = _written(history, place.site, batch, stage_of)
            head["notice"] = on_one_line(history.notice)
            return head
    except HistoryTrouble as error:
        return _trouble(Path(place.path), error)


def _written(history: "History", site: str, batch: Batch, stage_of: StageOf) -> dict[str, Any]:
    added, changed = history.record_jobs(site, map(JOB_CODEC.decode, batch.jobs), from_queue=True)
    changed += history.record_lost(site, batch.lost)
    if batch.in_queue is not None:
        changed += history.record_all_lost_but(site, batch.in_queue)
    changed += history.record_usage(site, map(USAGE_CODEC.decode, batch.usage))
    history.thin()
    if batch.rules is not None:
        changed += _restaged(history, site, batch.rules, stage_of)
    if batch.remark is not None and batch.remark != history.remark(site):
        history.set_remark(site, batch.remark)
    return {
        "added": added,
        "changed": added + changed,
        "jobs": history.count(site) if batch.counts else None,
    }


def _restaged(
    history: "History", site: str, rules: Sequence[Mapping[str, str]], stage_of: StageOf
) -> int:
    digest = hashlib.sha256(json.dumps([dict(rule) for rule in rules]).encode()).hexdigest()
    name = f"stage rules {site}"
    if history.fact(name) == digest:
        return 0
    history.note_fact(name, digest)
    return history.restage(site, stage_of) if rules else 0


def _trouble(path: Path, error: Exception) -> dict[str, Any]:
    """What to say; a file found damaged while it was in use is set aside for the next writing."""
    from jobshape.app.history.opening import DamagedHistory, HistoryTrouble, set_aside_damaged

    words = str(error)
    began_anew = False
    if isinstance(error, DamagedHistory):
        with suppress(HistoryTrouble):
            notice = set_aside_damaged(path, error.what)
            began_anew = bool(notice)
            words = notice or words
    return {"trouble": on_one_line(words), "began_anew": began_anew}


def read_slice(
    place: Place,
    first_days: float,
    longest_s: int,
    plan: bool,
    at_start: bool,
    stage_of: StageOf,
    backend: Backend,
    emit: Emit,
) -> dict[str, Any]:
    """Read the newest slice of accounting that history does not have, and keep it.

    plan: first put everything up to now among what is to be read.
    """
    from jobshape.app.history.history import History
    from jobshape.app.history.opening import HistoryTrouble

    with suppress(OSError):
        os.nice(NICENESS)
    site = place.site
    try:
        with History.to_write(Path(place.path)) as history:
            coverage = _planned(history, site, first_days, at_start) if plan else None
            coverage = coverage or history.coverage(site)
            span = coverage.newest(longest_s)
            if span is None:
                notice = on_one_line(history.notice)
                return {"read": 0, "left": 0, "jobs": history.count(site), "notice": notice}
            accounted = [
                entry._replace(job=entry.job._replace(stage=stage_of(entry.job)))
                for entry in backend.accounting(Scope.MINE, *span, ended=True)
            ]
            added = changed = 0
            for some in _slices(accounted):
                recorded = history.record_jobs(site, some, from_queue=False)
                added, changed = added + recorded.added, changed + recorded.changed
            with history.transaction():
                coverage = history.coverage(site).without(span)
                history.set_coverage(site, coverage)
            untold = history.oldest_without_usage(site, UNTOLD_S)
            return {
                "read": 1,
                "left": coverage.slices_left(longest_s),
                "added": added,
                "changed": added + changed,
                "jobs": history.count(site),
                "untold": untold is not None,
                "notice": on_one_line(history.notice),
            }
    except HistoryTrouble as error:
        return _trouble(Path(place.path), error)


def _planned(history: "History", site: str, first_days: float, at_start: bool) -> Any:
    with history.transaction():  # a second jobshape plans too
        untold = history.oldest_without_usage(site, UNTOLD_AT_START_S if at_start else UNTOLD_S)
        coverage = history.coverage(site).planned(int(time.time()), first_days, untold)
        history.set_coverage(site, coverage)
    return coverage


def _slices(records: Sequence[AccountedJob]) -> Iterator[Sequence[AccountedJob]]:
    return (records[at : at + AT_ONCE] for at in range(0, len(records), AT_ONCE))
