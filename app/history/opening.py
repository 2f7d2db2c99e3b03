"""Opens the file so that neither a kill, a second jobshape nor a bad disk can cost what is in it.

``synchronous=NORMAL`` with a write-ahead log: whoever is killed loses nothing that was
acknowledged; after a power cut the last seconds may be missing, and the file is whole all the same.
"""

import fcntl
import os
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.history.schema import MIGRATIONS, migrate, version_of

BUSY_S = 10.0
"""How long one jobshape waits for another's transaction."""

_COMPANIONS = ("", "-wal", "-shm", "-journal")
_NETWORK = frozenset({
    "nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "afs", "panfs",
    "pvfs2", "orangefs", "wekafs", "glusterfs", "9p", "fuse.sshfs", "fuse.glusterfs", "fuse.ceph",
})  # fmt: skip
"""File systems that several machines share, where the shared memory of a write-ahead log does not
reach from one to the other. Source: https://sqlite.org/wal.html"""


class HistoryTrouble(JobshapeError):
    """History cannot be read or written now; everything else goes on without it."""


class NewerHistory(HistoryTrouble):
    """A newer jobshape made the file: it can be read, not written."""


class DamagedHistory(HistoryTrouble):
    """What is in the file makes no sense."""


def open_to_write(path: Path, *, busy_s: float = BUSY_S) -> tuple[sqlite3.Connection, str]:
    """The file, made or brought to the newest version, and a notice for the person or "".

    A damaged file is renamed first, and the notice says so. Raises HistoryTrouble.
    """
    try:
        return _open_to_write(path, busy_s), ""
    except DamagedHistory as error:
        notice = set_aside_damaged(path, error.what)
        return _open_to_write(path, busy_s), notice


def _open_to_write(path: Path, busy_s: float) -> sqlite3.Connection:
    with translated(path):
        _make_private_file(path)
        db = sqlite3.connect(path, timeout=busy_s, isolation_level=None, check_same_thread=False)
        try:
            _prepare(db, path, busy_s)
        except BaseException:
            db.close()
            raise
    return db


def _prepare(db: sqlite3.Connection, path: Path, busy_s: float) -> None:
    version = version_of(db)
    if version > len(MIGRATIONS):
        raise newer(version, path)
    if is_on_network(path) or not _takes_wal(db, busy_s):
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA synchronous = FULL")
    else:
        db.execute("PRAGMA synchronous = NORMAL")
    if version < len(MIGRATIONS):
        migrate(db)


def _takes_wal(db: sqlite3.Connection, busy_s: float) -> bool:
    deadline = time.monotonic() + busy_s
    while True:
        try:
            (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error):
                return False
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)  # another jobshape is just making the file; SQLite does not wait here
        else:
            return bool(mode == "wal")


def open_to_read(path: Path) -> tuple[sqlite3.Connection, str] | None:
    """The file and what is odd about it or ""; None if there is none yet. Raises HistoryTrouble."""
    with translated(path):
        if not path.exists():
            return None
        db = _connect_to_read(path)
        version = version_of(db)
        if version == 0:  # it is just being made
            db.close()
            return None
    return db, newer(version, path).what if version > len(MIGRATIONS) else ""


def _connect_to_read(path: Path) -> sqlite3.Connection:
    def connect(how: str) -> sqlite3.Connection:
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?{how}", uri=True, timeout=BUSY_S, isolation_level=None,
            check_same_thread=False,
        )  # fmt: skip
        try:
            db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except BaseException:
            db.close()
            raise
        return db

    try:
        return connect("mode=ro")
    except sqlite3.OperationalError:
        if os.access(path.parent, os.W_OK) or not os.access(path, os.R_OK):
            raise
        return connect("mode=ro&immutable=1")  # no place for the log's index: nobody writes here


def newer(version: int, path: Path) -> NewerHistory:
    """The error for a file of a newer release."""
    return NewerHistory(
        f"the history was made by a newer jobshape (format {version}, this one knows"
        f" {len(MIGRATIONS)}): it is read, and nothing is added",
        where=str(path), hint="update jobshape",
    )  # fmt: skip


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Errors of SQLite and of the file system as ours, in words that say what to do."""
    try:
        yield
    except sqlite3.Error as error:
        raise _trouble(error, path) from error
    except OSError as error:
        raise HistoryTrouble(
            f"the history cannot be kept: {error.strerror or error}", where=str(path),
            hint="make the folder writable, or set JOBSHAPE_STATE_DIR to another one",
        ) from error  # fmt: skip


def _trouble(error: sqlite3.Error, path: Path) -> HistoryTrouble:
    words, where = str(error), str(path)
    if "full" in words:
        return HistoryTrouble(
            "the disk is full: nothing is added to the history", where=where,
            hint="free some space or quota",
        )  # fmt: skip
    if "locked" in words or "locking protocol" in words:
        return HistoryTrouble(
            f"another jobshape holds the history ({words})", where=where,
            hint="it is tried again by itself",
        )  # fmt: skip
    if "readonly" in words or "unable to open" in words:
        return HistoryTrouble(
            f"the history cannot be written: {words}", where=where,
            hint="make the file and its folder writable, or set JOBSHAPE_STATE_DIR",
        )  # fmt: skip
    if _is_damage(error):
        return DamagedHistory(f"the history is damaged: {words}", where=where)
    return HistoryTrouble(f"the history cannot be used: {words}", where=where)


def _is_damage(error: sqlite3.Error) -> bool:
    words = str(error)
    return "malformed" in words or "not a database" in words or "no such table" in words


def set_aside_damaged(path: Path, what: str) -> str:
    """Rename a damaged file with what belongs to it; gives a notice. Raises HistoryTrouble.

    Under a lock, and only if it is still damaged: another jobshape may have done it.
    """
    with translated(path), _alone(path):
        if not is_damaged(path):
            return ""
        aside = f"{path.name}.bad-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        for ending in reversed(_COMPANIONS):
            with suppress(FileNotFoundError):
                path.with_name(path.name + ending).rename(path.with_name(aside + ending))
    return f"{what}; it was set aside as {path.with_name(aside)}, and a new one begun"


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        with suppress(OSError):  # a file system without locks: then without
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def is_damaged(path: Path) -> bool:
    """Whether SQLite finds fault with the file; reads all of it."""
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)) as db:
            found = db.execute("PRAGMA integrity_check(1)").fetchall()
            tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            return found != [("ok",)] or bool(version_of(db) and not tables)
    except sqlite3.OperationalError:
        return False  # locked, full, out of reach: no word about what is in it
    except sqlite3.DatabaseError:
        return True


def _make_private_file(path: Path) -> None:
    folder = path.parent
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    try:
        found = path.stat()
    except FileNotFoundError:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        return
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO) and found.st_uid == os.geteuid():
        path.chmod(0o600)


def is_on_network(path: Path, mounts: str | None = None) -> bool:
    """Whether the file lies on a file system that several machines share.

    mounts: the text of /proc/self/mounts; None reads it.
    """
    if mounts is None:
        try:
            mounts = Path("/proc/self/mounts").read_text("utf-8", "surrogateescape")
        except OSError:
            return False
    folder = os.path.realpath(path.parent)
    kind, longest = "", -1
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        place = fields[1].replace("\\040", " ")
        inside = folder == place or folder.startswith(place.rstrip("/") + "/")
        if inside and len(place) >= longest:
            kind, longest = fields[2], len(place)
    return kind in _NETWORK
