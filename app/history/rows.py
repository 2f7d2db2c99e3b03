"""Jobs as rows of the table and back; texts become numbers of ``words``."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, get_type_hints

from jobshape.app.domain.job import AccountedJob, Job
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.states import is_finished
from jobshape.app.history.family import family_of
from jobshape.app.history.schema import LOST, OPEN, OVER
from jobshape.app.history.words import Words, unbound

_JOB_FIELDS = Job._fields
_USED_FIELDS = AccountedJob._fields[1:]
_TEXTS = frozenset(
    name
    for record in (Job, AccountedJob)
    for name, kind in get_type_hints(record).items()
    if kind is str
)
RECORD_COLUMNS = (*_JOB_FIELDS, *_USED_FIELDS)
"""The columns of what Slurm says, in the order of the records' fields."""

_PAST_COLUMNS = ("site", "over", "seen_at", "finding", "campaign", "note", "resubmitted_from")
SELECT = "SELECT jobs.id, " + ", ".join(f"jobs.{n}" for n in (*RECORD_COLUMNS, *_PAST_COLUMNS))
"""The beginning of a question whose answers :func:`past_jobs` and :class:`Row` take."""

_IS_TEXT = [name in _TEXTS for name in RECORD_COLUMNS]
_TEXT_PLACES = [at + 1 for at, is_text in enumerate(_IS_TEXT) if is_text]
_SUBMIT = 1 + RECORD_COLUMNS.index("submit_time")
_JOB_END = 1 + len(_JOB_FIELDS)
_RECORD_END = 1 + len(RECORD_COLUMNS)
_WORD_PLACES = (*_TEXT_PLACES, *(_RECORD_END + _PAST_COLUMNS.index(name)
                                for name in ("site", "finding", "campaign")))  # fmt: skip


class Row(NamedTuple):
    """One job of the file: its place, its record, and whether it is over."""

    id: int
    record: AccountedJob
    over: int


def read_rows(words: Words, rows: Sequence[Sequence[Any]]) -> Iterator[Row]:
    """Rows of a SELECT."""
    texts = _texts_of(words, rows)
    for row in rows:
        yield Row(row[0], _record(row, texts), row[_RECORD_END + 1])


def past_jobs(words: Words, db: sqlite3.Connection, rows: Sequence[Sequence[Any]]) -> list[PastJob]:
    """Jobs for people, in the order of the rows, each with its tags."""
    texts = _texts_of(words, rows)
    tags = _tags_of(db, [row[0] for row in rows])
    made = []
    for row in rows:
        site, over, seen_at, finding, campaign, note, parent = row[_RECORD_END:]
        made.append(PastJob(
            texts[site], _record(row, texts), seen_at, texts[finding], texts[campaign],
            tags.get(row[0], ()), note or "", parent, over == LOST,
        ))  # fmt: skip
    return made


def _texts_of(words: Words, rows: Sequence[Sequence[Any]]) -> Mapping[int | None, str]:
    return words.texts({row[place] for place in _WORD_PLACES for row in rows})


def _record(row: Sequence[Any], texts: Mapping[int | None, str]) -> AccountedJob:
    values = list(row[:_RECORD_END])
    for place in _TEXT_PLACES:
        values[place] = texts[values[place]]
    values[_SUBMIT] = values[_SUBMIT] or None
    return AccountedJob(Job._make(values[1:_JOB_END]), *values[_JOB_END:])


def _tags_of(db: sqlite3.Connection, ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
    found: dict[int, list[str]] = {}
    for start in range(0, len(ids), 500):
        some = ids[start : start + 500]
        marks = ",".join("?" * len(some))
        for job, tag in db.execute(
            f"SELECT job, tag FROM tags WHERE job IN ({marks}) ORDER BY tag", some
        ):
            found.setdefault(job, []).append(tag)
    return {job: tuple(tags) for job, tags in found.items()}


def values_of(words: Words, record: AccountedJob, now: int) -> dict[str, Any]:
    """The columns of a record, with what follows from it; for writing only."""
    job = record.job
    values: dict[str, Any] = {}
    told: tuple[Any, ...] = (*job, *record[1:])
    for name, is_text, value in zip(RECORD_COLUMNS, _IS_TEXT, told, strict=True):
        values[name] = words.keep(value) if is_text else value
    values["submit_time"] = job.submit_time or 0
    over = OVER if is_finished(job.state) else OPEN
    values["over"] = over
    values["last_at"] = (job.end_time or now) if over else now
    values["seen_at"] = now
    values["family"] = words.keep(family_of(job.name))
    return values


def select(db: sqlite3.Connection, text: str, values: Iterable[Any] = ()) -> list[tuple[Any, ...]]:
    """All rows of a question."""
    return db.execute(text, tuple(values)).fetchall()


def prepare(db: sqlite3.Connection) -> None:
    """Let texts that were no UTF-8 come through."""
    db.text_factory = unbound
