"""``make cluster-demo``: jobshape on a test cluster with a workload; gone when you quit."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from box.box import Box
from box.errors import BoxError
from box.plan import Plan
from box.support import why_not

WORK = "/home/alice/embryo"
RULES = """\
stages = ["data_fetching", "preprocessing", "caching", "training", "eval"]

[[stage_rules]]
stage = "data_fetching"
name = "^fetch"
[[stage_rules]]
stage = "preprocessing"
name = "^prep"
[[stage_rules]]
stage = "caching"
name = "^cache"
[[stage_rules]]
stage = "training"
name = "^train"
[[stage_rules]]
stage = "eval"
name = "^eval"
"""

LONG = "sleep 1200"
JOBS = (
    ("alice", "fetch_cells", ["--time=10", "--mem=100M"], "true"),
    ("alice", "prep_tiles", ["--array=1-40%4", "--time=5", "--mem=80M"], "sleep $((RANDOM % 20))"),
    ("alice", "prep_masks", ["--time=2", "--mem=60M"], "tail /dev/zero"),  # runs out of memory
    ("alice", "cache_tokens", ["--time=30", "--mem=2G", "-c8"], LONG),
    ("alice", "train_small", ["--time=30", "--gres=gpu:1", "--mem=200M", "-p", "gpu"], LONG),
    ("alice", "train_large", ["--time=12:00:00", "--gres=gpu:4", "-N2", "-p", "gpu"], LONG),
    ("alice", "train_next", ["--time=60", "--gres=gpu:1", "-p", "gpu", "--hold"], LONG),
    ("alice", "eval_small", ["--time=10", "--dependency=singleton"], "exit 3"),
    ("alice", "eval_all", ["--time=10", "--begin=now+1hour"], "true"),
    ("bob", "md_sweep", ["--array=1-200%3", "--time=20", "--mem=80M"], "sleep 30"),
)  # fmt: skip


def main() -> int:
    """Bring the cluster up, fill it, show it, take it down."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slurm", default="26.05", help="26.05, 24.11 or 22.05")
    parser.add_argument("--picture", type=Path, help="write the screen there as SVG instead")
    parser.add_argument("arguments", nargs="*", help="passed on to jobshape")
    options = parser.parse_args()
    if reason := why_not():
        print(f"the demo needs a test cluster: {reason}", file=sys.stderr)
        return 1
    plan = Plan(name=f"demo-{os.getpid()}", release=options.slurm)
    try:
        box = Box.up(plan, die_with=os.getpid(), say=lambda line: print(line, file=sys.stderr))
    except BoxError as error:
        print(f"box: {error}", file=sys.stderr)
        return 1
    try:
        submit(box)
        if options.picture:
            return draw(box, options.picture)
        words = ["jobshape", *(options.arguments or ["--scope", "all"])]
        colours = {
            name: os.environ[name] for name in ("COLORTERM", "NO_COLOR") if name in os.environ
        }
        return subprocess.run(box.command(words, cwd=WORK, env=colours), check=False).returncode
    finally:
        box.down()


def draw(box: Box, target: Path) -> int:
    """The README's screenshot, once the first jobs have run."""
    time.sleep(25)
    python = "/opt/jobshape/bin/python"
    command = [python, "/src/tests/cluster/picture.py", "132", "32"]
    target.write_text(box.run(command, cwd=WORK, env={"COLORTERM": "truecolor"}).stdout)
    return 0


def submit(box: Box) -> None:
    """A small workload of several stages in a folder with stage rules of its own."""
    box.run(["mkdir", "-p", WORK])
    box.run(["tee", f"{WORK}/.jobshape.toml"], input=RULES)
    for user, name, options, script in JOBS:
        folder = WORK if user == "alice" else f"/home/{user}"
        command = ["sbatch", f"--job-name={name}", "--output=/dev/null", *options]
        box.run([*command, f"--wrap={script}"], user=user, cwd=folder)


if __name__ == "__main__":
    sys.exit(main())
