"""Slurm's job states and pending reasons: what each means for a person.

Source: squeue(1), sections JOB STATE CODES and JOB REASON CODES, Slurm 22.05 to 26.05.
"""

from enum import Enum


class Phase(Enum):
    """Where a job stands in its life."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"  # somebody wanted it so: no failure
    UNKNOWN = "unknown"


FINISHED = frozenset({Phase.DONE, Phase.FAILED, Phase.CANCELLED})
"""Phases of jobs that are over."""

# State -> (Slurm's two letters, phase).
_STATES: dict[str, tuple[str, Phase]] = {
    "PENDING": ("PD", Phase.WAITING),
    "REQUEUED": ("RQ", Phase.WAITING),
    "REQUEUE_HOLD": ("RH", Phase.WAITING),
    "REQUEUE_FED": ("RF", Phase.WAITING),
    "SPECIAL_EXIT": ("SE", Phase.WAITING),
    "RESV_DEL_HOLD": ("RD", Phase.WAITING),
    "RUNNING": ("R", Phase.RUNNING),
    "CONFIGURING": ("CF", Phase.RUNNING),
    "COMPLETING": ("CG", Phase.RUNNING),
    "RESIZING": ("RS", Phase.RUNNING),
    "SIGNALING": ("SI", Phase.RUNNING),
    "STAGE_OUT": ("SO", Phase.RUNNING),
    "STOPPED": ("ST", Phase.RUNNING),
    "SUSPENDED": ("S", Phase.RUNNING),
    "POWER_UP_NODE": ("PU", Phase.RUNNING),
    "LAUNCH_FAILED": ("LF", Phase.FAILED),
    "RECONFIG_FAIL": ("RC", Phase.FAILED),
    "UPDATE_DB": ("UD", Phase.RUNNING),
    "EXPEDITING": ("EX", Phase.WAITING),
    "COMPLETED": ("CD", Phase.DONE),
    "CANCELLED": ("CA", Phase.CANCELLED),
    "FAILED": ("F", Phase.FAILED),
    "TIMEOUT": ("TO", Phase.FAILED),
    "OUT_OF_MEMORY": ("OOM", Phase.FAILED),
    "NODE_FAIL": ("NF", Phase.FAILED),
    "BOOT_FAIL": ("BF", Phase.FAILED),
    "DEADLINE": ("DL", Phase.FAILED),
    "PREEMPTED": ("PR", Phase.FAILED),
    "REVOKED": ("RV", Phase.DONE),
}

_STATE_OF_LETTERS = {letters: state for state, (letters, _) in _STATES.items()}


def phase_of(state: str) -> Phase:
    """The phase of a state; ``Phase.UNKNOWN`` for one that this release does not know."""
    entry = _STATES.get(state)
    return entry[1] if entry else Phase.UNKNOWN


def letters_of(state: str) -> str:
    """Slurm's short form of a state (``PD``); of an unknown state its first letters."""
    entry = _STATES.get(state)
    return entry[0] if entry else state[:3]


def state_of(word: str) -> str:
    """The full state for what was written: ``R``, ``running``, ``oom``, ``CANCELLED by 5``."""
    upper = word.strip().split(" ")[0].rstrip("+").upper()
    return _STATE_OF_LETTERS.get(upper, upper)


def is_finished(state: str) -> bool:
    """Whether a job in this state will never run again by itself."""
    return phase_of(state) in FINISHED


def known_states() -> tuple[str, ...]:
    """Every state this release knows."""
    return tuple(_STATES)
