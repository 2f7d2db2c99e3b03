"""What the disks of this machine say, on real files."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.preflight import look
from jobshape.app.preflight.bounded import TooSlow, bounded
from jobshape.app.preflight.facts import FileFacts, Output, Quota
from jobshape.app.preflight.gather import read_subject
from jobshape.app.preflight.subject import Subject, subject_of

from .builders import script


def looked(folder: Path, *options: str, run: str = "true", path: str = "") -> FileFacts:
    made = subject_of(script(*options, run=run), path=path, work_dir=str(folder))
    return look.look_at_files(made, 30)


def output(folder: Path, *options: str) -> Output:
    found = looked(folder, *options).output
    assert found is not None
    return found


def test_an_output_folder_that_can_be_written(tmp_path: Path) -> None:
    found = output(tmp_path)
    assert (found.folder, found.trouble, found.unsure) == (str(tmp_path), "", "")
    assert found.free_bytes
    (tmp_path / "logs" / "train").mkdir(parents=True)
    named = output(tmp_path, "-J train", "--output=logs/%x/%j.out")
    assert (named.folder, named.trouble) == (str(tmp_path / "logs" / "train"), "")


def test_an_output_folder_that_is_not_there(tmp_path: Path) -> None:
    found = output(tmp_path, "-o logs/%j.out")
    assert found.trouble == f"the output folder {tmp_path / 'logs'} is not there"
    assert found.missing and found.free_bytes
    assert "working folder" in output(tmp_path / "nix").trouble


def test_a_folder_that_depends_on_the_jobs_id(tmp_path: Path) -> None:
    found = output(tmp_path, "-o %A/%a.out")
    assert (found.folder, found.trouble) == (str(tmp_path), "")
    assert "depends on the job's id" in found.unsure


def test_an_output_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert output(tmp_path, "-o file/%j").trouble == f"{tmp_path / 'file'} is no folder"
    (tmp_path / "folder").mkdir()
    assert "is a folder" in output(tmp_path, "-o folder").trouble
    if os.geteuid():  # root may write anywhere
        (tmp_path / "closed").mkdir(mode=0o500)
        assert "may not be written" in output(tmp_path, "-o closed/%j").trouble
    assert output(tmp_path, "-o /dev/null").trouble == ""


def test_python_files_are_found_beside_the_working_folder_or_the_script(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a = 1\n")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "b.py").write_text("b = 1\n")
    facts = looked(tmp_path, run="python a.py\npython b.py\npython c.py\npython $NIX_1/d.py",
                   path=str(tmp_path / "own" / "job.sh"))  # fmt: skip
    assert [(one.path, one.text, bool(one.trouble)) for one in facts.sources] == [
        ("a.py", "a = 1\n", False), ("b.py", "b = 1\n", False), ("c.py", "", True),
        ("$NIX_1/d.py", "", True),
    ]  # fmt: skip


def test_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a [1].csv").write_text("")
    names = [
        "data/*.csv",
        "$DATA/a [1].csv",
        "data",
        "data/*.txt",
        "nix",
        "data/a.csv/x",
        "$NIX_1/x",
    ]
    facts = looked(tmp_path, run="\n".join(f"# NEEDS: {name}" for name in names))
    assert [one.is_there for one in facts.needs] == [True, True, True, False, False, False, None]
    assert [one.line for one in facts.needs] == list(range(2, 9))


def test_a_disk_that_hangs_costs_no_more_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    free = threading.Event()
    monkeypatch.setattr(look, "_look", lambda _: free.wait())
    started = time.monotonic()
    facts = look.look_at_files(subject_of("#!/bin/sh\n"), 0.05)
    free.set()
    assert "no answer" in facts.trouble and time.monotonic() - started < 5
    with pytest.raises(TooSlow):
        bounded(threading.Event().wait, 0.01)
    with pytest.raises(ZeroDivisionError):
        bounded(lambda: 1 // 0, 5)


def test_quotas_are_read_from_what_quota_prints() -> None:
    text = (
        "Disk quotas for user alice (uid 1000): \n"
        "     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n"
        "nas:/home  1048576* 1000000  1200000    6days    1000  0   0       \n"
        "/dev/sda1  10  0  0  5  0  0\n"
    )
    assert look.parse_quotas(text) == (
        Quota("nas:/home", 1048576 << 10, 1000000 << 10, 1200000 << 10, True),
        Quota("/dev/sda1", 10 << 10, None, None, False),
    )


def test_reading_what_is_to_be_submitted(tmp_path: Path) -> None:
    def at(path: str) -> Subject:
        return read_subject(path, SubmitRequest(script=""), str(tmp_path))

    (tmp_path / "job.sh").write_text(script("-D sub"))
    assert at("job.sh").work_dir == str(tmp_path / "sub")
    assert at("job.sh").name == "job.sh"
    assert "no such file" in at("nix.sh").trouble
    assert at(".").trouble and at(".").script == ""
