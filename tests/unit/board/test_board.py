"""The board: its indexes, its journal, and the partitions' summary kept by difference."""

from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.board.arrays import Counts, count_tasks, counts_of
from jobshape.app.board.board import Board
from jobshape.app.board.link import Link
from jobshape.app.board.summary import Resource
from jobshape.app.domain.job import Job, Usage
from jobshape.app.domain.site import Node, Partition

from .jobs import job, jobs


def node(name: str, state: str = "IDLE", partitions: tuple[str, ...] = ("cpu",),
         cpus: int | None = 8, used: int | None = 2, gpus: int | None = 4) -> Node:  # fmt: skip
    return Node(name, state, "", partitions, cpus, used, 0.0, 64 << 30, 16 << 30, None, gpus,
                None if gpus is None else 1, "", "")  # fmt: skip


def partition(name: str, nodes: int | None = 3) -> Partition:
    return Partition(name, "UP", name == "cpu", nodes, 24, None, None, None, "", "", "", "")


def test_a_change_is_seen_once_and_no_change_not_at_all() -> None:
    board = Board()
    watch = board.watch()
    first = job(1)
    board.change_jobs([first])
    assert (board.revision, board.jobs_revision) == (1, 1)
    board.change_jobs([job(1)], gone=[7])
    assert board.revision == 1
    assert watch.take() == {1: None}
    second = job(1, "RUNNING")
    board.change_jobs([second])
    board.change_jobs([job(1, "COMPLETED")])
    assert watch.take() == {1: first}
    board.change_jobs([], gone=[1])
    assert board.jobs == {}
    assert set(watch.take()) == {1}


def test_a_dropped_view_costs_nothing() -> None:
    board = Board()
    board.watch()
    assert len(board._watches) == 0


def test_usage_leaves_with_its_job() -> None:
    board = Board()
    board.change_jobs([job(1), job(2)])
    board.set_usage([Usage(1, 5, 10, 10, 1.0), Usage(2, 5, 10, 10, 1.0)])
    board.change_jobs([], gone=[1])
    assert list(board.usage) == [2]


@given(st.lists(st.tuples(st.lists(st.integers(1, 9).flatmap(jobs)), st.lists(st.integers(1, 9)))))
def test_families_and_summary_by_difference_are_those_of_a_new_board(
    changes: list[tuple[list[Job], list[int]]],
) -> None:
    board = Board()
    for upserts, gone in changes:
        board.change_jobs(upserts, gone)
    fresh = Board()
    fresh.change_jobs(list(board.jobs.values()))
    for families, others in ((board.arrays, fresh.arrays), (board.hets, fresh.hets)):
        assert families.keys() == others.keys()
        for name, family in families.items():
            assert family.job_ids == others[name].job_ids
            assert family.tally.counts == others[name].tally.counts
    assert board.summaries() == fresh.summaries()


def test_summary_counts_a_node_in_each_partition_and_no_drained_node_as_free() -> None:
    board = Board(Link(scope="mine"))
    board.set_partitions([partition("cpu"), partition("all"), partition("empty", None)])
    board.set_nodes([node("n1", partitions=("cpu", "all")), node("n2", "IDLE+DRAIN"),
                     node("n3", "DOWN*", used=0)])  # fmt: skip
    cpu, everything, empty = board.summaries()
    assert (cpu.nodes_total, cpu.nodes_usable) == (3, 1)
    assert cpu.cpus == Resource(total=24, used=4, free=6, unusable=14)
    assert cpu.gpus == Resource(total=12, used=3, free=3, unusable=6)
    assert everything.memory_bytes == Resource(64 << 30, 16 << 30, 48 << 30, 0)
    assert (empty.nodes_total, empty.nodes_usable, empty.cpus.free) == (None, None, None)
    assert cpu.jobs_scope == "mine"


def test_summary_follows_nodes_that_change_and_go() -> None:
    board = Board()
    board.set_partitions([partition("cpu")])
    board.set_nodes([node("n1"), node("n2")])
    board.set_nodes([node("n1", "MIXED", used=8), node("n1", "MIXED", used=8)], gone=["n2", "n9"])
    assert board.summaries()[0].cpus == Resource(8, 8, 0, 0)
    assert list(board.nodes) == ["n1"]


def test_a_silent_node_makes_the_sum_unknown_not_zero() -> None:
    board = Board()
    board.set_partitions([partition("cpu")])
    board.set_nodes([node("n1"), node("n2", gpus=None)])
    assert board.summaries()[0].gpus == Resource(None, None, None, None)
    assert board.summaries()[0].cpus.free == 12
    board.set_nodes([node("n2")])
    assert board.summaries()[0].gpus.free == 6


def test_pending_counts_every_partition_named_and_every_task() -> None:
    board = Board()
    board.set_partitions([partition("cpu")])
    board.change_jobs([
        job(1, partition="cpu,gpu", array_job_id=1, array_tasks="1-500%20"),
        job(2, "RUNNING", partition="cpu"),
        job(3, "COMPLETED", partition="cpu"),
    ])  # fmt: skip
    cpu, gpu = board.summaries()
    assert (cpu.name, cpu.pending, cpu.running) == ("cpu", 500, 1)
    assert (gpu.name, gpu.pending, gpu.state) == ("gpu", 500, "")
    assert board.summaries() is board.summaries()
    board.change_jobs([], gone=[1])
    assert [line.name for line in board.summaries()] == ["cpu"]


def test_the_link_changes_the_scope_of_the_summary() -> None:
    board = Board()
    board.set_partitions([partition("cpu")])
    board.set_link(Link(scope="all"))
    assert board.summaries()[0].jobs_scope == "all"
    revision = board.revision
    board.set_link(Link(scope="all"))
    assert board.revision == revision


def test_values_are_kept_until_jobs_change() -> None:
    board = Board()
    board.change_jobs([job(1, user="bob"), job(2, user="alice"), job(3)])
    assert board.values("user") == ["alice", "bob"]
    assert board.values("user") is board.values("user")
    board.change_jobs([job(3, user="carol")])
    assert board.values("user") == ["alice", "bob", "carol"]


def test_counting_tasks() -> None:
    for text, tasks in {"1-500%20": 500, "1,3,5-9:2%3": 5, "7": 1, "0-9:3": 4, "5-5": 1}.items():
        assert count_tasks(text) == tasks
    for text in ("1-5,...", "", "x", "0x1", "1-2-3"):
        assert count_tasks(text) is None
    assert counts_of(job(1, array_job_id=1, array_tasks="1-5,...")) == Counts(waiting=1)
    assert counts_of(job(1, "OUT_OF_MEMORY")) == Counts(failed=1)
    assert counts_of(job(1, "NEWER_THAN_US")).total == 1


@given(st.sets(st.integers(0, 300), min_size=1))
def test_counting_any_list_of_tasks(tasks: set[int]) -> None:
    assert count_tasks(",".join(map(str, sorted(tasks))) + "%3") == len(tasks)
