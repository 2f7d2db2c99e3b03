"""Nothing costs a history what it was given: kills, two at once, full disks, damage, versions."""

from __future__ import annotations

import os
import random
import resource
import signal
import sqlite3
import struct
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest
from jobshape.app.domain.job import Usage
from jobshape.app.history import opening, schema
from jobshape.app.history.history import History
from jobshape.app.history.opening import HistoryTrouble, NewerHistory, is_on_network
from jobshape.app.history.query import JobQuery

from .conftest import NOW, job, used

BATCH = 5


def in_child(work: Callable[[], None]) -> int:
    """Run it in a forked process; gives its id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return pid


def write_forever(path: Path, first: int, acks: int) -> NoReturn:
    """Write batches of jobs and samples; say each first id once it is acknowledged."""
    history = History.to_write(path)
    while True:
        ids = range(first, first + BATCH)
        with history.transaction():
            history.record_jobs("box", [job(i, "RUNNING") for i in ids], from_queue=True)
            history.record_usage("box", [Usage(i, NOW, i, i, 1.0) for i in ids])
            history.record_jobs("box", [used(job(i)) for i in ids], from_queue=False)
        os.write(acks, struct.pack("q", first))
        first += BATCH


@pytest.mark.parametrize(("kills", "shared"), [(50, False), (15, True)])
def test_kills_during_writes_cost_nothing_that_was_acknowledged(
    path: Path, monkeypatch: pytest.MonkeyPatch, kills: int, shared: bool
) -> None:
    monkeypatch.setattr(opening, "is_on_network", lambda path: shared)
    rng = random.Random(4)
    acknowledged: list[int] = []
    for kill in range(kills):
        read_fd, write_fd = os.pipe()
        writers = [
            in_child(partial(write_forever, path, first, write_fd))
            for first in (1_000_000 * (2 * kill + 1), 1_000_000 * (2 * kill + 2))
        ]
        os.close(write_fd)
        told = os.read(read_fd, 8)  # it is in the middle of its work
        time.sleep(rng.random() * 0.02)
        for pid in writers:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        while data := os.read(read_fd, 1 << 16):
            told += data
        os.close(read_fd)
        acknowledged += (first for (first,) in struct.iter_unpack("q", told))
    assert len(acknowledged) >= kills
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        done = {i for (i,) in db.execute("SELECT job_id FROM jobs WHERE max_rss_bytes > 0")}
        sampled = {
            i for (i,) in db.execute("SELECT job_id FROM usage JOIN jobs ON jobs.id = usage.job")
        }
        (total,) = db.execute("SELECT count(*) FROM jobs").fetchone()
    wanted = {first + i for first in acknowledged for i in range(BATCH)}
    assert wanted <= done
    assert wanted <= sampled
    assert len(done) == total  # a transaction is there as a whole or not at all


def test_many_can_make_the_file_at_once(path: Path) -> None:
    def open_and_write() -> None:
        with History.to_write(path) as history:
            history.record_jobs("box", [job(os.getpid())], from_queue=True)

    folder = path.parent
    for attempt in range(5):
        path = folder / f"{attempt}.db"
        children = [in_child(open_and_write) for _ in range(4)]
        assert [os.waitpid(pid, 0)[1] for pid in children] == [0] * 4
        with History.to_write(path) as history:
            assert history.count() == 4


def test_what_a_failing_disk_refuses_is_told_and_the_rest_is_kept(path: Path) -> None:
    def fill() -> None:
        with History.to_write(path) as history:
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
            for i in range(1, 5000):
                try:
                    history.record_jobs("box", [job(i)], from_queue=True)
                except HistoryTrouble:
                    (path.parent / "kept").write_text(str(i - 1))
                    os._exit(0)

    assert os.waitpid(in_child(fill), 0)[1] == 0
    kept = int((path.parent / "kept").read_text())
    with History.to_write(path) as history:
        assert history.count() == kept
        history.record_jobs("box", [job(9999)], from_queue=True)


def test_a_full_disk_is_told_in_plain_words(history: History) -> None:
    history._db.execute("PRAGMA max_page_count = 1")  # the size it has now, in fact
    with pytest.raises(HistoryTrouble, match="the disk is full") as trouble:
        for i in range(1, 5000, 100):
            history.record_jobs("box", [job(k) for k in range(i, i + 100)], from_queue=True)
    assert "free some space" in trouble.value.hint
    kept = history.count()
    history._db.execute("PRAGMA max_page_count = 100000")
    history.record_jobs("box", [job(9999)], from_queue=True)
    assert history.count() == kept + 1


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "history.db").mkdir()
    for path in (tmp_path / "file" / "history.db", tmp_path / "history.db"):
        with pytest.raises(HistoryTrouble) as trouble:
            History.to_write(path)
        assert "writable" in trouble.value.hint


def test_only_its_owner_can_read_it(path: Path, history: History) -> None:
    history.record_jobs("box", [job(1)], from_queue=True)
    assert path.parent.stat().st_mode & 0o777 == 0o700
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {name: 0o600 for name in ("history.db", "history.db-wal", "history.db-shm")}
    path.chmod(0o644)
    History.to_write(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_there_is_nothing_to_read_before_somebody_wrote(path: Path, history: History) -> None:
    assert History.to_read(path.with_name("none.db")) is None
    with closing(History.to_read(path)) as reader:  # type: ignore[type-var]
        assert reader is not None
        assert reader.jobs(JobQuery()) == []
        with pytest.raises(HistoryTrouble, match="reading only"):
            reader.ack("x")
        history.record_jobs("box", [job(1)], from_queue=True)
        assert reader.count() == 1


def test_a_writer_waits_for_another_and_says_so_if_that_takes_too_long(
    path: Path, history: History
) -> None:
    with History.to_write(path, busy_s=0.05) as other, history.transaction():
        history.record_jobs("box", [job(1)], from_queue=True)
        with pytest.raises(HistoryTrouble, match="another jobshape"):
            other.ack("x")
        with closing(History.to_read(path)) as reader:  # type: ignore[type-var]
            assert reader is not None
            assert reader.count() == 0


def test_an_error_in_a_transaction_takes_all_of_it_back(history: History) -> None:
    with pytest.raises(KeyError), history.transaction():
        history.record_jobs("box", [job(1, name="unheard")], from_queue=True)
        raise KeyError
    assert history.count() == 0
    history.record_jobs("box", [job(1, name="unheard")], from_queue=True)
    assert history.job("box", 1).record.job.name == "unheard"  # type: ignore[union-attr]


# --- versions -------------------------------------------------------------------------------

VERSION_1 = Path(__file__).with_name("version_1.sql").read_text("utf-8")


def test_a_file_of_version_1_is_brought_up_to_date(path: Path) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_1)
    with History.to_write(path) as history:
        past = history.job("box", 12)
        assert past is not None
        assert (past.record.job.name, past.record.job.state, past.record.max_rss_bytes) == (
            "train_1", "OUT_OF_MEMORY", 1073741824,
        )  # fmt: skip
        assert (past.tags, past.note, past.finding) == (("old",), "a note", "oom_host")
        assert [sample.memory_bytes for sample in history.usage_series("box", 12)] == [5, 6]
        assert history.findings("box", 12)[0].evidence[0].text == "Killed"
        assert history.acknowledged() == {"12:oom": 7}
        assert history.fact("x") == "y"
        assert schema.version_of(history._db) == len(schema.MIGRATIONS)
        history.record_jobs("box", [job(13)], from_queue=True)


def test_the_first_version_is_what_it_was() -> None:
    def tables(text: str) -> list[tuple[str]]:
        with closing(sqlite3.connect(":memory:")) as db:
            db.executescript(text)
            found = db.execute("SELECT sql FROM sqlite_master WHERE sql NOT NULL ORDER BY name")
            return [" ".join(sql.split()) for (sql,) in found]  # type: ignore[misc]

    assert tables(schema.MIGRATIONS[0]) == tables(VERSION_1)


def test_a_migration_is_all_or_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with History.to_write(path) as history:
        history.record_jobs("box", [job(1)], from_queue=True)
    steps = schema.MIGRATIONS
    bad = (*steps, "ALTER TABLE jobs ADD COLUMN extra INTEGER; SELECT nonsense FROM nowhere;")
    for module in (schema, opening):
        monkeypatch.setattr(module, "MIGRATIONS", bad)
    with pytest.raises(HistoryTrouble):
        History.to_write(path)
    good = (*steps, "ALTER TABLE jobs ADD COLUMN extra INTEGER; UPDATE jobs SET extra = 3;")
    for module in (schema, opening):
        monkeypatch.setattr(module, "MIGRATIONS", good)
    with History.to_write(path) as history:
        assert schema.version_of(history._db) == len(good)
        assert history._db.execute("SELECT extra FROM jobs").fetchall() == [(3,)]
    for module in (schema, opening):
        monkeypatch.setattr(module, "MIGRATIONS", steps)
    with pytest.raises(NewerHistory, match="newer jobshape"):
        History.to_write(path)
    with closing(History.to_read(path)) as reader:  # type: ignore[type-var]
        assert reader is not None
        assert "newer jobshape" in reader.notice
        assert reader.count() == 1


# --- damage ---------------------------------------------------------------------------------


def set_aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob("history.db.bad-*"))


@pytest.mark.parametrize("text", [b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_set_aside_and_nothing_is_deleted(path: Path, text: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(text)
    with History.to_write(path) as history:
        assert "damaged" in history.notice
        assert str(set_aside(path)[0]) in history.notice
        history.record_jobs("box", [job(1)], from_queue=True)
    assert set_aside(path)[0].read_bytes() == text
    with History.to_write(path) as history:
        assert history.notice == ""
        assert history.count() == 1


def test_a_file_that_is_whole_is_never_set_aside(path: Path, history: History) -> None:
    assert opening.set_aside_damaged(path, "as it seemed to another jobshape") == ""
    assert set_aside(path) == []


# --- file systems ---------------------------------------------------------------------------

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/alice/fast tmpfs rw 0 0
host:/x /mnt/with\\040space fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("place", "shared"),
    [
        ("/var/x", False),
        ("/home/alice/.local/state/jobshape", True),
        ("/home/alice/fast/x", False),
        ("/homes/x", False),
        ("/mnt/with space/x", True),
    ],
)
def test_shared_file_systems_are_told_by_their_mount(place: str, shared: bool) -> None:
    assert is_on_network(Path(place) / "history.db", MOUNTS) is shared


def test_without_a_write_ahead_log_it_works_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    History.to_write(path).close()
    monkeypatch.setattr(opening, "is_on_network", lambda path: True)
    with History.to_write(path) as history:
        assert history._db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        history.record_jobs("box", [job(1)], from_queue=True)
        with closing(History.to_read(path)) as reader:  # type: ignore[type-var]
            assert reader is not None
            assert reader.count() == 1
