"""What a campaign's evidence says of the next runs: the chosen configuration, risks, next trial."""

from collections.abc import Iterator, Sequence
from statistics import fmean

from jobshape.app.domain.spans import span_words
from jobshape.app.reports.failures_part import risk_words
from jobshape.app.reports.fit import Fit
from jobshape.app.reports.parts import Column, Heading, Part, Points, Table, Words, counted
from jobshape.app.reports.records import CampaignRecords
from jobshape.app.rounds.campaign import Trial
from jobshape.app.rounds.evidence import Compared, compare, failure_risk

MOST_LISTED = 12

_ALTERNATIVES = (
    Column("Target"), Column("Alternative"), Column("Works", "right"), Column("Failed", "right"),
    Column("Mean total", "right"), Column("Against baseline"),
)  # fmt: skip


def chosen_parts(records: CampaignRecords, fits: Sequence[Fit]) -> Iterator[Part]:
    """The best alternative of each target, and the shape of each stage, with what they bring."""
    lines = [*records.notes, *_alternatives_words(records)]
    rows = list(_alternatives(records))
    if rows:
        yield Table(_ALTERNATIVES, tuple(rows[:MOST_LISTED]), max(0, len(rows) - MOST_LISTED))
    if not records.alternatives:
        lines += _shortest(records)
    if lines:
        yield Points(tuple(lines))
    shapes = [f"{one.stage}: {one.what} {one.asked} to {one.next}" for one in fits if one.next]
    lost = list(_lost(records))
    if shapes or lost:
        yield Heading("Shapes")
        yield Points((*shapes, *lost))
        yield Words("What a smaller shape does to the wait in the queue is not known before a run.")
    elif not lines and not rows:
        yield Words("The evidence changes nothing: keep the configuration as it is.")


def _totals(records: CampaignRecords, target: str) -> dict[str, dict[str, list[float]]]:
    """Total wall-clocks of what completed: by alternative, by work."""
    made: dict[str, dict[str, list[float]]] = {}
    for trial in records.full_of[target]:
        known, total = records.alternatives.get(trial.number), records.total_s(trial)
        if known is not None and total is not None:
            made.setdefault(known.words, {}).setdefault(known.work, []).append(total)
    return made


def _failed(records: CampaignRecords, target: str) -> dict[str, tuple[int, int]]:
    """Of each alternative, how many of the trials that ended failed."""
    made: dict[str, tuple[int, int]] = {}
    for trial in records.full_of[target]:
        known = records.alternatives.get(trial.number)
        if known is not None and trial.state in ("completed", "failed_other", "stuck"):
            failed, ended = made.get(known.words, (0, 0))
            made[known.words] = failed + (trial.state != "completed"), ended + 1
    return made


def _compared(base: dict[str, list[float]], other: dict[str, list[float]]) -> Compared:
    """Work by work: how works differ among themselves says nothing of the alternatives."""
    ratios = [fmean(other[work]) / fmean(base[work]) for work in other
              if work in base and fmean(base[work]) > 0]  # fmt: skip
    return compare([1.0] * len(ratios), ratios)


def compared_words(found: Compared) -> str:
    """A comparison in a few words."""
    if found.ratio is None:
        return "-"
    if found.low is None or found.high is None:
        return f"x {found.ratio:.2f}, too few runs for an interval"
    sure = "" if found.sure else ", may be chance"
    return f"x {found.ratio:.2f} (90 %: {found.low:.2f} to {found.high:.2f}{sure})"


def _alternatives(records: CampaignRecords) -> Iterator[tuple[str, ...]]:
    """Of each target the baseline's, then the others, the best first."""
    for target in records.full_of:
        totals = _totals(records, target)
        words = records.base_words(target)
        base, failed = totals.get(words or "", {}), _failed(records, target)
        rows = []
        for name, by_work in totals.items():
            mean = fmean(fmean(figures) for figures in by_work.values())
            found = _compared(base, by_work)
            against = "is it" if name == words else compared_words(found)
            bad = f"{failed[name][0]:,} of {failed[name][1]:,}"
            row = (target, name, f"{len(by_work):,}", bad, span_words(mean), against)
            rows.append((name != words, found.ratio is None, found.ratio or 0.0, row))
        yield from (row for *_, row in sorted(rows))


