"""Usage over time: what is kept, and the curves drawn from it."""

from __future__ import annotations

import pytest
from jobshape.app.board.board import Board
from jobshape.app.board.usage_figures import (
    cpu_curve,
    gpu_memory_curve,
    highest,
    latest,
    mean,
    memory_curve,
    of_this_run,
    span,
)
from jobshape.app.board.usage_series import UsageSeries, joined, thinned
from jobshape.app.domain.job import Usage

GIB = 1 << 30


def sample(
    at: int, memory: int | None = None, cpu_s: float | None = None, job_id: int = 7, **more: object
) -> Usage:
    return Usage(job_id, at, memory, None, cpu_s, **more)  # type: ignore[arg-type]


def test_the_board_keeps_what_it_is_told_over_time() -> None:
    board = Board()
    for at in (10, 20, 20, 15, 30):
        board.set_usage([sample(at, at)])
    assert [one.at for one in board.usage_series.of(7)] == [10, 20, 30]
    assert board.usage_series.of(8) == ()


def test_a_long_series_keeps_its_length_its_ends_and_its_peak() -> None:
    series = UsageSeries(most_samples=100)
    for at in range(1, 2001):
        series.add([sample(at, GIB * 9 if at == 700 else GIB)])
    kept = series.of(7)
    assert 50 <= len(kept) <= 100
    assert (kept[0].at, kept[-1].at) == (1, 2000)
    assert max(one.memory_bytes or 0 for one in kept) == 9 * GIB
    assert [one.at for one in kept] == sorted({one.at for one in kept})
    assert len(memory_curve(kept)) == 1  # evenly apart: no gap where everything was seen


def test_the_newest_sample_is_always_there() -> None:
    series = UsageSeries(most_samples=10)
    for at in range(1, 300):
        series.add([sample(at, at)])
        assert series.of(7)[-1].at == at


def test_series_of_jobs_nobody_watches_any_more_go_first() -> None:
    series = UsageSeries(most_jobs=3)
    for job_id in (1, 2, 3, 1, 4):
        series.add([sample(job_id * 10 + job_id, 1, job_id=job_id)])
    assert [bool(series.of(job_id)) for job_id in (1, 2, 3, 4)] == [True, False, True, True]


def test_thinning_takes_the_higher_of_two() -> None:
    samples = [sample(at, memory) for at, memory in enumerate((5, 9, 7, 1, 3, 4, 2, 8))]
    assert [one.at for one in thinned(samples)] == [0, 1, 4, 5, 7]
    assert thinned(samples[:1]) == samples[:1]


def test_stored_and_seen_samples_are_one_series() -> None:
    stored, seen = [sample(1, 1), sample(3, 3)], [sample(3, 4), sample(2, 2)]
    assert [(one.at, one.memory_bytes) for one in joined(stored, seen)] == [(1, 1), (2, 2), (3, 4)]


def test_what_a_former_run_used_is_left_out() -> None:
    assert [one.at for one in of_this_run([sample(5), sample(9)], 8)] == [9]
    assert len(of_this_run([sample(5), sample(9)], None)) == 2


def test_memory_breaks_where_nobody_looked() -> None:
    samples = [sample(at, at) for at in (0, 30, 60, 90, 700, 730)] + [sample(760, None)]
    curve = memory_curve(samples)
    assert [[point.at for point in stretch] for stretch in curve] == [[0, 30, 60, 90], [700, 730]]
    assert (latest(curve), highest(curve), span([curve])) == (730, 730, (0, 730))


def test_rare_samples_of_history_are_no_gaps() -> None:
    assert len(memory_curve([sample(at, 1) for at in range(0, 6000, 600)])) == 1


def test_cpu_is_a_share_of_the_jobs_cpus_between_two_samples() -> None:
    samples = [sample(100, cpu_s=100.0), sample(160, cpu_s=220.0), sample(220, cpu_s=220.0)]
    (points,) = cpu_curve(samples, cpus=2, start_time=50)
    assert [point.value for point in points] == pytest.approx([100.0, 100.0, 0.0])
    assert mean([points]) == pytest.approx(66.7, abs=0.1)
    (points,) = cpu_curve(samples, cpus=4, start_time=None)
    assert [point.at for point in points] == [160, 220]


def test_cpu_time_that_shrinks_gives_no_negative_share() -> None:
    samples = [sample(0, cpu_s=50.0), sample(30, cpu_s=5.0), sample(60, cpu_s=35.0)]
    curve = cpu_curve(samples, cpus=1, start_time=None)
    assert [[point.value for point in stretch] for stretch in curve] == [[100.0]]


@pytest.mark.parametrize("cpus", [None, 0])
def test_without_cpus_or_cpu_time_there_is_no_curve(cpus: int | None) -> None:
    assert cpu_curve([sample(1, cpu_s=1.0)], cpus, 0) == []
    assert cpu_curve([sample(1, 5)], 4, 0) == []
    assert (latest([]), highest([]), mean([]), span([])) == (None, None, None, None)


def test_gpu_memory_is_a_share_of_what_the_gpus_have() -> None:
    samples = [
        sample(1, gpu_memory_bytes=20 * GIB, gpu_memory_total_bytes=80 * GIB),
        sample(2, gpu_memory_bytes=20 * GIB),
    ]
    assert [[point.value for point in s] for s in gpu_memory_curve(samples)] == [[25.0]]
