"""All that the report of a campaign is made from: plain records, and what follows from them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from jobshape.app.domain.shape import JobShape
from jobshape.app.rounds.campaign import Attempt, Campaign, Lesson, Round, Trial
from jobshape.app.rounds.evidence import Evidence, Saved, evidence_of, saved


class Alternative(NamedTuple):
    """What a trial tries: the same work done in another way."""

    work: str  # its values without the chosen parameters
    words: str  # values of the chosen parameters, for people


@dataclass(frozen=True)
class CampaignRecords:
    """A campaign with all that is kept of it. Mappings by trial number may be empty.

    The report is of one moment: nothing in here changes, and what follows is worked out once.
    """

    campaign: Campaign
    rounds: Sequence[Round]
    trials: Sequence[Trial]
    attempts: Sequence[Attempt]
    lessons: Sequence[Lesson] = ()
    at: int = 0  # when the report is made, seconds since the epoch
    objective: str = ""  # what the manifest says success is measured by
    shapes: Mapping[int, JobShape] = field(default_factory=dict)  # as in the manifest
    changes: Mapping[int, str] = field(default_factory=dict)  # difference to the baseline
    alternatives: Mapping[int, Alternative] = field(default_factory=dict)
    stable: float = 0.2  # share of an alternative's jobs that may fail
    notes: Sequence[str] = ()  # of the choice of rounds: a plateau, say
    next_trial: str = ""  # the hypothesis of the round to come

    @cached_property
    def attempts_of(self) -> Mapping[int, list[Attempt]]:
        """Attempts of a trial, by its id, in order."""
        made: dict[int, list[Attempt]] = {trial.id: [] for trial in self.trials}
        for one in sorted(self.attempts, key=lambda one: (one.trial, one.number)):
            made.setdefault(one.trial, []).append(one)
        return made

    @cached_property
    def of_stage(self) -> Mapping[str, list[Trial]]:
        """The trials of each stage, in the order of the manifest."""
        made: dict[str, list[Trial]] = {}
        for trial in self.trials:
            made.setdefault(trial.stage, []).append(trial)
        return made

    @cached_property
    def evidence(self) -> Mapping[int, Evidence]:
        """What each trial showed, by its id."""
        return {one.id: evidence_of(one, self.attempts_of[one.id]) for one in self.trials}

    def stage_attempts(self, stage: str, *, kind: str = "") -> list[Attempt]:
        """Attempts of a stage; of full trials or of smokes alone if ``kind`` says so."""
        return [
            attempt
            for trial in self.of_stage.get(stage, ())
            if kind in ("", trial.kind)
            for attempt in self.attempts_of[trial.id]
        ]

    @cached_property
    def full_of(self) -> Mapping[str, list[Trial]]:
        """The full trials of each target, in the order of the manifest."""
        made: dict[str, list[Trial]] = {}
        for trial in self.trials:
            if trial.kind == "full":
                made.setdefault(trial.target, []).append(trial)
        return made

    @cached_property
    def baseline_of(self) -> Mapping[str, Trial]:
        """What trials of a target are compared with.

        The campaign's baseline; of other targets the first one with the first alternative that
        completed, else that could.
        """
        made = {}
        for target, trials in self.full_of.items():
            own = [one for one in trials if one.number == self.campaign.baseline]
            first = self.alternatives.get(trials[0].number)
            alike = [one for one in trials if self._is_like(one, first)]
            done = [one for one in alike if one.state == "completed"]
            made[target] = (own or done or alike)[0]
        return made

    def _is_like(self, trial: Trial, alternative: Alternative | None) -> bool:
        own = self.alternatives.get(trial.number)
        return (own and own.words) == (alternative and alternative.words)

    def base_words(self, target: str) -> str | None:
        """The alternative that others of a target are compared with; None: it has none."""
        known = self.alternatives.get(self.baseline_of[target].number)
        return known.words if known else None

    def ratio(self, trial: Trial) -> float | None:
        """Its total wall-clock by that of the baseline of its target."""
        base = self.baseline_of.get(trial.target)
        if base is None or trial is base or trial.kind != "full":
            return None
        own, other = self.total_s(trial), self.total_s(base)
        return own / other if own is not None and other else None

    def total_s(self, trial: Trial) -> int | None:
        """Total wall-clock of a trial that completed."""
        return self.evidence[trial.id].total_s if trial.state == "completed" else None

    @cached_property
    def saved(self) -> Saved:
        """What trials with another alternative took less, as if all did the same amount of work.

        Without alternatives: what all others of the baseline's target did.
        """
        sums = []
        for target, trials in self.full_of.items():
            base = self.baseline_of[target]
            words = self.base_words(target)
            if words is not None:
                alike = [self._is_like(one, self.alternatives[base.number]) for one in trials]
            elif base.number == self.campaign.baseline:
                alike = [one is base for one in trials]
            else:
                continue
            totals = [self.total_s(one) for one in trials]
            before = [t for t, is_base in zip(totals, alike, strict=True) if is_base]
            after = [t for t, is_base in zip(totals, alike, strict=True) if not is_base]
            found = saved([total for total in before if total is not None], after)
            if found.seconds is not None:
                sums.append(found)
        return _sum(sums)

    @cached_property
    def span_s(self) -> int | None:
        """From the first submission to the last end, or to now while jobs are there."""
        begins = [one.submitted_at for one in self.attempts if one.submitted_at is not None]
        if not begins:
            return None
        ends = [one.ended_at for one in self.attempts]
        last = self.at if None in ends else max(end for end in ends if end is not None)
        return max(0, last - min(begins))


def _sum(parts: Sequence[Saved]) -> Saved:
    """Of targets that have nothing to do with each other: their errors add up as squares."""
    if not parts:
        return Saved(None, None, None, 0)
    seconds = math.fsum(one.seconds or 0.0 for one in parts)
    trials = sum(one.trials for one in parts)
    halves = [None if one.low is None else (one.seconds or 0.0) - one.low for one in parts]
    known = [half for half in halves if half is not None]
    if len(known) < len(halves):
        return Saved(seconds, None, None, trials)
    half = math.hypot(*known)
    return Saved(seconds, seconds - half, seconds + half, trials)
