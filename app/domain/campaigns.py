"""What is shown of campaigns, and what a person can wish of them."""

from collections.abc import Mapping
from typing import NamedTuple

ENDED = ("finished", "stopped")
"""States of a campaign in which nothing happens any more."""

WISHES: Mapping[str, tuple[str, ...]] = {
    "pause": ("active", "asking"), "resume": ("paused",), "retry": ("asking",), "skip": ("asking",),
    "stop": ("active", "asking", "paused", "stopping"),
}  # fmt: skip
"""What may be wished of a campaign in which state."""


class CampaignLine(NamedTuple):
    """A campaign in a line. Times are seconds since the epoch."""

    key: int
    name: str
    site: str
    state: str
    round: int | None  # the newest one; None: none has begun
    done: int
    failed: int
    needless: int  # left out: another trial did the same work
    total: int  # jobs of the manifest
    created_at: int
    ended_at: int | None
    question: str
    note: str
    manifest: str  # path of the file
    is_run: bool  # whether a process runs it

    @property
    def is_over(self) -> bool:
        """Whether nothing happens any more."""
        return self.state in ENDED


class Condition(NamedTuple):
    """A line of a gate. ``holds`` None: not known yet; ``missing``: what it waits for."""

    name: str
    holds: bool | None
    missing: str


class RoundLine(NamedTuple):
    """A round in a line, and its gate."""

    key: int  # its number
    state: str  # open, passed, failed
    hypothesis: str
    outcome: str
    opened_at: int
    closed_at: int | None
    done: int
    failed: int
    total: int
    gate: tuple[Condition, ...]


class SavedTime(NamedTuple):
    """Wall-clock saved against the baseline, in seconds; below 0: lost. None: not known."""

    seconds: float | None
    low: float | None
    high: float | None
    trials: int


class Happening(NamedTuple):
    """One thing that happened."""

    at: int
    text: str


class CampaignPicture(NamedTuple):
    """One campaign as it is shown."""

    line: CampaignLine
    rounds: tuple[RoundLine, ...]
    saved: SavedTime
    events: tuple[Happening, ...]  # the oldest first


class TrialLine(NamedTuple):
    """A trial with its last attempt, in a line."""

    key: int
    name: str
    kind: str  # smoke, full
    state: str
    differs: str  # parameters that differ from the baseline
    is_baseline: bool
    job: str  # reference of the last attempt's job; "" where there is none
    job_id: int | None
    attempts: int
    first_at: int | None  # when the first attempt was sent
    submitted_at: int | None
    started_at: int | None
    ended_at: int | None
    told: str  # why it is as it is, what did not hold
    words: str  # all that a filter looks at, in small letters

    def times(self, now: int) -> tuple[int | None, int | None, int | None]:
        """Seconds it waited, ran (last attempt), and lost with attempts before."""
        if self.submitted_at is None:
            return None, None, None
        until = self.ended_at if self.ended_at is not None else now
        waited = (self.started_at if self.started_at is not None else until) - self.submitted_at
        ran = None if self.started_at is None else max(0, until - self.started_at)
        lost = self.submitted_at - (self.first_at or self.submitted_at)
        return max(0, waited), ran, lost if self.attempts > 1 else None


class Beginning(NamedTuple):
    """A campaign that could begin: what is asked before it does."""

    name: str
    path: str  # of the manifest, or of the script it was made from
    text: str  # of the manifest
    jobs: int
    targets: tuple[str, ...]  # each is smoked first
    is_made: bool  # from a script, so there is no such file
