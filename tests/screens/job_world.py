"""What the job screen is told about the jobs of the recorded board."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from driving import LONGEST_S, make_app
from jobshape.app.board.board import Board
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.job import AccountedJob, Job, LogPaths, Usage
from jobshape.app.domain.past import Lineage, PastJob
from jobshape.app.domain.step import Step
from jobshape.app.tui import JobshapeApp
from jobshape.screens.job import JobScreen
from log_app import RecordedLog, training_log
from recorded import GIB, HOUR, MINUTE, NOW, RecordedActions, job, recorded_board
from textual.pilot import Pilot

SCRIPT = """#!/bin/bash
#SBATCH --job-name=train-vit-b16
#SBATCH --partition=gpu --gres=gpu:a100:1
#SBATCH --cpus-per-task=8
#SBATCH --mem=64G
#SBATCH --time=1-00:00:00
# everything below runs on the node

set -euo pipefail
module load cuda/12.4
#SBATCH --constraint=fast
export OMP_NUM_THREADS=$SLURM_CPUS_PER_TASK
for seed in 1 2 3; do
    srun python train.py --model vit-b16 --seed "$seed" --out "runs/$SLURM_JOB_ID/$seed" \\
        --epochs 90 || { echo "seed $seed failed" >&2; exit 1; }
