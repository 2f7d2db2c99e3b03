"""Measure DESIGN.md's budgets on a real Slurm and print them as a table, peers in the same run.

For each queue size a test cluster of its own is brought up and filled; then jobshape (all jobs,
and own jobs only), squeue and, where its wheel can be had, turm are measured one after the other.
Raw figures go to ``benchmarks/results/``.

    make bench                          # 2,000, 20,000 and 100,000 jobs; about 40 minutes
    make bench ARGS="--jobs 20000"
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests" / "cluster"))

from box.box import Box  # noqa: E402
from box.plan import Plan  # noqa: E402

PYTHON = "/opt/jobshape/bin/python"
ENVIRONMENT = {"PYTHONPATH": "/src/tests"}

# Budget of each row: (at up to 20,000 jobs, at 100,000); source: the project's design.
BUDGETS = {
    "exec to first rows, all jobs, s": None,  # 1.5 x squeue + 0.4 s, worked out from the run
    "exec to first rows, own 10 jobs, s": (0.5, 0.5),
    "key to changed screen, median, ms": (10, 10),
    "key to changed screen, worst of 200, ms": (30, 50),
    "longest stall of the drawing process, ms": (30, 50),
    "memory of all processes (PSS), median, MB": (160, 500),
    "memory of all processes (PSS), peak, MB": (160, 500),
    "CPU when nothing changes, % of a core": (2, 5),
    "slurmctld's time we cause, ms a minute": (200, 1000),
    "bytes for one cursor key": (700, 700),
    "key with slurmctld stopped, worst, ms": (30, 50),
}


def turm_binary(folder: Path) -> Path | None:
    """The peer's program out of its wheel, None where it cannot be had."""
    argv = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder), "turm"]
    subprocess.run(argv, capture_output=True, check=False)
    for wheel in folder.glob("turm-*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith("/scripts/turm"):
                    binary = folder / "turm"
                    binary.write_bytes(archive.read(name))
                    binary.chmod(0o755)
                    return binary
    return None


def measured(box: Box, command: list[str], *options: str) -> dict[str, Any]:
    """Figures of one program in the box."""
    argv = [PYTHON, "/src/benchmarks/measure.py", *options, "--", *command]
    done = box.run(argv, user="root", timeout=1800, env=ENVIRONMENT)
    return dict(json.loads(done.stdout))


def measure_size(jobs: int, turm: Path | None) -> dict[str, Any]:
    """All programs at one queue size."""
    box = Box.up(Plan(name=f"bench{jobs // 1000}k"), die_with=os.getpid(), say=say)
    try:
        sources = ["/src/app", "/src/widgets", "/src/screens"]
        box.run([PYTHON, "-m", "compileall", "-q", *sources], user="root", timeout=300)
        say(f"filling the queue with {jobs:,} jobs")
        entry = str(HERE.parent / "tests" / "cluster" / "box")
        fill = [sys.executable, entry, "fill", "--name", box.name, "--jobs", str(jobs)]
        subprocess.run([*fill, "--user", "alice"], check=True, timeout=1800, stdout=sys.stderr)
        subprocess.run(
            [*fill[:-1], "10", "--user", "bob"], check=True, timeout=300, stdout=sys.stderr
        )
        result: dict[str, Any] = {"jobs": jobs}
        say("measuring jobshape, all jobs")
        result["all"] = measured(box, ["jobshape", "--scope", "all"], "--stop-controller")
        say("measuring jobshape, own jobs only")
        result["own"] = measured(
            box, ["jobshape"], "--user", "bob", "--keys", "40", "--idle", "60", "--settle", "15"
        )
        say("measuring the longest stall")
        stall = [PYTHON, "/src/benchmarks/stall.py", "--", "--scope", "all"]
        done = box.run(stall, user="root", timeout=600, env=ENVIRONMENT)
        result["stall"] = json.loads(done.stdout)
        if turm:
            say("measuring turm")
            shutil.copy2(turm, box.state.homes / "alice" / "turm")
            rows = ("--ready", r"\bPD\s+\d+", "--keys", "100")
            result["turm"] = measured(box, ["/home/alice/turm"], *rows)
        return result
    finally:
        box.down()


def say(line: str) -> None:
    """Progress, on standard error."""
    print(line, file=sys.stderr, flush=True)


def rows(result: dict[str, Any]) -> list[tuple[str, float, float | None, float | None]]:
    """(what, ours, budget, turm) of one queue size."""
    ours, own, turm = result["all"], result["own"], result.get("turm")
    at = 0 if result["jobs"] <= 20_000 else 1

    def peer(*path: str) -> float | None:
        value: Any = turm
        for step in path:
            value = value.get(step) if value else None
        return value

    values = {
        "exec to first rows, all jobs, s": (ours["start_median_s"], peer("start_median_s")),
        "exec to first rows, own 10 jobs, s": (own["start_median_s"], None),
        "key to changed screen, median, ms": (
            ours["keys"]["ms"]["median"], peer("keys", "ms", "median")),
        "key to changed screen, worst of 200, ms": (
            ours["keys"]["ms"]["worst"], peer("keys", "ms", "worst")),
        "longest stall of the drawing process, ms": (result["stall"]["longest_ms"], None),
        "memory of all processes (PSS), median, MB": (
            ours["memory"]["median_mb"], peer("memory", "median_mb")),
        "memory of all processes (PSS), peak, MB": (
            ours["memory"]["peak_mb"], peer("memory", "peak_mb")),
        "CPU when nothing changes, % of a core": (
            ours["idle"]["cpu_percent"], peer("idle", "cpu_percent")),
        "slurmctld's time we cause, ms a minute": (
            ours["idle"]["controller_ms_a_minute"], peer("idle", "controller_ms_a_minute")),
        "bytes for one cursor key": (
            ours["cursor"]["bytes_median"], peer("cursor", "bytes_median")),
        "key with slurmctld stopped, worst, ms": (ours["stopped"]["ms"]["worst"], None),
    }  # fmt: skip
    table = []
    for what, (value, other) in values.items():
        limits = BUDGETS[what]
        budget = limits[at] if limits else round(1.5 * ours["squeue_s"] + 0.4, 2)
        table.append((what, value, budget, other))
    return table


def print_table(result: dict[str, Any]) -> None:
    """The budgets of one queue size, ours and the peer's, as Markdown."""
    ours = result["all"]
    print(f"\n### {result['jobs']:,} jobs (squeue of the same fields: {ours['squeue_s']} s;")
    rest = ours["idle"]["rest_of_machine_cpu_percent"]
    print(f"rest of the machine: {rest} % of a core)\n")
    print("| what | jobshape | budget | holds | turm |\n|---|---|---|---|---|")
    for what, value, budget, other in rows(result):
        holds = "yes" if budget is not None and value <= budget else "**no**"
        print(f"| {what} | {value} | {budget} | {holds} | {'-' if other is None else other} |")


def main() -> int:
    """Measure each size and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, nargs="+", default=[2_000, 20_000, 100_000])
    parser.add_argument("--no-turm", action="store_true")
    options = parser.parse_args()
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        turm = None if options.no_turm else turm_binary(Path(scratch))
        for jobs in options.jobs:
            result = measure_size(jobs, turm)
            (results / f"{jobs}.json").write_text(json.dumps(result, indent=1))
            print_table(result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
