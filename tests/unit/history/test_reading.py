"""What a history finds."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from jobshape.app.domain.finding import Evidence, Finding
from jobshape.app.domain.job import Usage
from jobshape.app.history.family import family_of
from jobshape.app.history.history import History, UnknownJob
from jobshape.app.history.query import BadQuery, JobQuery

from .conftest import NOW, Clock, job, used

Seen = Callable[..., None]


def ids(history: History, **query: object) -> list[int]:
    found = history.jobs(JobQuery(**query))  # type: ignore[arg-type]
    return [past.record.job.job_id for past in found]


@pytest.fixture
def some(history: History, seen: Seen) -> History:
    seen(
        job(1, "COMPLETED", name="train_a", end_time=NOW - 5000, submit_time=NOW - 9000),
        job(2, "FAILED", name="train_b", end_time=NOW - 400, comment="100% sure_thing"),
        job(3, "RUNNING", name="Eval set", stage="eval"),
        job(4, "OUT_OF_MEMORY", array_job_id=40, array_task_id=7, name="fetch",
            stage="data_fetching", end_time=NOW - 300),
        job(5, "PENDING", het_job_id=5, het_offset=1, name="naïve \udcff", work_dir="/proj/x"),
    )  # fmt: skip
    history.record_jobs("other", [job(6, "TIMEOUT", name="train_c")], from_queue=True)
    history.record_jobs("box", [job(7, "RUNNING", name="gone")], from_queue=True)
    history.record_lost("box", [7])
    history.tag("box", 2, None, ["good", "tésté"])
    history.note("box", 1, None, "look here")
    return history


def test_it_is_found_by_what_it_is(some: History) -> None:
    assert ids(some) == [7, 5, 3, 6, 4, 2, 1]  # the last heard of first
    assert ids(some, site="other") == [6]
    assert ids(some, site="nowhere") == []
    assert ids(some, ids=("2",)) == [2]
    assert ids(some, ids=("40_7", "5+1")) == [5, 4]
    assert ids(some, ids=("40",)) == [4]
    assert ids(some, name="TRAIN") == [6, 2, 1]
    assert ids(some, name="train*b") == [2]
    assert ids(some, name="rain*b") == []
    assert ids(some, name="ïve") == [5]
    assert ids(some, stage="eval") == [3]
    assert ids(some, stage="training", states=("failed",)) == [6, 2]
    assert ids(some, states=("oom", "R")) == [3, 4]
    assert ids(some, tags=("good", "tésté")) == [2]
    assert ids(some, tags=("good", "none")) == []
    assert ids(some, text="sure_") == [2]
    assert ids(some, text="0% s") == [2]
    assert ids(some, text="_hing") == []
    assert ids(some, text="look") == [1]
    assert ids(some, text="goo") == [2]
    assert ids(some, text="/proj") == [5]
    assert ids(some, since=NOW - 350) == [7, 5, 3, 6, 4]
    assert ids(some, until=NOW - 8000) == [1]
    assert ids(some, limit=2, offset=1) == [5, 3]


def test_a_query_that_makes_no_sense_says_why(some: History) -> None:
    with pytest.raises(BadQuery, match="no job id"):
        ids(some, ids=("4_[1-3]",))
    with pytest.raises(BadQuery, match="no state"):
        ids(some, states=("asleep",))


def test_stage_runs_are_the_newest_ended_of_each_stage(history: History, seen: Seen) -> None:
    seen(*(job(i, end_time=NOW - i) for i in range(1, 30)))
    seen(*(job(i, stage="eval", end_time=NOW - i) for i in range(30, 33)))
    seen(job(40, "RUNNING"))
    history.record_jobs("other", [job(50, end_time=NOW)], from_queue=True)
    runs = history.stage_runs("box", NOW - 31, most_per_stage=3)
    assert [(run.record.job.stage, run.record.job.job_id) for run in runs] == [
        ("training", 1), ("training", 2), ("training", 3), ("eval", 30), ("eval", 31),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("train_lr0.001_s3", "train_lr1e-4_s12", True),
        ("eval-9f3a2bc", "eval-00aa19f", True),
        ("train", "train_2", False),
        ("deadbeef", "effaced", False),
    ],
)
def test_names_of_a_family_differ_in_numbers_only(one: str, other: str, same: bool) -> None:
    assert (family_of(one) == family_of(other)) is same


def test_similar_jobs_are_of_the_same_stage_and_family(history: History, seen: Seen) -> None:
    seen(job(1), job(2), job(3, stage="eval"), job(4, name="other"), job(5, "RUNNING"))
    past = history.job("box", 1)
    assert past is not None
    assert {run.record.job.job_id for run in history.similar(past)} == {1, 2}
    assert {run.record.job.job_id for run in history.similar(job(99), "box")} == {1, 2}


def test_findings_come_back_with_their_evidence(history: History, seen: Seen) -> None:
    seen(job(1, "FAILED"))
    evidence = (
        Evidence("stderr", "/log é\udcff", 12, "Killed"),
        Evidence("slurm", "State", None, "x"),
    )
    first = Finding("oom_host", 0.9, "HIGH", "out of memory", "w", "f", "raise_memory", "yes",
                    evidence, "core.toml:oom")  # fmt: skip
    history.record_findings("box", 1, None, [first, first._replace(label="unknown")])
    assert history.findings("box", 1)[0] == first
    assert [f.label for f in history.findings("box", 1)] == ["oom_host", "unknown"]
    assert ids(history, finding="oom_host") == [1]
    history.record_findings("box", 1, None, [])
    assert history.findings("box", 1) == []
    assert ids(history, finding="oom_host") == []


def test_samples_belong_to_the_run_that_is_known(history: History, seen: Seen) -> None:
    seen(job(1, "RUNNING"))
    samples = [Usage(1, NOW + i, i, 2 * i, 0.5, 10.0, 1, 2, "nvml") for i in range(3)]
    nothing = Usage(1, NOW + 9, None, None, None)
    assert history.record_usage("box", [*samples, nothing, Usage(99, NOW, 1, 1, 1.0)]) == 3
    assert history.usage_series("box", 1) == samples
    assert history.usage_series("box", 1, NOW - 1000) == samples
    assert history.usage_series("box", 1, NOW) == []


def test_samples_grow_fewer_with_age(history: History, seen: Seen, clock: Clock) -> None:
    seen(job(1, "RUNNING"))
    start = NOW - NOW % 600
    for hour in range(5):
        clock.now = start + 3600 * (hour + 1)
        history.record_usage("box", [
            Usage(1, start + 3600 * hour + 10 * i, 7 + (i == 100), 1, 1.0) for i in range(360)
        ])  # fmt: skip
    series = history.usage_series("box", 1)
    last_hour = [sample for sample in series if sample.at >= clock.now - 3600]
    assert len(last_hour) == 360
    assert len(series) == 360 + 4 * 60
    assert sum(sample.memory_bytes == 8 for sample in series) == 5  # peaks stay
    clock.now += 3 * 86400
    while history.thin():
        pass
    assert len(history.usage_series("box", 1)) == 5 * 6
    assert sum(sample.memory_bytes == 8 for sample in history.usage_series("box", 1)) == 5


def test_a_job_keeps_a_bounded_number_of_samples(
    history: History, seen: Seen, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobshape.app.history.thinning.MOST_SAMPLES", 50)
    seen(job(1, "RUNNING"))
    history.record_usage("box", [Usage(1, NOW - 600 * i, 1, 1, 1.0) for i in range(1000)])
    clock.now += 3601
    history.thin()
    assert 10 < len(history.usage_series("box", 1)) <= 50


def test_tags_notes_and_acknowledgements_stay(history: History, seen: Seen) -> None:
    seen(job(1))
    history.tag("box", 1, None, ["b", "a", "a"])
    history.untag("box", 1, None, ["b"])
    history.note("box", 1, NOW - 1000, "né")
    past = history.job("box", 1)
    assert past is not None
    assert (past.tags, past.note) == (("a",), "né")
    history.note("box", 1, None, "")
    with pytest.raises(UnknownJob, match="no job 9"):
        history.tag("box", 9, None, ["x"])
    history.ack("1:oom")
    assert history.acknowledged() == {"1:oom": NOW}
    assert history.acknowledged(NOW + 1) == {}


def test_a_new_run_has_nothing_of_the_one_before(history: History, seen: Seen) -> None:
    seen(job(1, "RUNNING"))
    history.record_usage("box", [Usage(1, NOW - 50, 1, 1, 1.0)])
    history.record_jobs("box", [used(job(1, "FAILED"))], from_queue=False)
    found = Finding("x", 1.0, "HIGH", "", "", "", "", "", (), "")
    history.record_findings("box", 1, None, [found])
    seen(job(1, "PENDING", restarts=1))
    assert history.findings("box", 1) == []
    assert history.usage_series("box", 1) == []
    assert history.job("box", 1).finding == ""  # type: ignore[union-attr]


def test_only_what_ran_is_asked_of_accounting_again(history: History, seen: Seen) -> None:
    never = job(1, "CANCELLED", start_time=None)
    seen(never, job(2, "RUNNING"), job(3, end_time=NOW - 90 * 86400))
    assert history.oldest_without_usage("box") is None
    seen(job(4, end_time=NOW - 50), job(5, end_time=NOW - 70))
    assert history.oldest_without_usage("box") == NOW - 70
    history.record_jobs("box", [used(job(5, end_time=NOW - 70))], from_queue=False)
    assert history.oldest_without_usage("box") == NOW - 50
