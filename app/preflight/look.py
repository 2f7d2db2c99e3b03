"""Looks at the disks for the rules: Python files, inputs, the output folder, quotas."""

import glob
import grp
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from jobshape.app.domain.text import sanitize
from jobshape.app.domain.units import KIB
from jobshape.app.preflight import python_scan, shell_scan
from jobshape.app.preflight.bounded import TooSlow, bounded
from jobshape.app.preflight.facts import FileFacts, Need, Output, Quota, Source
from jobshape.app.preflight.subject import Subject

PATIENCE_S = 5.0
QUOTA_S = 3.0
MOST_FILES = 10

_PATTERN = re.compile(r"%(\d*)([A-Za-z%])")
_VARIABLE = re.compile(r"\$(\w+|\{\w+\})")
_MANY = re.compile(r"[*?\[]")


def look_at_files(subject: Subject, within_s: float = PATIENCE_S) -> FileFacts:
    """What the disks of this machine say, in so much time; raises nothing."""
    if subject.trouble:
        return FileFacts(trouble=subject.trouble)
    try:
        return bounded(lambda: _look(subject), within_s)
    except TooSlow:
        return FileFacts(trouble=f"the disk gave no answer in {within_s:g} s")


def elsewhere(why: str) -> FileFacts:
    """Nothing is looked at: the job runs on disks that are not those of this machine."""
    return FileFacts(trouble=why)


def _look(subject: Subject) -> FileFacts:
    quotas, trouble = _quotas()
    return FileFacts(
        sources=tuple(_sources(subject)), needs=tuple(_needs(subject)), output=_output(subject),
        quotas=quotas, quota_trouble=trouble, groups=_groups(),
    )  # fmt: skip


def _sources(subject: Subject) -> Iterator[Source]:
    for line, path in shell_scan.python_files(subject.script)[:MOST_FILES]:
        if _VARIABLE.search(path):
            expanded = _expanded(path)
            if expanded is None:
                yield Source(line, path, "", "its path holds a variable that is not known here")
                continue
        else:
            expanded = path
        found = [subject.in_work_dir(expanded)]
        if subject.path:
            found.append(Path(subject.path).absolute().parent / expanded)
        there = next((one for one in found if os.path.isfile(one)), None)  # noqa: PTH113
        if there is None:
            yield Source(line, path, "", f"it is not in {subject.work_dir}")
            continue
        try:
            with there.open("rb") as file:
                data = file.read(python_scan.MOST_BYTES)
        except OSError as error:
            yield Source(line, path, "", f"it cannot be read: {error.strerror}")
            continue
        yield Source(line, path, data.decode("utf-8", "replace"))


def _needs(subject: Subject) -> Iterator[Need]:
    for line, path in subject.comments("NEEDS"):
        expanded = _expanded(path)
        if expanded is None:
            yield Need(line, path, None, "it holds a variable that is not known here")
            continue
        whole = str(subject.in_work_dir(expanded))
        try:
            if _MANY.search(expanded) and not os.path.exists(whole):  # noqa: PTH110
                found = next(glob.iglob(whole, recursive=True), None)  # noqa: PTH207
                yield Need(line, path, found is not None, "" if found else "nothing matches it")
            else:
                os.stat(whole)  # noqa: PTH116
                yield Need(line, path, True)
        except (FileNotFoundError, NotADirectoryError):
            yield Need(line, path, False)
        except (OSError, ValueError) as error:
            yield Need(line, path, None, sanitize(str(error)))


def _expanded(path: str) -> str | None:
    """With ~ and variables of this environment filled in; None where one is not known."""
    whole = os.path.expanduser(os.path.expandvars(path))  # noqa: PTH111
    return None if _VARIABLE.search(whole) else whole


def _output(subject: Subject) -> Output:
    pattern = subject.stdout or "slurm-%j.out"
    whole = _filled(str(subject.in_work_dir(pattern)), subject)
    folder, name = os.path.split(whole)
    if whole == os.devnull:
        return Output(whole, free_bytes=None)
    if not os.path.isdir(subject.work_dir):  # noqa: PTH112
        return Output(subject.work_dir, f"the working folder {subject.work_dir} is not there")
    known = folder
    while _PATTERN.search(known.replace("%%", "")):
        known = os.path.dirname(known)  # noqa: PTH120
    try:
        mode = os.stat(known).st_mode  # noqa: PTH116
    except OSError as error:
        what = f"the output folder {known} cannot be used: {error.strerror}"
        if not isinstance(error, FileNotFoundError):
            return Output(known, what)
        above = _nearest_above(known)
        return Output(known, f"the output folder {known} is not there", "",
                      os.access(above, os.W_OK | os.X_OK), *_free(above))  # fmt: skip
    if not stat.S_ISDIR(mode):
        return Output(known, f"{known} is no folder")
    if not os.access(known, os.W_OK | os.X_OK):
        return Output(known, f"the output folder {known} may not be written to")
    if not _PATTERN.search(name) and folder == known and os.path.exists(whole):  # noqa: PTH110
        if os.path.isdir(whole):  # noqa: PTH112
            return Output(known, f"the output {whole} is a folder")
        if not os.access(whole, os.W_OK):
            return Output(known, f"the output file {whole} may not be written to")
    unsure = f"the output folder depends on the job's id: {folder}" if known != folder else ""
    return Output(known, "", unsure, False, *_free(known))


def _nearest_above(folder: str) -> str:
    """The nearest folder above that is there."""
    while folder and not os.path.isdir(folder):  # noqa: PTH112
        above = os.path.dirname(folder)  # noqa: PTH120
        if above == folder:
            break
        folder = above
    return folder or "."


def _free(folder: str) -> tuple[int | None, int | None]:
    """Bytes and files that still fit on a folder's disk."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None, None
    return disk.f_bavail * disk.f_frsize, disk.f_favail if disk.f_files else None


def _filled(path: str, subject: Subject) -> str:
    """The path with the patterns filled in that are known before there is a job."""
    known = {"x": subject.name, "u": os.environ.get("USER", "")}

    def fill(match: re.Match[str]) -> str:
        return known.get(match[2]) or match[0]

    return _PATTERN.sub(fill, path)


def _groups() -> tuple[str, ...] | None:
    names = []
    for number in {os.getegid(), *os.getgroups()}:
        with suppress(KeyError):
            names.append(grp.getgrgid(number).gr_name)
    return tuple(sorted(names)) or None


def _quotas() -> tuple[tuple[Quota, ...] | None, str]:
    """What quota(1) says, if it is there."""
    command = ["quota", "-w", "-p"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=QUOTA_S, check=False,
            env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
    except FileNotFoundError:
        return None, ""
    except (OSError, subprocess.TimeoutExpired):
        return None, "no answer"
    return parse_quotas(done.stdout.decode("utf-8", "replace")), ""


def parse_quotas(text: str) -> tuple[Quota, ...]:
    """The lines of ``quota -w``; sizes stand there in KiB. Source: quota(1)."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 4 or not words[1].rstrip("*").isdigit() or not words[2].isdigit():
            continue
        if not words[3].isdigit():
            continue
        used, soft, hard = (int(word.rstrip("*")) * KIB for word in words[1:4])
        over = words[1].endswith("*")
        found.append(Quota(words[0], used, soft or None, hard or None, over))
    return tuple(found)
