"""``jobshape history``: finds jobs of the past, prints them, puts tags and notes on them."""

import csv
import io
import json
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from jobshape import __version__
from jobshape.app.board.figures import wait_s
from jobshape.app.board.query_keys import Kind, read_figure
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.job import NO_JOB, UNASSIGNED, AccountedJob
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.states import phase_of
from jobshape.app.domain.text import sanitize
from jobshape.app.domain.units import format_duration, format_size, parse_time
from jobshape.app.history.history import History
from jobshape.app.history.place import FILE_NAME
from jobshape.app.history.query import BadQuery, JobQuery
from jobshape.app.settings.folders import state_folder
from jobshape.app.text_table import Title, lay_out

SCHEMA = "jobshape.history/1"
"""Grows by new fields only; a field that changes or goes makes it /2."""

MOST_TAG, MOST_NOTE = 64, 2000
"""Characters of a tag and of a note."""

_EARLIEST, _LATEST = 10**8, 10**11
"""What can be a time, in seconds since the epoch: from 1973 on; a smaller number is a slip."""

_ID = re.compile(r"[0-9]+([_+][0-9]+)?")
_TAG = re.compile(rf"[^\s,\"']{{1,{MOST_TAG}}}")


class BadRequestOfHistory(JobshapeError):
    """What was asked of the history makes no sense, or it does not know the job."""


@dataclass(frozen=True, slots=True)
class Found:
    """Jobs of a query, newest first; more: there are others that a greater limit would show."""

    path: Path
    jobs: list[PastJob]
    more: bool
    total: int
    notice: str = ""
    remarks: tuple[tuple[str, str], ...] = ()  # site, what is to be known of its jobs


def query_of(words: Sequence[str], query: JobQuery) -> JobQuery:
    """The query with words of the command line: job ids, the others are looked for as they are."""
    ids = tuple(word for word in words if _ID.fullmatch(word))
    text = " ".join(word for word in words if not _ID.fullmatch(word))
    return replace(query, ids=(*query.ids, *ids), text=" ".join(filter(None, (query.text, text))))


def read_moment(text: str, option: str, now: float) -> int:
    """Seconds since the epoch of ``2d`` (that long ago), ``today`` or a date with or without time.

    Raises BadRequestOfHistory.
    """
    word = text.strip().lower()
    today = datetime.fromtimestamp(now).replace(hour=0, minute=0, second=0, microsecond=0)
    if word in ("today", "yesterday"):
        return int((today - timedelta(days=word == "yesterday")).timestamp())
    if not word.isdigit():
        with suppress(ValueError, OverflowError):
            return int(now - read_figure(Kind.SPAN, word))
    with suppress(ValueError, OverflowError):
        moment = parse_time(text.strip())
        if moment is not None and _EARLIEST <= moment <= _LATEST:
            return moment
    raise BadRequestOfHistory(
        f"{text!r} is no time", where=option,
        hint="write 2d, 3h, today, 2026-11-21 or 2026-11-21T14:30",
    )  # fmt: skip


def find(query: JobQuery) -> Found:
    """The jobs of a query. Raises BadRequestOfHistory, HistoryTrouble."""
    path = state_folder() / FILE_NAME
    history = History.to_read(path)
    if history is None:
        return Found(
            path, [], False, 0, "there is no history yet: it begins when jobshape first runs"
        )
    with history:
        try:
            jobs = history.jobs(replace(query, limit=query.limit + 1))
        except BadQuery as error:
            raise BadRequestOfHistory(str(error)) from error
        sites = [query.site] if query.site else history.sites()
        remarks = tuple((site, said) for site in sites if (said := history.remark(site)))
        total, notice = history.count(), history.notice
    return Found(path, jobs[: query.limit], len(jobs) > query.limit, total, notice, remarks)


# --- what is printed ------------------------------------------------------------------------


def document(found: Found, now: float) -> dict[str, Any]:
    """The jobs as JSON values; what nobody said is null, never zero."""
    return {
        "schema": SCHEMA,
        "jobshape": __version__,
        "taken_at": int(now),
        "path": _text(str(found.path)),
        "notice": _text(found.notice),
        "remarks": [{"site": _text(site), "remark": _text(said)} for site, said in found.remarks],
        "total": found.total,
        "more": found.more,
        "jobs": [flat(job, now) for job in found.jobs],
    }


