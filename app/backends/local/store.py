"""The queue on disk: a SQLite database that one supervisor writes and any client reads.

``synchronous=FULL``: an acknowledged submission outlives a power cut, and a start that was acted on
is known afterwards, so no job is lost or run twice. It costs one fsync a transaction, and a
transaction takes in everything of one turn of the supervisor.
"""

import hashlib
import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from jobshape.app.backends.local.record import ACTIVE, COLUMN_TYPES, COLUMNS, LocalJob
from jobshape.app.backends.local.standing import MISFIT
from jobshape.app.domain.errors import BackendError, Unreachable

SCHEMA_VERSION = 2
BUSY_S = 10.0
ADDED_IN = {"suspend_time": (2, "NULL"), "suspended_s": (2, "0.0")}
"""Columns that the first format lacked: since which one they are there, and what they were."""
_TEXTS = frozenset(name for name, kind in COLUMN_TYPES.items() if kind == "TEXT")
_ACTIVE_STATES = ", ".join(f"'{state}'" for state in ACTIVE)


def _column(name: str) -> str:
    if name == "id":
        return "id INTEGER PRIMARY KEY AUTOINCREMENT"  # never given twice, even after pruning
    return f"{name} {COLUMN_TYPES[name]}"


_SCHEMA = f"""
CREATE TABLE jobs ({", ".join(map(_column, COLUMNS))});
CREATE INDEX jobs_state ON jobs (state);
CREATE INDEX jobs_array ON jobs (array_id) WHERE array_id IS NOT NULL;
CREATE INDEX jobs_end ON jobs (end_time) WHERE end_time IS NOT NULL;
CREATE TABLE blobs (key TEXT PRIMARY KEY, body BLOB) WITHOUT ROWID;
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
PRAGMA user_version = {SCHEMA_VERSION};
"""

_TASK_INDEX = (
    "CREATE INDEX IF NOT EXISTS jobs_task ON jobs (array_id, task_id) WHERE array_id IS NOT NULL"
)
"""Queues made before have none; with it or without, the format is the same."""


def _select(version: int) -> str:
    """What reads rows of this format, which an older supervisor may still be writing."""
    shown = (
        ADDED_IN[name][1] if name in ADDED_IN and version < ADDED_IN[name][0] else name
        for name in COLUMNS
    )
    return f"SELECT {', '.join(shown)} FROM jobs"


