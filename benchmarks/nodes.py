"""The nodes screen at 500 and 5,000 nodes: opening it, a cursor key, an update of 50 nodes.

Runs the app on a made-up site in a real terminal (a pseudo-terminal) of this machine; needs no
Slurm. ``python benchmarks/nodes.py [--json]``. Times in ms: ``open`` is from the key ``3`` to the
first output with the nodes; ``key`` from a key to the first output that changed the screen, the
median and worst of 60; ``update`` the time that the app's own loop is held by it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from terminal import Terminal  # noqa: E402

QUIET_S = 0.25
SIZES = ((80, 24), (200, 60))


def measure(nodes: int, size: tuple[int, int]) -> dict[str, object]:
    """The figures for so many nodes in a terminal of this size."""
    receiver, sender = os.pipe()
    os.set_inheritable(receiver, True)
    report = Path(tempfile.mkdtemp()) / "updates"
    environment = {"BOARD_APP_FD": str(receiver), "NODES_APP_REPORT": str(report), "TZ": "UTC",
                   "LC_ALL": "C.UTF-8"}  # fmt: skip
    script = str(ROOT / "tests" / "screens" / "nodes_app.py")
    with Terminal([sys.executable, script, str(nodes)], columns=size[0], rows=size[1],
                  env=environment) as terminal:  # fmt: skip
        os.close(receiver)
        terminal.wait_for("by submitted", 60)
        terminal.wait_quiet(QUIET_S, 20)
        opened_s = terminal.time_key("3")
        terminal.wait_for("Nodes on")
        terminal.wait_quiet(QUIET_S)
        keys = [terminal.time_key(key) for key in ("right", "right", "down", "j", "k", "l") * 10]
        bytes_before = terminal.bytes_seen
        terminal.press("right")
        terminal.wait_quiet(QUIET_S)
        key_bytes = terminal.bytes_seen - bytes_before
        spent = []
        for _ in range(10):
            bytes_before = terminal.bytes_seen
            os.write(sender, b"change 50\n")
            terminal.wait_quiet(QUIET_S)
            spent.append(terminal.bytes_seen - bytes_before)
    os.close(sender)
    updates = [float(line) for line in report.read_text().splitlines()]
    times = sorted(1000 * one for one in keys if one is not None)
    return {
        "nodes": nodes,
        "terminal": f"{size[0]}x{size[1]}",
        "open_ms": round(1000 * (opened_s or 0), 1),
        "key_median_ms": round(statistics.median(times), 1),
        "key_worst_ms": round(times[-1], 1),
        "key_bytes": key_bytes,
        "update_50_median_ms": round(statistics.median(updates), 1),
        "update_50_worst_ms": round(max(updates), 1),
        "update_50_bytes": round(statistics.median(spent)),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = [measure(nodes, size) for nodes in (500, 5_000) for size in SIZES]
    if options.json:
        json.dump(found, sys.stdout, indent=1)
        return 0
    for figures in found:
        print("  ".join(f"{name} {value}" for name, value in figures.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
