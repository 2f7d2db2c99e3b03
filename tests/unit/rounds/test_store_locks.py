"""The store among several connections and processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from jobshape.app.rounds.store import RoundsTrouble, Store

OTHER = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("INSERT INTO events (campaign, at, text) VALUES (1, 1, 'told')")
db.commit()
db.close()
"""


def test_a_second_connection_leaves_the_first_its_locks(tmp_path: Path) -> None:
    """Another process that ends must not think itself the last one, and take the log away."""
    path = tmp_path / "rounds.db"
    with Store.to_write(path) as first:
        first.tell(1, 1, "begun")
        with Store.to_write(path) as second:
            second.tell(1, 1, "wished")
        for told in (3, 4):
            subprocess.run([sys.executable, "-c", OTHER, str(path)], check=True)
            assert path.with_name("rounds.db-wal").exists()
            assert len(first.events(1)) == told


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "rounds.db").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RoundsTrouble):
        Store.to_write(tmp_path / "rounds.db")
    assert not (tmp_path / "elsewhere").exists()
