"""Settings: where they come from, what is said of wrong ones, that a start pays only once."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.config_report import as_toml, report, template
from jobshape.app.domain.job import DEFAULT_STAGES
from jobshape.app.settings import cache
from jobshape.app.settings.folders import cache_folder, config_folder, project_file
from jobshape.app.settings.load import SettingsError, load_settings
from jobshape.app.settings.values import Settings, StageRule, declared, value_of

pytestmark = pytest.mark.usefixtures("own_folders")


def write_config(text: str) -> Path:
    path = config_folder() / "config.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def problems_of(text: str) -> list[str]:
    path = write_config(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return [str(problem).replace(str(path), "FILE") for problem in caught.value.problems]


# --- where a value comes from --------------------------------------------------------------


def test_without_any_file_the_defaults_hold() -> None:
    loaded = load_settings()
    assert loaded.settings == Settings()
    assert set(loaded.origins.values()) == {"default"}
    assert loaded.files == ()
    assert loaded.settings.stages == DEFAULT_STAGES
    assert loaded.settings.stage_rules == ()  # nothing is guessed


def test_each_source_wins_over_the_one_before(own_folders: Path) -> None:
    config = write_config('[ui]\ntheme = "from-file"\n[site]\nscope = "accounts"\nssh = "login1"\n')
    environ = {**os.environ, "JOBSHAPE_SSH": "login2", "JOBSHAPE_SCOPE": "mine"}
    loaded = load_settings({"site.scope": ("all", "--scope")}, environ=environ)
    assert loaded.settings.ui.theme == "from-file"
    assert loaded.settings.site.ssh == "login2"
    assert loaded.settings.site.scope == "all"
    assert loaded.origins["ui.theme"] == f"{config}:2"
    assert loaded.origins["site.ssh"] == "environment JOBSHAPE_SSH"
    assert loaded.origins["site.scope"] == "command line --scope"
    assert loaded.origins["ui.ascii"] == "default"


def test_rules_of_the_project_come_before_those_of_the_person(own_folders: Path) -> None:
    config = write_config('[[stage_rules]]\nstage = "eval"\nname = "e"\n')
    project = own_folders / "work" / ".jobshape.toml"
    project.write_text(
        'stages = ["tokenize", "training"]\n[[stage_rules]]\nstage = "tokenize"\nwork_dir = "tok"\n'
    )
    loaded = load_settings()
    assert loaded.settings.stages == ("tokenize", "training")
    assert [rule.stage for rule in loaded.settings.stage_rules] == ["tokenize", "eval"]
    assert loaded.settings.stage_rules[0] == StageRule(stage="tokenize", work_dir="tok")
    assert loaded.origins["stage_rules"] == f"{project}:2, {config}:1"


def test_a_project_is_found_from_below_but_not_above_home(own_folders: Path) -> None:
    below = own_folders / "work" / "a" / "b"
    below.mkdir(parents=True)
    (own_folders.parent / ".jobshape.toml").write_text("stages = []")
    assert project_file(below) is None
    (own_folders / "work" / "jobshape.toml").write_text("stages = []")
    assert project_file(below) == own_folders / "work" / "jobshape.toml"
    (own_folders / "work" / "a" / ".jobshape.toml").write_text("stages = []")
    assert project_file(below) == own_folders / "work" / "a" / ".jobshape.toml"


def test_a_working_folder_that_is_gone_is_no_trouble(own_folders: Path) -> None:
    gone = own_folders / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    assert load_settings().settings == Settings()


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("off", False)])
def test_switches_in_the_environment(text: str, value: bool) -> None:
    loaded = load_settings(environ={**os.environ, "JOBSHAPE_READ_ONLY": text})
    assert loaded.settings.read_only is value


def test_xdg_folders_are_respected(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("JOBSHAPE_CONFIG_DIR")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert config_folder() == tmp_path / "xdg" / "jobshape"


# --- what is said of wrong ones ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('read_only = "yes"', r"FILE:1: read_only: must be true or false, not 'yes' \("),
        ("\n[ui]\nfinished_hors = 3", r"FILE:3: ui.finished_hors: is not a setting .*finished_h"),
        ("[ui]\nfinished_hours = 900", r"FILE:2: ui.finished_hours: must be 168 or less, not 900"),
        ('[ui]\ncolumns = ["id",\n "naem"]', r"FILE:3: ui.columns\[2\]: .*'naem'.*`name`"),
        ('[ui]\ncolumns = ["id",\n 4]', r"FILE:3: ui.columns\[2\]: must be a text in quotes"),
        ('[ui]\nsort = "-tiem"', r"FILE:2: ui.sort: .*'tiem'"),
        ('[site]\nscope = "none"', r"FILE:2: site.scope: must be 'mine', 'accounts' or 'all'"),
        ('[site]\nssh = "-oProxyCommand=x"', r"FILE:2: site.ssh: has characters"),
        ("site = 3", r"FILE:1: site: must be a table, not 3"),
        ("[polling]\nfastest_s = 40\nslowest_s = 3", r"FILE:1: polling: fastest_s \(40\) must not"),
        ("[polling]\nfastest_s = nan", r"FILE:2: polling.fastest_s: "),
        ("[usage]\ngpu_probe = 1", r"FILE:2: usage.gpu_probe: must be true or false, not 1"),
        ('[[stage_rules]]\nstage = "eval"', r"FILE:1: stage_rules\[1\]: matches nothing"),
        ('[[stage_rules]]\nname = "x"', r"FILE:1: stage_rules\[1\].stage: is missing"),
        (
            '[[stage_rules]]\nstage = "eval"\nname = "ok"\n[[stage_rules]]\nstage = "eval"\n'
            'name = "(["',
            r"FILE:6: stage_rules\[2\].name: is no regular expression: unterminated",
        ),
        (
            '[[stage_rules]]\nstage = "evil"\nname = "x"',
            r"FILE:2: stage_rules.stage: 'evil' is not one of the stages .*`stages`.* eval",
        ),
        ("[ui]\ntheme = dark", r"FILE:2:9: is not TOML: invalid value \(texts stand in quotes"),
        ("[ui]\n[ui]", r"FILE:2:4: is not TOML"),
        ("[ui", r"FILE.*: is not TOML"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told_with_file_line_field_and_what_to_do(
    text: str, expected: str
) -> None:
    (problem,) = problems_of(text)
    assert re.match(expected, problem), problem
    assert problem.endswith(")")  # the hint


def test_all_wrong_settings_are_told_at_once_in_order_of_lines() -> None:
    problems = problems_of("[site]\nscope = 1\n[ui]\nascii = 1\nconfirm = 2\n")
    assert [problem.split(":")[1] for problem in problems] == ["2", "4", "5"]


def test_a_file_that_is_not_utf8_tells_the_line() -> None:
    path = config_folder() / "config.toml"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"[ui]\n# caf\xe9\n")
    with pytest.raises(SettingsError, match=re.escape(f"{path}:2: is not UTF-8")):
        load_settings()


def test_a_file_that_cannot_be_read_is_an_error_not_the_defaults() -> None:
    (config_folder() / "config.toml").mkdir(parents=True)
    with pytest.raises(SettingsError, match=r"config\.toml: is not a file"):
        load_settings()


def test_a_project_may_name_stages_but_not_decide_for_the_person(own_folders: Path) -> None:
    (own_folders / "work" / "jobshape.toml").write_text('[site]\nssh = "elsewhere"\n')
    with pytest.raises(SettingsError, match=r"toml:1: site: is not for a project's file"):
        load_settings()


def test_the_environment_is_checked_too() -> None:
    with pytest.raises(SettingsError, match="environment variable JOBSHAPE_SCOPE: must be 'mine'"):
        load_settings(environ={**os.environ, "JOBSHAPE_SCOPE": "none"})
    with pytest.raises(SettingsError, match="JOBSHAPE_ASCII: must be true or false, not 'maybe'"):
        load_settings(environ={**os.environ, "JOBSHAPE_ASCII": "maybe"})


# --- the copy of what was checked ----------------------------------------------------------

_SAY = """
import sys
from jobshape.app.settings.load import load_settings
print(load_settings().settings.ui.theme, "pydantic" in sys.modules, "tomllib" in sys.modules)
"""


def test_pydantic_is_loaded_only_after_a_change(run_python: Callable[..., Any]) -> None:
    def said() -> str:
        done = run_python(["-c", _SAY])
        assert done.returncode == 0, done.stderr
        return str(done.stdout.strip())

    assert said() == "auto False False"
    path = write_config('[ui]\ntheme = "one"\n')
    assert said() == "one True True"
    assert said() == "one False False"
    path.write_text('[ui]\ntheme = "two"\n')  # as long as before
    assert said() == "two True True"
    assert said() == "two False False"
    path.unlink()
    assert said() == "auto False False"


def the_entry() -> Path:
    (entry,) = cache_folder().glob("settings-*.json")
    return entry


def test_what_is_kept_is_closed_to_others() -> None:
    write_config('[ui]\ntheme = "one"\n')
    load_settings()
    assert stat.S_IMODE(the_entry().stat().st_mode) == 0o600
    assert stat.S_IMODE(cache_folder().stat().st_mode) == 0o700


@pytest.mark.parametrize("garbage", ["", "{", "[]", "null", '{"key": 1}', '{"key": [], "values"'])
def test_garbage_in_the_copy_is_ignored_and_replaced(garbage: str) -> None:
    write_config('[ui]\ntheme = "one"\n')
    first = load_settings()
    the_entry().write_text(garbage)
    assert load_settings() == first
    assert json.loads(the_entry().read_text())["origins"]["ui.theme"].endswith(":2")


def test_a_copy_of_another_release_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    write_config('[ui]\ntheme = "one"\n')
    load_settings()
    kept = json.loads(the_entry().read_text())
    kept["values"]["ui"]["theme"] = "stale"
    the_entry().write_text(json.dumps(kept))
    assert load_settings().settings.ui.theme == "stale"  # so the copy is what counts
    monkeypatch.setattr(cache, "__version__", "99")
    assert load_settings().settings.ui.theme == "one"


def test_no_place_for_the_copy_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    write_config('[ui]\ntheme = "one"\n')
    monkeypatch.setenv("JOBSHAPE_CACHE_DIR", "/proc/nowhere")
    assert load_settings().settings.ui.theme == "one"


def test_wrong_settings_are_never_kept() -> None:
    for _ in range(2):
        assert problems_of("[ui]\nascii = 1\n")


# --- what is shown -------------------------------------------------------------------------


def test_the_template_holds_every_setting_with_its_default() -> None:
    lines = [line.removeprefix("# ") for line in template().splitlines()]
    settable = [line for line in lines if re.match(r"\[|\w+ = ", line)]
    rules_at = settable.index("[[stage_rules]]")
    del settable[rules_at : rules_at + 6]
    write_config("\n".join(settable))
    loaded = load_settings()
    assert loaded.settings == Settings()
    not_set = {name for name, origin in loaded.origins.items() if origin == "default"}
    assert not_set == {"stage_rules"}


def test_the_template_as_it_is_changes_nothing_and_its_rules_work() -> None:
    write_config(template())
    assert load_settings().settings == Settings()
    lines = template().splitlines()
    at = lines.index("# [[stage_rules]]")
    write_config("\n".join(line.removeprefix("# ") for line in lines[at : at + 6]))
    (rule,) = load_settings().settings.stage_rules
    assert rule.stage == "training"


def test_the_report_shows_each_value_and_its_origin() -> None:
    path = write_config('[[stage_rules]]\nstage = "eval"\nname = \'^\\d+ "x"\'\n')
    lines = list(report(load_settings({"ui.ascii": (True, "--ascii")})))
    said = {line.split()[0]: line for line in lines if line}
    for item in declared():
        assert item.name == "stage_rules" or item.name in said
    assert said["ui.ascii"].split() == ["ui.ascii", "true", "command", "line", "--ascii"]
    assert said["stage_rules[1]"].endswith(f"{path}:1")
    assert """name = '^\\d+ "x"'""" in said["stage_rules[1]"]
    assert f"read: {path}" in lines


@pytest.mark.parametrize(
    "value", [True, 3, 2.5, "a'b\"c\\d", "tab\there\n", ["x", "y"], {"k": "v"}]
)
def test_values_are_shown_as_toml_that_reads_back(value: object) -> None:
    import tomllib

    assert tomllib.loads(f"x = {as_toml(value)}")["x"] == value


def test_every_declared_setting_has_a_value_and_a_text() -> None:
    for item in declared():
        assert value_of(Settings(), item.name) == item.default
        assert item.metadata["help"].endswith(".")


# --- what no file of settings is ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = " + "[" * 3000 + "]" * 3000, "nested too deeply"),
        ("x = " + "1" * 5000, "cannot be read: Exceeds the limit"),
        ("#" * 1_000_001, "is longer than 1,000,000 bytes"),
        ("[polling]\ncontroller_ms_per_minute = inf", "must be a finite number, not inf"),
        ("[polling]\nfastest_s = nan", "must be a finite number, not nan"),
    ],
    ids=["nested", "digits", "long", "inf", "nan"],
)
def test_what_nobody_writes_is_told_all_the_same(text: str, said: str) -> None:
    (problem,) = problems_of(text)
    assert said in problem and problem.endswith(")")  # with a hint


def test_nobody_waits_for_a_pipe_to_be_written() -> None:
    path = config_folder() / "config.toml"
    path.parent.mkdir()
    os.mkfifo(path)
    with pytest.raises(SettingsError, match="is not a file"):
        load_settings()
