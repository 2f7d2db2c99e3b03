"""What becomes of jobs that leave the queue."""

from jobshape.app.collector.known import TRIES_IN_ACCOUNTING, KnownJobs


def with_jobs(**ends: int) -> KnownJobs:
    known = KnownJobs()
    ids = [int(name.removeprefix("job")) for name in ends]
    known.saw_in_queue(ids, [100 + i for i in ids], list(ends.values()))
    return known


def test_a_job_seen_to_end_is_kept_when_the_controller_forgets_it() -> None:
    known = with_jobs(job1=500, job2=0)
    known.left_queue([1])
    assert known.kept == {1: 500}
    assert not known.missing
    assert known.marks == {2: 102}


def test_a_job_that_vanished_is_missing_until_accounting_knows_its_end() -> None:
    known = with_jobs(job1=0)
    known.left_queue([1])
    assert known.missing == {1: 0}
    assert known.saw_in_accounting([1], [700]) == [True]
    assert known.kept == {1: 700}
    assert not known.missing


def test_a_missing_job_that_accounting_does_not_know_is_dropped_after_some_tries() -> None:
    known = with_jobs(job1=0)
    known.left_queue([1])
    answers = [known.not_accounted([1]) for _ in range(TRIES_IN_ACCOUNTING)]
    assert answers == [[]] * (TRIES_IN_ACCOUNTING - 1) + [[1]]
    assert not known.missing


def test_without_accounting_it_is_dropped_at_once() -> None:
    known = with_jobs(job1=0)
    known.left_queue([1])
    assert known.not_accounted([1], final=True) == [1]


def test_a_missing_job_that_comes_back_is_in_the_queue_again() -> None:
    known = with_jobs(job1=0)
    known.left_queue([1])
    known.saw_in_queue([1], [5], [0])
    assert known.marks == {1: 5}
    assert not known.missing


def test_the_queues_own_word_goes_before_accounting() -> None:
    known = with_jobs(job1=0)
    assert known.saw_in_accounting([1, 2], [10, 20]) == [False, True]
    assert known.kept == {2: 20}


def test_a_requeued_job_has_not_ended_any_more() -> None:
    known = with_jobs(job1=500)
    known.saw_in_queue([1], [7], [0])
    known.left_queue([1])
    assert known.missing == {1: 0}


def test_old_and_surplus_ones_are_dropped_the_oldest_first() -> None:
    known = KnownJobs(most_kept=2)
    known.kept.update({1: 10, 2: 50, 3: 30, 4: 40})
    assert sorted(known.too_old(oldest_end=20)) == [1, 3]
    assert known.kept == {2: 50, 4: 40}
