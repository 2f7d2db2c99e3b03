"""Slurm's own fields of a job, as the rules read them."""

import re
from collections.abc import Mapping
from typing import NamedTuple

FAILING = frozenset({
    "FAILED", "TIMEOUT", "OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL", "PREEMPTED", "DEADLINE",
    "CANCELLED", "LAUNCH_FAILED", "RECONFIG_FAIL",
})  # fmt: skip
"""States that say by themselves that it did not end well."""

_WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT"})
_SHORT = {
    "PD": "PENDING", "R": "RUNNING", "CD": "COMPLETED", "F": "FAILED", "TO": "TIMEOUT",
    "OOM": "OUT_OF_MEMORY", "NF": "NODE_FAIL", "BF": "BOOT_FAIL", "PR": "PREEMPTED",
    "CA": "CANCELLED", "DL": "DEADLINE", "CG": "COMPLETING",
}  # fmt: skip
_LONG = ("OUT_OF_MEMORY", "NODE_FAIL", "BOOT_FAIL", "CANCELLED", "COMPLETED", "COMPLETING",
         "PREEMPTED", "DEADLINE", "TIMEOUT", "PENDING", "RUNNING", "FAILED")  # fmt: skip
_SIZE = re.compile(r"([\d.]+)\s*([KMGTP]?)i?B?[nc]?$", re.IGNORECASE)
_NEAR_LIMIT = 0.97
_WORST_EXIT = 255


class Fields(NamedTuple):
    """What accounting or the controller says of a job; empty and None where nobody knows."""

    state: str
    exit_code: int | None
    signal: int | None
    reason: str
    memory_share: float | None  # peak memory by the memory asked for
    said: Mapping[str, str]

    @property
    def failed(self) -> bool:
        """Whether they prove a failure."""
        if self.state in FAILING:
            return True
        return self.state not in ("COMPLETED", *_WAITING) and bool(self.exit_code or self.signal)

    @property
    def waits(self) -> bool:
        """Whether it has not started."""
        return self.state in _WAITING

    @property
    def near_memory_limit(self) -> bool:
        """Whether the sampled peak came as near to the limit as to explain a SIGKILL."""
        return self.memory_share is not None and self.memory_share >= _NEAR_LIMIT


def read_fields(slurm: Mapping[str, str]) -> Fields:
    """The fields out of what Slurm printed; one that makes no sense counts as not known."""
    code, signal = _exit(slurm.get("ExitCode") or slurm.get("DerivedExitCode") or "")
    return Fields(
        _state(slurm.get("State") or slurm.get("JobState") or ""),
        code,
        signal,
        (slurm.get("Reason") or "").strip().strip("()").strip(),
        _share(slurm.get("MaxRSS") or "", slurm.get("ReqMem") or ""),
        slurm,
    )


def _state(text: str) -> str:
    """The full state of ``OUT_OF_ME+``, ``CANCELLED by 1000``, ``PD``."""
    words = text.strip().upper().split()
    if not words:
        return ""
    word = words[0]
    if word.endswith("+"):
        stem = word.rstrip("+")
        return next((full for full in _LONG if full.startswith(stem)), stem)
    return _SHORT.get(word, word)


def _exit(text: str) -> tuple[int | None, int | None]:
    code, _, signal = text.strip().partition(":")
    if not code.isdigit() or (signal and not signal.isdigit()):
        return None, None
    number = int(code)
    return (number & _WORST_EXIT if number > _WORST_EXIT else number), int(signal or 0)


def _share(peak: str, asked: str) -> float | None:
    have, limit = _bytes(peak), _bytes(asked)
    return have / limit if have is not None and limit else None


def _bytes(text: str) -> float | None:
    found = _SIZE.match(text.strip())
    if not found:
        return None
    try:
        return float(found[1]) * 1024.0 ** " KMGTP".index(found[2].upper() or " ")
    except ValueError:
        return None
