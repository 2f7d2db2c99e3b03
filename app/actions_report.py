"""``jobshape history actions`` and ``script``: what was done to jobs, what was submitted."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobshape import __version__
from jobshape.app.domain.action import ActionRecord, leading_id
from jobshape.app.domain.text import sanitize
from jobshape.app.history.history import History
from jobshape.app.history.place import FILE_NAME
from jobshape.app.history_report import BadRequestOfHistory, read_moment
from jobshape.app.settings.folders import state_folder
from jobshape.app.text_table import Title, lay_out

SCHEMA = "jobshape.actions/1"
"""Grows by new fields only; a field that changes or goes makes it /2."""

OUTCOMES = {"asked": "under way", "unknown": "no answer"}
"""Outcomes that people read by another word."""


@dataclass(frozen=True, slots=True)
class Found:
    """Actions, newest first; more: there are others that a greater limit would show."""

    actions: list[ActionRecord]
    more: bool
    notice: str = ""


def find(jobs: Sequence[str], site: str, *, since: str | None, limit: int, now: float) -> Found:
    """What was done, to these jobs or to all. Raises BadRequestOfHistory, HistoryTrouble."""
    for job in jobs:
        _check(job)
    earliest = read_moment(since, "--since", now) if since else None
    history = History.to_read(state_folder() / FILE_NAME)
    if history is None:
        return Found([], False, "there is no history yet: it begins when jobshape first runs")
    with history:
        found: dict[int, ActionRecord] = {}
        wanted: Sequence[str | None] = jobs or (None,)
        for one in wanted:
            for record in history.actions(site, limit + 1, one, earliest):
                found[record.id] = record
        notice = history.notice
    newest = [found[number] for number in sorted(found, reverse=True)]
    return Found(newest[:limit], len(newest) > limit, notice)


def script(jobs: Sequence[str], site: str) -> str:
    """The script that a job was submitted with. Raises BadRequestOfHistory, HistoryTrouble."""
    if len(jobs) != 1:
        raise BadRequestOfHistory("which job's script?", hint="jobshape history script JOB")
    job_id = _check(jobs[0])
    history = History.to_read(state_folder() / FILE_NAME)
    if history is not None:
        with history:
            sites = [site] if site else history.submission_sites(job_id) or history.sites()
            kept = {name: text for name in sites if (text := history.script_of(name, job_id))}
        if len(kept) > 1:
            names = sorted(kept)
            raise BadRequestOfHistory(
                f"{jobs[0]} is a job of {', '.join(names)}", hint=f"add --site {names[0]}"
            )
        if kept:
            return kept.popitem()[1]
    raise BadRequestOfHistory(
        f"no script of job {jobs[0]} is kept: only what jobshape itself submits is",
        hint=f"the site may still have it: scontrol write batch_script {job_id} -",
    )


def _check(job: str) -> int:
    number = leading_id(job)
    if number is None:
        raise BadRequestOfHistory(
            f"{job!r} is no job id", hint="write 12, 4_7 (a task) or 4 (a whole array)"
        )
    return number


# --- what is printed ------------------------------------------------------------------------


def lines_to_look_at(text: str) -> Iterator[str]:
    """The script for a terminal: nothing in it that a terminal would obey."""
    for line in text.splitlines():
        yield sanitize(line.expandtabs())


def as_json(found: Found, now: float) -> str:
    """All as JSON; what nobody said is null."""
    return json.dumps(
        {
            "schema": SCHEMA,
            "jobshape": __version__,
            "taken_at": int(now),
            "notice": _text(found.notice),
            "more": found.more,
            "actions": [flat(record) for record in found.actions],
        },
        indent=1,
    )


def flat(record: ActionRecord) -> dict[str, Any]:
    """Every field of an action under its own name."""
    entry = record.entry
    return {
        "id": record.id,
        "site": _text(record.site),
        "user": _text(record.user),
        "at": record.at,
        "method": _text(entry.method),
        "job": _text(entry.job) or None,
        "title": _text(entry.words),
        "arguments": _plain(entry.arguments),
        "before": _plain(entry.before),
        "reason": _text(entry.reason),
        "batch": entry.batch or None,
        "outcome": record.outcome,
        "words": _text(record.words),
        "ended_at": record.ended_at,
        "undoes": entry.undoes,
        "undone_by": record.undone_by,
    }


def table(found: Found) -> Iterator[str]:
    """Lines for people."""
    if found.notice:
        yield sanitize(found.notice)
    if not found.actions:
        if not found.notice:
            yield "nothing was done to a job that matches"
        return
    sites = len({record.site for record in found.actions}) > 1
    titles: list[Title] = [("Site", "left")] if sites else []
    rows = [([record.site] if sites else []) + _cells(record) for record in found.actions]
    yield from lay_out([*titles, *_TITLES], [list(map(sanitize, row)) for row in rows])
    if found.more:
        yield f"the newest {len(found.actions)} are shown; --limit shows more"


_TITLES: list[Title] = [
    ("Time", "left"), ("User", "left"), ("Job", "left"), ("Outcome", "left"), ("Action", "left"),
    ("Why", "left"), ("Answer", "left"),
]  # fmt: skip


def _cells(record: ActionRecord) -> list[str]:
    outcome = OUTCOMES.get(record.outcome, record.outcome)
    return [
        time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.at)),
        record.user or "-",
        record.entry.job or "-",
        f"{outcome}, undone" if record.undone_by is not None else outcome,
        record.entry.words,
        record.entry.reason or "-",
        record.words or "-",
    ]


def _text(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {_text(k): _text(v) if isinstance(v, str) else v for k, v in values.items()}
