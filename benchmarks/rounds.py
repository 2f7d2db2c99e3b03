"""A campaign of many jobs on a site in memory: what the process that runs it costs.

python benchmarks/rounds.py [--trials 10000] [--pace 5] [--seconds 60] [--lasts 2400]

The site answers at once, so what is measured is the runner: reading the queue, keeping what ended,
choosing and sending. It runs at its own pace, in a process of its own; two times are measured: all
jobs of a large round on their way, some ending at every turn, and the same with nothing moving.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.unit.rounds.memory_site import MemorySite, Played

MOST_CORE_PERCENT, MOST_MIB = 5.0, 150.0
_MANIFEST = """
project: many
stages: [{{name: train, command: [train], shape: {{memory: 100M, time: 1:00:00}}}}]
phases:
  - name: training
    stage: train
    grid:
      parameters: {{lr: [{lr}], seed: [{seed}]}}
      template: {{id: "t-${{lr}}-${{seed}}", args: ["t-${{lr}}-${{seed}}"]}}
smoke: {{shape: {{time: 0:01:00}}}}
rounds: {{sweep: 6, growth: 1000000}}
"""


def pss_mib() -> float:
    """Memory of this process, shared pages by its part."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def main() -> int:
    """Measure, say, and tell by the exit code whether it is within budget."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--pace", type=float, default=5.0, help="seconds between two turns")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each measurement")
    parser.add_argument("--lasts", type=int, default=2400, help="seconds the longest job takes")
    options = parser.parse_args()
    seeds = options.trials // 100
    text = _MANIFEST.format(
        lr=", ".join(map(str, range(100))), seed=", ".join(map(str, range(seeds)))
    )
    count = 0

    def ends(words: tuple[str, ...], smoke: bool, memory: int | None, before: int) -> object:
        """Jobs end evenly spread over the time that the longest takes."""
        nonlocal count
        count += 1
        is_large = count > 10
        return "COMPLETED", 30 + (count * 7919 % options.lasts if is_large else 0), ""

    with tempfile.TemporaryDirectory() as folder:
        site = MemorySite(ends)  # type: ignore[arg-type]
        site.is_strict = False
        began = time.monotonic()
        played = Played(Path(folder), text, site, jobs_in_flight=0)
        print(f"a campaign of {seeds * 100:,} jobs kept in {time.monotonic() - began:.2f} s")
        while len(site.tasks) < seeds * 100:  # smoke, sweep, and all the rest at once
            played.turn(options.pace)
        report = {
            "trials": seeds * 100,
            "moving": measure(played, options.pace, options.seconds, moves=True),
            "still": measure(played, options.pace, options.seconds, moves=False),
            "pss_mib": round(pss_mib(), 1),
        }
        print(json.dumps(report, indent=1))
        began = time.monotonic()
        played.kill()
        played.turn(0)
        print(f"started again in {time.monotonic() - began:.2f} s")
        played.kill()
    worst = max(report["moving"]["core_percent"], report["still"]["core_percent"])  # type: ignore[index]
    return int(worst > MOST_CORE_PERCENT or report["pss_mib"] > MOST_MIB)  # type: ignore[operator]


def measure(played: Played, pace_s: float, seconds: float, *, moves: bool) -> dict[str, float]:
    """CPU time of the runner's turns as a share of a core, at its pace; the site's own is in it."""
    turns, spent, longest = 0, 0.0, 0.0
    calls = dict(played.site.calls)
    ended = played.counts().get(("full", "completed"), 0)
    for _ in range(int(seconds / pace_s)):
        if moves:
            played.site.pass_time(pace_s)
        else:
            played.site.now += pace_s
        before = time.process_time()
        played.runner.turn()  # type: ignore[union-attr]
        took = time.process_time() - before
        turns, spent, longest = turns + 1, spent + took, max(longest, took)
    asked = played.site.calls.get("queue", 0) - calls.get("queue", 0)
    return {
        "turns": turns, "core_percent": round(100 * spent / (turns * pace_s), 2),
        "longest_turn_ms": round(longest * 1000, 1), "queue_calls_a_turn": asked / turns,
        "ended": played.counts().get(("full", "completed"), 0) - ended,
    }  # fmt: skip


if __name__ == "__main__":
    os.environ.setdefault("JOBSHAPE_STATE_DIR", tempfile.gettempdir())
    sys.exit(main())
