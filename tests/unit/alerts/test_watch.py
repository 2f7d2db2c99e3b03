"""The watch beside the app: what it asks for, and what becomes of the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from jobshape.app.alerts import watch as watch_module
from jobshape.app.alerts.facts import Lines
from jobshape.app.alerts.keeper import AlertKeeper
from jobshape.app.alerts.watch import MOST_OF_ARRAY, AlertWatch
from jobshape.app.board.board import Board
from jobshape.app.board.history_state import HistoryState
from jobshape.app.board.link import STARTING
from jobshape.app.domain.alert import Alert
from jobshape.app.domain.errors import JobshapeError, Unreachable
from jobshape.app.domain.finding import Finding
from jobshape.app.domain.job import Job, LogPaths, Usage
from jobshape.app.domain.log_part import FOUND, LogPart

from .test_keeper import NOW, Clock, finding, job


class Site:
    """Answers like the collector's client."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.refuses = False
        self.refuses_once: set[str] = set()
        self.dead: set[int] = set()  # jobs whose log is on a dead disk
        self.log = LogPart(FOUND, data=b"step 10/100\n", size=12, modified_at=NOW - 3600.0)

    async def call(self, method: str, **arguments: Any) -> Any:
        await asyncio.sleep(0)
        jobs = arguments.get("jobs", ())
        whose = [one.job_id for one in jobs] or arguments.get("job", arguments.get("path"))
        self.asked.append((method, whose))
        if (
            self.refuses
            or method in self.refuses_once
            or self.dead.intersection(one.job_id for one in jobs)
        ):
            self.refuses_once.discard(method)
            raise Unreachable("no")
        answers: dict[str, Any] = {
            "diagnose": [[finding("timeout")] for _ in jobs],
            "log_paths": LogPaths("/x/out", "/x/out", ""),
            "read_log": self.log,
        }
        return answers[method]


class Memory:
    """What is remembered, in place of the history."""

    def __init__(self) -> None:
        self.found: dict[int, list[Finding]] = {}
        self.away: set[str] = set()
        self.asked: list[str] = []
        self.typical: float | None = None
        self.knows = True

    async def findings(self, job: Job) -> list[Finding]:
        return self.found.get(job.job_id, [])

    async def keep_findings(self, job: Job, findings: Sequence[Finding]) -> None:
        if not self.knows:
            raise JobshapeError("no such job")
        self.found[job.job_id] = list(findings)

    async def typical_s(self, job: Job) -> float | None:
        self.asked.append(job.name)
        return self.typical

    async def acknowledged(self) -> set[str]:
        return self.away


class Running:
    def __init__(self, *jobs: Any, user: str = "alice") -> None:
        self.site, self.told, self.clock = Site(), list[Alert](), Clock()
        self.memory = Memory()
        self.guarded: list[Sequence[str]] = []
        self.board = Board(STARTING._replace(user=user))
        self.board.set_history(HistoryState("history.db", "box"))
        self.board.change_jobs(jobs)
        keeper = AlertKeeper(self.board, self.clock, Lines())
        self.watch = AlertWatch(
            self.board,
            keeper,
            self.site.call,
            self.clock,
            self.told.extend,
            lambda: None,
            self.memory,
            self.guarded.append,
            list,
        )

    async def until(self, done: Any) -> None:
        self.watch.start()
        try:
            async with asyncio.timeout(10):
                while not done():
                    await asyncio.sleep(0.005)
        finally:
            self.watch.stop()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("LOOK_S", "GAP_S", "PEEK_S", "RETRY_S"):
        monkeypatch.setattr(watch_module, name, 0.01)
    yield


async def test_a_failure_is_looked_into_and_told() -> None:
    running = Running(job(1, "FAILED", end_time=NOW), job(2), job(3, "FAILED", user="bob"))
    await running.until(lambda: running.told)
    assert [a for a in running.site.asked if a[0] == "diagnose"] == [("diagnose", [1])]
    assert running.told[0].title == "failed: timeout"


async def test_nobody_can_say_why_it_failed() -> None:
    running = Running(job(1, "FAILED", end_time=NOW))
    running.site.refuses = True
    await running.until(lambda: running.told)
    assert running.board.findings == {1: ()}
    assert running.told[0].why == "Nothing says why."


async def test_a_look_that_got_no_answer_is_tried_again() -> None:
    running = Running(job(1, "FAILED", end_time=NOW))
    running.site.refuses_once = {"diagnose"}
    await running.until(lambda: running.told)
    assert running.told[0].title == "failed: timeout"


async def test_one_log_that_cannot_be_read_hides_no_other_cause() -> None:
    running = Running(job(1, "FAILED", end_time=NOW), job(2, "FAILED", end_time=NOW))
    running.site.dead = {1}
    await running.until(lambda: len(running.board.findings) == 2)
    assert running.board.findings[1] == ()
    assert running.board.findings[2][0].label == "timeout"
    assert 1 not in running.memory.found  # the next session tries again


async def test_what_a_former_run_did_is_not_said_of_the_next() -> None:
    running = Running(job(1, "NODE_FAIL", end_time=NOW))

    def requeued() -> bool:
        if any(method == "diagnose" for method, _ in running.site.asked):
            running.board.change_jobs([job(1, "PENDING")])
            return True
        return False

    await running.until(requeued)
    assert running.board.findings == {}


