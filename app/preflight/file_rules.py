"""Rules on the disks: where it writes, whether there is room, whether its inputs are there."""

import re
from collections.abc import Iterator

from jobshape.app.domain.units import GIB, format_size
from jobshape.app.preflight.facts import Facts
from jobshape.app.preflight.rule import Seen, bad, doubtful, good, unknown
from jobshape.app.preflight.subject import Subject
from jobshape.app.settings.values import Policy

MAKES_FOLDERS = (24, 11)
"""The release of Slurm that was seen to make a missing output folder; 22.05 ends the job there."""

LITTLE_BYTES = 1 * GIB
LITTLE_FILES = 1000
NEARLY = 0.95
"""Share of a quota from which it is nearly used up."""

_SLURM = re.compile(r"slurm (\d+)\.(\d+)")


def output_can_be_written(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """The folder of its log exists, and may be written to."""
    found, line = facts.files.output, subject.line_of("output")
    if found is None:
        yield unknown("output folder not looked at", facts.files.trouble or "not asked")
    elif found.missing and _slurm_makes_folders(facts):
        yield good(f"Slurm will make the output folder {found.folder}", line)
    elif found.trouble:
        yield bad(found.trouble, "without it the job fails at its start, and leaves no log",
                  f"mkdir -p {found.folder}" if found.missing else "choose another --output",
                  line)  # fmt: skip
    elif found.unsure:
        if _slurm_makes_folders(facts):
            yield good(f"output goes below {found.folder}", line)
            return
        yield doubtful(found.unsure, "not every Slurm makes the folder",
                       "keep patterns of the job's id to the file's name", line)  # fmt: skip
    else:
        yield good(f"output goes to {found.folder}", line)


def _slurm_makes_folders(facts: Facts) -> bool:
    found = _SLURM.match(facts.site.scheduler if facts.site else "")
    return found is not None and (int(found[1]), int(found[2])) >= MAKES_FOLDERS


def disk_has_room(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """Neither the disk of its output nor a quota is full."""
    found = facts.files.output
    if found is None:
        yield unknown("disk not looked at", facts.files.trouble or "not asked")
        return
    if found.free_bytes is None:
        yield unknown("free space not known", found.trouble or "the folder's disk does not tell")
        return
    full = False
    for quota in facts.files.quotas or ():
        most = quota.soft_bytes or quota.hard_bytes
        if quota.is_over or (most and quota.used_bytes >= most):
            full = True
            yield bad(f"the quota on {quota.file_system} is used up",
                      f"{format_size(quota.used_bytes)} of {format_size(most)}",
                      "delete or move what is not needed")  # fmt: skip
        elif most and quota.used_bytes >= most * NEARLY:
            full = True
            yield doubtful(f"the quota on {quota.file_system} is nearly used up",
                           f"{format_size(quota.used_bytes)} of {format_size(most)}",
                           "delete or move what is not needed")  # fmt: skip
    if found.free_bytes < LITTLE_BYTES:
        full = True
        yield bad(f"{format_size(found.free_bytes)} free in {found.folder}",
                  "a full disk ends jobs in the middle of a write", "make room")  # fmt: skip
    elif found.free_files is not None and found.free_files < LITTLE_FILES:
        full = True
        yield bad(f"room for {found.free_files} more files in {found.folder}",
                  "no file can be made without an inode", "delete files")  # fmt: skip
    if not full:
        also = f"; quota: {facts.files.quota_trouble}" if facts.files.quota_trouble else ""
        yield good(f"{format_size(found.free_bytes)} free in {found.folder}{also}")


def inputs_are_there(subject: Subject, facts: Facts, policy: Policy) -> Iterator[Seen]:
    """Every file that a ``# NEEDS:`` comment names exists."""
    named = subject.comments("NEEDS")
    if not named:
        yield good("no input is named (# NEEDS: path)")
        return
    if not facts.files.needs:
        yield unknown("inputs not looked for", facts.files.trouble or "not asked")
        return
    for need in facts.files.needs:
        if need.is_there:
            yield good(f"{need.path} is there", need.line)
        elif need.is_there is None:
            yield unknown(f"{need.path} not looked for", need.why)
        else:
            yield bad(f"{need.path} is not there", need.why or "the job needs it as its input",
                      "make it first, or correct the path", need.line)  # fmt: skip
