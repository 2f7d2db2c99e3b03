"""``rounds.db``: campaigns on disk. The runner writes what happened, others what they wish.

Every change is here before it is acted on, so a runner that was killed goes on where it was. A file
of its own, not the history: that one may be switched off, and forgets.
"""

import errno
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from jobshape.app.domain.errors import JobshapeError
from jobshape.app.history.opening import is_on_network
from jobshape.app.rounds.campaign import (
    Attempt,
    Campaign,
    Event,
    GateLine,
    Lesson,
    Round,
    RoundState,
    Sending,
    SendingState,
    Trial,
)

FILE_NAME = "rounds.db"
VERSION = 1
BUSY_S = 10.0

_SCHEMA = """
CREATE TABLE campaigns (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, site TEXT, folder TEXT, manifest_path TEXT,
    manifest_text TEXT, state TEXT, question TEXT, note TEXT, created_at INTEGER,
    ended_at INTEGER, baseline INTEGER, trials INTEGER,
    budget_asked INTEGER
);
CREATE TABLE rounds (
    campaign INTEGER, number INTEGER, hypothesis TEXT, state TEXT, opened_at INTEGER,
    closed_at INTEGER, outcome TEXT, gate TEXT, PRIMARY KEY (campaign, number)
) WITHOUT ROWID;
CREATE TABLE trials (
    id INTEGER PRIMARY KEY, campaign INTEGER, number INTEGER, kind TEXT, plan_id TEXT, phase TEXT,
    stage TEXT, target TEXT, configuration TEXT, round INTEGER, state TEXT, why TEXT, label TEXT,
    attempts INTEGER, oom_times INTEGER, smokes_failed INTEGER, forgiven INTEGER, due_at INTEGER,
    memory_bytes INTEGER, time_limit_s INTEGER, exclude_nodes TEXT, metrics TEXT, checks TEXT
);
CREATE INDEX trials_campaign ON trials (campaign, state);
CREATE INDEX trials_round ON trials (campaign, round);
CREATE TABLE sendings (
    id INTEGER PRIMARY KEY, campaign INTEGER, round INTEGER, key TEXT UNIQUE, name TEXT,
    at INTEGER, state TEXT, job_id INTEGER, words TEXT, after TEXT
);
CREATE INDEX sendings_open ON sendings (campaign) WHERE state IN ('sending', 'unknown');
CREATE TABLE attempts (
    trial INTEGER, number INTEGER, sending INTEGER, task INTEGER, job_id INTEGER, state TEXT,
    submitted_at INTEGER, started_at INTEGER, ended_at INTEGER, elapsed_s INTEGER,
    max_rss_bytes INTEGER, total_cpu_s REAL, cpus INTEGER, memory_bytes INTEGER, gpus INTEGER,
    gpu_percent REAL, node_list TEXT, label TEXT, title TEXT, PRIMARY KEY (trial, number)
) WITHOUT ROWID;
CREATE INDEX attempts_sending ON attempts (sending);
CREATE INDEX attempts_open ON attempts (trial) WHERE ended_at IS NULL;
CREATE TABLE passes (site TEXT, configuration TEXT, at INTEGER,
    PRIMARY KEY (site, configuration)) WITHOUT ROWID;
CREATE TABLE wishes (id INTEGER PRIMARY KEY, campaign INTEGER, what TEXT, argument TEXT,
    at INTEGER);
CREATE TABLE events (id INTEGER PRIMARY KEY, campaign INTEGER, at INTEGER, text TEXT);
CREATE INDEX events_campaign ON events (campaign, id);
CREATE TABLE lessons (id INTEGER PRIMARY KEY, at INTEGER, campaign TEXT, family TEXT, text TEXT);
CREATE UNIQUE INDEX lessons_once ON lessons (campaign, family, text);
"""

_JSON = frozenset({"metrics", "checks", "gate"})
Record = TypeVar("Record", Campaign, Round, Trial, Attempt, Sending)
_TABLES: Mapping[type, str] = {
    Campaign: "campaigns", Round: "rounds", Trial: "trials", Attempt: "attempts",
    Sending: "sendings",
}  # fmt: skip
_NAMES = {kind: tuple(item.name for item in fields(kind)) for kind in _TABLES}


