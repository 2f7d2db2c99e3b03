"""Questions to the file, each an index's worth of work."""

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from jobshape.app.domain.finding import Evidence, Finding
from jobshape.app.domain.job import Usage
from jobshape.app.domain.past import PastJob
from jobshape.app.history.family import family_of
from jobshape.app.history.query import JobQuery, as_sql
from jobshape.app.history.rows import SELECT, past_jobs, select
from jobshape.app.history.schema import OVER
from jobshape.app.history.words import Words

LONGEST_LINEAGE = 200


def jobs(db: sqlite3.Connection, words: Words, query: JobQuery) -> list[PastJob]:
    """The jobs of a query, newest first. Raises BadQuery."""
    rest, values = as_sql(db, words, query)
    return past_jobs(words, db, select(db, f"{SELECT} FROM jobs{rest}", values))


def stage_runs(
    db: sqlite3.Connection, words: Words, site: str, since: int, most: int
) -> list[PastJob]:
    """Ended jobs of the site, of each stage the newest ``most`` since then, stage by stage."""
    number = words.number(site)
    rows: list[tuple[Any, ...]] = []
    for stage in different(db, "stage"):
        rows += select(
            db,
            f"{SELECT} FROM jobs WHERE stage = ? AND last_at >= ? AND site = ? AND over = {OVER}"
            " ORDER BY last_at DESC LIMIT ?",
            (stage, since, number, most),
        )
    return past_jobs(words, db, rows)


def different(db: sqlite3.Connection, column: str) -> list[int]:
    """The numbers there are in an indexed column: one step in the index for each, not one a job."""
    found: list[int] = []
    while True:
        query = f"SELECT min({column}) FROM jobs WHERE {column} > ?"
        (number,) = db.execute(query, (found[-1] if found else 0,)).fetchone()
        if number is None:
            return found
        found.append(number)


def similar(
    db: sqlite3.Connection, words: Words, site: str, stage: str, name: str, most: int
) -> list[PastJob]:
    """Ended jobs of this stage whose names differ from this one only in numbers, newest first."""
    rows = select(
        db,
        f"{SELECT} FROM jobs WHERE family = ? AND site = ? AND stage = ? AND over = {OVER}"
        " ORDER BY last_at DESC LIMIT ?",
        (words.number(family_of(name)), words.number(site), words.number(stage), most),
    )
    return past_jobs(words, db, rows)


def usage_series(db: sqlite3.Connection, words: Words, row: int, job_id: int) -> list[Usage]:
    """The samples of a job, oldest first."""
    rows = select(
        db,
        "SELECT at, memory_bytes, memory_peak_bytes, cpu_time_s, gpu_percent, gpu_memory_bytes,"
        " gpu_memory_total_bytes, gpu_source FROM usage WHERE job = ? ORDER BY at",
        (row,),
    )
    texts = words.texts({values[-1] for values in rows})
    return [Usage._make((job_id, *values[:-1], texts[values[-1]], "")) for values in rows]


def findings(db: sqlite3.Connection, row: int) -> list[Finding]:
    """What was found of a job, best first."""
    return [
        Finding._make((*first, tuple(map(Evidence._make, json.loads(evidence))), rule))
        for *first, evidence, rule in db.execute(
            "SELECT label, confidence, severity, title, why, fix, fix_class, retry, evidence, rule"
            " FROM findings WHERE job = ? ORDER BY rank",
            (row,),
        )
    ]


def lineage(db: sqlite3.Connection, words: Words, site: str, row: int) -> list[PastJob]:
    """The jobs this one was resubmitted from and all that came of these, oldest first."""
    number = words.number(site)
    known = {row}
    todo: list[int] = [row]
    while todo and len(known) < LONGEST_LINEAGE:
        job_id, array, parent, submitted = db.execute(
            "SELECT job_id, array_job_id, resubmitted_from, submit_time FROM jobs WHERE id = ?",
            (todo.pop(),),
        ).fetchone()
        for relative in _relatives(db, number, (job_id, array), parent, submitted):
            if relative not in known:
                known.add(relative)
                todo.append(relative)
    marks = ",".join("?" * len(known))
    rows = select(
        db, f"{SELECT} FROM jobs WHERE jobs.id IN ({marks}) ORDER BY submit_time, job_id", known
    )
    return past_jobs(words, db, rows)


def _relatives(
    db: sqlite3.Connection, site: int | None, ids: Sequence[int | None], parent: int | None,
    submitted: int,
) -> list[int]:  # fmt: skip
    """Rows of the job it came from, the newest that bears the id and is older, and of its heirs."""
    found = select(
        db,
        "SELECT id FROM jobs WHERE +site = ? AND resubmitted_from IN (?, ?) AND submit_time >= ?"
        " AND resubmitted_from IS NOT NULL",
        (site, *ids, submitted),
    )
    if parent is not None:
        found += select(
            db,
            "SELECT id FROM jobs WHERE job_id = ? AND site = ? AND submit_time <= ?"
            " ORDER BY submit_time DESC LIMIT 1",
            (parent, site, submitted),
        )
    return [row for (row,) in found]
