"""What the queue and accounting say of single tasks, also where they lag or say nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.errors import Unreachable
from jobshape.app.domain.job import NO_JOB, AccountedJob, Job
from jobshape.app.rounds.campaign import Attempt
from jobshape.app.rounds.observing import FIGURES_S, GONE_S, Observer, QueueIndex

NOW = 1_000_000


def job(number: int, state: str = "RUNNING", **more: object) -> Job:
    return NO_JOB._replace(job_id=number, state=state, **more)


def task(array: int, place: int, state: str = "RUNNING", **more: object) -> Job:
    return job(array + place, state, array_job_id=array, array_task_id=place, **more)


class Site:
    """Accounting only."""

    def __init__(self, *jobs: Job) -> None:
        self.jobs, self.asked, self.is_down = list(jobs), 0, False

    def accounting(
        self, scope: object, since: int, until: object = None, jobs: object = ()
    ) -> list[AccountedJob]:
        self.asked += 1
        if self.is_down:
            raise Unreachable("no answer")
        return [AccountedJob(one, 10, 1.0, 1, "") for one in self.jobs]


def attempt(number: int, place: int | None = None) -> Attempt:
    return Attempt(1, 1, 1, place, number, submitted_at=NOW - 100)


@pytest.mark.parametrize(
    ("tasks", "inside", "outside"),
    [
        ("3-9", [3, 9], [2, 10]),
        ("3,7,9-11%2", [3, 7, 10], [4, 8, 12]),
        ("0-20:5", [0, 5, 20], [1, 21]),
        ("1,3,...", [1, 2, 500], []),
    ],
)
def test_unsplit_arrays(tasks: str, inside: list[int], outside: list[int]) -> None:
    index = QueueIndex([job(50, "PENDING", array_job_id=50, array_tasks=tasks)])
    assert all(index.find((50, place)) for place in inside)
    assert not any(index.find((50, place)) for place in outside)
    assert index.find((50, None)) is None and index.find((51, 3)) is None


@given(st.sets(st.integers(0, 300), min_size=1))
def test_every_task_of_an_unsplit_array_is_found(places: set[int]) -> None:
    text = ",".join(map(str, sorted(places)))
    index = QueueIndex([job(50, "PENDING", array_job_id=50, array_tasks=text)])
    assert {place for place in range(301) if index.find((50, place))} == places


def test_a_split_task_before_the_rest() -> None:
    rest = job(50, "PENDING", array_job_id=50, array_tasks="1-9")
    index = QueueIndex([rest, task(50, 0)])
    assert index.find((50, 0)) == task(50, 0) and index.find((50, 4)) == rest


def test_running_jobs_cost_no_accounting() -> None:
    site = Site()
    seen = Observer(site).look([attempt(1)], QueueIndex([job(1)]), NOW)  # type: ignore[arg-type]
    assert [one.is_over for one in seen] == [False] and not site.asked


def test_the_end_waits_for_its_figures() -> None:
    over = job(1, "COMPLETED", start_time=NOW - 50, end_time=NOW)
    site = Site(job(1, start_time=NOW - 50))  # accounting does not know of the end yet
    observer, queue = Observer(site), QueueIndex([over])  # type: ignore[arg-type]
    assert observer.look([attempt(1)], queue, NOW + 1) == []
    site.jobs = [over]
    (seen,) = observer.look([attempt(1)], queue, NOW + 5)
    assert seen.is_over and seen.used is not None


def test_the_end_waits_no_longer_than_that() -> None:
    over = job(1, "COMPLETED", end_time=NOW)
    observer = Observer(Site())  # type: ignore[arg-type]
    assert observer.look([attempt(1)], QueueIndex([over]), NOW) == []
    (seen,) = observer.look([attempt(1)], QueueIndex([over]), NOW + FIGURES_S)
    assert seen.is_over and seen.used is None and not seen.is_gone


def test_requeued_is_not_over() -> None:
    """Accounting tells of the run before; in the queue it waits, or runs, again."""
    before = job(1, "NODE_FAIL", start_time=NOW - 90, end_time=NOW - 50)
    observer = Observer(Site(before))  # type: ignore[arg-type]
    (seen,) = observer.look([attempt(1)], QueueIndex([job(1, "PENDING")]), NOW)
    assert not seen.is_over
    again = job(1, "COMPLETED", start_time=NOW - 20, end_time=NOW)
    assert observer.look([attempt(1)], QueueIndex([again]), NOW + 1) == []
    (seen,) = observer.look([attempt(1)], QueueIndex([again]), NOW + FIGURES_S + 1)
    assert seen.job == again and seen.used is None


def test_purged_from_the_queue() -> None:
    over = task(50, 3, "FAILED", start_time=NOW - 50, end_time=NOW - 40)
    (seen,) = Observer(Site(over)).look([attempt(50, 3)], QueueIndex([]), NOW)  # type: ignore[arg-type]
    assert seen.is_over and seen.job.state == "FAILED" and not seen.is_gone


@pytest.mark.parametrize("is_down", [False, True])
def test_gone_only_after_a_while(is_down: bool) -> None:
    site = Site()
    site.is_down = is_down
    observer = Observer(site)  # type: ignore[arg-type]
    for second in range(0, GONE_S, 30):
        assert observer.look([attempt(1)], QueueIndex([]), NOW + second) == []
    (seen,) = observer.look([attempt(1)], QueueIndex([]), NOW + GONE_S)
    assert seen.is_gone and seen.is_over


def test_missed_once_and_back() -> None:
    observer = Observer(Site())  # type: ignore[arg-type]
    observer.look([attempt(1)], QueueIndex([]), NOW)
    observer.look([attempt(1)], QueueIndex([job(1)]), NOW + GONE_S - 1)
    assert observer.look([attempt(1)], QueueIndex([]), NOW + GONE_S + 1) == []


def test_the_first_of_two_with_the_same_key() -> None:
    comment = "jobshape:p/train key=abcdefghij"
    mine, copied = job(4, comment=comment, name="n"), job(9, comment=comment, name="n")
    for jobs in ([mine, copied], [copied, mine]):
        index = QueueIndex(jobs)
        assert index.by_key["abcdefghij"] == index.by_name["n"] == mine
