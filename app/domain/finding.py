"""A failure signal: what happened to a job, the lines that show it, and what to do about it."""

from typing import NamedTuple

CRITICAL, HIGH, MEDIUM, INFO = "CRITICAL", "HIGH", "MEDIUM", "INFO"
SEVERITIES = (CRITICAL, HIGH, MEDIUM, INFO)
"""Worst first."""

NONE, UNKNOWN = "none", "unknown"
"""Classes that are no cause: nothing failed; it failed and nothing says why."""


class Evidence(NamedTuple):
    """One place that shows it: a line of a log, a field of Slurm, words of the controller."""

    source: str  # stdout, stderr, log, slurm, usage, submit
    place: str  # a field's name, or a path; "" for the text at hand
    line: int | None  # from 1; None where it is no line, or its number is not known
    text: str


class Finding(NamedTuple):
    """One cause, as ranked among others by ``confidence`` (0 to 1)."""

    label: str  # the class: oom_host, timeout, missing_package, ..., none, unknown
    confidence: float
    severity: str
    title: str  # in a few words: "out of host memory"
    why: str  # what the class means here, one or two sentences
    fix: str  # what to do about it
    fix_class: str  # raise_memory, reduce_batch, raise_walltime, fix_code, fix_env, ...
    retry: str  # whether the same job sent again could succeed: yes, no, maybe, n/a
    evidence: tuple[Evidence, ...]
    rule: str  # the rule that spoke, as "file:name"
