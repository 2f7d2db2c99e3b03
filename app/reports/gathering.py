"""Everything a report of a campaign needs, from what is kept of it and its manifest."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from jobshape.app.domain.text import sanitize
from jobshape.app.reports.records import Alternative, CampaignRecords
from jobshape.app.rounds.campaign import Campaign, Trial
from jobshape.app.rounds.expanding import PlannedJob, expand
from jobshape.app.rounds.manifest import Manifest
from jobshape.app.rounds.reading import read_text
from jobshape.app.rounds.store import Store


def gather(store: Store, campaign: Campaign, now: int) -> CampaignRecords:
    """The records of a campaign as they are now. Raises JobshapeError."""
    manifest = read_text(campaign.manifest_text, Path(campaign.manifest_path)).manifest
    jobs = list(expand(manifest))
    trials = store.trials(campaign.id)
    rounds = store.rounds(campaign.id)
    open_round = next((one for one in rounds if one.state == "open"), None)
    return CampaignRecords(
        campaign, rounds, trials, store.attempts(campaign.id),
        store.lessons(campaign=campaign.name), now, objective_of(manifest),
        {stage.name: stage.shape.values for stage in manifest.stages},
        dict(changes_of(jobs, trials)), dict(_alternatives(manifest, jobs, trials)),
        [event.text for event in store.events(campaign.id) if "plateau" in event.text],
        open_round.hypothesis if open_round else "",
    )  # fmt: skip


def objective_of(manifest: Manifest) -> str:
    """What success is measured by, in a line."""
    words = [
        f"{'least' if one.goal == 'min' else 'most'} {one.name}"
        + (f", good from {one.threshold:g}" if one.threshold is not None else "")
        for one in manifest.metrics
    ]
    return "; ".join([*words, "least total wall-clock: wait, run and retries"])


def changes_of(jobs: Sequence[PlannedJob], trials: Sequence[Trial]) -> Iterator[tuple[int, str]]:
    """Of each trial's job the parameters that differ from the first job of its grid."""
    known: dict[int, PlannedJob] = {}
    for trial in trials:
        job = jobs[trial.number]
        base = known.setdefault(id(job.recipe), job)
        if not job.point:
            yield trial.number, ""
            continue
        pairs = zip(job.recipe.parameters, job.point, base.point, strict=True)
        yield trial.number, sanitize(" ".join(f"{n}={v}" for n, v, b in pairs if v != b))


def _alternatives(
    manifest: Manifest, jobs: Sequence[PlannedJob], trials: Sequence[Trial]
) -> Iterator[tuple[int, Alternative]]:
    chosen = {
        phase.name: set(phase.grid.choose)
        for phase in manifest.phases
        if phase.grid is not None and phase.grid.choose
    }
    for trial in trials:
        job, knobs = jobs[trial.number], chosen.get(trial.phase)
        if trial.kind != "full" or not knobs or not job.point:
            continue
        values = dict(zip(job.recipe.parameters, job.point, strict=True))
        work = " ".join(f"{name}={value}" for name, value in values.items() if name not in knobs)
        words = " ".join(f"{name}={value}" for name, value in values.items() if name in knobs)
        yield trial.number, Alternative(sanitize(work), sanitize(words))
