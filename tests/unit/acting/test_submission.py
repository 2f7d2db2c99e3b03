"""What is sent, kept, and handed to a person: nothing twice, nothing lost."""

from __future__ import annotations

import os
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jobshape.app.acting.git import project_of
from jobshape.app.acting.hand_over import hand_over
from jobshape.app.backends.commands.backend import CommandsBackend
from jobshape.app.backends.commands.submit import parse_submitted, submit_command
from jobshape.app.backends.commands.words import error_of
from jobshape.app.domain.action import outcome_of
from jobshape.app.domain.errors import (
    BackendError,
    BadRequest,
    NotSent,
    NotSupported,
    Refused,
    Unreachable,
)
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.domain.shape import JobShape
from jobshape.app.scripts.directives import read_script
from jobshape.app.scripts.draft import Draft, Project, record_of

SCRIPT = "#!/bin/sh\n#SBATCH --job-name=train\n#SBATCH --mem=4G\necho hi\n"


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(Refused("no"), "refused"), (BadRequest("no"), "refused"), (NotSupported("no"), "refused"),
     (NotSent("away"), "refused"), (Unreachable("late"), "unknown"),
     (BackendError("the call ended in the middle"), "unknown")],
)  # fmt: skip
def test_only_a_clear_no_means_that_nothing_was_done(error: BackendError, outcome: str) -> None:
    assert outcome_of(error) == outcome


def test_a_record_has_the_name_of_the_script_and_no_environment() -> None:
    draft = Draft(SCRIPT, "/home/a/t.sh", shape=JobShape(memory_bytes=8 << 30))
    request = draft.request
    assert request.name is None and "--mem=8G" in request.script
    record = record_of(request, Project("abc", dirty=False), path=draft.path)
    assert record.name == "train"
    assert record.shape.memory_bytes == 8 << 30
    assert "environment" not in record.request
    assert (record.git_commit, record.git_dirty) == ("abc", False)
    other = record_of(Draft(SCRIPT, arguments=("x",)).request, Project())
    assert other.configuration_hash != record.configuration_hash


def test_every_template_reads_without_a_problem() -> None:
    folder = Path(read_script.__code__.co_filename).parent / "templates"
    found = sorted(folder.glob("*.sh"))
    assert {path.stem for path in found} == {
        "data_fetching", "preprocessing", "caching", "training", "eval",
    }  # fmt: skip
    for path in found:
        script = read_script(path.read_text())
        assert not script.errors() and "{{command}}" in script.text


def test_a_script_that_could_not_be_sent_can_be_sent_by_hand(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    fake = tmp_path / "sbatch"
    fake.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {seen}\n')
    fake.chmod(0o755)
    request = SubmitRequest(SCRIPT, ("a b", "$c"), name="odd; name", work_dir="/x y")
    path, command = hand_over(request, tmp_path / "unsent")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert path.read_text() == SCRIPT
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", command], env=environment, check=True)
    assert seen.read_text().splitlines() == [
        "--job-name=odd; name", "--chdir=/x y", str(path), "a b", "$c",
    ]  # fmt: skip
    again, _ = hand_over(request, tmp_path / "unsent")
    assert again != path
    assert hand_over(request, tmp_path / "unsent", ssh="login1")[1].startswith("ssh login1 ")


@settings(max_examples=30)
@given(name=st.text(max_size=80), argument=st.text(st.characters(exclude_characters="\0\n")))
@example("../../etc/x", "$(touch x)")
@example("-rf", "; rm")
@example("", "")
def test_an_odd_name_leads_nowhere_else(
    tmp_path_factory: pytest.TempPathFactory, name: str, argument: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / "unsent"
    path, command = hand_over(SubmitRequest(SCRIPT, (argument,), name=name), folder)
    assert path.parent == folder and path.resolve() == path
    assert path.name.isascii() and not path.name.startswith(("-", "."))
    said = [f"--job-name={name}"] if name else []
    assert shlex.split(command) == ["sbatch", *said, str(path), argument]
    path.unlink()


@pytest.mark.skipif(not shutil.which("git"), reason="git is missing")
def test_the_commit_and_whether_there_are_changes(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        names = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *names, *words], cwd=tmp_path, check=True, capture_output=True)

    assert project_of(tmp_path / "nowhere") == Project()
    git("init", "-q")
    assert project_of(tmp_path) == Project()
    (tmp_path / "a").write_text("a")
    git("add", "a")
    git("commit", "-qm", "a")
    found = project_of(tmp_path)
    assert len(found.commit) == 40 and found.dirty is False
    (tmp_path / "a").write_text("b")
    assert project_of(tmp_path).dirty is True
    mark = tmp_path / "ran"
    git("config", "filter.odd.clean", f"touch {mark}; cat")
    (tmp_path / ".git" / "info" / "attributes").write_text("* filter=odd\n")
    (tmp_path / "a").write_text("c")
    assert project_of(tmp_path).dirty is None
    assert not mark.exists()


def wrapper(tmp_path: Path, text: str) -> str:
    path = tmp_path / "team-submit"
    path.write_text(f"#!/bin/sh\necho x >> {tmp_path}/starts\n{text}\n")
    path.chmod(0o755)
    return str(path)


def test_a_wrapper_gets_options_and_a_script_that_it_can_read(tmp_path: Path) -> None:
    name = wrapper(tmp_path, f'printf "%s\\n" "$@" > {tmp_path}/args\nfor last; do :; done\n'
                   f'cat "$last" > {tmp_path}/script\necho Submitted batch job 77')  # fmt: skip
    request = SubmitRequest(SCRIPT, name="n", command=(name, "--team"))
    assert CommandsBackend().submit(request) == 77
    words = (tmp_path / "args").read_text().split()
    assert words[:3] == ["--team", "--parsable", "--job-name=n"] and words[-1].endswith(".sh")
    assert (tmp_path / "script").read_text() == SCRIPT
    assert not Path(words[-1]).exists()


@pytest.mark.parametrize(
    "end", ['echo "Job 77 submitted"', 'echo "Connection refused" >&2; exit 1']
)
def test_a_wrapper_whose_end_is_unclear_is_not_run_again(tmp_path: Path, end: str) -> None:
    request = SubmitRequest(SCRIPT, command=(wrapper(tmp_path, end),))
    with pytest.raises(Unreachable) as caught:
        CommandsBackend().submit(request)
    assert outcome_of(caught.value) == "unknown"
    assert (tmp_path / "starts").read_text() == "x\n"


def test_the_id_in_what_is_said() -> None:
    assert parse_submitted("12\n") == 12
    assert parse_submitted("12;cluster\n") == 12
    assert parse_submitted("note\nSubmitted batch job 34\n") == 34
    assert parse_submitted("Submitted batch job 34 on cluster b\n") == 34
    assert parse_submitted("34 jobs are too many\n") is None
    assert submit_command(SubmitRequest(SCRIPT), test_only=True)[:2] == ["sbatch", "--test-only"]


def test_a_garbled_answer_is_unclear_only_of_a_submission() -> None:
    said = "error: Unexpected message received"
    assert outcome_of(error_of("sbatch", said, 1)) == "unknown"
    assert outcome_of(error_of("scontrol", said, 1)) == "refused"
    assert outcome_of(error_of("sbatch", "", -9)) == "unknown"
