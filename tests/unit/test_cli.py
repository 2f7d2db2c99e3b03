"""The command line: what it says where nothing can work, and that it never shows a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jobshape import __version__
from jobshape.app.board.query import compile_query
from jobshape.app.cli import main
from jobshape.app.cli_commands import _filter_text
from jobshape.app.cli_options import make_parser
from jobshape.app.domain.job import NO_JOB
from jobshape.screens.commands import COMMANDS

RunPython = Callable[..., Any]
JOBSHAPE = ["-m", "jobshape"]
NOWHERE = "/nowhere"
"""A PATH on which nothing is found: a machine without Slurm."""

pytestmark = pytest.mark.usefixtures("own_folders")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"jobshape {__version__}\n"


@pytest.mark.parametrize("command", [[], ["status"], ["status", "--json"], ["stages"]])
def test_slurm_asked_for_but_not_there_is_one_line_and_what_to_do(
    run_python: RunPython, command: list[str]
) -> None:
    done = run_python([*JOBSHAPE, "--site", "slurm", *command], path=NOWHERE)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("jobshape: no Slurm on this machine: squeue is not on PATH")
    assert "--ssh HOST" in line and "--site local" in line


def test_pyslurm_asked_for_but_not_there(run_python: RunPython) -> None:
    done = run_python([*JOBSHAPE, "--backend", "pyslurm"], path=NOWHERE)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "pyslurm is not installed" in line and "--backend commands" in line


def test_commands_asked_for_but_not_there(run_python: RunPython) -> None:
    done = run_python([*JOBSHAPE, "--backend", "commands"], path=NOWHERE)
    assert done.returncode == 2
    assert done.stderr.startswith("jobshape: no Slurm on this machine: squeue is not on PATH (")


def test_ssh_asked_for_but_not_there(run_python: RunPython) -> None:
    done = run_python([*JOBSHAPE, "--ssh", "login1"], path=NOWHERE)
    assert (done.returncode, "ssh is not on PATH" in done.stderr) == (2, True)


def test_without_a_terminal_it_points_at_status(run_python: RunPython, tmp_path: Path) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\n")
    squeue.chmod(0o755)
    done = run_python(JOBSHAPE, path=str(tmp_path))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "needs a terminal" in line and "jobshape status --json" in line


def test_a_terminal_that_cannot_place_a_cursor_is_told(own_folders: Path, tmp_path: Path) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text("#!/bin/sh\n")
    squeue.chmod(0o755)
    ours, theirs = os.openpty()
    process = subprocess.Popen(
        [sys.executable, *JOBSHAPE], stdin=theirs, stdout=theirs, stderr=theirs,
        env={**os.environ, "PATH": str(tmp_path), "TERM": "dumb"},
    )  # fmt: skip
    os.close(theirs)
    assert process.wait(timeout=30) == 2
    said = os.read(ours, 10_000).decode()
    os.close(ours)
    assert said.startswith("jobshape: the terminal (TERM='dumb') cannot place a cursor")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ssh=-oProxyCommand=touch x"], "is no host name"),
        (["--ssh", "a b"], "is no host name"),
        (["--backend", "slurmrestd"], "is none of auto, pyslurm, commands, local"),
        (["--scope", "yours"], "invalid choice"),
        (["status", "--timeout", "0"], "is no number of seconds"),
        (["stages", "--runs", "0"], "is no number from 1 to 5000"),
        (["stages", "--days", "nan"], "is no number of days"),
        (["stauts"], "invalid choice"),
    ],
)
def test_options_that_make_no_sense(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_every_wrong_setting_is_one_line(
    own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = own_folders.parent / "config" / "config.toml"
    config.parent.mkdir()
    config.write_text("[ui]\nascii = 1\nthem = 2\n")
    assert main(["config"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["jobshape", f"{config}:2"],
        ["jobshape", f"{config}:3"],
    ]


def test_control_codes_in_a_setting_do_not_reach_the_terminal(
    own_folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = own_folders.parent / "config" / "config.toml"
    config.parent.mkdir()
    config.write_text('[ui]\n"the\\u001b[2Jme" = 2\n')
    assert main(["config"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_a_bad_filter_is_told_before_anybody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--filter", "mem>lots"]) == 2
    assert "filter 'mem>lots'" in capsys.readouterr().err


def test_the_jobs_of_a_user_are_not_those_of_a_namesake() -> None:
    arguments = make_parser().parse_args(["status", "--user", "ann,bob", "--filter", "state:PD"])
    query = compile_query(_filter_text(arguments))
    waiting = NO_JOB._replace(state="PENDING")
    shown = [user for user in ("ann", "annabel", "joann", "bob", "ANN", "eve")
             if query.matches(waiting._replace(user=user), now=0)]  # fmt: skip
    assert shown == ["ann", "bob", "ANN"]


@pytest.mark.parametrize("name", ["", "a b", "*", 'a"', "ann,", "ann state:R"])
def test_what_is_no_user_is_told(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["status", "--user", name])
    assert "is no user name" in capsys.readouterr().err


# --- config --------------------------------------------------------------------------------


def test_config_says_where_each_value_comes_from(
    own_folders: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = own_folders.parent / "config" / "config.toml"
    config.parent.mkdir()
    config.write_text("[polling]\nfastest_s = 5\n")
    monkeypatch.setenv("JOBSHAPE_SCOPE", "accounts")
    assert main(["--read-only", "config"]) == 0
    said = {line.split()[0]: line.split(maxsplit=2)[1:] for line in
            capsys.readouterr().out.splitlines() if len(line.split()) > 2}  # fmt: skip
    assert said["read_only"] == ["true", "command line --read-only"]
    assert said["polling.fastest_s"] == ["5", f"{config}:2"]
    assert said["site.scope"] == ['"accounts"', "environment JOBSHAPE_SCOPE"]
    assert said["ui.confirm"] == ["true", "default"]


def test_config_path(own_folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "--path"]) == 0
    assert capsys.readouterr().out == f"{own_folders.parent / 'config' / 'config.toml'}\n"


def test_config_edit_opens_the_template_and_checks_what_comes_back(
    own_folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    editor = own_folders / "editor"
    editor.write_text('#!/bin/sh\necho "[ui]\nascii = 7" >> "$2"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("VISUAL", f"'{editor}' --wait")
    assert main(["config", "edit"]) == 2
    path = own_folders.parent / "config" / "config.toml"
    assert path.read_text().startswith("# Settings of jobshape.")
    assert "is not TOML" in capsys.readouterr().err  # [ui] stands in the template already


@pytest.mark.parametrize("editor", ["no-such-editor", "vi '", "/", "./not-a-program"])
def test_an_editor_that_cannot_be_started_is_told(
    own_folders: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    editor: str,
) -> None:
    program = Path("not-a-program")
    program.write_bytes(b"\x00")
    program.chmod(0o755)
    monkeypatch.setenv("VISUAL", editor)
    assert main(["config", "edit"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be started" in line and "set EDITOR" in line


# --- keys ----------------------------------------------------------------------------------


def test_keys_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys"]) == 0
    out = capsys.readouterr().out
    assert all(command.help in out for command in COMMANDS)
    assert main(["keys", "--markdown"]) == 0
    markdown = capsys.readouterr().out
    assert markdown.count("\n| `") == len(COMMANDS)


# --- the way out ---------------------------------------------------------------------------


def test_nobody_reading_is_quiet(own_folders: Path) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = subprocess.Popen(
        [sys.executable, *JOBSHAPE, "keys"], stdout=write_end, stderr=subprocess.PIPE
    )
    os.close(write_end)
    _, errors = process.communicate(timeout=30)
    assert (errors, process.returncode) == (b"", 141)


@pytest.mark.parametrize("command", ["config", "keys", "sites", "doctor"])
def test_without_an_output_nothing_breaks(
    own_folders: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBSHAPE_SITE", "slurm")
    words = ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, *JOBSHAPE, command]
    done = subprocess.run(words, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.stderr == b""


@pytest.mark.parametrize("command", ["config", "keys", "sites"])
def test_a_full_disk_is_one_line(own_folders: Path, command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, *JOBSHAPE, command], stdout=full, stderr=subprocess.PIPE, timeout=60,
            check=False,
        )  # fmt: skip
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert b"cannot be written: No space left on device" in line


def is_dead(pid: str) -> bool:
    """Whether a process has ended; who buries it is not our matter."""
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_ctrl_c_is_quiet(own_folders: Path, tmp_path: Path) -> None:
    for name in ("squeue", "scontrol", "sinfo", "sacct", "sacctmgr", "sdiag"):
        program = tmp_path / name  # whichever is asked first hangs
        program.write_text("#!/bin/sh\nexec sleep 60\n")
        program.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, *JOBSHAPE, "status"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored behind a `&`
    )  # fmt: skip
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    deadline = time.monotonic() + 20
    while not children.read_text().strip() and time.monotonic() < deadline:
        time.sleep(0.02)
    (child,) = children.read_text().split()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=20)
    assert (output, errors, process.returncode) == (b"", b"", 130)
    while not is_dead(child) and time.monotonic() < deadline + 20:
        time.sleep(0.02)
    assert is_dead(child)


# --- doctor --------------------------------------------------------------------------------


def test_doctor_without_a_site(run_python: RunPython) -> None:
    done = run_python([*JOBSHAPE, "--site", "slurm", "doctor"], path=NOWHERE)
    assert done.returncode == 2, done.stderr
    assert "\x1b" not in done.stdout
    assert "  fail  site " in done.stdout and "--ssh HOST" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("No site was found")
    assert len(done.stdout.splitlines()) <= 24
    assert f"jobshape {__version__}" in done.stdout


def test_doctor_of_this_machine_starts_nothing(run_python: RunPython, own_folders: Path) -> None:
    pages = own_folders.parent / "config" / "sites"
    pages.mkdir(parents=True)
    recorded = own_folders / "nvml.json"
    (pages / "box.toml").write_text(f'kind = "local"\n[local]\ngpus = "{recorded}"\n')
    done = run_python([*JOBSHAPE, "doctor", "--site", "local"], path=NOWHERE)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "local (This machine), command line --site: no squeue on PATH" in done.stdout
    assert "does not run; the first job starts it" in done.stdout
    assert "note  GPUs           none: " in done.stdout
    assert len(done.stdout.splitlines()) <= 24
    assert not (own_folders.parent / "state").exists()
    done = run_python([*JOBSHAPE, "doctor", "--site", "box"], path=NOWHERE)
    assert done.returncode == 1
    assert f"fail  GPUs           none: {recorded}: not a recorded NVML" in done.stdout


def test_doctor_for_scripts(run_python: RunPython) -> None:
    done = run_python([*JOBSHAPE, "--site", "slurm", "doctor", "--json"], path=NOWHERE)
    document = json.loads(done.stdout)
    assert document["schema"] == "jobshape.doctor/1"
    assert (document["site_found"], document["exit_code"], done.returncode) == (False, 2, 2)
    assert {check["level"] for check in document["checks"]} <= {"ok", "note", "warn", "fail"}


def test_doctor_goes_on_with_broken_settings(run_python: RunPython, own_folders: Path) -> None:
    config = own_folders.parent / "config" / "config.toml"
    config.parent.mkdir()
    config.write_text("[ui]\nascii = 1\n")
    done = run_python([*JOBSHAPE, "--site", "slurm", "doctor"], path=NOWHERE)
    assert f"fail  settings       {config}:2: ui.ascii: must be true or false" in done.stdout


def test_doctor_finds_an_open_cache_folder(run_python: RunPython, own_folders: Path) -> None:
    cache = own_folders.parent / "cache"
    cache.mkdir(mode=0o755)
    cache.chmod(0o755)
    done = run_python([*JOBSHAPE, "--site", "slurm", "doctor"], path=NOWHERE)
    assert f"warn  cache          {cache} is open to others (0755)" in done.stdout
    assert f"-> chmod 700 {cache}" in done.stdout
