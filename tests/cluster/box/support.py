"""Whether this machine can run boxes at all."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from box import apt
from box.errors import BoxError

_NEEDED: Final = ("unshare", "nsenter", "setpriv", "mount", "pivot_root", "apt-get")
_NAMESPACES: Final = ("--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork")


def why_not() -> str | None:
    """Why no box can run here, in one line, or None if one can."""
    if sys.platform != "linux":
        return "Slurm boxes need Linux"
    if os.geteuid():
        return "Slurm boxes need root, for mounts and namespaces"
    if missing := [name for name in _NEEDED if shutil.which(name) is None]:
        return f"Slurm boxes need the commands {', '.join(missing)}"
    if "overlay" not in Path("/proc/filesystems").read_text():
        return "Slurm boxes need overlayfs in the kernel"
    tried = subprocess.run(
        ["unshare", *_NAMESPACES, "mount", "-t", "tmpfs", "box", "/mnt"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode:
        return f"Slurm boxes need namespaces: {tried.stderr.strip()}"
    try:
        apt.mirror()
    except BoxError as error:
        return f"Slurm boxes need a Debian mirror: {error}"
    return None
