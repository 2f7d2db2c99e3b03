"""Whether what a manifest asks of the disk holds: output checks, preconditions, checkpoints.

Parts of the manifest come with their references filled in. Paths start at the manifest's folder,
commands run there. Nothing is raised: what does not hold is told in a line each.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobshape.app.domain.text import sanitize
from jobshape.app.preflight.bounded import TooSlow
from jobshape.app.rounds.commanding import RunCommand, command_shown, run_command
from jobshape.app.rounds.finding import NotSeen, Search, Seen, look
from jobshape.app.rounds.json_values import NoValue, read_values, shown, unmet
from jobshape.app.rounds.patience import patiently

if TYPE_CHECKING:
    from jobshape.app.rounds.manifest_checks import JsonCondition, OutputCheck, Precondition

GRACE_S = 1.0
"""A file this much older than the submission still counts: clocks and disks count in seconds."""

DISK_S = 20.0
"""Longest for the looks of one call; a command's time comes on top."""

COMMAND_S = 70.0


def check_output(
    check: "OutputCheck", folder: Path, submitted_at: float, run: RunCommand = run_command
) -> tuple[str, ...]:
    """What of an output check does not hold; nothing: it passes.

    The command is the last, and runs only where the rest holds.
    """
    disk = _Disk(folder, submitted_at)

    def work() -> tuple[str, ...]:
        wrong = tuple(disk.wrong_with(check))
        return wrong or tuple(_command(check.command, folder, run))

    return _in_time(work, DISK_S + (COMMAND_S if check.command else 0))


def check_preconditions(
    conditions: Sequence["Precondition"], folder: Path, run: RunCommand = run_command
) -> tuple[str, ...]:
    """What has to hold before a job is sent and does not; commands run where the rest holds."""
    disk = _Disk(folder, None)

    def work() -> tuple[str, ...]:
        wrong: list[str] = []
        for one in conditions:
            if one.file is not None:
                wrong += disk.file(one.file, not_empty=False)
            if one.checkpoint is not None:
                wrong += disk.glob(one.checkpoint, not_empty=True)
        if not wrong:
            wrong = [words for one in conditions for words in _command(one.command, folder, run)]
        return tuple(dict.fromkeys(wrong))

    commands = sum(1 for one in conditions if one.command)
    return _in_time(work, DISK_S + COMMAND_S * commands)


def check_checkpoint(pattern: str, folder: Path, submitted_at: float) -> tuple[str, ...]:
    """Why no checkpoint was written since the submission; nothing: one was."""
    disk = _Disk(folder, submitted_at)
    return _in_time(lambda: tuple(disk.glob(pattern, not_empty=True)), DISK_S)


def looks_done(
    check: "OutputCheck", folder: Path, submitted_at: float, *, now: float, quiet_s: float
) -> bool:
    """Whether the output of a job that is still there passes, and none of it was written lately.

    quiet_s: for how long nothing has been written. It is cheap: no command runs, so a check that is
    a command alone never looks done.
    """
    if not (check.file or check.glob or check.json_):
        return False
    disk = _Disk(folder, submitted_at)
    wrong = _in_time(lambda: tuple(disk.wrong_with(check)), DISK_S)
    return not wrong and disk.newest <= now - quiet_s


def _in_time(work: Callable[[], tuple[str, ...]], within_s: float) -> tuple[str, ...]:
    try:
        return patiently(work, within_s)
    except TooSlow:
        return (f"the disk gave no answer in {within_s:g} s",)


def _command(words: Sequence[str] | None, folder: Path, run: RunCommand) -> Iterator[str]:
    if words:
        ended = run(words, folder)
        if ended.code != 0:
            yield f"`{command_shown(words)}` {ended}"


class _Disk:
    """Looks at what lies in a folder; ``since``: when the job was submitted, if that matters."""

    def __init__(self, folder: Path, since: float | None) -> None:
        self.newest = -math.inf  # when the last of what was looked at and holds was written
        self._folder = folder
        self._since = since

    def wrong_with(self, check: "OutputCheck") -> list[str]:
        """What of an output check does not hold, but for its command."""
        said: list[str] = []
        if check.file is not None:
            said += self.file(check.file, not_empty=check.not_empty, newer=check.newer)
        if check.glob is not None:
            said += self.glob(check.glob, not_empty=check.not_empty, newer=check.newer)
        said += self._values(check.json_, newer=check.newer)
        return list(dict.fromkeys(said))

    def file(self, path: str, *, not_empty: bool, newer: bool = True) -> Iterator[str]:
        """What is wrong with a file."""
        try:
            words = self._wanting(look(path, self._folder), not_empty, newer)
        except NotSeen as error:
            words = str(error)
        if words:
            yield f"{sanitize(path)}: {words}"

    def glob(self, pattern: str, *, not_empty: bool, newer: bool = True) -> Iterator[str]:
        """Why none of the files that fit a pattern will do."""
        search = Search(pattern, self._folder)
        newest: tuple[Seen, str] | None = None
        number = 0
        for path in search:
            number += 1
            try:
                seen = look(path, self._folder)
            except NotSeen as error:  # a link to nothing, say
                newest = newest or (Seen(path, True, -math.inf), str(error))
                continue
            words = self._wanting(seen, not_empty, newer)
            if not words:
                return
            if newest is None or seen.written_at > newest[0].written_at:
                newest = seen, words
        notes = [search.trouble] if search.trouble else []
        if search.was_cut:
            notes.append("there is more than may be looked at: name it more closely")
        if newest is None:
            said = "no file fits"
        else:
            seen, words = newest
            fit = f"{number} fit, none will do; the newest, " if number > 1 else ""
            said = f"{fit}{seen.path} {words}"
        yield sanitize("; ".join([f"{pattern}: {said}", *notes]))

    def _values(self, conditions: Sequence["JsonCondition"], *, newer: bool) -> Iterator[str]:
        for file in dict.fromkeys(one.file for one in conditions):
            own = [one for one in conditions if one.file == file]
            try:
                if words := self._wanting(look(file, self._folder), False, newer):
                    yield f"{sanitize(file)}: {words}"
                    continue
                values = read_values(file, self._folder, [one.path for one in own])
            except (NotSeen, NoValue) as error:
                yield f"{sanitize(file)}: {error}"
                continue
            for one, value in zip(own, values, strict=True):
                if isinstance(value, NoValue):
                    yield f"{sanitize(file)}: {value}"
                elif missed := unmet(value, one):
                    found = f"{sanitize(f'{file}: {one.path}')} is {shown(value)}"
                    yield f"{found}, should be {' and '.join(missed)}"

    def _wanting(self, seen: Seen, not_empty: bool, newer: bool) -> str:
        """What it lacks, in words."""
        if not_empty and seen.is_empty:
            return "is empty"
        if words := is_older(seen, self._since) if newer else "":
            return words
        self.newest = max(self.newest, seen.written_at)
        return ""


def is_older(seen: Seen, since: float | None) -> str:
    """In words, that something was written before the submission; "" where it was not."""
    if since is None or seen.written_at >= since - GRACE_S:
        return ""
    return f"was written {_moment(seen.written_at)}, the job submitted {_moment(since)}"


def _moment(at: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return f"{at:.0f} s after 1970"
