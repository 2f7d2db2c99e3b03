"""An accepted rule in a real file: everything else stays byte by byte, or nothing is written."""

from __future__ import annotations

import os
import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.errors import ConfigError
from jobshape.app.domain.job import NO_JOB
from jobshape.app.domain.stage_rules import StageRules
from jobshape.app.settings.load import load_settings
from jobshape.app.stages import rule_file
from jobshape.app.stages.rule_file import RuleFile
from jobshape.app.stages.rule_text import with_rule

RULE = {"stage": "training", "name": r"^train-\d+$"}
LINES = "[[stage_rules]]\nstage = \"training\"\nname = '^train-\\d+$'\n"

PROJECT = """# our project
stages = ["data_fetching", "training"]   # two

[[stage_rules]]  # the first
stage = "data_fetching"
name = "^fetch"    # all of it

# the end
"""


@pytest.fixture
def project(own_folders: Path) -> Path:
    path = own_folders / "work" / ".jobshape.toml"
    path.write_text(PROJECT, "utf-8")
    return path


def without(text: str, part: str) -> str:
    assert text.count(part) == 1
    return text.replace(part, "")


def test_it_goes_behind_the_other_rules_and_all_else_stays(project: Path) -> None:
    rules = RuleFile().accept(RULE)
    text = project.read_text("utf-8")
    assert without(text, "\n" + LINES) == PROJECT
    assert text.index("^fetch") < text.index("^train") < text.index("# the end")
    assert [rule["stage"] for rule in rules] == ["data_fetching", "training"]
    stage_of = StageRules(rules).stage_of
    assert stage_of(NO_JOB._replace(name="train-12")) == "training"


def test_the_plan_says_what_and_where_and_writes_nothing(project: Path) -> None:
    plan = RuleFile().plan(RULE)
    assert (plan.path, plan.is_project, plan.text, plan.is_new) == (project, True, LINES, False)
    assert project.read_text("utf-8") == PROJECT


def test_without_a_project_it_goes_into_the_settings_made_private(own_folders: Path) -> None:
    plan = RuleFile().plan(RULE)
    assert plan.is_new and not plan.is_project
    RuleFile().accept(RULE)
    assert plan.path.read_text("utf-8") == LINES
    assert stat.S_IMODE(plan.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(plan.path.parent.stat().st_mode) == 0o700
    assert load_settings().settings.stage_rules[0].name == RULE["name"]


def test_settings_of_tables_keep_theirs(own_folders: Path) -> None:
    path = RuleFile().plan(RULE).path
    path.parent.mkdir()
    path.write_text('[ui]\ntheme = "textual-dark"', "utf-8")
    RuleFile().accept(RULE)
    assert path.read_text("utf-8") == f'[ui]\ntheme = "textual-dark"\n\n{LINES}'
    assert load_settings().settings.ui.theme == "textual-dark"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
def test_the_mode_is_kept(project: Path, mode: int) -> None:
    project.chmod(mode)
    RuleFile().accept(RULE)
    assert stat.S_IMODE(project.stat().st_mode) == mode
    assert [path.name for path in project.parent.iterdir()] == [project.name]


def test_a_link_stays_a_link(project: Path, tmp_path: Path) -> None:
    target = tmp_path / "shared.toml"
    project.rename(target)
    project.symlink_to(target)
    RuleFile().accept(RULE)
    assert project.is_symlink()
    assert LINES in target.read_text("utf-8")


def test_carriage_returns_and_the_byte_order_mark_are_kept(project: Path) -> None:
    before = b"\xef\xbb\xbf" + PROJECT.replace("\n", "\r\n").encode()
    project.write_bytes(before)
    RuleFile().accept(RULE)
    after = project.read_bytes()
    added = b"\r\n" + LINES.replace("\n", "\r\n").encode()
    assert after.replace(added, b"", 1) == before
    assert after.count(b"\n") == after.count(b"\r\n")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"stages = [", "is not TOML"),
        (b"[ui]\nascii = true\n", "is not for a project's file"),
        (b'[[stage_rules]]\nstage = "x"\nname = "("\n', "no regular expression"),
        (b"# caf\xe9\n", "is not UTF-8"),
    ],
)
def test_a_file_that_is_wrong_is_left_alone(project: Path, content: bytes, says: str) -> None:
    project.write_bytes(content)
    for do in (RuleFile().plan, RuleFile().accept):
        with pytest.raises(ConfigError, match=says) as caught:
            do(RULE)
        assert str(project) in caught.value.where
        assert caught.value.hint
    assert project.read_bytes() == content


def test_a_read_only_file_is_left_alone(project: Path) -> None:
    project.chmod(0o444)
    with pytest.raises(ConfigError, match="is read-only") as caught:
        RuleFile().accept(RULE)
    assert "chmod" in caught.value.hint
    assert project.read_text("utf-8") == PROJECT


def test_a_rule_that_is_wrong_is_not_written(project: Path) -> None:
    for wrong in ({"stage": "training", "name": "("}, {"stage": "training"}, {"name": "x"}):
        with pytest.raises(ConfigError):
            RuleFile().accept(wrong)
    assert project.read_text("utf-8") == PROJECT


def test_a_file_changed_meanwhile_is_not_overwritten(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fsync

    def another_writes(descriptor: int) -> None:
        project.write_text(PROJECT + "# mine\n", "utf-8")
        real(descriptor)

    monkeypatch.setattr(rule_file.os, "fsync", another_writes)
    with pytest.raises(ConfigError, match="changed by something else"):
        RuleFile().accept(RULE)
    assert project.read_text("utf-8") == PROJECT + "# mine\n"
    assert [path.name for path in project.parent.iterdir()] == [project.name]


def test_a_full_disk_loses_nothing(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rule_file.os, "fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        RuleFile().accept(RULE)
    assert project.read_text("utf-8") == PROJECT
    assert [path.name for path in project.parent.iterdir()] == [project.name]


ARRAYS = [
    "stage_rules = []\n",
    "stage_rules = [  ]  # none\n[ui]\nascii = true\n",
    'stage_rules = [{ stage = "eval", name = "a" }]\n',
    'stage_rules = [ { stage = "eval", name = "a" }, ]\n',
    'x = 1\nstage_rules = [\n    { stage = "eval", name = "a" },  # one\n]  # end\ny = 2\n',
    'stage_rules = [\n  { stage = "eval", name = "a" }  # one\n]\n',
]


@pytest.mark.parametrize("text", ARRAYS)
def test_rules_written_as_an_array_get_one_more(text: str) -> None:
    new = with_rule(text, RULE)
    before, after = tomllib.loads(text), tomllib.loads(new)
    assert after == {**before, "stage_rules": [*before["stage_rules"], RULE]}
    for word in ("# one", "# end", "# none", "y = 2"):
        assert (word in new) == (word in text)
    if "# one" in text:
        assert 'name = "a" },  # one' in new  # the comment stays with its rule


PATTERNS = st.text(
    st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20
)  # fmt: skip


@given(pattern=PATTERNS, stage=PATTERNS, base=st.sampled_from(["", PROJECT, *ARRAYS]))
def test_any_text_comes_back_as_it_was(pattern: str, stage: str, base: str) -> None:
    rule = {"stage": stage, "name": pattern}
    assert tomllib.loads(with_rule(base, rule))["stage_rules"][-1] == rule
