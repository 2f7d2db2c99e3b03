"""A campaign in the runner's memory: its jobs, its trials, and what the manifest says of each.

Every change goes to disk first; a runner that starts anew reads the same from there.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.terms import Terms
from jobshape.app.rounds.campaign import SETTLED, Attempt, Campaign, Round, Trial
from jobshape.app.rounds.choosing import NEVER_AGAIN
from jobshape.app.rounds.expanding import PlannedJob, SmokeRun, expand
from jobshape.app.rounds.manifest import Manifest, Phase
from jobshape.app.rounds.reading import read_text
from jobshape.app.rounds.store import Store
from jobshape.app.rounds.workload import (
    Known,
    PhaseJobs,
    Targets,
    is_settled,
    representatives,
    workload,
)

MOST_HASHED_BYTES = 1 << 20
SMOKE_LIMIT_S = 600
"""The walltime of a smoke whose manifest says none."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What policy and the site's page say to a runner."""

    terms: Terms = field(default_factory=Terms)
    jobs_in_flight: int = 4  # 0: no limit
    smoke: str = "required"  # "off": no smokes
    smoke_partition: str = ""
    command: tuple[str, ...] = ()  # instead of sbatch
    most_tasks: int = 1000  # of one array


class CampaignRun:
    """One campaign. Raises ManifestError where its text no longer holds (an older jobshape's)."""

    def __init__(self, store: Store, campaign: Campaign, conditions: Conditions) -> None:
        self.store, self.conditions = store, conditions
        self.campaign = campaign
        self.folder = Path(campaign.folder)
        path = Path(campaign.manifest_path)
        self.manifest: Manifest = read_text(campaign.manifest_text, path).manifest
        self.jobs: list[PlannedJob] = list(expand(self.manifest))
        self.phases: tuple[PhaseJobs, ...] = workload(self.manifest, self.jobs)
        self._phases = {phase.name: phase for phase in self.manifest.phases}
        self.phase_of = {phase.name: phase for phase in self.phases}
        every = store.trials(campaign.id)
        self.trials = {one.id: one for one in every}
        self.full = {one.number: one for one in every if one.kind == "full"}
        self.rounds = {one.number: one for one in store.rounds(campaign.id)}
        self.attempts: dict[int, list[Attempt]] = {}
        for attempt in store.attempts(campaign.id):
            self.attempts.setdefault(attempt.trial, []).append(attempt)
        self.chained = store.chained(campaign.id)  # sendings that wait for other jobs

    # --- changes ----------------------------------------------------------------------------

    def set_trial(self, trial: Trial, **changes: Any) -> Trial:
        """Change a trial, on disk first."""
        self.store.set_trial(trial.id, **changes)
        return self._remember(replace(trial, **changes))

    def _remember(self, trial: Trial) -> Trial:
        self.trials[trial.id] = trial
        if trial.kind == "full":
            self.full[trial.number] = trial
        return trial

    def add_smoke(self, target: str, number: int, round_: int) -> Trial:
        """A trial that runs a target short."""
        like = self.full[number]
        new = Trial(
            0, self.campaign.id, number, "smoke", like.plan_id, like.phase, like.stage, target,
            self.configuration_of(target, number), round_, memory_bytes=like.memory_bytes,
        )  # fmt: skip
        return self._remember(replace(new, id=self.store.add_trial(new)))

    def set_campaign(self, **changes: Any) -> None:
        """Change the campaign, on disk first."""
        self.store.set_campaign(self.campaign.id, **changes)
        self.campaign = replace(self.campaign, **changes)

    def tell(self, now: int, text: str) -> None:
        """An event."""
        self.store.tell(self.campaign.id, now, text)
        self.campaign = replace(self.campaign, note=text)

    def ask(self, now: int, question: str) -> None:
        """Stop sending until a person has answered."""
        if self.campaign.state != "active":
            return
        with self.store.transaction():
            self.set_campaign(state="asking", question=question)
            self.tell(now, f"stopped to ask: {question}")

    def read_rounds(self) -> None:
        """Its rounds as they are on disk now."""
        self.rounds = {one.number: one for one in self.store.rounds(self.campaign.id)}

    def reload(self, trial: int) -> None:
        """A trial and its attempts as they are on disk now."""
        found = self.store.trial(trial)
        if found is not None:
            self._remember(found)
        self.attempts[trial] = self.store.attempts(self.campaign.id, trial)

    # --- what is known ----------------------------------------------------------------------

    @property
    def round(self) -> Round | None:
        """The round that is open; None between two."""
        last = self.rounds.get(max(self.rounds, default=-1))
        return last if last is not None and last.state == "open" else None

    def members(self, number: int) -> list[Trial]:
        """The trials of a round."""
        return [one for one in self.trials.values() if one.round == number]

    @property
    def open_attempts(self) -> list[Attempt]:
        """Attempts with a job that has not ended."""
        return [
            tries[-1]
            for trial, tries in self.attempts.items()
            if tries and not tries[-1].is_over and self.trials[trial].state not in SETTLED
        ]

    def known(self) -> list[Known]:
        """Each job as rounds are chosen by it."""
        return [
            Known(one.state, self.total_s(one), one.round)
            for one in (self.full[number] for number in range(len(self.jobs)))
        ]

    def total_s(self, trial: Trial) -> float | None:
        """Wait, run and retries of a completed trial."""
        tries = self.attempts.get(trial.id, [])
        if trial.state != "completed" or not tries:
            return None
        first, last = tries[0].submitted_at, tries[-1].ended_at
        return None if first is None or last is None else max(0.0, float(last - first))

    def is_open(self, phase: str) -> bool:
        """Whether all that a phase depends on is settled."""
        known = self.known()
        wanted = self.phase_of[phase].depends_on
        return all(is_settled(self.phase_of[name], known) for name in wanted)

    def passed(self) -> dict[str, int]:
        """Targets that need no smoke: in which round it passed here, -1 if before."""
        found: dict[str, int] = {}
        for target, number in self.representatives.items():
            if self.conditions.smoke == "off":
                found[target] = NEVER_AGAIN
            elif self.is_passed(target, number):
                here = [
                    one.round for one in self.trials.values()
                    if one.kind == "smoke" and one.target == target and one.state == "completed"
                    and one.round is not None
                ]  # fmt: skip
                found[target] = max(here, default=-1)
        return found

    def is_passed(self, target: str, number: int) -> bool:
        """Whether the configuration, as it is now, has run short and well at this site."""
        configuration = self.configuration_of(target, number)
        return self.store.passed(self.campaign.site, configuration) is not None

    @cached_property
    def representatives(self) -> Mapping[str, int]:
        """Target -> number of the job that runs short for it."""
        return representatives(self.phases)

    def manifest_phase(self, name: str) -> Phase:
        """What the manifest says of a phase."""
        return self._phases[name]

    # --- what a trial runs ------------------------------------------------------------------

    def script_of(self, job: PlannedJob) -> str:
        """The text of its stage's script as it is now; "" for a command. Raises OSError."""
        if not job.recipe.script:
            return ""
        return (self.folder / job.recipe.script).read_text("utf-8", "surrogateescape")

    def configuration_of(self, target: str, number: int) -> str:
        """A hash of all that makes a target what it is: script or command, files named, shape."""
        job = self.jobs[number]
        recipe = job.recipe
        told: list[Any] = [recipe.form, recipe.arguments, list(recipe.shape.said()), target]
        told.append(self.manifest.smoke_of(recipe.stage).model_dump(mode="json"))
        names = [recipe.script] if recipe.script else recipe.form
        texts = [_hash_of_file(self.folder / name) for name in names if _may_be_file(name)]
        return hashlib.sha256(json.dumps([told, texts], default=str).encode()).hexdigest()

    def smoke_run(self, trial: Trial) -> SmokeRun:
        """What a smoke runs, in which partition."""
        job = self.jobs[trial.number]
        said = self.manifest.smoke_of(job.recipe.stage)
        run = job.smoke(said)
        over = JobShape(partition=None if said.partition else self._smoke_partition(said.shape))
        limit = run.shape.time_limit_s
        if said.shape.time is None and (limit is None or not 0 < limit <= SMOKE_LIMIT_S):
            over = replace(over, time_limit_s=SMOKE_LIMIT_S)
        return SmokeRun(run.words, over.over(run.shape), {"JOBSHAPE_SMOKE": "1", **run.variables})

    def _smoke_partition(self, shape: Any) -> str | None:
        return None if shape.partition else self.conditions.smoke_partition or None

    def shape_of(self, trial: Trial) -> JobShape:
        """What it asks for now, with what its failures taught."""
        own = (
            self.smoke_run(trial).shape if trial.kind == "smoke"
            else self.jobs[trial.number].recipe.shape
        )  # fmt: skip
        excluded = ",".join(filter(None, [own.exclude_nodes, trial.exclude_nodes]))
        over = JobShape(
            memory_bytes=trial.memory_bytes, time_limit_s=trial.time_limit_s,
            exclude_nodes=excluded or None,
        )  # fmt: skip
        return over.over(own)


