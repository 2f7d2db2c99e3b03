"""The log: in its file, closed to others, of a bounded size, and never on the screen."""

from __future__ import annotations

import logging
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from jobshape.app.log import MOST_BYTES, start_log


@pytest.fixture(autouse=True)
def own_logging(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    root.handlers.clear()
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)
    logging.raiseExceptions = True


def test_a_line_goes_into_a_private_file(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = start_log("warning", tmp_path / "state")
    assert path is not None and not path.exists()  # made by its first line
    logging.getLogger("asyncio").error("Task exception was never retrieved")
    logging.getLogger("other").info("not severe enough")
    warnings.warn("an odd thing", stacklevel=1)
    text = path.read_text()
    assert "ERROR asyncio: Task exception was never retrieved" in text
    assert "an odd thing" in text and "not severe" not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("level", ["off", "warning"])
def test_nothing_is_written_on_the_screen_where_no_file_can_be(
    level: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert start_log(level, Path("/proc/nowhere/jobshape")) is None
    logging.getLogger("asyncio").error("trouble")
    assert capfd.readouterr() == ("", "")


def test_a_file_that_cannot_be_opened_ends_nobody(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "jobshape.log").mkdir()
    start_log("warning", tmp_path)
    logging.getLogger("asyncio").error("trouble")
    assert capfd.readouterr() == ("", "")


def test_a_long_file_is_set_aside(tmp_path: Path) -> None:
    (tmp_path / "jobshape.log").write_bytes(b"x" * (MOST_BYTES + 1))
    path = start_log("info", tmp_path)
    assert path is not None
    logging.getLogger("x").info("fresh")
    assert path.read_text().endswith("INFO x: fresh\n") and path.stat().st_size < 200
    assert (tmp_path / "jobshape.log.1").stat().st_size == MOST_BYTES + 1
