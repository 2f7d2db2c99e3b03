"""Files as they are met: not there, no files at all, cut short, replaced, read through a call."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from jobshape.app.domain.errors import Unreachable
from jobshape.app.domain.log_part import (
    FOUND,
    MAX_PART_BYTES,
    MISSING,
    NO_FOLDER,
    UNREADABLE,
    LogPart,
)
from jobshape.app.logs.source import CalledFile, LocalFile, read_file


def test_reads_from_an_offset_and_from_the_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"0123456789")
    source = LocalFile(str(log))
    part = source.read(3, 4)
    assert (part.state, part.offset, part.data, part.size) == (FOUND, 3, b"3456", 10)
    assert source.read(-4, 100).data == b"6789"
    assert source.read(-100, 5).data == b"01234"
    assert source.read(10, 5).data == source.read(99, 5).data == b""
    assert source.stat() == part._replace(offset=0, data=b"")
    assert part.modified_at == log.stat().st_mtime


def test_what_is_not_there(tmp_path: Path) -> None:
    assert read_file(str(tmp_path / "log"), 0, 1).state == MISSING
    assert read_file(str(tmp_path / "folder" / "log"), 0, 1).state == NO_FOLDER
    (tmp_path / "file").touch()
    assert read_file(str(tmp_path / "file" / "log"), 0, 1).state == NO_FOLDER
    assert read_file("/x\0y", 0, 1).state == UNREADABLE


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in (
        (tmp_path, "folder"), (tmp_path / "pipe", "pipe"), (Path("/dev/null"), "device"),
    ):  # fmt: skip
        part = read_file(str(path), 0, 10)
        assert part.state == UNREADABLE and words in part.why, part


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch(0o000)
    assert read_file(str(log), 0, 1) == LogPart(UNREADABLE, "Permission denied")


def test_a_loop_of_links_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "log")
    part = read_file(str(tmp_path / "log"), 0, 1)
    assert part.state == UNREADABLE and "symbolic links" in part.why


def test_another_file_has_another_mark(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("a")
    before = read_file(str(log), 0, 0).mark
    (tmp_path / "new").write_text("b")
    (tmp_path / "new").rename(log)
    assert read_file(str(log), 0, 0).mark != before


def test_a_called_file_is_read_in_bounded_parts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(os.urandom(3 * MAX_PART_BYTES))
    asked: list[tuple[int, int]] = []

    def call(offset: int, size: int) -> LogPart:
        asked.append((offset, size))
        return read_file(str(log), offset, size)

    source = CalledFile(str(log), call)
    part = source.read(100, 2 * MAX_PART_BYTES)
    assert part.data == log.read_bytes()[100 : 100 + 2 * MAX_PART_BYTES]
    assert part.offset == 100 and max(size for _, size in asked) == MAX_PART_BYTES
    end = source.read(-MAX_PART_BYTES - 5, 2 * MAX_PART_BYTES)
    assert end.data == log.read_bytes()[-MAX_PART_BYTES - 5 :]
    assert end.end == end.size == 3 * MAX_PART_BYTES


def test_a_called_file_that_cannot_be_asked_is_unreadable() -> None:
    def call(offset: int, size: int) -> LogPart:
        raise Unreachable("no answer for 20 s", where="ssh login")

    assert CalledFile("/x", call).stat() == LogPart(UNREADABLE, "ssh login: no answer for 20 s")
