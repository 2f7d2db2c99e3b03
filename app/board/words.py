"""Slurm's states and pending reasons in plain words.

Source: job_reason_codes.html and squeue(1), and the reason tables of Slurm 22.05, 24.11 and 26.05.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from jobshape.app.domain.states import phase_of


class Words(NamedTuple):
    """A reason or state for a person: a phrase for a table, a sentence, what to do."""

    short: str  # at most SHORT_WIDTH characters
    long: str
    advice: str  # "" where there is nothing to do but wait


SHORT_WIDTH = 34

_ASK_ADMIN = "Ask the site's administrators."
_WAIT = ""

_REASONS: dict[str, Words] = {
    "None": Words("not looked at yet", "The scheduler has not looked at this job yet.", _WAIT),
    "Priority": Words(
        "others go first", "Jobs with a higher priority wait for the same partition.",
        "A smaller or shorter job may start in a gap (backfill): ask for what it needs, no more."),
    "Resources": Words(
        "waits for free nodes", "It is next, but what it asks for is not free at the moment.",
        "Ask for fewer CPUs, less memory or time, or use another partition to start sooner."),
    "Dependency": Words(
        "waits for another job", "A job it depends on has not come that far.",
        "See the dependency in the job's details."),
    "DependencyNeverSatisfied": Words(
        "its dependency can never be met",
        "A job it depends on ended in a way that rules this one out; it will never start.",
        "Cancel it, or change its dependency (scontrol update)."),
    "BeginTime": Words(
        "waits for its start time", "Its earliest start (--begin, or a requeue's delay) is yet to"
        " come.", _WAIT),
    "JobHeldUser": Words("held by its owner", "Its owner or an account coordinator holds it.",
                         "Release it."),
    "JobHeldAdmin": Words("held by an administrator", "An administrator, or Slurm after a failed"
                          " start, holds it.", _ASK_ADMIN),
    "JobHoldMaxRequeue": Words("held: requeued too often", "It was requeued as often as the site"
                               " allows (MAX_BATCH_REQUEUE).", "Find out why it failed, then"
                               " release it."),
    "JobArrayTaskLimit": Words(
        "its array's % limit", "As many tasks of its array run as its % limit allows.",
        "Raise the limit: scontrol update ArrayTaskThrottle."),
    "Licenses": Words("waits for a licence", "All licences it asks for are in use.", _WAIT),
    "ReqNodeNotAvail": Words(
        "a node it needs is not available",
        "A node it asks for is down, drained, reserved (often for maintenance) or in use.",
        "If maintenance is near, a shorter time limit may fit before it; do not ask for single"
        " nodes."),
    "NodeDown": Words("a node it needs is down", "A node it asks for is down.",
                      "Do not ask for that node, or wait for its repair."),
    "Reservation": Words("waits for its reservation", "The reservation it names has not begun or"
                         " is full.", _WAIT),
    "ReservationDeleted": Words("its reservation is gone", "The reservation it names was deleted.",
                                "Submit it without --reservation, or update the job."),
    "ReservationInvalid": Words("its reservation is not valid", "It may not use the reservation it"
                                " names, or that is unusable.", "Check --reservation."),
    "PartitionDown": Words("the partition is down", "The partition starts no jobs now.",
                           "Use another partition or wait."),
    "PartitionInactive": Words("the partition is inactive", "The partition takes no jobs and"
                               " starts none.", "Use another partition."),
    "PartitionNodeLimit": Words(
        "node count not allowed here",
        "The number of nodes is outside what the partition allows, or too many of them are down.",
        "Change --nodes or the partition."),
    "PartitionTimeLimit": Words("longer than the partition allows", "Its time limit is above the"
                                " partition's.", "Ask for less time or use another partition."),
    "PartitionConfig": Words("against the partition's rules", "It asks for something the"
                             " partition does not allow.", "Compare it with scontrol show"
                             " partition."),
    "AccountNotAllowed": Words("account not allowed here", "Its account may not use this"
                               " partition.", "Use another account (-A) or partition (-p)."),
    "QOSNotAllowed": Words("QOS not allowed here", "Its account or partition may not use this"
                           " QOS.", "Use another QOS (-q)."),
    "InvalidAccount": Words("unknown account", "Its account does not exist (any more).",
                            "Choose another account (-A)."),
    "InvalidQOS": Words("unknown QOS", "Its QOS does not exist (any more).",
                        "Choose another QOS (-q)."),
    "BadConstraints": Words("no node can ever fit it", "Nothing in the partition can meet what it"
                            " asks for; it will not start.", "Check memory, CPUs, GPUs and"
                            " --constraint."),
    "Constraints": Words("no node fits it now", "Its constraints cannot be met at this time.",
                         "Check --constraint; else wait."),
    "Cleaning": Words("still cleaning up", "It is requeued and its last run is still being cleaned"
                      " up.", _WAIT),
    "Prolog": Words("being set up", "The site's prolog is still running.", _WAIT),
    "DeadLine": Words("cannot meet its deadline", "It cannot end before its --deadline.",
                      "Ask for less time or move the deadline."),
    "InactiveLimit": Words("was idle for too long", "It reached the site's InactiveLimit.",
                           _ASK_ADMIN),
    "JobLaunchFailure": Words("could not be started", "The start failed: file system, missing"
                              " program or user on the node.", "Look at the log and the script's"
                              " paths."),
    "NonZeroExitCode": Words("ended with an error", "The program ended with an exit code that is"
                             " not 0.", "Look at the end of the log."),
    "RaisedSignal": Words("ended by a signal", "A signal ended the program.",
                          "Look at the end of the log."),
    "TimeLimit": Words("ran out of time", "It reached its time limit.",
                       "Ask for more time, or save and resume."),
    "OutOfMemory": Words("ran out of memory", "It used more memory than it asked for.",
                         "Ask for more memory."),
    "SystemFailure": Words("the system failed", "Slurm, a file system or the network failed.",
                           "Submit it again; if it goes on, ask the administrators."),
    "AccountingPolicy": Words("an accounting limit", "A limit of its account or QOS applies.",
                              _WAIT),
    "AssociationJobLimit": Words("your running-jobs limit (account)", "Your account runs as many"
                                 " jobs as it may.", _WAIT),
    "AssociationResourceLimit": Words("a resource limit (account)", "Your account uses as much as"
                                      " it may.", _WAIT),
    "AssociationTimeLimit": Words("too long (account)", "Your account has no time left, or it asks"
                                  " for more than allowed.", "Ask for less time."),
    "QOSJobLimit": Words("running-jobs limit (QOS)", "Its QOS runs as many jobs as it may.", _WAIT),
    "QOSResourceLimit": Words("a resource limit (QOS)", "Its QOS uses as much as it may.", _WAIT),
    "QOSTimeLimit": Words("too long (QOS)", "Its QOS has no time left, or it asks for more than"
                          " allowed.", "Ask for less time."),
    "QOSUsageThreshold": Words("used too much already (QOS)", "Your share of use is below what this"
                               " QOS requires (UsageThreshold).", "Use another QOS, or wait until"
                               " past use counts less."),
    "MaxMemPerLimit": Words("too much memory a CPU or node", "It asks for more memory a CPU or node"
                            " than allowed.", "Ask for less memory, or more CPUs or nodes."),
    "SchedDefer": Words("cannot start at once here", "It asks to start at once, which this site"
                        " defers.", "Submit it without --immediate."),
    "BurstBufferResources": Words("waits for burst buffer space", "The burst buffer has too little"
                                  " free space.", _WAIT),
    "BurstBufferStageIn": Words("its data is staged in", "Its data is being copied to the burst"
                                " buffer.", _WAIT),
    "BurstBufferOperation": Words("its burst buffer failed", "An operation of its burst buffer"
                                  " failed.", _ASK_ADMIN),
    "FedJobLock": Words("clusters agree on who runs it", "The clusters of the federation decide"
                        " which of them runs it.", _WAIT),
    "FrontEndDown": Words("no front end is up", "No front-end node can run it.", _ASK_ADMIN),
    "BlockMaxError": Words("too many errors on its block", "Its block of nodes has had too many"
                           " errors.", _ASK_ADMIN),
    "BlockFreeAction": Words("its block is being freed", "Its block of nodes is being freed.",
                             _WAIT),
    "PowerNotAvail": Words("not enough power", "The power it needs is not available.", _WAIT),
    "PowerReserved": Words("power is reserved", "The power it needs is reserved for others.",
                           _WAIT),
    "MaxPoweredUpNodes": Words("as many nodes are up as may be", "The site powers up no more nodes"
                               " (MaxPoweredUpNodes).", _WAIT),
    "MpiPortsBusy": Words("waits for MPI ports", "The MPI ports it needs are in use.", _WAIT),
    "NvidiaImexChannels": Words("waits for an IMEX channel", "All NVIDIA IMEX channels it could"
                                " use are taken.", _WAIT),
    "launch failed requeued held": Words(
        "start failed, held", "Slurm could not start it, requeued it and holds it.",
        "Find out why (prolog, node, file system), then release it."),
}  # fmt: skip

# What limits are on: Slurm's word -> (word for "... limit", word for "too much ...").
_THINGS = {
    "BB": ("burst-buffer", "burst buffer"),
    "Billing": ("billing", "billing units"),
    "CPU": ("CPU", "CPUs"),
    "Cpu": ("CPU", "CPUs"),
    "Energy": ("energy", "energy"),
    "GRES": ("GPU/GRES", "GPUs or other GRES"),
    "License": ("licence", "licences"),
    "Mem": ("memory", "memory"),
    "Memory": ("memory", "memory"),
    "Node": ("node", "nodes"),
    "Unknown": ("resource", "a resource"),
}
_THING = "|".join(_THINGS)
_OWNERS = {"Assoc": ("account", "your account"), "QOS": ("QOS", "its QOS")}
_LIMITS: tuple[tuple[re.Pattern[str], str, str, str], ...] = tuple(
    (re.compile(pattern), short, long, advice)
    for pattern, short, long, advice in (
        (rf"(?P<o>Assoc|QOS)Grp(?P<t>{_THING})(?:Limit)?", "{thing} limit ({owner})",
         "The running jobs of {whose} together have reached the limit on {things}.",
         "Wait for them to end, or ask for less."),
        (rf"(?P<o>Assoc|QOS)Grp(?P<t>{_THING})Minutes(?:Limit)?",
         "{thing}-minutes used up ({owner})",
         "The minutes of {things} that {whose} may use, past and present jobs together, are spent.",
         "Use another account or QOS, or ask for more of them."),
        (rf"(?P<o>Assoc|QOS)Grp(?P<t>{_THING})RunMinutes(?:Limit)?",
         "{thing}-minutes in use ({owner})",
         "Running jobs of {whose} have reached the limit on {things} times the time still to go.",
         "A shorter time limit fits sooner."),
        (rf"(?P<o>Assoc|QOS)Max(?P<t>{_THING})PerJob(?:Limit)?", "asks too much {thing} ({owner})",
         "What it asks for is above the limit on {things} for one job of {whose}.", "Ask for less."),
        (rf"(?P<o>Assoc|QOS)Max(?P<t>{_THING})PerNode(?:Limit)?", "too much {thing} a node ({owner})",
         "What it asks for on a node is above the limit on {things} of {whose}.",
         "Spread it over more nodes or ask for less."),
        (rf"(?P<o>Assoc|QOS)Max(?P<t>{_THING})MinutesPerJob(?:Limit)?",
         "too many {thing}-minutes ({owner})",
         "Its time limit times {things} is above the limit for one job of {whose}.",
         "Ask for less time or less of it."),
        (rf"(?P<o>QOS)Max(?P<t>{_THING})PerUser(?:Limit)?", "your {thing} limit ({owner})",
         "Your running jobs in this QOS have reached your limit on {things}.",
         "Wait for your other jobs to end, or use another QOS."),
        (rf"(?P<o>QOS)Min(?P<t>{_THING})(?:NotSatisfied)?", "asks too little {thing} ({owner})",
         "What it asks for is below the least {things} for a job of this QOS.", "Ask for more or use another"
         " QOS."),
        (rf"(?P<o>)Max(?P<t>{_THING})PerAccount", "account's {thing} limit (QOS)",
         "Your account's running jobs in this QOS have reached its limit on {things}.",
         "Wait for them to end, or use another QOS."),
        (rf"(?P<o>)Max(?P<t>{_THING})RunMinsPerAccount", "account's {thing}-minutes (QOS)",
         "Your account's running jobs in this QOS have reached the limit on {things} times the time to go.", "A shorter time limit fits sooner."),
        (rf"(?P<o>)Max(?P<t>{_THING})RunMinsPerUser", "your {thing}-minutes (QOS)",
         "Your running jobs in this QOS have reached the limit on {things} times the time to go.",
         "A shorter time limit fits sooner."),
        (r"(?P<o>Assoc|QOS)GrpJobsLimit", "running-jobs limit ({owner})",
         "As many jobs of {whose} run as may at a time.", "Wait for some to end."),
        (r"(?P<o>Assoc|QOS)GrpSubmitJobsLimit", "submitted-jobs limit ({owner})",
         "As many jobs of {whose} are in the queue as may.", "Wait for some to end."),
        (r"(?P<o>Assoc|QOS)GrpWallLimit", "walltime used up ({owner})",
         "The walltime that {whose} may use is spent.", "Ask for less time or use another."),
        (r"(?P<o>Assoc|QOS)MaxJobs(?:PerUser)?Limit", "your running-jobs limit ({owner})",
         "You run as many jobs with {whose} as you may.", "Wait for some of them to end."),
        (r"(?P<o>Assoc|QOS)MaxSubmitJob(?:PerUser)?Limit", "your submitted-jobs limit ({owner})",
         "You have as many jobs with {whose} in the queue as you may.", "Wait for some to end."),
        (r"(?P<o>Assoc|QOS)MaxWallDurationPerJobLimit", "asks too much time ({owner})",
         "Its time limit is above what {whose} allows.", "Ask for less time."),
        (r"(?P<o>)MaxJobsPerAccount", "account's running-jobs limit (QOS)",
         "Your account runs as many jobs in this QOS as it may.", "Wait for some to end."),
        (r"(?P<o>)MaxSubmitJobsPerAccount", "account's queued-jobs limit (QOS)",
         "Your account has as many jobs of this QOS in the queue as it may.",
         "Wait for some to end."),
    )
)  # fmt: skip

_LEADING = re.compile(r"[A-Za-z]+")


def _limit_words(reason: str) -> Words | None:
    for pattern, short, long, advice in _LIMITS:
        if match := pattern.fullmatch(reason):
            owner, whose = _OWNERS.get(match["o"], ("QOS", "its QOS"))
            thing, things = _THINGS.get(match.groupdict().get("t") or "", ("", ""))
            facts = {"owner": owner, "whose": whose, "thing": thing, "things": things}
            phrase = short.format(**facts)
            if len(phrase) > SHORT_WIDTH:
                phrase = phrase.replace("burst-buffer", "BB").replace("(account)", "(acct)")
            return Words(phrase, long.format(**facts), advice)
    return None


@lru_cache(maxsize=1024)
def reason_words(reason: str) -> Words:
    """Plain words for a pending or end reason; an unknown one stands as it is.

    Slurm adds details to some (``ReqNodeNotAvail, UnavailableNodes:n1``): they stay in ``long``.
    """
    words = _REASONS.get(reason) or _limit_words(reason)
    if words is not None:
        return words
    leading = _LEADING.match(reason)
    known = leading and (_REASONS.get(leading[0]) or _limit_words(leading[0]))
    if known and leading and leading.end() < len(reason) and reason[leading.end()] in ",:( ":
        return known._replace(long=f"{known.long} Slurm: {reason}")
    return Words(reason, reason, "")


def is_known_reason(reason: str) -> bool:
    """Whether there are words for exactly this reason."""
    return reason in _REASONS or _limit_words(reason) is not None


_STATES: dict[str, Words] = {
    "PENDING": Words("waiting", "It waits in the queue.", "The reason says what for."),
    "RUNNING": Words("running", "It runs.", ""),
    "CONFIGURING": Words("nodes starting", "Its nodes are being booted or set up.", ""),
    "COMPLETING": Words("ending", "It is over; its nodes are being cleaned up.",
                        "If that takes long, a node may hang: ask the administrators."),
    "COMPLETED": Words("done", "It ended with exit code 0.", ""),
    "FAILED": Words("failed", "It ended with an error.", "Look at the end of the log."),
    "CANCELLED": Words("cancelled", "A person or an administrator cancelled it.", ""),
    "TIMEOUT": Words("out of time", "It reached its time limit.",
                     "Ask for more time, or save and resume."),
    "OUT_OF_MEMORY": Words("out of memory", "It used more memory than it asked for.",
                           "Ask for more memory."),
    "NODE_FAIL": Words("node failed", "A node it ran on failed.", "Submit it again."),
    "BOOT_FAIL": Words("boot failed", "Its nodes did not boot.", "Submit it again."),
    "DEADLINE": Words("deadline missed", "It could not end before its --deadline.",
                      "Move the deadline."),
    "PREEMPTED": Words("preempted", "It made room for a job with more right.",
                       "Save and resume; use --requeue."),
    "SUSPENDED": Words("suspended", "It is paused; its CPUs are free for others.", ""),
    "STOPPED": Words("stopped", "It is paused by a signal and keeps its CPUs.", ""),
    "REQUEUED": Words("requeued", "It was put back in the queue.", ""),
    "REQUEUE_HOLD": Words("requeued, held", "It was put back in the queue and is held.",
                          "Release it."),
    "REQUEUE_FED": Words("requeued by federation", "The federation put it back in the queue.", ""),
    "SPECIAL_EXIT": Words("special exit, held", "It was put back in the queue in a special state"
                          " and is held.", "Release it."),
    "RESV_DEL_HOLD": Words("held: reservation gone", "Its reservation was deleted; it is held.",
                           "Change its reservation, then release it."),
    "RESIZING": Words("changing size", "It is about to change its size.", ""),
    "SIGNALING": Words("being signalled", "It is being sent a signal.", ""),
    "STAGE_OUT": Words("staging out", "Its files are being copied out of the burst buffer.", ""),
    "POWER_UP_NODE": Words("nodes powering up", "Its nodes are being powered up.", ""),
    "LAUNCH_FAILED": Words("start failed", "Slurm could not start it.", "Look at its reason."),
    "RECONFIG_FAIL": Words("node setup failed", "Its nodes could not be configured.",
                           "Submit it again."),
    "UPDATE_DB": Words("updating accounting", "Its record is being sent to accounting.", ""),
    "EXPEDITING": Words("goes first", "It was requeued to start as soon as can be.", ""),
    "REVOKED": Words("runs elsewhere", "Another cluster of the federation runs it.", ""),
}  # fmt: skip


def state_words(state: str) -> Words:
    """Plain words for a state; an unknown one stands as it is."""
    return _STATES.get(state) or Words(
        state.lower() or "unknown", f"Slurm calls it {state} ({phase_of(state).value}).", ""
    )
