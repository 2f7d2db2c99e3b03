"""Sends what is due of the open round: smokes first, phases in order, alike jobs as one array."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jobshape.app.domain.cost import Prices, cost_per_hour, gpu_count
from jobshape.app.domain.entry import read_entry
from jobshape.app.domain.shape import JobShape
from jobshape.app.rounds.array_script import Run
from jobshape.app.rounds.campaign import GO_ON, LOOK_AGAIN, Trial
from jobshape.app.rounds.campaign_run import CampaignRun
from jobshape.app.rounds.conditions import check_preconditions
from jobshape.app.rounds.workload import is_settled

WAITING = ("pending", "failed_oom")
IN_FLIGHT = ("sent", "running", "stale")

AGAIN_S = 15
"""When preconditions that did not hold are looked at again."""

PATIENCE_S = 300
"""How long a job waits for its preconditions when nothing else of its campaign is on the way."""

LOOK_S = 2.0
"""Time for preconditions in one turn; the others follow at the next."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Trials that go out as one array, or one alone."""

    trials: tuple[Trial, ...]
    runs: tuple[Run, ...]
    at_once: int | None
    after: tuple[int, ...] = ()  # jobs that have to succeed before


class Dispatcher:
    """For one campaign."""

    def __init__(self, run: CampaignRun, prices: Prices) -> None:
        self._run, self._prices = run, prices
        self._chains: dict[str, tuple[int, ...]] = {}  # phase -> jobs it may be sent behind
        self._scripts: dict[str, str] = {}  # texts by their path
        self._looked: dict[int, tuple[int, int]] = {}  # trial -> missed since, look again at

    def parcels(self, now: int) -> list[Parcel]:
        """What is to be sent now, within the limits of policy, manifest and budget."""
        run = self._run
        current = run.round
        if current is None or run.campaign.state != "active":
            return []
        members = run.members(current.number)
        self._chains = {}
        due = [trial for trial in members if trial.state in WAITING and trial.due_at <= now]
        if not due:
            return []
        room = self._room()
        if room == 0:
            return []
        ready = self._prepared(list(self._allowed(due, members)), members, now)
        ready = self._wave(ready, members)
        self._scripts = {}
        try:
            parcels = list(self._grouped(ready))
        except OSError as error:
            run.ask(now, f"{error.filename} cannot be read: {error.strerror}. {LOOK_AGAIN}")
            return []
        return self._within_budget(parcels[:room], now)

    def _allowed(self, due: Sequence[Trial], members: Sequence[Trial]) -> Iterator[Trial]:
        """Those whose phase is open and whose target has passed its smoke."""
        run, known = self._run, self._run.known()
        settled = {phase.name for phase in run.phases if is_settled(phase, known)}
        smokes = {trial.target: trial for trial in members if trial.kind == "smoke"}
        passed: dict[str, bool] = {}
        for trial in due:
            before = run.phase_of[trial.phase].depends_on
            if trial.kind == "smoke":
                if settled.issuperset(before) or self._smoked(before, smokes):
                    yield trial
                continue
            if not settled.issuperset(before) and not self._chain(trial.phase, settled):
                continue
            if trial.target not in passed:
                passed[trial.target] = self._has_passed(trial, smokes.get(trial.target))
            if passed[trial.target]:
                yield trial

    def _chain(self, phase: str, settled: set[str]) -> tuple[int, ...]:
        """Jobs after which a phase may be sent ahead, to wait in the queue; none: it may not.

        Only where Slurm's word is all that counts: those it depends on have no output check and
        are all on their way, it has no preconditions.
        """
        run = self._run
        if phase not in self._chains:
            self._chains[phase] = tuple(self._jobs_before(phase, settled))
        if any(run.jobs[number].preconditions for number in run.phase_of[phase].numbers):
            return ()
        return self._chains[phase]

    def _jobs_before(self, phase: str, settled: set[str]) -> list[int]:
        run, found = self._run, dict[int, None]()
        for name in run.phase_of[phase].depends_on:
            if name in settled:
                continue
            for number in run.phase_of[name].numbers:
                trial = run.full[number]
                if trial.state in ("completed", "left_out"):
                    continue
                tries = run.attempts.get(trial.id, [])
                is_sent = trial.state in ("sent", "running") and tries and tries[-1].job_id
                if not is_sent or run.jobs[number].output_check is not None:
                    return []
                found[tries[-1].job_id or 0] = None
        return list(found)

    def _smoked(self, phases: Sequence[str], smokes: dict[str, Trial]) -> bool:
        """Whether the targets of these phases have run short: then those behind them may."""
        run = self._run
        targets = {target for name in phases for target in run.phase_of[name].targets}
        return all(
            smokes[target].state == "completed" if target in smokes
            else run.is_passed(target, run.representatives[target])
            for target in targets
        )  # fmt: skip

    def _has_passed(self, trial: Trial, smoke: Trial | None) -> bool:
        run = self._run
        if run.conditions.smoke == "off":
            return True
        if smoke is not None:
            return smoke.state == "completed"
        return run.is_passed(trial.target, run.representatives[trial.target])

    # --- preconditions ----------------------------------------------------------------------

    def _prepared(self, due: Sequence[Trial], members: Sequence[Trial], now: int) -> list[Trial]:
        run, began = self._run, time.monotonic()
        moving = any(trial.state in IN_FLIGHT for trial in members)
        ready = []
        for trial in due:
            conditions = run.jobs[trial.number].preconditions
            if not conditions:
                ready.append(trial)
                continue
            since, again_at = self._looked.get(trial.id, (now, now))
            if now < again_at or time.monotonic() - began > LOOK_S:
                continue
            missing = check_preconditions(conditions, run.folder)
            if not missing:
                self._looked.pop(trial.id, None)
                ready.append(trial)
                continue
            if moving:
                since = now
            self._looked[trial.id] = (since, now + AGAIN_S)
            why = f"waits: {missing[0]}"
            if now - since >= PATIENCE_S:
                run.set_trial(trial, state="stuck", why=why, label="precondition")
                run.tell(now, f"{trial.plan_id}: {why}")
            elif trial.why != why:
                run.set_trial(trial, why=why)
        return ready

    # --- limits -----------------------------------------------------------------------------

    def _wave(self, ready: Sequence[Trial], members: Sequence[Trial]) -> list[Trial]:
        """The next set, once all of the last one have ended; what is sent again goes at once."""
        most = self._run.manifest.rounds.wave
        if most is None:
            return list(ready)
        again = [trial for trial in ready if trial.attempts]
        first = [trial for trial in ready if not trial.attempts]
        if any(trial.state in IN_FLIGHT for trial in members):
            return again
        return [*again, *first[:most]]

    def _room(self) -> int | None:
        """How many more submissions policy lets be in flight; None: any number."""
        most = self._run.conditions.jobs_in_flight
        if not most:
            return None
        flying = {attempt.sending for attempt in self._run.open_attempts}
        return max(0, most - len(flying))

    def _within_budget(self, parcels: list[Parcel], now: int) -> list[Parcel]:
        """As they are; none where they may pass the budget: then the person is asked."""
        run, budget = self._run, self._run.manifest.budget
        if run.campaign.budget_asked or not parcels:
            return parcels
        if (budget.gpu_hours, budget.money, budget.wall_clock) == (None, None, None):
            return parcels
        gpu_hours, cost = self._used()
        for parcel in parcels:
            more, price = self._at_most(parcel.runs[0].shape)
            gpu_hours += more * len(parcel.trials)
            cost += price * len(parcel.trials)
        passed = ""
        if budget.gpu_hours is not None and gpu_hours > budget.gpu_hours:
            passed = f"{gpu_hours:,.1f} of {budget.gpu_hours:,.1f} GPU-hours"
        if budget.money is not None and cost > budget.money:
            passed = f"{cost:,.2f} of {budget.money:,.2f} {self._prices.currency}".strip()
        if budget.wall_clock is not None:
            allowed = int(read_entry("duration", budget.wall_clock))
            longest = max((p.runs[0].shape.time_limit_s or 0 for p in parcels), default=0)
            spent = now - run.campaign.created_at
            if parcels and spent + max(0, longest) > allowed:
                passed = f"{(spent + max(0, longest)) / 3600:,.1f} of {allowed / 3600:,.1f} hours"
        if not passed:
            return parcels
        run.ask(now, f"the next jobs may pass the budget: {passed} at their limits. "
                     f"{GO_ON}")  # fmt: skip
        return []

    def _at_most(self, shape: JobShape) -> tuple[float, float]:
        """GPU-hours and money of a job that runs to its limit."""
        hours = max(0, shape.time_limit_s or 0) / 3600
        gpu_hours = (shape.nodes or 1) * gpu_count(shape.gpus) * hours
        return gpu_hours, (cost_per_hour(shape, self._prices) or 0.0) * hours

    def _used(self) -> tuple[float, float]:
        """GPU-hours and money used so far, limits of what runs counted."""
        gpu_hours = cost = 0.0
        for trial, tries in self._run.attempts.items():
            for attempt in tries:
                if not attempt.is_over:
                    more, price = self._at_most(self._run.shape_of(self._run.trials[trial]))
                    gpu_hours, cost = gpu_hours + more, cost + price
                    continue
                shape = JobShape(
                    cpus_per_task=attempt.cpus, memory_bytes=attempt.memory_bytes,
                    gpus=str(attempt.gpus) if attempt.gpus else None,
                )  # fmt: skip
                hours = (attempt.elapsed_s or 0) / 3600
                gpu_hours += (attempt.gpus or 0) * hours
                cost += (cost_per_hour(shape, self._prices) or 0.0) * hours
        return gpu_hours, cost

    # --- parcels ----------------------------------------------------------------------------

    def _grouped(self, ready: Sequence[Trial]) -> Iterator[Parcel]:
        run = self._run
        groups: dict[Any, list[tuple[Trial, Run]]] = {}
        for trial in ready:
            made = self._run_of(trial)
            after = () if trial.kind == "smoke" else self._chains.get(trial.phase, ())
            kind = (trial.kind, trial.phase, trial.target, made.shape, after)
            groups.setdefault(kind, []).append((trial, made))
        for kind, pairs in groups.items():
            step = run.conditions.most_tasks
            for first in range(0, len(pairs), step):
                part = pairs[first : first + step]
                yield Parcel(
                    tuple(trial for trial, _ in part), tuple(made for _, made in part),
                    run.manifest.parallel_of(run.manifest_phase(part[0][0].phase)), kind[-1],
                )  # fmt: skip

    def _run_of(self, trial: Trial) -> Run:
        run, job = self._run, self._run.jobs[trial.number]
        words, variables = job.words, {}
        if trial.kind == "smoke":
            short = run.smoke_run(trial)
            words, variables = short.words, dict(short.variables)
        path = job.recipe.script or ""
        if path not in self._scripts:  # read once a turn, and kept once for thousands of jobs
            self._scripts[path] = run.script_of(job)
        return Run(words, run.shape_of(trial), self._scripts[path], variables)
