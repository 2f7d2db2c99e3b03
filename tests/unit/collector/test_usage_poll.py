"""When usage is asked of jobs looked at, and of those that are only guarded."""

from __future__ import annotations

import pytest
from jobshape.app.collector import polls
from jobshape.app.collector.cadence import Cadence
from jobshape.app.collector.polls import GUARDED_EVERY_S, NEVER, UsagePoll


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(polls, "time", clock)
    return clock


def step(poll: UsagePoll, clock: Clock) -> list[tuple[str, ...]] | None:
    """What the loop does when the poll's time has come; gives what was asked for."""
    assert poll.next_at < NEVER, "it would never be asked again"
    clock.now = max(clock.now, poll.next_at)
    work = poll.work()
    if work is None:
        poll.pass_over()
        return None
    poll.last_start_at = clock.now
    poll.schedule(clock.now)
    return list(work.args)  # type: ignore[attr-defined]


def test_guarded_jobs_are_asked_for_after_nobody_looks_any_more(clock: Clock) -> None:
    poll = UsagePoll(Cadence(10.0, 60.0))
    poll.guard(("1", "2"), clock.now)
    poll.jobs = ("1",)
    assert step(poll, clock) == [("1",), ("2",)]
    assert step(poll, clock) == [("1",), ()]
    poll.jobs = ()  # the cursor moved on
    guarded_at = 1000.0
    assert step(poll, clock) is None
    assert step(poll, clock) == [(), ("1", "2")]
    assert clock.now == pytest.approx(guarded_at + GUARDED_EVERY_S)
    poll.jobs, poll.cadence.looking = ("1",), False  # nobody looks at the terminal
    assert step(poll, clock) == [(), ("1", "2")]


def test_without_jobs_it_rests(clock: Clock) -> None:
    poll = UsagePoll(Cadence(10.0, 60.0))
    poll.jobs, poll.next_at = ("1",), clock.now
    assert step(poll, clock) == [("1",), ()]
    poll.jobs = ()
    assert step(poll, clock) is None
    assert poll.next_at == NEVER
