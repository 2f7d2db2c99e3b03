"""``JobChanges`` as a ``pyslurm.JobSubmitDescription``."""

from dataclasses import fields
from typing import Any

from jobshape.app.domain.request import JobChanges
from jobshape.app.domain.units import MIB, format_duration

# Our field -> pyslurm's attribute.
_ATTRIBUTES = {
    "name": "name",
    "comment": "comment",
    "partition": "partitions",
    "account": "account",
    "qos": "qos",
    "tasks": "ntasks",
    "cpus_per_task": "cpus_per_task",
    "memory_bytes": "memory_per_node",
    "time_limit_s": "time_limit",
    "features": "constraints",
    "exclude_nodes": "excluded_nodes",
    "dependency": "dependencies",
}


def description_of(changes: JobChanges) -> dict[str, Any] | None:
    """The attributes of the description; None if pyslurm cannot make one of these changes.

    It cannot change the number of nodes, the throttle of an array or GPUs, and takes an empty
    text or a zero for "leave it".
    """
    given = {f.name: getattr(changes, f.name) for f in fields(changes)}
    given = {name: value for name, value in given.items() if value is not None}
    if any(name not in _ATTRIBUTES or value in ("", 0) for name, value in given.items()):
        return None
    return {_ATTRIBUTES[name]: _value(name, value) for name, value in given.items()}


def _value(name: str, value: Any) -> Any:
    if name == "memory_bytes":
        return f"{-(-value // MIB)}M"
    if name == "time_limit_s":
        return format_duration(value)
    return value
