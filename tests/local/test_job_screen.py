"""The job screen in a real terminal, on jobs that really run on this machine."""

from __future__ import annotations

import re
from typing import Any

import pytest

DOTS = r"[\u2801-\u28ff]"


@pytest.mark.parametrize(("columns", "rows"), [(120, 40), (80, 24)])
def test_a_running_job_from_its_plots_to_who_waits_for_it(
    machine: Any, columns: int, rows: int
) -> None:
    app = machine.open("demo", columns=columns, rows=rows)
    app.wait_for(r"\bR\b", 20)
    app.press(*"/name:train_probe", "enter")
    app.wait_until(lambda: "prep_r1" not in app.text and "train_probe" in app.text)
    app.press("i")
    app.wait_for(DOTS, 30)  # usage comes, and is drawn
    assert re.search(r"limit", app.text) and re.search(r"95 %", app.text)
    app.press("L")
    app.wait_for(r"holding \d+ MiB")
    app.press(*"/asked for", "enter")
    app.wait_for(r"> .*asked for: 1 CPUs")
    app.press("tab")
    app.wait_for(r"#SBATCH --mem=")
    app.press("tab")
    app.wait_for(r"batch +batch +(RUNNING|TIMEOUT)")
    app.press("tab")
    app.wait_for(r"Who waits for it")
    app.press("escape")
    app.wait_for(r"by submitted")
    app.press("q")
    app.wait_until(lambda: app.exit_code is not None)
    assert app.exit_code == 0
    machine.run("demo", "--clean", "--yes")
    machine.wait_for_no_process()
