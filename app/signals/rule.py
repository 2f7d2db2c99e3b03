"""What a rule and a class of failure are."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

SCHEDULER, ROOT, CRASH, CASCADE = "scheduler", "root", "crash", "cascade"
CONFIRMATION, HARMLESS, SUCCESS, TROUBLE = "confirmation", "harmless", "success", "trouble"
RETRY = "retry"

ROLES: dict[str, int] = {
    SCHEDULER: 95,
    ROOT: 80,
    CRASH: 60,
    CASCADE: 45,
    CONFIRMATION: 30,
    HARMLESS: 100,
    SUCCESS: 0,
    TROUBLE: 0,
    RETRY: 0,
}
"""Each role and the weight of its rules where they name none; the heavier cause ranks first.

scheduler: Slurm's own word, which settles it. root: a cause. crash: the program died of a signal.
cascade: mostly the consequence of something else; a cause only where nothing better is in sight.
confirmation: speaks only where something else proves that the job failed. harmless: lines where no
rule speaks but a heavier one. success: the program says that it ended well. trouble: it failed; no
word of why. retry: it will try again.
"""

SPEAKING = (SCHEDULER, ROOT, CRASH, CASCADE, CONFIRMATION)
"""Roles whose rules name a cause."""


class Cause(NamedTuple):
    """A class of failure, as people read it."""

    label: str
    title: str
    why: str
    fix: str
    fix_class: str
    retry: str
    severity: str


class Rule(NamedTuple):
    """One rule. With fields of Slurm and patterns, both must hold.

    unless: patterns on the matched lines that silence it. not_after: patterns on an earlier line
    that do. cured_by: patterns on a later line that do. min_count: lines that must match.
    """

    name: str  # "file:name"
    label: str
    role: str
    weight: int
    confidence: float
    patterns: tuple[str, ...]
    unless: tuple[str, ...] = ()
    not_after: tuple[str, ...] = ()
    cured_by: tuple[str, ...] = ()
    min_count: int = 1
    in_warnings: bool = False  # speaks in lines of a low level too: WARNING, INFO
    in_traceback: bool = False  # only where it is what a Python traceback ends with
    states: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()  # patterns, whole
    exit_codes: tuple[int, ...] = ()
    signals: tuple[int, ...] = ()

    @property
    def has_fields(self) -> bool:
        """Whether it looks at Slurm's fields."""
        return bool(self.states or self.reasons or self.exit_codes or self.signals)


@dataclass(frozen=True, eq=False)
class RuleBook:
    """Every rule in force, and what each class means."""

    rules: tuple[Rule, ...]
    causes: dict[str, Cause]

    def of_role(self, role: str) -> tuple[Rule, ...]:
        """The rules of one role."""
        return self._by_role.get(role, ())

    @cached_property
    def _by_role(self) -> dict[str, tuple[Rule, ...]]:
        return {role: tuple(rule for rule in self.rules if rule.role == role) for role in ROLES}
