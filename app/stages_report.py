"""``jobshape stages``: what the stages used and where the bottleneck is, as text or as JSON."""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from jobshape import __version__
from jobshape.app.board.board import Board
from jobshape.app.domain.job import AccountedJob, Job
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.spans import pace_words
from jobshape.app.domain.stage import Spread, StagesPicture, StageSummary
from jobshape.app.domain.text import sanitize
from jobshape.app.domain.units import format_short_duration, format_size
from jobshape.app.settings.values import Loaded
from jobshape.app.sites import choose_site
from jobshape.app.snapshot import MOST_FINISHED, Snapshot, Wanted, read_site
from jobshape.app.stages.picture import DAY_S, StagesKeeper
from jobshape.app.text_table import Title, lay_out

SCHEMA = "jobshape.stages/1"
"""Grows by new fields only; a field that changes or goes makes it /2."""


class StagesReport:
    """The stages at one moment, for people or scripts."""

    def __init__(
        self,
        runs: Iterable[PastJob],
        live: Sequence[Job],
        stages: Sequence[str],
        now: float,
        *,
        baseline: int = 20,
        window_s: int | None = 14 * DAY_S,
        most: int = MOST_FINISHED,
        problem: str = "",
    ) -> None:
        """runs: finished ones, any order, at most ``most`` of a stage; live: jobs of the queue."""
        board = Board()
        board.change_jobs(live)
        keeper = StagesKeeper(board, stages)
        keeper.baseline, keeper.window_s = baseline, window_s
        keeper.set_past(runs, most=most, problem=problem)
        self.picture: StagesPicture = keeper.refresh_now(now)
        self._keeper = keeper

    def document(self) -> dict[str, Any]:
        """JSON values; what nobody said is null, never zero."""
        picture = self.picture
        worst = picture.bottleneck
        return {
            "schema": SCHEMA,
            "jobshape": __version__,
            "taken_at": picture.at,
            "baseline_runs": self._keeper.baseline,
            "window_s": self._keeper.window_s,
            "problem": _text(picture.problem) or None,
            "bottleneck": worst and {"stage": _text(worst.stage), "cause": worst.cause,
                                     "why": _text(worst.why)},
            "stages": [_stage(one) for one in picture.stages],
        }  # fmt: skip

    def json(self) -> str:
        """The document as text."""
        return json.dumps(self.document(), indent=1)

    def lines(self) -> Iterator[str]:
        """For people: one line a stage, the bottleneck below."""
        picture = self.picture
        yield from lay_out(_TITLES, (self._row(one) for one in picture.stages))
        if picture.bottleneck is not None:
            yield ""
            yield sanitize(f"bottleneck: {picture.bottleneck.stage}: {picture.bottleneck.why}")
        if picture.problem:
            yield sanitize(picture.problem)

    def _row(self, one: StageSummary) -> list[str]:
        worst = self.picture.bottleneck
        mark = "*" if worst is not None and worst.stage == one.stage else ""
        counts, shape, memory = one.counts, one.shape, one.memory
        return [
            sanitize(one.stage) + mark,
            *(str(number) for number in counts[:4]),
            _of(memory and format_size(round(memory.p95)),
                shape and format_size(shape.node_memory_bytes)),
            percent(one.cpu_efficiency),
            percent(None if one.gpu_percent is None else one.gpu_percent / 100),
            _of(one.elapsed and format_short_duration(round(one.elapsed.p95)),
                shape and format_short_duration(shape.time_limit_s)),
            "-" if one.wait is None else format_short_duration(round(one.wait.p50)),
            "-" if one.elapsed is None else format_short_duration(round(one.elapsed.p50)),
            "-" if one.pace_per_hour is None else pace_words(one.pace_per_hour),
            percent(one.failure_rate),
            "-" if one.retries is None else str(one.retries),
            "-" if one.eta is None else format_short_duration(round(one.eta.mid_s)),
        ]  # fmt: skip


_TITLES: list[Title] = [
    ("Stage", "left"), ("PD", "right"), ("R", "right"), ("Done", "right"), ("F", "right"),
    ("Mem p95/asked", "right"), ("CPU", "right"), ("GPU", "right"),
    ("Run p95/limit", "right"), ("Wait", "right"), ("Run", "right"), ("Done/h", "right"),
    ("Fails", "right"), ("Retries", "right"), ("To finish", "right"),
]  # fmt: skip


