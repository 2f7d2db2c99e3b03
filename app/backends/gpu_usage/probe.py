"""``nvidia-smi`` inside a running job: a step that overlaps the job's own, ends by itself in
seconds, and takes nothing of what the job asked for."""

import os
import re
from collections.abc import Sequence

from jobshape.app.backends.gpu_usage.figures import (
    PROBE_STEP,
    Card,
    GpuFigures,
    NoFigures,
    together,
)
from jobshape.app.domain.units import MIB

SOURCE = "nvidia-smi"
TIMEOUT_S = 10.0
"""How long srun may take; the step itself ends after 5 s."""

MOST_NODES = 32
SPARE_BYTES = 256 * MIB
"""What a job must have left of its memory: nvidia-smi counts against the job's limit."""

# Always exit code 0, also where the job ends meanwhile and Slurm ends its steps: the job's
# DerivedExitCode is the highest of them. Only `wait` lets a shell heed a signal at once.
_SCRIPT = """\
trap 'exit 0' TERM INT HUP
echo "gpus ${SLURM_STEP_GPUS:-$SLURM_JOB_GPUS} on $SLURMD_NODENAME"
if command -v nvidia-smi >/dev/null 2>&1; then
    timeout --foreground -k 1 5 nvidia-smi \
        --query-gpu=index,utilization.gpu,memory.used,memory.total \
        --format=csv,noheader,nounits 2>&1 | head -c 8192 &
    wait $!
else
    echo "nvidia-smi is not on PATH"
fi
exit 0
"""
_LABELLED = re.compile(r"^\s*(\d+): ?(.*)$")
_HEAD = re.compile(r"^gpus (\S*) on (\S*)$")
_NOT_SAID = re.compile(r"^\[?(N/A|Not Supported|Unknown Error|Insufficient Permissions)\]?$")


def probe_command(job_id: int, nodes: int) -> list[str]:
    """The command that runs nvidia-smi once on each node of a job.

    --overlap shares the job's CPUs, memory and GPUs with its other steps; a step that asks for no
    GPUs of its own sees all those of the job. Source: srun(1), Slurm 22.05 and newer.
    """
    return [
        "srun", f"--jobid={job_id}", "--overlap", f"--nodes={nodes}", f"--ntasks={nodes}",
        "--ntasks-per-node=1", f"--job-name={PROBE_STEP}", "--immediate=5", "--time=1", "--label",
        "--quiet", "--input=none", "--mpi=none", "--cpu-bind=none", "sh", "-c", _SCRIPT,
    ]  # fmt: skip


def probe_environment() -> dict[str, str]:
    """Our environment without what srun would take for options, as inside another job."""
    kept = {
        name: value for name, value in os.environ.items()
        if name == "SLURM_CONF" or not name.startswith(("SLURM_", "SRUN_", "PMI_", "CUDA_"))
    }  # fmt: skip
    return {**kept, "LC_ALL": "C"}


def parse_probe(text: str, gpus: int) -> GpuFigures:
    """The figures of a job with so many GPUs, from what its nodes printed. Raises NoFigures."""
    of_task: dict[str, list[str]] = {}
    for line in text.splitlines():
        match = _LABELLED.match(line)
        if match:
            of_task.setdefault(match[1], []).append(match[2].strip())
    if not of_task:
        raise NoFigures("nvidia-smi in the job printed nothing")
    return together([card for said in of_task.values() for card in _cards(said)], gpus, SOURCE)


def _cards(lines: Sequence[str]) -> list[Card]:
    """The GPUs that the job has on one node.

    Where Slurm does not confine devices (ConstrainDevices), nvidia-smi shows those of others too:
    then the indices that Slurm gave the step decide.
    """
    given: set[str] = set()
    node = "a node"
    cards = []
    for line in lines:
        if head := _HEAD.match(line):
            given, node = {index for index in head[1].split(",") if index}, head[2]
        elif (card := _card(line, node)) is not None:
            cards.append(card)
        elif line:
            raise NoFigures(f"{node}: {printable(line)}")
    if given and len(cards) > len(given):
        cards = [card for card in cards if card.number in given]
    return cards


def _card(line: str, node: str) -> Card | None:
    words = [word.strip() for word in line.split(",")]
    if len(words) != 4 or not words[0].isdigit():
        return None
    percent, used, total = (_number(word) for word in words[1:])
    if percent is None:  # a GPU in parts (MIG): its memory is not the job's alone
        return Card(node, words[0], None, None, None)
    return Card(node, words[0], percent, _bytes(used), _bytes(total))


def _number(word: str) -> float | None:
    if _NOT_SAID.match(word):
        return None
    try:
        value = float(word)
    except ValueError:
        return None
    return value if value >= 0 else None


def _bytes(mebibytes: float | None) -> int | None:
    return None if mebibytes is None else round(mebibytes * MIB)


def printable(text: str, most: int = 120) -> str:
    """A line of somebody else's, without control codes and not too long."""
    return "".join(char if char.isprintable() else " " for char in text).strip()[:most]
