"""``JobChanges`` as a ``pyslurm.JobSubmitDescription``."""

from dataclasses import fields
from typing import Any

from jobshape.app.domain.request import JobChanges
from jobshape.app.domain.units import format_duration

# Our field -> pyslurm's attribute.
_ATTRIBUTES = {
    "name": "name",
    "comment": "comment",
    "account": "account",
    "qos": "qos",
    "time_limit_s": "time_limit",
    "features": "constraints",
    "exclude_nodes": "excluded_nodes",
    "dependency": "dependencies",
}


_NEVER_REFUSED = frozenset({"name", "comment"})


def description_of(changes: JobChanges) -> dict[str, Any] | None:
    """The attributes of the description; None if pyslurm cannot make one of these changes.

    It cannot change the number of nodes, the throttle of an array or GPUs, and takes an empty
    text or a zero for "leave it". A partition, tasks, CPUs and memory need more than one word, and
    of several changes some may stay when another is refused: see ``commands.update``.
    """
    given = {f.name: getattr(changes, f.name) for f in fields(changes)}
    given = {name: value for name, value in given.items() if value is not None}
    if len(given.keys() - _NEVER_REFUSED) > 1:
        return None
    if any(name not in _ATTRIBUTES or value in ("", 0) for name, value in given.items()):
        return None
    return {_ATTRIBUTES[name]: _value(name, value) for name, value in given.items()}


def _value(name: str, value: Any) -> Any:
    if name == "time_limit_s":
        return format_duration(value)
    return value
