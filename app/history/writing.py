"""What is added to the file. Every function runs inside a transaction of its caller."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from jobshape.app.domain.finding import Finding
from jobshape.app.domain.job import AccountedJob, Job, Usage
from jobshape.app.history.merging import as_accounted, merge, settled
from jobshape.app.history.rows import SELECT, Row, read_rows, values_of
from jobshape.app.history.schema import LOST, OPEN
from jobshape.app.history.thinning import note_samples
from jobshape.app.history.words import Words, bound

CLOCKS_APART_S = 600
"""How much earlier than the program that submitted it the controller may date a job."""


class Recorded(NamedTuple):
    """What a writing did: jobs that were new, and those of which something new was known."""

    added: int = 0
    changed: int = 0


def record_jobs(
    db: sqlite3.Connection, words: Words, site: str, records: Iterable[Job | AccountedJob],
    now: int, *, from_queue: bool,
) -> Recorded:  # fmt: skip
    """Take in what the queue or accounting says of jobs."""
    site_number = words.keep(site)
    added = changed = 0
    for record in records:
        new = settled(as_accounted(record))
        rows = _rows_with_id(db, words, site_number, new.job.job_id)
        if _is_of_earlier_run(rows, new.job):
            continue
        old = _row_for(rows, new.job)
        if old is not None:
            changed += _update(db, words, old, new, now, from_queue=from_queue)
            continue
        for row in rows:
            if row.over == OPEN:  # its id is another job's now
                _mark_lost(db, row.id)
        _insert(db, words, site_number, new, now)
        added += 1
    return Recorded(added, changed)


def _rows_with_id(db: sqlite3.Connection, words: Words, site: int | None, job_id: int) -> list[Row]:
    """The rows of this id, the newest first: a site gives an id again after some years."""
    found = db.execute(
        f"{SELECT} FROM jobs WHERE job_id = ? AND site = ? ORDER BY submit_time DESC LIMIT 20",
        (job_id, site),
    ).fetchall()
    return list(read_rows(words, found)) if found else []


def _is_of_earlier_run(rows: Sequence[Row], new: Job) -> bool:
    """Whether the record is of a run before the one that is kept, before it was put back."""
    if not rows:
        return False
    kept = rows[0].record.job
    return bool(
        kept.restarts
        and kept.name == new.name
        and new.submit_time is not None
        and kept.submit_time is not None
        and new.submit_time < kept.submit_time
    )


def _row_for(rows: Sequence[Row], new: Job) -> Row | None:
    """The row that this record belongs to, None if to none yet.

    A job that is put back in the queue may get a new time of submission; its name stays.
    """
    for row in rows:
        if new.submit_time is None or row.record.job.submit_time in (new.submit_time, None):
            return row
    if not rows:
        return None
    newest, known = rows[0], rows[0].record.job
    came_back = newest.over == OPEN or bool(new.restarts)
    is_later = (known.submit_time or 0) < (new.submit_time or 0)
    return newest if came_back and is_later and known.name == new.name else None


def _insert(
    db: sqlite3.Connection, words: Words, site: int | None, record: AccountedJob, now: int
) -> None:
    values = {"site": site, **values_of(words, record, now)}
    origin = db.execute(
        "SELECT campaign, resubmitted_from FROM origins WHERE site = ? AND job_id = ? AND at <= ?",
        (site, _submitted_as(record.job), (record.job.submit_time or now) + CLOCKS_APART_S),
    ).fetchone()
    if origin:
        values["campaign"], values["resubmitted_from"] = origin
    names = ", ".join(values)
    marks = ", ".join("?" * len(values))
    db.execute(f"INSERT INTO jobs ({names}) VALUES ({marks})", tuple(values.values()))


def _submitted_as(job: Job) -> int:
    """The id that sbatch gave: of a task that of its array, of a component its leader's."""
    return job.array_job_id or job.het_job_id or job.job_id


def _update(
    db: sqlite3.Connection, words: Words, old: Row, new: AccountedJob, now: int, *,
    from_queue: bool,
) -> bool:  # fmt: skip
    merged = merge(old.record, new, from_queue=from_queue)
    if merged is old.record and old.over != LOST:
        return False
    values = values_of(words, merged, now)
    if old.over == LOST and merged is old.record:
        if not from_queue:
            return False  # accounting does not know either
        values["over"] = OPEN
    if _is_another_run(old.record.job, merged.job):
        values["finding"] = None
        db.execute("DELETE FROM findings WHERE job = ?", (old.id,))
        began = now if merged.job.start_time is None else merged.job.start_time
        db.execute("DELETE FROM usage WHERE job = ? AND at < ?", (old.id, began))
    setting = ", ".join(f"{name} = ?" for name in values)
    db.execute(f"UPDATE jobs SET {setting} WHERE id = ?", (*values.values(), old.id))
    return True


