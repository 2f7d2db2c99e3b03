"""``jobshape status``: the picture of the screen, once, as text or as JSON for scripts."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jobshape import __version__
from jobshape.app.board.arrays import tasks_of
from jobshape.app.board.board import Board
from jobshape.app.board.columns import COLUMNS, DEFAULT_COLUMNS
from jobshape.app.board.figures import age_s, elapsed_s, left_s, wait_s
from jobshape.app.board.link import Link
from jobshape.app.board.query import Query, QueryError, compile_query
from jobshape.app.board.summary import PartitionSummary, Resource
from jobshape.app.domain.errors import BackendError, JobshapeError
from jobshape.app.domain.job import Job
from jobshape.app.domain.states import phase_of
from jobshape.app.domain.text import sanitize
from jobshape.app.domain.units import format_size
from jobshape.app.settings.values import Loaded
from jobshape.app.sites import choose_site
from jobshape.app.snapshot import Snapshot, Wanted, read_site
from jobshape.app.text_table import Title, lay_out

SCHEMA = "jobshape.status/1"
"""Grows by new fields only; a field that changes or goes makes it /2."""


class BadFilter(JobshapeError):
    """The filter cannot be understood."""


def run_status(
    loaded: Loaded,
    *,
    query_text: str,
    as_json: bool,
    deadline_s: float,
    say: Callable[[str], object],
) -> int:
    """Read the site and say what is there; gives 0, or 1 where the queue could not be read.

    Raises NoSite where there is no site, ConfigError, BadFilter.
    """
    try:
        query = compile_query(query_text)
    except QueryError as error:
        problem = error.problem
        raise BadFilter(problem.what, where=f"filter {query_text!r}", hint=problem.hint) from error
    settings, site = loaded.settings, choose_site(loaded)
    wanted = Wanted(
        backend=site.backend,
        ssh=site.ssh,
        local=site.local.head() if site.local else None,
        scope=settings.site.scope,
        stage_rules=[asdict(rule) for rule in settings.stage_rules],
        finished_hours=settings.ui.finished_hours,
        deadline_s=deadline_s,
    )
    status = Status(read_site(wanted), scope=settings.site.scope, query=query)
    if as_json:
        say(status.json())
    else:
        for line in status.table(settings.ui.columns, settings.ui.sort):
            say(line)
    return 1 if status.snapshot.trouble else 0


def schema_text() -> str:
    """The JSON schema of the document."""
    return (Path(__file__).parent / "schemas" / "status-1.json").read_text("utf-8")


class Status:
    """A snapshot, filtered, and put in order for people or scripts."""

    def __init__(self, snapshot: Snapshot, *, scope: str, query: Query) -> None:
        self.snapshot, self.scope = snapshot, scope
        now = snapshot.taken_at
        self.jobs = [job for job in snapshot.jobs if query.matches(job, now)]
        board = Board(Link(scope=scope))
        board.change_jobs(snapshot.jobs)
        board.set_nodes(snapshot.nodes or ())
        board.set_partitions(snapshot.partitions or ())
        self.partitions = board.summaries()

    def document(self) -> dict[str, Any]:
        """The whole picture as JSON values; what was not read is null, never zero or empty."""
        snapshot = self.snapshot
        readable = snapshot.queue is not None
        return {
            "schema": SCHEMA,
            "jobshape": __version__,
            "taken_at": int(snapshot.taken_at),
            "scope": self.scope,
            "site": _site(snapshot),
            "link": _link(snapshot),
            "partitions": _partitions(snapshot, self.partitions),
            "counts": _counts(self.jobs) if readable else None,
            "jobs": [_job(job, snapshot.taken_at) for job in self.jobs] if readable else None,
        }

    def json(self) -> str:
        """The document as text."""
        return json.dumps(self.document(), indent=1)

    def table(self, columns: Sequence[str] = (), sort: str = "") -> Iterable[str]:
        """Lines for people: the site, its partitions, the jobs."""
        yield _headline(self.snapshot, self.scope, len(self.jobs))
        if self.partitions:
            yield ""
            yield from lay_out(_PARTITION_TITLES, map(_partition_line, self.partitions))
        if self.jobs:
            yield ""
            now = self.snapshot.taken_at
            shown = [COLUMNS[key] for key in (columns or DEFAULT_COLUMNS) if key in COLUMNS]
            rows = [[c.text(job, now) for c in shown] for job in _sorted(self.jobs, sort, now)]
            yield from lay_out([(c.title, c.align) for c in shown], rows)
        told: set[str] = set()
        for part, error in self.snapshot.errors.items():
            if str(error) not in told:  # what cut the reading short concerns every part after it
                yield f"{part}: {sanitize(str(error))}"
            told.add(str(error))


def _site(snapshot: Snapshot) -> dict[str, Any] | None:
    site = snapshot.capabilities
    if site is None:
        return None
    return {
        "cluster": _text(site.cluster),
        "scheduler": _text(site.scheduler_version),
        "backend": site.backend,
        "source": _text(site.source),
        "user": _text(site.user),
        "accounts": [_text(account) for account in site.accounts],
        "features": {
            name: {"available": f.available, "detail": _text(f.detail), "hint": _text(f.hint)}
            for name, f in site.features.items()
        },
    }


def _link(snapshot: Snapshot) -> dict[str, Any]:
    parts = snapshot.errors
    return {
        "state": "failing" if snapshot.trouble else "partial" if parts else "live",
        "errors": [_error(part, error) for part, error in parts.items()],
        "took_s": {part: round(took, 3) for part, took in snapshot.took_s.items()},
        "queue_source": snapshot.source,
        "records_not_understood": snapshot.unread,
    }


def _error(part: str, error: BackendError) -> dict[str, str]:
    return {
        "part": part,
        "kind": type(error).__name__,
        "what": _text(error.what),
        "where": _text(error.where),
        "hint": _text(error.hint),
    }


def _partitions(
    snapshot: Snapshot, summaries: Sequence[PartitionSummary]
) -> list[dict[str, Any]] | None:
    if snapshot.partitions is None:
        return None
    jobs_known, limits = snapshot.queue is not None, {p.name: p for p in snapshot.partitions}
    return [
        {
            "name": _text(line.name),
            "state": _text(line.state) or None,
            "is_default": line.is_default,
            "time_limit_s": limits[line.name].time_limit_s if line.name in limits else None,
            "nodes_total": line.nodes_total,
            "nodes_usable": line.nodes_usable,
            "cpus": line.cpus._asdict(),
            "memory_bytes": line.memory_bytes._asdict(),
            "gpus": line.gpus._asdict(),
            "tasks_pending": line.pending if jobs_known else None,
            "tasks_running": line.running if jobs_known else None,
        }
        for line in summaries
    ]


def _counts(jobs: Sequence[Job]) -> dict[str, Any]:
    return {
        "jobs": len(jobs),
        "tasks": sum(map(tasks_of, jobs)),
        "by_phase": _tasks_by(lambda job: phase_of(job.state).value, jobs),
        "by_state": _tasks_by(lambda job: _text(job.state), jobs),
        "by_stage": _tasks_by(lambda job: _text(job.stage), jobs),
    }


def _tasks_by(kind_of: Callable[[Job], str], jobs: Sequence[Job]) -> dict[str, int]:
    """Tasks of each kind, as the screen counts them: an array not split yet is not one job."""
    counts: Counter[str] = Counter()
    for job in jobs:
        counts[kind_of(job)] += tasks_of(job)
    return dict(counts)


def _job(job: Job, now: float) -> dict[str, Any]:
    """Every field of the record under its own name, the id as people write it, the derived ones."""
    record = {
        name: _text(value) if isinstance(value, str) else value
        for name, value in job._asdict().items()
    }
    return {
        "id": job.label,
        **record,
        "phase": phase_of(job.state).value,
        "elapsed_s": elapsed_s(job, now),
        "left_s": left_s(job, now),
        "age_s": age_s(job, now),
        "wait_s": wait_s(job, now),
    }


def _text(text: str) -> str:
    """The text; bytes that were no UTF-8 become U+FFFD, which every JSON reader takes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _headline(snapshot: Snapshot, scope: str, shown: int) -> str:
    site = snapshot.capabilities
    if site is None:
        return "no answer from the site"
    whose = {"mine": f"jobs of {site.user}", "accounts": "jobs of my accounts", "all": "all jobs"}
    count = "queue not read" if snapshot.queue is None else f"{shown} shown"
    return sanitize(
        f"{site.cluster}: {site.scheduler_version}, {site.source}; {whose[scope]}: {count}"
    )


