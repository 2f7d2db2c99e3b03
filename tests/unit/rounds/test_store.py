"""Campaigns on disk: what is kept comes back, for other processes too; the file is closed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from jobshape.app.rounds.campaign import Campaign, GateLine, Lesson, Round, Sending, Trial
from jobshape.app.rounds.store import RoundsTrouble, Store


def a_campaign(site: str = "here") -> Campaign:
    return Campaign(7, "p", site, "/f", "/f/jobshape.yaml", "text: ü", "active", created_at=5)


def trials(count: int) -> list[Trial]:
    return [
        Trial(0, 0, number, "full", f"t{number}", "a", "train", "train", "")
        for number in range(count)
    ]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "rounds.db"


def test_what_is_kept_comes_back(path: Path) -> None:
    gate = (GateLine("smoke", None, "runs"), GateLine("stable", True))
    with Store.to_write(path) as store:
        number = store.add_campaign(a_campaign(), trials(3))
        first = store.trials(number)[0]
        store.open_round(Round(number, 1, "h", "open", 9, gate=gate), [first.id])
        store.set_trial(first.id, metrics={"loss": 0.5}, checks=("a", "b"), state="failed_oom")
        store.learn(Lesson(1, "p", "train", "more memory"))
        store.learn(Lesson(2, "p", "train", "more memory"))
        store.tell(number, 3, "said")
    with Store.to_write(path) as store:
        found = store.campaign(number)
        assert found is not None and found.trials == 3 and found.note == "said"
        assert found.manifest_text == "text: ü"
        trial = store.trials(number, round=1)[0]
        assert (trial.metrics, trial.checks, trial.state) == (
            {"loss": 0.5}, ("a", "b"), "failed_oom",
        )  # fmt: skip
        assert store.rounds(number)[0].gate == gate
        assert len(store.lessons("p", "train")) == 1
        assert [event.text for event in store.events(number)] == ["said"]
        assert store.campaigns(["finished"]) == [] and store.campaigns(site="there") == []


def test_the_file_is_closed_to_others(path: Path) -> None:
    with Store.to_write(path) as store:
        store.add_campaign(a_campaign(), [])
        for file in path.parent.iterdir():
            assert file.stat().st_mode & 0o077 == 0, file
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_newer_format_is_left_alone(path: Path) -> None:
    Store.to_write(path).close()
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    for way in (Store.to_write, Store.to_read):
        with pytest.raises(RoundsTrouble, match="newer jobshape"):
            way(path)


def test_a_damaged_file_is_told(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"no database at all" * 100)
    for way in (Store.to_write, Store.to_read):
        with pytest.raises(RoundsTrouble):
            way(path)


def test_no_file_is_no_store(path: Path) -> None:
    assert Store.to_read(path) is None
    assert not path.parent.exists()


def test_a_sending_is_settled_or_taken_back(path: Path) -> None:
    with Store.to_write(path) as store:
        number = store.add_campaign(a_campaign(), trials(2))
        mine = store.trials(number)
        first = store.begin_sending(
            Sending(0, number, 1, "k1", "n1", 1, "sending"), mine, 1, tasks=True
        )
        assert [one.key for one in store.open_sendings(number)] == ["k1"]
        assert [one.attempts for one in store.trials(number)] == [1, 1]
        store.settle_sending(first, "lost")
        assert not store.attempts(number) and not store.open_sendings(number)
        assert [(one.state, one.attempts) for one in store.trials(number)] == [("pending", 0)] * 2
        second = store.begin_sending(
            Sending(0, number, 1, "k2", "n2", 2, "sending"), store.trials(number), 2, tasks=True
        )
        store.settle_sending(second, "sent", 40)
        assert [one.job for one in store.open_attempts(number)] == ["40_0", "40_1"]


def test_all_or_nothing(path: Path) -> None:
    with Store.to_write(path) as store:
        number = store.add_campaign(a_campaign(), trials(1))
        with pytest.raises(KeyError), store.transaction():
            store.set_campaign(number, state="paused")
            with store.transaction():
                store.tell(number, 1, "said")
            raise KeyError
        found = store.campaign(number)
        assert found is not None and (found.state, found.note) == ("active", "")


def test_two_processes(path: Path) -> None:
    """One wishes while the other writes; none is lost, and the writer sees that something came."""
    script = (
        "import sys; from pathlib import Path; from jobshape.app.rounds.store import Store\n"
        "with Store.to_write(Path(sys.argv[1])) as store:\n"
        "    for number in range(50): store.wish(1, 'pause', str(number), number)\n"
    )
    with Store.to_write(path) as store:
        number = store.add_campaign(a_campaign(), trials(1))
        before = store.revision
        other = subprocess.Popen([sys.executable, "-c", script, str(path)])
        while other.poll() is None:
            store.tell(number, 1, "x")
        assert other.returncode == 0 and store.revision != before
        assert [one.argument for one in store.wishes("here")] == list(map(str, range(50)))
        reader = Store.to_read(path)
        assert reader is not None
        with reader, pytest.raises(RoundsTrouble):
            reader.tell(number, 1, "not to be changed")
