"""Plans and retries on a site that only tells what it holds, with a real history."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jobshape.app.acting.log import HistoryActionLog
from jobshape.app.board.board import Board
from jobshape.app.board.history_state import HistoryState
from jobshape.app.board.link import STARTING
from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.errors import BadRequest, Unreachable
from jobshape.app.domain.job import AccountedJob, Job
from jobshape.app.domain.limits import SiteLimits
from jobshape.app.domain.request import JobRequest, SubmitRequest
from jobshape.app.domain.resubmission import (
    FROM_PATH,
    KEPT_BY_HISTORY,
    ResubmissionPlan,
    Wanted,
)
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.site import Node
from jobshape.app.domain.terms import Terms
from jobshape.app.domain.units import GIB
from jobshape.app.history.history import History
from jobshape.app.resubmit.source import prepare
from jobshape.app.resubmit.watch import RetryWatch
from jobshape.app.scripts.draft import Draft
from jobshape.app.scripts.hashes import text_hash

from .made import finding, node, task
from .made import job as made_job

SCRIPT = "#!/bin/sh\n#SBATCH --mem=4G\n#SBATCH --time=60\n:\n"
LINE = "sbatch --array=0-999%20 --mem=4G --time=60 train.sh"


def job(job_id: int = 7, state: str = "OUT_OF_MEMORY", **more: Any) -> Job:
    """One of just now: history dates what is sent by the clock."""
    now = int(time.time())
    times = {"submit_time": now - 1000, "start_time": now - 900, "end_time": now - 300}
    return made_job(job_id, state, **{**times, **more})


class Site:
    """Knows its jobs, and counts what it is asked."""

    def __init__(self, *jobs: Job) -> None:
        self.jobs = {one.job_id: one for one in jobs}
        self.calls: Counter[str] = Counter()
        self.sent: list[SubmitRequest] = []
        self.kept_script = SCRIPT
        self.script_path = ""
        self.answers = True

    def queue(self, scope: object) -> Any:
        self.calls["queue"] += 1
        return type("Reading", (), {"jobs": list(self.jobs.values())})

    def accounting(self, *_: Any, **__: Any) -> list[AccountedJob]:
        self.calls["accounting"] += 1
        return [AccountedJob(one, 600, 500.0, 3 * GIB, "") for one in self.jobs.values()]

    def request_of(self, reference: str) -> JobRequest:
        self.calls["request_of"] += 1
        shape = JobShape(partition="main", memory_bytes=4 * GIB, time_limit_s=3600)
        is_array = any(one.array_job_id == int(reference) for one in self.jobs.values())
        return JobRequest(
            reference, JobShape(array="0-999%20").over(shape) if is_array else shape, name="train",
            work_dir="/work", submit_line=LINE, script_path=self.script_path,
        )  # fmt: skip

    def script(self, reference: str) -> str:
        self.calls["script"] += 1
        if not self.kept_script:
            raise BadRequest("no script")
        return self.kept_script

    def nodes(self) -> list[Node]:
        self.calls["nodes"] += 1
        return [node("n1", 64 * GIB, "main"), node("n2", 64 * GIB, "main")]

    def limits(self) -> SiteLimits:
        self.calls["limits"] += 1
        return SiteLimits()

    def submit(self, request: SubmitRequest) -> int:
        if not self.answers:
            raise Unreachable("no answer")
        self.sent.append(request)
        new = 100 + len(self.sent)
        self.jobs[new] = job(new, "PENDING", submit_time=int(time.time()))
        return new

    def plan(self, wanted: Wanted) -> ResubmissionPlan:
        return prepare(self, wanted)  # type: ignore[arg-type]


def test_a_thousand_tasks_are_planned_at_once_and_asked_for_once() -> None:
    tasks = [task(4, number, "OUT_OF_MEMORY" if number % 2 else "TIMEOUT", submit_time=None)
             for number in range(1000)]  # fmt: skip
    site = Site(*tasks)
    began = time.process_time()
    (again,) = site.plan(Wanted(tasks)).resubmissions
    took = time.process_time() - began
    print(f"1,000 tasks planned in {took:.3f} s")
    assert took < 2  # about 0.05 s on an idle machine
    assert (again.count, again.after[0].array) == (1000, "0-999%20")
    assert {one.field for one in again.corrections} == {"memory_bytes", "time_limit_s"}
    assert max(site.calls.values()) == 1


def test_code_errors_go_along_only_if_somebody_asks() -> None:
    tasks = [task(4, 1, "OUT_OF_MEMORY"), task(4, 2)]
    code = {str(tasks[1].job_id): [finding("python_exception", "fix_code")]}
    (asked,) = Site(*tasks).plan(Wanted(tasks, code)).resubmissions
    assert asked.after[0].array == "1-2%20"
    assert not asked.retriable
    assert any("will fail again (1 of 2 tasks)" in one for one in asked.warnings)
    plan = Site(*tasks).plan(Wanted(tasks, code, by_itself=True))
    assert plan.resubmissions[0].after[0].array == "1%20"
    assert plan.resubmissions[0].retriable
    assert plan.left_out[0].count == 1


def test_the_script_of_history_then_that_of_its_path(tmp_path: Path) -> None:
    dead, path, database = job(), tmp_path / "train.sh", tmp_path / "history.db"
    path.write_text(SCRIPT)
    site = Site(dead)
    site.kept_script, site.script_path = "", str(path)
    (again,) = site.plan(Wanted([dead])).resubmissions
    assert again.script_source == FROM_PATH
    assert any("whether it changed" in one for one in again.warnings)
    with History.to_write(database) as history:
        history.record_jobs("here", [dead], from_queue=True)
        record = SubmissionRecord("train", SCRIPT + "# mine\n", arguments=("a b",),
                                  script_hash=text_hash(SCRIPT))  # fmt: skip
        history.end_submission(history.begin_submission("here", "me", record), 7, "done")
    kept: dict[str, Any] = {"history_path": str(database), "site": "here"}
    (again,) = site.plan(Wanted([dead], **kept)).resubmissions
    assert again.script_source == KEPT_BY_HISTORY
    assert again.request.script.endswith("# mine\n")
    assert again.request.arguments == ("a b",)


def test_no_script_anywhere_leaves_it_out() -> None:
    dead = job()
    site = Site(dead)
    site.kept_script = ""
    plan = site.plan(Wanted([dead]))
    assert not plan.resubmissions
    assert "kept nowhere" in plan.left_out[0].reason


class Running:
    """A watch on a board, its site and a history on disk."""

    def __init__(self, path: Path, site: Site, *, terms: Terms = Terms(minutes=(1.0,)),  # noqa: B008
                 blocks: Sequence[str] = ()) -> None:  # fmt: skip
        self.site, self.told = site, list[str]()
        self.board = Board(STARTING._replace(user="me"))
        self.board.set_history(HistoryState(str(path), "here"))
        self.now = time.time()
        self.log = HistoryActionLog(self.board)
        self.blocks = list(blocks)

        async def look(draft: Draft) -> Sequence[str]:
            assert draft.text.startswith("#!")
            return self.blocks

        self.watch = RetryWatch(
            self.board, terms, self.call, lambda: self.now, self.log,
            lambda text, problem: self.told.append(text), look, ("wrap",),
        )  # fmt: skip
        self.show()

    def show(self) -> None:
        """The board shows what the site holds, and every failure is looked into."""
        self.board.change_jobs(list(self.site.jobs.values()))
        for job_id in self.site.jobs:
            self.board.set_findings(job_id, ())

    async def call(self, method: str, **arguments: Any) -> Any:
        if method == "plan_resubmit":
            return self.site.plan(**arguments)
        assert method == "submit"
        return self.site.submit(**arguments)


async def test_it_is_sent_again_once_with_the_reason_kept(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    running = Running(path, Site(job()))
    for _ in range(3):
        await running.watch.look()
    (sent,) = running.site.sent
    assert "--mem=5G" in sent.script
    assert sent.command == ("wrap",)
    (told,) = running.told
    assert told.startswith("sent 7 again as 101, time 1 of 3: out of memory: +20% over 4G")
    record = await running.log.submission(101)
    assert record is not None
    assert record.reason.startswith("by itself, time 1, after oom_host")
    assert record.resubmitted_from == ("7",)

    # An app that starts anew, or a second one, sends nothing: history knows.
    other = Running(path, running.site)
    await other.watch.look()
    assert len(running.site.sent) == 1


async def test_it_waits(tmp_path: Path) -> None:
    running = Running(tmp_path / "history.db", Site(job(end_time=int(time.time()))))
    await running.watch.look()
    assert not running.site.sent
    running.now += 61
    await running.watch.look()
    assert len(running.site.sent) == 1


async def test_the_third_failure_of_a_class_ends_it_also_after_a_start_anew(tmp_path: Path) -> None:
    site = Site(job())
    for time_ in (1, 2):
        running = Running(tmp_path / "history.db", site)
        await running.watch.look()
        assert len(site.sent) == time_
        new = 100 + time_
        site.jobs[new] = job(new, submit_time=int(time.time()))
    running = Running(tmp_path / "history.db", site)
    await running.watch.look()
    assert len(site.sent) == 2
    assert "3 times the same failure" in " ".join(running.told)


async def test_what_the_preflight_blocks_waits(tmp_path: Path) -> None:
    running = Running(tmp_path / "history.db", Site(job()), blocks=["4 jobs are in flight"])
    await running.watch.look()
    assert not running.site.sent
    assert "4 jobs are in flight" in running.told[0]
    running.blocks.clear()
    await running.watch.look()
    assert not running.site.sent
    running.now += 301
    await running.watch.look()
    assert len(running.site.sent) == 1


async def test_without_an_answer_it_is_not_sent_a_second_time(tmp_path: Path) -> None:
    site = Site(job())
    site.answers = False
    running = Running(tmp_path / "history.db", site)
    await running.watch.look()
    assert "may have been sent: look first" in running.told[0]
    site.answers = True
    again = Running(tmp_path / "history.db", site)
    await again.watch.look()
    assert not site.sent


async def test_a_second_window_that_planned_at_the_same_time_gives_way(tmp_path: Path) -> None:
    running = Running(tmp_path / "history.db", Site(job()))
    call = running.call

    async def other_is_first(method: str, **arguments: Any) -> Any:
        answer = await call(method, **arguments)
        if method == "plan_resubmit":
            await running.log.begin_submission(
                SubmissionRecord("train", SCRIPT, resubmitted_from=("7",))
            )
        return answer

    running.watch._call = other_is_first
    await running.watch.look()
    assert not running.site.sent


async def test_a_history_that_cannot_be_written_sends_nothing(tmp_path: Path) -> None:
    running = Running(tmp_path / "history.db", Site(job()))
    running.board.set_history(HistoryState("", ""))
    await running.watch.look()
    await running.watch.look()
    assert not running.site.sent
    assert len(running.told) == 1


async def test_other_peoples_jobs_are_left_alone(tmp_path: Path) -> None:
    running = Running(tmp_path / "history.db", Site(job(user="bob")))
    await running.watch.look()
    assert not running.site.sent
    assert not running.told
