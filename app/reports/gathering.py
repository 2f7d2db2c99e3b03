"""From what a store keeps of a campaign to all that its report is made from."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from jobshape.app.reports.records import Alternative, CampaignRecords
from jobshape.app.rounds.alternatives import search
from jobshape.app.rounds.campaign import Campaign
from jobshape.app.rounds.evidence import compare
from jobshape.app.rounds.expanding import expand
from jobshape.app.rounds.reading import read_text
from jobshape.app.rounds.saying import search_end_line
from jobshape.app.rounds.slicing import differing
from jobshape.app.rounds.store import Store
from jobshape.app.rounds.workload import Known, PhaseJobs, workload

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest import Manifest
    from jobshape.app.rounds.manifest_checks import Metric


def gather(store: Store, campaign: Campaign, now: int) -> CampaignRecords:
    """The records of a campaign as it stands.

    Raises RoundsTrouble, and ManifestError where its manifest no longer holds.
    """
    manifest = read_text(campaign.manifest_text, Path(campaign.manifest_path)).manifest
    jobs = list(expand(manifest))
    phases = workload(manifest, jobs)
    records = CampaignRecords(
        store.campaign(campaign.id) or campaign, store.rounds(campaign.id),
        store.trials(campaign.id), store.attempts(campaign.id),
        store.lessons(campaign=campaign.name), now, objective_of(manifest),
        {number: job.recipe.shape for number, job in enumerate(jobs)},
        dict(changes_of(phases)), dict(alternatives_of(phases)), manifest.rounds.stable,
    )  # fmt: skip
    return replace(records, notes=tuple(_notes(manifest, phases, records)))


def objective_of(manifest: "Manifest") -> str:
    """What success is measured by, and the budget, in a line."""
    said = [_metric(one) for one in manifest.metrics]
    budget = manifest.budget
    limits = {
        "wall-clock": budget.wall_clock, "GPU-hours": _number(budget.gpu_hours),
        "money": _number(budget.money),
    }  # fmt: skip
    said += [f"{name} up to {limit}" for name, limit in limits.items() if limit]
    return ", ".join(said)


def _number(figure: float | None) -> str:
    return "" if figure is None else f"{figure:,g}"


def _metric(metric: "Metric") -> str:
    least = f", good from {metric.threshold:g}" if metric.threshold is not None else ""
    return f"{metric.name} ({metric.goal}{least})"


def changes_of(phases: tuple[PhaseJobs, ...]) -> Iterator[tuple[int, str]]:
    """Parameters that differ from the first values; of these themselves, all."""
    for phase in phases:
        every = range(len(phase.names))
        for place, number in enumerate(phase.numbers):
            if point := phase.points[place]:
                differs = differing(phase, (place,), phase.first_point)
                yield number, phase.say(point, differs or every)


def alternatives_of(phases: tuple[PhaseJobs, ...]) -> Iterator[tuple[int, Alternative]]:
    """Values of the parameters that are chosen by what they take."""
    for phase in phases:
        if not phase.knobs:
            continue
        for place, number in enumerate(phase.numbers):
            if phase.points[place]:
                words = phase.say_alternative(phase.alternatives[place])
                yield number, Alternative(f"{phase.name} {phase.work_of[place]}", words)


def _notes(
    manifest: "Manifest", phases: tuple[PhaseJobs, ...], records: CampaignRecords
) -> Iterator[str]:  # fmt: skip
    """How the search for the best alternative of each phase has ended."""
    known = _known(records)
    for phase in phases:
        found = search(phase, known, manifest.rounds, compare)
        if found is not None and found.is_over and found.last_round is not None:
            yield f"{phase.name}: {search_end_line(phase, found, manifest.rounds)}"


def _known(records: CampaignRecords) -> list[Known]:
    """Each job as rounds are chosen by it."""
    full: Mapping[int, Known] = {
        one.number: Known(one.state, records.total_s(one), one.round)
        for one in records.trials
        if one.kind == "full"
    }
    return [full.get(number, Known()) for number in range(max(full, default=-1) + 1)]
