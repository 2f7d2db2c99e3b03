"""What was done to jobs, kept before it is sent; writing runs in a transaction of its caller."""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from jobshape.app.domain.action import (
    ActionEntry,
    ActionRecord,
    Ended,
    Outcome,
    leading_id,
    touches,
)
from jobshape.app.history.living import is_living, this_process
from jobshape.app.history.schema import version_of
from jobshape.app.history.words import Words, bound

NOBODY_WAITED = "jobshape ended before an answer came: it may have been done"
"""Said of an action that is still open and whose process is gone."""

FIRST_VERSION = 2
"""Files of earlier versions, open for reading, have none of these tables."""

_COLUMNS = (
    "id, site, user, at, method, job, title, arguments, before, reason, batch, undoes,"
    " process, outcome, answer, ended_at, undone_by"
)
_WORD_PLACES = (1, 2, 4, 6, 9, 12, 14)


def has_actions(db: sqlite3.Connection) -> bool:
    """Whether the file is new enough."""
    return version_of(db) >= FIRST_VERSION


def begin(
    db: sqlite3.Connection, words: Words, site: str, user: str, entries: Iterable[ActionEntry],
    now: int,
) -> tuple[int, ...]:  # fmt: skip
    """Keep that these will be sent now; gives their ids, in order."""
    common = words.keep(site), words.keep(user), now
    process = words.keep(this_process())
    ids = []
    for entry in entries:
        added = db.execute(
            "INSERT INTO actions (site, user, at, method, job, job_id, title, arguments, before,"
            " reason, batch, undoes, process, outcome)"
            " VALUES (?, ?, ?, ?, nullif(CAST(? AS TEXT), ''), ?, ?, ?, ?, ?, nullif(?, ''), ?, ?,"
            " 'asked')",
            (*common, words.keep(entry.method), bound(entry.job), leading_id(entry.job),
             words.keep(entry.title), _json(entry.arguments), _json(entry.before),
             words.keep(entry.reason), entry.batch, entry.undoes, process),
        ).lastrowid  # fmt: skip
        assert added is not None
        ids.append(added)
    return tuple(ids)


def end(db: sqlite3.Connection, words: Words, ended: Iterable[Ended], now: int) -> None:
    """Keep what became of them; one that took another back and worked marks that one."""
    for one in ended:
        db.execute(
            "UPDATE actions SET outcome = ?, answer = ?, ended_at = ? WHERE id = ?",
            (one.outcome, words.keep(one.words), now, one.id),
        )
        if one.outcome == "done":
            db.execute(
                "UPDATE actions SET undone_by = ?1"
                " WHERE id = (SELECT undoes FROM actions WHERE id = ?1)",
                (one.id,),
            )


def actions(
    db: sqlite3.Connection, words: Words, now: int, site: str, limit: int, job: str | None,
    since: int | None,
) -> list[ActionRecord]:  # fmt: skip
    """The newest so many, newest first, and the rest of the last one's batch."""
    if not has_actions(db):
        return []
    number = words.number(site) if site else None
    if site and number is None:
        return []
    parts, values = ["1"], []
    for part, value in (
        ("site = ?", number), ("job_id = ?", leading_id(job) if job else None), ("at >= ?", since),
    ):  # fmt: skip
        if value is not None:
            parts.append(part)
            values.append(value)
    where = " AND ".join(parts)
    if job is not None:  # few concern one job, so all are looked at
        rows = _select(db, f"WHERE {where} ORDER BY id DESC", values)
        found = _records(db, words, now, rows)
        return [record for record in found if touches(record.entry.job, job)][:limit]
    rows = _select(db, f"WHERE {where} ORDER BY id DESC LIMIT ?", [*values, limit])
    if len(rows) == limit and rows[-1][10] is not None:
        rows += _select(
            db, "WHERE batch = ? AND id < ? AND site = ? ORDER BY id DESC",
            (rows[-1][10], rows[-1][0], rows[-1][1]),
        )  # fmt: skip
    return _records(db, words, now, rows)


def action(db: sqlite3.Connection, words: Words, now: int, action_id: int) -> ActionRecord | None:
    """One of them."""
    if not has_actions(db):
        return None
    found = _records(db, words, now, _select(db, "WHERE id = ?", [action_id]))
    return found[0] if found else None


def _select(db: sqlite3.Connection, rest: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    return db.execute(f"SELECT {_COLUMNS} FROM actions {rest}", values).fetchall()


def _records(
    db: sqlite3.Connection, words: Words, now: int, rows: Sequence[tuple[Any, ...]]
) -> list[ActionRecord]:
    texts = words.texts({row[place] for place in _WORD_PLACES for row in rows})
    alive: dict[tuple[str, int], bool] = {}
    made = []
    for row in rows:
        (number, site, user, at, method, job, title, arguments, before, reason, batch, undoes,
         process, kept, answer, ended_at, undone_by) = row  # fmt: skip
        outcome: Outcome = kept
        told = texts[answer]
        if outcome == "asked":
            key = texts[process], at
            if key not in alive:
                alive[key] = is_living(key[0], now - at)
            if not alive[key]:
                outcome, told = "unknown", NOBODY_WAITED
        entry = ActionEntry(
            texts[method], job or "", texts[title], json.loads(arguments or "{}"),
            json.loads(before or "{}"), texts[reason], batch or "", undoes,
        )  # fmt: skip
        made.append(ActionRecord(
            number, texts[site], texts[user], at, entry, outcome, told, ended_at, undone_by,
        ))  # fmt: skip
    return made


def _json(values: Any) -> str | None:
    return json.dumps(dict(values)) if values else None
