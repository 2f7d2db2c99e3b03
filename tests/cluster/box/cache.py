"""The cache folder: finished builds under the hash of what they were made from."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
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
    with _locked(_lock_file(target)):
        if target.is_dir():
            return target
        for leftover in folder.glob(f".{name}.tmp-*"):
            shutil.rmtree(leftover, ignore_errors=True)
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


def use(folders: Iterable[Path]) -> contextlib.ExitStack:
    """Keep `prune` away from these built folders while the returned stack is open."""
    stack = contextlib.ExitStack()
    for folder in folders:
        file = stack.enter_context(_lock_file(folder).open("w"))
        fcntl.flock(file, fcntl.LOCK_SH)
    return stack


def prune(wanted: Iterable[str]) -> list[str]:
    """Delete built folders that are neither wanted nor in use; returns their names."""
    deleted = []
    for target in set(cache_folder().glob("[!.]*/")) - {cache_folder() / name for name in wanted}:
        with contextlib.suppress(BlockingIOError), _locked(_lock_file(target), fcntl.LOCK_NB):
            shutil.rmtree(target)
            deleted.append(target.name)
    return sorted(deleted)


def _lock_file(target: Path) -> Path:
    return target.parent / f".{target.name}.lock"


@contextlib.contextmanager
def _locked(path: Path, flags: int = 0) -> Iterator[None]:
    """Hold an exclusive lock on the file; the kernel frees it when the process dies."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | flags)
        yield
