"""The report of a campaign: which sections, in which order."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from jobshape.app.domain.spans import span_words
from jobshape.app.reports.failures_part import failure_parts, finding_parts
from jobshape.app.reports.fit import Fit, fits, memory_use
from jobshape.app.reports.next_part import chosen_parts, risk_parts
from jobshape.app.reports.parts import (
    Column,
    Heading,
    MemoryPlot,
    Part,
    Points,
    Report,
    Section,
    Table,
    Words,
    counted,
)
from jobshape.app.reports.records import CampaignRecords
from jobshape.app.reports.rounds_part import round_parts

MOST_LESSONS = 40

_FITS = (
    Column("Stage"), Column("What"), Column("Asked", "right"), Column("Median used", "right"),
    Column("95 % under", "right"), Column("Most", "right"), Column("Runs", "right"),
    Column("Next", "right"),
)  # fmt: skip


def campaign_report(records: CampaignRecords) -> Report:
    """The report, from what is kept of the campaign."""
    plain, of_gpus = fits(records)
    campaign = records.campaign
    sections = {
        "Objective and scope": _scope(records),
        "Rounds": round_parts(records),
        "Findings by stage": finding_parts(records),
        "Resource fit": _fit_parts(records, plain, of_gpus),
        "Failures and mitigations": failure_parts(records),
        "Chosen next configuration and expected effect": chosen_parts(records, (*plain, *of_gpus)),
        "Learnings kept": _lessons(records),
        "Remaining risks and next trial": risk_parts(records),
    }
    made = f", made {_moment(records.at)}" if records.at else ""
    return Report(
        f"Campaign {campaign.name}",
        f"{campaign.state} on {campaign.site}{made}",
        tuple(Section(title, tuple(parts)) for title, parts in sections.items()),
    )


def _moment(at: int) -> str:
    return f"{datetime.fromtimestamp(at):%Y-%m-%d %H:%M}"


def _scope(records: CampaignRecords) -> Iterator[Part]:
    campaign = records.campaign
    full = [one for one in records.trials if one.kind == "full"]
    smokes = len(records.trials) - len(full)
    yield Words(
        f"Run the {campaign.trials or len(full):,} jobs of {campaign.name} on {campaign.site} with "
        "the least total wall-clock: wait, run and retries together."
    )
    lines = [f"success is measured by {records.objective}"] if records.objective else []
    stages = ", ".join(f"{stage} ({sum(t.kind == 'full' for t in trials):,})"
                       for stage, trials in records.of_stage.items())  # fmt: skip
    states = ", ".join(f"{count:,} {state.replace('_', ' ')}"
                       for state, count in Counter(one.state for one in full).items())  # fmt: skip
    lines += [
        f"manifest: {campaign.manifest_path or '-'}",
        f"stages: {stages or '-'}",
        f"jobs: {states or '-'}; {counted(smokes, 'smoke run')}",
        f"from {_moment(campaign.created_at)} to "
        f"{'now' if campaign.ended_at is None else _moment(campaign.ended_at)}",
        f"wall-clock from the first submission: {_span(records.span_s)}",
        f"against the baseline: {_saved(records)}",
    ]
    if campaign.note:
        lines.append(f"last: {campaign.note}")
    yield Points(tuple(lines))


def _span(seconds: float | None) -> str:
    return "-" if seconds is None else span_words(seconds)


def _saved(records: CampaignRecords) -> str:
    found = records.saved
    if found.seconds is None:
        return "- (it needs a completed baseline and another trial of its target)"
    what = "saved" if found.seconds >= 0 else "lost"
    trials = counted(found.trials, "trial")
    said = f"{span_words(abs(found.seconds))} {what} by {trials}, if all do the same amount of work"
    if found.low is None or found.high is None:
        return f"{said} (the baseline ran once: no interval)"
    low, high = (
        f"{'-' if end < 0 else ''}{span_words(abs(end))}" for end in (found.low, found.high)
    )
    return f"{said} (90 %: {low} to {high})"


def _fit_parts(
    records: CampaignRecords, plain: Sequence[Fit], of_gpus: Sequence[Fit]
) -> Iterator[Part]:
    yield Heading("CPUs, memory and walltime")
    if plain:
        yield from _fit_table(plain)
    else:
        yield Words("No stage is known.")
    stages = tuple(use for stage in records.of_stage if (use := memory_use(records, stage)))
    if stages:
        yield MemoryPlot(stages, "Memory of one node: asked, and used by the runs that did well.")
    yield Heading("GPUs")
    if of_gpus:
        yield from _fit_table(of_gpus)
    else:
        yield Words("No stage asks for GPUs.")


def _fit_table(found: Sequence[Fit]) -> Iterator[Part]:
    yield Table(_FITS, tuple(
        (one.stage, one.what, one.asked, one.p50, one.p95, one.most, f"{one.runs:,}",
         one.next or "-")
        for one in found
    ))  # fmt: skip
    yield Points(tuple(f"{one.stage}, {one.what}: {one.words}" for one in found))


def _lessons(records: CampaignRecords) -> Iterator[Part]:
    if not records.lessons:
        yield Words("None.")
        return
    kept = sorted(records.lessons, key=lambda one: -one.at)
    lines = [f"{datetime.fromtimestamp(one.at):%Y-%m-%d}, {one.family}: {one.text}"
             for one in kept[:MOST_LESSONS]]  # fmt: skip
    if len(kept) > MOST_LESSONS:
        lines.append(f"and {len(kept) - MOST_LESSONS:,} older ones")
    yield Points(tuple(lines))
