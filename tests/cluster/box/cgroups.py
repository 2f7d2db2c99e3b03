"""A cgroup of its own for each box, so that boxes never meet there and leave nothing behind."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_TOP: Final = Path("/sys/fs/cgroup")
_PREFIX: Final = "jobshape-box-"
_CONTROLLERS: Final = ("cpuset", "cpu", "memory", "pids")


def plugin() -> str:
    """Slurm's name for the cgroups of this machine: cgroup/v1 or cgroup/v2."""
    return "cgroup/v2" if (_TOP / "cgroup.controllers").exists() else "cgroup/v1"


def hierarchies() -> list[Path]:
    """Mount points of the machine's cgroup trees: several of v1, one of v2."""
    if plugin() == "cgroup/v2":
        return [_TOP]
    lines = (line.split() for line in Path("/proc/self/mounts").read_text().splitlines())
    return [Path(fields[1]) for fields in lines if fields[2] == "cgroup"]


def make(name: str) -> list[Path]:
    """Create the box's cgroup in every tree."""
    made = []
    for top in hierarchies():
        if top == _TOP:
            _offer_controllers(top)
        group = top / f"{_PREFIX}{name}"
        group.mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):  # empty in a new v1 group: nothing could run
            if top != _TOP and (top / setting).exists():
                (group / setting).write_text((top / setting).read_text())
        made.append(group)
    return made


def join(name: str) -> dict[Path, str]:
    """Move this process into the box's cgroups; returns where to bind them, relative to a root."""
    binds = {}
    for top in hierarchies():
        group = top / f"{_PREFIX}{name}"
        (group / "cgroup.procs").write_text("0")
        binds[group] = str(top).lstrip("/")
    return binds


def settle() -> None:
    """In a box with v2: leave the top group, which may hold no process when it has controllers."""
    if plugin() == "cgroup/v2":
        inner = _TOP / "init"
        inner.mkdir(exist_ok=True)
        (inner / "cgroup.procs").write_text("0")
        _offer_controllers(_TOP)


def remove(name: str, *, patience_s: float = 5.0) -> bool:
    """Remove the box's cgroups once their last process is gone; False if some stay."""
    deadline = time.monotonic() + patience_s
    while left := [group for group in _groups(name) if group.exists()]:
        for group in left:
            for folder in (*_deepest_first(group), group):
                with contextlib.suppress(OSError):
                    folder.rmdir()
        if not any(group.exists() for group in left):
            break
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def processes(name: str) -> set[int]:
    """Ids of all processes in the box's cgroups, and in those below."""
    found: set[int] = set()
    for group in _groups(name):
        for listing in group.rglob("cgroup.procs"):
            with contextlib.suppress(OSError):
                found.update(int(pid) for pid in listing.read_text().split())
    return found - {0}


def _groups(name: str) -> list[Path]:
    return [top / f"{_PREFIX}{name}" for top in hierarchies()]


def _deepest_first(group: Path) -> Iterator[Path]:
    folders = [path for path in group.rglob("*") if path.is_dir()]
    return iter(sorted(folders, key=lambda path: -len(path.parts)))


def _offer_controllers(group: Path) -> None:
    available = (group / "cgroup.controllers").read_text().split()
    wanted = [f"+{name}" for name in _CONTROLLERS if name in available]
    (group / "cgroup.subtree_control").write_text(" ".join(wanted))
