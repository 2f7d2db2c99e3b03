"""The dependency tree, read from Slurm's words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.board import dependencies
from jobshape.app.board.board import Board
from jobshape.app.board.dependencies import (
    MOST_CHILDREN,
    MOST_ROWS,
    Condition,
    DependencyGraph,
    TreeRow,
    parse_dependency,
)
from jobshape.app.domain.job import NO_JOB, Job


def job(job_id: int, state: str = "PENDING", dependency: str = "", **more: Any) -> Job:
    named = {"name": f"j{job_id}", "user": "alice", **more}
    return NO_JOB._replace(job_id=job_id, state=state, dependency=dependency, **named)


def graph_of(*jobs: Job) -> tuple[DependencyGraph, dict[int, Job]]:
    board = Board()
    board.change_jobs(jobs)
    graph = DependencyGraph(board)
    for _ in graph.refresh_steps():
        pass
    return graph, board.jobs


def told(rows: list[TreeRow]) -> list[tuple[int, str, str]]:
    return [(row.depth, row.kind, row.label) for row in rows]


@pytest.mark.parametrize(
    ("text", "conditions", "any_will_do"),
    [
        ("", [], False),
        ("afterok:12(unfulfilled)", [("afterok", 12, "", "unfulfilled")], False),
        ("afterok:12(unfulfilled),after:13_4+5(failed)",
         [("afterok", 12, "", "unfulfilled"), ("after", 13, "4", "failed")], False),
        ("afterany:1(unfulfilled)?afterok:2_*(unfulfilled)",
         [("afterany", 1, "", "unfulfilled"), ("afterok", 2, "*", "unfulfilled")], True),
        ("afterok:1:2,singleton",
         [("afterok", 1, "", ""), ("afterok", 2, "", ""), ("singleton", 0, "", "")], False),
        ("singleton(unfulfilled)", [("singleton", 0, "", "unfulfilled")], False),
    ],
)  # fmt: skip
def test_reads_slurms_words(text: str, conditions: list[Any], any_will_do: bool) -> None:
    found = parse_dependency(text)
    assert list(found.conditions) == [Condition(*one) for one in conditions]
    assert (found.any_will_do, found.unread) == (any_will_do, "")


@given(st.text(max_size=60))
def test_reads_any_text_without_an_error(text: str) -> None:
    found = parse_dependency(text)
    assert all(one.job_id >= 0 for one in found.conditions)


def test_what_is_not_understood_is_kept() -> None:
    found = parse_dependency("afterok:5(unfulfilled),aftermoon:?!,expand:x")
    assert [one.job_id for one in found.conditions] == [5]
    assert "expand:x" in found.unread


def test_up_and_down_a_chain() -> None:
    graph, jobs = graph_of(
        job(1, "RUNNING"),
        job(2, dependency="afterok:1(unfulfilled)"),
        job(3, dependency="afterany:2(unfulfilled)"),
        job(4, dependency="afterok:2(unfulfilled)"),
    )
    assert told(graph.rows(jobs[3], "up")) == [(1, "afterany", "2"), (2, "afterok", "1")]
    assert told(graph.rows(jobs[1], "down")) == [
        (1, "afterok", "2"), (2, "afterany", "3"), (2, "afterok", "4"),
    ]  # fmt: skip
    assert [row.last for row in graph.rows(jobs[1], "down")] == [
        (True,), (True, False), (True, True),
    ]  # fmt: skip


def test_a_dependency_that_can_never_be_met_is_marked() -> None:
    graph, jobs = graph_of(
        job(1, "FAILED"),
        job(2, dependency="afterok:1(unfulfilled)", reason="DependencyNeverSatisfied"),
        job(3, dependency="afternotok:1(unfulfilled)"),
        job(4, dependency="afterok:99(failed)"),
    )
    (row,) = graph.rows(jobs[2], "up")
    assert row.never == "never met: it had to complete"
    assert [row.never for row in graph.rows(jobs[1], "down")] == [
        "never met: it had to complete", "",
    ]  # fmt: skip
    assert graph.rows(jobs[3], "up")[0].never == ""
    (gone,) = graph.rows(jobs[4], "up")
    assert gone.job is None and "not on the list" in gone.note
    assert gone.never == "never met, says Slurm"


def test_arrays_and_their_tasks() -> None:
    tasks = [job(10 + n, "RUNNING", array_job_id=10, array_task_id=n) for n in range(1, 4)]
    rest = job(10, array_job_id=10, array_tasks="4-9%2")
    graph, jobs = graph_of(
        *tasks, rest, job(20, dependency="afterok:10_*(unfulfilled)"),
        job(21, dependency="afterok:10_2(unfulfilled)"), job(22, dependency="afterany:10"),
    )  # fmt: skip
    whole, one, all_of_it = (graph.rows(jobs[n], "up")[0] for n in (20, 21, 22))
    assert (whole.label, whole.counts.total, whole.counts.running) == ("10_*", 9, 3)
    assert (one.label, one.job) == ("10_2", jobs[12])
    assert (all_of_it.label, all_of_it.counts.total) == ("10_[...]", 9)
    assert told(graph.rows(jobs[12], "down")) == [
        (1, "afterok", "20"), (1, "afterok", "21"), (1, "afterany", "22"),
    ]  # fmt: skip
    assert told(graph.rows(jobs[11], "down")) == [(1, "afterok", "20"), (1, "afterany", "22")]


def test_singletons_wait_for_jobs_of_their_name() -> None:
    graph, jobs = graph_of(
        job(1, "RUNNING", name="night"), job(2, "COMPLETED", name="night"),
        job(3, dependency="singleton(unfulfilled)", name="night"),
        job(4, "RUNNING", name="night", user="bob"),
    )  # fmt: skip
    assert told(graph.rows(jobs[3], "up")) == [(1, "singleton", "1")]
    assert told(graph.rows(jobs[1], "down")) == [(1, "singleton", "3")]
    assert graph.rows(jobs[4], "down") == []


def test_circles_end() -> None:
    graph, jobs = graph_of(
        job(1, dependency="afterany:3"), job(2, dependency="afterany:1"),
        job(3, dependency="afterany:2"),
    )  # fmt: skip
    rows = graph.rows(jobs[1], "down")
    assert told(rows) == [(1, "afterany", "2"), (2, "afterany", "3"), (3, "afterany", "1")]
    assert rows[-1].note == "shown already"
    assert len(graph.rows(jobs[1], "up")) == 3


def test_changes_of_the_board_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dependencies, "_JOBS_AT_ONCE", 1)
    board = Board()
    board.change_jobs([job(1, "RUNNING"), job(2, dependency="afterok:1"), job(3)])
    graph = DependencyGraph(board)
    steps = graph.refresh_steps()
    next(steps)
    board.change_jobs([job(4, dependency="afterany:1"), job(2)], [3])  # while it is being read
    list(steps)
    assert told(graph.rows(board.jobs[1], "down")) == [(1, "afterany", "4")]
    board.change_jobs([job(5, dependency="after:1"), job(2, dependency="afterok:1")], [4])
    list(graph.refresh_steps())
    assert told(graph.rows(board.jobs[1], "down")) == [(1, "afterok", "2"), (1, "after", "5")]
    unfinished = DependencyGraph(board)
    next(unfinished.refresh_steps())
    list(unfinished.refresh_steps())
    assert len(unfinished.rows(board.jobs[1], "down")) == 2


def test_large_fans_and_graphs_are_bounded() -> None:
    fan = [job(n, dependency="afterok:1") for n in range(2, 3002)]
    graph, jobs = graph_of(job(1, "RUNNING"), *fan)
    rows = graph.rows(jobs[1], "down")
    assert len(rows) == MOST_CHILDREN + 1
    assert rows[-1].more == 3000 - MOST_CHILDREN
    layers = [
        job(100 * layer + n, dependency=",".join(f"afterok:{100 * (layer - 1) + m}" for m in
                                                 range(30)) if layer else "")
        for layer in range(40) for n in range(30)
    ]  # fmt: skip
    graph, jobs = graph_of(*layers)
    assert len(graph.rows(jobs[3900], "up")) <= 2 * MOST_ROWS
