"""``jobshape stages`` for people and for scripts."""

from __future__ import annotations

import json
from typing import Any

from jobshape.app.stages_report import SCHEMA, StagesReport, stages_report

from .making import GIB, HOUR, NOW, job, run

STAGES = ("fetch", "training", "eval")


def report(**more: Any) -> StagesReport:
    runs = [
        run(n, start=NOW - 40 * HOUR + n * HOUR, rss=8.0, cpu_s=7200.0) for n in range(20)
    ] + [run(50, "OUT_OF_MEMORY", start=NOW - 2 * HOUR, ran_s=60)]  # fmt: skip
    live = [job(60, "RUNNING", start_time=NOW - HOUR // 2), job(61, "PENDING", name="\x1b[31mred")]
    return stages_report(runs, live, STAGES, NOW, **more)


def test_the_document_can_be_read_and_says_null_where_nobody_said() -> None:
    document = json.loads(report(baseline=10).json())
    assert document["schema"] == SCHEMA
    stages = {one["stage"]: one for one in document["stages"]}
    assert list(stages) == list(STAGES)
    training, fetch = stages["training"], stages["fetch"]
    assert training["runs"] == 10
    assert training["memory_bytes"]["max"] == 16 * GIB
    assert training["memory_at_limit"] == 1
    assert training["cpu_efficiency"] == 0.5
    assert training["failures"] == {"oom_host": 1}
    assert training["eta_s"]["mid_s"] > 0
    assert document["bottleneck"]["stage"] == "training"
    for field in ("memory_bytes", "cpu_efficiency", "gpu_percent", "elapsed_s", "eta_s", "wait_s",
                  "shape", "retries", "failure_rate", "done_per_hour"):  # fmt: skip
        assert fetch[field] is None, field
    assert training["gpu_percent"] is None


def test_the_lines_say_the_same_with_a_dash_where_nobody_said() -> None:
    lines = list(report(problem="accounting: off\x1b[0m").lines())
    assert lines[0].split()[:5] == ["Stage", "PD", "R", "Done", "F"]
    assert lines[1].split() == ["fetch", "0", "0", "0", "0", "-/-", *["-"] * 2, "-/-", *["-"] * 6]
    assert lines[2].startswith("training*") and "8.4G/16G" in lines[2]
    assert lines[-2].startswith("bottleneck: training: ")
    assert "\x1b" not in "".join(lines)
