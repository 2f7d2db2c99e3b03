"""Whose limit holds for a job."""

from __future__ import annotations

import pytest
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.limits import Association, Limits, SiteLimits, first_set
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.site import Partition

LIMITS = SiteLimits(
    partitions=(Limits("main", 3600, nodes=4),),
    qos=(Limits("normal", 60), Limits("short", 30, cpus=8), Limits("of_gpu", gpus=2, cpus=4)),
    associations=(
        Association("physics", "", ("normal",), "normal", Limits("physics", 90, cpus=16, nodes=1)),
        Association("physics", "gpu", (), "short", Limits("physics", nodes=2)),
    ),
    default_account="physics",
)


def partition(name: str, time_limit_s: int | None = None, qos: str = "") -> Partition:
    return Partition(name, "UP", False, 2, 64, time_limit_s, None, 1, qos, "", "", "")


@pytest.mark.parametrize(
    ("shape", "where", "field", "limit"),
    [
        (JobShape(), None, "time_limit_s", (60, "QOS normal")),  # the default one hides the account
        (JobShape(), None, "cpus", (16, "account physics")),
        (JobShape(qos="short"), None, "cpus", (8, "QOS short")),
        (JobShape(qos="short"), partition("main", qos="of_gpu"), "cpus", (4, "QOS of_gpu")),
        (JobShape(), partition("gpu"), "time_limit_s", (30, "QOS short")),  # the place's default
        (JobShape(), partition("gpu"), "nodes", (2, "account physics")),
        (JobShape(qos="nobody knows it"), None, "time_limit_s", (90, "account physics")),
        (JobShape(account="none"), None, "nodes", (None, "")),
        (JobShape(account="none", qos="short"), None, "cpus", (8, "QOS short")),
    ],
)
def test_the_first_who_sets_a_limit_counts(
    shape: JobShape, where: Partition | None, field: str, limit: tuple[int | None, str]
) -> None:
    assert first_set(LIMITS.of_person(shape, where), field) == limit


@pytest.mark.parametrize(
    ("of_partition", "longest"), [(7200, 3600), (60, 60), (None, 3600), (UNLIMITED, 3600)]
)
def test_of_two_walltimes_of_a_partition_the_lower_counts(
    of_partition: int | None, longest: int
) -> None:
    found = LIMITS.of_partition(partition("main", of_partition))
    assert (found.time_limit_s, found.nodes) == (longest, 4)


def test_a_partition_that_limits_do_not_name_has_its_own_walltime() -> None:
    assert SiteLimits().of_partition(partition("x", 60)) == Limits("x", 60)
    assert SiteLimits().of_partition(partition("x", UNLIMITED)) == Limits("x")
