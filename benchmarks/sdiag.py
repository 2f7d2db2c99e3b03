"""The controller's own count of what it did, from sdiag(1)."""

from __future__ import annotations

import re
import subprocess

_TYPE = re.compile(
    r"^\s+(?P<name>[A-Z_]+)\s+\(\s*\d+\)\s+count:(?P<count>\d+)\s+ave_time:\d+\s+"
    r"total_time:(?P<total_us>\d+)",
    re.MULTILINE,
)


def reading() -> dict[str, tuple[int, int]]:
    """Message type -> (calls, microseconds) since the controller started."""
    text = subprocess.run(
        ["sdiag"], capture_output=True, text=True, timeout=60, check=True
    ).stdout.partition("by user")[0]
    return {m["name"]: (int(m["count"]), int(m["total_us"])) for m in _TYPE.finditer(text)}


def difference(
    before: dict[str, tuple[int, int]], after: dict[str, tuple[int, int]]
) -> dict[str, tuple[int, float]]:
    """Message type -> (calls, milliseconds) between two readings, our own sdiag calls left out."""
    result = {}
    for name, (count, total_us) in after.items():
        old_count, old_us = before.get(name, (0, 0))
        if count > old_count and name in CLIENT_TYPES:
            result[name] = (count - old_count, (total_us - old_us) / 1000)
    return result


CLIENT_TYPES = frozenset(
    {
        "REQUEST_JOB_INFO",
        "REQUEST_JOB_INFO_SINGLE",
        "REQUEST_JOB_USER_INFO",
        "REQUEST_JOB_STEP_INFO",
        "REQUEST_JOB_STATE",
        "REQUEST_NODE_INFO",
        "REQUEST_NODE_INFO_SINGLE",
        "REQUEST_PARTITION_INFO",
        "REQUEST_RESERVATION_INFO",
        "REQUEST_BUILD_INFO",
        "REQUEST_PRIORITY_FACTORS",
        "REQUEST_PING",
        "REQUEST_SHARE_INFO",
        "REQUEST_ASSOC_MGR_INFO",
    }
)
"""What programs that look at the queue send; the rest is daemons talking and our own sdiag."""
