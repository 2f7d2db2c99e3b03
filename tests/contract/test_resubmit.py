"""Ended jobs are planned, sent again and do well."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.acting.log import HistoryActionLog
from jobshape.app.board.board import Board
from jobshape.app.board.history_state import HistoryState
from jobshape.app.board.link import STARTING
from jobshape.app.collector.calls import typed_arguments, typed_result
from jobshape.app.collector.plain import to_plain
from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.array_tasks import parse_array
from jobshape.app.domain.errors import NotSupported
from jobshape.app.domain.job import Job
from jobshape.app.domain.resubmission import ResubmissionPlan, Wanted
from jobshape.app.domain.states import Phase, is_finished, phase_of
from jobshape.app.domain.terms import Terms
from jobshape.app.history.history import History
from jobshape.app.resubmit.source import prepare
from jobshape.app.resubmit.watch import RetryWatch
from jobshape.app.scripts.draft import Draft

from .conftest import FACTS, Site

MIB = 1 << 20
HUNGRY = "#!/bin/sh\npython3 -c 'b = bytearray(98 << 20); import time; time.sleep(2)' || exit 1\n"
SOME_FAIL = """#!/bin/sh
mark="$PWD/again-$SLURM_ARRAY_TASK_ID"
[ -e "$mark" ] && exit 0
[ $((SLURM_ARRAY_TASK_ID % 8)) -lt 3 ] || exit 0
touch "$mark"; exit 3
"""


def plan(at: Site, jobs: list[Job], **more: Any) -> ResubmissionPlan:
    """As it crosses the pipe to the collector and back."""
    arguments = {"wanted": to_plain(Wanted(jobs, **more))}
    made = prepare(at.backend, **typed_arguments("plan_resubmit", arguments))
    back = typed_result("plan_resubmit", to_plain(made))
    assert back == made
    assert isinstance(back, ResubmissionPlan)
    return back


def test_out_of_memory_is_sent_again_with_more_and_completes(site: Site) -> None:
    first = site.submit(HUNGRY, name="hungry", memory_bytes=96 * MIB, comment="kept")
    ended = site.wait(first, "OUT_OF_MEMORY", timeout_s=60)
    (again,) = plan(site, [ended]).resubmissions
    (correction,) = again.corrections
    assert (correction.field, correction.old) == ("memory_bytes", 96 * MIB)
    assert correction.new >= 96 * MIB * 1.2
    assert "96M" in correction.reason
    assert any(line.startswith("+#SBATCH --mem=") for line in again.diff)
    assert again.retriable
    assert again.jobs == (first,)
    second = site.adopt(str(site.backend.submit(again.request)))
    done = site.wait(second, "COMPLETED", timeout_s=60)
    assert (done.name, done.comment, done.work_dir) == ("hungry", "kept", ended.work_dir)
    assert done.memory_bytes == correction.new


def test_failed_tasks_become_one_array_of_just_them(site: Site, tmp_path: Path) -> None:
    first = site.submit(SOME_FAIL, name="some", array="0-39%20", work_dir=str(site.folder),
                        stdout="/dev/null")  # fmt: skip
    tasks = site.until(lambda: site.records(first), lambda jobs: len(jobs) == 40 and all(
        is_finished(job.state) for job in jobs), timeout_s=180)  # fmt: skip
    failed = {job.array_task_id for job in tasks if phase_of(job.state) is Phase.FAILED}
    assert failed == {task for task in range(40) if task % 8 < 3}
    made = plan(site, tasks)
    (again,) = made.resubmissions
    assert [(left.reason, left.count) for left in made.left_out] == [("completed", 25)]
    assert again.count == 15
    numbers, throttle = parse_array(again.after[0].array or "")
    assert (set(numbers), throttle) == (failed, 20)

    # History has it that they are sent again: no second time, whatever becomes of it.
    path = tmp_path / "history.db"
    with History.to_write(path) as history:
        record = SubmissionRecord(again.name, again.request.script, resubmitted_from=again.jobs)
        kept = history.begin_submission("here", "me", record)
        second = site.adopt(str(site.backend.submit(again.request)))
        history.end_submission(kept, int(second), "done")
    remembered = {"history_path": str(path), "site": "here"}
    assert not plan(site, tasks, **remembered).resubmissions
    new = site.until(lambda: site.records(second), lambda jobs: len(jobs) == 15 and all(
        is_finished(job.state) for job in jobs), timeout_s=120)  # fmt: skip
    assert {job.array_task_id for job in new} == failed
    assert {job.state for job in new} == {"COMPLETED"}
    once_more = plan(site, tasks, **remembered)
    assert not once_more.resubmissions
    reasons = {left.reason for left in once_more.left_out}
    assert reasons == {"completed", f"sent again already as {second}: completed"}


def test_what_waits_or_runs_is_left_alone_unless_chosen(site: Site) -> None:
    running = site.wait(site.submit(), "RUNNING")
    assert not plan(site, [running]).resubmissions
    (again,) = plan(site, [running], running=True).resubmissions
    assert any("still runs" in warning for warning in again.warnings)
    assert not again.retriable
    began = time.monotonic()
    assert not plan(site, [running], running=True, by_itself=True).resubmissions
    assert time.monotonic() - began < 20


async def test_policy_sends_it_again_by_itself_until_it_does_well(
    site: Site, tmp_path: Path
) -> None:
    board = Board(STARTING._replace(user=site.facts.user))
    board.set_history(HistoryState(str(tmp_path / "history.db"), "here"))
    told: list[str] = []

    async def call(method: str, **arguments: Any) -> Any:
        if method == "plan_resubmit":
            return prepare(site.backend, **arguments)
        return site.backend.submit(**arguments)

    async def blocks(draft: Draft) -> list[str]:
        return []

    watch = RetryWatch(
        board, Terms(minutes=(0.0,)), call, time.time, HistoryActionLog(board),
        lambda text, problem: told.append(text), blocks,
    )  # fmt: skip
    first = site.submit(HUNGRY, name="by itself", memory_bytes=96 * MIB)
    ended = site.wait(first, "OUT_OF_MEMORY", timeout_s=60)
    board.change_jobs([ended])
    await watch.look()
    assert not told  # its cause is not looked into yet
    board.set_findings(ended.job_id, ())
    await watch.look()
    await watch.look()
    (said,) = told
    assert said.startswith(f"sent {first} again as ")
    second = site.adopt(said.split(" again as ")[1].partition(",")[0])
    assert site.wait(second, "COMPLETED", timeout_s=60).name == "by itself"


PAIR = """#!/bin/sh
#SBATCH --mem=60M -t 5 -J pair
#SBATCH --output=%j.out
#SBATCH hetjob
#SBATCH --mem=70M -n2   # too little
srun --het-group=1 -n1 python3 -c 'b = bytearray(76 << 20); import time; time.sleep(3)' || exit 1
"""


def components(site: Site, job: str, *states: str, timeout_s: float = 60) -> list[Job]:
    """The components, once all are in one of these states."""
    return site.until(
        lambda: sorted(site.records(job), key=lambda one: one.het_offset or 0),
        lambda jobs: len(jobs) > 1 and all(one.state in states for one in jobs),
        timeout_s,
    )


@pytest.mark.parametrize("options", [(), ("-n1", ":", "--mem=65M")], ids=["script", "command"])
def test_the_component_of_a_heterogeneous_job_that_ran_out_of_memory_gets_more(
    site: Site, tmp_path: Path, options: tuple[str, ...]
) -> None:
    if not FACTS.het_jobs:
        with pytest.raises(NotSupported, match="heterogeneous"):
            site.submit(PAIR)
        return
    limit = 65 if options else 70
    first = site.sbatch(*options, script=PAIR, mem=None)
    leader, second = components(site, first, "FAILED")
    site.accounted(second.label, "FAILED")
    made = plan(site, [second])  # any of its rows means all of it
    (again,) = made.resubmissions
    assert (again.jobs, again.name, again.count) == ((first,), "pair", 1)
    (correction,) = again.corrections
    assert (correction.component, correction.field) == (1, "memory_bytes")
    assert correction.old == limit * MIB
    assert correction.new >= limit * MIB * 1.2
    assert not again.retriable
    assert plan(site, [leader, second]) == made
    new = site.adopt(str(site.backend.submit(again.request)))
    done = components(site, new, "COMPLETED")
    assert [site.backend.request_of(one.label).shape.memory_bytes for one in done] == [
        60 * MIB, correction.new
    ]  # fmt: skip
    assert [(one.name, one.tasks) for one in done] == [("pair", 1), ("pair", 2)]

    path = tmp_path / "history.db"
    with History.to_write(path) as history:
        record = SubmissionRecord(again.name, again.request.script, resubmitted_from=again.jobs)
        kept = history.begin_submission("here", "me", record)
        history.end_submission(kept, int(new), "done")
    (left,) = plan(site, [leader], history_path=str(path), site="here").left_out
    assert (left.reason, left.count) == (f"sent again already as {new}: completed", 1)


def test_a_heterogeneous_job_that_runs_is_sent_again_only_when_asked(site: Site) -> None:
    if not FACTS.het_jobs:
        return
    script = "#!/bin/sh\n#SBATCH hetjob\n#SBATCH -J other --mem=30M -n2\nsleep 300\n"
    first = site.sbatch(
        "--mem=40M", "-J", "named", "--comment=both", ":", "-n1", ":", "--mem=50M", script=script,
        mem=None,
    )  # fmt: skip
    running = components(site, first, "RUNNING")
    assert [one.name for one in running] == ["named", "other", "other"]
    assert not plan(site, running).resubmissions
    assert not plan(site, running, running=True, by_itself=True).resubmissions
    made = plan(site, running[:1], running=True)
    assert not made.left_out
    (again,) = made.resubmissions
    assert any("still runs" in warning for warning in again.warnings)
    assert not again.corrections
    new = site.adopt(str(site.backend.submit(again.request)))
    site.backend.cancel(first)
    sent = components(site, new, "RUNNING", timeout_s=90)
    for old, one in zip(running, sent, strict=True):
        alike = ("name", "comment", "tasks", "work_dir", "time_limit_s", "partition")
        assert [getattr(old, name) for name in alike] == [getattr(one, name) for name in alike]
        assert site.backend.request_of(one.label).shape == site.backend.request_of(old.label).shape
