"""All that the report of a campaign is made from: plain records, and what follows from them."""

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
    shapes: Mapping[str, JobShape] = field(default_factory=dict)  # of stages, as in the manifest
    changes: Mapping[int, str] = field(default_factory=dict)  # difference to the baseline
    alternatives: Mapping[int, Alternative] = field(default_factory=dict)
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
    def baseline(self) -> Trial | None:
        """The full trial that others are compared with."""
        number = self.campaign.baseline
        return next((t for t in self.trials if t.kind == "full" and t.number == number), None)

    def ratio(self, trial: Trial) -> float | None:
        """Its total wall-clock by that of the baseline; only of trials of the same target."""
        base = self.baseline
        if base is None or trial.target != base.target or trial.kind != "full" or trial is base:
            return None
        if trial.state != "completed" or base.state != "completed":
            return None
        own, other = self.evidence[trial.id].total_s, self.evidence[base.id].total_s
        return own / other if own is not None and other else None

    @cached_property
    def saved(self) -> Saved:
        """What trials of the baseline's target took less, as if each did the baseline's work."""
        base = self.baseline
        if base is None or base.state != "completed":
            return saved((), ())
        total = self.evidence[base.id].total_s
        others = (
            self.evidence[one.id].total_s
            for one in self.trials
            if one.kind == "full" and one.target == base.target and one is not base
            and one.state == "completed"
        )  # fmt: skip
        return saved(() if total is None else (total,), others)

    @cached_property
    def span_s(self) -> int | None:
        """From the first submission to the last end, or to now while jobs are there."""
        begins = [one.submitted_at for one in self.attempts if one.submitted_at is not None]
        if not begins:
            return None
        ends = [one.ended_at for one in self.attempts]
        last = self.at if None in ends else max(end for end in ends if end is not None)
        return max(0, last - min(begins))
