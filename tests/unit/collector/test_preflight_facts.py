"""Everything a check wants to know of a site, in one answer; what is missing says why."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.backends.local.backend import LocalBackend
from jobshape.app.backends.local.config import LocalSite
from jobshape.app.collector.calls import typed_result
from jobshape.app.collector.plain import from_plain, to_plain
from jobshape.app.collector.preflight_facts import ENOUGH_S, gather_site_facts
from jobshape.app.collector.reading import do_action
from jobshape.app.domain.errors import BackendError, Refused, Unreachable
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.domain.site_facts import SiteFacts

REQUEST = SubmitRequest(script="#!/bin/bash\ntrue\n", time_limit_s=60)


@pytest.fixture
def local(tmp_path: Path) -> LocalBackend:
    return LocalBackend(LocalSite(str(tmp_path / "site"), cpus=2, gpus="none"))


class Silent:
    """A real local site of which some calls get no answer."""

    def __init__(self, local: LocalBackend, *calls: str, error: BackendError) -> None:
        self._local, self._calls, self._error = local, calls, error
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: object) -> Any:
            self.asked.append(name)
            if name in self._calls:
                raise self._error
            return getattr(self._local, name)(*arguments)

        return call


def test_the_local_site_tells_everything(local: LocalBackend) -> None:
    facts = gather_site_facts(local, REQUEST, "t")
    assert dict(facts.troubles) == {}
    assert facts.queue == () and facts.refusal == ""
    assert facts.start is not None and facts.start.start_time
    assert [one.name for one in facts.partitions or ()] == ["main", "smoke"]
    assert facts.nodes and facts.limits and facts.user
    assert from_plain(SiteFacts, to_plain(facts)) == facts  # it crosses the pipe


def test_a_refusal_is_an_answer(local: LocalBackend) -> None:
    facts = gather_site_facts(local, SubmitRequest(script="#!/bin/bash\n", cpus_per_task=99), "t")
    assert facts.start is None and "start" not in facts.troubles
    assert "not available" in facts.refusal and "99 CPUs" in facts.refusal_hint


@pytest.mark.parametrize(
    "text",
    ["#!/bin/bash\n#SBATCH --nix\n", "#!/bin/bash\n#SBATCH -n1\n#SBATCH hetjob\n#SBATCH -n1\n"],
)
def test_so_is_a_script_that_the_site_cannot_run(local: LocalBackend, text: str) -> None:
    facts = gather_site_facts(local, SubmitRequest(script=text), "t")
    assert facts.refusal.startswith("line ")


def test_one_part_without_an_answer_does_not_cost_the_others(local: LocalBackend) -> None:
    site: Any = Silent(local, "limits", error=Unreachable("slurmdbd does not answer"))
    facts = gather_site_facts(site, REQUEST, "t")
    assert facts.limits is None and facts.why_no("limits") == "slurmdbd does not answer"
    assert facts.nodes and facts.start and facts.queue is not None


def test_a_site_that_does_not_answer_is_asked_no_third_time(local: LocalBackend) -> None:
    calls = ("partitions", "earliest_start", "queue", "nodes", "limits", "capabilities")
    site: Any = Silent(local, *calls, error=Unreachable("no answer"))
    facts = gather_site_facts(site, REQUEST, "t")
    assert site.asked == ["partitions", "earliest_start"]
    assert facts.why_no("start") == "no answer" and "not asked" in facts.why_no("queue")


def test_a_slow_site_is_not_asked_on_when_the_time_is_up(local: LocalBackend) -> None:
    ticks = itertools.count(0, ENOUGH_S)
    facts = gather_site_facts(local, REQUEST, "t", clock=lambda: next(ticks))
    assert facts.partitions is None and "not asked" in facts.why_no("partitions")


def test_what_refuses_all_questions_has_a_reason_for_each(local: LocalBackend) -> None:
    site: Any = Silent(local, "queue", "nodes", error=Refused("access denied"))
    facts = gather_site_facts(site, REQUEST, "t")
    assert facts.why_no("queue") == facts.why_no("nodes") == "access denied"


def test_it_is_an_action_of_the_collector(local: LocalBackend) -> None:
    frames: list[Any] = []
    asked = {"request": to_plain(REQUEST), "name": "t"}
    do_action("preflight_facts", json.loads(json.dumps(asked)), local, frames.append)
    (frame,) = frames
    facts = typed_result("preflight_facts", json.loads(json.dumps(frame.head["value"])))
    assert isinstance(facts, SiteFacts)
    assert facts.queue == () and facts.partitions and facts.limits