def _upgrade(db: sqlite3.Connection, version: int) -> None:
    """Bring a database of an older release to this format, all at once."""
    added = [
        f"ALTER TABLE jobs ADD COLUMN {_column(name)} DEFAULT {value};"
        for name, (since, value) in ADDED_IN.items()
        if version < since
    ]
    db.executescript(f"BEGIN; {' '.join(added)} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def _value(name: str) -> str:
    return "CAST(? AS TEXT)" if name in _TEXTS else "?"


_INSERT = (
    f"INSERT INTO jobs ({', '.join(COLUMNS[1:])}) VALUES ({', '.join(map(_value, COLUMNS[1:]))})"
)


def to_bytes(text: str) -> bytes:
    """A text as bytes; names of files that are no UTF-8 come through."""
    return text.encode("utf-8", "surrogateescape")


def to_text(data: bytes) -> str:
    """What :func:`to_bytes` was given."""
    return data.decode("utf-8", "surrogateescape")


def _bound(value: Any) -> Any:
    if isinstance(value, str) and not value.isascii():
        return to_bytes(value)  # SQLite takes no lone surrogates as text
    return value


class Store:
    """The open database. Its errors are ``sqlite3.Error``; a reader translates them."""

    def __init__(self, connection: sqlite3.Connection, version: int = SCHEMA_VERSION) -> None:
        self._db = connection
        self._select = _select(version)

    @classmethod
    def to_write(cls, path: Path) -> "Store":
        """Open it for the supervisor, made if it is missing.

        Raises BackendError for one of a newer release, sqlite3.Error.
        """
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        db = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        (version,) = db.execute("PRAGMA user_version").fetchone()
        _check_version(version, path)
        if version == 0:
            db.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
            db.execute("INSERT INTO facts VALUES ('site', ?)", (secrets.token_hex(8),))
        elif version < SCHEMA_VERSION:
            _upgrade(db, version)
        with suppress(sqlite3.OperationalError):  # a full disk; it is only quicker with it
            db.execute(_TASK_INDEX)
        return cls(db)

    @classmethod
    def to_read(cls, path: Path) -> "Store | None":
        """Open it for reading; None if there is none yet. Raises BackendError."""
        if not path.exists():
            return None
        with reading(path):
            db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_S,
                                 isolation_level=None)  # fmt: skip
            (version,) = db.execute("PRAGMA user_version").fetchone()
        _check_version(version, path)
        return cls(db, version) if version else None

    def close(self) -> None:
        """Close it."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it is on disk afterwards, or none. Raises sqlite3.Error."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def fact(self, name: str) -> str:
        """One of the few facts of the whole site."""
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def note(self, name: str, value: str) -> None:
        """Set a fact."""
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def last_id(self) -> int:
        """The highest job id ever given."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'").fetchone()
        return row[0] if row else 0

    def insert(self, job: LocalJob) -> None:
        """A new row; sets the job's id."""
        values = [_bound(getattr(job, name)) for name in COLUMNS[1:]]
        row_id = self._db.execute(_INSERT, values).lastrowid
        assert row_id
        job.id = row_id

    def insert_tasks(self, job: LocalJob, tasks: Iterable[int]) -> range:
        """A new row like this one for each task; gives their ids, in that order."""
        values = [_bound(getattr(job, name)) for name in COLUMNS[1:]]
        place = COLUMNS.index("task_id") - 1
        before, after = values[:place], values[place + 1 :]
        first = self.last_id() + 1
        self._db.executemany(_INSERT, ((*before, task, *after) for task in tasks))
        return range(first, self.last_id() + 1)

    def update(self, job: LocalJob, *names: str) -> None:
        """Write these fields of the job."""
        setting = ", ".join(f"{name} = {_value(name)}" for name in names)
        values = [_bound(getattr(job, name)) for name in names]
        self._db.execute(f"UPDATE jobs SET {setting} WHERE id = ?", (*values, job.id))

    def keep(self, text: str) -> str:
        """Keep a large text once, however many jobs have it; gives its key."""
        body = to_bytes(text)
        key = hashlib.sha256(body).hexdigest()
        self._db.execute("INSERT OR IGNORE INTO blobs VALUES (?, ?)", (key, body))
        return key

    def kept(self, key: str) -> str:
        """The text of a key."""
        row = self._db.execute("SELECT body FROM blobs WHERE key = ?", (key,)).fetchone()
        return to_text(row[0]) if row else ""

    def active(self) -> list[LocalJob]:
        """Jobs that are not over, by id."""
        return self._jobs(f"{self._select} WHERE state IN ({_ACTIVE_STATES}) ORDER BY id")

    def ended_since(self, since: float) -> list[LocalJob]:
        """Jobs over since then."""
        return self._jobs(
            f"{self._select} WHERE end_time >= ? AND state NOT IN ({_ACTIVE_STATES})", since
        )

    def between(self, since: float, until: float) -> list[LocalJob]:
        """Jobs that were in any state between two times."""
        return self._jobs(
            f"{self._select} WHERE submit_time <= ? AND (end_time IS NULL OR end_time >= ?)"
            " ORDER BY id", until, since,
        )  # fmt: skip

    def job(self, job_id: int) -> LocalJob | None:
        """The row with this id."""
        found = self._jobs(f"{self._select} WHERE id = ?", job_id)
        return found[0] if found else None

    def array(self, array_id: int) -> list[LocalJob]:
        """All rows of an array."""
        return self._jobs(f"{self._select} WHERE array_id = ? ORDER BY id", array_id)

    def counts(self, array_id: int) -> dict[str, int]:
        """Rows of an array, by state."""
        return dict(
            self._db.execute(
                "SELECT state, count(*) FROM jobs WHERE array_id = ? GROUP BY state", (array_id,)
            )
        )

    def task_state(self, array_id: int, task_id: int) -> str:
        """The state of a task that was split off; "" if there is no such row."""
        row = self._db.execute(
            "SELECT state FROM jobs WHERE array_id = ? AND task_id = ?", (array_id, task_id)
        ).fetchone()
        return row[0] if row else ""

    def latest_start(self, job_or_array: int) -> float | None:
        """When the last started of a job's rows began."""
        row = self._db.execute(
            "SELECT max(coalesce(start_time, end_time)) FROM jobs WHERE id = ?1 OR array_id = ?1",
            (job_or_array,),
        ).fetchone()
        return row[0] if row else None

    def has_work(self) -> bool:
        """Whether a supervisor would have anything to do."""
        row = self._db.execute(
            f"SELECT 1 FROM jobs WHERE state IN ({_ACTIVE_STATES}) AND"
            " (state != 'PENDING' OR"
            f" (held = 0 AND dependency_state != 'never' AND reason != '{MISFIT}')) LIMIT 1"
        ).fetchone()
        return row is not None

    def misfits(self) -> list[LocalJob]:
        """Pending jobs for which the machine was too small when last looked at."""
        return self._jobs(f"{self._select} WHERE state = 'PENDING' AND reason = ?", MISFIT)

    def prune(self, before: float, named: Iterable[int] = ()) -> int:
        """Forget jobs that ended before this; gives how many.

        named: jobs and arrays that others wait for; they stay, as does an array some of which is
        not over.
        """
        gone = self._db.execute(
            f"DELETE FROM jobs WHERE end_time < ?1 AND state NOT IN ({_ACTIVE_STATES})"
            " AND id NOT IN (SELECT value FROM json_each(?2))"
            " AND (array_id IS NULL OR array_id NOT IN (SELECT value FROM json_each(?2) UNION"
            " SELECT array_id FROM jobs WHERE array_id IS NOT NULL"
            f" AND state IN ({_ACTIVE_STATES})))",
            (before, json.dumps(sorted(named))),
        ).rowcount
        if gone:
            self._db.execute(
                "DELETE FROM blobs WHERE key NOT IN"
                " (SELECT script FROM jobs UNION SELECT environment FROM jobs)"
            )
        return gone

    def _jobs(self, query: str, *values: Any) -> list[LocalJob]:
        try:
            return [LocalJob(*row) for row in self._db.execute(query, values)]
        except sqlite3.OperationalError as error:
            if "decode" not in str(error):
                raise
        self._db.text_factory = to_text  # some name is no UTF-8; else it is done in C, far quicker
        return [LocalJob(*row) for row in self._db.execute(query, values)]


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """SQLite's errors as ours, for a reader."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise Unreachable(f"the queue cannot be read: {error}", where=str(path)) from error
    except sqlite3.DatabaseError as error:
        raise BackendError(f"the queue is damaged: {error}", where=str(path)) from error


def _check_version(version: int, path: Path) -> None:
    if version > SCHEMA_VERSION:
        raise BackendError(
            f"the queue was made by a newer jobshape (format {version}, this one knows"
            f" {SCHEMA_VERSION})",
            where=str(path), hint="update jobshape, or choose another folder for the site",
        )  # fmt: skip
