"""The report's round tables: each round's hypothesis and outcome, and its trials."""

from collections import Counter
from collections.abc import Iterator, Sequence

from jobshape.app.domain.units import format_duration, format_size
from jobshape.app.reports.parts import (
    Bar,
    BarGroup,
    Column,
    Heading,
    Part,
    Table,
    TimePlot,
    Words,
)
from jobshape.app.reports.records import CampaignRecords
from jobshape.app.rounds.campaign import SETTLED, GateLine, Round, Trial

MOST_TRIALS = 25
"""Trials of one round that are listed; those that failed first, then the shortest."""

MOST_JOBS = 3
MOST_BARS = 48

_ROUNDS = (
    Column("Round", "right"), Column("Hypothesis"), Column("Trials", "right"),
    Column("Completed", "right"), Column("Failed", "right"), Column("Median total", "right"),
    Column("Best total", "right"), Column("Gate"), Column("Outcome"),
)  # fmt: skip
_TRIALS = (
    Column("Trial"), Column("Changes", may_go=True), Column("Jobs"), Column("Outcome"),
    Column("Total", "right"), Column("Wait", "right"), Column("Run", "right"),
    Column("Retries", "right"), Column("Baseline", "right", may_go=True),
    Column("Memory", "right", may_go=True),
)  # fmt: skip


def round_parts(records: CampaignRecords) -> Iterator[Part]:
    """The table of rounds, a plot, and a table of the trials of each round."""
    if not records.rounds:
        yield Words("No round has begun.")
        return
    by_round: dict[int, list[Trial]] = {one.number: [] for one in records.rounds}
    for trial in records.trials:
        if trial.round is not None:
            by_round.setdefault(trial.round, []).append(trial)
    yield Table(_ROUNDS, tuple(_row(records, one, by_round[one.number]) for one in records.rounds))
    if (plot := _plot(records, by_round)) is not None:
        yield plot
    for number, trials in by_round.items():
        if trials:
            yield Heading(f"Round {number}")
            shown = _listed(records, trials)
            rows = tuple(_trial_row(records, trial) for trial in shown)
            yield Table(_TRIALS, rows, len(trials) - len(shown))


def _row(records: CampaignRecords, one: Round, trials: Sequence[Trial]) -> tuple[str, ...]:
    states = Counter(trial.state for trial in trials)
    failed = states["failed_other"] + states["stuck"] + states["failed_oom"]
    totals = _totals(records, trials)
    median = totals[(len(totals) - 1) // 2] if totals else None
    best = totals[0] if totals else None
    return (
        f"{one.number}", one.hypothesis or "-", f"{len(trials):,}", f"{states['completed']:,}",
        f"{failed:,}", format_duration(median), format_duration(best), _gate(one),
        one.outcome or "-",
    )  # fmt: skip


def _totals(records: CampaignRecords, trials: Sequence[Trial]) -> list[int]:
    """Total wall-clocks of those that completed, the shortest first."""
    totals = (records.evidence[one.id].total_s for one in trials if one.state == "completed")
    return sorted(total for total in totals if total is not None)


def _gate(one: Round) -> str:
    missing = [_missing(line) for line in one.gate if not line.holds]
    return f"{one.state}: {'; '.join(missing)}" if missing else one.state


def _missing(line: GateLine) -> str:
    return f"{line.name} ({line.missing})" if line.missing else line.name


def _listed(records: CampaignRecords, trials: Sequence[Trial]) -> list[Trial]:
    """All in the manifest's order, or the ones that matter most."""
    if len(trials) <= MOST_TRIALS:
        return list(trials)

    def rank(trial: Trial) -> tuple[int, float]:
        total = records.evidence[trial.id].total_s
        kind = 0 if trial.state in ("failed_other", "stuck") else 1 if trial.attempts > 1 else 2
        return kind, float("inf") if total is None else total

    return sorted(trials, key=rank)[:MOST_TRIALS]


def _trial_row(records: CampaignRecords, trial: Trial) -> tuple[str, ...]:
    shown, attempts = records.evidence[trial.id], records.attempts_of[trial.id]
    jobs = [one.job for one in attempts if one.job]
    more = f" +{len(jobs) - MOST_JOBS}" if len(jobs) > MOST_JOBS else ""
    ratio = records.ratio(trial)
    name = trial.plan_id if trial.kind == "full" else f"{trial.plan_id} (smoke)"
    is_baseline = trial is records.baseline_of.get(trial.target)
    used, asked = shown.memory_used_bytes, shown.memory_asked_bytes
    is_known = used is not None or asked is not None
    memory = f"{format_size(used)} of {format_size(asked)}" if is_known else "-"
    return (
        name, records.changes.get(trial.number) or "-",
        (" ".join(jobs[-MOST_JOBS:]) + more) or "-", outcome(trial),
        format_duration(shown.total_s), format_duration(shown.wait_s),
        format_duration(shown.run_s), format_duration(shown.lost_s),
        "is it" if is_baseline else "-" if ratio is None else f"x {ratio:.2f}", memory,
    )  # fmt: skip


def outcome(trial: Trial) -> str:
    """How a trial ended, or where it stands."""
    state = trial.state.replace("_", " ")
    if trial.state in SETTLED and trial.state != "completed" and trial.why:
        return f"{state}: {trial.why}"
    return state


def _plot(records: CampaignRecords, by_round: dict[int, list[Trial]]) -> TimePlot | None:
    timed = {
        number: [t for t in trials if records.evidence[t.id].total_s is not None]
        for number, trials in by_round.items()
    }
    count = sum(map(len, timed.values()))
    if not count:
        return None
    groups, shown = [], 0
    for number, trials in timed.items():
        if trials:
            room = max(2, round(MOST_BARS * len(trials) / count))
            bars = tuple(_bar(records, one) for one in _spread_out(records, trials, room))
            shown += len(bars)
            groups.append(BarGroup(f"Round {number}", bars))
    some = "" if shown == count else f" {shown} of {count:,} trials, evenly picked by their total."
    base = next((t for t in records.trials if t.kind == "full"
                 and t.number == records.campaign.baseline), None)  # fmt: skip
    base_s = None if base is None else records.total_s(base)
    caption = f"Total wall-clock by trial: wait, run, and what was lost in retries.{some}"
    return TimePlot(tuple(groups), base_s, caption)


def _spread_out(records: CampaignRecords, trials: Sequence[Trial], room: int) -> list[Trial]:
    if len(trials) <= room:
        return list(trials)
    ordered = sorted(trials, key=lambda one: records.evidence[one.id].total_s or 0)
    return [ordered[at * (len(ordered) - 1) // (room - 1)] for at in range(room)]


def _bar(records: CampaignRecords, trial: Trial) -> Bar:
    shown = records.evidence[trial.id]
    total, lost = shown.total_s or 0, shown.lost_s or 0
    wait = shown.wait_s or 0
    smoke = " (smoke)" if trial.kind == "smoke" else ""
    return Bar(f"{trial.plan_id}{smoke}", (wait, max(0, total - lost - wait), lost))
