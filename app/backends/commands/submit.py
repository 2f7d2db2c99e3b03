"""``sbatch``: to submit a script, and to ask when it would start."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from jobshape.app.domain.request import EarliestStart, SubmitRequest
from jobshape.app.domain.units import MIB, format_duration, parse_time

_STARTS = re.compile(
    r"to start at (?P<time>\S+)(?: a)? using (?P<cpus>\d+) processors on (?:nodes )?(?P<nodes>\S+)"
    r"(?: in partition (?P<partition>\S+))?"
)
_HORIZON_S = 366 * 86400
_JOB_ID = re.compile(r"^(?:Submitted batch job )?(\d+)(?:;\S*| on cluster \S+)?$", re.MULTILINE)


def submit_command(
    request: SubmitRequest, *, test_only: bool = False, path: str = "/dev/stdin"
) -> list[str]:
    """The command that submits the script on its stdin, or asks when it would start.

    path: where the script lies, for who is called instead of sbatch.
    """
    options: dict[str, str | int | None] = {
        "job-name": request.name,
        "chdir": request.work_dir,
        "partition": request.partition,
        "account": request.account,
        "qos": request.qos,
        "nodes": request.nodes,
        "ntasks": request.tasks,
        "cpus-per-task": request.cpus_per_task,
        "mem": _mebibytes(request.memory_bytes),
        "gres": _gres(request.gpus),
        "time": _time_limit(request.time_limit_s),
        "array": request.array,
        "constraint": request.features,
        "exclude": request.exclude_nodes,
        "dependency": request.dependency,
        "comment": request.comment,
        "output": request.stdout,
        "error": request.stderr,
    }
    command = ["sbatch", "--test-only" if test_only else "--parsable"]
    command += [f"--{name}={value}" for name, value in options.items() if value is not None]
    if request.hold:
        command.append("--hold")
    if request.command and not test_only:
        return [*request.command, *command[1:], path, *request.arguments]
    if request.arguments:  # only a script that has a path can have arguments
        command += ["/dev/stdin", *request.arguments]
    return command


def parse_submitted(text: str) -> int | None:
    """The new job's id (``12``, ``12;cluster`` or a sentence), None if there is none."""
    match = _JOB_ID.search(text)
    return int(match.group(1)) if match else None


def parse_earliest_start(text: str, *, now: int) -> EarliestStart:
    """What ``--test-only`` said, at this time; no time if it gave none that means anything.

    Behind a pending job that can never start, Slurm answers with a time decades ahead.
    """
    message = text.strip()
    match = _STARTS.search(text)
    if match is None:
        return EarliestStart(None, message=message)
    start = parse_time(match["time"])
    if start is None or start > now + _HORIZON_S:
        return EarliestStart(None, message=message)
    return EarliestStart(start, match["nodes"], match["partition"] or "", message)


def _mebibytes(size_bytes: int | None) -> str | None:
    # Slurm counts in MiB: round up, so that nobody gets less than they asked for.
    return None if size_bytes is None else f"{-(-size_bytes // MIB)}M"


def _gres(gpus: str | None) -> str | None:
    return None if gpus is None else f"gpu:{gpus.removeprefix('gpu:')}"


def _time_limit(limit_s: int | None) -> str | None:
    return None if limit_s is None else format_duration(limit_s)


@contextmanager
def script_path(request: SubmitRequest, *, here: bool) -> Iterator[str]:
    """Where a wrapper finds the script: it may want to read it before it hands it to sbatch.

    here: the wrapper runs on this machine; elsewhere it gets the script on its stdin.
    """
    if not request.command or not here:
        yield "/dev/stdin"
        return
    with tempfile.NamedTemporaryFile(
        "w", prefix="jobshape-", suffix=".sh", encoding="utf-8", errors="surrogateescape"
    ) as file:  # made for its user alone
        file.write(request.script)
        file.flush()
        yield file.name
