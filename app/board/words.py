"""Slurm's states and pending reasons in plain words.

Source: job_reason_codes.html and squeue(1), and the reason tables of Slurm 22.05, 24.11 and 26.05.
"""

import re
from functools import lru_cache

from jobshape.app.board.limit_words import SHORT_WIDTH, Words, limit_words
from jobshape.app.domain.states import phase_of

__all__ = ["SHORT_WIDTH", "Words", "is_known_reason", "reason_words", "state_words"]

_ASK_ADMIN = "Ask the site's administrators."
_WAIT = ""

_REASONS: dict[str, Words] = {
    "None": Words("not looked at yet", "The scheduler has not looked at this job yet.", _WAIT),
    "Priority": Words(
        "others go first",
        "Jobs with a higher priority wait for the same partition.",
        "A smaller or shorter job may start in a gap (backfill): ask for what it needs, no more.",
    ),
    "Resources": Words(
        "waits for resources",
        "It is next, but what it asks for is not free at the moment.",
        "Ask for fewer CPUs, less memory or time, or use another partition to start sooner.",
    ),
    "Dependency": Words(
        "waits for another job",
        "A job it depends on has not come that far.",
        "See the dependency in the job's details.",
    ),
    "DependencyNeverSatisfied": Words(
        "never starts: dependency unmet",
        "A job it depends on ended in a way that rules this one out; it will never start.",
        "Cancel it, or change its dependency (scontrol update).",
    ),
    "BeginTime": Words(
        "waits for its start time",
        "Its earliest start (--begin, or a requeue's delay) is yet to come.",
        _WAIT,
    ),
    "JobHeldUser": Words(
        "held by its owner", "Its owner or an account coordinator holds it.", "Release it."
    ),
    "JobHeldAdmin": Words(
        "held by an administrator",
        "An administrator, or Slurm after a failed start, holds it.",
        _ASK_ADMIN,
    ),
    "JobHoldMaxRequeue": Words(
        "held: requeued too often",
        "It was requeued as often as the site allows (MAX_BATCH_REQUEUE).",
        "Find out why it failed, then release it.",
    ),
    "JobArrayTaskLimit": Words(
        "its array's % limit",
        "As many tasks of its array run as its % limit allows.",
        "Raise the limit: scontrol update ArrayTaskThrottle.",
    ),
    "Licenses": Words("waits for a licence", "All licences it asks for are in use.", _WAIT),
    "ReqNodeNotAvail": Words(
        "a node it needs is not available",
        "A node it asks for is down, drained, reserved (often for maintenance) or in use.",
        "If maintenance is near, a shorter time limit may fit before it; do not ask for single"
        " nodes.",
    ),
    "NodeDown": Words(
        "a node it needs is down",
        "A node it asks for is down.",
        "Do not ask for that node, or wait for its repair.",
    ),
    "Reservation": Words(
        "waits for its reservation", "The reservation it names has not begun or is full.", _WAIT
    ),
    "ReservationDeleted": Words(
        "its reservation is gone",
        "The reservation it names was deleted.",
        "Submit it without --reservation, or update the job.",
    ),
    "ReservationInvalid": Words(
        "its reservation is not valid",
        "It may not use the reservation it names, or that is unusable.",
        "Check --reservation.",
    ),
    "PartitionDown": Words(
        "the partition is down",
        "The partition starts no jobs now.",
        "Use another partition or wait.",
    ),
    "PartitionInactive": Words(
        "the partition is inactive",
        "The partition takes no jobs and starts none.",
        "Use another partition.",
    ),
    "PartitionNodeLimit": Words(
        "node count not allowed here",
        "The number of nodes is outside what the partition allows, or too many of them are down.",
        "Change --nodes or the partition.",
    ),
    "PartitionTimeLimit": Words(
        "longer than the partition allows",
        "Its time limit is above the partition's.",
        "Ask for less time or use another partition.",
    ),
    "PartitionConfig": Words(
        "against the partition's rules",
        "It asks for something the partition does not allow.",
        "Compare it with scontrol show partition.",
    ),
    "AccountNotAllowed": Words(
        "account not allowed here",
        "Its account may not use this partition.",
        "Use another account (-A) or partition (-p).",
    ),
    "QOSNotAllowed": Words(
        "QOS not allowed here",
        "Its account or partition may not use this QOS.",
        "Use another QOS (-q).",
    ),
    "InvalidAccount": Words(
        "unknown account", "Its account does not exist (any more).", "Choose another account (-A)."
    ),
    "InvalidQOS": Words(
        "unknown QOS", "Its QOS does not exist (any more).", "Choose another QOS (-q)."
    ),
    "BadConstraints": Words(
        "no node can ever fit it",
        "Nothing in the partition can meet what it asks for; it will not start.",
        "Check memory, CPUs, GPUs and --constraint.",
    ),
    "Constraints": Words(
        "no node fits it now",
        "Its constraints cannot be met at this time.",
        "Check --constraint; else wait.",
    ),
    "Cleaning": Words(
        "still cleaning up", "It is requeued and its last run is still being cleaned up.", _WAIT
    ),
    "Prolog": Words("being set up", "The site's prolog is still running.", _WAIT),
    "DeadLine": Words(
        "cannot meet its deadline",
        "It cannot end before its --deadline.",
        "Ask for less time or move the deadline.",
    ),
    "InactiveLimit": Words(
        "was idle for too long", "It reached the site's InactiveLimit.", _ASK_ADMIN
    ),
    "JobLaunchFailure": Words(
        "could not be started",
        "The start failed: file system, missing program or user on the node.",
        "Look at the log and the script's paths.",
    ),
    "NonZeroExitCode": Words(
        "ended with an error",
        "The program ended with an exit code that is not 0.",
        "Look at the end of the log.",
    ),
    "RaisedSignal": Words(
        "ended by a signal", "A signal ended the program.", "Look at the end of the log."
    ),
    "TimeLimit": Words(
        "ran out of time", "It reached its time limit.", "Ask for more time, or save and resume."
    ),
    "OutOfMemory": Words(
        "ran out of memory", "It used more memory than it asked for.", "Ask for more memory."
    ),
    "SystemFailure": Words(
        "the system failed",
        "Slurm, a file system or the network failed.",
        "Submit it again; if it goes on, ask the administrators.",
    ),
    "AccountingPolicy": Words(
        "an accounting limit", "A limit of its account or QOS applies.", _WAIT
    ),
    "AssociationJobLimit": Words(
        "your running-jobs limit (account)", "Your account runs as many jobs as it may.", _WAIT
    ),
    "AssociationResourceLimit": Words(
        "a resource limit (account)", "Your account uses as much as it may.", _WAIT
    ),
    "AssociationTimeLimit": Words(
        "too long (account)",
        "Your account has no time left, or it asks for more than allowed.",
        "Ask for less time.",
    ),
    "QOSJobLimit": Words("running-jobs limit (QOS)", "Its QOS runs as many jobs as it may.", _WAIT),
    "QOSResourceLimit": Words("a resource limit (QOS)", "Its QOS uses as much as it may.", _WAIT),
    "QOSTimeLimit": Words(
        "too long (QOS)",
        "Its QOS has no time left, or it asks for more than allowed.",
        "Ask for less time.",
    ),
    "QOSUsageThreshold": Words(
        "used too much already (QOS)",
        "Your share of use is below what this QOS requires (UsageThreshold).",
        "Use another QOS, or wait until past use counts less.",
    ),
    "MaxMemPerLimit": Words(
        "too much memory a CPU or node",
        "It asks for more memory a CPU or node than allowed.",
        "Ask for less memory, or more CPUs or nodes.",
    ),
    "SchedDefer": Words(
        "cannot start at once here",
        "It asks to start at once, which this site defers.",
        "Submit it without --immediate.",
    ),
    "BurstBufferResources": Words(
        "waits for burst buffer space", "The burst buffer has too little free space.", _WAIT
    ),
    "BurstBufferStageIn": Words(
        "its data is staged in", "Its data is being copied to the burst buffer.", _WAIT
    ),
    "BurstBufferOperation": Words(
        "its burst buffer failed", "An operation of its burst buffer failed.", _ASK_ADMIN
    ),
    "FedJobLock": Words(
        "clusters agree on who runs it",
        "The clusters of the federation decide which of them runs it.",
        _WAIT,
    ),
    "FrontEndDown": Words("no front end is up", "No front-end node can run it.", _ASK_ADMIN),
    "BlockMaxError": Words(
        "too many errors on its block", "Its block of nodes has had too many errors.", _ASK_ADMIN
    ),
    "BlockFreeAction": Words(
        "its block is being freed", "Its block of nodes is being freed.", _WAIT
    ),
    "PowerNotAvail": Words("not enough power", "The power it needs is not available.", _WAIT),
    "PowerReserved": Words(
        "power is reserved", "The power it needs is reserved for others.", _WAIT
    ),
    "MaxPoweredUpNodes": Words(
        "as many nodes are up as may be",
        "The site powers up no more nodes (MaxPoweredUpNodes).",
        _WAIT,
    ),
    "MpiPortsBusy": Words("waits for MPI ports", "The MPI ports it needs are in use.", _WAIT),
    "NvidiaImexChannels": Words(
        "waits for an IMEX channel", "All NVIDIA IMEX channels it could use are taken.", _WAIT
    ),
    "launch failed requeued held": Words(
        "start failed, held",
        "Slurm could not start it, requeued it and holds it.",
        "Find out why (prolog, node, file system), then release it.",
    ),
}