done
printf '\x1b[31mnot red\x1b[0m\n'
"""

OUT, ERR = "/scratch/alice/vit/9112.out", "/scratch/alice/vit/9112.err"

START = NOW - 81 * MINUTE  # of 9112
STEPS = [
    Step("batch", "batch", "RUNNING", START, None, None, "", 1, 1, 8, "n06", None, None,
         "cpu=8,mem=64G,node=1,gres/gpu=1"),
    Step("0", "python train.py --seed 1", "COMPLETED", START + 4, START + 40 * MINUTE, 2396, "0:0",
         1, 1, 8, "n06", 15_100.0, 12 * GIB, "cpu=8,mem=64G,node=1,gres/gpu=1"),
    Step("1", "odd\nname \x1b[31m", "FAILED", START + 40 * MINUTE, START + 43 * MINUTE, 180, "1:0",
         1, 1, 8, "n06", 33.0, 700 * 1024**2, "cpu=8,mem=64G,node=1,gres/gpu=1"),
    Step("2", "python train.py --seed 3", "RUNNING", START + 43 * MINUTE, None, None, "", 1, 1, 8,
         "n06", None, None, "cpu=8,mem=64G,node=1,gres/gpu=1"),
    Step("extern", "extern", "RUNNING", START, None, None, "", 1, 1, 8, "n06", None, None, ""),
]  # fmt: skip


def usage_of(job_id: int, minutes: int, *, gpu: bool = True, top_gib: float = 62.0) -> list[Usage]:
    """Samples every half minute up to a little ago: memory climbs, the CPUs come and go."""
    samples, cpu_s = [], 0.0
    count = 2 * minutes
    for n in range(count):
        at = NOW - 12 - 30 * (count - 1 - n)
        share = (n + 1) / count
        memory = int(GIB * (8 + (top_gib - 8) * share**0.6 - 3 * (n % 11 == 0)))
        cpu_s += 30 * 8 * (0.75 if n % 40 < 28 else 0.12)
        percent = 94.0 - 6 * (n % 5) if n % 40 < 28 else 3.0
        samples.append(Usage(
            job_id, at, memory, memory // 2, cpu_s,
            gpu_percent=percent if gpu else None,
            gpu_memory_bytes=int(GIB * (20 + 40 * share)) if gpu else None,
            gpu_memory_total_bytes=80 * GIB if gpu else None,
            gpu_source="nvidia-smi" if gpu else "",
        ))  # fmt: skip
    return samples


def job_board(*, minutes: int = 75, gpu: bool = True, link: Any = None) -> Board:
    """The recorded board with usage of 9112 seen for a while, and a pipeline around 9107."""
    board = recorded_board(**({"link": link} if link else {}))
    board.change_jobs([
        job(9120, "PENDING", name="eval-9107", dependency="afterok:9107(unfulfilled)",
            reason="Dependency", stage="eval"),
        job(9121, "PENDING", name="publish [bold]x[/]", reason="Dependency",
            dependency="afterok:9120(unfulfilled),afterany:9112(unfulfilled)"),
        job(9122, "PENDING", name="report", reason="DependencyNeverSatisfied",
            dependency="afterok:9304(failed)"),
        job(9123, "PENDING", name="collect-sweep", reason="Dependency",
            dependency="afterok:9400_*(unfulfilled)?afterany:8000(unfulfilled)"),
    ])  # fmt: skip
    board.usage.pop(9112)
    if minutes:
        # In the order in which they came: the series takes no older ones.
        board.usage_series = type(board.usage_series)()
        for one in usage_of(9112, minutes, gpu=gpu):
            board.set_usage([one])
    return board


class JobActions(RecordedActions):
    """Answers what the job screen asks; ``fails``: method -> the error it gives."""

    def __init__(self, *, script: str = SCRIPT, steps: Sequence[Step] = tuple(STEPS)) -> None:
        super().__init__()
        self.answers: dict[str, Any] = {
            "script": script, "steps": list(steps), "log_paths": LogPaths(OUT, ERR, "/dev/null"),
        }  # fmt: skip
        self.logs = {
            OUT: RecordedLog(training_log(12), path=OUT),
            ERR: RecordedLog(b"slurmstepd: error: nothing to see\n", path=ERR),
        }
        self.fails: dict[str, JobshapeError] = {}

    async def call(self, method: str, **arguments: Any) -> Any:
        """The answer recorded for a method."""
        found = await super().call(method, **arguments)
        if method in self.fails:
            raise self.fails[method]
        if method == "read_log":
            return self.logs[arguments["path"]].read(arguments["offset"], arguments["size"])
        return self.answers.get(method, found)

    def count(self, method: str) -> int:
        """How often it was asked."""
        return sum(name == method for name, _ in self.asked)


class RecordedPast:
    """A history that knows one resubmitted job, and the usage of one that ended."""

    async def usage_series(self, job: Job) -> Sequence[Usage] | None:
        """Of the one that ran out of memory."""
        await asyncio.sleep(0)
        if job.job_id != 9304:
            return None
        gib = [4 + 13 * (n / 66) ** 2 for n in range(66)]
        start = job.start_time or 0
        return [
            Usage(9304, start + 60 * n + 5, int(one * GIB), int(one * GIB), 200.0 * n)
            for n, one in enumerate(gib)
        ]

    async def lineage(self, job: Job) -> Lineage | None:
        """Two before, none after."""
        await asyncio.sleep(0)
        if job.job_id != 9112:
            return None
        first = _past(9001, "OUT_OF_MEMORY", 32, finding="oom_host")
        second = _past(9050, "TIMEOUT", 64, finding="timeout", note="was nearly done")
        return Lineage((first, second), ())


def _past(job_id: int, state: str, gib: int, **more: Any) -> PastJob:
    record = job(job_id, state, name="train-vit-b16", memory_bytes=gib * GIB,
                 submit_time=NOW - 30 * HOUR + job_id)  # fmt: skip
    used = AccountedJob(record, 5400, 20_000.0, (gib - 1) * GIB, "0:0")
    return PastJob("alpha", used, NOW - HOUR, **more)


def job_app(board: Board | None = None, actions: JobActions | None = None, **more: Any
            ) -> JobshapeApp:  # fmt: skip
    """The app on the job board."""
    more.setdefault("past", RecordedPast())
    through_site = more.pop("through_site", True)
    app = make_app(board or job_board(), actions=actions or JobActions(), **more)
    if through_site:  # the logs are those of the actions, not of this machine
        app.settings = replace(app.settings, site=replace(app.settings.site, ssh="login1"))
    return app


async def open_job(pilot: Pilot[None], job_id: int, *keys: str) -> JobScreen:
    """Go to the screen of a job and press keys there, each on a screen at rest."""
    await pilot.pause()
    assert isinstance(pilot.app, JobshapeApp)
    pilot.app.show_job(job_id)
    await settle_job(pilot)
    return await press_job(pilot, *keys)


async def press_job(pilot: Pilot[None], *keys: str) -> JobScreen:
    """Press keys, each on a screen at rest."""
    for key in keys:
        await pilot.press(key)
        await settle_job(pilot)
    return job_screen(pilot)


def job_screen(pilot: Pilot[None]) -> JobScreen:
    """The job screen, seen or not."""
    screen = pilot.app.get_screen(JobScreen.NAME)
    assert isinstance(screen, JobScreen)
    return screen


async def settle_job(pilot: Pilot[None]) -> None:
    """Wait until every question is answered and drawn."""
    deadline = asyncio.get_running_loop().time() + LONGEST_S
    while asyncio.get_running_loop().time() < deadline:
        await pilot.pause()
        room = getattr(pilot.app, "room", None)
        if room is None or room.is_settled:
            await pilot.pause()
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the screen never came to rest")
