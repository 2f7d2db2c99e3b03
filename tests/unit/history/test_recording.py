"""What a history knows of a job after several records of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.job import NO_JOB, Job
from jobshape.app.history.history import History
from jobshape.app.history.merging import as_accounted, merge, settled
from jobshape.app.history.query import JobQuery

from .conftest import NOW, Clock, job, used


def the(history: History, job_id: int) -> Any:
    found = history.job("box", job_id)
    assert found is not None
    return found


def test_a_job_comes_back_as_it_was_told(history: History) -> None:
    whole = job(
        7, "OUT_OF_MEMORY", reason="OutOfMemory", time_limit_s=3600, account="a", qos="normal",
        array_job_id=5, array_task_id=2, het_job_id=None, priority=17, eligible_time=NOW - 950,
        nodes=2, node_list="n[1-2]", tasks=4, cpus=8, memory_bytes=1 << 34, gpus=2,
        tres="cpu=8,mem=16G", dependency="afterok:3", features="a100", reservation="r", restarts=1,
        exit_code="0:9", work_dir="/work/é\udcff", comment="it's \"x\";--",
    )  # fmt: skip
    record = used(whole, gpu_percent=33.5, gpu_memory_peak_bytes=5)
    history.record_jobs("box", [record], from_queue=False)
    past = the(history, 7)
    assert past.record == record
    assert (past.site, past.seen_at, past.end_unknown, past.tags) == ("box", NOW, False, ())


def test_accounting_adds_what_a_job_used_and_blanks_nothing(history: History) -> None:
    history.record_jobs(
        "box", [job(1, "FAILED", reason="NonZeroExitCode", comment="c", dependency="afterok:9")],
        from_queue=True,
    )  # fmt: skip
    history.record_jobs("box", [used(job(1, "FAILED", exit_code="2:0"))], from_queue=False)
    record = the(history, 1).record
    assert (record.job.reason, record.job.comment, record.job.dependency, record.job.exit_code) == (
        "NonZeroExitCode", "c", "afterok:9", "2:0",
    )  # fmt: skip
    assert record.max_rss_bytes == 1 << 30
    history.record_jobs("box", [job(1, "FAILED", reason="x")], from_queue=True)
    assert the(history, 1).record.max_rss_bytes == 1 << 30


def test_a_job_goes_from_pending_to_its_end(history: History, clock: Clock) -> None:
    guess = job(1, "PENDING", start_time=NOW + 500, end_time=NOW + 900, reason="Priority")
    history.record_jobs("box", [guess], from_queue=True)
    assert the(history, 1).record.job.start_time is None  # a guess is no history
    clock.now += 10
    history.record_jobs("box", [job(1, "RUNNING", end_time=NOW + 9999)], from_queue=True)
    running = the(history, 1).record.job
    assert (running.state, running.reason, running.end_time) == ("RUNNING", "", None)
    history.record_jobs("box", [used(job(1, "TIMEOUT"))], from_queue=False)
    assert the(history, 1).record.job.state == "TIMEOUT"
    assert history.count() == 1


def test_a_job_cancelled_while_it_waited_has_no_start_and_keeps_its_reason(
    history: History,
) -> None:
    history.record_jobs("box", [job(1, "PENDING", reason="DependencyNeverSatisfied")],
                        from_queue=True)  # fmt: skip
    alike = job(1, "CANCELLED", start_time=NOW - 100, reason="")  # as slurmctld dates it
    history.record_jobs("box", [alike], from_queue=True)
    assert the(history, 1).record.job.start_time is None
    history.record_jobs("box", [used(job(1, "CANCELLED", start_time=None))], from_queue=False)
    ended = the(history, 1).record.job
    assert (ended.state, ended.start_time, ended.reason) == (
        "CANCELLED", None, "DependencyNeverSatisfied",
    )  # fmt: skip


def test_what_a_job_had_used_before_its_end_is_not_kept(history: History) -> None:
    history.record_jobs("box", [used(job(1, "RUNNING"), elapsed_s=5)], from_queue=False)
    history.record_jobs("box", [job(1, "COMPLETED")], from_queue=True)
    assert the(history, 1).record.elapsed_s is None
    assert history.oldest_without_usage("box") == NOW - 100


def test_late_accounting_does_not_take_back_an_end(history: History) -> None:
    history.record_jobs("box", [job(1, "COMPLETED")], from_queue=True)
    history.record_jobs("box", [used(job(1, "RUNNING"), elapsed_s=5)], from_queue=False)
    assert the(history, 1).record.job.state == "COMPLETED"
    history.record_jobs("box", [job(1, "RUNNING")], from_queue=True)  # read before, written after
    assert the(history, 1).record.job.state == "COMPLETED"


@pytest.mark.parametrize("submit_time", [NOW - 1000, NOW - 50])
def test_a_requeued_job_keeps_its_last_run(history: History, submit_time: int) -> None:
    history.record_jobs("box", [used(job(1, "NODE_FAIL", exit_code="1:0"))], from_queue=False)
    again = job(1, "PENDING", restarts=1, submit_time=submit_time)
    history.record_jobs("box", [again], from_queue=True)
    record = the(history, 1).record
    assert (record.job.state, record.job.exit_code, record.max_rss_bytes) == ("PENDING", "", None)
    first = used(job(1, "NODE_FAIL", restarts=0))
    assert history.record_jobs("box", [first], from_queue=False) == (0, 0)
    assert the(history, 1).record.job.state == "PENDING"
    last = used(job(1, restarts=1, submit_time=submit_time, start_time=NOW - 20), max_rss_bytes=5)
    history.record_jobs("box", [last], from_queue=False)
    assert the(history, 1).record.max_rss_bytes == 5
    assert history.count() == 1


def test_an_id_used_again_is_another_job(history: History) -> None:
    history.record_jobs("box", [used(job(1))], from_queue=False)
    other = job(1, "RUNNING", submit_time=NOW - 10, name="other")
    history.record_jobs("box", [other], from_queue=True)
    assert history.count() == 2
    assert the(history, 1).record.job.name == "other"
    assert history.job("box", 1, NOW - 1000).record.job.state == "COMPLETED"  # type: ignore[union-attr]


def test_the_last_task_of_an_array_takes_over_its_record(history: History) -> None:
    history.record_jobs(
        "box", [job(4, "PENDING", array_job_id=4, array_tasks="1-3%2")], from_queue=True
    )
    history.record_jobs(
        "box", [job(5, "RUNNING", array_job_id=4, array_task_id=1),
                job(4, "RUNNING", array_job_id=4, array_task_id=3)], from_queue=True,
    )  # fmt: skip
    found = history.jobs(JobQuery(ids=("4",)))
    assert sorted(past.record.job.label for past in found) == ["4_1", "4_3"]


def test_a_job_nobody_saw_end_says_so_until_somebody_did(history: History) -> None:
    history.record_jobs("box", [job(1, "RUNNING"), job(2, "RUNNING")], from_queue=True)
    assert history.record_lost("box", [1, 99]) == 1
    assert the(history, 1).end_unknown
    assert the(history, 1).record.job.state == "RUNNING"
    assert not the(history, 2).end_unknown
    assert history.record_all_lost_but("box", frozenset({2})) == 0
    assert history.record_all_lost_but("box", frozenset()) == 1
    history.record_jobs("box", [used(job(1))], from_queue=False)
    history.record_jobs("box", [job(2, "RUNNING")], from_queue=True)
    assert not the(history, 1).end_unknown
    assert not the(history, 2).end_unknown


def test_what_changes_nothing_is_not_written(history: History) -> None:
    waiting = job(1, "PENDING", priority=5, reason="Priority")
    history.record_jobs("box", [waiting], from_queue=True)
    for again in (waiting, waiting._replace(priority=6, start_time=NOW + 60)):
        assert history.record_jobs("box", [again], from_queue=True) == (0, 0)
    held = waiting._replace(priority=0)
    assert history.record_jobs("box", [held], from_queue=True) == (0, 1)


def test_a_stage_is_filled_and_changed_but_not_taken_away(history: History) -> None:
    history.record_jobs("box", [job(1, stage="unassigned")], from_queue=True)
    history.record_jobs("box", [job(1, stage="eval")], from_queue=True)
    history.record_jobs("box", [job(1, stage="unassigned")], from_queue=True)
    assert the(history, 1).record.job.stage == "eval"
    assert history.restage("box", lambda seen: "caching" if seen.name == "train_1" else "") == 1
    assert the(history, 1).record.job.stage == "caching"


def test_a_campaign_is_known_whichever_comes_first(history: History) -> None:
    history.record_origin("box", 5, campaign="c", resubmitted_from=1)
    history.record_jobs("box", [job(1), job(5, submit_time=NOW - 3)], from_queue=True)
    history.record_jobs("box", [job(6, submit_time=NOW)], from_queue=True)
    history.record_origin("box", 6, campaign="c", resubmitted_from=5)
    assert [past.record.job.job_id for past in history.jobs(JobQuery(campaign="c"))] == [6, 5]
    for start in (1, 5, 6):
        lineage = history.lineage("box", start)
        assert [past.record.job.job_id for past in lineage] == [1, 5, 6]


states = st.sampled_from(["PENDING", "RUNNING", "COMPLETED", "FAILED"])
texts = st.sampled_from(["", "x", "y"])
counts = st.none() | st.integers(0, 2)


@given(states, states, texts, texts, counts, counts, st.booleans())
def test_nothing_known_of_one_run_is_ever_blanked(
    state: str, later: str, comment: str, comment2: str, cpus: int | None, cpus2: int | None,
    from_queue: bool,
) -> None:  # fmt: skip
    def made(state: str, comment: str, cpus: int | None) -> Job:
        return NO_JOB._replace(job_id=1, state=state, comment=comment, cpus=cpus)

    old = settled(as_accounted(made(state, comment, cpus)))
    new = as_accounted(made(later, comment2, cpus2))
    merged = merge(old, new, from_queue=from_queue).job
    assert merged.comment in ({comment, comment2} - {""} or {""})
    assert merged.cpus is not None or cpus is cpus2 is None
    assert merge(old, old, from_queue=from_queue) is old