class RoundsTrouble(JobshapeError):
    """What is kept of campaigns cannot be read or written."""


class Wish(NamedTuple):
    """What a person wants of a campaign: ``pause``, ``resume``, ``stop``, ``retry``, ``skip``."""

    id: int
    campaign: int
    what: str
    argument: str


class Counted(NamedTuple):
    """How many trials of a round are in a state."""

    round: int | None
    kind: str
    state: str
    trials: int


class Store:
    """One connection. ``to_write`` makes the file; ``to_read`` gives None where there is none."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db, self.path = db, path

    @classmethod
    def to_write(cls, path: Path) -> "Store":
        """The store, made if need be; the file is closed to others. Raises RoundsTrouble."""
        with _translated(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_file(path)
            db = _connect(str(path))
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                db.close()
                raise _newer(version, path)
            wal = not is_on_network(path)
            db.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
            db.execute("PRAGMA synchronous = FULL")  # what is sent outlives a power cut
            store = cls(db, path)
            if version < VERSION:
                store._make()
        return store

    @classmethod
    def to_read(cls, path: Path) -> "Store | None":
        """The store, not to be changed. Raises RoundsTrouble."""
        if not path.exists():
            return None
        with _translated(path):
            try:
                db = _connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
                version = db.execute("PRAGMA user_version").fetchone()[0]
            except sqlite3.OperationalError:
                if not os.access(path.parent, os.W_OK):
                    raise
                db = _connect(str(path))  # after a crash the log wants a writer
                version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > VERSION:
                db.close()
                raise _newer(version, path)
        return cls(db, path) if version else None

    def _make(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        if self._db.execute("PRAGMA user_version").fetchone()[0] < VERSION:
            for statement in _SCHEMA.split(";"):
                if statement.strip():
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {VERSION}")
        self._db.execute("COMMIT")

    def close(self) -> None:
        """No more of it."""
        self._db.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing; inside another one it is a part of that. Raises RoundsTrouble."""
        if self._db.in_transaction:
            yield
            return
        with _translated(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    @property
    def revision(self) -> int:
        """Another number once another process has changed the file."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    # --- campaigns and rounds ---------------------------------------------------------------

    def add_campaign(self, campaign: Campaign, trials: Iterable[Trial]) -> int:
        """Keep a new campaign with its trials; ids given are passed over. Gives its id."""
        with self.transaction():
            number = self._insert(replace(campaign, id=0), without_id=True)
            names = [name for name in _NAMES[Trial] if name != "id"]
            at = names.index("campaign")
            rows = ([*row[:at], number, *row[at + 1 :]] for row in
                    (_row(trial, names) for trial in trials))  # fmt: skip
            self._db.executemany(_insert_text("trials", names), rows)
            count = self._db.execute(
                "SELECT count(*) FROM trials WHERE campaign = ?", (number,)
            ).fetchone()[0]
            self._db.execute("UPDATE campaigns SET trials = ? WHERE id = ?", (count, number))
        return number

    def campaigns(self, states: Sequence[str] = (), site: str = "") -> list[Campaign]:
        """Campaigns, the newest first."""
        where, values = _where({"state": states or None, "site": site or None})
        return self._select(Campaign, f"{where} ORDER BY id DESC", values)

    def campaign(self, number: int) -> Campaign | None:
        """One campaign."""
        return next(iter(self._select(Campaign, "WHERE id = ?", (number,))), None)

    def set_campaign(self, number: int, **changes: Any) -> None:
        """Change fields of a campaign."""
        self._update("campaigns", {"id": number}, changes)

    def open_round(self, new: Round, trials: Iterable[int]) -> None:
        """Begin a round with these trials."""
        with self.transaction():
            self._insert(new)
            self._db.executemany(
                "UPDATE trials SET round = ? WHERE id = ?", ((new.number, one) for one in trials)
            )

    def set_round(self, campaign: int, number: int, **changes: Any) -> None:
        """Change fields of a round."""
        self._update("rounds", {"campaign": campaign, "number": number}, changes)

    def close_round(
        self, campaign: int, number: int, state: RoundState, outcome: str,
        gate: tuple[GateLine, ...], now: int,
    ) -> None:  # fmt: skip
        """End a round: passed or failed, and what it showed."""
        self.set_round(
            campaign, number, state=state, outcome=outcome, gate=gate, closed_at=now
        )  # fmt: skip

    def rounds(self, campaign: int) -> list[Round]:
        """Its rounds, the first one first."""
        return self._select(Round, "WHERE campaign = ? ORDER BY number", (campaign,))

    # --- trials -----------------------------------------------------------------------------

    def trials(
        self, campaign: int, *, round: int | None = None, states: Sequence[str] = (),
        kind: str = "",
    ) -> list[Trial]:  # fmt: skip
        """Trials in the order of the manifest, smokes where they were added."""
        where, values = _where(
            {"campaign": campaign, "round": round, "state": states or None, "kind": kind or None}
        )
        return self._select(Trial, f"{where} ORDER BY number, id", values)

    def trial(self, number: int) -> Trial | None:
        """One trial."""
        return next(iter(self._select(Trial, "WHERE id = ?", (number,))), None)

    def add_trial(self, trial: Trial) -> int:
        """Keep one more (a smoke); gives its id."""
        with self.transaction():
            return self._insert(trial, without_id=True)

    def learned_memory(self, name: str, site: str) -> dict[str, int]:
        """Target -> memory in bytes with which its jobs did well after they had run out of it.

        Of earlier campaigns of the same project at the site; the newest one that says counts.
        """
        rows = self._db.execute(
            "SELECT t.target, max(t.memory_bytes) FROM trials t JOIN campaigns c ON c.id ="
            " t.campaign WHERE c.name = ? AND c.site = ? AND t.state = 'completed'"
            " AND t.memory_bytes IS NOT NULL AND t.oom_times > 0 GROUP BY c.id, t.target"
            " ORDER BY c.id", (name, site),
        )  # fmt: skip
        return {target: memory for target, memory in rows}

    def has_memory(self, campaign: int, target: str) -> bool:
        """Whether trials of a target ask for other memory than the manifest says."""
        found = self._db.execute(
            "SELECT 1 FROM trials WHERE campaign = ? AND target = ? AND memory_bytes IS NOT NULL"
            " LIMIT 1", (campaign, target),
        )  # fmt: skip
        return found.fetchone() is not None

    def set_trial(self, number: int, **changes: Any) -> None:
        """Change fields of a trial."""
        self._update("trials", {"id": number}, changes)

    def counts(self, campaign: int) -> list[Counted]:
        """How many trials are in which state, by round; the rest of a screen needs no more."""
        found = self._db.execute(
            "SELECT round, kind, state, count(*) FROM trials WHERE campaign = ?"
            " GROUP BY round, kind, state", (campaign,),
        )  # fmt: skip
        return [Counted(*row) for row in found]

    # --- sendings and attempts --------------------------------------------------------------

    def begin_sending(
        self, sending: Sending, trials: Sequence[Trial], now: int, *, tasks: bool
    ) -> int:
        """Write down that these trials are sent now, in the order of their tasks; gives an id."""
        with self.transaction():
            number = self._insert(sending, without_id=True)
            for task, trial in enumerate(trials):
                attempt = Attempt(
                    trial.id, trial.attempts + 1, number, task if tasks else None, submitted_at=now
                )
                self._insert(attempt)
                self.set_trial(trial.id, state="sent", attempts=trial.attempts + 1, why="")
        return number

    def settle_sending(
        self, number: int, state: SendingState, job_id: int | None = None, words: str = ""
    ) -> None:
        """What became of a sending: its attempts get the job's id, or are taken back."""
        with self.transaction():
            self._update("sendings", {"id": number},
                         {"state": state, "job_id": job_id, "words": words})  # fmt: skip
            if state == "sent":
                self._db.execute(
                    "UPDATE attempts SET job_id = ? WHERE sending = ?", (job_id, number)
                )
            elif state in ("lost", "refused"):
                self._db.execute(
                    "UPDATE trials SET state = 'pending', attempts = attempts - 1 WHERE id IN"
                    " (SELECT trial FROM attempts WHERE sending = ?) AND state = 'sent'", (number,),
                )  # fmt: skip
                self._db.execute("DELETE FROM attempts WHERE sending = ?", (number,))

    def open_sendings(self, campaign: int) -> list[Sending]:
        """Sendings of which nobody knows yet whether they arrived."""
        return self._select(
            Sending, "WHERE campaign = ? AND state IN ('sending', 'unknown')", (campaign,)
        )

    def chained(self, campaign: int) -> set[int]:
        """Ids of sendings that wait for other jobs by a dependency."""
        found = self._db.execute(
            "SELECT id FROM sendings WHERE campaign = ? AND after != ''", (campaign,)
        )
        return {number for (number,) in found}

    def open_attempts(self, campaign: int) -> list[Attempt]:
        """Attempts whose jobs have not ended, as far as is known, with a job's id."""
        return self._select(
            Attempt, "WHERE ended_at IS NULL AND job_id IS NOT NULL AND trial IN"
            " (SELECT id FROM trials WHERE campaign = ?)", (campaign,),
        )  # fmt: skip

    def attempts(self, campaign: int, trial: int | None = None) -> list[Attempt]:
        """Every attempt of a campaign, or of one trial, the first one first."""
        if trial is not None:
            return self._select(Attempt, "WHERE trial = ? ORDER BY number", (trial,))
        return self._select(
            Attempt, "WHERE trial IN (SELECT id FROM trials WHERE campaign = ?)"
            " ORDER BY trial, number", (campaign,),
        )  # fmt: skip

    def set_attempt(self, trial: int, number: int, **changes: Any) -> None:
        """Change fields of an attempt."""
        self._update("attempts", {"trial": trial, "number": number}, changes)

    # --- wishes, events, lessons, passes ----------------------------------------------------

    def wish(self, campaign: int, what: str, argument: str, now: int) -> None:
        """Ask the runner for something."""
        with self.transaction():
            self._db.execute(
                "INSERT INTO wishes (campaign, what, argument, at) VALUES (?, ?, ?, ?)",
                (campaign, what, argument, now),
            )

    def wishes(self, site: str) -> list[Wish]:
        """What is wished of a site's campaigns, the oldest first."""
        rows = self._db.execute(
            "SELECT id, campaign, what, argument FROM wishes WHERE campaign IN"
            " (SELECT id FROM campaigns WHERE site = ?) ORDER BY id", (site,),
        )  # fmt: skip
        return [Wish(*row) for row in rows]

    def forget_wish(self, number: int) -> None:
        """It is done, or cannot be."""
        with self.transaction():
            self._db.execute("DELETE FROM wishes WHERE id = ?", (number,))

    def tell(self, campaign: int, now: int, text: str) -> None:
        """Add an event, which is also the campaign's note."""
        with self.transaction():
            self._db.execute(
                "INSERT INTO events (campaign, at, text) VALUES (?, ?, ?)", (campaign, now, text)
            )
            self.set_campaign(campaign, note=text)

    def events(self, campaign: int, limit: int = 1000) -> list[Event]:
        """The newest events, the oldest of them first."""
        rows = self._db.execute(
            "SELECT at, text FROM events WHERE campaign = ? ORDER BY id DESC LIMIT ?",
            (campaign, limit),
        ).fetchall()
        return [Event(*row) for row in reversed(rows)]

    def learn(self, lesson: Lesson) -> None:
        """Keep a lesson, once."""
        with self.transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO lessons (at, campaign, family, text) VALUES (?, ?, ?, ?)",
                lesson,
            )

    def lessons(self, campaign: str = "", family: str = "") -> list[Lesson]:
        """Lessons, the oldest first."""
        where, values = _where({"campaign": campaign or None, "family": family or None})
        rows = self._db.execute(
            f"SELECT at, campaign, family, text FROM lessons {where} ORDER BY id", values
        )
        return [Lesson(*row) for row in rows]

    def passed(self, site: str, configuration: str) -> int | None:
        """When a smoke of this configuration last passed there."""
        row = self._db.execute(
            "SELECT at FROM passes WHERE site = ? AND configuration = ?", (site, configuration)
        ).fetchone()
        return row and int(row[0])

    def note_passed(self, site: str, configuration: str, now: int) -> None:
        """A smoke of this configuration passed."""
        with self.transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO passes VALUES (?, ?, ?)", (site, configuration, now)
            )

    def select(self, text: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The rows of a query of one's own: of many, only what is shown. Raises RoundsTrouble."""
        with _translated(self.path):
            return self._db.execute(text, values).fetchall()

    # --- rows -------------------------------------------------------------------------------

    def _insert(self, record: Any, *, without_id: bool = False) -> int:
        names = [one for one in _NAMES[type(record)] if not (without_id and one == "id")]
        text = _insert_text(_TABLES[type(record)], names)
        return self._db.execute(text, _row(record, names)).lastrowid or 0

    def _select(self, kind: type[Record], rest: str, values: Sequence[Any]) -> list[Record]:
        names = _NAMES[kind]
        rows = self._db.execute(f"SELECT {', '.join(names)} FROM {_TABLES[kind]} {rest}", values)
        return [kind(**dict(zip(names, map(_from_cell, names, row), strict=True))) for row in rows]

    def _update(self, table: str, key: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
        if not changes:
            return
        sets = ", ".join(f"{name} = ?" for name in changes)
        where = " AND ".join(f"{name} = ?" for name in key)
        values = [_to_cell(name, value) for name, value in changes.items()]
        with self.transaction():
            self._db.execute(f"UPDATE {table} SET {sets} WHERE {where}", (*values, *key.values()))


def _make_file(path: Path) -> None:
    """An empty file of this user alone, if there is none.

    One that is there is not opened: closing it would drop the locks that SQLite holds on it for
    other connections of this process, and another process might then take its log away.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    except FileExistsError:
        if path.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None


def _connect(name: str, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        name, uri=uri, timeout=BUSY_S, isolation_level=None, check_same_thread=False
    )


def _insert_text(table: str, names: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def _row(record: Any, names: Sequence[str]) -> list[Any]:
    return [_to_cell(name, getattr(record, name)) for name in names]


def _to_cell(name: str, value: Any) -> Any:
    return json.dumps(value) if name in _JSON else value


def _from_cell(name: str, cell: Any) -> Any:
    if name not in _JSON:
        return cell
    value = json.loads(cell or "null")
    if name == "gate":
        return tuple(GateLine(*line) for line in value or ())
    return value or {} if name == "metrics" else tuple(value or ())


def _where(conditions: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """None asks nothing; several values are alternatives."""
    parts, values = [], []
    for name, value in conditions.items():
        if value is None:
            continue
        if isinstance(value, str | int):
            parts.append(f"{name} = ?")
            values.append(value)
        else:
            parts.append(f"{name} IN ({', '.join('?' * len(value))})")
            values += value
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), values


def _newer(version: int, path: Path) -> RoundsTrouble:
    return RoundsTrouble(
        f"a newer jobshape made this file (format {version}, this one knows {VERSION})",
        where=str(path), hint="update jobshape",
    )  # fmt: skip


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise RoundsTrouble(
            f"campaigns cannot be kept: {error}", where=str(path),
            hint="is the disk full, or the file damaged? JOBSHAPE_STATE_DIR names another folder",
        ) from error  # fmt: skip
    except OSError as error:
        raise RoundsTrouble(
            f"campaigns cannot be kept: {error.strerror or error}", where=str(path),
            hint="make the folder writable, or set JOBSHAPE_STATE_DIR to another one",
        ) from error  # fmt: skip
