"""Whether accounting answers is found out without having it list a long queue."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobshape.app.backends.commands.backend import CommandsBackend


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sacct that writes its words there, one a line."""
    written = tmp_path / "words"
    command = tmp_path / "sacct"
    command.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {written}\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return written


def test_the_check_asks_for_what_ended_in_one_second(words: Path) -> None:
    assert CommandsBackend()._accounting_trouble() == ""
    said = dict(word.split("=", 1) for word in words.read_text().split("\n") if "=" in word)
    assert "PENDING" not in said["--state"].split(",")
    assert int(said["--endtime"][3:]) - int(said["--starttime"][3:]) == 1
