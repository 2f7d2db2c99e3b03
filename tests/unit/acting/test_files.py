"""Folders, templates and scripts as the screens get them, and no program where git is missing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from jobshape.app.acting import files as files_module
from jobshape.app.acting.files import ScriptFiles
from jobshape.app.acting.git import project_of
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.scripts.draft import Project
from jobshape.app.settings.folders import template_folders

TEXT = "#!/bin/sh\n{{command}}\n"


def files(tmp_path: Path, *templates: Path) -> ScriptFiles:
    return ScriptFiles(tmp_path / "unsent", templates, ())


def template(folder: Path, stage: str, *, mode: int = 0o600) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stage}.sh"
    path.write_text(f"{TEXT}# {folder.name}\n")
    path.chmod(mode)
    return path


def test_folders_come_first_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    (folder / "z").mkdir(parents=True)
    (folder / "b").mkdir()
    (folder / "a.sh").touch()
    (folder / ".hidden").touch()
    (folder / "gone").symlink_to(folder / "nowhere")
    (folder / "linked").symlink_to(folder / "z")
    found = asyncio.run(files(tmp_path).listing(str(folder)))
    assert found == [("b", True), ("linked", True), ("z", True), (".hidden", False),
                     ("a.sh", False), ("gone", False)]  # fmt: skip


def test_a_huge_folder_is_listed_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "MOST_ENTRIES", 3)
    for number in range(5):
        (tmp_path / str(number)).touch()
    assert len(asyncio.run(files(tmp_path).listing(str(tmp_path)))) == 3


@pytest.mark.parametrize("name", ["nowhere", "a.sh"])
def test_what_cannot_be_listed_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.sh").touch()
    with pytest.raises(JobshapeError) as caught:
        asyncio.run(files(tmp_path).listing(str(tmp_path / name)))
    assert caught.value.where == str(tmp_path / name)
    assert caught.value.what in ("No such file or directory", "Not a directory")


def test_the_projects_template_goes_over_the_persons_and_the_shipped(tmp_path: Path) -> None:
    project, person, shipped = (tmp_path / name for name in ("project", "person", "shipped"))
    template(project, "eval")
    for folder in (person, shipped):
        template(folder, "eval")
        template(folder, "training")
    template(shipped, "caching")
    found = asyncio.run(files(tmp_path, project, tmp_path / "none", person, shipped).templates())
    assert [(stage, where) for stage, where, _ in found] == [
        ("eval", str(project / "eval.sh")), ("training", str(person / "training.sh")),
        ("caching", "comes with jobshape"),
    ]  # fmt: skip
    assert [text.split()[-1] for _, _, text in found] == ["project", "person", "shipped"]


def test_a_template_that_others_can_write_or_nobody_can_read_is_passed_over(tmp_path: Path) -> None:
    person, shipped = tmp_path / "person", tmp_path / "shipped"
    template(person, "eval", mode=0o666)
    (person / "training.sh").mkdir(mode=0o700)
    template(shipped, "eval")
    template(shipped, "training")
    found = asyncio.run(files(tmp_path, person, shipped).templates())
    assert {where for _, where, _ in found} == {"comes with jobshape"}
    assert {stage for stage, _, _ in found} == {"eval", "training"}


@pytest.mark.usefixtures("own_folders")
def test_the_shipped_templates_are_found_last() -> None:
    *_, shipped = folders = template_folders()
    found = asyncio.run(ScriptFiles(Path("unsent"), folders, ()).templates())
    assert {stage for stage, _, _ in found} == {path.stem for path in shipped.glob("*.sh")}


def test_without_git_no_commit_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert project_of(tmp_path) == Project()