_PARTITION_TITLES: list[Title] = [
    ("Partition", "left"), ("State", "left"), ("Nodes", "right"), ("CPUs free", "right"),
    ("Memory free", "right"), ("GPUs free", "right"), ("Running", "right"), ("Pending", "right"),
]  # fmt: skip


def _partition_line(line: PartitionSummary) -> list[str]:
    return [
        sanitize(line.name) + ("*" if line.is_default else ""),
        sanitize(line.state) or "-",
        f"{_figure(line.nodes_usable)}/{_figure(line.nodes_total)}",
        _share(line.cpus),
        _share(line.memory_bytes, format_size),
        _share(line.gpus),
        str(line.running),
        str(line.pending),
    ]


def _share(resource: Resource, show: Callable[[int], str] = str) -> str:
    return f"{_figure(resource.free, show)}/{_figure(resource.total, show)}"


def _figure(value: int | None, show: Callable[[int], str] = str) -> str:
    return "-" if value is None else show(value)


def _sorted(jobs: list[Job], sort: str, now: float) -> list[Job]:
    """Jobs by a column, ``-`` in front for descending; those without a value come last."""
    column = COLUMNS.get(sort.removeprefix("-"))
    if column is None:
        return jobs
    value: Any = column.sort_value
    known = [job for job in jobs if value(job, now) is not None]
    known.sort(key=lambda job: value(job, now), reverse=sort.startswith("-"))
    return known + [job for job in jobs if value(job, now) is None]
