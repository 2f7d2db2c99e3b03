"""The Python layer of a box: a virtual environment at /opt/jobshape with the locked packages."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from box import cache
from box.building import run_in_root
from box.recipe import LOCK_FILE, UNLOCKED, Recipe
from box.rootfs import root_folder, root_name
from box.wheel import wheel_folder, wheel_name

PREFIX: Final = "/opt/jobshape"
# The checkout's folders under the names they are imported by; the project's build makes it.
LINKS: Final = "/src/.links"


def layers(recipe: Recipe, *, say: Callable[[str], None]) -> list[Path]:
    """The cached layers of a release, topmost first, built when missing."""
    root = root_folder(recipe, say=say)
    wheel = wheel_folder(recipe, say=say)
    layer = cache.built(
        layer_name(recipe), lambda target: _build(root, wheel, _lock(), target), say=say
    )
    return [layer, root]


def cached_names(recipe: Recipe) -> list[str]:
    """Names of all that a release needs in the cache."""
    wheel = [wheel_name(recipe, recipe.pyslurm)] if recipe.pyslurm else []
    return [root_name(recipe), *wheel, layer_name(recipe)]


def layer_name(recipe: Recipe) -> str:
    """Name of the Python layer in the cache: depends on root, wheel and lock file."""
    wheel = recipe.pyslurm and wheel_name(recipe, recipe.pyslurm)
    key = cache.key(root_name(recipe), wheel, _lock() or UNLOCKED, PREFIX, LINKS)
    return f"python-{recipe.release}-{key}"


def _lock() -> str | None:
    return LOCK_FILE.read_text() if LOCK_FILE.exists() else None


def _build(root: Path, wheel: Path | None, lock: str | None, target: Path) -> None:
    """Fill a layer: the folder tree that an overlay puts over the root."""
    inside = target / PREFIX.lstrip("/")
    inside.mkdir(parents=True)
    binds = {inside: PREFIX.lstrip("/")}
    run_in_root(root, ["python3", "-m", "venv", PREFIX], binds=binds, env={})
    pip = [f"{PREFIX}/bin/python", "-m", "pip", "install", "--quiet"]
    with tempfile.TemporaryDirectory(prefix="box-") as scratch:
        given = Path(scratch)
        binds[given] = "mnt"
        if lock is None:
            run_in_root(root, [*pip, *UNLOCKED], binds=binds, env={})
        else:
            (given / "lock.txt").write_text(lock)
            argv = [*pip, "--require-hashes", "--requirement=/mnt/lock.txt"]
            run_in_root(root, argv, binds=binds, env={})
    if wheel is not None:
        (built,) = wheel.glob("*.whl")
        argv = [*pip, "--no-deps", "--no-index", f"/mnt/{built.name}"]
        run_in_root(root, argv, binds={inside: PREFIX.lstrip("/"), wheel: "mnt"}, env={})
    (site,) = inside.glob("lib/python3.*/site-packages")
    (site / "jobshape-checkout.pth").write_text(f"{LINKS}\n")
