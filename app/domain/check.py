"""What a rule of the pre-flight says of a job before it is sent."""

from typing import Literal, NamedTuple

Verdict = Literal["pass", "warn", "block", "skip"]
"""skip: it could not be looked at; never shown as a pass."""


class CheckLine(NamedTuple):
    """One rule's word on one job."""

    rule: str
    verdict: Verdict
    title: str  # the fact, in few words
    why: str = ""
    fix: str = ""
    line: int | None = None  # of the script, from 1
    lifted: str = ""  # the reason for which a block was lifted
