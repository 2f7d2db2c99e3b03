"""The cache folder: finished builds under the hash of what they were made from."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path


def cache_folder() -> Path:
    """Folder of roots, wheels and layers: below XDG_CACHE_HOME, else below ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "jobshape" / "cluster"


def key(*parts: object) -> str:
    """Short hash of the parts' printed forms, in order."""
    text = "\0".join(part if isinstance(part, str) else repr(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def built(name: str, build: Callable[[Path], None], *, say: Callable[[str], None]) -> Path:
    """The cached folder of this name; made by `build` in a temporary folder when missing.

    One process builds, others wait for it. A build that fails or dies leaves no folder of that
    name, and what it did leave is swept away by the next build of that name.
    """
    folder = cache_folder()
    target = folder / name
    if target.is_dir():
        return target
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / f".{name}.lock"):
        if target.is_dir():
            return target
        for leftover in folder.glob(f".{name}.tmp-*"):
            shutil.rmtree(leftover)
        say(f"building {name} (once, then cached in {folder})")
        unfinished = Path(tempfile.mkdtemp(prefix=f".{name}.tmp-", dir=folder))
        unfinished.chmod(0o755)
        try:
            build(unfinished)
            unfinished.rename(target)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    return target


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on the file; the kernel frees it when the process dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