def _is_another_run(old: Job, new: Job) -> bool:
    was_over = old.end_time is not None and new.end_time is None
    return was_over or (new.restarts or 0) > (old.restarts or 0)


def record_lost(db: sqlite3.Connection, words: Words, site: str, job_ids: Iterable[int]) -> int:
    """These left the queue and nobody says how they ended; gives how many that was news of."""
    number, marked = words.number(site), 0
    for job_id in job_ids:
        for (row,) in db.execute(
            "SELECT id FROM jobs WHERE job_id = ? AND site = ? AND over = ?",
            (job_id, number, OPEN),
        ).fetchall():
            _mark_lost(db, row)
            marked += 1
    return marked


def record_all_lost_but(
    db: sqlite3.Connection, words: Words, site: str, in_queue: frozenset[int]
) -> int:
    """Every job of the site that is not over and not in the queue either is lost."""
    number = words.number(site)
    open_jobs = db.execute(
        "SELECT id, job_id FROM jobs WHERE site = ? AND over = 0", (number,)
    ).fetchall()
    lost = [row for row, job_id in open_jobs if job_id not in in_queue]
    for row in lost:
        _mark_lost(db, row)
    return len(lost)


def _mark_lost(db: sqlite3.Connection, row: int) -> None:
    db.execute(
        "UPDATE jobs SET over = ?, last_at = seen_at, end_time = NULL WHERE id = ?", (LOST, row)
    )


def row_of(
    db: sqlite3.Connection, words: Words, site: str, job_id: int, submit_time: int | None = None
) -> int | None:
    """The row of a job; without a time of submission the newest of this id."""
    key: list[Any] = [job_id, words.number(site)]
    which = "ORDER BY submit_time DESC LIMIT 1"
    if submit_time is not None:
        which = "AND submit_time = ?"
        key.append(submit_time)
    row = db.execute(f"SELECT id FROM jobs WHERE job_id = ? AND site = ? {which}", key).fetchone()
    return None if row is None else int(row[0])


def record_usage(
    db: sqlite3.Connection, words: Words, site: str, samples: Iterable[Usage], now: int
) -> int:
    """Take in samples of running jobs; one of a job that is not known is dropped."""
    kept = 0
    for sample in samples:
        row = row_of(db, words, site, sample.job_id)
        if row is None or all(figure is None for figure in sample[2:8]):
            continue
        db.execute(
            "INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row, *sample[1:8], words.keep(sample.gpu_source)),
        )
        note_samples(db, row, now)
        kept += 1
    return kept


def record_findings(
    db: sqlite3.Connection, words: Words, row: int, findings: Sequence[Finding], now: int
) -> None:
    """These, best first, are what is found now; they replace what was found before."""
    db.execute("DELETE FROM findings WHERE job = ?", (row,))
    for rank, found in enumerate(findings):
        evidence = json.dumps([list(one) for one in found.evidence])
        texts = (found.severity, found.title, found.why, found.fix, found.fix_class, found.retry)
        db.execute(
            "INSERT INTO findings VALUES (?, ?, CAST(? AS TEXT), ?, CAST(? AS TEXT),"
            " CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT), CAST(? AS TEXT),"
            " CAST(? AS TEXT), ?, CAST(? AS TEXT), ?)",
            (row, rank, bound(found.label), found.confidence, *map(bound, texts), evidence,
             bound(found.rule), now),
        )  # fmt: skip
    label = words.keep(findings[0].label) if findings else None
    db.execute("UPDATE jobs SET finding = ? WHERE id = ?", (label, row))


def record_origin(
    db: sqlite3.Connection, words: Words, site: str, job_id: int, now: int, *,
    campaign: str = "", resubmitted_from: int | None = None,
) -> None:  # fmt: skip
    """Where a job that was just submitted comes from, before the queue has shown it."""
    number, campaign_number = words.keep(site), words.keep(campaign)
    db.execute(
        "INSERT OR REPLACE INTO origins VALUES (?, ?, ?, ?, ?)",
        (number, job_id, now, campaign_number, resubmitted_from),
    )
    db.execute(
        "UPDATE jobs SET campaign = coalesce(?1, campaign),"
        " resubmitted_from = coalesce(?2, resubmitted_from)"
        " WHERE site = ?3 AND (job_id = ?4 OR array_job_id = ?4) AND submit_time >= ?5",
        (campaign_number, resubmitted_from, number, job_id, now - CLOCKS_APART_S),
    )
