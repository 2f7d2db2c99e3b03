"""The demo's folder: nothing is touched, above all not removed, that is not marked as ours."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.cli import main
from jobshape.app.demo import run as demo_run
from jobshape.app.demo.place import MARKER, DemoError, Place
from jobshape.app.settings.folders import state_folder
from jobshape.app.settings.load import load_settings
from jobshape.app.settings.pages import find_page, local_site

pytestmark = pytest.mark.usefixtures("own_folders")

Stopped = list[str]


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Stopped:
    """What the supervisor was told; there is none here."""
    told: Stopped = []
    monkeypatch.setattr(demo_run, "_end_site", told.append)
    return told


def made(folder: Path | None = None) -> Place:
    place = Place(str(folder) if folder else None)
    place.make()
    return place


def test_it_lies_in_the_state_folder_and_is_closed_to_others() -> None:
    place = made()
    assert place.folder == state_folder() / "demo"
    for folder in (place.folder, state_folder()):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name for path in place.folder.iterdir()} >= {
        MARKER, "demo.toml", ".jobshape.toml", "work.py", "fetch.sh", "logs",
    }  # fmt: skip


def test_its_page_is_a_site_in_the_folder_and_its_project_names_the_stages() -> None:
    place = made()
    site = local_site(find_page(str(place.page)))
    assert (site.folder, site.name, site.gpus) == (str(place.folder / "site"), "demo", "none")
    assert site.cpus in (1, 2) and site.memory_bytes == 2 << 30
    settings = load_settings(start=place.folder).settings
    assert settings.stages == ("fetch", "preprocess", "cache", "train", "eval")
    assert [rule.stage for rule in settings.stage_rules] == list(settings.stages)


def test_made_again_it_keeps_its_count_and_rewrites_nothing() -> None:
    place = made()
    place.count_rounds(5)
    before = place.page.stat().st_mtime_ns
    made()
    assert (place.rounds, place.page.stat().st_mtime_ns) == (5, before)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda place: place.marker.unlink(),
        lambda place: place.marker.write_text("{}"),
        lambda place: place.marker.write_text("not json"),
        lambda place: place.marker.write_text('{"folder": "/home/somebody"}'),
        lambda place: place.marker.write_text("[1]"),
        lambda place: (
            place.marker.rename(place.folder / "x") and place.marker.symlink_to(place.folder / "x")
        ),
    ],
)
def test_a_folder_without_its_own_marker_is_never_removed(
    spoil: Callable[[Place], Any], stopped: Stopped, capsys: pytest.CaptureFixture[str]
) -> None:
    place = made()
    spoil(place)
    assert main(["demo", "--clean", "--yes"]) == 2
    assert "is no folder of a demo" in capsys.readouterr().err
    assert (place.folder / "work.py").exists() and stopped == []
    assert main(["demo", "--no-screen"]) == 2


def test_a_marked_folder_that_was_copied_or_moved_is_not_removed(stopped: Stopped) -> None:
    place = made()
    moved = place.folder.with_name("moved")
    place.folder.rename(moved)
    with pytest.raises(DemoError):
        demo_run.clean_demo(str(moved), sure=True, say=print)
    assert (moved / "work.py").exists()


def test_somebodys_files_are_no_demo(own_folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = own_folders / "thesis"
    folder.mkdir()
    (folder / "chapter1.txt").write_text("In the beginning")
    for words in (["--no-screen"], ["--clean", "--yes"]):
        assert main(["demo", "--folder", str(folder), *words]) == 2
        assert "--folder" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["chapter1.txt"]


def test_a_file_is_no_folder(own_folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (own_folders / "file").write_text("")
    assert main(["demo", "--folder", str(own_folders / "file"), "--clean", "--yes"]) == 2
    assert "is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize("folder", ["~no-such-user/demo", "/dev/null/demo"])
def test_a_folder_that_leads_nowhere_is_told(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["--no-screen"], ["--clean", "--yes"]):
        code = main(["demo", "--folder", folder, *words])
        said = capsys.readouterr()
        assert (code, said.err.count("\n")) == (2, 1) or "nothing to remove" in said.out


def test_a_link_in_it_is_removed_and_not_what_it_leads_to(
    own_folders: Path, stopped: Stopped
) -> None:
    kept = own_folders / "kept"
    kept.mkdir()
    (kept / "file").write_text("mine")
    place = made()
    (place.folder / "link").symlink_to(kept)
    assert main(["demo", "--clean", "--yes"]) == 0
    assert stopped == [str(place.site)]
    assert not place.folder.exists() and (kept / "file").read_text() == "mine"


def test_nothing_is_left_and_nothing_else_goes(
    stopped: Stopped, capsys: pytest.CaptureFixture[str]
) -> None:
    made()
    assert main(["demo", "--clean", "--yes"]) == 0
    assert not state_folder().exists()
    made()
    (state_folder() / "queue.json").write_text("{}")
    assert main(["demo", "--clean", "--yes"]) == 0
    assert [path.name for path in state_folder().iterdir()] == ["queue.json"]
    capsys.readouterr()
    assert main(["demo", "--clean"]) == 0
    assert "nothing to remove" in capsys.readouterr().out


def test_without_anybody_to_ask_it_needs_a_yes(
    stopped: Stopped, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = made()
    monkeypatch.setattr("sys.stdin", None)
    assert main(["demo", "--clean"]) == 2
    assert "--clean --yes" in capsys.readouterr().err
    assert place.page.exists()


@pytest.mark.parametrize(("answer", "gone"), [("n\n", False), ("\n", False), ("y\n", True)])
def test_it_says_what_goes_and_asks(
    answer: str, gone: bool, stopped: Stopped, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    class Person:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    place = made()
    monkeypatch.setattr("sys.stdin", Person())
    assert main(["demo", "--clean"]) == 0
    assert f"removes {place.folder}" in capsys.readouterr().out
    assert place.folder.exists() is not gone


def test_while_a_screen_is_open_it_stays(
    stopped: Stopped, capsys: pytest.CaptureFixture[str]
) -> None:
    place = made()
    with place.in_use(), place.in_use():
        assert main(["demo", "--clean", "--yes"]) == 2
    assert "quit it first" in capsys.readouterr().err
    assert place.page.exists() and stopped == []


def test_without_a_terminal_nothing_is_started(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 2
    assert "needs a terminal" in capsys.readouterr().err
    assert not state_folder().exists()


def test_with_wrong_settings_nothing_is_started(own_folders: Path) -> None:
    config = own_folders.parent / "config" / "config.toml"
    config.parent.mkdir()
    config.write_text("[ui]\nascii = 1\n")
    assert main(["demo", "--no-screen"]) == 2
    assert not state_folder().exists()


def test_where_it_cannot_be_made_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOBSHAPE_STATE_DIR", "/dev/null/state")
    assert main(["demo", "--no-screen"]) == 2
    assert "cannot be the demo's site" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--site", "slurm"], ["--backend", "local"], ["--ssh", "x"]])
def test_it_takes_no_other_site(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "demo", "--no-screen"]) == 2
    assert f"so {words[0]} makes no sense" in capsys.readouterr().err


def test_it_names_the_command_that_the_person_knows(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAKELEVEL", raising=False)
    said = demo_run._afterwards(Place(None))
    assert "`jobshape demo`" in said and "`jobshape demo --clean`" in said
    monkeypatch.setenv("MAKELEVEL", "1")
    said = demo_run._afterwards(Place(None))
    assert "`make demo ARGS=--clean`" in said
    program = re.search(r"; (\S+) --site demo.toml stages`", said)
    assert program and os.access(program[1], os.X_OK)  # no `make` puts it on the PATH
    folder = own_folders / "a b"
    said = demo_run._afterwards(Place(str(folder)))
    assert "ARGS=" in said and "a b" in said and "--folder" in said


def test_its_marker_is_plain_json() -> None:
    place = made()
    marker = json.loads(place.marker.read_text())
    assert marker == {"made by": "jobshape demo", "folder": str(place.folder), "rounds": 0}
    assert tomllib.loads(place.page.read_text())["kind"] == "local"
    assert os.access(place.folder, os.W_OK)
