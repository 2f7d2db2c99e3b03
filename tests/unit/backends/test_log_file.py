"""Reading a part of a file with stat and dd, as they are on this machine, and what they say."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from jobshape.app.backends.commands.log_file import parse_stat, read_part, step_command
from jobshape.app.backends.commands.runner import Output, Runner
from jobshape.app.domain.errors import BadRequest, Refused, Unreachable
from jobshape.app.domain.log_part import (
    FOUND,
    MAX_PART_BYTES,
    MISSING,
    NO_FOLDER,
    UNREADABLE,
    LogPart,
)
from jobshape.app.logs.source import check_part, read_file

CRAZY = "two words 'quoted' \"$(id)\" \n%s -n\\x"


def run(command: Sequence[str]) -> Output:
    return Runner(timeout_s=10).run(command, check=False)


def part_of(path: Path, offset: int = 0, size: int = 100) -> LogPart:
    return read_part(run, str(path), offset, size, ssh_host=None)


@pytest.mark.parametrize("name", ["log", CRAZY, "ünï"])
@pytest.mark.parametrize(("offset", "size"), [(0, 0), (0, 9), (3, 4), (-4, 100), (10**6, 5)])
def test_gives_what_reading_the_file_gives(
    tmp_path: Path, name: str, offset: int, size: int
) -> None:
    log = tmp_path / name
    log.write_bytes(bytes(range(256)) * 900)
    assert part_of(log, offset, size) == read_file(str(log), offset, size)
    assert part_of(log, 5, MAX_PART_BYTES).data == log.read_bytes()[5:]


def test_what_is_no_log(tmp_path: Path) -> None:
    assert part_of(tmp_path / "log") == LogPart(MISSING, "No such file or directory")
    assert part_of(tmp_path / "no" / "log").state == NO_FOLDER
    assert part_of(tmp_path / CRAZY) == LogPart(MISSING, "No such file or directory")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", Path("/dev/null")):
        part = part_of(path)
        assert part.state == UNREADABLE and "not a file" in part.why


def test_what_other_machines_say() -> None:
    denied = (
        "stat: cannot statx '/x: stat: y': Permission denied\nsrun: error: n1: task 0: Exited\n"
    )
    assert parse_stat("", denied) == LogPart(UNREADABLE, "Permission denied")
    old = "/usr/bin/stat: cannot stat '/x': No such file or directory\n"
    assert parse_stat("", old) == LogPart(MISSING, "No such file or directory")
    assert parse_stat("0 1.5 8:1 regular empty file\n", "") == LogPart(
        FOUND, modified_at=1.5, mark="8:1"
    )
    assert parse_stat("", "srun: error: Unable to create step for job 7: Job/step done") is None


def test_a_file_that_may_be_seen_and_not_read() -> None:
    answers = iter([
        Output("7 1.0 8:1 regular file\n", "", 0),
        Output("", "dd: failed to open \"/x'y\": Permission denied\n", 1),
    ])  # fmt: skip
    part = read_part(lambda _: next(answers), "/x", 0, 9, ssh_host=None)
    assert part == LogPart(UNREADABLE, "Permission denied")


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        (
            Output("", "srun: error: Unable to create step for job 7: Step limit reached\n", 1),
            Refused,
        ),
        (Output("", "ssh: connect to host login: No route to host\n", 255), Unreachable),
    ],
)
def test_an_error_that_is_not_the_files(output: Output, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        read_part(lambda _: output, "/x", 0, 9, ssh_host="login")


@pytest.mark.parametrize(
    ("path", "size"), [("log", 1), ("", 1), ("/x\0y", 1), ("/x", -1), ("/x", MAX_PART_BYTES + 1)]
)
def test_what_is_never_asked(path: str, size: int) -> None:
    with pytest.raises(BadRequest):
        check_part(path, size)


def test_a_step_beside_the_job() -> None:
    command = step_command(7, "n3", ["stat", "--", "/x"])
    assert command[:2] == ["srun", "--jobid=7"] and command[-3:] == ["stat", "--", "/x"]
    assert {"--overlap", "--nodelist=n3", "--input=none", "--time=1"} <= set(command)
    in_step = command[command.index("sh") :]
    assert subprocess.run([*in_step[:-3], "printf", "%s|", "$(id)", "a b"], capture_output=True,
                          check=True).stdout == b"$(id)|a b|"  # fmt: skip
    assert subprocess.run([*in_step[:-3], "false"], check=True).returncode == 0


def test_through_ssh_words_arrive_whole(tmp_path: Path) -> None:
    """The stand-in for ssh runs what it is given in a shell, as sshd does."""
    log = tmp_path / CRAZY
    log.write_bytes(b"\xff\0text")
    ssh = tmp_path / "ssh"
    ssh.write_text('#!/bin/sh\nfor last; do :; done\nexec sh -c "$last"\n')
    ssh.chmod(0o755)
    runner = Runner(ssh_host="login", ssh=[str(ssh)])
    part = read_part(
        lambda command: runner.run(command, check=False), str(log), 0, 50, ssh_host="login"
    )
    assert part.data == b"\xff\0text"
