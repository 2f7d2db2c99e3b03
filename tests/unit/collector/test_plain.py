"""Arguments and results cross the pipe as JSON and come back typed."""

import json
from typing import Any, get_type_hints

import pytest
from jobshape.app.backends.base import (
    Backend,
    Capabilities,
    Capability,
    ControllerCost,
    JobDetail,
    Scope,
)
from jobshape.app.collector.calls import (
    DEADLINE_S,
    MUTATING,
    _own_hints,
    typed_arguments,
    typed_result,
)
from jobshape.app.collector.plain import from_plain, to_plain
from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.job import NO_JOB, AccountedJob, LogPaths, Usage
from jobshape.app.domain.log_part import LogPart
from jobshape.app.domain.request import EarliestStart, JobChanges, SubmitRequest

VALUES = [
    Capabilities("b", "s", "c", "v", "u", ("a",), {"usage": Capability(False, "d", "h")}),
    JobDetail(7, (("Job", (("Id", "7"), ("Name", "[red]x\x1b"))),)),
    SubmitRequest("#!/bin/sh\n", ("a", "b c"), memory_bytes=5, environment={"A": "ü"}, hold=True),
    JobChanges(array_throttle=0, name=""),
    EarliestStart(None, "n1", "p", "m"),
    ControllerCost({"REQUEST_JOB_INFO": (2, 1.5)}),
    LogPaths("/a", "", ""),
    Usage(1, 2, None, 4, 5.0),
    AccountedJob(NO_JOB._replace(job_id=3, name="x"), 1, None, 2, "0:0"),
    Scope.ACCOUNTS,
    LogPart("found", "", 7, bytes(range(256)), 900, 1.5, "8:15"),
    LogPart("missing", "No such file or directory"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_come_back_equal(value: Any) -> None:
    assert from_plain(type(value), json.loads(json.dumps(to_plain(value)))) == value


def test_results_come_back_as_the_protocol_says() -> None:
    assert typed_result("submit", 7) == 7
    assert typed_result("cancel", None) is None
    assert typed_result("usage", [[1, 2, None, 4, 5]]) == [Usage(1, 2, None, 4, 5.0)]


def test_arguments_are_checked() -> None:
    assert typed_arguments("update", {"job": "4_7", "changes": {"nice": 5}}) == {
        "job": "4_7",
        "changes": JobChanges(nice=5),
    }
    for method, arguments in (
        ("cancel", {"job": 4}),
        ("cancel", {"jobs": "4"}),
        ("update", {"job": "4", "changes": {"nicer": 5}}),
        ("submit", {"request": "x"}),
    ):
        with pytest.raises(BadRequest):
            typed_arguments(method, arguments)


@pytest.mark.parametrize("method", ["queue", "__init__", "calls", "_ask"])
def test_only_actions_can_be_called(method: str) -> None:
    with pytest.raises(BadRequest):
        typed_arguments(method, {})


def test_every_action_is_one_of_the_protocol() -> None:
    assert set(DEADLINE_S) >= MUTATING
    for method in DEADLINE_S:
        if method not in _own_hints():
            assert "return" in get_type_hints(getattr(Backend, method))
