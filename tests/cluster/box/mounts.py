"""Entering a root folder: an overlay of cached layers, seen by one private mount namespace only.

Everything here runs inside a fresh mount namespace, so nothing has to be unmounted: it is gone
with the last process.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_MNT_DETACH: Final = 2  # umount(2): away now for us, really when nothing uses it


def mount_overlay(layers: Sequence[Path], scratch: Path) -> Path:
    """Mount the layers (topmost first), with what is written kept in memory, and return where."""
    _mount("-t", "tmpfs", "-o", "mode=0755", "box", scratch)
    upper, work, root = (scratch / name for name in ("upper", "work", "root"))
    for folder in (upper, work, root):
        folder.mkdir()
    lower = ":".join(str(layer) for layer in layers)
    _mount("-t", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={work}", "box", root)
    return root


def mount_kernel(root: Path) -> None:
    """Mount /proc of this process namespace, and the machine's /dev and /sys, on the root."""
    _mount("-t", "proc", "proc", root / "proc")
    for name in ("dev", "sys"):  # with what is mounted below them: /dev/pts, the cgroups
        _mount("--rbind", Path("/") / name, root / name)
    _mount("-t", "tmpfs", "-o", "mode=1777", "shm", root / "dev/shm")


def bind(root: Path, binds: Mapping[Path, str]) -> None:
    """Show files and folders of the machine (keys) at places of the root (values, relative)."""
    for outside, inside in binds.items():
        _mount("--bind", outside, root / inside)


def enter(root: Path) -> None:
    """Make the root this process's / and let go of the machine's file systems."""
    os.chdir(root)
    subprocess.run(["pivot_root", ".", "mnt"], check=True)
    os.chroot(".")
    os.chdir("/")
    if _LIBC.umount2(b"/mnt", _MNT_DETACH):
        raise OSError(ctypes.get_errno(), "cannot let go of the old root")


def _mount(*argv: str | Path) -> None:
    subprocess.run(["mount", *(str(arg) for arg in argv)], check=True)
