"""Plots as SVG: what they show is in proportion, and a viewer can read them."""

from __future__ import annotations

import shutil
import subprocess
from xml.etree import ElementTree

import pytest
from jobshape.app.reports.parts import Bar, BarGroup, MemoryPlot, MemoryUse, TimePlot
from jobshape.app.reports.plots import WIDTH, memory_plot, time_plot

SVG = "{http://www.w3.org/2000/svg}"
G = 1024**3
TIMES = TimePlot((BarGroup("Round 1", (Bar("a", (60, 600, 0)), Bar("b", (60, 600, 660)))),), 660.0,
                 "")  # fmt: skip
MEMORY = MemoryPlot((MemoryUse("train", 8 * G, 2 * G, 3 * G, 4 * G, 2),
                     MemoryUse("prep", 1 * G, 1 * G, 1 * G, 2 * G, 0)), "")  # fmt: skip


def widths(svg: str, group: int) -> list[float]:
    bars = [one for one in ElementTree.fromstring(svg).iter(f"{SVG}g")][group]
    return [float(one.get("width", "0")) for one in bars.iter(f"{SVG}rect")]


def test_bars_are_as_long_as_their_times() -> None:
    svg = time_plot(TIMES)
    wait, run = widths(svg, 0)
    assert run / wait == pytest.approx(10, rel=0.01)
    same_wait, same_run, lost, hatch = widths(svg, 1)
    assert (same_wait, same_run) == (wait, run)
    assert lost == hatch == pytest.approx(wait + run, abs=0.2)


def test_a_bar_tells_its_times() -> None:
    assert "b: wait 1 min, run 10 min, lost in retries 11 min" in time_plot(TIMES)


def test_the_baseline_stands_where_its_time_is() -> None:
    root = ElementTree.fromstring(time_plot(TIMES))
    dashed = [one for one in root.iter(f"{SVG}line") if one.get("stroke-dasharray")][-1]
    wait, run = widths(time_plot(TIMES), 0)
    assert float(dashed.get("x1", "0")) - 230 == pytest.approx(wait + run, abs=0.2)


def test_memory_used_is_in_proportion_to_the_frame() -> None:
    used, asked = widths(memory_plot(MEMORY), 0)
    assert used / asked == pytest.approx(3 / 8, rel=0.01)
    assert "3G of 8G, 2 out of memory" in memory_plot(MEMORY)


@pytest.mark.parametrize("most", [0.0, 1.0, 59.0, 3601.0, 90_000.0, 40 * 86_400.0])
def test_any_length_of_time_has_a_few_marks_inside_the_picture(most: float) -> None:
    plot = TimePlot((BarGroup("Round 1", (Bar("a", (0, most, 0)),)),), None, "")
    root = ElementTree.fromstring(time_plot(plot))
    marks = [one for one in root.iter(f"{SVG}line")]
    assert 1 <= len(marks) <= 7
    assert all(float(one.get("x1", "0")) <= WIDTH for one in root.iter() if one.get("x1"))


def test_a_long_name_keeps_its_end() -> None:
    plot = TimePlot((BarGroup("Round 1", (Bar("x" * 300 + "-seed-7", (0, 1, 0)),)),), None, "")
    labels = [one.text or "" for one in ElementTree.fromstring(time_plot(plot)).iter(f"{SVG}text")]
    assert not max(map(len, labels)) > 32


@pytest.mark.skipif(not shutil.which("rsvg-convert"), reason="needs rsvg-convert")
@pytest.mark.parametrize("svg", [time_plot(TIMES), memory_plot(MEMORY)], ids=["times", "memory"])
def test_another_program_draws_it(svg: str) -> None:
    done = subprocess.run(
        ["rsvg-convert"], input=svg.encode(), capture_output=True, timeout=60, check=True
    )
    assert done.stdout.startswith(b"\x89PNG") and not done.stderr
