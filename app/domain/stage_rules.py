"""Which stage of a workload a job belongs to, by ordered rules; the first that fits wins."""

import re
from collections.abc import Mapping, Sequence

from jobshape.app.domain.job import UNASSIGNED, Job

MATCHED_FIELDS = ("name", "comment", "work_dir", "partition")
"""What a rule may look at."""

_CAMPAIGN = re.compile(r"jobshape:[A-Za-z0-9._-]+/([A-Za-z0-9._-]+) ")
"""What a campaign writes into the comments of its jobs: itself, and the stage."""

Rule = Mapping[str, str]
"""``{"stage": "training", "name": "^train"}``; all patterns given must be found (re.search)."""


class StageRules:
    """Rules made ready. One with a bad pattern, or none, is left out and told in ``problems``."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.problems: list[str] = []
        self._rules: list[tuple[str, list[tuple[int, re.Pattern[str]]]]] = []
        for number, rule in enumerate(rules, start=1):
            try:
                self._rules.append(_compiled(rule))
            except (ValueError, re.error) as error:
                self.problems.append(f"stage rule {number}: {error}")

    def stage_of(self, job: Job) -> str:
        """The stage that its campaign says, else of the first rule; else ``unassigned``."""
        if job.comment.startswith("jobshape:") and (said := _CAMPAIGN.match(job.comment)):
            return said[1]
        for stage, patterns in self._rules:
            if all(pattern.search(str(job[index])) for index, pattern in patterns):
                return stage
        return UNASSIGNED


def _compiled(rule: Rule) -> tuple[str, list[tuple[int, re.Pattern[str]]]]:
    stage = rule.get("stage", "")
    if not stage:
        raise ValueError("it names no stage")
    unknown = set(rule) - {"stage", *MATCHED_FIELDS}
    if unknown:
        raise ValueError(f"unknown field {min(unknown)!r}")
    patterns = [
        (Job._fields.index(name), re.compile(rule[name]))
        for name in MATCHED_FIELDS
        if rule.get(name)
    ]
    if not patterns:
        raise ValueError(f"no pattern for stage {stage!r}")
    return stage, patterns
