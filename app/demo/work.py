"""What the demo's jobs do: ``python3 work.py STAGE ...``, with nothing but Python's own library.

It holds the memory and burns the CPU that its options say, so that what a job asks for can be
compared with what it uses; the files between the stages are real, and small.
"""

import argparse
import hashlib
import json
import math
import os
import random
import sys
import time
import zlib
from pathlib import Path

MIB = 1 << 20
SLICE_S = 0.1


def main() -> int:
    """Do one stage's work; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stage", choices=("fetch", "preprocess", "cache", "train", "eval"))
    parser.add_argument("--round", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long to work")
    parser.add_argument("--memory", type=int, default=30, help="MiB to hold")
    parser.add_argument("--cpu", type=float, default=0.5, help="share of a CPU to burn")
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="file for the loss")
    options = parser.parse_args()
    os.nice(5)
    data = Path("data") / f"round-{options.round}"
    data.mkdir(parents=True, exist_ok=True)
    say(f"{options.stage}, round {options.round}: on {os.uname().nodename}, process {os.getpid()}")
    say(f"asked for: {os.environ.get('SLURM_CPUS_PER_TASK', '?')} CPUs, "
        f"{os.environ.get('SLURM_MEM_PER_NODE', '?')} MB")  # fmt: skip
    files(options.stage, data)
    work(options.stage, options.seconds, options.memory, options.cpu)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        loss = loss_of(options.lr, options.seed)
        options.out.write_text(json.dumps({"loss": loss, "lr": options.lr}) + "\n")
        say(f"loss {loss:.4f}")
    say("done")
    return 0


def loss_of(lr: float, seed: int) -> float:
    """What a training would have come to: best near a learning rate of 1e-2."""
    return round(0.4 + 0.3 * abs(math.log10(lr) + 2) + 0.05 * random.Random(seed).random(), 4)


def files(stage: str, data: Path) -> None:
    """The stage's part of the files: made, compressed, joined, or only read."""
    if stage == "fetch":
        for number in range(6):
            (data / f"shard-{number}").write_bytes(random.randbytes(MIB // 2))
    elif stage == "preprocess":
        number = int(os.environ.get("SLURM_ARRAY_TASK_ID", "0"))
        shard = (data / f"shard-{number % 6}").read_bytes()
        (data / f"tokens-{number}").write_bytes(zlib.compress(shard.hex().encode()))
    elif stage == "cache":
        parts = sorted(data.glob("tokens-*"))
        (data / "cache").write_bytes(b"".join(part.read_bytes() for part in parts))
        say(f"{len(parts)} parts in the cache")
    elif (cache := data / "cache").exists():
        say(f"cache {hashlib.sha256(cache.read_bytes()).hexdigest()[:12]}")


def work(stage: str, seconds: float, memory_mib: int, cpu: float) -> None:
    """Take the memory over the first third, burn the CPU until the end, and tell how it goes."""
    held: list[bytearray] = []
    began = time.monotonic()
    told = -1
    loss = 4.0
    while (passed := time.monotonic() - began) < seconds:
        wanted = min(1.0, 3 * passed / seconds) * memory_mib
        while len(held) < wanted:
            held.append(bytearray(os.urandom(4096) * (MIB // 4096)))
        busy_until = time.monotonic() + SLICE_S * cpu
        while time.monotonic() < busy_until:
            loss += (1.0 - loss) * 1e-6
        time.sleep(SLICE_S * (1 - cpu))
        percent = int(10 * passed / seconds) * 10
        if percent != told:
            told = percent
            detail = f", loss {loss:.4f}" if stage == "train" else ""
            say(f"{percent:3d} %, holding {len(held)} MiB{detail}")


def say(line: str) -> None:
    """A line for the job's log, at once."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
