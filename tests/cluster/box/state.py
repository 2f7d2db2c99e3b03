"""The state folder of a box: its plan, logs and homes, and a lock that is held while it lives."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from box.errors import BoxError
from box.plan import Plan

_LOCKS: Final = 16
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{0,30}")


def boxes_folder() -> Path:
    """Folder with one folder a box, this user's only; JOBSHAPE_BOXES names another place."""
    given = os.environ.get("JOBSHAPE_BOXES")
    folder = Path(given) if given else Path("/tmp") / f"jobshape-boxes-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or not stat.S_ISDIR(status.st_mode) or status.st_mode & 0o077:
        raise BoxError(f"{folder} is not a private folder of this user", hint="remove it")
    return folder


@dataclass(frozen=True, slots=True)
class State:
    """Paths of one box on the machine."""

    folder: Path

    @classmethod
    def of(cls, name: str) -> State:
        """State of the box with this name; the folder need not exist."""
        if not _NAME.fullmatch(name):
            raise BoxError(f"{name!r} is no box name", hint="lower-case letters, digits and -")
        return cls(boxes_folder() / name)

    @classmethod
    def all(cls) -> list[State]:
        """States that are there, of living and of dead boxes."""
        return [cls(path) for path in sorted(boxes_folder().iterdir()) if path.is_dir()]

    @property
    def name(self) -> str:
        """The box's name."""
        return self.folder.name

    @property
    def run(self) -> Path:
        """Folder that the box sees as /run/box."""
        return self.folder / "run"

    @property
    def logs(self) -> Path:
        """Folder that the box sees as /var/log/slurm."""
        return self.folder / "log"

    @property
    def homes(self) -> Path:
        """Folder that the box sees as /home."""
        return self.folder / "home"

    @property
    def scratch(self) -> Path:
        """Where the box's private mounts go; always empty when seen from outside."""
        return self.folder / "mnt"

    @property
    def plan_file(self) -> Path:
        """The plan."""
        return self.run / "plan.json"

    @property
    def keeper_log(self) -> Path:
        """What the processes that make the box say."""
        return self.folder / "keeper.log"

    def plan(self) -> Plan:
        """The plan of the box."""
        return Plan.load(self.plan_file)

    def create(self, plan: Plan) -> None:
        """Make the folders and write the plan."""
        for folder in (self.folder, self.run, self.logs, self.homes, self.scratch):
            folder.mkdir()
        self.folder.chmod(0o700)
        plan.save(self.plan_file)

    def remove(self) -> None:
        """Delete everything the box left."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def hold(self) -> IO[str]:
        """Take the lock that tells others the box lives; keep the file open as long as it does."""
        file = (self.folder / "alive").open("w")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file

    def alive(self) -> bool:
        """Whether the box's keeper lives."""
        try:
            with (self.folder / "alive").open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def pid(self, of: str) -> int | None:
        """Process id on the machine of the "keeper" or the box's "init"."""
        path = self.folder / f"{of}.pid"
        return int(path.read_text()) if path.exists() else None

    def write_pid(self, of: str, pid: int) -> None:
        """Write a process id, whole or not at all."""
        unfinished = self.folder / f".{of}.pid"
        unfinished.write_text(str(pid))
        unfinished.rename(self.folder / f"{of}.pid")


@contextlib.contextmanager
def changing(name: str, *, wait: bool = True) -> Iterator[bool]:
    """Let one process at a time bring this box up or down; yields False if another one is at it.

    Lock files are never deleted, so there are a few for all names.
    """
    lock = boxes_folder() / f".lock-{zlib.crc32(name.encode()) % _LOCKS}"
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
