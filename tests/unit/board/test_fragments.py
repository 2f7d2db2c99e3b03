"""What is free on nodes, and which waiting jobs would fit there; groups, filter, who holds what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.board.board import Board
from jobshape.app.board.fragments import (
    Free,
    fit_on,
    fit_steps,
    fragments_of,
    free_of,
    job_fit,
    names_that_fit,
    node_classes,
    shape_of,
)
from jobshape.app.board.hostlist import holds_node, names_in
from jobshape.app.board.link import Link
from jobshape.app.board.node_filter import compile_node_filter, node_completions
from jobshape.app.board.node_groups import arrange
from jobshape.app.board.node_jobs import NodeJobs
from jobshape.app.board.node_words import Standing, standing_of, state_words
from jobshape.app.board.query import QueryError
from jobshape.app.domain.job import UNLIMITED, Job
from jobshape.app.domain.site import Node, Partition

from .jobs import job, jobs

GIB = 1 << 30


def node(name: str = "n1", state: str = "MIXED", **more: object) -> Node:
    base = Node(
        name=name, state=state, reason="", partitions=("gpu",), cpus=64, cpus_allocated=48,
        cpu_load=1.0, memory_bytes=256 * GIB, memory_allocated_bytes=192 * GIB,
        memory_free_bytes=None, gpus=8, gpus_allocated=6, gpu_types="a100:8", features="ib,avx",
    )  # fmt: skip
    return base._replace(**more)  # type: ignore[arg-type]


def partition(name: str, **more: object) -> Partition:
    base = Partition(name, "UP", False, None, None, 86_400, None, 1, "", "", "", "")
    return base._replace(**more)  # type: ignore[arg-type]


GPU = {"gpu": partition("gpu"), "cpu": partition("cpu")}


def waiting(**more: object) -> Job:
    base: dict[str, object] = {"partition": "gpu", "cpus": 8, "memory_bytes": 32 * GIB, "gpus": 1,
                               "nodes": 1, "time_limit_s": 3600, "reason": "Priority"}  # fmt: skip
    return job(1, "PENDING", **{**base, **more})


def misses(one: Job, at: Node) -> tuple[str, ...]:
    return fit_on(shape_of(one), at, GPU).misses


def doubts(one: Job, at: Node) -> tuple[str, ...]:
    return fit_on(shape_of(one), at, GPU).doubts


# ---------------------------------------------------------------------- what is free


def test_what_is_not_allocated_is_free() -> None:
    assert free_of(node()) == Free(16, 64 * GIB, 2, (("a100", 2, 2),))


def test_of_several_types_only_bounds_are_known() -> None:
    free = free_of(node(gpus=6, gpus_allocated=3, gpu_types="a100:4,t4:2"))
    assert (free.gpus, free.gpu_types) == (3, (("a100", 1, 3), ("t4", 0, 2)))


def test_what_nobody_said_is_unknown_not_zero() -> None:
    free = free_of(node(cpus=None, memory_allocated_bytes=None, gpus=None, gpu_types=""))
    assert free == Free(None, None, 0, ())


def test_fragments() -> None:
    nodes = [
        node("a", cpus_allocated=64),  # 2 GPUs without a CPU
        node("b", gpus_allocated=1, memory_allocated_bytes=256 * GIB),  # 7 GPUs without memory
        node("c", gpus_allocated=3),
        node("d", gpus_allocated=8, cpus_allocated=0),
    ]
    found = fragments_of((one, free_of(one)) for one in nodes)
    assert (found.cpus, found.gpus) == (0 + 16 + 16 + 64, 2 + 7 + 5 + 0)
    assert (found.stranded_gpus, found.stranded_cpus) == (9, 16)
    assert found.largest is nodes[2] and found.largest_free == free_of(nodes[2])


def test_a_silent_node_makes_the_sum_unknown() -> None:
    nodes = [node("a"), node("b", cpus_allocated=None)]
    found = fragments_of((one, free_of(one)) for one in nodes)
    assert found.cpus is None and found.memory_bytes == 128 * GIB


def test_no_nodes_have_no_block() -> None:
    assert fragments_of(()).largest is None


# ---------------------------------------------------------------------- one job, one node


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, ()),
        ({"cpus": 16, "memory_bytes": 64 * GIB, "gpus": 2}, ()),
        ({"cpus": 17}, ("1 CPU short",)),
        ({"memory_bytes": 65 * GIB, "gpus": 4}, ("1G of memory short", "2 GPUs short")),
        ({"partition": "cpu"}, ("the node is not in cpu",)),
        ({"partition": "cpu,gpu"}, ()),
        ({"tres": "cpu=8,gres/gpu=2,gres/gpu:a100=2", "gpus": 2}, ()),
        ({"tres": "cpu=8,gres/gpu=1,gres/gpu:h100=1"}, ("no h100",)),
        ({"tres": "gres/gpu:A100=3", "gpus": 3}, ("1 a100 short",)),
        ({"features": "ib"}, ()),
        ({"features": "ib&avx"}, ()),
        ({"features": "ib&fast"}, ("no feature fast",)),
        ({"features": "fast|avx"}, ()),
        ({"features": "fast|slow"}, ("no feature fast or slow",)),
        ({"time_limit_s": 90_000}, ("its time limit is above that of gpu",)),
        ({"time_limit_s": UNLIMITED}, ("its time limit is above that of gpu",)),
        ({"cpus": 32, "memory_bytes": 128 * GIB, "gpus": 4, "nodes": 2}, ()),
        ({"cpus": 33, "nodes": 2}, ("1 CPU short",)),
    ],
)
def test_fit(asked: dict[str, object], said: tuple[str, ...]) -> None:
    assert misses(waiting(**asked), node()) == said


def test_a_node_that_takes_no_jobs_fits_none() -> None:
    for state in ("IDLE+DRAIN", "DOWN*", "MIXED*", "IDLE+MAINT"):
        assert misses(waiting(), node(state=state)) == ("the node takes no jobs now",)


def test_a_partition_that_is_down_starts_nothing() -> None:
    closed = {"gpu": partition("gpu", state="DOWN")}
    fit = fit_on(shape_of(waiting()), node(), closed)
    assert fit.misses == ("partition gpu is down",)
    both = {**closed, "cpu": partition("cpu")}
    shape = shape_of(waiting(partition="gpu,cpu"))
    assert fit_on(shape, node(partitions=("gpu", "cpu")), both).fits


@pytest.mark.parametrize(
    ("asked", "at", "said"),
    [
        ({}, {}, ()),
        ({"features": "[ib*2&avx]"}, {}, ("its constraint [ib*2&avx] is not checked",)),
        ({"features": "ib&avx|fast"}, {}, ("its constraint ib&avx|fast is not checked",)),
        ({"reservation": "course"}, {}, ("its reservation is not checked",)),
        ({}, {"state": "IDLE+RESERVED"}, ("the node is reserved",)),
        ({}, {"state": "IDLE+PLANNED"}, ("the node is planned for another job",)),
        ({}, {"state": "IDLE+CLOUD+POWERED_DOWN"}, ("the node must boot first",)),
        ({}, {"memory_allocated_bytes": None}, ("free memory is not known",)),
        ({}, {"cpus": None}, ("free CPUs are not known",)),
        ({"tres": "gres/gpu:t4=2", "gpus": 2},
         {"gpu_types": "a100:6,t4:2", "gpus_allocated": 4},
         ("which GPUs are in use is not known: 0 to 2 t4 free",)),
        ({"tres": "gres/gpu:t4=1"}, {"gpu_types": ""}, ("the type of its GPUs is not known",)),
    ],
)  # fmt: skip
def test_what_is_not_known_is_a_doubt(
    asked: dict[str, object], at: dict[str, object], said: tuple[str, ...]
) -> None:
    assert misses(waiting(**asked), node(**at)) == ()  # type: ignore[arg-type]
    assert doubts(waiting(**asked), node(**at)) == said  # type: ignore[arg-type]


def test_what_the_job_does_not_say_is_a_doubt_of_its_shape() -> None:
    assert shape_of(waiting(memory_bytes=None, gpus=None)).doubts == (
        "its memory is not known", "its GPUs are not known",
    )  # fmt: skip
    assert shape_of(waiting(nodes=2)).doubts == ("an even split over its nodes is assumed",)
    assert shape_of(waiting(tasks=4)).doubts == ("on one node; its tasks may also be spread",)


# ---------------------------------------------------------------------- jobs and many nodes


def judged(one: Job, nodes: list[Node]) -> tuple[str, int, int]:
    found = job_fit(shape_of(one), node_classes(nodes), GPU)
    return found.verdict, found.surely, found.maybe


def test_as_many_nodes_as_it_needs() -> None:
    nodes = [node("a"), node("b"), node("c", cpus_allocated=64)]
    two = waiting(nodes=2, cpus=16, gpus=2)
    three = waiting(nodes=3, cpus=24, gpus=3)
    assert judged(two, nodes) == ("fits", 2, 0)
    assert judged(three, nodes) == ("no room", 2, 0)
    assert job_fit(shape_of(three), node_classes(nodes), GPU).nearest == "2 of 3 nodes have room"
    nodes[2] = node("c", state="MIXED+PLANNED")
    assert judged(three, nodes) == ("may fit", 2, 1)


def test_unknown_memory_is_never_sure() -> None:
    assert judged(waiting(memory_bytes=None), [node()]) == ("may fit", 1, 0)


def test_what_waiting_cures_is_nearer_than_what_a_node_never_has() -> None:
    nodes = [node("a", gpu_types="t4:8"), node("b", cpus_allocated=64, gpus_allocated=8)]
    one = waiting(tres="gres/gpu:a100=1")
    found = job_fit(shape_of(one), node_classes(nodes), GPU)
    assert found.nearest == "8 CPUs short, 1 a100 short on b"


def test_no_node_within_reach() -> None:
    found = job_fit(shape_of(waiting()), node_classes([node(state="DOWN")]), GPU)
    assert (found.verdict, found.nearest) == ("no room", "none of its nodes takes jobs now")


def test_shapes_are_judged_in_their_order() -> None:
    shapes = [shape_of(waiting(cpus=cpus)) for cpus in (17, 1)]
    assert [one.verdict for one in fit_steps(shapes, [node()], GPU)] == ["no room", "fits"]


_NODES = st.builds(
    node,
    name=st.sampled_from([f"n{n}" for n in range(9)]),
    state=st.sampled_from(["IDLE", "MIXED", "ALLOCATED", "IDLE+DRAIN", "DOWN*", "MIXED+PLANNED"]),
    cpus_allocated=st.sampled_from([None, 0, 60, 64]),
    gpus_allocated=st.integers(0, 8),
    memory_allocated_bytes=st.sampled_from([0, 255 * GIB, 256 * GIB]),
    gpu_types=st.sampled_from(["", "a100:8", "a100:4,t4:4"]),
)


@given(st.lists(_NODES, unique_by=lambda one: one.name), st.integers(1, 40), st.integers(0, 8))
def test_classes_change_no_answer(nodes: list[Node], cpus: int, gpus: int) -> None:
    shape = shape_of(waiting(cpus=cpus, gpus=gpus))
    one_by_one = {one.name for one in nodes if fit_on(shape, one, GPU).fits}
    assert names_that_fit(shape, nodes, GPU) == one_by_one
    found = job_fit(shape, node_classes(nodes), GPU)
    assert found.surely + found.maybe == len(one_by_one)


# ---------------------------------------------------------------------- states


@pytest.mark.parametrize(
    ("state", "standing"),
    [
        ("IDLE", Standing.IDLE), ("MIXED", Standing.MIXED), ("ALLOCATED", Standing.MIXED),
        ("IDLE+DRAIN", Standing.DRAINED), ("MIXED+DRAIN", Standing.DRAINING),
        ("ALLOCATED+DRAIN", Standing.DRAINING), ("DRAINING", Standing.DRAINING),
        ("DOWN", Standing.DOWN), ("DOWN*", Standing.DOWN), ("DOWN+DRAIN", Standing.DOWN),
        ("IDLE*", Standing.SILENT), ("MIXED+NOT_RESPONDING", Standing.SILENT),
        ("MIXED+FAIL", Standing.FAILING), ("IDLE+MAINT", Standing.MAINT),
        ("IDLE+RESERVED", Standing.RESERVED), ("IDLE~", Standing.POWER),
        ("IDLE+CLOUD+POWERED_DOWN", Standing.POWER), ("IDLE+PLANNED", Standing.IDLE),
        ("", Standing.UNKNOWN), ("NEW_IN_27", Standing.UNKNOWN),
    ],
)  # fmt: skip
def test_standing(state: str, standing: Standing) -> None:
    assert standing_of(node(state=state)) is standing


def test_a_busy_node_is_full_once_its_cpus_are() -> None:
    assert standing_of(node(state="ALLOCATED", cpus_allocated=64)) is Standing.FULL
    assert standing_of(node(state="ALLOCATED", cpus=None)) is Standing.MIXED


def test_words_of_a_node_in_trouble_promise_no_start() -> None:
    assert "can start" not in state_words("IDLE+DRAIN").sentence
    assert state_words("NEW_IN_27").sentence == "Slurm's word for its state is not known here."


# ---------------------------------------------------------------------- groups, filter


def test_each_node_stands_in_one_group_in_the_sites_order() -> None:
    nodes = [
        node("n10", partitions=("cpu", "all")), node("n9", partitions=("all", "cpu")),
        node("g1", partitions=("gpu",)), node("x", partitions=()),
        node("n2", partitions=("all", "cpu")),
    ]  # fmt: skip
    sites = {name: partition(name) for name in ("gpu", "cpu", "all")}
    groups = arrange(nodes, sites)
    assert [(g.title, g.names) for g in groups] == [
        ("gpu", ("g1",)), ("cpu + all", ("n2", "n9", "n10")), ("no partition", ("x",)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", "abc"), ("state:drain", "b"), ("state:idle", "c"), ("state:mixed", "a"),
        ("-state:drain", "ac"),
        ("gpu:a100", "ab"), ("gpu:none", "c"), ("gpu:any", "ab"), ("part:cpu", "c"),
        ("feature:ib", "ab"), ("memory", "b"), ("state:drain,idle gpu:none", "c"),
        ("name=a", "a"), ("gpu=a100", "ab"), ("state!=draining", "ac"), ("A100", "ab"),
    ],
)  # fmt: skip
def test_filter(text: str, names: str) -> None:
    nodes = [
        node("a"), node("b", state="MIXED+DRAIN", reason="memory test"),
        node("c", state="IDLE", cpus_allocated=0, partitions=("cpu",), gpus=0, gpu_types="",
             features=""),
    ]  # fmt: skip
    matches = compile_node_filter(text)
    assert "".join(one.name for one in nodes if matches is None or matches(one)) == names


@pytest.mark.parametrize(
    ("text", "what", "incomplete"),
    [("colour:red", "unknown key 'colour'", False), ("state:", "state: what?", True),
     ("cpus>3", "unknown key 'cpus'", False), ("name>3", "name has no order", False)],
)  # fmt: skip
def test_filter_that_is_wrong(text: str, what: str, incomplete: bool) -> None:
    with pytest.raises(QueryError) as caught:
        compile_node_filter(text)
    assert caught.value.problem.what == what
    assert caught.value.problem.incomplete is incomplete


def test_completions_of_the_filter() -> None:
    board = Board()
    board.set_nodes([node("a"), node("b", gpu_types="t4:2")])
    assert [one.text for one in node_completions("-st", board, 3)] == ["state:"]
    assert [one.text for one in node_completions("gpu:a", board, 5)] == ["a100", "any"]
    found = node_completions("state:drained,dow", board, 17)
    assert [(one.start, one.text) for one in found] == [(14, "down")]


# ---------------------------------------------------------------------- who holds a node


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n1", ("n1",)), ("n[1-3]", ("n1", "n2", "n3")), ("n[08-10,12]x", ("n08x", "n09x", "n10x",
         "n12x")), ("a,b[1-2]", ("a", "b1", "b2")), ("r[1-2]n[1-2]", ("r1n1", "r1n2", "r2n1",
         "r2n2")), ("", ()),
    ],
)  # fmt: skip
def test_names_written_out(text: str, names: tuple[str, ...]) -> None:
    assert names_in(text) == names
    assert all(holds_node(text, name) for name in names)


def test_a_list_without_end_is_cut() -> None:
    assert len(names_in("n[1-999999999999]")) == 20_000


def built(board: Board) -> NodeJobs:
    found = NodeJobs(board)
    found.build()
    return found


def ids(found: NodeJobs) -> list[list[int]]:
    return [[one.job_id for one in alike] for _, alike in found.waiting()]


def test_pending_jobs_of_one_shape_stand_together() -> None:
    board = Board(Link(user="alice"))
    shaped = [job(n, user="alice", cpus=1 + n % 2, priority=n) for n in range(1, 6)]
    board.change_jobs(shaped)
    found = built(board)
    assert ids(found) == [[1, 3, 5], [2, 4]]
    board.change_jobs([shaped[0]._replace(cpus=9)], [2])
    assert found.refresh()
    assert ids(found) == [[1], [3, 5], [4]]


def test_what_changes_while_it_is_built_is_taken_in_afterwards() -> None:
    board = Board(Link(user="alice"))
    board.change_jobs([job(n, "RUNNING", user="alice", node_list="n1") for n in range(1, 7)])
    found = NodeJobs(board)
    steps = found.build_steps(at_once=2)
    next(steps)
    board.change_jobs([job(1, "RUNNING", user="alice", node_list="n2"),
                       job(5, "COMPLETED", user="alice", node_list="n1")], [6])  # fmt: skip
    for _ in steps:
        pass
    assert found.is_built and found.refresh()
    assert [one.job_id for one in found.on_node("n1")] == [2, 3, 4]
    assert [one.job_id for one in found.on_node("n2")] == [1]
    found.forget()
    assert (found.on_node("n1"), found.is_built, found.refresh()) == ([], False, False)


def test_jobs_on_a_node_mine_first() -> None:
    board = Board(Link(user="alice"))
    board.change_jobs([
        job(1, "RUNNING", user="bob", node_list="n1"),
        job(2, "RUNNING", user="alice", node_list="n[1-2]"),
        job(3, "PENDING", user="alice", reason="ReqNodeNotAvail, UnavailableNodes:n[2-3]"),
        job(4, "PENDING", user="bob"), job(5, "COMPLETED", user="alice", node_list="n1"),
    ])  # fmt: skip
    found = built(board)
    assert [one.job_id for one in found.on_node("n1")] == [2, 1]
    assert ids(found) == [[3]]
    assert found.my_nodes() == {"n1": 1, "n2": 1}
    assert found.asked_nodes() == {"n2": 1, "n3": 1}
    assert not found.refresh()
    board.change_jobs([job(2, "COMPLETED", user="alice", node_list="n[1-2]")], [3])
    assert found.refresh()
    assert [one.job_id for one in found.on_node("n1")] == [1]
    assert (found.waiting(), found.my_nodes()) == ([], {})


def test_another_user_is_another_whose() -> None:
    board = Board(Link(user=""))
    board.change_jobs([job(4, user="bob"), job(5, user="alice")])
    found = built(board)
    assert ids(found) == [[4, 5]]  # only mine are read until somebody says who I am
    board.set_link(Link(user="alice"))
    assert found.refresh()
    assert ids(found) == [[5]]


@given(st.lists(st.lists(st.integers(1, 5).flatmap(jobs),
                         max_size=4), max_size=5))  # fmt: skip
def test_the_index_by_difference_is_the_index_anew(rounds: list[list[Job]]) -> None:
    board = Board(Link(user="alice"))
    found = built(board)
    for number, changed in enumerate(rounds):
        lists = ("", "n1", "n[1-2]")
        board.change_jobs([
            one._replace(node_list=lists[(one.job_id + number) % 3]) for one in changed
        ], [number])  # fmt: skip
        found.refresh()
        anew = built(board)
        for name in ("n1", "n2"):
            assert found.on_node(name) == anew.on_node(name)
        assert (found.waiting(), found.my_nodes()) == (anew.waiting(), anew.my_nodes())
