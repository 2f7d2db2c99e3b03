"""Something about a job that a person should know now, before or after it fails."""

from typing import NamedTuple

from jobshape.app.domain.finding import CRITICAL, HIGH, MEDIUM

LEVELS = (CRITICAL, HIGH, MEDIUM)
"""Worst first."""

CAMPAIGN = "campaign"
"""The rule of an alert that is of a campaign, not of a job."""


class Alert(NamedTuple):
    """One trouble. The same ``key`` is the same trouble: it is told once, and acknowledged once."""

    key: str
    level: str  # CRITICAL, HIGH, MEDIUM
    rule: str  # memory, memory_trend, walltime, pace, node, dependency, CAMPAIGN, ...
    title: str  # in a few words, with the figure that counts
    why: str  # the evidence in a sentence or two
    fix: str  # what to do; "" where there is nothing
    job_id: int  # of the first job concerned; 0: of none
    label: str  # that job as squeue prints it, or its array
    name: str  # the job's name
    at: float  # when it was first seen, seconds since the epoch
    jobs: int = 1  # how many jobs or tasks it concerns
