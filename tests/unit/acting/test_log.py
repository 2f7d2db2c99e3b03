"""The log of what is done to jobs, written beside the loop: on a real file."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest
from jobshape.app.acting.log import HistoryActionLog
from jobshape.app.board.board import Board
from jobshape.app.board.history_state import HistoryState
from jobshape.app.board.link import Link
from jobshape.app.domain.action import ActionEntry, Begun, Ended, SubmissionRecord
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.history.history import History


def log_of(path: Path | str, site: str = "box", **more: object) -> HistoryActionLog:
    board = Board(Link(user="alice"))
    board.set_history(HistoryState(str(path), site, **more))  # type: ignore[arg-type]
    return HistoryActionLog(board)


async def test_it_is_written_and_read(tmp_path: Path) -> None:
    log = log_of(tmp_path / "history.db")
    assert await log.recent(5) is None
    begun = await log.begin([ActionEntry("hold", "1"), ActionEntry("hold", "2")])
    assert (len(begun.ids), begun.note, log.revision) == (2, "", 1)
    assert await log.end([Ended(begun.ids[1], "refused", "no")]) == ""
    records = await log.recent(5)
    assert records is not None
    assert [(one.entry.job, one.outcome, one.user, one.site) for one in records] == [
        ("2", "refused", "alice", "box"), ("1", "asked", "alice", "box"),
    ]  # fmt: skip
    assert [one.entry.job for one in await log.recent(5, "1") or ()] == ["1"]


async def test_a_submission_is_written_and_read(tmp_path: Path) -> None:
    log = log_of(tmp_path / "history.db")
    begun = await log.begin_submission(
        SubmissionRecord("train", "#!/bin/sh\n", configuration_hash="c", lifted={"r": "why"})
    )
    assert await log.submission(7) is None
    assert await log.end_submission(begun, 7, "done", "Submitted batch job 7") == ""
    kept = await log.submission(7)
    assert kept is not None
    assert (kept.script, kept.lifted, kept.outcome) == ("#!/bin/sh\n", {"r": "why"}, "done")
    assert await log.submissions(configuration_hash="c") == [kept]
    assert await log.submissions(script_hash="other") == []


@pytest.mark.parametrize(
    ("path", "trouble", "words"),
    [
        ("", "", "not kept in history: the history is switched off, or not open yet"),
        ("", "the disk is full", "not kept in history: the disk is full"),
        ("file/x/history.db", "", "not kept in history: the history cannot be kept"),
    ],
)
async def test_where_it_cannot_be_kept_a_note_says_why(
    tmp_path: Path, path: str, trouble: str, words: str
) -> None:
    (tmp_path / "file").write_text("no folder")
    log = log_of(str(tmp_path / path) if path else "", trouble=trouble)
    begun = await log.begin([ActionEntry("hold", "1")])
    assert begun.ids == ()
    assert begun.note.startswith(words)
    submitted = await log.begin_submission(SubmissionRecord("x", "#!/bin/sh\n"))
    assert submitted.note.startswith(words)
    assert await log.end_submission(submitted, 5, "done") == ""
    assert await log.end_submission(Begun(), 5, "done") == ""
    assert await log.end([]) == ""
    if not path:
        assert await log.recent(5) is None


async def test_what_is_done_in_the_first_second_is_kept_too(tmp_path: Path) -> None:
    board = Board(Link(user="alice"))
    log = HistoryActionLog(board, is_on=True)
    asking = asyncio.create_task(log.begin([ActionEntry("hold", "1")]))
    await asyncio.sleep(0)
    board.set_history(HistoryState(str(tmp_path / "history.db"), "box"))
    assert (await asking).ids == (1,)


async def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "history.db").write_bytes(b"no database at all, but long enough" * 100)
    with pytest.raises(JobshapeError):
        await log_of(tmp_path / "history.db").recent(5)


async def test_500_actions_are_quick(tmp_path: Path) -> None:
    log = log_of(tmp_path / "history.db")
    History.to_write(tmp_path / "history.db").close()
    entries = [ActionEntry("hold", f"4_{n}", batch="b") for n in range(500)]
    began = time.process_time()
    begun = await log.begin(entries)
    await log.end([Ended(one, "done") for one in begun.ids])
    spent = time.process_time() - began
    assert spent < 0.2
    print(f"500 actions: {spent * 1000:.0f} ms")
