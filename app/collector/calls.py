"""The actions an app may ask for, and how their arguments and results cross the pipe."""

from functools import cache
from typing import Any, get_type_hints

from jobshape.app.backends.base import Backend
from jobshape.app.collector.plain import from_plain
from jobshape.app.domain.errors import ERRORS, BackendError, BadRequest
from jobshape.app.domain.job import Job

DEADLINE_S: dict[str, float] = {
    "detail": 20.0,
    "script": 20.0,
    "log_paths": 20.0,
    "steps": 30.0,
    "read_log": 60.0,
    "diagnose": 60.0,
    "plan_resubmit": 60.0,
    "earliest_start": 30.0,
    "submit": 60.0,
    "cancel": 30.0,
    "hold": 30.0,
    "release": 30.0,
    "requeue": 30.0,
    "top": 30.0,
    "suspend": 60.0,
    "resume": 60.0,
    "update": 60.0,
    "request_of": 60.0,
    "limits": 60.0,
    "accounting": 180.0,
    "usage": 60.0,
    "capabilities": 60.0,
    "preflight_facts": 60.0,
}
"""Seconds that each action may take; no other method can be called."""

MUTATING = frozenset(
    {"submit", "cancel", "hold", "release", "requeue", "top", "suspend", "resume", "update"}
)
"""Actions after which the queue looks different."""


@cache
def _hints(method: str) -> dict[str, Any]:
    if method not in DEADLINE_S:
        raise BadRequest(f"no action {method!r}", where="collector")
    return _own_hints().get(method) or get_type_hints(getattr(Backend, method))


@cache
def _own_hints() -> dict[str, dict[str, Any]]:
    """Actions that are ours, not the backend's: what they take and give."""
    from jobshape.app.domain.finding import Finding  # not before the first rows
    from jobshape.app.domain.request import SubmitRequest
    from jobshape.app.domain.resubmission import ResubmissionPlan, Wanted
    from jobshape.app.domain.site_facts import SiteFacts

    return {
        "diagnose": {
            "jobs": list[Job],
            "rule_files": list[str],
            "healthy": list[Job],
            "return": list[list[Finding]],
        },
        "preflight_facts": {"request": SubmitRequest, "name": str, "return": SiteFacts},
        "plan_resubmit": {"wanted": Wanted, "return": ResubmissionPlan},
    }


def typed_arguments(method: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments as the backend wants them. Raises BadRequest for what does not fit."""
    hints = _hints(method)
    try:
        return {name: from_plain(hints[name], value) for name, value in arguments.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise BadRequest(f"{method}: bad argument: {error}", where="collector") from error


def typed_result(method: str, value: Any) -> Any:
    """The result as the backend gave it."""
    return from_plain(_hints(method)["return"], value)


def typed_error(head: list[str]) -> BackendError:
    """The error again that :func:`~jobshape.app.collector.forked.error_head` took apart."""
    kind, what, where, hint = head
    return ERRORS.get(kind, BackendError)(what, where=where, hint=hint)
