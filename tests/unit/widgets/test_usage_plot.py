"""Plots: their signs, their levels, and what is said where there is nothing to plot."""

from __future__ import annotations

from typing import Any

import pytest
from jobshape.app.board.link import Feature
from jobshape.app.board.usage_figures import Point
from jobshape.app.domain.job import NO_JOB, Usage
from jobshape.widgets.plot_canvas import draw, row_of, thinned
from jobshape.widgets.usage_plot import (
    PlotContent,
    blocks_of,
    fitting_top,
    labels_of,
    words_of,
)

GIB = 1 << 30
JOB = NO_JOB._replace(
    job_id=7, state="RUNNING", cpus=4, memory_bytes=16 * GIB, gpus=0, start_time=1000, tasks=2
)


def samples(*memory_gib: float, **more: Any) -> tuple[Usage, ...]:
    return tuple(
        Usage(7, 1060 + 60 * n, int(gib * GIB), int(gib * GIB / 2), 120.0 * (n + 1), **more)
        for n, gib in enumerate(memory_gib)
    )


def content(*memory_gib: float, job: Any = JOB, **more: Any) -> PlotContent:
    return PlotContent(job, samples(*memory_gib, **more), None, None)


@pytest.mark.parametrize("ascii", [False, True])
@pytest.mark.parametrize("height", [3, 7, 12])
def test_a_level_is_drawn_in_the_row_that_is_told(height: int, ascii: bool) -> None:
    for percent in range(0, 101, 5):
        curve = [[Point(0, percent), Point(10, percent)]]
        text = draw(20, height, [(curve, "*" if ascii else "")], (0, 10), 100).text
        rows = [y for y, line in enumerate(text) if line.strip()]
        assert rows == [row_of(percent, 100, height, fine=not ascii)], percent


def test_only_dots_come_out_of_the_library() -> None:
    wild = [[Point(n, (n * 37) % 101) for n in range(500)], [Point(600, 1e12), Point(700, -5)]]
    for ascii in (False, True):
        sign = "*" if ascii else ""
        canvas = draw(40, 6, [(wild, sign), ([[Point(0, 50)]], sign)], (0, 700), 100)
        assert {len(line) for line in canvas.text} == {40}
        signs = set("".join(canvas.text)) - {" "}
        assert signs <= ({"*"} if ascii else set(map(chr, range(0x2801, 0x2900))))
        assert {-1, 0} <= {cell for row in canvas.curve for cell in row}


def test_a_gap_is_left_empty() -> None:
    curve = [[Point(0, 50), Point(20, 50)], [Point(80, 50), Point(100, 50)]]
    (line,) = [line for line in draw(50, 5, [(curve, "")], (0, 100), 100).text if line.strip()]
    assert line[12:38].strip() == ""
    assert line[:10].strip() and line[41:].strip()


def test_where_curves_meet_the_last_shows() -> None:
    curve = [[Point(0, 50), Point(10, 50)]]
    canvas = draw(10, 5, [(curve, ""), (curve, "·")], (0, 10), 100)
    assert {cell for row in canvas.curve for cell in row} == {-1, 1}
    assert set("".join(canvas.text)) == {" ", "·"}


def test_many_points_keep_their_peaks() -> None:
    points = [Point(n, 100.0 if n == 777 else 1.0) for n in range(5000)]
    kept = thinned(points, 80)
    assert len(kept) <= 90
    assert Point(777, 100.0) in kept
    assert [p.at for p in kept] == sorted(p.at for p in kept)


def test_memory_is_told_with_its_limit() -> None:
    memory, cpu = blocks_of(content(4, 8, 6))
    assert memory.figures == ("6G of 16G (38 %)", "at most 8G", "largest task 4G")
    assert [line.label for line in memory.lines] == ["limit", "95 %"]
    assert not memory.is_high
    assert cpu.figures == ("50 % of 4 CPUs", "mean 50 %", "at most 50 %")


@pytest.mark.parametrize("gib", [15.5, 17.0])
def test_memory_near_or_above_its_limit_is_marked_and_stays_on_the_plot(gib: float) -> None:
    memory = blocks_of(content(4, gib))[0]
    assert memory.is_high
    assert memory.top >= gib * GIB


@pytest.mark.parametrize("ascii", [False, True])
def test_limit_and_95_percent_have_rows_of_their_own(ascii: bool) -> None:
    memory = blocks_of(content(4))[0]
    for rows in range(3, 40):
        top = fitting_top(memory, rows, fine=not ascii)
        labels = labels_of(memory, top, rows, fine=not ascii)
        kinds = [kind for _, kind in sorted(labels.items())]
        assert [kind for _, kind in kinds if kind] == ["limit", "warning"], rows
        assert top <= memory.top * 1.46


def test_without_a_limit_the_scale_says_the_most() -> None:
    memory = blocks_of(content(4, 8, job=JOB._replace(memory_bytes=None)))[0]
    assert memory.lines == () and "of" not in memory.figures[0]
    assert memory.scale[-1][1] == "8G"


def test_gpus_are_plotted_where_somebody_says_what_they_do() -> None:
    job = JOB._replace(gpus=2)
    more = {"gpu_percent": 80.0, "gpu_memory_bytes": 30 * GIB, "gpu_memory_total_bytes": 80 * GIB}
    *_, gpu = blocks_of(content(4, 8, job=job, **more))
    assert gpu.title == "GPU"
    assert gpu.figures == ("80 % of 2 GPUs", "· memory 30G of 80G", "38 %")
    assert words_of(content(4, job=job, **more)) == []


def test_no_gpu_figures_say_why_and_how_to_get_them() -> None:
    why = Feature("gpu_usage", False, "no gpuutil in TRES", "ask for AccountingStorageTRES")
    shown = content(4, job=JOB._replace(gpus=1))._replace(gpu_usage=why)
    assert words_of(shown) == [" no GPU figures: no gpuutil in TRES; ask for AccountingStorageTRES"]
    assert len(blocks_of(shown)) == 2
    assert words_of(content(4)) == []  # no GPUs asked for: nothing to say


@pytest.mark.parametrize(
    ("state", "words"),
    [("PENDING", "once it runs"), ("RUNNING", "within a minute"), ("FAILED", "are kept")],
)
def test_without_samples_it_says_why(state: str, words: str) -> None:
    shown = content(job=JOB._replace(state=state))
    assert blocks_of(shown) == []
    assert words in words_of(shown)[0]


def test_a_site_that_measures_nothing_is_told() -> None:
    shown = content()._replace(usage=Feature("usage", False, "none", "ask for jobacct_gather"))
    assert words_of(shown) == [" No figures: none; ask for jobacct_gather"]
