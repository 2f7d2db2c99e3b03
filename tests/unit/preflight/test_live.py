"""The pre-flight beside a running app, on facts that a site gave."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.board.board import Board
from jobshape.app.domain.check import CheckLine
from jobshape.app.domain.errors import Unreachable
from jobshape.app.preflight.live import LivePreflight
from jobshape.app.preflight.place import Place
from jobshape.app.scripts.draft import Draft
from jobshape.app.settings.values import Settings

from .builders import SITE, own, script


def looked_at(answer: Any, **more: Any) -> dict[str, CheckLine]:
    """What each rule says of a script where the site gives this answer."""

    async def call(method: str, **arguments: Any) -> Any:
        assert method == "preflight_facts" and arguments["name"] == "jobshape"
        if isinstance(answer, Exception):
            raise answer
        return answer

    live = LivePreflight(Settings(), Place(""), Board(), call)
    lines = asyncio.run(live.examine(Draft(script("--mem=1G")), **more))
    return {line.rule: line for line in lines}


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_of_a_full_queue_only_what_stays_there_counts() -> None:
    full = replace(SITE, queue=tuple(own(number) for number in range(4)))
    assert looked_at(full)["in_flight"].verdict == "block"
    assert looked_at(full, replaced=[3])["in_flight"].title == "3 of 4 jobs in the queue"
    assert looked_at(full, ahead=1, replaced=[3])["in_flight"].verdict == "block"


def test_without_an_answer_the_site_is_not_looked_at() -> None:
    line = looked_at(Unreachable("no answer in 5 s"))["in_flight"]
    assert (line.verdict, line.why) == ("skip", "no answer in 5 s")
