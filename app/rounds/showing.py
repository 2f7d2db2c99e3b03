"""What is shown of a campaign, read from the store: light rows, however many trials there are."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from jobshape.app.domain.campaigns import (
    CampaignLine,
    Condition,
    Happening,
    RoundLine,
    SavedTime,
    TrialLine,
)
from jobshape.app.rounds.campaign import Campaign, Round
from jobshape.app.rounds.evidence import saved
from jobshape.app.rounds.round_keeping import ALL_EVIDENCE, gate_of
from jobshape.app.rounds.store import Counted, Store

EVENTS = 60
BREATH = 100
T = TypeVar("T")
BAD = ("failed_other", "stuck")

_TRIALS = """
SELECT t.id, t.number, t.kind, t.plan_id, t.target, t.state, t.why, t.checks, t.attempts,
    a.job_id, a.task, f.submitted_at, a.submitted_at, a.started_at, a.ended_at, a.title
FROM trials t
LEFT JOIN attempts a ON a.trial = t.id AND a.number = t.attempts
LEFT JOIN attempts f ON f.trial = t.id AND f.number = 1
WHERE t.campaign = ? AND t.round = ? ORDER BY t.number, t.kind DESC, t.id
"""

_TOTALS = """
SELECT t.number, t.target, max(a.ended_at) - min(a.submitted_at)
FROM trials t JOIN attempts a ON a.trial = t.id
WHERE t.campaign = ? AND t.kind = 'full' AND t.state = 'completed' GROUP BY t.id
"""


def breathing(items: Iterable[T]) -> Iterator[T]:
    """The items, with a pause now and then: a thread that draws must not wait long for us."""
    for at, item in enumerate(items):
        if at % BREATH == BREATH - 1:
            time.sleep(0.0002)
        yield item


class Member(NamedTuple):
    """As much of a trial as a gate is judged by."""

    kind: str
    state: str
    target: str
    why: str


def campaign_line(store: Store, campaign: Campaign, *, is_run: bool) -> CampaignLine:
    """A campaign in a line."""
    counts = [one for one in store.counts(campaign.id) if one.kind == "full"]
    number = store.select("SELECT max(number) FROM rounds WHERE campaign = ?", (campaign.id,))
    return CampaignLine(
        campaign.id, campaign.name, campaign.site, campaign.state, number[0][0],
        _count(counts, "completed"), _count(counts, *BAD), _count(counts, "left_out"),
        campaign.trials, campaign.created_at, campaign.ended_at, campaign.question, campaign.note,
        campaign.manifest_path, is_run,
    )  # fmt: skip


def round_lines(store: Store, campaign: Campaign, stable: float) -> tuple[RoundLine, ...]:
    """Its rounds, the first one first; the gate of an open one as it stands now."""
    counts = store.counts(campaign.id)
    return tuple(
        _round(store, one, [count for count in counts if count.round == one.number], stable)
        for one in store.rounds(campaign.id)
    )


def _round(store: Store, one: Round, counts: Sequence[Counted], stable: float) -> RoundLine:
    gate = one.gate
    if one.state == "open":
        rows = store.select(
            "SELECT kind, state, target, why FROM trials WHERE campaign = ? AND round = ?"
            " ORDER BY number, id", (one.campaign, one.number),
        )  # fmt: skip
        gate = tuple(
            line._replace(holds=None) if line.name == ALL_EVIDENCE and not line.holds else line
            for line in gate_of([Member(*row) for row in rows], stable)
        )  # it has not failed: it is not there yet
    return RoundLine(
        one.number, one.state, one.hypothesis, one.outcome, one.opened_at, one.closed_at,
        _count(counts, "completed", "left_out"), _count(counts, *BAD),
        sum(count.trials for count in counts), tuple(Condition(*line) for line in gate),
    )  # fmt: skip


def trial_lines(
    store: Store, campaign: Campaign, number: int, changes: Mapping[int, str]
) -> tuple[TrialLine, ...]:
    """The trials of a round. changes: number of a job -> difference to the baseline."""
    return tuple(
        _trial(row, changes, campaign.baseline)
        for row in breathing(store.select(_TRIALS, (campaign.id, number)))
    )


def _trial(row: Sequence[Any], changes: Mapping[int, str], baseline: int | None) -> TrialLine:
    (key, number, kind, name, target, state, why, checks, attempts, job_id, task, first,
     submitted, started, ended, title) = row  # fmt: skip
    job = "" if job_id is None else str(job_id) if task is None else f"{job_id}_{task}"
    told = why or title or ""
    if not told and checks and checks != "[]":
        told = ", ".join(_words(checks))
    differs = changes.get(number, "")
    shown = target if kind == "smoke" else name
    return TrialLine(
        key, shown, kind, state, differs, kind == "full" and number == baseline, job, job_id,
        attempts, first, submitted, started, ended, told,
        f"{shown} {kind} {state} {differs} {job} {told}".lower(),
    )  # fmt: skip


def _words(cell: str) -> list[str]:
    return [str(one) for one in json.loads(cell)]


def saved_of(
    store: Store, campaign: Campaign, alternatives: Mapping[int, str]
) -> SavedTime:  # fmt: skip
    """What trials with another alternative took less than those with the baseline's.

    alternatives: number of a job -> its values of the chosen parameters; where the baseline's has
    none, all others of its target are compared with it.
    """
    rows = [row for row in store.select(_TOTALS, (campaign.id,)) if row[2] is not None]
    mine = next((target for number, target, _ in rows if number == campaign.baseline), None)
    kept = alternatives.get(-1 if campaign.baseline is None else campaign.baseline)
    before: list[float] = []
    after: list[float] = []
    for number, target, total in rows:
        if target != mine:
            continue
        is_like = number == campaign.baseline if kept is None else alternatives.get(number) == kept
        (before if is_like else after).append(float(total))
    return SavedTime(*saved(before, after))


def happenings(store: Store, campaign: int) -> tuple[Happening, ...]:
    """The newest events, the oldest of them first."""
    return tuple(Happening(*event) for event in store.events(campaign, EVENTS))


def jobs_to_cancel(store: Store, campaign: int) -> int:
    """Jobs (tasks of arrays) that a stop would cancel."""
    rows = store.select(
        "SELECT count(*) FROM trials WHERE campaign = ? AND state IN ('sent', 'running', 'stale')",
        (campaign,),
    )
    return int(rows[0][0])


def _count(counts: Sequence[Counted], *states: str) -> int:
    return sum(one.trials for one in counts if one.state in states)
