"""The pyslurm wheel: built once in its root against that root's Slurm."""

from __future__ import annotations

import platform
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from box import cache
from box.building import run_in_root
from box.recipe import PyslurmRecipe, Recipe
from box.rootfs import root_folder, root_name


def wheel_folder(recipe: Recipe, *, say: Callable[[str], None]) -> Path | None:
    """Cached folder that holds the pyslurm wheel, or None for a release pyslurm does not fit."""
    if recipe.pyslurm is None:
        return None
    pyslurm = recipe.pyslurm
    root = root_folder(recipe, say=say)
    return cache.built(
        wheel_name(recipe, pyslurm), lambda target: _build(pyslurm, root, target), say=say
    )


def wheel_name(recipe: Recipe, pyslurm: PyslurmRecipe) -> str:
    """Name of the wheel in the cache: depends on the root too, it was linked against it."""
    return f"pyslurm-{pyslurm.version}-{cache.key(root_name(recipe), pyslurm)}"


def _build(pyslurm: PyslurmRecipe, root: Path, target: Path) -> None:
    headers, tools = target / "include", target / "tools"
    _copy_headers(root / "usr/include/slurm", headers / "slurm", pyslurm.claimed_version)
    binds = {target: "mnt"}
    run_in_root(root, ["python3", "-m", "venv", "/mnt/tools"], binds=binds, env={})
    pip = ["/mnt/tools/bin/python", "-m", "pip", "wheel", "--no-deps", "--wheel-dir=/mnt"]
    run_in_root(
        root,
        [*pip, f"pyslurm=={pyslurm.version}"],
        binds=binds,
        env={
            "SLURM_LIB_DIR": f"/usr/lib/{platform.machine()}-linux-gnu",
            "SLURM_INCLUDE_DIR": "/mnt/include",
            "CFLAGS": pyslurm.cflags,
        },
    )
    shutil.rmtree(headers)
    shutil.rmtree(tools)


def _copy_headers(source: Path, target: Path, claimed_version: str) -> None:
    """Copy Slurm's headers, with the version number that pyslurm's setup wants to see."""
    shutil.copytree(source, target)
    version = target / "slurm_version.h"
    pattern = r"(#define\s+SLURM_VERSION_NUMBER\s+)\S+"
    version.write_text(re.sub(pattern, rf"\g<1>{claimed_version}", version.read_text()))
