"""The script of an array, run by a real bash: every word arrives as it was."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jobshape.app.domain.errors import BadRequest
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.domain.shape import JobShape
from jobshape.app.rounds.array_script import (
    MOST_SCRIPT_BYTES,
    Run,
    comment_of,
    fits,
    job_name,
    key_of,
    new_key,
    script_of,
    submission,
)
from jobshape.app.scripts.directives import read_script

SHAPE = JobShape(memory_bytes=1 << 30)
ECHO = 'import sys; print(ascii([sys.argv[1:], __import__("os").environ.get("X")]))'
WORDS = st.lists(
    st.text(st.one_of(st.sampled_from("'\"$`\\\n\r\t !*;|&#\x1b\x7f\x01é\u2028"),
                      st.characters(min_codepoint=1, exclude_categories=["Cs"])), max_size=12),
    max_size=4,
)  # fmt: skip


def execute(
    folder: Path, script: str, task: int | None = None, arguments: Sequence[str] = ()
) -> "subprocess.CompletedProcess[bytes]":
    """As slurmd does: the script is a file, the task is in the environment."""
    path = folder / "slurm_script"
    path.write_bytes(script.encode("utf-8", "surrogateescape"))
    path.chmod(0o700)
    given = {} if task is None else {"SLURM_ARRAY_TASK_ID": str(task)}
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", **given}
    return subprocess.run(
        [path, *arguments], capture_output=True, env=environment, timeout=60, check=False
    )


def send(*runs: Run) -> SubmitRequest:
    return submission(runs, name="p-f-k", comment="c", folder="/work")


@settings(max_examples=40, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(WORDS, WORDS, st.text(st.characters(min_codepoint=1, exclude_categories=["Cs"])))
def test_words_arrive_unchanged(
    tmp_path: Path, first: list[str], second: list[str], value: str
) -> None:
    command = (sys.executable, "-X", "utf8", "-c", ECHO)
    runs = [Run((*command, *first), SHAPE), Run((*command, *second), SHAPE, "", {"X": value})]
    script = script_of(runs)
    assert "\r" not in script
    assert len(script.split("\n")) == len(script_of([Run(("a",), SHAPE), runs[1]]).split("\n"))
    for task, wanted in enumerate(([first, None], [second, value])):
        done = execute(tmp_path, script, task)
        assert (done.stdout.decode().strip(), done.stderr) == (ascii(wanted), b"")


def test_a_word_that_is_no_utf_8_arrives(tmp_path: Path) -> None:
    words = ("sh", "-c", 'printf %s "$1"', "sh", "a\udcff\n'\udce9")
    assert execute(tmp_path, script_of([Run(words, SHAPE)])).stdout == b"a\xff\n'\xe9"


def test_no_task_of_that_number_is_an_error(tmp_path: Path) -> None:
    done = execute(tmp_path, script_of([Run(("true",), SHAPE)] * 2), 2)
    assert (done.returncode, b"no task 2" in done.stderr) == (2, True)


BASH = """\
#!/bin/bash -u
#SBATCH --mem=2G
# NEEDS: data.bin
set -e
cat <<'END'
$not "a" `word`
END
printf '%s|' "$@" "$#"
(exit 7)
echo never
"""


def test_a_stage_script_runs_as_it_is(tmp_path: Path) -> None:
    runs = [Run(("a b", "$HOME", ""), SHAPE, BASH), Run(("x",), SHAPE, BASH)]
    script = script_of(runs)
    done = execute(tmp_path, script, 0)
    assert done.stdout == b'$not "a" `word`\na b|$HOME||3|'
    assert (done.returncode, done.stderr) == (7, b"")
    assert read_script(script).options() == {"mem": "2G"}
    assert "# NEEDS: data.bin" in script.split("\n")[:4]


@pytest.mark.parametrize("size", [0, 200_000], ids=["pipe", "file"])
def test_a_script_of_another_interpreter(tmp_path: Path, size: int) -> None:
    """bash hands a long heredoc over in a file, a short one in a pipe."""
    python = (
        "#!/usr/bin/env python3\n#SBATCH --mem=1G\nimport sys\n"
        f"# {'x' * size}\nprint(sys.argv[1:])\nsys.exit(5)"
    )
    done = execute(tmp_path, script_of([Run(("a 'b'",), SHAPE, python)] * 2), 1)
    assert (done.stdout, done.returncode, done.stderr) == (b"[\"a 'b'\"]\n", 5, b"")


def test_signals_reach_the_stage_script(tmp_path: Path) -> None:
    trapping = "#!/bin/bash\ntrap 'echo saved; exit 9' USR1\necho ready\nwhile :; do read -t 5 <> "
    trapping += f"{tmp_path}/never; done\n"
    os.mkfifo(tmp_path / "never")
    path = tmp_path / "slurm_script"
    path.write_text(script_of([Run((), SHAPE, trapping)] * 2))
    with subprocess.Popen(["bash", path], stdout=subprocess.PIPE,
                          env={**os.environ, "SLURM_ARRAY_TASK_ID": "0"}) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == b"saved\n"
    assert process.returncode == 9


def test_one_job_of_a_script_is_the_script_itself() -> None:
    request = send(Run(("a b",), SHAPE, BASH))
    assert (request.script, request.arguments, request.array) == (BASH, ("a b",), None)
    assert request.stdout == "/work/jobshape-logs/p-f-k-%j.log"
    assert request.memory_bytes == 1 << 30
    assert send(Run((), SHAPE, BASH, {"X": "1"})).arguments == ()


def test_logs_of_tasks_are_never_one_file() -> None:
    def logs(options: str, tasks: int) -> tuple[str | None, str | None]:
        request = send(*[Run((), SHAPE, f"#!/bin/sh\n#SBATCH {options}\ntrue\n")] * tasks)
        return request.stdout, request.stderr

    ours = "/work/jobshape-logs/p-f-k-%A_%a.log"
    assert logs("--output=mine.log", 1) == (None, None)
    assert logs("--output=mine-%3a.log --error=e%j", 2) == (None, None)
    assert logs("--output=mine-%%a.log --error=e%A", 2) == (ours, ours)


@pytest.mark.parametrize(
    ("script", "words", "why"),
    [
        ("#!/bin/sh\n#SBATCH --array=0-3\n", (), "an array by itself"),
        ("#!/bin/sh\n#SBATCH -n1\n#SBATCH hetjob\n#SBATCH -n1\n", (), "heterogeneous"),
        ("echo\n", (), "does not start with #!"),
        ("", ("a\0b",), "NUL"),
    ],
)
def test_what_cannot_be_one_script(script: str, words: tuple[str, ...], why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        send(*[Run(words, SHAPE, script)] * 2)


def test_quotes_count_towards_the_size_of_a_script() -> None:
    runs = [Run(("'" * 50_000,), SHAPE)] * 40
    count = fits(runs)
    assert 1 < count < 40
    assert len(script_of(runs[:count])) <= MOST_SCRIPT_BYTES < len(script_of(runs[: count + 1]))
    assert fits([Run(("x" * (MOST_SCRIPT_BYTES + 1),), SHAPE)]) == 1


def test_a_key_is_found_in_comment_and_name() -> None:
    key = new_key()
    assert key_of(comment_of("p", "s", key)) == key
    assert job_name("p", "f", key).endswith(f"-{key}")
    assert key_of(f"somebody's key={key}") == ""
