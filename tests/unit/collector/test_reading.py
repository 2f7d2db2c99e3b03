"""What a reading sends: only what changed."""

from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.collector.reading import changed_jobs, slices
from jobshape.app.domain.job import NO_JOB, Job

states = st.sampled_from(["PENDING", "RUNNING", "COMPLETED"])
queues = st.dictionaries(st.integers(1, 30), states)


def jobs_of(queue: dict[int, str]) -> list[Job]:
    return [NO_JOB._replace(job_id=i, state=state) for i, state in queue.items()]


@given(st.lists(queues, max_size=6))
def test_changes_applied_one_after_the_other_give_the_last_queue(
    readings: list[dict[int, str]],
) -> None:
    shown: dict[int, Job] = {}
    marks: dict[int, int] = {}
    for queue in readings:
        changed, gone = changed_jobs(jobs_of(queue), marks)
        for job, mark in changed:
            assert shown.get(job.job_id) != job, "sent again without a change"
            shown[job.job_id], marks[job.job_id] = job, mark
        for job_id in gone:
            del shown[job_id], marks[job_id]
        assert {i: job.state for i, job in shown.items()} == queue


def test_each_field_of_a_job_counts() -> None:
    job = NO_JOB._replace(job_id=1)
    for field in Job._fields[1:]:
        other = job._replace(**{field: "something else"})
        assert changed_jobs([other], {1: hash(job)})[0], field


def test_the_first_slice_is_small_and_nothing_is_lost() -> None:
    items = list(range(2345))
    parts = list(slices(items))
    assert [len(part) for part in parts] == [100, 1000, 1000, 245]
    assert [item for part in parts for item in part] == items
    assert list(slices([])) == []
