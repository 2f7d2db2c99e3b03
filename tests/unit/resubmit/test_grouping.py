"""Many jobs to few submissions; nothing twice."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.array_tasks import parse_array
from jobshape.app.domain.job import Job
from jobshape.app.resubmit.grouping import CANCELLED, QUEUED, RUNNING, grouped
from jobshape.app.resubmit.sent import QueueStates, SentAgain

from .made import NOW, job, task

STATES = ("FAILED", "TIMEOUT", "COMPLETED", "RUNNING", "PENDING", "CANCELLED")


@given(
    st.dictionaries(st.tuples(st.integers(1, 3), st.integers(0, 200)), st.sampled_from(STATES)),
    st.integers(0, 50),
)
def test_new_arrays_are_exactly_the_tasks_that_did_not_do_well(
    states: dict[tuple[int, int], str], throttle: int
) -> None:
    jobs = [task(array, number, state) for (array, number), state in states.items()]
    groups, left = grouped(jobs)
    again: set[tuple[int, int]] = set()
    for group in groups:
        tasks, limit = parse_array(group.array_with(throttle) or "")
        assert limit == throttle
        new = {(int(group.site_reference), number) for number in tasks}
        assert not new & again
        again |= new
    assert again == {
        key for key, state in states.items() if state in ("FAILED", "TIMEOUT", "CANCELLED")
    }
    assert len(groups) == len({array for array, _ in again})
    assert sum(one.count for one in left) == len(states) - len(again)


def test_five_hundred_of_a_thousand_are_one() -> None:
    jobs = [task(4, number, "FAILED" if number % 2 else "COMPLETED") for number in range(1000)]
    (group,), (left,) = grouped(jobs)
    assert group.array_with(20) == "1-999:2%20"
    assert group.reference == "4_[1-999:2]"
    assert (len(group.jobs), left.count) == (500, 500)


def test_jobs_of_one_name_are_not_merged() -> None:
    groups, _ = grouped([job(1), job(2), task(4, 7)])
    assert [group.reference for group in groups] == ["1", "2", "4_7"]
    assert [group.array_with(3) for group in groups] == [None, None, "7%3"]


def test_why_others_are_left_out() -> None:
    others = [job(1, "PENDING"), job(2, "RUNNING"), job(4, array_job_id=4, array_tasks="3-9")]
    groups, left = grouped(others)
    assert not groups
    assert {one.reason: one.count for one in left} == {QUEUED: 2, RUNNING: 1}
    assert grouped([job(2, "RUNNING")], running=True)[0]
    assert not grouped([job(2, "RUNNING")], running=True, by_itself=True)[0]
    _, (cancelled,) = grouped([job(2, "CANCELLED")], by_itself=True)
    assert cancelled.reason == CANCELLED
    assert grouped([job(2, "CANCELLED")])[0]


def record(job_id: int | None, *of: str, **more: Any) -> SubmissionRecord:
    known = {"name": "train", "script": "", "id": 1, "at": NOW + 1000, "outcome": "done"}
    return SubmissionRecord(**{**known, "job_id": job_id, "resubmitted_from": of, **more})


def against(of: Job, *records: SubmissionRecord, queue: tuple[Job, ...] = (),
            past: dict[tuple[int, int | None], str] | None = None, **more: Any) -> str:  # fmt: skip
    states, known = QueueStates(queue), past or {}

    def state_of(job_id: int, number: int | None) -> str:
        return states.state(job_id, number) or known.get((job_id, number), "")

    sent = SentAgain(records, states, state_of, more.pop("now", NOW + 5000), **more)
    return sent.against(of)


def test_what_was_sent_again_counts_by_how_that_one_is() -> None:
    old = job(7)
    again = record(9, "7")
    assert against(old, again, queue=(job(9, "PENDING"),)) == "sent again already as 9: queued"
    assert against(old, again, queue=(job(9, "RUNNING"),)) == "sent again already as 9: running"
    assert against(old, again, past={(9, None): "COMPLETED"}).endswith("completed")
    assert against(old, again, past={(9, None): "FAILED"}) == ""
    assert against(old, again).endswith("its end is not known")
    assert against(old, again, now=NOW + 1010).endswith("just now")
    assert against(job(8), again, queue=(job(9, "RUNNING"),)) == ""
    assert against(old, record(9, "7", outcome="refused"), queue=(job(9, "RUNNING"),)) == ""


def test_of_an_array_only_the_tasks_that_were_sent_again() -> None:
    again = record(9, "4_[3,7-9]")
    waiting = job(9, "PENDING", array_job_id=9, array_tasks="7-9%2")
    queue = (task(9, 3, "FAILED"), waiting)
    assert against(task(4, 7), again, queue=queue).endswith("queued")
    assert against(task(4, 3), again, queue=queue) == ""
    assert against(task(4, 5), again, queue=queue) == ""


def test_a_line_is_followed_to_its_end() -> None:
    first, second = record(9, "7"), record(12, "9", at=NOW + 2000, id=2)
    past: dict[tuple[int, int | None], str] = {(9, None): "FAILED", (12, None): "COMPLETED"}
    assert against(job(7), first, second, past=past) == "sent again already as 12: completed"
    past[12, None] = "TIMEOUT"
    assert against(job(7), first, second, past=past) == ""
    chosen = [job(7), job(12)]
    assert "which is chosen" in against(job(7), first, second, past=past, chosen=chosen)


def test_an_older_job_of_the_same_id_is_another() -> None:
    assert against(job(7), record(9, "7", at=NOW - 5000), queue=(job(9, "RUNNING"),)) == ""


def test_no_answer_is_looked_for_in_the_queue() -> None:
    lost = record(None, "7", outcome="unknown")
    there = job(9, "RUNNING", submit_time=NOW + 1001)
    assert "9 may be it" in against(job(7), lost, queue=(there,))
    assert against(job(7), lost) == ""
    assert "look first" in against(job(7), lost, by_itself=True)
    asked = record(None, "7", outcome="asked")
    assert against(job(7), asked, now=NOW + 1010) == "is being sent again right now"
