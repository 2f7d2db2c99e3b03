"""Reasons that name a limit (``QOSMaxCpuPerUserLimit``), put in words by their parts."""

import re
from typing import NamedTuple


class Words(NamedTuple):
    """A reason or state for a person: a phrase for a table, a sentence, what to do."""

    short: str  # at most SHORT_WIDTH characters
    long: str
    advice: str  # "" where there is nothing to do but wait


SHORT_WIDTH = 34

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
        (
            rf"(?P<o>Assoc|QOS)Grp(?P<t>{_THING})(?:Limit)?",
            "{thing} limit ({owner})",
            "The running jobs of {whose} together have reached the limit on {things}.",
            "Wait for them to end, or ask for less.",
        ),
        (
            rf"(?P<o>Assoc|QOS)Grp(?P<t>{_THING})Minutes(?:Limit)?",
            "{thing}-minutes used up ({owner})",
            "All minutes of {things} that {whose} may use, by past and present jobs, are spent.",
            "Use another account or QOS, or ask for more of them.",
        ),
        (
            rf"(?P<o>Assoc|QOS)Grp(?P<t>{_THING})RunMinutes(?:Limit)?",
            "{thing}-minutes in use ({owner})",
            "Running jobs of {whose} have reached the limit on {things} times the time to go.",
            "A shorter time limit fits sooner.",
        ),
        (
            rf"(?P<o>Assoc|QOS)Max(?P<t>{_THING})PerJob(?:Limit)?",
            "asks too much {thing} ({owner})",
            "What it asks for is above the limit on {things} for one job of {whose}.",
            "Ask for less.",
        ),
        (
            rf"(?P<o>Assoc|QOS)Max(?P<t>{_THING})PerNode(?:Limit)?",
            "too much {thing} a node ({owner})",
            "What it asks for on a node is above the limit on {things} of {whose}.",
            "Spread it over more nodes or ask for less.",
        ),
        (
            rf"(?P<o>Assoc|QOS)Max(?P<t>{_THING})MinutesPerJob(?:Limit)?",
            "too many {thing}-minutes ({owner})",
            "Its time limit times {things} is above the limit for one job of {whose}.",
            "Ask for less time or less of it.",
        ),
        (
            rf"(?P<o>QOS)Max(?P<t>{_THING})PerUser(?:Limit)?",
            "your {thing} limit ({owner})",
            "Your running jobs in this QOS have reached your limit on {things}.",
            "Wait for your other jobs to end, or use another QOS.",
        ),
        (
            rf"(?P<o>QOS)Min(?P<t>{_THING})(?:NotSatisfied)?",
            "asks too little {thing} ({owner})",
            "What it asks for is below the least {things} for a job of this QOS.",
            "Ask for more or use another QOS.",
        ),
        (
            rf"(?P<o>)Max(?P<t>{_THING})PerAccount",
            "account's {thing} limit (QOS)",
            "Your account's running jobs in this QOS have reached its limit on {things}.",
            "Wait for them to end, or use another QOS.",
        ),
        (
            rf"(?P<o>)Max(?P<t>{_THING})RunMinsPerAccount",
            "account's {thing}-minutes (QOS)",
            "Your account's running jobs in this QOS have reached the limit on {things} times the"
            " time to go.",
            "A shorter time limit fits sooner.",
        ),
        (
            rf"(?P<o>)Max(?P<t>{_THING})RunMinsPerUser",
            "your {thing}-minutes (QOS)",
            "Your jobs running in this QOS have reached the limit on {things} times time to go.",
            "A shorter time limit fits sooner.",
        ),
        (
            r"(?P<o>Assoc|QOS)GrpJobsLimit",
            "running-jobs limit ({owner})",
            "As many jobs of {whose} run as may at a time.",
            "Wait for some to end.",
        ),
        (
            r"(?P<o>Assoc|QOS)GrpSubmitJobsLimit",
            "submitted-jobs limit ({owner})",
            "As many jobs of {whose} are in the queue as may.",
            "Wait for some to end.",
        ),
        (
            r"(?P<o>Assoc|QOS)GrpWallLimit",
            "walltime used up ({owner})",
            "The walltime that {whose} may use is spent.",
            "Ask for less time or use another.",
        ),
        (
            r"(?P<o>Assoc|QOS)MaxJobs(?:PerUser)?Limit",
            "your running-jobs limit ({owner})",
            "You run as many jobs with {whose} as you may.",
            "Wait for some of them to end.",
        ),
        (
            r"(?P<o>Assoc|QOS)MaxSubmitJob(?:PerUser)?Limit",
            "your submitted-jobs limit ({owner})",
            "You have as many jobs with {whose} in the queue as you may.",
            "Wait for some to end.",
        ),
        (
            r"(?P<o>Assoc|QOS)MaxWallDurationPerJobLimit",
            "asks too much time ({owner})",
            "Its time limit is above what {whose} allows.",
            "Ask for less time.",
        ),
        (
            r"(?P<o>)MaxJobsPerAccount",
            "account's running-jobs limit (QOS)",
            "Your account runs as many jobs in this QOS as it may.",
            "Wait for some to end.",
        ),
        (
            r"(?P<o>)MaxSubmitJobsPerAccount",
            "account's queued-jobs limit (QOS)",
            "Your account has as many jobs of this QOS in the queue as it may.",
            "Wait for some to end.",
        ),
    )
)


def limit_words(reason: str) -> Words | None:
    """Plain words for a limit, None if the reason is no known one."""
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