async def test_where_it_writes_is_asked_again_after_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch_module, "PEEK_AGAIN_S", 0.0)
    running = Running(job(1, start_time=NOW - 7200))
    running.site.refuses_once = {"log_paths"}
    await running.until(lambda: running.told)
    assert running.told[0].rule == "silent"


async def test_history_that_comes_late_is_still_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "HISTORY_TRIES", 1)
    running = Running(job(1))
    running.board.set_history(HistoryState())
    running.memory.away, running.memory.typical = {"some"}, 30_000.0
    keeper = running.watch._keeper
    looks = 0

    def done() -> bool:
        nonlocal looks
        looks += 1
        if looks > 20:
            running.board.set_history(HistoryState("history.db", "box"))
        rules = {alert.rule for alert in running.told}
        return "pace" in rules and "some" in keeper.acknowledged

    await running.until(done)


async def test_some_tasks_of_an_array_are_enough() -> None:
    tasks = [job(n, "FAILED", array_job_id=1, array_task_id=n, end_time=NOW) for n in range(1, 40)]
    running = Running(*tasks)
    await running.until(lambda: len(running.board.findings) == MOST_OF_ARRAY)
    await asyncio.sleep(0)
    assert len(running.site.asked) <= MOST_OF_ARRAY + 1


async def test_old_failures_wait_until_somebody_looks() -> None:
    old = job(1, "FAILED", end_time=NOW - 90_000)
    running = Running(old)
    running.watch.want(old)
    await running.until(lambda: running.board.findings)
    assert running.board.findings[1][0].label == "timeout"


async def test_who_i_am_may_be_known_late() -> None:
    running = Running(job(1, "FAILED", end_time=NOW), user="")

    def done() -> bool:
        running.board.set_link(STARTING._replace(user="alice"))
        return bool(running.board.findings)

    await running.until(done)


async def test_logs_of_running_jobs_tell_silence_and_pace() -> None:
    running = Running(job(1, start_time=NOW - 7200))
    await running.until(lambda: running.told)
    assert running.told[0].rule == "silent"
    assert ("read_log", "/x/out") in running.site.asked


async def test_what_was_found_before_is_remembered() -> None:
    running = Running(job(1, "FAILED", end_time=NOW))
    running.memory.found[1] = [finding("oom_host")]
    await running.until(lambda: running.told)
    assert running.site.asked == []
    again = Running(job(2, "FAILED", end_time=NOW))
    await again.until(lambda: again.memory.found)
    assert again.memory.found[2][0].label == "timeout"


async def test_a_mistake_of_our_own_ends_no_watch() -> None:
    running = Running(job(1, "FAILED", end_time=NOW))
    call, mistakes = running.site.call, 0

    async def broken_once(method: str, **arguments: Any) -> Any:
        nonlocal mistakes
        if method == "diagnose" and not mistakes:
            mistakes += 1
            raise KeyError("x")
        return await call(method, **arguments)

    running.watch._call = broken_once
    await running.until(lambda: running.told)
    assert (mistakes, running.told[0].title) == (1, "failed: timeout")


async def test_a_finding_waits_until_history_knows_the_job() -> None:
    running = Running(job(1, "FAILED", end_time=NOW))
    running.memory.knows = False

    def done() -> bool:
        if running.board.findings and not running.memory.knows:
            running.memory.knows = True
            history = running.board.history
            running.board.set_history(history._replace(written=history.written + 1))
        return bool(running.memory.found)

    await running.until(done)
    assert running.memory.found[1][0].label == "timeout"


async def test_what_was_acknowledged_before_stays_away() -> None:
    running = Running(job(1, "FAILED", end_time=NOW), job(2, "FAILED", end_time=NOW))
    running.memory.away = {f"failed:1:{NOW - 3600}:timeout"}
    await running.until(lambda: running.told)
    assert [alert.job_id for alert in running.told] == [2]


async def test_jobs_like_it_need_longer() -> None:
    running = Running(job(1), job(2))
    running.memory.typical = 30_000.0
    await running.until(lambda: running.told)
    assert running.memory.asked == ["train1"]  # one family: train#
    assert running.told[0].rule == "pace"


async def test_running_jobs_are_guarded_some_at_a_time() -> None:
    running = Running(*(job(n) for n in range(1, 31)), job(99, user="bob"))
    running.board.set_usage([Usage(n, NOW, 1, 1, 1.0) for n in range(1, 16)])
    await running.until(lambda: running.guarded)
    (first,) = running.guarded
    assert len(first) == 20
    assert {str(n) for n in range(16, 31)} <= set(first)  # those heard of longest ago


def test_findings_are_of_one_run() -> None:
    board = Board()
    board.change_jobs([job(1, "FAILED")])
    board.set_findings(1, [Finding("a", 1, "HIGH", "", "", "", "", "", (), "")])
    board.change_jobs([job(1, "FAILED", reason="x")])
    assert 1 in board.findings
    board.change_jobs([job(1, "PENDING")])
    assert board.findings == {}
