"""Submissions that no screen makes: in history before they are sent, and what came back."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobshape.app.acting.keeping import keeper
from jobshape.app.domain.action import SubmissionRecord
from jobshape.app.domain.errors import Refused, Unreachable
from jobshape.app.history.history import History
from jobshape.app.history.place import FILE_NAME
from jobshape.app.settings.load import load_settings

pytestmark = pytest.mark.usefixtures("own_folders")

RECORD = SubmissionRecord("train", "#!/bin/sh\n")


def test_what_is_sent_is_kept_with_what_came_back(tmp_path: Path) -> None:
    with keeper(load_settings().settings, "here", tmp_path) as history:
        first = history.begin(RECORD)
        with History.to_write(tmp_path / FILE_NAME) as other:  # on disk before it is sent
            assert [one.outcome for one in other.actions("here", 9)] == ["asked"]
        history.end(first, 12)
        history.end(history.begin(RECORD), None, Refused("Invalid partition name"))
        history.end(history.begin(RECORD), None, Unreachable("no answer"))
        assert history.note == history.said == ""
    with History.to_write(tmp_path / FILE_NAME) as kept:
        found = [(one.entry.job, one.outcome, one.words) for one in kept.actions("here", 9)]
    assert [outcome for _, outcome, _ in found] == ["unknown", "refused", "done"]
    assert found[2][0] == "12" and "Invalid partition name" in found[1][2]


def test_a_history_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with keeper(load_settings().settings, "here", tmp_path / "file") as history:
        assert history.begin(RECORD) is None
        history.end(None, 12)
        assert history.note and history.note in history.said


def test_one_that_is_switched_off_keeps_nothing(tmp_path: Path) -> None:
    off = load_settings({"history.enabled": (False, "test")}).settings
    with keeper(off, "here", tmp_path) as history:
        assert history.begin(RECORD) is None
    assert "switched off" in history.said and not (tmp_path / FILE_NAME).exists()
