"""What a form says of a shape: room, cost, start."""

from __future__ import annotations

import pytest
from jobshape.app.board.board import Board
from jobshape.app.domain.cost import Prices
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.request import EarliestStart
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.site import Node, Partition
from jobshape.screens.effect import cost_words, same_shapes, start_request, start_words
from jobshape.screens.shape_view import ShapeView

GIB = 1 << 30
HOUR = 3600
PRICES = Prices("EUR", cpu_hour=0.02)


def node(name: str, partition: str, *, used: int = 0, gpus: str = "") -> Node:
    count = int(gpus.rpartition(":")[2]) if gpus else 0
    return Node(name, "IDLE", "", (partition,), 16, used, 0.0, 64 * GIB, 0, 64 * GIB, count, 0,
                gpus, "")  # fmt: skip


def site() -> Board:
    board = Board()
    board.set_partitions([
        Partition("main", "UP", True, 5, 80, 86400, None, 1, "", "", "", ""),
        Partition("gpu", "UP", False, 1, 16, 86400, None, 1, "", "", "", ""),
    ])  # fmt: skip
    board.set_nodes([
        node("n1", "main", used=16), *(node(f"n{number}", "main") for number in range(2, 7)),
        node("g1", "gpu", gpus="a100:4"),
    ])  # fmt: skip
    return board


def test_where_a_shape_has_room_now() -> None:
    assert ShapeView(site()).room(JobShape()) == (
        True, "has room now on 5 of 6 nodes: n2, n3, n4, n5 ...",
    )  # fmt: skip
    assert ShapeView(site()).room(JobShape(exclude_nodes="n[2-5]")) == (
        True, "has room now on 1 of 2 nodes: n6",
    )  # fmt: skip
    assert ShapeView(site()).room(JobShape(partition="gpu", gpus="A100:4"))[1].endswith("nodes: g1")


@pytest.mark.parametrize(
    "shape",
    [
        JobShape(cpus_per_task=17), JobShape(memory_bytes=65 * GIB), JobShape(gpus="1"),
        JobShape(partition="gpu", gpus="a100:5"), JobShape(partition="gpu", gpus="h100:1"),
        JobShape(nodes=6), JobShape(partition="gpu", exclude_nodes="g1"),
    ],
)  # fmt: skip
def test_where_it_has_none(shape: JobShape) -> None:
    room, words = ShapeView(site()).room(shape)
    assert not room and words.startswith("no room now: ")
    assert len(words) > len("no room now: ")


def test_before_the_nodes_are_known_nobody_says_no() -> None:
    assert ShapeView(Board()).room(JobShape(cpus_per_task=10_000)) == (
        True, "nothing is known of the nodes yet",
    )  # fmt: skip


def test_room_follows_the_nodes() -> None:
    board = site()
    view, whole_node = ShapeView(board), JobShape(cpus_per_task=16)
    assert "on 5 of 6 nodes" in view.room(whole_node)[1]
    board.set_nodes([node(f"n{number}", "main", used=int(number < 4)) for number in range(1, 7)])
    assert "on 3 of 6 nodes" in view.room(whole_node)[1]


def test_what_it_costs_and_at_most() -> None:
    two = JobShape(cpus_per_task=2, time_limit_s=2 * HOUR)
    four = JobShape(cpus_per_task=4, time_limit_s=2 * HOUR)
    assert cost_words([(two, two, 1)], Prices()) == ""
    assert cost_words([(two, two, 1)], PRICES) == "costs 0.04 EUR an hour, at most 0.08 EUR"
    assert cost_words([(two, four, 100)], PRICES) == (
        "costs 8.00 EUR an hour, at most 16.00 EUR (was 4.00 EUR an hour)"
    )
    assert cost_words([(two, two, 1)], Prices("EUR", cpu_hour=0.0001)).startswith(
        "costs 0.0002 EUR"
    )


@pytest.mark.parametrize("limit_s", [None, UNLIMITED])
def test_without_a_walltime_there_is_no_most(limit_s: int | None) -> None:
    known, endless = JobShape(time_limit_s=HOUR), JobShape(time_limit_s=limit_s)
    assert (
        cost_words([(known, known, 1), (endless, endless, 1)], PRICES) == "costs 0.04 EUR an hour"
    )


def test_when_it_would_start() -> None:
    now = 1000.5
    assert start_words(EarliestStart(1000), now) == "a new job of this shape would start at once"
    assert start_words(EarliestStart(1000 + 20 * 60), now).endswith("would start in about 20m")
    assert start_words(EarliestStart(None), now) == "no start is known"
    assert start_words(EarliestStart(None, message="QOSMaxCpu"), now).endswith("known: QOSMaxCpu")


def test_the_start_is_asked_for_one_job_of_the_shape() -> None:
    request = start_request(JobShape(partition="gpu", array="0-9", memory_bytes=GIB, qos=""))
    assert (request.partition, request.memory_bytes) == ("gpu", GIB)
    assert (request.array, request.qos) == (None, None)


def test_shapes_that_are_alike_are_one() -> None:
    assert same_shapes([JobShape(), JobShape(tasks=2), JobShape()]) == {
        JobShape(): 2, JobShape(tasks=2): 1,
    }  # fmt: skip
