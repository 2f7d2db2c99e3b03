"""Commands of a manifest: real ones, ended with all they started when time is up."""

import os
import time
from pathlib import Path

import pytest
from jobshape.app.rounds.commanding import Ended, command_shown, run_command


def sh(text: str, folder: Path, longest_s: float = 60) -> Ended:
    return run_command(["sh", "-c", text], folder, longest_s)


def test_how_it_ended_and_what_it_said_last(tmp_path: Path) -> None:
    assert sh("pwd; exit 0", tmp_path) == Ended(0, str(tmp_path))
    assert sh("echo out; echo one >&2; echo two >&2; echo >&2; exit 4", tmp_path) == Ended(4, "two")
    assert str(sh("kill -9 $$", tmp_path)) == "was ended by signal 9"
    assert str(sh("exit 4", tmp_path)) == "ended with 4"
    assert sh("read line || exit 7", tmp_path).code == 7  # nobody types
    assert sh(r"printf '\033[2J\377' >&2", tmp_path) == Ended(0, "␛[2J\N{REPLACEMENT CHARACTER}")


def test_words_are_no_shell_line(tmp_path: Path) -> None:
    assert run_command(["echo", "$HOME", "; false", "é"], tmp_path).last == "$HOME ; false é"
    assert command_shown(["echo", "a b\x1b"]) == "echo 'a b␛'"


@pytest.mark.parametrize(
    ("words", "why"),
    [(["no-such-command"], "No such file"), (["."], "ermission"), (["a\ud800"], "surrogates")],
)
def test_what_cannot_start_says_why(tmp_path: Path, words: list[str], why: str) -> None:
    ended = run_command(words, tmp_path)
    assert ended.code is None
    assert ended.trouble.startswith("cannot be started: ")
    assert why in ended.trouble


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "none") in str(run_command(["true"], tmp_path / "none"))


def test_a_lot_of_output_is_not_kept(tmp_path: Path) -> None:
    ended = sh("head -c 20000000 /dev/zero | tr '\\0' x; echo end", tmp_path)
    assert ended == Ended(0, ended.last)
    assert len(ended.last) == 200
    assert ended.last.endswith("xend")


def test_when_time_is_up_all_it_started_ends(tmp_path: Path) -> None:
    ended = sh("sleep 600 & echo $! >child; echo waiting >&2; wait", tmp_path, 2.0)
    assert ended == Ended(None, "waiting", "took longer than 2 s and was ended")
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 20
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(child)


def test_it_may_close_its_outputs_and_hang_all_the_same(tmp_path: Path) -> None:
    ended = sh("exec >&- 2>&-; exec sleep 600", tmp_path, 0.3)
    assert ended.trouble == "took longer than 0.3 s and was ended"


def test_what_it_leaves_behind_holds_nobody_up(tmp_path: Path) -> None:
    began = time.monotonic()
    ended = sh("sleep 600 & echo $!; exit 5", tmp_path)
    os.kill(int(ended.last), 9)
    assert ended.code == 5
    assert time.monotonic() - began < 30


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
