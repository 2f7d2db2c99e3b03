"""A memory limit that the kernel keeps, where this user may make control groups.

Found by trying: version 1's memory controller below our own group, or version 2 where the group is
delegated to us. Source: the kernel's admin-guide, cgroup-v1/memory and cgroup-v2.
"""

import errno
import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_ROOT = Path("/sys/fs/cgroup")
_PREFIX = "jobshape_"
_ROUNDS = 40
_LEAF = "jobshape-supervisor"


class CgroupBase(NamedTuple):
    """Where groups of jobs are made. ``version``: of the control groups, 1 or 2."""

    path: Path
    version: int

    def group(self, site: str, attempt: str) -> "Cgroup":
        """The group of one attempt of a job; not made yet."""
        return Cgroup(self.path / f"{_PREFIX}{site}_{attempt}", self.version)


class Cgroup:
    """The group of one attempt of a job."""

    def __init__(self, path: Path, version: int) -> None:
        self.path = path
        self._version = version

    @classmethod
    def named(cls, name: str) -> "Cgroup | None":
        """The group that a claim names; None for "", or one that is gone."""
        path = Path(name)
        if not name or not path.is_dir():
            return None
        return cls(path, 2 if (path / "memory.max").exists() else 1)

    def make(self, memory_bytes: int) -> None:
        """Make it with this limit. Raises OSError."""
        self.path.mkdir(exist_ok=True)
        limit = str(memory_bytes)
        if self._version == 2:
            self._write("memory.max", limit)
            with suppress(OSError):  # no swap here
                self._write("memory.swap.max", "0")
        else:
            self._write("memory.limit_in_bytes", limit)
            with suppress(OSError):
                self._write("memory.memsw.limit_in_bytes", limit)

    def join(self) -> None:
        """Put this process in; what it starts is in it, too. Raises OSError."""
        self._write("cgroup.procs", "0")

    def leave(self) -> None:
        """Put this process back to where the supervisor is. Raises OSError."""
        leaf = self.path.parent / _LEAF
        home = leaf if leaf.is_dir() else self.path.parent
        (home / "cgroup.procs").write_text("0", "ascii")

    def processes(self) -> list[int]:
        """Who is in it."""
        try:
            return [int(word) for word in (self.path / "cgroup.procs").read_text("ascii").split()]
        except (OSError, ValueError):
            return []

    def ended_for_memory(self) -> bool:
        """Whether the kernel ended a process at the limit."""
        file = "memory.events" if self._version == 2 else "memory.oom_control"
        return self._fields(file).get("oom_kill", 0) > 0

    def memory_bytes(self) -> int | None:
        """Memory in use by processes, file caches left out; None if it cannot be read."""
        stat = self._fields("memory.stat")
        return stat.get("anon") if self._version == 2 else stat.get("total_rss")

    def remove(self) -> None:
        """Remove it if nobody is in it; the kernel may take a moment to let the last one go."""
        for _ in range(_ROUNDS):
            try:
                self.path.rmdir()
            except FileNotFoundError:
                return
            except OSError as error:
                if error.errno != errno.EBUSY or self.processes():
                    return
                time.sleep(0.005)
            else:
                return

    def kill(self) -> None:
        """Kill everybody in it, and remove it."""
        for turn in range(_ROUNDS):
            there = self.processes()
            if not there:
                break
            for pid in there:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.001 * (turn + 1))
        self.remove()

    def _fields(self, file: str) -> dict[str, int]:
        try:
            pairs = [line.split() for line in (self.path / file).read_text("ascii").splitlines()]
            return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
        except (OSError, ValueError):
            return {}

    def _write(self, file: str, text: str) -> None:
        (self.path / file).write_text(text, "ascii")


def find_base(own: str | None = None, root: Path = _ROOT) -> CgroupBase | None:
    """Where this user can make groups with a memory limit; None for nowhere. Tries it.

    own: the text of /proc/self/cgroup.
    """
    try:
        text = Path("/proc/self/cgroup").read_text("utf-8") if own is None else own
    except OSError:
        return None
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        relative = path.lstrip("/")
        if "memory" in controllers.split(","):
            for base in (root / "memory" / relative, root / "memory"):
                if _works(found := CgroupBase(base, 1)):
                    return found
        elif not controllers and (root / "cgroup.controllers").exists():
            base = root / relative
            if _delegate(base) and _works(found := CgroupBase(base, 2)):
                return found
    return None


def remove_left(base: CgroupBase, site: str, keep: set[str]) -> None:
    """Remove empty groups of this site's attempts that are over."""
    with suppress(OSError):
        for path in base.path.glob(f"{_PREFIX}{site}_*"):
            if path.name.removeprefix(f"{_PREFIX}{site}_") not in keep:
                Cgroup(path, base.version).remove()


def _works(base: CgroupBase) -> bool:
    group = base.group("try", str(os.getpid()))
    try:
        group.make(64 << 20)
    except OSError:
        return False
    finally:
        group.remove()
    return True


def _delegate(base: Path) -> bool:
    """Let groups below have memory limits: only leaves may hold processes, so we move to one."""
    try:
        if "memory" in (base / "cgroup.subtree_control").read_text("ascii").split():
            return True
        if "memory" not in (base / "cgroup.controllers").read_text("ascii").split():
            return False
    except OSError:
        return False
    leaf = base / _LEAF
    try:
        leaf.mkdir(exist_ok=True)
        (leaf / "cgroup.procs").write_text("0", "ascii")
        (base / "cgroup.subtree_control").write_text("+memory", "ascii")
    except OSError:  # others are in the group, or it is not ours
        with suppress(OSError):
            (base / "cgroup.procs").write_text("0", "ascii")
            leaf.rmdir()
        return False
    return True