def _alternatives_words(records: CampaignRecords) -> Iterator[str]:
    """The best of each target, on the works that it shares with the baseline."""
    for target in records.full_of:
        totals, words = _totals(records, target), records.base_words(target)
        if not words or words not in totals or len(totals) < 2:
            continue
        failed = _failed(records, target)
        others = {
            n: _compared(totals[words], by_work) for n, by_work in totals.items()
            if n != words and failed[n][0] <= records.stable * failed[n][1]
        }  # fmt: skip
        known = {n: found for n, found in others.items() if found.ratio is not None}
        best = min(known, key=lambda n: known[n].ratio or 0.0, default=None)
        if best is not None and (known[best].ratio or 1.0) < 1:
            luck = f"; the best of {len(known)} tried, so expect less" if len(known) > 2 else ""
            said = compared_words(known[best])
            yield f"{target}: {best}; expected total wall-clock {said}{luck}"
        else:
            yield f"{target}: stay with {words}; nothing that was tried and was stable took less"


def _shortest(records: CampaignRecords) -> Iterator[str]:
    """Of each target the trial that took least: one run is an observation, no forecast."""
    for target in records.full_of:
        done = [(total, trial) for trial in records.full_of[target]
                if (total := records.total_s(trial)) is not None]  # fmt: skip
        if len(done) < 2:
            continue
        total, trial = min(done, key=lambda item: item[0])
        changes = records.changes.get(trial.number)
        ratio = records.ratio(trial)
        against = f", x {ratio:.2f} of the baseline" if ratio is not None else ""
        yield (f"{target}: {trial.plan_id}{f' ({changes})' if changes else ''} took least, "
               f"{span_words(total)}{against}; a single run, so it may be chance")  # fmt: skip


def _lost(records: CampaignRecords) -> Iterator[str]:
    """What retries cost, which the right shape from the start would not."""
    for stage, trials in records.of_stage.items():
        # Of a trial that did not do well all is lost: a shape may not be what it needs.
        known = [records.evidence[one.id] for one in trials if one.state == "completed"]
        lost = sum(one.lost_s or 0 for one in known)
        whole = sum(one.total_s or 0 for one in known)
        if lost and whole:
            share = f"{100 * lost / whole:.0f} %"
            yield (f"{stage}: {span_words(lost)} of {span_words(whole)} of wall-clock ({share})"
                   " were lost in retries of jobs that then did well")  # fmt: skip


def risk_parts(records: CampaignRecords) -> Iterator[Part]:
    """What may still go wrong, and what comes next."""
    lines = list(_risks(records))
    yield Points(tuple(lines)) if lines else Words("No risk is known.")
    yield Heading("Next trial")
    yield Words(_next(records))


def _risks(records: CampaignRecords) -> Iterator[str]:
    for stage, trials in records.of_stage.items():
        risk = failure_risk(records.stage_attempts(stage, kind="full"))
        if risk is None:
            yield f"{stage}: nothing ran at full size, so nothing is known of it"
        elif risk.failed:
            yield f"{stage}: {risk_words(risk)}"
        else:
            left = f"up to {100 * risk.high:.0f} %" if risk.high >= 0.01 else "under 1 %"
            yield (f"{stage}: of {counted(risk.attempts, 'attempt')} at full size none failed; the "
                   f"chance that the next one does is {left}")  # fmt: skip
        if unsolved := [one for one in trials if one.state in ("failed_other", "stuck")]:
            yield f"{stage}: not solved: {counted(len(unsolved), 'trial')}, {_named(unsolved)}"
    if records.campaign.question:
        yield f"The campaign waits for an answer: {records.campaign.question}"


def _named(trials: Sequence[Trial]) -> str:
    more = f" and {len(trials) - 3:,} more" if len(trials) > 3 else ""
    return ", ".join(one.plan_id for one in trials[:3]) + more


def _next(records: CampaignRecords) -> str:
    if records.next_trial:
        return records.next_trial
    if records.campaign.state in ("stopped", "stopping"):
        return "None: the campaign was stopped."
    current = next((one for one in records.rounds if one.state == "open"), None)
    said = [f"Round {current.number} is open: {current.hypothesis}."] if current else []
    under_way = [one for one in records.trials if one.state in ("sent", "running", "stale")]
    pending = [one for one in records.trials if one.state in ("pending", "failed_oom")]
    if under_way:
        said.append(f"Under way: {counted(len(under_way), 'trial')}, {_named(under_way)}.")
    if pending:
        said.append(f"To be sent: {counted(len(pending), 'trial')}, {_named(pending)}.")
    return " ".join(said) or "None: every job of the manifest has ended or is not needed."
