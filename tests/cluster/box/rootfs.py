"""Root folders: a small Debian with Slurm in it, made by mmdebstrap."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from box import apt, cache
from box.commands import run_logged
from box.recipe import Recipe

# Folders and files that a box or a build mounts something onto.
MOUNT_FOLDERS: Final = ("src", "opt/jobshape", "mnt", "run/box")
MOUNT_FILES: Final = ("etc/resolv.conf", "etc/hosts", "etc/ssl/certs/ca-certificates.crt")


def root_folder(recipe: Recipe, *, say: Callable[[str], None]) -> Path:
    """The cached root folder of a release, built when missing (about 0.9 GB, 1 to 2 minutes)."""
    return cache.built(root_name(recipe), lambda target: _build(recipe, target), say=say)


def root_name(recipe: Recipe) -> str:
    """Name of the root in the cache: the release and the hash of all that shapes the root."""
    command = mmdebstrap_command(recipe, Path("target"), "mirror", Path("pins"))
    shape = cache.key(command, pins_text(recipe), MOUNT_FOLDERS, MOUNT_FILES)
    return f"root-{recipe.release}-{shape}"


def _build(recipe: Recipe, target: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        run_logged(["apt-get", "update"])
        run_logged(["apt-get", "install", "--yes", "--no-install-recommends", "mmdebstrap"])
    with tempfile.TemporaryDirectory(prefix="box-") as scratch:
        pins = Path(scratch) / "box"
        pins.write_text(pins_text(recipe))
        run_logged(mmdebstrap_command(recipe, target, apt.mirror(), pins), isolated=True)
    for name in MOUNT_FOLDERS:
        (target / name).mkdir(parents=True, exist_ok=True)
    for name in MOUNT_FILES:
        (target / name).touch()


def mmdebstrap_command(recipe: Recipe, target: Path, mirror: str, pins: Path) -> list[str]:
    """Command that fills an empty folder with the release's Debian packages."""
    suites = dict.fromkeys((recipe.suite, *(suite for _, suite in recipe.pinned)))
    return [
        *("mmdebstrap", "--mode=root", "--variant=minbase", "--quiet"),
        '--aptopt=Acquire::Check-Valid-Until "false"',
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        f"--setup-hook=copy-in {pins} /etc/apt/preferences.d",
        f"--include={','.join(recipe.packages)}",
        *(recipe.suite, str(target)),
        *(f"deb {mirror} {suite} main" for suite in suites),
    ]


def pins_text(recipe: Recipe) -> str:
    """Preferences of apt for the packages from other suites; of two globs the first one wins."""
    first = 1000 + len(recipe.pinned)
    return "\n".join(
        f"Package: {glob}\nPin: release n={suite}\nPin-Priority: {first - place}\n"
        for place, (glob, suite) in enumerate(recipe.pinned)
    )
