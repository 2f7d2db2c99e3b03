"""Script files read and written, and what they are known by."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.shape import JobShape
from jobshape.app.scripts import script_file
from jobshape.app.scripts.directives import read_script
from jobshape.app.scripts.hashes import SENDING_OPTIONS, SHAPE_OPTIONS, text_hash
from jobshape.app.scripts.options import TAKES
from jobshape.app.scripts.script_file import (
    MOST_BYTES,
    ScriptChanged,
    ScriptFileError,
    configuration_hash,
    read,
    write,
)
from jobshape.app.scripts.surgery import with_shape

from .test_surgery import SHAPES, scripts

TEXT = "#!/bin/sh\n#SBATCH -n 1\ntrue\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "run.sh"
    path.write_text(TEXT)
    path.chmod(0o750)
    return path


def names(path: Path) -> list[str]:
    return sorted(one.name for one in path.parent.iterdir())


def test_written_whole_with_a_backup(path: Path) -> None:
    script = read(path)
    assert (script.text, script.stamp.sha256) == (TEXT, text_hash(TEXT))
    backup = write(script, "#!/bin/sh\nfalse")
    assert path.read_text() == "#!/bin/sh\nfalse" and backup.read_text() == TEXT
    assert stat.S_IMODE(path.stat().st_mode) == 0o750
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert backup.parent == path.parent
    assert backup.name.startswith("run.sh.jobshape-2") and backup.suffix == ".bak"
    other = write(read(path), TEXT)
    assert other != backup and names(path) == sorted(["run.sh", backup.name, other.name])


def test_bytes_that_are_no_text_are_kept(path: Path) -> None:
    path.write_bytes(b"#!/bin/sh\r\n# \xff\xfe \xc3\xa9\r\n#SBATCH -n 1")
    script = read(path)
    write(script, with_shape(script.text, JobShape(tasks=2)))
    assert path.read_bytes() == b"#!/bin/sh\r\n# \xff\xfe \xc3\xa9\r\n#SBATCH -n 2"


def test_a_file_that_changed_is_left_alone(path: Path) -> None:
    script = read(path)
    path.write_text("another's work")
    with pytest.raises(ScriptChanged) as caught:
        write(script, "mine")
    assert caught.value.where == str(path)
    assert path.read_text() == "another's work" and names(path) == ["run.sh"]


def test_a_change_in_the_last_moment_is_seen(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = read(path)

    def fsync(handle: int, real: object = os.fsync) -> None:
        real(handle)  # type: ignore[operator]
        if len(names(path)) == 3:  # the backup is made, and the new text is being written
            path.write_text("another's work")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(ScriptChanged):
        write(script, "mine")
    assert path.read_text() == "another's work" and names(path) == ["run.sh"]


def test_the_same_text_written_again_is_no_change(path: Path) -> None:
    script = read(path)
    path.unlink()
    path.write_text(TEXT)
    path.chmod(0o600)
    write(script, "mine")
    assert path.read_text() == "mine" and stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_stays(path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "links"
    folder.mkdir()
    link = folder / "link.sh"
    link.symlink_to("../run.sh")
    backup = write(read(link), "new")
    assert link.is_symlink() and path.read_text() == "new"
    assert backup.parent == tmp_path and [one.name for one in folder.iterdir()] == ["link.sh"]


def test_hard_links_are_refused(path: Path, tmp_path: Path) -> None:
    os.link(path, tmp_path / "other.sh")
    with pytest.raises(ScriptFileError, match="hard links"):
        write(read(path), "new")
    assert path.read_text() == TEXT and len(names(path)) == 2


def test_attributes_are_kept(path: Path) -> None:
    try:
        os.setxattr(path, "user.note", b"x")
    except OSError:
        pytest.skip("this file system has no attributes")
    write(read(path), "new")
    assert os.getxattr(path, "user.note") == b"x"


def test_what_is_no_script(tmp_path: Path) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"x" * (MOST_BYTES + 1))
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, word in (("none", "no such file"), (".", "folder"), ("large", "4 MiB"),
                       ("pipe", "ordinary"), ("loop", "cannot read"), ("a\0b", "cannot read"),
                       ("x" * 300, "cannot read"), ("large/x", "cannot read")):  # fmt: skip
        with pytest.raises(ScriptFileError, match=word) as caught:
            read(tmp_path / name)
        assert isinstance(caught.value, JobshapeError)
        assert caught.value.where.startswith(str(tmp_path)) and caught.value.hint
        assert caught.value.where.isprintable()


def test_too_much_is_not_written(path: Path) -> None:
    for text in ("x" * (MOST_BYTES + 1), "\ud800"):
        with pytest.raises(ScriptFileError):
            write(read(path), text)
    assert path.read_text() == TEXT and names(path) == ["run.sh"]


@pytest.fixture
def ordinary_user() -> Iterator[Path]:
    """A folder of somebody who is not root, and being that user."""
    nobody = 65534
    with tempfile.TemporaryDirectory() as folder:
        if os.geteuid() != 0:
            yield Path(folder)
            return
        os.chown(folder, nobody, nobody)
        os.setegid(nobody)
        os.seteuid(nobody)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)
            os.setegid(0)


def test_no_rights(ordinary_user: Path) -> None:
    path = ordinary_user / "run.sh"
    path.write_text(TEXT)
    script = read(path)
    ordinary_user.chmod(0o500)
    with pytest.raises(ScriptFileError, match="may not write"):
        write(script, "new")
    ordinary_user.chmod(0o700)
    assert names(path) == ["run.sh"] and path.read_text() == TEXT
    path.chmod(0)
    with pytest.raises(ScriptFileError, match="may not read"):
        read(path)


def test_an_owner_that_cannot_be_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = read(path)
    real = os.fstat

    def fstat(handle: int) -> os.stat_result:
        found = real(handle)
        if found.st_size == len(b"new"):  # the new file, as if another user had made it
            fields = list(found)
            fields[4] = found.st_uid + 1
            return os.stat_result(fields)
        return found

    def fchown(handle: int, uid: int, gid: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(script_file.os, "fstat", fstat)
    monkeypatch.setattr(script_file.os, "fchown", fchown)
    with pytest.raises(ScriptFileError, match="owner or group"):
        write(script, "new")
    assert path.read_text() == TEXT and names(path) == ["run.sh"]


@given(scripts(), SHAPES)
def test_the_configuration_is_the_same_in_every_shape(text: str, shape: JobShape) -> None:
    last = read_script(text).groups - 1
    changed = with_shape(text, shape, group=last)
    assert configuration_hash(changed, ["x"]) == configuration_hash(text, ["x"])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("#SBATCH -n 1 -p a\n", "#SBATCH -t 5 # why\n#SBATCH --array=1-3\n", True),
        ("#SBATCH -J a -o x.out\n", "#SBATCH --mail-type=END --requeue\n", True),
        ("# JUSTIFIED: big\n#SBATCH --mem=900G\n", "", True),
        ("#SBATCH --export=A=1\n", "#SBATCH --export=A=2\n", False),
        ("#SBATCH --export=A=1 -D /x\n", "#SBATCH -D /x\n#SBATCH --export='A=1'\n", True),
        ("#SBATCH --frob=1\n", "#SBATCH --frob=2\n", False),
        ("# one\n", "# two\n", False),
        ("cat <<X\n#SBATCH -n 1\nX\n", "cat <<X\n#SBATCH -n 2\nX\n", False),
        ("#SBATCH hetjob\n", "", False),
        ("echo\r\n", "echo\n", True),
    ],
)
def test_what_makes_a_configuration(one: str, other: str, same: bool) -> None:
    hashes = [configuration_hash(f"#!/bin/sh\n{head}python x\n") for head in (one, other)]
    assert (hashes[0] == hashes[1]) is same


def test_arguments_make_a_configuration() -> None:
    found = [configuration_hash(TEXT, words) for words in ([], ["a b"], ["a", "b"], ["b", "a"])]
    assert len(set(found)) == 4 and all(len(one) == 64 for one in found)
    assert text_hash(TEXT) != text_hash(TEXT + "\n") and text_hash("\ud800\udcff")


def test_options_are_of_one_kind() -> None:
    assert not SHAPE_OPTIONS & SENDING_OPTIONS
    assert set(TAKES) >= SHAPE_OPTIONS | SENDING_OPTIONS
    assert {"export", "chdir", "container", "input"} <= set(TAKES) - SHAPE_OPTIONS - SENDING_OPTIONS


@given(st.text(), st.lists(st.text()))
def test_any_text_has_hashes(text: str, arguments: list[str]) -> None:
    assert len(text_hash(text)) == len(configuration_hash(text, arguments)) == 64
    assert read_script(text).text == text
