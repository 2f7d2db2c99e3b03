"""CPUs and GPUs from what was kept busy, and from a sweep."""

import pytest
from jobshape.app.domain.units import GIB
from jobshape.app.sizing.processors import CpuRun, GpuRun, size_cpus, size_gpus
from jobshape.app.sizing.speedup import fit_speedup


def sweep(serial: float, parallel: float, overhead: float) -> dict[int, list[float]]:
    return {n: [serial + parallel / n + overhead * (n - 1)] for n in (1, 2, 4, 8, 16)}


def test_a_curve_is_found_again() -> None:
    curve = fit_speedup(sweep(20, 400, 1.5))
    assert (curve.serial_s, curve.parallel_s, curve.overhead_s) == pytest.approx((20, 400, 1.5))
    assert curve.error < 1e-6
    amdahl = fit_speedup(sweep(20, 400, 0))
    assert amdahl.overhead_s == pytest.approx(0, abs=1e-6)
    assert amdahl.efficiency(1) == pytest.approx(1)


def test_two_counts_are_no_sweep() -> None:
    assert fit_speedup({1: [10.0], 2: [6.0, 5.0]}) is None
    assert fit_speedup({}) is None


def test_no_term_of_a_noisy_curve_is_negative() -> None:
    curve = fit_speedup({1: [100.0], 2: [40.0], 4: [26.0], 8: [11.0]})
    assert min(curve.serial_s, curve.parallel_s, curve.overhead_s) >= 0


def test_enough_stops_where_more_hardly_helps() -> None:
    assert fit_speedup(sweep(100, 100, 0)).enough(range(1, 65)) < 16
    assert fit_speedup(sweep(0, 400, 0)).enough([1, 2, 4, 8, 16, 64]) == 16  # 64 is past belief
    overheads = fit_speedup(sweep(0, 400, 5))
    assert overheads.enough(range(1, 33)) <= 9  # quickest near sqrt(400 / 5)
    with pytest.raises(ValueError, match="no candidate"):
        overheads.enough([1000])


def test_idle_cpus_are_given_back_and_busy_ones_kept() -> None:
    assert size_cpus([CpuRun(16, 100, 290)] * 3).request == 4
    assert size_cpus([CpuRun(16, 100, 1500)] * 3).request == 16
    assert size_cpus([CpuRun(16, 100, 1500)], largest=8).request == 8


def test_a_sweep_decides() -> None:
    runs = [CpuRun(n, 100 + 100 / n, 200) for n in (1, 2, 4, 8)]
    sized = size_cpus(runs, largest=64)
    assert sized.request < 16
    assert any("serial" in line for line in sized.why)


def test_cpus_without_a_run() -> None:
    assert size_cpus([], asked=3).request == 3
    assert size_cpus([], asked=64, gpus=2).request == 16
    assert size_cpus([], gpus=1).request == 4
    assert size_cpus([]).request is None


def test_gpus_that_nobody_uses_are_given_back() -> None:
    assert size_gpus([GpuRun(1, 0.0)]).request == 0
    assert size_gpus([GpuRun(4, 0.3)]).request == 2
    assert size_gpus([GpuRun(4, 0.95)]).request == 4
    assert size_gpus([GpuRun(4, 0.1, 100 * GIB, 40 * GIB)]).request == 3  # its memory needs three
    assert size_gpus([GpuRun(1, 0.01, 20 * GIB, 40 * GIB)]).request == 1
    assert size_gpus([], asked=2).request == 2
