"""What a shape costs, and when nobody knows."""

from __future__ import annotations

import pytest
from jobshape.app.domain.cost import Prices, cost_per_hour, gpu_count
from jobshape.app.domain.shape import JobShape

GIB = 1 << 30
ALL = Prices("EUR", cpu_hour=0.5, gpu_hour=10.0, memory_gib_hour=0.25)


@pytest.mark.parametrize(
    ("gpus", "count"),
    [(None, 0), ("", 0), ("0", 0), ("3", 3), ("a100:2", 2), ("gpu:a100:4", 4), ("a100", 1)],
)
def test_how_many_gpus_a_text_asks_for(gpus: str | None, count: int) -> None:
    assert gpu_count(gpus) == count


def test_without_a_price_nothing_is_known() -> None:
    assert cost_per_hour(JobShape(cpus_per_task=4), Prices("EUR")) is None
    assert cost_per_hour(JobShape(cpus_per_task=4), Prices("EUR", cpu_hour=0.0)) == 0


@pytest.mark.parametrize(
    ("shape", "cost"),
    [
        (JobShape(), 0.5),  # one CPU at the least
        (JobShape(tasks=4, cpus_per_task=2), 4.0),
        (JobShape(gpus="a100:2"), 20.5),
        (JobShape(nodes=2, tasks=2, gpus="a100:2"), 41.0),  # GPUs and memory are for a node
        (JobShape(nodes=2, tasks=2, memory_bytes=8 * GIB), 5.0),
    ],
)
def test_what_an_hour_costs(shape: JobShape, cost: float) -> None:
    assert cost_per_hour(shape, ALL) == pytest.approx(cost)
