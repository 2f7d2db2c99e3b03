"""Settings already checked, kept between starts: reading them takes a few ms, checking 0.2 s.

An entry holds as long as every file read, the environment's part and this release are the same.
It is only a copy: whatever is wrong with it, it is ignored and made anew.
"""

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from jobshape import __version__
from jobshape.app.settings.folders import cache_folder, write_private
from jobshape.app.settings.values import Declared, declared

_KEPT_ENTRIES = 32  # one a project; the oldest go

CacheKey = list[Any]


def key_of(
    files: tuple[Path, ...],
    variables: Mapping[str, tuple[str, str]],
    fields: Iterable[Declared] | None = None,
) -> CacheKey:
    """All that an entry depends on. fields: what the files may set; None: any of the settings."""
    return [
        __version__,
        _schema(declared() if fields is None else fields),
        [_stamp(path) for path in files],
        sorted(map(list, variables.values())),
    ]


def load(key: CacheKey) -> tuple[dict[str, Any], dict[str, str]] | None:
    """The values and origins kept under this key; None if there are none to trust."""
    path = _entry(key)
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_uid != os.geteuid():
                return None
            kept = json.load(file)
        if kept["key"] != key:
            return None
        return kept["values"], kept["origins"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save(key: CacheKey, values: dict[str, Any], origins: dict[str, str]) -> None:
    """Keep them; a cache that cannot be written is no error, ``jobshape doctor`` tells."""
    path = _entry(key)
    entry = {"key": key, "values": values, "origins": origins}
    try:
        write_private(path, json.dumps(entry))
        entries = sorted(path.parent.glob("settings-*.json"), key=lambda p: p.stat().st_mtime)
        for old in entries[:-_KEPT_ENTRIES]:
            old.unlink(missing_ok=True)
    except OSError:
        return


def _entry(key: CacheKey) -> Path:
    """One file for each set of settings files, whatever their age."""
    names = json.dumps([stamp[0] for stamp in key[2]])
    return cache_folder() / f"settings-{zlib.crc32(names.encode()):08x}.json"


def _stamp(path: Path) -> list[Any]:
    try:
        stat = path.stat()
    except OSError:
        return [str(path)]
    return [str(path), stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino]


def _schema(fields: Iterable[Declared]) -> int:
    """A number that changes when a setting is added, renamed or gets another default or limit."""
    text = repr([(item.name, item.default, sorted(item.metadata.items())) for item in fields])
    return zlib.crc32(text.encode())