def new_trials(manifest: Manifest, learned: Mapping[str, int]) -> Iterable[Trial]:
    """A trial for each job of a manifest. Raises Problem for ids that clash.

    learned: target -> memory with which its jobs did well in an earlier campaign.
    """
    naming = Targets()
    for number, job in enumerate(expand(manifest)):
        recipe, target = job.recipe, naming(job.recipe)
        memory = learned.get(target, 0)
        own = recipe.shape.memory_bytes
        yield Trial(
            0, 0, number, "full", job.id, recipe.phase, recipe.stage, target, "",
            memory_bytes=memory if own is not None and 0 < own < memory else None,
        )  # fmt: skip


def baseline_of(manifest: Manifest) -> int:
    """The number of the job that others are compared with: the first of the largest target."""
    naming, found = Targets(), dict[str, list[int]]()
    for number, job in enumerate(expand(manifest)):
        found.setdefault(naming(job.recipe), []).append(number)
    return max(found.values(), key=len, default=[0])[0]


def _may_be_file(word: str) -> bool:
    return bool(word) and not word.startswith("-") and "\n" not in word and len(word) < 1024


def _hash_of_file(path: Path) -> str:
    try:
        if not path.is_file() or path.stat().st_size > MOST_HASHED_BYTES:
            return ""
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, ValueError):
        return ""
