"""How processes are started and tried again; the commands here are small real scripts."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from jobshape.app.backends.commands import words
from jobshape.app.backends.commands.runner import Runner
from jobshape.app.backends.commands.ssh import ssh_options
from jobshape.app.domain.errors import BadRequest, NoSite, NotSent, Refused, Unreachable

BUSY = "Socket timed out on send/recv operation"
AWAY = "Unable to contact slurm controller (connect failure)"


@pytest.fixture
def flaky(tmp_path: Path) -> Path:
    """A command that writes down each start and fails ``$1`` times with the words ``$2``."""
    script = tmp_path / "flaky"
    starts = shlex.quote(str(tmp_path / "starts"))
    script.write_text(
        f"#!/bin/sh\necho x >> {starts}\n"
        f'if [ $(wc -l < {starts}) -le "$1" ]; then echo "error: $2" >&2; exit 1; fi\ncat\n'
    )
    script.chmod(0o755)
    return script


def starts(flaky: Path) -> int:
    return len((flaky.parent / "starts").read_text().splitlines())


def test_reading_is_tried_again(flaky: Path) -> None:
    output = Runner().run([str(flaky), "2", BUSY], stdin="ä\udcff")
    assert (output.stdout, starts(flaky)) == ("ä\udcff", 3)


def test_not_for_ever(flaky: Path) -> None:
    with pytest.raises(Unreachable, match="Socket timed out"):
        Runner(attempts=2).run([str(flaky), "9", BUSY])
    assert starts(flaky) == 2


def test_an_action_that_may_have_arrived_is_not_repeated(flaky: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        Runner().run([str(flaky), "1", BUSY], action=True)
    assert not isinstance(caught.value, NotSent)
    assert starts(flaky) == 1


def test_an_action_that_was_never_sent_is_repeated(flaky: Path) -> None:
    Runner().run([str(flaky), "1", AWAY], action=True)
    assert starts(flaky) == 2


def test_an_action_that_was_never_sent_says_so_in_the_end(flaky: Path) -> None:
    with pytest.raises(NotSent):
        Runner(attempts=2).run([str(flaky), "9", AWAY], action=True)
    with pytest.raises(Unreachable) as caught:
        Runner(attempts=1).run([str(flaky), "9", AWAY])
    assert type(caught.value) is Unreachable  # of a reading it makes no difference


def test_an_action_that_one_of_two_controllers_may_have_is_not_repeated(flaky: Path) -> None:
    with pytest.raises(Unreachable) as caught:
        Runner().run([str(flaky), "1", f"{AWAY}\nerror: {BUSY}"], action=True)
    assert starts(flaky) == 1
    assert "look at the queue before trying again" in caught.value.hint


def test_a_refusal_is_not_repeated(flaky: Path) -> None:
    with pytest.raises(Refused, match="Access/permission denied"):
        Runner().run([str(flaky), "9", "Access/permission denied"])
    assert starts(flaky) == 1


def test_time_is_bounded_with_the_retries() -> None:
    started = time.monotonic()
    with pytest.raises(Unreachable, match="no answer for 1 s: still waiting"):
        Runner(timeout_s=0.7).run(["sh", "-c", "echo error: still waiting >&2; exec sleep 120"])
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("word", ["nul \0", "half a pair \ud800", "x" * 200_000])
def test_what_no_command_can_be_given_is_a_bad_request(word: str) -> None:
    with pytest.raises(BadRequest):
        Runner().run(["printf", word])


def test_texts_are_utf_8_in_any_locale() -> None:
    code = (
        "from jobshape.app.backends.commands.runner import Runner\n"
        "print(ascii(Runner().run(['printf', '%s', '\\u20ac \\udcff']).stdout))"
    )
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout == "'\\u20ac \\udcff'\n"


def test_environment_is_fixed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("SQUEUE_ARRAY", "1")
    seen = Runner().run(["env"]).stdout.splitlines()
    assert {"LC_ALL=C", "SLURM_TIME_FORMAT=%s", "SLURM_BITSTR_LEN=0"} <= set(seen)
    assert "SQUEUE_ARRAY=1" not in seen
    submitting = Runner().run(["env"], plain=True).stdout.splitlines()
    assert "LC_ALL=de_DE.UTF-8" in submitting and "SLURM_TIME_FORMAT=%s" not in submitting


def test_a_given_environment_is_all_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "1")
    monkeypatch.setenv("SLURM_CONF", "/etc/slurm.conf")
    seen = Runner().run(["env"], environment={"A": "b"}).stdout.splitlines()
    assert "A=b" in seen and "SLURM_CONF=/etc/slurm.conf" in seen
    assert not [word for word in seen if word.startswith("SECRET")]


@pytest.mark.parametrize(
    "word", ["two words", "$(id)", "it's", 'a"b', "\n", "", "*", "ü", "\x1e;|"]
)
def test_words_reach_the_other_side_as_they_are(word: str) -> None:
    line, env = Runner(ssh_host="login1").command_line(["printf", "%s|", word, "end"])
    assert (line[0], line[-2], env) == ("ssh", "login1", None)
    assert "BatchMode=yes" in line and any(part.startswith("ConnectTimeout=") for part in line)
    done = subprocess.run(["sh", "-c", line[-1]], capture_output=True, check=True)
    assert done.stdout.decode() == f"{word}|end|"


@pytest.mark.parametrize(
    ("folder", "option"),
    [
        ("run", 'ControlPath="{}/jobshape-%C"'),
        ("with space", 'ControlPath="{}/jobshape-%C"'),
        ("50%h", 'ControlPath="{}/jobshape-%C"'),
        ('quote"d', None),
        ("$HOME", None),
        ("x" * 80, None),
    ],
)
def test_a_connection_is_kept_only_where_its_socket_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str, option: str | None
) -> None:
    with tempfile.TemporaryDirectory(prefix="js") as short:
        place = Path(short) / folder
        place.mkdir(mode=0o700)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))
        monkeypatch.setenv("HOME", str(tmp_path))  # without .ssh
        found = [word for word in ssh_options(20) if word.startswith("ControlPath=")]
    assert found == ([option.format(str(place).replace("%", "%%"))] if option else [])


def test_a_run_time_folder_that_is_gone_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tmux that outlives its login still has the variable; ssh would give up."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "gone"))
    with tempfile.TemporaryDirectory(prefix="js") as home:
        monkeypatch.setenv("HOME", home)
        assert not [word for word in ssh_options(20) if "Control" in word]
        (Path(home) / ".ssh").mkdir()
        assert f'ControlPath="{home}/.ssh/jobshape-%C"' in ssh_options(20)


def test_environment_on_the_other_side() -> None:
    runner = Runner(ssh_host="login1")
    reading = runner.command_line(["squeue"])[0][-1]
    assert "-u SQUEUE_ARRAY" in reading and "SLURM_TIME_FORMAT=%s" in reading
    assert runner.command_line(["sbatch"], plain=True)[0][-1] == "sbatch"
    given = runner.command_line(["sbatch"], environment={"A": "b c"})[0][-1]
    assert given == "env -i 'A=b c' sbatch"


def test_missing_command() -> None:
    with pytest.raises(NoSite, match="no_such_squeue was not found") as caught:
        Runner().run(["no_such_squeue"])
    assert "login node" in caught.value.hint


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (
            "x error: Unable to contact slurm controller (connect failure)",
            Unreachable,
        ),
        (
            "sbatch: error: Slurm temporarily unable to accept job, sleeping",
            Unreachable,
        ),
        ("sacct: error: Problem talking to the database: Connection refused", Unreachable),
        ("squeue: fatal: Could not establish a configuration source", NoSite),
        ("squeue: error: s_p_parse_file: cannot stat file /x: No such file or directory", NoSite),
        ("slurm_load_jobs error: Invalid job id specified", BadRequest),
        ("scontrol: error: Invalid TimeLimit value", BadRequest),
        ("sbatch: error: Batch job submission failed: Invalid partition name specified", Refused),
        ("Access/permission denied", Refused),
        ("", Refused),
    ],
)
def test_kinds_of_errors(said: str, kind: type[Exception]) -> None:
    assert type(words.error_of("x", said, 1)) is kind


def test_ssh_errors() -> None:
    lost = words.error_of("squeue", "ssh: Could not resolve hostname x", 255, "x")
    assert type(lost) is Unreachable and lost.where == "ssh x"
    missing = words.error_of("squeue", "env: 'squeue': No such file or directory", 127, "x")
    assert type(missing) is NoSite and missing.where == "squeue on x"


def test_own_words() -> None:
    text = "sbatch: error: invalid partition specified: x\nsbatch: error: Batch job failed: No\n\n"
    assert words.own_words(text) == "invalid partition specified: x; Batch job failed: No"


def test_a_script_arrives_whole_though_its_sender_is_killed(tmp_path: Path) -> None:
    """Over a pipe sbatch would read what was written so far, and submit that."""
    go, out = tmp_path / "go", tmp_path / "out"
    for path in (go, out):
        os.mkfifo(path)
    command = ["sh", "-c", f"read line < {go}; wc -c > {out}"]
    code = (
        "from jobshape.app.backends.commands.runner import Runner\n"
        f"Runner().run({command!r}, stdin='x' * 1_000_000, action=True)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code]) as sender:
        with go.open("w") as line:  # the command is there and reads
            sender.kill()
            sender.wait()
            line.write("go\n")
        assert out.read_text().strip() == "1000000"
