"""``jobshape diagnose``: what it prints, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jobshape.app.cli import main

pytestmark = pytest.mark.usefixtures("own_folders")

OOM = "start\nslurmstepd: error: Detected 1 oom_kill event in StepId=9.0.\n"


def log(tmp_path: Path, text: str) -> str:
    path = tmp_path / "job.log"
    path.write_text(text, "utf-8")
    return str(path)


def test_a_cause_with_its_place_and_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diagnose", "--log", log(tmp_path, OOM)]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.startswith("out of host memory (oom_host, CRITICAL, ")
    assert (
        "  seen   job.log:2: slurmstepd: error: Detected 1 oom_kill event in StepId=9.0." in lines
    )
    assert any(line.startswith("  fix    Ask for more memory") for line in lines)
    assert any(line.startswith("  retry  no") for line in lines)


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "--json", "--log", log(tmp_path, OOM), "--state", "FAILED"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["schema"] == "jobshape.diagnose/1"
    first = said["findings"][0]
    assert (first["class"], first["retry"], first["fix_class"]) == (
        "oom_host",
        "no",
        "raise_memory",
    )
    assert first["evidence"][0]["line"] == 2


def test_the_fields_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "--state", "PENDING", "--reason", "JobHeldAdmin"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("held (pending_hold") and "Reason=JobHeldAdmin" in out


def test_an_unknown_failure_offers_a_rule_and_exits_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "one\nwidget 33 lost its frobnicator\n"
    command = ["diagnose", "--log", log(tmp_path, text), "--state", "FAILED", "--exit-code", "3:0"]
    assert main(command) == 1
    out = capsys.readouterr().out
    assert out.startswith("unknown failure") and "[[rule]]" in out and "ExitCode=3:0" in out
    assert r"patterns = ['widget \d" in out


def test_a_healthy_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "--log", log(tmp_path, "12 rows, 0 errors\ndone\n")]) == 0
    assert capsys.readouterr().out.startswith("nothing failed (none")


def test_the_persons_rules_are_used(
    tmp_path: Path, own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = own_folders / "work" / ".jobshape" / "rules.toml"
    rules.parent.mkdir()
    rules.write_text("[[rule]]\nname='w'\nclass='app_error'\npatterns=['lost its frobnicator']\n")
    assert main(["diagnose", "--log", log(tmp_path, "widget lost its frobnicator\n")]) == 0
    assert "rules:w" in capsys.readouterr().out
    rules.write_text("[[rule]]\nname='w'\nclass='app_error'\npatterns=['(']\n")
    assert main(["diagnose", "--log", log(tmp_path, "x\n")]) == 2
    assert "patterns[1]: is no pattern" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["gone.log", "."])
def test_what_cannot_be_read(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "--log", what]) == 2
    assert capsys.readouterr().err.startswith("jobshape: ")


def test_nothing_to_look_at(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose"]) == 2
    assert "--log FILE" in capsys.readouterr().err


def test_a_log_cannot_steer_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "\x1b]0;pwned\x07ModuleNotFoundError: No module named '\x1b[2Jx\x9b31m'\n"
    main(["diagnose", "--log", log(tmp_path, text)])
    out = capsys.readouterr().out
    assert "missing_package" in out and "\x1b" not in out and "\x9b" not in out


def test_a_rule_files_words_steer_no_terminal() -> None:
    from jobshape.app.diagnose_report import text as lines_of
    from jobshape.app.domain.finding import Finding

    evil = Finding("x", 0.9, "HIGH", "\x1b]0;evil\x07", "why", "fix", "fix_code", "no", (), "")
    assert "".join(lines_of([evil, evil])).isprintable()


def test_a_state_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diagnose", "--state", "FOO"]) == 2
    assert "'FOO' is no state" in capsys.readouterr().err


def test_a_log_alone_may_not_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["diagnose", "--log", log(tmp_path, "gave up\n")])
    assert "a log alone may not tell" in capsys.readouterr().out
    main(["diagnose", "--log", log(tmp_path, "fine\n"), "--state", "COMPLETED"])
    assert "a log alone" not in capsys.readouterr().out
