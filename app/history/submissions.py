"""What was submitted, with its script; writing runs inside a transaction of its caller.

Each text of a script is kept once, however often it is submitted. How a submission ended stands
with its action.
"""

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from jobshape.app.domain.action import (
    ActionEntry,
    Ended,
    Outcome,
    SubmissionRecord,
    leading_id,
)
from jobshape.app.domain.shape import JobShape
from jobshape.app.history import actions
from jobshape.app.history.words import Words
from jobshape.app.history.writing import record_origin

PACKED_FROM = 1024
"""Bytes of a script from which it is compressed."""

NEVER_KEPT = ("script", "environment")
"""Of a request: the script is kept by itself, and variables may hold passwords."""

_SHAPE_FIELDS = frozenset(item.name for item in fields(JobShape))

_COLUMNS = (
    "s.id, s.action, s.job_id, s.name, s.script_path, s.arguments, s.shape, s.script_hash,"
    " s.configuration_hash, s.git_commit, s.git_dirty, s.request, s.resubmitted_from, s.lifted,"
    " scripts.is_packed, scripts.content"
)
_FROM = "FROM submissions s JOIN scripts ON scripts.id = s.script"


def begin(
    db: sqlite3.Connection, words: Words, site: str, user: str, record: SubmissionRecord, now: int
) -> int:
    """Keep that this will be submitted now, as an action too; gives its id."""
    entry = ActionEntry("submit", title=record.title, reason=record.reason, batch=record.batch)
    (action,) = actions.begin(db, words, site, user, [entry], now)
    request = {name: value for name, value in record.request.items() if name not in NEVER_KEPT}
    added = db.execute(
        "INSERT INTO submissions (action, site, at, name, script, script_path, arguments, shape,"
        " script_hash, configuration_hash, git_commit, git_dirty, request, resubmitted_from,"
        " lifted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, nullif(?, ''), nullif(?, ''), nullif(?, ''), ?,"
        " ?, ?, ?)",
        (action, words.keep(site), now, words.keep(record.name), _keep_script(db, record.script),
         words.keep(record.script_path), json.dumps(record.arguments),
         json.dumps(dict(record.shape.said())), record.script_hash, record.configuration_hash,
         record.git_commit, record.git_dirty, json.dumps(request),
         json.dumps(record.resubmitted_from), json.dumps(dict(record.lifted))),
    ).lastrowid  # fmt: skip
    assert added is not None
    return added


def end(
    db: sqlite3.Connection, words: Words, submission: int, job_id: int | None, outcome: Outcome,
    answer: str, now: int,
) -> None:  # fmt: skip
    """Keep what became of it, and of which job the new one is a resubmission."""
    row = db.execute(
        "SELECT action, site, resubmitted_from FROM submissions WHERE id = ?", (submission,)
    ).fetchone()
    if row is None:
        return
    action, site, parents = row
    actions.end(db, words, [Ended(action, outcome, answer)], now)
    if job_id is None:
        return
    db.execute("UPDATE submissions SET job_id = ? WHERE id = ?", (job_id, submission))
    db.execute("UPDATE actions SET job = ?, job_id = ? WHERE id = ?", (str(job_id), job_id, action))
    parent = next(filter(None, map(leading_id, json.loads(parents))), None)
    if parent is not None:
        record_origin(db, words, words.texts([site])[site], job_id, now, resubmitted_from=parent)


def of_job(
    db: sqlite3.Connection, words: Words, now: int, site: str, job_id: int
) -> SubmissionRecord | None:
    """The newest submission that became this job, or the array that it is a task of."""
    if not actions.has_actions(db):
        return None
    number = words.number(site)
    leader = db.execute(
        "SELECT coalesce(array_job_id, het_job_id) FROM jobs WHERE job_id = ? AND site = ?"
        " ORDER BY submit_time DESC LIMIT 1",
        (job_id, number),
    ).fetchone()
    for wanted in (job_id, leader and leader[0]):
        found = _find(
            db, words, now, "WHERE s.job_id = ? AND s.site = ? ORDER BY s.id DESC LIMIT 1",
            (wanted, number),
        )  # fmt: skip
        if found:
            return found[0]
    return None


def sites_of(db: sqlite3.Connection, words: Words, job_id: int) -> list[str]:
    """Where a submission became a job of this id."""
    if not actions.has_actions(db):
        return []
    query = "SELECT DISTINCT site FROM submissions WHERE job_id = ?"
    numbers = [number for (number,) in db.execute(query, (job_id,))]
    texts = words.texts(numbers)
    return sorted(texts[number] for number in numbers)


def submissions(
    db: sqlite3.Connection, words: Words, now: int, site: str, script_hash: str,
    configuration_hash: str, since: int | None, limit: int,
) -> list[SubmissionRecord]:  # fmt: skip
    """Those with these hashes, "" for any, since then; newest first."""
    if not actions.has_actions(db):
        return []
    parts, values = ["s.site = ?"], [words.number(site)]
    for part, value in (
        ("s.script_hash = ?", script_hash or None),
        ("s.configuration_hash = ?", configuration_hash or None),
        ("s.at >= ?", since),
    ):
        if value is not None:
            parts.append(part)
            values.append(value)  # type: ignore[arg-type]
    where = f"WHERE {' AND '.join(parts)} ORDER BY s.id DESC LIMIT ?"
    return _find(db, words, now, where, (*values, limit))


def _find(
    db: sqlite3.Connection, words: Words, now: int, rest: str, values: Sequence[Any]
) -> list[SubmissionRecord]:
    rows = db.execute(f"SELECT {_COLUMNS} {_FROM} {rest}", values).fetchall()
    texts = words.texts({row[place] for place in (3, 4) for row in rows})
    made = []
    for row in rows:
        (number, action_id, job_id, name, path, arguments, shape, script_hash, configuration_hash,
         commit, dirty, request, parents, lifted, is_packed, content) = row  # fmt: skip
        action = actions.action(db, words, now, action_id)
        assert action is not None
        made.append(SubmissionRecord(
            texts[name], _unpacked(content, is_packed), texts[path], tuple(json.loads(arguments)),
            _shape(json.loads(shape)), script_hash or "", configuration_hash or "", commit or "",
            None if dirty is None else bool(dirty), action.entry.reason, json.loads(request),
            tuple(json.loads(parents)), json.loads(lifted), action.entry.batch, number,
            action.site, action.user, action.at, job_id, action.outcome, action.words,
            action.ended_at,
        ))  # fmt: skip
    return made


def _shape(values: dict[str, Any]) -> JobShape:
    """Fields that a later release may add are left out."""
    return JobShape(**{name: value for name, value in values.items() if name in _SHAPE_FIELDS})


def _keep_script(db: sqlite3.Connection, text: str) -> int:
    data = text.encode("utf-8", "surrogateescape")
    key = hashlib.sha256(data).hexdigest()
    known = db.execute("SELECT id FROM scripts WHERE hash = ?", (key,)).fetchone()
    if known is not None:
        return int(known[0])
    is_packed = len(data) >= PACKED_FROM
    added = db.execute(
        "INSERT INTO scripts (hash, is_packed, content) VALUES (?, ?, ?)",
        (key, is_packed, zlib.compress(data) if is_packed else data),
    ).lastrowid
    assert added is not None
    return added


def _unpacked(content: bytes, is_packed: int) -> str:
    return (zlib.decompress(content) if is_packed else content).decode("utf-8", "surrogateescape")
