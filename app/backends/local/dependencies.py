"""Dependencies between jobs: read, judged, and shown as Slurm shows them.

Source: sbatch(1), --dependency. ``afterok:12:13,after:14+5`` means all, ``afterok:12?afterany:13``
any of them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from jobshape.app.domain.errors import Refused

TYPES = ("after", "afterany", "afterok", "afternotok", "aftercorr", "afterburstbuffer")
SINGLETON = "singleton"
PROBLEM = "Job dependency problem"
_REFERENCE = re.compile(r"([0-9]{1,10})(?:_([0-9]{1,7}|\*))?(?:\+([0-9]{1,7}))?")


class Verdict(Enum):
    """How one condition stands."""

    FULFILLED = ""
    WAITING = "unfulfilled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing to wait for: a type, and of most types a job, a task of one, and minutes."""

    kind: str
    job_id: int = 0
    task_id: int | None = None
    delay_s: int = 0

    def __str__(self) -> str:
        if self.kind == SINGLETON:
            return SINGLETON
        task = "" if self.task_id is None else f"_{self.task_id}"
        delay = f"+{self.delay_s // 60}" if self.delay_s else ""
        return f"{self.kind}:{self.job_id}{task}{delay}"


@dataclass(frozen=True, slots=True)
class Dependency:
    """Conditions of which all, or any, must be fulfilled."""

    conditions: tuple[Condition, ...]
    any_will_do: bool = False

    def judge(self, verdict_of: Callable[[Condition], Verdict]) -> tuple[Verdict, str]:
        """How it stands, and what is still waited for as Slurm shows it."""
        found = [(one, verdict_of(one)) for one in self.conditions]
        verdicts = [verdict for _, verdict in found]
        if self.any_will_do:
            done = Verdict.FULFILLED in verdicts
            lost = all(verdict is Verdict.FAILED for verdict in verdicts)
        else:
            done = all(verdict is Verdict.FULFILLED for verdict in verdicts)
            lost = Verdict.FAILED in verdicts
        if done:
            return Verdict.FULFILLED, ""
        sign = "?" if self.any_will_do else ","
        shown = sign.join(
            f"{one}({verdict.value})" for one, verdict in found if verdict is not Verdict.FULFILLED
        )
        return (Verdict.FAILED if lost else Verdict.WAITING), shown


def parse_dependency(text: str) -> Dependency:
    """The conditions of sbatch's --dependency. Raises Refused for what makes no sense."""
    any_will_do = "?" in text
    if any_will_do and "," in text:
        raise _problem(text)
    conditions: list[Condition] = []
    for part in text.strip().split("?" if any_will_do else ","):
        kind, colon, jobs = part.strip().partition(":")
        if kind.lower() == SINGLETON and not colon:
            conditions.append(Condition(SINGLETON))
            continue
        if kind.isdigit() and not colon:  # an old way to write afterany
            kind, jobs = "afterany", kind
        if kind.lower() not in TYPES:
            raise _problem(text)
        conditions += [_condition(kind.lower(), job, text) for job in jobs.split(":")]
    return Dependency(tuple(conditions), any_will_do)


def _condition(kind: str, job: str, text: str) -> Condition:
    match = _REFERENCE.fullmatch(job.strip())
    if not match or (match[3] and kind != "after"):
        raise _problem(text)
    task = None if match[2] in (None, "*") else int(match[2])
    return Condition(kind, int(match[1]), task, int(match[3] or 0) * 60)


def _problem(text: str) -> Refused:
    return Refused(PROBLEM, where=f"--dependency={text}")
