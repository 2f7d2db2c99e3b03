"""One ended job as the corrections look at it: what it asked for, what it used, why it ended."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobshape.app.domain.finding import NONE, UNKNOWN, Finding
from jobshape.app.domain.job import UNLIMITED, AccountedJob, Job

OF_STATE = {
    "OUT_OF_MEMORY": "oom_host",
    "TIMEOUT": "timeout",
    "NODE_FAIL": "node_fail",
    "BOOT_FAIL": "node_fail",
    "LAUNCH_FAILED": "node_fail",
    "PREEMPTED": "preempted",
    "CANCELLED": "cancelled",
}
"""The class that a state alone proves."""

FIX_OF = {
    "oom_host": "raise_memory",
    "timeout": "raise_walltime",
    "node_fail": "resubmit",
    "preempted": "resubmit",
    "cancelled": "none",
}
"""What is done about it."""

WOULD_FAIL_AGAIN = frozenset({
    "fix_code", "fix_env", "fix_input", "free_space", "reduce_batch", "change_request",
})  # fmt: skip
"""Fixes that a person has to make: no shape mends these failures."""

TRANSIENT = frozenset({"resubmit", "ask_admin"})
"""Fixes of failures that may be gone at the next try, where the class says so."""


@dataclass(frozen=True, slots=True)
class Case:
    """A job and the evidence. Memory is a node's; None: nobody knows."""

    job: Job
    label: str = ""  # the class of its failure; "": it did not fail
    title: str = ""
    fix: str = ""  # the class of the fix
    retry: str = "n/a"
    evidence: str = ""  # the lines that show it, for names of nodes
    memory_bytes: int | None = None  # its limit
    peak_bytes: int | None = None
    time_limit_s: int | None = None
    elapsed_s: int | None = None
    cpu_s: float | None = None
    tries: int = 0  # earlier runs of its line that ended alike

    @property
    def would_fail_again(self) -> bool:
        """Whether it is a failure that only a person can mend."""
        return self.fix in WOULD_FAIL_AGAIN and self.retry in ("no", "maybe")

    @property
    def is_hopeless(self) -> bool:
        """Whether nobody should send it again by itself."""
        return self.fix in WOULD_FAIL_AGAIN or not self.label or self.label in (NONE, UNKNOWN)


def case_of(
    job: Job, findings: Sequence[Finding], used: AccountedJob | None = None, tries: int = 0
) -> Case:
    """The case of a job, from its findings or, where there are none, from its state."""
    label, title, fix, retry, evidence = OF_STATE.get(job.state, ""), "", "", "yes", ""
    first = findings[0] if findings else None
    if first is not None and first.label not in (NONE, UNKNOWN):
        label, title, fix, retry = first.label, first.title, first.fix_class, first.retry
        evidence = "\n".join(line.text for line in first.evidence)
    elif label:
        title, fix = label.replace("_", " "), FIX_OF[label]
    elif first is not None:
        label, title, fix, retry = first.label, first.title, first.fix_class, first.retry
    elapsed = used.elapsed_s if used else None
    if elapsed is None and job.start_time is not None and job.end_time is not None:
        elapsed = max(0, job.end_time - job.start_time)
    nodes = max(1, job.nodes or 1)
    return Case(
        job=job, label=label, title=title or label.replace("_", " "), fix=fix, retry=retry,
        evidence=evidence, memory_bytes=job.memory_bytes // nodes if job.memory_bytes else None,
        peak_bytes=used.max_rss_bytes if used else None,
        time_limit_s=job.time_limit_s if job.time_limit_s != UNLIMITED else None,
        elapsed_s=elapsed, cpu_s=used.total_cpu_s if used else None, tries=tries,
    )  # fmt: skip


def findings_of(
    jobs: Sequence[Job], found: Mapping[str, Sequence[Finding]]
) -> dict[int, Sequence[Finding]]:
    """The findings of each job; a task takes those of one of its array that ended alike."""
    alike: dict[tuple[int, str, str], Sequence[Finding]] = {}
    for job in jobs:
        own = found.get(str(job.job_id))
        if own and job.array_job_id is not None:
            alike.setdefault((job.array_job_id, job.state, job.exit_code), own)
    result: dict[int, Sequence[Finding]] = {}
    for job in jobs:
        own = found.get(str(job.job_id)) or ()
        if not own and job.array_job_id is not None:
            own = alike.get((job.array_job_id, job.state, job.exit_code), ())
        result[job.job_id] = own
    return result
