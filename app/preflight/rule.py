"""What a rule is: a name, what it does by default, and a function that looks."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from jobshape.app.preflight.facts import Facts
from jobshape.app.preflight.subject import Subject
from jobshape.app.settings.values import Policy

State = Literal["good", "bad", "doubtful", "unknown"]
"""doubtful: worth a warning, whatever the rule does otherwise; unknown: could not be looked at."""


class Seen(NamedTuple):
    """What a rule found."""

    state: State
    title: str
    why: str = ""
    fix: str = ""
    line: int | None = None


Look = Callable[[Subject, Facts, Policy], Iterable[Seen]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is looked at."""

    name: str
    default: Literal["block", "warn"]
    help: str
    look: Look
    liftable: bool = True


def good(title: str, line: int | None = None) -> Seen:
    """All is well."""
    return Seen("good", title, line=line)


def bad(title: str, why: str, fix: str, line: int | None = None) -> Seen:
    """This will not work, or is against the policy."""
    return Seen("bad", title, why, fix, line)


def doubtful(title: str, why: str, fix: str, line: int | None = None) -> Seen:
    """It may work."""
    return Seen("doubtful", title, why, fix, line)


def unknown(title: str, why: str) -> Seen:
    """It could not be looked at."""
    return Seen("unknown", title, why)
