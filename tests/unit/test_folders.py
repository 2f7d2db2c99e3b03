"""Files of ours: closed to others, replaced in one step, and never lost when they make no sense."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from jobshape.app.domain.errors import ConfigError
from jobshape.app.settings.folders import (
    make_private,
    project_file,
    set_aside,
    state_folder,
    write_private,
)

pytestmark = pytest.mark.usefixtures("own_folders")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_private_file_lies_in_a_private_folder(tmp_path: Path) -> None:
    path = tmp_path / "home" / ".local" / "state" / "jobshape" / "x.json"
    write_private(path, "one ü")
    assert (mode(path), mode(path.parent), path.read_text("utf-8")) == (0o600, 0o700, "one ü")
    write_private(path, "two")
    assert [entry.name for entry in path.parent.iterdir()] == ["x.json"]


def test_a_file_that_cannot_be_replaced_leaves_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    (path / "inside").mkdir(parents=True)
    with pytest.raises(OSError):
        write_private(path, "text")
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == []


def test_the_old_text_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_private(path, "old")
    with path.open() as reader:
        write_private(path, "new")
        assert reader.read() == "old"  # who has it open reads on in the old one
    assert path.read_text() == "new"


def test_a_draft_that_others_laid_out_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / f".x.json.{os.getpid()}").symlink_to(victim)
    write_private(tmp_path / "x.json", "new")
    assert victim.read_text() == "precious"
    assert not (tmp_path / "x.json").is_symlink() and mode(tmp_path / "x.json") == 0o600


@pytest.mark.parametrize("folder", ["~no-such-user-here/x", "relative"])
def test_a_folder_that_leads_nowhere_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    monkeypatch.setenv("JOBSHAPE_STATE_DIR", folder)
    with pytest.raises(ConfigError, match="leads nowhere") as caught:
        state_folder()
    assert caught.value.where == "environment variable JOBSHAPE_STATE_DIR"


def test_a_home_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without an entry in passwd and without HOME: ``~`` would become a folder's name."""
    for name in ("JOBSHAPE_STATE_DIR", "HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(ConfigError, match="home folder is not known") as caught:
        state_folder()
    assert "HOME" in caught.value.hint


def test_a_project_file_that_anybody_could_have_put_there_is_passed_over(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_folder = own_folders / "open"
    (open_folder / "run").mkdir(parents=True)
    file = open_folder / "jobshape.toml"
    file.write_text("")
    assert project_file(open_folder / "run") == file
    open_folder.chmod(0o1777)
    assert project_file(open_folder / "run") == file  # our own
    if os.geteuid() == 0:
        os.chown(file, 4321, 4321)
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert project_file(open_folder / "run") is None
    open_folder.chmod(0o775)
    assert project_file(open_folder / "run") == file  # a colleague's, in the group's folder


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(0o750)
    assert mode(make_private(folder)) == 0o750


def test_what_makes_no_sense_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"\xff")
    aside = set_aside(path)
    assert aside is not None and aside.name.startswith("x.json.bad-")
    assert aside.read_bytes() == b"\xff" and not path.exists()
    assert set_aside(path) is None


def test_each_folder_can_be_put_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert state_folder() == tmp_path / "state"
    monkeypatch.setenv("JOBSHAPE_STATE_DIR", "~/elsewhere")
    assert state_folder() == tmp_path / "home" / "elsewhere"
    monkeypatch.delenv("JOBSHAPE_STATE_DIR")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    assert state_folder() == tmp_path / "xdg" / "jobshape"
