"""Batch scripts in files: read with a stamp, and written only where nobody else wrote since.

The one module of this room that touches a disk.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.text import sanitize
from jobshape.app.scripts.hashes import configuration_hash, text_hash

__all__ = [
    "MOST_BYTES", "ScriptChanged", "ScriptFile", "ScriptFileError", "Stamp", "configuration_hash",
    "read", "text_hash", "write",
]  # fmt: skip

MOST_BYTES = 4 << 20
"""The largest script that Slurm takes unless a site says otherwise (max_script_size)."""


class ScriptFileError(JobshapeError):
    """A script file cannot be read or written; ``where`` is its path."""


class ScriptChanged(ScriptFileError):
    """Somebody else wrote the file since it was read."""


class Stamp(NamedTuple):
    """What a file was when it was read."""

    sha256: str
    size_bytes: int
    mtime_ns: int
    device: int
    inode: int
    mode: int  # permission bits
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """A script as it was read; bytes that are no UTF-8 are kept as surrogates."""

    path: Path  # as it was given; may be a link
    text: str
    stamp: Stamp


def read(path: Path | str) -> ScriptFile:
    """The script at a path. Raises ScriptFileError: missing, unreadable, no file, too large."""
    path = Path(path)
    with _told(path, "read"):
        data, found = _content(path)
    return ScriptFile(path, data.decode("utf-8", "surrogateescape"), _stamp(data, found))


def write(script_file: ScriptFile, new_text: str) -> Path:
    """Put a new text in place of the file, whole or not at all; gives the path of its backup.

    The backup stands beside the file, as ``NAME.jobshape-YYYYmmdd-HHMMSS.bak``, for its owner only.
    Mode, owner and access lists stay; a link stays a link, and its target is written. Raises
    ScriptChanged if the file is not what was read, ScriptFileError if it cannot be written.
    """
    with _told(script_file.path, "write"):
        target = script_file.path.resolve(strict=True)
        try:
            data = new_text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise ScriptFileError("the new text holds half a character", where=str(target),
                                  hint="take it out") from error  # fmt: skip
        if len(data) > MOST_BYTES:
            raise _too_large(script_file.path)
        old, found = _content(target)
        _unchanged(script_file, old, found)
        if found.st_nlink > 1:
            raise ScriptFileError(
                "the file has other names (hard links), which would keep the old text",
                where=str(target), hint="change it by hand, or make a copy",
            )  # fmt: skip
        backup = _backup(target, old)
        try:
            _replace(script_file, target, data, found)
        except BaseException:
            backup.unlink(missing_ok=True)
            raise
    return backup


def _replace(script_file: ScriptFile, target: Path, data: bytes, found: os.stat_result) -> None:
    handle, name = tempfile.mkstemp(
        prefix=f".{target.name[:60]}.", suffix=".new", dir=target.parent
    )
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            _keep_rights(file.fileno(), target, found)
            os.fsync(file.fileno())
        _unchanged(script_file, *_content(target))
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _keep_rights(handle: int, target: Path, found: os.stat_result) -> None:
    made = os.fstat(handle)
    if (made.st_uid, made.st_gid) != (found.st_uid, found.st_gid):
        try:
            os.fchown(handle, found.st_uid, found.st_gid)
        except PermissionError as error:
            raise ScriptFileError(
                "its owner or group is another, and could not be kept", where=str(target),
                hint="copy the script to a folder of your own",
            ) from error  # fmt: skip
    os.fchmod(handle, stat.S_IMODE(found.st_mode))
    with contextlib.suppress(OSError, AttributeError):  # a file system without them
        for attribute in os.listxattr(target):
            os.setxattr(handle, attribute, os.getxattr(target, attribute))


def _backup(target: Path, data: bytes) -> Path:
    """A copy of the old bytes under a name that is new."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    for count in range(1000):
        more = f"-{count}" if count else ""
        path = target.with_name(f"{target.name}.jobshape-{stamp}{more}.bak")
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError:
            continue
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return path
    raise ScriptFileError("no name is left for a backup", where=str(target),
                          hint="remove old backups: *.jobshape-*.bak")  # fmt: skip


def _content(path: Path) -> tuple[bytes, os.stat_result]:
    """The bytes of an ordinary file, and what it is; never waits for a pipe."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError
        if not stat.S_ISREG(found.st_mode):
            raise ScriptFileError("this is no ordinary file", where=_shown(path),
                                  hint="name the script itself")  # fmt: skip
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise _too_large(path)
    return data, found


def _stamp(data: bytes, found: os.stat_result) -> Stamp:
    return Stamp(
        hashlib.sha256(data).hexdigest(), len(data), found.st_mtime_ns, found.st_dev, found.st_ino,
        stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid,
    )  # fmt: skip


def _unchanged(script_file: ScriptFile, data: bytes, found: os.stat_result) -> None:
    if _stamp(data, found).sha256 != script_file.stamp.sha256:
        raise ScriptChanged("the file has changed since it was read, so it was not written",
                            where=_shown(script_file.path), hint="read it again")  # fmt: skip


def _too_large(path: Path) -> ScriptFileError:
    return ScriptFileError(f"larger than {MOST_BYTES >> 20} MiB, the most that Slurm takes",
                           where=_shown(path), hint="is this a script?")  # fmt: skip


@contextlib.contextmanager
def _told(path: Path, what: str) -> Iterator[None]:
    """Errors of the system, told as ours."""
    try:
        yield
    except FileNotFoundError as error:
        raise ScriptFileError("there is no such file", where=_shown(path),
                              hint="check the path") from error  # fmt: skip
    except IsADirectoryError as error:
        raise ScriptFileError("this is a folder", where=_shown(path),
                              hint="name a script in it") from error  # fmt: skip
    except PermissionError as error:
        raise ScriptFileError(
            f"you may not {what} it", where=_shown(path),
            hint="check the rights of the file and its folder: ls -l",
        ) from error  # fmt: skip
    except (OSError, ValueError, RuntimeError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise ScriptFileError(f"cannot {what} it: {words}", where=_shown(path),
                              hint="check the path and the disk") from error  # fmt: skip


def _shown(path: Path) -> str:
    return sanitize(str(path))
