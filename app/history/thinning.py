"""Usage samples grow fewer with age: all of the last hour, one a minute for a day, then one in ten.

Of the samples that fall together the one with the most memory stays, which is what sizes a job.
"""

import sqlite3

HOUR_S, DAY_S = 3600, 86400
MINUTE_S, TEN_MINUTES_S = 60, 600
MOST_SAMPLES = 1500
"""A job keeps no more: ten days at one in ten minutes; above it, gaps double."""

JOBS_AT_ONCE = 200


def note_samples(db: sqlite3.Connection, job: int, now: int) -> None:
    """A job has new samples: look at it again when they are an hour old."""
    db.execute("INSERT OR IGNORE INTO thinning VALUES (?, ?)", (job, now + HOUR_S))


def thin_due(db: sqlite3.Connection, now: int) -> int:
    """Thin the jobs whose time has come, some at a time; gives how many. In a transaction."""
    due = db.execute(
        "SELECT job FROM thinning WHERE due_at <= ? ORDER BY due_at LIMIT ?", (now, JOBS_AT_ONCE)
    ).fetchall()
    for (job,) in due:
        thin_job(db, job, now)
        _plan_next(db, job, now)
    return len(due)


def thin_job(db: sqlite3.Connection, job: int, now: int) -> None:
    """Thin the samples of one job."""
    _thin(db, job, now - DAY_S, now - HOUR_S, MINUTE_S)
    _thin(db, job, 0, now - DAY_S, TEN_MINUTES_S)
    gap_s = TEN_MINUTES_S
    while _count(db, job) > MOST_SAMPLES and gap_s < 400 * DAY_S:
        gap_s *= 2
        _thin(db, job, 0, now - HOUR_S, gap_s)


def _thin(db: sqlite3.Connection, job: int, since: int, until: int, gap_s: int) -> None:
    """Of the samples in each gap keep one; a bare column beside max() is of that row (SQLite)."""
    db.execute(
        "DELETE FROM usage WHERE job = ?1 AND at >= ?2 AND at < ?3 AND at NOT IN (SELECT at FROM"
        " (SELECT at, max(coalesce(memory_bytes, memory_peak_bytes, -1)) FROM usage"
        " WHERE job = ?1 AND at >= ?2 AND at < ?3 GROUP BY at / ?4))",
        (job, since, until, gap_s),
    )


def _count(db: sqlite3.Connection, job: int) -> int:
    (count,) = db.execute("SELECT count(*) FROM usage WHERE job = ?", (job,)).fetchone()
    return int(count)


def _plan_next(db: sqlite3.Connection, job: int, now: int) -> None:
    """Again in an hour while it has young samples, once more when all are a day old."""
    (last,) = db.execute("SELECT max(at) FROM usage WHERE job = ?", (job,)).fetchone()
    if last is None or last < now - DAY_S:
        db.execute("DELETE FROM thinning WHERE job = ?", (job,))
        return
    due_at = now + HOUR_S if last >= now - HOUR_S else last + DAY_S + 1
    db.execute("UPDATE thinning SET due_at = ? WHERE job = ?", (due_at, job))
