"""``sacct``: what accounting keeps of a job beside its figures: its script, where it wrote."""

import re

from jobshape.app.backends.commands.accounting import read_records
from jobshape.app.backends.commands.queue import MARK
from jobshape.app.backends.commands.reference import whole
from jobshape.app.domain.job import LogPaths

LOG_FIELDS = ("StdOut", "StdErr", "StdIn")
"""Fields that name the log files; only newer releases have them."""

_SCRIPT_HEAD = re.compile(r"\ABatch Script for (?:(?P<het>\d+)\+0|[^\n]*)\n-+\n")


def script_command(job: str) -> list[str]:
    """The command that prints the script that accounting stored.

    Of a het job that is the first component's: sacct shows other jobs' scripts for the further ones
    (26.05), or cut ones (22.05).
    """
    return ["sacct", "--batch-script", "--jobs", re.sub(r"\+\d+", "+0", whole(job))]


def version_command() -> list[str]:
    """The command that tells sacct's release; it asks nobody."""
    return ["sacct", "--version"]


def adds_line_end(version: str) -> bool:
    """Whether this release (``slurm-wlm 22.05.8``) prints a line end after the script.

    22.05 does, 24.11 and 26.05 do not; where between them it changed was not tried.
    """
    match = re.search(r"(\d+)\.(\d+)", version)
    return match is not None and (int(match[1]), int(match[2])) < (23, 2)


def parse_script(text: str, *, line_end_added: bool) -> str:
    """The script as it was; "" if accounting has none."""
    match = _SCRIPT_HEAD.match(text)
    if match is None:
        return ""
    script = text[match.end() :]
    if match["het"]:  # the further components' follow
        script = re.split(rf"Batch Script for {match['het']}\+1\n-+\n", script, maxsplit=1)[0]
    if line_end_added:
        script = script.removesuffix("\n")
    return "" if script.strip() in ("NONE", "None", "(null)") else script


def log_paths_command(job: str, *, mark: str = MARK) -> list[str]:
    """The command that prints where a job wrote."""
    return ["sacct", "--noheader", "--parsable", f"--delimiter={mark}", "--allocations",
            "--expand-patterns", "--starttime=uts1000000000", f"--jobs={whole(job)}",
            "--format=" + ",".join(LOG_FIELDS)]  # fmt: skip


def parse_log_paths(text: str, *, mark: str = MARK) -> LogPaths | None:
    """The paths of the first job shown; None if there is none."""
    for record in read_records(text, LOG_FIELDS, mark):
        stdout, stderr = record["StdOut"], record["StdErr"]
        return LogPaths(stdout, stderr or stdout, record["StdIn"])
    return None
