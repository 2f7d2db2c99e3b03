"""What to look for in history, and that as SQL."""

import re
import sqlite3
from dataclasses import dataclass
from typing import Any

from jobshape.app.domain.states import Phase, known_states, phase_of, state_of
from jobshape.app.history.schema import LOST, OPEN
from jobshape.app.history.words import Words, bound

MOST_LISTED = 2000
"""Texts that are listed by number in a question; where more fit, it looks for them itself."""

COMMON = 10_000
"""Jobs from which walking through the newest beats collecting and sorting."""

_ID = re.compile(r"(?P<first>[0-9]{1,12})(?:_(?P<task>[0-9]{1,12})|\+(?P<part>[0-9]{1,12}))?")


class BadQuery(ValueError):
    """What was asked for makes no sense; the text says why."""


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs; what is empty or None is not looked at, everything else must hold.

    ids: as Slurm prints them, ``12``, ``4_7``, ``4`` (all of an array); any of them. name, text:
    found anywhere, case does not matter, ``*`` in a name stands for anything (then all of it must
    match). states: Slurm's, or a phase (``failed``). since, until: seconds since the epoch; a job
    counts if it was not over before and was submitted before. Newest first.
    """

    site: str = ""
    ids: tuple[str, ...] = ()
    name: str = ""
    stage: str = ""
    states: tuple[str, ...] = ()
    finding: str = ""
    tags: tuple[str, ...] = ()
    campaign: str = ""
    text: str = ""
    since: int | None = None
    until: int | None = None
    limit: int = 50
    offset: int = 0


def states_of(word: str) -> frozenset[str]:
    """Slurm's states behind a word: a state, its letters, or a phase. Raises BadQuery."""
    if word.upper() in Phase.__members__:
        return frozenset(s for s in known_states() if phase_of(s) is Phase[word.upper()])
    state = state_of(word)
    if state not in known_states():
        phases = ", ".join(phase.value for phase in Phase if phase is not Phase.UNKNOWN)
        raise BadQuery(f"{word!r} is no state of Slurm and none of {phases}")
    return frozenset({state})


def as_sql(db: sqlite3.Connection, words: Words, query: JobQuery) -> tuple[str, list[Any]]:
    """The part after FROM jobs, with its values. Raises BadQuery."""
    parts: list[str] = []
    values: list[Any] = []

    def need(part: str, *more: Any) -> None:
        parts.append(part)
        values.extend(more)

    if query.site:  # nearly all jobs are of one site: any other index is better
        bare = query == JobQuery(query.site, limit=query.limit, offset=query.offset,
                                 since=query.since, until=query.until)  # fmt: skip
        need("site = ?" if bare else "+site = ?", words.number(query.site) or 0)
    for column in ("stage", "finding", "campaign"):
        wanted = getattr(query, column)
        if wanted:
            need(f"{column} = ?", words.number(wanted) or 0)
    if query.ids:
        made = [_id_test(text) for text in query.ids]
        need(f"({' OR '.join(test for test, _ in made)})", *(v for _, more in made for v in more))
    if query.name:
        need(
            "name IN (SELECT id FROM words WHERE text LIKE CAST(? AS TEXT) ESCAPE '\\')",
            _name_like(query.name),
        )
    if query.states:
        wanted_states = sorted(frozenset().union(*map(states_of, query.states)))
        numbers = [number for number in map(words.number, wanted_states) if number]
        listed = ",".join(map(str, numbers))
        plus = "+" if _is_common(db, listed) else ""  # then the newest of them are found soon
        need(f"{plus}state IN ({listed})")
        need(f"over <> {LOST}")  # nobody knows what these are now
    for tag in query.tags:
        need("jobs.id IN (SELECT job FROM tags WHERE tag = CAST(? AS TEXT))", bound(tag))
    if query.text:
        need(*_text_test(query.text, words))
    if query.since is not None:
        need(f"(last_at >= ? OR over = {OPEN})", query.since)
    if query.until is not None:
        need("submit_time <= ?", query.until)
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    values += [query.limit, query.offset]
    return f"{where} ORDER BY last_at DESC, jobs.id DESC LIMIT ? OFFSET ?", values


def _is_common(db: sqlite3.Connection, states: str) -> bool:
    """Whether so many jobs are in these states that sorting them would take long."""
    (count,) = db.execute(
        f"SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state IN ({states}) LIMIT {COMMON})"
    ).fetchone()
    return bool(count == COMMON)


def _id_test(text: str) -> tuple[str, list[Any]]:
    match = _ID.fullmatch(text.strip())
    if match is None:
        raise BadQuery(f"{text!r} is no job id: write 12, 4_7 (a task) or 4 (a whole array)")
    first = int(match["first"])
    if match["task"]:
        return "(array_job_id = ? AND array_task_id = ?)", [first, int(match["task"])]
    if match["part"]:
        return "(het_job_id = ? AND het_offset = ?)", [first, int(match["part"])]
    return "(job_id = ? OR array_job_id = ? OR het_job_id = ?)", [first, first, first]


def _like(text: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", text)


def _name_like(name: str) -> Any:
    pattern = _like(name)
    return bound(pattern.replace("*", "%") if "*" in pattern else f"%{pattern}%")


def _text_test(text: str, words: Words) -> tuple[Any, ...]:
    """A text in the name, comment, folder, note or a tag."""
    like = bound(f"%{_like(text)}%")
    numbers = words.like(like, MOST_LISTED)
    values = [like, like]
    if numbers is None:  # then the newest of them are found soon
        found = "(SELECT id FROM words WHERE text LIKE CAST(? AS TEXT) ESCAPE '\\')"
        values = [like] * 5
    else:
        found = f"({','.join(map(str, numbers))})"
    test = (
        f"(name IN {found} OR comment IN {found} OR work_dir IN {found} OR jobs.id IN"
        " (SELECT id FROM jobs WHERE note IS NOT NULL AND note LIKE CAST(? AS TEXT) ESCAPE '\\'"
        " UNION SELECT job FROM tags WHERE tag LIKE CAST(? AS TEXT) ESCAPE '\\'))"
    )
    return test, *values