def as_json(found: Found, now: float) -> str:
    """The document as text."""
    return json.dumps(document(found, now), indent=1)


def flat(past: PastJob, now: float) -> dict[str, Any]:
    """Every field of a job under its own name, and those that follow from them."""
    record, job = past.record, past.record.job
    values = {
        "site": past.site,
        "id": job.label,
        **job._asdict(),
        **record._asdict(),
        "phase": phase_of(job.state).value,
        "wait_s": wait_s(job, now) if job.start_time is not None else None,
        "elapsed_s": elapsed_s(past),
        "end_unknown": past.end_unknown,
        "seen_at": past.seen_at,
        "finding": past.finding,
        "campaign": past.campaign,
        "tags": list(past.tags),
        "note": past.note,
        "resubmitted_from": past.resubmitted_from,
    }
    del values["job"]
    return {
        name: _text(value) if isinstance(value, str)
        else list(map(_text, value)) if isinstance(value, list)
        else value
        for name, value in values.items()
    }  # fmt: skip


def elapsed_s(past: PastJob) -> int | None:
    """How long it ran: accounting's word, else from its times; None if not known or not over."""
    record, job = past.record, past.record.job
    if record.elapsed_s is not None:
        return record.elapsed_s
    if job.start_time is None or job.end_time is None:
        return None
    return max(0, job.end_time - job.start_time)


def as_csv(found: Found, now: float) -> str:
    """The jobs as comma separated values with a heading; empty is what nobody said."""
    rows = [flat(job, now) for job in found.jobs]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(flat(_NOBODY, now))
    for row in rows:
        writer.writerow([_csv_cell(value) for value in row.values()])
    return out.getvalue()


def _csv_cell(value: Any) -> Any:
    """A value; a text that a spreadsheet would take for a formula gets a ``'`` in front."""
    if isinstance(value, list):
        value = " ".join(value)
    if isinstance(value, str):
        value = sanitize(value)
        return f"'{value}" if value[:1] in ("=", "+", "@", "-") else value
    return value


_NOBODY = PastJob("", AccountedJob(NO_JOB, None, None, None, ""), 0)


def table(found: Found) -> Iterator[str]:
    """Lines for people."""
    if found.notice:
        yield sanitize(found.notice)
    if not found.jobs:
        if found.total:
            yield f"no job of {found.total} in the history matches"
        return
    sites = len({job.site for job in found.jobs}) > 1
    titles: list[Title] = [("Site", "left")] if sites else []
    rows = [([job.site] if sites else []) + _cells(job) for job in found.jobs]
    yield from lay_out([*titles, *_TITLES], [list(map(sanitize, row)) for row in rows])
    for site, said in found.remarks:
        yield sanitize(f"{site}: {said}")
    if found.more:
        yield f"the newest {len(found.jobs)} are shown; --limit shows more"


_TITLES: list[Title] = [
    ("ID", "left"), ("State", "left"), ("Last", "left"), ("Elapsed", "right"), ("Limit", "right"),
    ("Name", "left"), ("Stage", "left"), ("Partition", "left"), ("CPUs", "right"),
    ("Memory", "right"), ("Peak", "right"), ("Finding", "left"), ("Tags", "left"), ("Note", "left"),
]  # fmt: skip


def _cells(past: PastJob) -> list[str]:
    record, job = past.record, past.record.job
    last = job.end_time or past.seen_at
    return [
        job.label,
        f"{job.state}, then unknown" if past.end_unknown else job.state,
        time.strftime("%Y-%m-%d %H:%M", time.localtime(last)),
        format_duration(elapsed_s(past)),
        format_duration(job.time_limit_s),
        job.name or "-",
        "-" if job.stage == UNASSIGNED else job.stage,
        job.partition or "-",
        "-" if job.cpus is None else str(job.cpus),
        format_size(job.memory_bytes),
        format_size(record.max_rss_bytes),
        past.finding or "-",
        " ".join(past.tags) or "-",
        past.note or "-",
    ]


