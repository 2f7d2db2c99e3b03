"""What a check before a submission says: one line for each thing looked at."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

Verdict = Literal["pass", "warn", "block", "skip"]

VERDICTS: tuple[Verdict, ...] = ("block", "warn", "skip", "pass")
"""What matters most first."""


class CheckLine(NamedTuple):
    """What one rule says of a submission. ``skip``: it could not be looked at, and why."""

    rule: str
    verdict: Verdict
    title: str  # the fact, in a few words
    why: str = ""
    fix: str = ""  # what to do about it
    line: int | None = None  # of the script, from 1; None: no single line
    lifted: str = ""  # the reason a person gave for going on in spite of a block

    @property
    def blocks(self) -> bool:
        """Whether nothing may be submitted because of this."""
        return self.verdict == "block" and not self.lifted


def blocking(lines: Iterable[CheckLine]) -> list[CheckLine]:
    """The lines that stand in the way."""
    return [line for line in lines if line.blocks]


def lifted_reasons(lines: Iterable[CheckLine]) -> dict[str, str]:
    """Rule -> the reason for which its block was lifted, as the submission's record keeps it."""
    return {line.rule: line.lifted for line in lines if line.lifted}


SOFT_RULES = frozenset({"smoke", "duplicate"})
"""Rules about beginning something new: of a job that has run they only warn."""


def softened(line: CheckLine) -> CheckLine:
    """The line as it counts for a job that has run already."""
    if line.verdict == "block" and line.rule in SOFT_RULES:
        return line._replace(verdict="warn")
    return line


def with_lifts(reason: str, lifted: Mapping[str, str]) -> str:
    """A reason for a submission with those for which blocks were lifted, for the log."""
    return "; ".join(
        [*filter(None, [reason]), *(f"{rule} lifted: {why}" for rule, why in lifted.items())]
    )
