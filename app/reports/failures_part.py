"""What failed in a campaign: findings by stage, and what was done about them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from jobshape.app.domain.entry import show_size
from jobshape.app.domain.units import format_duration
from jobshape.app.reports.parts import Column, Heading, Part, Points, Table, Words
from jobshape.app.reports.records import CampaignRecords
from jobshape.app.rounds.campaign import Attempt, Trial
from jobshape.app.rounds.evidence import Risk, best_attempt, failed, failure_risk, memory_asked

MOST_LISTED = 10
MOST_EXAMPLES = 3

_FINDINGS = (
    Column("Stage"), Column("Finding"), Column("Class"), Column("Attempts", "right"),
    Column("Trials", "right"), Column("Jobs"), Column("Nodes"),
)  # fmt: skip
_FAILURES = (
    Column("Stage"), Column("Failure"), Column("Trials", "right"), Column("What was done"),
    Column("Then did well", "right"), Column("Still open", "right"),
)  # fmt: skip


@dataclass(slots=True)
class _Seen:
    """One class of finding in one stage."""

    title: str = ""
    attempts: int = 0
    trials: set[int] = field(default_factory=set)
    jobs: list[str] = field(default_factory=list)
    nodes: set[str] = field(default_factory=set)


def finding_parts(records: CampaignRecords) -> Iterator[Part]:
    """How often attempts of each stage failed, and with what."""
    if not any(one.is_over for one in records.attempts):
        yield Words("No attempt is over yet.")
        return
    lines, rows = [], []
    for stage in records.of_stage:
        attempts = records.stage_attempts(stage)
        risk = failure_risk(attempts)
        if risk is not None:
            lines.append(f"{stage}: {risk_words(risk)}")
        for label, seen in sorted(_by_label(attempts).items(), key=lambda item: -item[1].attempts):
            rows.append((
                stage, seen.title or label, label, f"{seen.attempts:,}", f"{len(seen.trials):,}",
                _some(seen.jobs), _some(sorted(seen.nodes)),
            ))  # fmt: skip
    yield Points(tuple(lines))
    yield Table(_FINDINGS, tuple(rows)) if rows else Words("No attempt failed.")


def risk_words(risk: Risk) -> str:
    """A failure risk in a sentence."""
    mean, low, high = (f"{100 * share:.0f} %" for share in (risk.mean, risk.low, risk.high))
    return (
        f"{risk.failed:,} of {risk.attempts:,} attempts failed; the next one fails with a chance "
        f"of {mean} (90 %: {low} to {high})"
    )


def _by_label(attempts: Sequence[Attempt]) -> dict[str, _Seen]:
    made: dict[str, _Seen] = {}
    for one in attempts:
        if not failed(one):
            continue
        seen = made.setdefault(one.label or one.state, _Seen())
        seen.title = one.title or seen.title
        seen.attempts += 1
        seen.trials.add(one.trial)
        if one.job:
            seen.jobs.append(one.job)
        if one.node_list:
            seen.nodes.add(one.node_list)
    return made


def _some(texts: Sequence[str]) -> str:
    more = f" +{len(texts) - MOST_EXAMPLES}" if len(texts) > MOST_EXAMPLES else ""
    return (" ".join(texts[:MOST_EXAMPLES]) + more) or "-"


@dataclass(slots=True)
class _Treated:
    """Trials of a stage that failed in one way, and were treated alike."""

    trials: int = 0
    well: int = 0
    open: int = 0


def failure_parts(records: CampaignRecords) -> Iterator[Part]:
    """What was done about each kind of failure, whether it helped, and what is still open."""
    groups: dict[tuple[str, str, str], _Treated] = {}
    still = []
    for trial in records.trials:
        attempts = records.attempts_of[trial.id]
        best = best_attempt(trial, attempts)
        lost = [one for one in attempts if one is not best and failed(one)]
        for label in dict.fromkeys(one.label or one.state for one in lost):
            alike = [one for one in lost if (one.label or one.state) == label]
            key = (trial.stage, alike[-1].title or label, _done(trial, alike, attempts, label))
            group = groups.setdefault(key, _Treated())
            group.trials += 1
            group.well += best is not None
            group.open += best is None
        if trial.state in ("failed_other", "stuck"):
            still.append(trial)
    if not groups and not still:
        yield Words("Nothing failed.")
        return
    rows = tuple(
        (stage, title, f"{one.trials:,}", done, f"{one.well:,}", f"{one.open:,}")
        for (stage, title, done), one in sorted(groups.items(), key=lambda item: -item[1].trials)
    )
    if rows:
        yield Table(_FAILURES, rows[:MOST_LISTED], max(0, len(rows) - MOST_LISTED))
    if still:
        yield Heading("Not solved")
        lines = [f"{one.plan_id}: {one.state.replace('_', ' ')}, {one.why or 'no reason is known'}"
                 for one in still[:MOST_LISTED]]  # fmt: skip
        if len(still) > MOST_LISTED:
            lines.append(f"and {len(still) - MOST_LISTED:,} more")
        yield Points(tuple(lines))


def _done(
    trial: Trial, alike: Sequence[Attempt], attempts: Sequence[Attempt], label: str
) -> str:  # fmt: skip
    """What the attempt behind the last failure of a kind had other than the first."""
    behind = [one for one in attempts if one.number > alike[-1].number]
    if not behind:
        return "nothing more was tried"
    before, now = memory_asked(alike[0]), memory_asked(behind[-1])
    done = []
    if before is not None and now is not None and now > before:
        done.append(f"memory {show_size(before)} to {show_size(now)}")
    if trial.time_limit_s and label == "timeout":
        done.append(f"walltime to {format_duration(trial.time_limit_s)}")
    if trial.exclude_nodes:
        done.append(f"{trial.exclude_nodes} excluded")
    return ", ".join(done) or "sent again"
