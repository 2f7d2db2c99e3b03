"""Filling a box's queue with many different pending jobs, quickly.

The submitting half runs inside the box: through pyslurm where there is one (about 1.5 ms a job),
else as sbatch arrays (one submission for many tasks, which share a name).
"""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from box.boot import ACCOUNTS
from box.box import Box
from box.environment import PREFIX
from box.keeper import ENTRY_IN_BOX

STATES: Final = ("resources", "begin", "held", "dependency")
_WEIGHTS: Final = {"resources": 6, "begin": 2, "held": 1, "dependency": 1}
_BLOCKER: Final = "fill-blocker"
_ARRAY_WIDTH: Final = 1000
_SCRIPT: Final = "#!/bin/sh\nsleep 600\n"
_STAGES: Final = ("fetch", "prep", "cache", "train", "eval")
_MODELS: Final = ("resnet50", "vit_b16", "llama_7b", "unet3d", "gcn_protein", "xgb_base")


@dataclass(frozen=True, slots=True)
class Wish:
    """What to fill a queue with; states are of STATES."""

    jobs: int
    users: tuple[str, ...]
    states: tuple[str, ...]
    big_nodes: bool


class Filler(NamedTuple):
    """One job to submit."""

    name: str
    user: str
    account: str
    partition: str
    cpus: int
    memory_mib: int
    gpus: int
    walltime: str
    state: str


def fill(box: Box, jobs: int, users: Sequence[str], states: Sequence[str] = STATES) -> None:
    """Submit this many pending jobs to the box; returns when all are in its queue."""
    wish = Wish(jobs, tuple(users), tuple(states), box.plan.big_nodes > 0)
    python = f"{PREFIX}/bin/python" if box.plan.recipe.pyslurm else "/usr/bin/python3"
    how = "_fill-pyslurm" if box.plan.recipe.pyslurm else "_fill-sbatch"
    argv = [python, ENTRY_IN_BOX, how, json.dumps(asdict(wish))]
    box.run(argv, user="root", timeout=None)


def with_pyslurm(text: str) -> None:
    """Inside the box, as root: submit the jobs one by one for their users."""
    import pyslurm  # only in the box, and it ends the process where there is no Slurm

    _block()
    previous = 0
    wish = _wish(text)
    for filler in itertools.islice(fillers(wish), wish.jobs):
        job = pyslurm.JobSubmitDescription(**_description(filler, previous))
        previous = int(job.submit())


def with_sbatch(text: str) -> None:
    """Inside the box, as root: submit the jobs as arrays."""
    _block()
    wish = _wish(text)
    previous, left = 0, wish.jobs
    for filler in fillers(wish):
        width = min(left, _ARRAY_WIDTH)
        done = subprocess.run(
            [*_sbatch_command(filler, previous), f"--array=0-{width - 1}"],
            input=_SCRIPT,
            text=True,
            stdout=subprocess.PIPE,
            check=True,
        )
        previous = int(done.stdout.split(";")[0])
        left -= width
        if not left:
            return


def fillers(wish: Wish) -> Iterator[Filler]:
    """Jobs of a plausible mix, without end, the same ones each time."""
    dice = random.Random(20_000)
    weights = [_WEIGHTS[state] for state in wish.states]
    partitions = ("main", "main", "main", "gpu", *(("cloud",) if wish.big_nodes else ()))
    for number in itertools.count():
        partition = dice.choice(partitions)
        (state,) = dice.choices(wish.states, weights)
        user = wish.users[number % len(wish.users)]
        cpus = dice.choice((1, 1, 2, 4, 8, 16))
        yield Filler(
            name=f"{dice.choice(_STAGES)}_{dice.choice(_MODELS)}_r{number % 7}_t{number:05}",
            user=user,
            account=dice.choice([name for name, members in ACCOUNTS.items() if user in members]),
            partition=partition,
            cpus=cpus,
            memory_mib=cpus * dice.choice((1000, 2000, 4000, 8000)),
            gpus=dice.choice((1, 1, 2, 4)) if partition == "gpu" else 0,
            walltime=f"{dice.choice((0, 1, 2, 4, 8, 12)):02}:{dice.choice((10, 30, 45)):02}:00",
            # nothing keeps a cloud node busy
            state="begin" if partition == "cloud" and state == "resources" else state,
        )


def _description(filler: Filler, previous: int) -> dict[str, Any]:
    """Fields of a pyslurm.JobSubmitDescription."""
    home = f"/home/{filler.user}"
    fields: dict[str, Any] = {
        "name": filler.name,
        "user_id": filler.user,
        "group_id": filler.user,
        "account": filler.account,
        "partitions": filler.partition,
        "cpus_per_task": filler.cpus,
        "memory_per_node": f"{filler.memory_mib}M",
        "time_limit": filler.walltime,
        "working_directory": home,
        "standard_output": f"{home}/%x-%j.out",
        "script": _SCRIPT,
        "environment": {"HOME": home, "PATH": "/usr/bin:/bin"},
    }
    if filler.gpus:
        fields["gres_per_node"] = f"gpu:a100:{filler.gpus}"
    match _state(filler, previous):
        case "resources":
            fields["constraints"] = "busy"
        case "begin":
            fields["begin_time"] = "now+7days"
        case "held":
            fields["priority"] = 0
        case "dependency":
            fields["dependencies"] = f"afterok:{previous}"
    return fields


def _sbatch_command(filler: Filler, previous: int) -> list[str]:
    home = f"/home/{filler.user}"
    state = {
        "resources": "--constraint=busy",
        "begin": "--begin=now+7days",
        "held": "--hold",
        "dependency": f"--dependency=afterok:{previous}",
    }[_state(filler, previous)]
    return [
        *("sbatch", "--parsable", f"--uid={filler.user}", f"--gid={filler.user}", state),
        *(f"--job-name={filler.name}", f"--account={filler.account}"),
        *(f"--partition={filler.partition}", f"--cpus-per-task={filler.cpus}"),
        *(f"--mem={filler.memory_mib}M", f"--time={filler.walltime}", f"--chdir={home}"),
        *([f"--gres=gpu:a100:{filler.gpus}"] if filler.gpus else []),
    ]


def _state(filler: Filler, previous: int) -> str:
    return "held" if filler.state == "dependency" and not previous else filler.state


def _block() -> None:
    """Keep node b1 busy for a day, so that jobs that ask for it have to wait."""
    queue = ["squeue", "--noheader", f"--name={_BLOCKER}", "--format=%T"]
    command = [
        *("sbatch", f"--job-name={_BLOCKER}", "--constraint=busy", "--exclusive", "--mem=0"),
        *("--time=1-00:00:00", "--output=/dev/null", "--chdir=/tmp", "--wrap=exec sleep 2d"),
    ]
    while True:
        state = subprocess.run(queue, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        if state == "RUNNING":
            return
        if not state:
            subprocess.run(command, stdout=sys.stderr, check=True)
        time.sleep(0.1)


def _wish(text: str) -> Wish:
    fields = json.loads(text)
    return Wish(**{**fields, "users": tuple(fields["users"]), "states": tuple(fields["states"])})
