"""What may stand in each field of a shape, and who says so."""

from __future__ import annotations

from dataclasses import replace

from jobshape.app.board.asked import asked_shape
from jobshape.app.board.bounds import LARGEST, Bound, Site, bounds_of, brief_of, excess, words_of
from jobshape.app.domain.job import NO_JOB, UNLIMITED
from jobshape.app.domain.limits import Association, Limits, SiteLimits
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.site import Node, Partition

GIB = 1 << 30


def node(name: str, partitions: tuple[str, ...], cpus: int, memory: int, gpus: str = "") -> Node:
    count = int(gpus.rpartition(":")[2]) if gpus else 0
    return Node(name, "IDLE", "", partitions, cpus, 0, 0.0, memory, 0, memory, count, 0, gpus, "")


def partition(name: str, limit: int | None, *, default: bool = False, qos: str = "") -> Partition:
    return Partition(name, "UP", default, 2, 64, limit, None, 1, qos, "", "", "")


LIMITS = SiteLimits(
    partitions=(Limits("main", 86400), Limits("gpu", 7200, node_memory_bytes=48 * GIB)),
    qos=(Limits("normal", None, cpus=16), Limits("short", 1800), Limits("of_gpu", gpus=2)),
    associations=(Association("physics", "", ("normal", "short"), "normal", Limits(nodes=1)),),
    default_account="physics",
)
SITE = Site(
    {
        "main": partition("main", 86400, default=True),
        "gpu": partition("gpu", 7200, qos="of_gpu"),
        "endless": partition("endless", UNLIMITED),
    },
    [node("n1", ("main", "endless"), 32, 128 * GIB), node("g1", ("gpu",), 16, 64 * GIB, "a100:4")],
    LIMITS,
)


def test_without_a_partition_the_default_one_counts() -> None:
    found = bounds_of(JobShape(), SITE)
    assert found["time_limit_s"] == Bound(86400, "partition main")
    assert found["memory_bytes"] == Bound(128 * GIB, "largest node")
    assert found["gpus"].most == 0


def test_the_lowest_of_partition_qos_and_account_counts() -> None:
    found = bounds_of(JobShape(partition="gpu", qos="short"), SITE)
    assert found["time_limit_s"] == Bound(1800, "QOS short")
    assert found["memory_bytes"] == Bound(48 * GIB, "partition gpu")
    assert found["nodes"] == Bound(1, "nodes of gpu")
    assert found["gpus"] == Bound(2, "QOS of_gpu", ("a100",))
    assert found["qos"].choices == ("normal", "short")
    assert found["account"].choices == ("physics",)


def test_of_several_partitions_the_one_that_allows_most_counts() -> None:
    found = bounds_of(JobShape(partition="main,gpu"), SITE)
    assert found["time_limit_s"] == Bound(86400, "partition main")
    assert "time_limit_s" not in bounds_of(JobShape(partition="gpu,endless"), SITE)


def test_cpus_of_a_qos_are_shared_by_the_tasks() -> None:
    assert bounds_of(JobShape(tasks=4), SITE)["cpus_per_task"] == Bound(4, "QOS normal")
    assert bounds_of(JobShape(tasks=1), SITE)["cpus_per_task"] == Bound(16, "QOS normal")


def test_a_qos_hides_what_the_account_sets() -> None:
    own = Association("physics", "", ("normal",), "normal", Limits(time_limit_s=3600, cpus=4))
    limits = SiteLimits(
        qos=(Limits("normal", 7200),), associations=(own,), default_account="physics"
    )
    found = bounds_of(JobShape(partition="main"), SITE._replace(limits=limits))
    assert found["time_limit_s"] == Bound(7200, "QOS normal")
    assert found["cpus_per_task"] == Bound(4, "account physics")


def test_the_qos_of_the_default_partition_counts() -> None:
    main = {"main": partition("main", 86400, default=True, qos="of_gpu")}
    limits = replace(LIMITS, qos=(Limits("of_gpu", 60, node_memory_bytes=GIB, node_cpus=2),))
    found = bounds_of(JobShape(), Site(main, SITE.nodes, limits))
    assert found["time_limit_s"] == Bound(60, "QOS of_gpu")
    assert found["memory_bytes"] == Bound(GIB, "QOS of_gpu")
    assert found["cpus_per_task"] == Bound(2, "QOS of_gpu")


def test_without_limits_the_nodes_and_partitions_still_count() -> None:
    found = bounds_of(JobShape(partition="gpu"), replace_limits(None))
    assert found["time_limit_s"] == Bound(7200, "partition gpu")
    assert found["gpus"].most == 4
    assert "qos" not in found


def replace_limits(limits: SiteLimits | None) -> Site:
    return SITE._replace(limits=limits)


def test_excess_says_what_is_over_and_whose_bound_it_is() -> None:
    most = Bound(2 * GIB, "largest node")
    assert excess("memory_bytes", 2 * GIB, most) == ""
    assert excess("memory_bytes", 3 * GIB, most) == "over 2G, largest node"
    assert excess("time_limit_s", UNLIMITED, Bound(60, "partition main")).startswith("over 00:01")
    assert excess("partition", "main,nope", Bound(choices=("main",))) == "no nope here: main"
    assert excess("gpus", "h100:1", Bound(4, "largest node", ("a100",))) == "no h100 here: a100"
    assert excess("gpus", "A100:4", Bound(4, "largest node", ("a100",))) == ""
    assert excess("gpus", "a100:5", Bound(4, "largest node", ("a100",))) == "over 4, largest node"
    assert excess("gpus", None, Bound(0, "largest node")) == ""
    for words in (words_of("gpus", Bound(0, LARGEST)), excess("gpus", "1", Bound(0, LARGEST))):
        assert words == "this partition has none"
    assert excess("gpus", "1", Bound(0, "QOS cheap")) == "none, QOS cheap"


def test_a_bound_in_few_words() -> None:
    assert brief_of("memory_bytes", Bound(2 * GIB, LARGEST)) == "at most 2G"
    assert brief_of("gpus", Bound(4, LARGEST, ("a100",))) == "at most 4"
    assert brief_of("gpus", Bound(0, LARGEST)) == ""
    assert brief_of("partition", Bound(choices=("main", "gpu"))) == ""
    assert words_of("nodes", Bound()) == brief_of("nodes", Bound()) == ""


def test_a_record_tells_what_it_asks_for_a_node() -> None:
    job = NO_JOB._replace(
        partition="gpu", nodes=2, tasks=4, cpus=8, memory_bytes=64 * GIB, gpus=4,
        tres="cpu=8,mem=64G,node=2,gres/gpu=4,gres/gpu:a100=4", time_limit_s=3600,
    )  # fmt: skip
    shape = asked_shape(job)
    assert (shape.nodes, shape.tasks, shape.cpus_per_task) == (2, 4, 2)
    assert shape.memory_bytes == 32 * GIB
    assert shape.gpus == "a100:2"
    assert asked_shape(job._replace(gpus=0)).gpus == "0"
    assert asked_shape(job._replace(gpus=None)).gpus is None
    assert replace(shape, partition=None).over(JobShape(partition="x")).partition == "x"
