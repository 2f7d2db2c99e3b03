"""Files and folders that a manifest asks for: one by its name, or those that fit a pattern."""

import fnmatch
import os
import re
import stat
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

MOST_ENTRIES = 200_000
"""Entries of folders that one pattern may look at; those below a ``**`` count twice."""

LONGEST_S = 8.0
_MOST_OF_A_FOLDER = 1000
_MANY = re.compile(r"[*?\[]")


class NotSeen(Exception):
    """There is nothing to look at; the text says why."""


class Seen(NamedTuple):
    """A file, or a folder (many checkpoints are), as it lies there."""

    path: str  # as it was asked for; of a pattern, as it was found
    is_empty: bool  # no byte; of a folder, no entry
    written_at: float  # of a folder, the newest of it and its entries


def look(path: str, folder: Path) -> Seen:
    """What lies there; a relative path starts at the folder. Raises NotSeen."""
    whole = folder / path
    try:
        found = whole.stat()
        if not stat.S_ISDIR(found.st_mode):
            return Seen(path, found.st_size == 0, found.st_mtime)
        times = _times(whole)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotSeen("is not there") from error
    except (OSError, ValueError) as error:
        raise NotSeen(
            f"cannot be looked at: {getattr(error, 'strerror', None) or error}"
        ) from error
    return Seen(path, not times, max([found.st_mtime, *times]))


def _times(folder: Path) -> list[float]:
    times = []
    with os.scandir(folder) as entries:
        for entry in islice(entries, _MOST_OF_A_FOLDER):
            times.append(entry.stat(follow_symlinks=False).st_mtime)
    return times


class Search:
    """Paths that fit a pattern of ``*``, ``?``, ``[ ]`` and ``**`` (any depth), in no order.

    As in a shell, what begins with a dot fits only a part that does too. Links are followed, but
    no folder is listed twice for the same part of the pattern, so circles end.
    """

    def __init__(self, pattern: str, folder: Path, most: int = MOST_ENTRIES) -> None:
        self.was_cut = False  # there was more to look at than may be
        self.trouble = ""  # the first folder that could not be read
        self._folder = folder
        self._root = "/" if pattern.startswith("/") else ""
        self._parts = [part for part in pattern.split("/") if part]
        if self._parts and self._parts[-1] == "**":
            self._parts.append("*")
        self._left = most

    def __iter__(self) -> Iterator[str]:
        """Each path once; a relative pattern gives paths relative to the folder."""
        deadline = time.monotonic() + LONGEST_S
        listed: set[tuple[int, int, int]] = set()
        open_: list[tuple[str, int]] = [(self._root, 0)]
        while open_ and not self.was_cut:
            where, at = open_.pop()
            if at == len(self._parts):
                yield where
            elif not _MANY.search(self._parts[at]):
                path = os.path.join(where, self._parts[at])  # noqa: PTH118
                if at + 1 < len(self._parts) or os.path.lexists(self._whole(path)):
                    open_.append((path, at + 1))
            elif (key := self._key(where, at)) and key not in listed:
                listed.add(key)
                open_ += self._entered(where, at)
            self.was_cut = self.was_cut or time.monotonic() > deadline

    def _whole(self, where: str) -> str:
        return os.path.join(self._folder, where)  # noqa: PTH118  (a Path would drop "." from "x/.")

    def _key(self, where: str, at: int) -> tuple[int, int, int] | None:
        try:
            found = os.stat(self._whole(where))  # noqa: PTH116
        except (OSError, ValueError):
            return None
        return at, found.st_dev, found.st_ino

    def _entered(self, where: str, at: int) -> list[tuple[str, int]]:
        """What a folder's entries lead to."""
        part, is_last = self._parts[at], at + 1 == len(self._parts)
        is_any_depth = part == "**"
        fits = re.compile(fnmatch.translate(part)).match
        found = [(where, at + 1)] if is_any_depth else []
        try:
            with os.scandir(self._whole(where)) as entries:
                for entry in entries:
                    self._left -= 1
                    if self._left < 0:
                        self.was_cut = True
                        break
                    if entry.name.startswith(".") and not part.startswith("."):
                        continue
                    if (is_last or entry.is_dir()) and (is_any_depth or fits(entry.name)):
                        path = os.path.join(where, entry.name)  # noqa: PTH118
                        found.append((path, at if is_any_depth else at + 1))
        except NotADirectoryError:
            pass
        except OSError as error:
            self.trouble = self.trouble or f"{where or '.'} cannot be read: {error.strerror}"
        return found