def _text(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


# --- tags and notes -------------------------------------------------------------------------


ACTIONS = ("tag", "untag", "note")
"""First words that write instead of finding."""


def act(words: Sequence[str], site: str) -> list[str]:
    """Do what the words say: an action, a job, and what to write; gives lines that say so."""
    action, *rest = words
    if not rest:
        raise BadRequestOfHistory(
            f"{action} which job?",
            hint=f"jobshape history {action} JOB ...; to look for the word: --text {action}",
        )  # fmt: skip
    reference, *more = rest
    if action == "tag":
        return tag(reference, more, site)
    if action == "untag":
        return untag(reference, more, site)
    if not more:
        raise BadRequestOfHistory(
            "no text was given", hint=f'jobshape history note {reference} "TEXT"; "" takes it back'
        )
    return note(reference, " ".join(more), site)


def tag(reference: str, tags: Sequence[str], site: str) -> list[str]:
    """Put tags on a job, or on all tasks of an array; gives lines that say so."""
    _check_tags(tags)
    with History.to_write(state_folder() / FILE_NAME) as history:
        jobs = _meant(history, reference, site)
        with history.transaction():
            for job in jobs:
                history.tag(*_key(job), tags)
    return [f"{_named(jobs, reference)}: tagged {' '.join(tags)}"]


def untag(reference: str, tags: Sequence[str], site: str) -> list[str]:
    """Take tags off a job; without any named, all of them."""
    with History.to_write(state_folder() / FILE_NAME) as history:
        jobs = _meant(history, reference, site)
        had = {tag for job in jobs for tag in job.tags}
        for one in tags:
            if one not in had:
                hint = f"it has: {' '.join(sorted(had))}" if had else "it has no tags"
                raise BadRequestOfHistory(f"{reference} has no tag {one!r}", hint=hint)
        gone = list(tags) or sorted(had)
        with history.transaction():
            for job in jobs:
                history.untag(*_key(job), gone)
    return [f"{_named(jobs, reference)}: took off {' '.join(gone) or 'nothing'}"]


def note(reference: str, text: str, site: str) -> list[str]:
    """Write a note on a job; an empty one takes it back."""
    if len(text) > MOST_NOTE:
        raise BadRequestOfHistory(f"the note has {len(text)} characters, {MOST_NOTE} are the most")
    with History.to_write(state_folder() / FILE_NAME) as history:
        jobs = _meant(history, reference, site)
        with history.transaction():
            for job in jobs:
                history.note(*_key(job), text)
    return [f"{_named(jobs, reference)}: {'noted' if text else 'the note is gone'}"]


def _check_tags(tags: Sequence[str]) -> None:
    if not tags:
        raise BadRequestOfHistory("no tag was given", hint="jobshape history tag JOB TAG...")
    for one in tags:
        if not _TAG.fullmatch(one) or not one.isprintable():
            raise BadRequestOfHistory(
                f"{one!r} cannot be a tag",
                hint=f"a tag is one word of at most {MOST_TAG} characters, without comma or quote",
            )


def _key(job: PastJob) -> tuple[str, int, int | None]:
    return job.site, job.record.job.job_id, job.record.job.submit_time


def _meant(history: History, reference: str, site: str) -> list[PastJob]:
    """The jobs of a reference: one, or the tasks of an array. Raises BadRequestOfHistory."""
    if not _ID.fullmatch(reference):
        raise BadRequestOfHistory(
            f"{reference!r} is no job id", hint="write 12, 4_7 (a task) or 4 (a whole array)"
        )
    jobs = history.jobs(JobQuery(site=site, ids=(reference,), limit=1_000_000))
    if not jobs:
        at_site = f" at {site}" if site else ""
        raise BadRequestOfHistory(
            f"the history knows no job {reference}{at_site}",
            hint="`jobshape history --limit 200` lists the newest",
        )
    sites = sorted({job.site for job in jobs})
    if len(sites) > 1:
        raise BadRequestOfHistory(
            f"{reference} is a job of {', '.join(sites)}", hint=f"add --site {sites[0]}"
        )
    newest = max(job.record.job.submit_time or 0 for job in jobs)  # an id may have been used before
    return [job for job in jobs if (job.record.job.submit_time or 0) == newest]


def _named(jobs: Sequence[PastJob], reference: str) -> str:
    one = len(jobs) == 1
    return sanitize(jobs[0].record.job.label) if one else f"{reference} ({len(jobs)} tasks)"
