"""Reading a part of a log where this machine does not see the file: with stat and dd.

Through ssh on a login node, or through srun inside the job on the node that writes the file.
"""

import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

from jobshape.app.backends.commands.runner import Output
from jobshape.app.backends.commands.words import error_of
from jobshape.app.domain.log_part import (
    FOUND,
    MISSING,
    NO_FOLDER,
    UNREADABLE,
    LogPart,
)

Run = Callable[[Sequence[str]], Output]
"""Starts a command where the file is, without raising for its exit code."""

_FORMAT = "%s %.9Y %d:%i %F"  # size, time of the last change, file system and inode, kind
_STEP_MINUTES = 1
_NEVER_FAILING = ("sh", "-c", '"$@" || :', "sh")
"""Put before a command: the same, with exit code 0. The shell reads this text and no other."""

_MISSING = ("No such file or directory", "Not a directory")
_SAID = re.compile(r"^(?:\S*/)?(?:stat|dd): (?:cannot statx? |failed to open |error reading )?(.*)",
                   re.MULTILINE | re.DOTALL)  # fmt: skip


def read_part(run: Run, path: str, offset: int, size: int, *, ssh_host: str | None) -> LogPart:
    """A part of a file elsewhere; a negative offset counts from its end.

    ssh_host: for the words of an error. Raises as the runner does.
    """
    output = run(stat_command(path))
    part = parse_stat(output.stdout, output.stderr)
    if part is None:
        raise error_of("stat", output.stderr, output.code, ssh_host)
    if part.state == MISSING:
        folder = run(stat_command(str(PurePosixPath(path).parent)))
        above = parse_stat(folder.stdout, folder.stderr)
        return part._replace(state=NO_FOLDER) if above and above.state == MISSING else part
    start = max(0, part.size + offset) if offset < 0 else offset
    if part.state != FOUND or not size or start >= part.size:
        return part._replace(offset=start)
    output = run(read_command(path, start, size))
    data = output.stdout.encode("utf-8", "surrogateescape")  # the very bytes again
    if not data and _SAID.search(output.stderr):
        return LogPart(UNREADABLE, _own_words(output.stderr))
    return part._replace(offset=start, data=data, size=max(part.size, start + len(data)))


def stat_command(path: str) -> list[str]:
    """Asks for size, age and kind of a file."""
    return ["stat", "-L", "-c", _FORMAT, "--", path]


def read_command(path: str, offset: int, size: int) -> list[str]:
    """Reads a part: dd, unlike tail, ends where it is told to, and never waits for a pipe."""
    return ["dd", f"if={path}", "iflag=skip_bytes,count_bytes,fullblock,nonblock",
            f"skip={offset}", f"count={size}", "bs=64K", "status=none"]  # fmt: skip


def step_command(job_id: int, node: str, command: Sequence[str]) -> list[str]:
    """The same inside a running job, on this node of it, beside what runs there (srun(1)).

    It takes nothing from the job's own steps, and Slurm ends it after a minute whatever happens.
    It never fails, for Slurm would count that as a failure of the job (DerivedExitCode).
    """
    return ["srun", f"--jobid={job_id}", "--overlap", f"--nodelist={node}", "--nodes=1",
            "--ntasks=1", "--gres=none", "--mpi=none", "--input=none", "--chdir=/", "--quiet",
            f"--time={_STEP_MINUTES}", "--job-name=jobshape-log",
            *_NEVER_FAILING, *command]  # fmt: skip


def parse_stat(stdout: str, stderr: str) -> LogPart | None:
    """What stat said of a file; None if stat itself said nothing.

    A file in a folder that is missing looks like a missing file.
    """
    fields = stdout.rstrip("\n").split(" ", 3)
    if len(fields) == 4 and fields[0].isdigit():
        size, changed, mark, kind = fields
        if not kind.startswith("regular"):
            return LogPart(UNREADABLE, f"a {kind}, not a file")
        return LogPart(FOUND, size=int(size), modified_at=float(changed), mark=mark)
    if _SAID.search(stderr) is None:
        return None
    words = _own_words(stderr)
    return LogPart(MISSING if words.endswith(_MISSING) else UNREADABLE, words)


def _own_words(stderr: str) -> str:
    """What the command said, without its name, the path, and srun's word on the exit code."""
    said = "\n".join(line for line in stderr.split("\n") if not line.startswith("srun: "))
    match = _SAID.search(said)
    words = match[1] if match else said
    return words.rpartition(": ")[2].strip() or "it cannot be read"
