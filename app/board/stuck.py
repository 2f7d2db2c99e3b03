"""Waiting jobs that waiting does not help. Source: squeue(1), JOB REASON CODES."""

from jobshape.app.domain.job import Job

NEVER_STARTS = frozenset({
    "AccountNotAllowed", "BadConstraints", "DeadLine", "InvalidAccount", "InvalidQOS",
    "JobHeldAdmin", "JobHoldMaxRequeue", "MaxMemPerLimit", "PartitionConfig", "PartitionInactive",
    "PartitionNodeLimit", "PartitionTimeLimit", "QOSNotAllowed", "QOSTimeLimit",
    "ReservationDeleted", "ReservationInvalid", "AssociationTimeLimit",
    "launch failed requeued held",
})  # fmt: skip
"""Reasons that waiting does not cure, beside limits on one job (``...PerJob...``): squeue(1)."""

NEVER_BY_THEMSELVES = frozenset((
    "JobHeldUser", "JobHeldAdmin", "JobHoldMaxRequeue", "DependencyNeverSatisfied",
    "launch failed requeued held", "launch_failed_requeued_held",
))  # fmt: skip
"""Reasons of waiting jobs that somebody has to do something about."""

HELD_STATES = frozenset(("REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"))
"""States that say the same."""


def waiting_is_no_cure(reason: str) -> bool:
    """Whether a pending job with this reason never starts as it is."""
    head = reason.split(",", 1)[0].split("(", 1)[0].strip()
    if reason in NEVER_STARTS or head in NEVER_STARTS:
        return True
    return "PerJob" in head or (head.startswith("QOSMin") and "Minutes" not in head)


def is_stuck(job: Job) -> bool:
    """Whether a waiting job never starts unless somebody does something about it."""
    reason = job.reason
    by_reason = reason in NEVER_BY_THEMSELVES or waiting_is_no_cure(reason)
    return by_reason or job.state in HELD_STATES