_LEADING = re.compile(r"[A-Za-z]+")


@lru_cache(maxsize=1024)
def reason_words(reason: str) -> Words:
    """Plain words for a pending or end reason; an unknown one stands as it is.

    Slurm adds details to some (``ReqNodeNotAvail, UnavailableNodes:n1``): they stay in ``long``.
    """
    words = _REASONS.get(reason) or limit_words(reason)
    if words is not None:
        return words
    leading = _LEADING.match(reason)
    known = leading and (_REASONS.get(leading[0]) or limit_words(leading[0]))
    if known and leading and leading.end() < len(reason) and reason[leading.end()] in ",:( ":
        return known._replace(long=f"{known.long} Slurm: {reason}")
    return Words(reason, reason, "")


def is_known_reason(reason: str) -> bool:
    """Whether there are words for exactly this reason."""
    return reason in _REASONS or limit_words(reason) is not None


_STATES: dict[str, Words] = {
    "PENDING": Words("waiting", "It waits in the queue.", "The reason says what for."),
    "RUNNING": Words("running", "It runs.", ""),
    "CONFIGURING": Words("nodes starting", "Its nodes are being booted or set up.", ""),
    "COMPLETING": Words(
        "ending",
        "It is over; its nodes are being cleaned up.",
        "If that takes long, a node may hang: ask the administrators.",
    ),
    "COMPLETED": Words("done", "It ended with exit code 0.", ""),
    "FAILED": Words("failed", "It ended with an error.", "Look at the end of the log."),
    "CANCELLED": Words("cancelled", "A person or an administrator cancelled it.", ""),
    "TIMEOUT": Words(
        "out of time", "It reached its time limit.", "Ask for more time, or save and resume."
    ),
    "OUT_OF_MEMORY": Words(
        "out of memory", "It used more memory than it asked for.", "Ask for more memory."
    ),
    "NODE_FAIL": Words("node failed", "A node it ran on failed.", "Submit it again."),
    "BOOT_FAIL": Words("boot failed", "Its nodes did not boot.", "Submit it again."),
    "DEADLINE": Words(
        "deadline missed", "It could not end before its --deadline.", "Move the deadline."
    ),
    "PREEMPTED": Words(
        "preempted", "It made room for a job with more right.", "Save and resume; use --requeue."
    ),
    "SUSPENDED": Words("suspended", "It is paused; its CPUs are free for others.", ""),
    "STOPPED": Words("stopped", "It is paused by a signal and keeps its CPUs.", ""),
    "REQUEUED": Words("requeued", "It was put back in the queue.", ""),
    "REQUEUE_HOLD": Words(
        "requeued, held", "It was put back in the queue and is held.", "Release it."
    ),
    "REQUEUE_FED": Words("requeued by federation", "The federation put it back in the queue.", ""),
    "SPECIAL_EXIT": Words(
        "special exit, held",
        "It was put back in the queue in a special state and is held.",
        "Release it.",
    ),
    "RESV_DEL_HOLD": Words(
        "held: reservation gone",
        "Its reservation was deleted; it is held.",
        "Change its reservation, then release it.",
    ),
    "RESIZING": Words("changing size", "It is about to change its size.", ""),
    "SIGNALING": Words("being signalled", "It is being sent a signal.", ""),
    "STAGE_OUT": Words("staging out", "Its files are being copied out of the burst buffer.", ""),
    "POWER_UP_NODE": Words("nodes powering up", "Its nodes are being powered up.", ""),
    "LAUNCH_FAILED": Words("start failed", "Slurm could not start it.", "Look at its reason."),
    "RECONFIG_FAIL": Words(
        "node setup failed", "Its nodes could not be configured.", "Submit it again."
    ),
    "UPDATE_DB": Words("updating accounting", "Its record is being sent to accounting.", ""),
    "EXPEDITING": Words("goes first", "It was requeued to start as soon as can be.", ""),
    "REVOKED": Words("runs elsewhere", "Another cluster of the federation runs it.", ""),
}


def state_words(state: str) -> Words:
    """Plain words for a state; an unknown one stands as it is."""
    return _STATES.get(state) or Words(
        state.lower() or "unknown", f"Slurm calls it {state} ({phase_of(state).value}).", ""
    )
