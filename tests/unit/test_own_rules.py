"""Failure rules of one's own: made of a line, written behind what is there, used at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobshape.app.domain.errors import ConfigError
from jobshape.app.own_rules import OwnRules
from jobshape.app.signals.diagnose import diagnose
from jobshape.app.signals.rule_files import rule_book

LINE = "frobnicator 17: the flux is out of range at cell 4711"

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir(mode=0o700)
    (folder / ".jobshape.toml").write_text('stages = ["a"]\n')
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


def test_a_rule_is_added_and_speaks(project: Path) -> None:
    rules = OwnRules(project)
    plan = rules.plan(LINE, "app_error")
    assert plan.path == project / ".jobshape" / "rules.toml"
    assert (plan.is_project, plan.is_new) == (True, True)
    rules.accept(plan)
    assert plan.path.stat().st_mode & 0o777 == 0o600
    other = LINE.replace("17", "3").replace("4711", "12")
    found = diagnose(f"step 1\n{other}\n", {"State": "FAILED"}, book=rule_book([plan.path]))
    assert found[0].label == "app_error"
    assert diagnose(f"step 1\n{other}\n", {"State": "FAILED"})[0].label == "unknown"


def test_a_second_one_goes_behind_and_keeps_the_first(project: Path) -> None:
    rules = OwnRules(project)
    rules.accept(rules.plan(LINE, "app_error"))
    path = project / ".jobshape" / "rules.toml"
    before = "# mine\n" + path.read_text()
    path.write_text(before)
    rules.accept(rules.plan(LINE, "corrupt_data"))
    after = path.read_text()
    assert after.startswith(before.rstrip())
    assert len(rule_book([path]).rules) == len(rule_book().rules) + 2


def test_without_a_project_they_are_ones_own(tmp_path: Path, own_folders: Path) -> None:
    plan = OwnRules(tmp_path).plan(LINE, "app_error")
    assert (plan.is_project, plan.path.name) == (False, "own.toml")


def test_a_wrong_file_is_told_and_left_alone(project: Path) -> None:
    path = project / ".jobshape" / "rules.toml"
    path.parent.mkdir()
    path.write_text("[[rule]\n")
    rules = OwnRules(project)
    with pytest.raises(ConfigError) as caught:
        rules.plan(LINE, "app_error")
    assert str(path) in str(caught.value)
    assert path.read_text() == "[[rule]\n"


def test_an_unwritable_folder_is_told(project: Path) -> None:
    rules = OwnRules(project)
    plan = rules.plan(LINE, "app_error")
    (project / ".jobshape").write_text("no folder")
    with pytest.raises(ConfigError, match="cannot be"):
        rules.accept(plan)


def test_what_a_rule_can_stand_for() -> None:
    labels = [label for label, _ in OwnRules().classes()]
    assert "oom_host" in labels
    assert not {"none", "unknown"} & set(labels)
