"""Questions about the job on screen: asked once, again where nobody answered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from jobshape.app.domain.errors import BadRequest, Unreachable
from jobshape.app.domain.job import NO_JOB
from jobshape.screens import job_answers
from jobshape.screens.job_answers import Answers

JOB = NO_JOB._replace(job_id=7)


class Screen:
    """What Answers needs of one."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[Any]] = []

    def clock(self) -> float:
        return 5.0

    def run_worker(self, work: Any, **_: object) -> None:
        self.tasks.append(asyncio.ensure_future(work))


@pytest.mark.parametrize(("error", "asked"), [(Unreachable("late"), 2), (BadRequest("none"), 1)])
async def test_what_nobody_answered_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, error: Exception, asked: int
) -> None:
    monkeypatch.setattr(job_answers, "FAILED_AGAIN_S", 0.0)
    screen, count = Screen(), 0
    answers = Answers(screen, lambda job_id, question: None)  # type: ignore[arg-type]

    async def ask() -> str:
        nonlocal count
        count += 1
        if count == 1:
            raise error
        return "text"

    for _ in range(3):
        answers.want(JOB, "script", ask)
        await asyncio.gather(*screen.tasks)
    answer = answers.of(7, "script")
    assert count == asked
    assert answer is not None and (answer.state == "answered") == (asked == 2)
