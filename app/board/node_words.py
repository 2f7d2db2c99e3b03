"""Slurm's node states: what each means for a person, in one word and in a sentence.

Source: sinfo(1), NODE STATE CODES, Slurm 22.05 to 26.05.
"""

from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from jobshape.app.domain.site import Node


class Standing(Enum):
    """How a node stands, by what matters most of its state: idle to unknown."""

    IDLE = "idle"
    MIXED = "mixed"
    FULL = "full"
    RESERVED = "reserved"
    POWER = "powered down"
    MAINT = "maintenance"
    DRAINING = "draining"
    DRAINED = "drained"
    FAILING = "failing"
    SILENT = "not responding"
    DOWN = "down"
    UNKNOWN = "unknown"


PROBLEMS = frozenset(
    (Standing.DRAINING, Standing.DRAINED, Standing.FAILING, Standing.SILENT, Standing.DOWN,
     Standing.MAINT, Standing.UNKNOWN)
)  # fmt: skip
"""Nodes where Slurm starts no jobs until somebody does something."""

_WORST_FIRST = (
    (Standing.DOWN, {"DOWN", "ERROR", "FUTURE", "INVAL", "INVALID_REG"}),
    (Standing.SILENT, {"NOT_RESPONDING", "NO_RESPOND"}),
    (Standing.FAILING, {"FAIL", "FAILING", "BLOCKED"}),
    (Standing.DRAINING, {"DRAINING"}),
    (Standing.DRAINED, {"DRAIN", "DRAINED"}),
    (Standing.MAINT, {"MAINT", "PERFCTRS", "REBOOT_ISSUED", "REBOOT_REQUESTED", "REBOOT"}),
    (Standing.POWER, {"POWERED_DOWN", "POWERING_DOWN", "POWER_DOWN", "POWERING_UP", "POWER_UP"}),
    (Standing.RESERVED, {"RESERVED"}),
)
_BUSY = {"ALLOCATED", "ALLOC", "MIXED", "MIX", "COMPLETING", "COMP"}
_SIGNS = {"*": "NOT_RESPONDING", "~": "POWERED_DOWN", "#": "POWERING_UP", "%": "POWERING_DOWN",
          "$": "MAINT", "@": "REBOOT_REQUESTED", "^": "REBOOT_ISSUED", "!": "POWER_DOWN",
          "-": "PLANNED"}  # fmt: skip

_SENTENCES = {
    "IDLE": "Nothing runs here; jobs can start.",
    "MIXED": "Some of it is allocated; jobs can start on the rest.",
    "ALLOCATED": "All of its CPUs are allocated.",
    "COMPLETING": "A job has ended and is being cleared away.",
    "DRAIN": "An administrator took it out: no new jobs start here.",
    "DRAINED": "An administrator took it out: no new jobs start here.",
    "DRAINING": "No new jobs start here; those that run go on to their end.",
    "DOWN": "It is down: nothing runs and nothing starts here.",
    "ERROR": "Slurm found an error on it: nothing starts here.",
    "FAIL": "It is expected to fail soon: no new jobs start here.",
    "FAILING": "It is expected to fail soon; jobs still run here.",
    "NOT_RESPONDING": "Its slurmd does not answer the controller.",
    "NO_RESPOND": "Its slurmd does not answer the controller.",
    "MAINT": "A maintenance reservation holds it.",
    "RESERVED": "A reservation holds it: only jobs that name the reservation start here.",
    "PLANNED": "It is kept free for a job with a higher priority; only what ends in time starts.",
    "POWERED_DOWN": "It is powered down to save energy; Slurm boots it when a job needs it.",
    "POWERING_DOWN": "It is being powered down to save energy.",
    "POWER_DOWN": "It is to be powered down to save energy.",
    "POWERING_UP": "It is booting for a job.",
    "POWER_UP": "It is booting for a job.",
    "REBOOT_REQUESTED": "It reboots once its jobs have ended.",
    "REBOOT_ISSUED": "It is rebooting.",
    "REBOOT": "It is rebooting.",
    "CLOUD": "It is a cloud node.",
    "FUTURE": "It is set up for the future and not there yet.",
    "INVAL": "It has registered with other hardware than Slurm was told of.",
    "INVALID_REG": "It has registered with other hardware than Slurm was told of.",
    "BLOCKED": "Another job that takes whole nodes blocks it.",
    "UNKNOWN": "Slurm has not heard from it since the controller started.",
}


class StateWords(NamedTuple):
    """A state without the node's figures; ``words`` are Slurm's own, upper case."""

    standing: Standing  # MIXED for every busy node
    words: frozenset[str]
    sentence: str


@lru_cache(maxsize=512)
def state_words(state: str) -> StateWords:
    """What a state says: ``IDLE+DRAIN``, ``DOWN*``, ``MIXED+PLANNED``."""
    parts = [part for part in state.upper().split("+") if part]
    found: list[str] = []
    for part in parts:
        found.append(part.rstrip("".join(_SIGNS)))
        found += [_SIGNS[sign] for sign in part if sign in _SIGNS]
    words = frozenset(word for word in found if word)
    standing = _standing_of(words)
    known = [_SENTENCES[word] for word in found if word in _SENTENCES]
    if standing in PROBLEMS and len(known) > 1:  # "jobs can start" would be wrong
        known = [one for one in known if "can start" not in one]
    sentence = " ".join(dict.fromkeys(known)) or "Slurm's word for its state is not known here."
    if standing is Standing.DRAINING and "DRAINING" not in words:
        sentence = _SENTENCES["DRAINING"]
    return StateWords(standing, words, sentence)


def _standing_of(words: frozenset[str]) -> Standing:
    for standing, bad in _WORST_FIRST:
        if bad & words:
            if standing is Standing.DRAINED and words & _BUSY:
                return Standing.DRAINING
            return standing
    if words & _BUSY:
        return Standing.MIXED
    return Standing.IDLE if "IDLE" in words else Standing.UNKNOWN


def standing_of(node: Node) -> Standing:
    """How a node stands; a busy one is full once all its CPUs are allocated."""
    standing = state_words(node.state).standing
    if standing is Standing.MIXED and node.cpus is not None:
        return Standing.FULL if (node.cpus_allocated or 0) >= node.cpus else standing
    return standing
