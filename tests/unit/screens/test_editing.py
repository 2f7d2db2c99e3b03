"""From the texts of a form to the changes of each job."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.job import NO_JOB, UNLIMITED, Job
from jobshape.screens.acting import Target
from jobshape.screens.editing import (
    Editable,
    Reading,
    editable,
    entry_of,
    fields_for,
    form_fields,
    read_form,
)

GIB = 1 << 30


def job(job_id: int, state: str = "PENDING", **more: object) -> Editable:
    known: dict[str, object] = {
        "job_id": job_id, "state": state, "name": "train", "partition": "main", "account": "ml",
        "qos": "normal", "nodes": 1, "tasks": 1, "cpus": 2, "memory_bytes": 4 * GIB, "gpus": 0,
        "tres": "cpu=2,mem=4G,node=1", "time_limit_s": 3600, "features": "fast", **more,
    }  # fmt: skip
    record: Job = NO_JOB._replace(**known)  # type: ignore[arg-type]
    reference = record.label.partition("%")[0] + ("]" if record.array_tasks else "")
    return editable(Target(reference, "train", state, 1, record))


def read(jobs: list[Editable], **typed: str) -> Reading:
    fields = fields_for(jobs, has_accounts=True)
    begun = {one.name: one.text for one in form_fields(fields, jobs)}
    return read_form(fields, begun, {**begun, **typed}, jobs)


def test_what_stands_as_it_was_changes_nothing() -> None:
    assert read([job(1), job(2, memory_bytes=8 * GIB)]) == Reading((), {})


def test_a_step_counts_from_what_each_job_has() -> None:
    found = read([job(1), job(2, memory_bytes=8 * GIB)], memory_bytes="x2")
    assert [one.fields["memory_bytes"] for one in found.changes] == [
        (4 * GIB, 8 * GIB), (8 * GIB, 16 * GIB),
    ]  # fmt: skip


def test_a_value_changes_only_those_that_have_another() -> None:
    found = read([job(1), job(2, memory_bytes=8 * GIB)], memory_bytes="8G")
    assert [one.job.key for one in found.changes] == [1]


def test_of_many_jobs_those_are_named_that_cannot_take_a_step() -> None:
    assert read([job(1), job(2)], memory_bytes="lots").problems["memory_bytes"].startswith("write ")
    found = read([job(1), job(2, memory_bytes=None), job(3, memory_bytes=None)], memory_bytes="x2")
    assert found.problems["memory_bytes"].startswith("2 and 1 more: there is no value yet")


def test_a_constraint_is_taken_away_by_an_empty_field_and_a_size_is_not() -> None:
    found = read([job(1)], features="", memory_bytes="")
    assert found.changes[0].fields == {"features": ("fast", "")}
    assert "memory_bytes" in found.problems


def test_of_a_running_job_only_less_walltime_goes_in_place() -> None:
    (change,) = read([job(1, "RUNNING")], memory_bytes="8G", time_limit_s="30").changes
    assert change.again == {"memory_bytes"}
    assert set(change.in_place) == {"time_limit_s"}
    (longer,) = read([job(1, "RUNNING")], time_limit_s="x2").changes
    assert longer.again == {"time_limit_s"}
    (shorter,) = read([job(1, "RUNNING", time_limit_s=UNLIMITED)], time_limit_s="60").changes
    assert not shorter.again


def test_tasks_of_an_array_that_are_meant_alone() -> None:
    array = job(9, array_job_id=9, array_tasks="0-9%2")
    found = read([array], memory_bytes="8G", only="3,5-7,40")
    (change,) = found.changes
    assert change.job.target.reference == "9_[3,5-7]"
    assert change.job.target.tasks == 4
    assert "only" in read([array], memory_bytes="8G", only="40").problems
    assert "only" in read([array], only="all").problems
    (throttled,) = read([array], array_throttle="0").changes
    assert throttled.fields == {"array_throttle": (2, 0)}


def test_what_is_sent_can_be_taken_back() -> None:
    (change,) = read([job(1)], gpus="a100:2", features="").changes
    entry = entry_of(change, "b")
    assert entry is not None
    assert entry.arguments == {"gpus": "a100:2", "features": ""}
    assert entry.before == {"gpus": "0", "features": "fast"}


@given(st.dictionaries(st.sampled_from(["memory_bytes", "time_limit_s", "gpus", "cpus_per_task",
                                        "partition", "nodes", "array_throttle", "only"]),
                       st.text(max_size=12)))  # fmt: skip
def test_no_text_raises(typed: dict[str, str]) -> None:
    found = read([job(1), job(9, array_job_id=9, array_tasks="0-9")], **typed)
    for change in found.changes:
        entry_of(change, "b")


@pytest.mark.parametrize("text", ["0", "none", "unlimited"])
def test_no_limit_on_tasks_at_once(text: str) -> None:
    array = job(9, array_job_id=9, array_tasks="0-9%2")
    (change,) = read([array], array_throttle=text).changes
    assert change.fields["array_throttle"] == (2, 0)