def stages_report(
    runs: Iterable[PastJob], live: Sequence[Job], stages: Sequence[str], now: float, **more: Any
) -> StagesReport:
    """The report of some finished runs and the jobs of the queue; see :class:`StagesReport`."""
    return StagesReport(runs, live, stages, now, **more)


def run_stages(
    loaded: Loaded,
    *,
    runs: int,
    days: float,
    as_json: bool,
    deadline_s: float,
    say: Callable[[str], object],
) -> int:
    """Read the site and say what the stages used; 0, or 1 where the queue could not be read.

    Raises NoSite where there is no site, ConfigError.
    """
    settings, site = loaded.settings, choose_site(loaded)
    snapshot = read_site(
        Wanted(
            backend=site.backend,
            ssh=site.ssh,
            local=site.local.head() if site.local else None,
            scope="mine",
            stage_rules=[asdict(rule) for rule in settings.stage_rules],
            finished_hours=days * 24,
            deadline_s=deadline_s,
        )
    )
    past = [past_of(entry, site.page.name) for entry in snapshot.accounted]
    report = stages_report(
        past, snapshot.jobs, settings.stages, snapshot.taken_at, baseline=runs,
        window_s=int(days * DAY_S), problem=_problem(snapshot),
    )  # fmt: skip
    if as_json:
        say(report.json())
    else:
        for line in report.lines():
            say(line)
    return 1 if snapshot.trouble else 0


def past_of(entry: AccountedJob, site: str) -> PastJob:
    """A job of accounting as history has it."""
    return PastJob(site, entry, entry.job.end_time or int(time.time()))


def _problem(snapshot: Snapshot) -> str:
    """What is missing in the figures, and why."""
    for part in ("site", "queue", "accounting"):
        if error := snapshot.errors.get(part):
            return f"{part}: {error}"
    site = snapshot.capabilities
    accounting = site.features.get("accounting") if site else None
    if accounting is None or not accounting.available:
        why = f" ({accounting.detail})" if accounting and accounting.detail else ""
        return f"no accounting on this site{why}: only jobs still in the queue count"
    if len(snapshot.accounted) >= MOST_FINISHED:
        return f"only the {MOST_FINISHED:,} newest finished jobs count"
    return ""


def percent(share: float | None) -> str:
    """A share as ``45 %``."""
    return "-" if share is None else f"{100 * share:.0f} %"


def _of(part: str | None, whole: str | None) -> str:
    return f"{part or '-'}/{whole or '-'}"


def _text(text: str) -> str:
    """The text; bytes that were no UTF-8 become U+FFFD, which every JSON reader takes."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _stage(one: StageSummary) -> dict[str, Any]:
    shape = one.shape
    return {
        "stage": _text(one.stage),
        "counts": one.counts._asdict(),
        "counts_capped": one.counts_capped,
        "runs": one.runs,
        "shape": shape and {**shape._asdict(), "partition": _text(shape.partition)},
        "shape_share": one.shape_share,
        "memory_bytes": _spread(one.memory),
        "memory_at_limit": one.memory_at_limit,
        "memory_share": one.memory_share,
        "memory_is_largest_task": one.several_tasks,
        "cpu_efficiency": one.cpu_efficiency,
        "gpu_percent": one.gpu_percent,
        "elapsed_s": _spread(one.elapsed),
        "elapsed_at_limit": one.elapsed_at_limit,
        "limit_share": one.limit_share,
        "wait_s": _spread(one.wait),
        "wait_share": one.wait_share,
        "waiting_longest_s": one.waiting_longest_s,
        "done_per_hour": one.pace_per_hour,
        "attempts": one.attempts,
        "failure_rate": one.failure_rate,
        "failures": dict(one.failures),
        "retries": one.retries,
        "eta_s": one.eta and one.eta._asdict(),
    }


def _spread(figures: Spread | None) -> dict[str, float] | None:
    if figures is None:
        return None
    return {"count": figures.size, "p25": figures.p25, "p50": figures.p50, "p75": figures.p75,
            "p95": figures.p95, "max": figures.most}  # fmt: skip
