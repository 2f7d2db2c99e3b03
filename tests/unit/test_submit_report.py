"""``jobshape submit``: what is looked at, changed, sent, kept, and handed over to a person."""

from __future__ import annotations

import json
import shlex
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.backends.commands import runner
from jobshape.app.cli import main
from jobshape.app.domain.action import ActionRecord, SubmissionRecord
from jobshape.app.history.history import History
from jobshape.app.settings.folders import state_folder

SCRIPT = "#!/bin/bash\n#SBATCH --time=5\n#SBATCH --mem=100M  # seen\n#SBATCH -p {}\nsrun true\n"
DEAD = "squeue: error: Unable to contact slurm controller (connect failure)"
LATE = "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation"
COMMANDS = ("squeue", "sbatch", "scontrol", "sinfo", "sacct", "sacctmgr", "sdiag", "scancel")

RunSubmit = Callable[..., tuple[int, str]]


@pytest.fixture
def submit(own_folders: Path, capsys: pytest.CaptureFixture[str]) -> RunSubmit:
    """Run ``jobshape submit`` of ``job.sh`` in a folder of its own; gives code and text."""
    Path("job.sh").write_text(SCRIPT.format("smoke"))

    def run(*options: str, site: tuple[str, ...] = ("--site", "local")) -> tuple[int, str]:
        code = main([*site, "submit", *options])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def document(said: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(said)
    assert made["schema"] == "jobshape.submit/1"
    return made


def test_a_dry_run_shows_the_script_and_sends_nothing(submit: RunSubmit) -> None:
    before = Path("job.sh").read_bytes()
    code, said = submit("--dry-run", "--mem=+20%", "--time=x2", "-c", "2", "job.sh", "--lr", "1")
    assert code == 0, said
    lines = said.splitlines()
    assert "would submit job.sh" in lines
    assert "#SBATCH --mem=120M  # seen" in lines and "#SBATCH --time=00:10:00" in lines
    assert "#SBATCH --cpus-per-task=2" in lines and "#SBATCH -p smoke" in lines
    assert Path("job.sh").read_bytes() == before
    assert not (state_folder() / "history.db").exists()


def test_a_dry_run_as_json(submit: RunSubmit) -> None:
    code, said = submit("--dry-run", "--json", "--comment=a b", "job.sh", "--lr", "1")
    made = document(said)
    assert (code, made["status"]) == (0, "dry-run")
    assert made["request"]["arguments"] == ["--lr", "1"]
    assert made["request"]["comment"] == "a b"
    assert "environment" not in made["request"]
    assert made["script"] == Path("job.sh").read_text()
    assert {line["verdict"] for line in made["checks"]} <= {"pass", "warn", "skip"}


def test_what_the_preflight_blocks_is_not_sent(submit: RunSubmit) -> None:
    Path("job.sh").write_text(SCRIPT.format("main"))
    made = document(submit("--json", "job.sh")[1])
    assert (made["status"], made["reason"]) == ("blocked", "preflight")
    assert [line["rule"] for line in made["checks"] if line["verdict"] == "block"] == ["smoke"]
    code, said = submit("--dry-run", "job.sh")
    assert code == 1 and said.splitlines()[-1].startswith("not submitted; a block is lifted")
    code, said = submit("--dry-run", "--lift", "smoke=a comment changed", "job.sh")
    assert code == 0 and "would submit job.sh" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--mem=lots", "job.sh"], "--mem: 'lots'"),
        (["--time=1:2:3:4", "job.sh"], "--time: '1:2:3:4'"),
        (["--cpus-per-task=x2", "job.sh"], "--cpus-per-task: 'x2'"),  # of what, it does not say
        (["--lift", "smoke", "job.sh"], "RULE=REASON"),
        (["nowhere.sh"], "nowhere.sh"),
        (["--read-only", "job.sh"], "read-only"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(
    submit: RunSubmit, options: list[str], words: str
) -> None:
    if options[0] == "--read-only":
        code, said = submit(*options[1:], site=("--site", "local", "--read-only"))
    else:
        code, said = submit(*options)
    assert code == 2 and words in said, said
    assert len(said.splitlines()) == 1


LOCAL = ("--site", "local")


@pytest.mark.parametrize(
    ("site", "options", "status", "where", "words"),
    [
        (LOCAL, ["--mem=lots", "job.sh"], "bad_request", "--mem", "'lots'"),
        (LOCAL, ["--lift", "smoke", "job.sh"], "bad_request", "--lift", "RULE=REASON"),
        (LOCAL, ["nowhere.sh"], "bad_request", "nowhere.sh", "no such file"),
        ((*LOCAL, "--read-only"), ["job.sh"], "refused", None, "read-only"),
        (("--site", "slurm"), ["job.sh"], "no_site", None, "slurm"),
        (LOCAL, ["job.sh"], "bad_request", "config.toml", "smok"),
    ],
)
def test_what_cannot_be_done_is_a_document_for_scripts(
    submit: RunSubmit, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, site: tuple[str, ...], options: list[str], status: str,
    where: str | None, words: str,
) -> None:  # fmt: skip
    if where == "config.toml":
        (tmp_path / "config").mkdir(exist_ok=True)
        (tmp_path / "config" / where).write_text("[policy]\nsmok = 3\n")
    monkeypatch.setenv("PATH", "/nowhere")  # no Slurm
    assert main([*site, "submit", "--json", *options]) == 2
    said = capsys.readouterr()
    made = document(said.out)
    assert made["status"] == status
    assert set(made) == {"schema", "status", "what", "where", "hint"}
    assert words in f"{made['what']} {made['hint']}"
    assert made["where"] == where or (where and where in made["where"])
    (line,) = said.err.splitlines()
    assert made["what"] in line


# --- a Slurm whose commands are played --------------------------------------------------------


@pytest.fixture
def programs(own_folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Slurm's commands, none of which reaches a controller; alone on PATH with the system's."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in COMMANDS:
        program(folder, name, f"echo '{DEAD}' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.delenv("SLURM_CONF", raising=False)
    monkeypatch.setattr(runner, "_BACKOFF_S", 0.0)
    return folder


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


SLURM = ("--site", "slurm", "--backend", "commands")


def test_a_site_that_is_away_leaves_a_script_and_its_command(
    submit: RunSubmit, programs: Path
) -> None:
    code, said = submit("--json", "--mem=x2", "-J", "a; b", "job.sh", "c d", site=SLURM)
    made = document(said)
    assert (code, made["status"], made["reason"]) == (1, "blocked", "unreachable")
    assert made["may_have_been_sent"] is False
    assert "Unable to contact" in made["what"]
    path = Path(made["script"])
    assert path.parent == state_folder() / "unsent"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "#SBATCH --mem=200M  # seen" in path.read_text()
    assert shlex.split(made["command"]) == ["sbatch", "--job-name=a; b", str(path), "c d"]
    said = submit("job.sh", site=SLURM)[1]
    assert "not submitted: " in said and "to send it by hand: sbatch " in said
    assert "may have arrived" not in said


CLUSTER = "ClusterName = toy\nSLURM_VERSION = 22.05.8\n"
SAYS_ITS_NAME = f"""case "$*" in *config*) printf '{CLUSTER}';; *) exit 1;; esac"""


def kept() -> tuple[SubmissionRecord, ActionRecord]:
    """The one submission in history, and the action that it is."""
    history = History.to_read(state_folder() / "history.db")
    assert history is not None
    with history:
        (record,) = history.submissions("toy")
        (action,) = history.actions("toy", limit=9)
    return record, action


def test_an_answer_that_never_came_is_said_and_kept(submit: RunSubmit, programs: Path) -> None:
    program(programs, "scontrol", SAYS_ITS_NAME)
    program(programs, "sbatch", f"""case "$*" in *test-only*) echo '{DEAD}' >&2; exit 1;; esac
echo x >> starts; echo '{LATE}' >&2; exit 1""")  # fmt: skip
    code, said = submit("--json", "job.sh", site=SLURM)
    made = document(said)
    assert (code, made["status"], made["reason"]) == (1, "blocked", "unreachable")
    assert made["may_have_been_sent"] is True
    assert Path("starts").read_text() == "x\n"
    record, action = kept()
    assert record.script == Path("job.sh").read_text()
    assert action.outcome == "unknown" and "timed out" in action.words


def test_a_refusal_is_said_in_the_controllers_words(
    submit: RunSubmit, programs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(programs, "scontrol", SAYS_ITS_NAME)
    program(
        programs,
        "sbatch",
        f"""case "$*" in *test-only*) echo '{DEAD}' >&2; exit 1;; esac
echo 'sbatch: error: Batch job submission failed: Invalid qos specification' >&2; exit 1""",
    )
    code, said = submit("job.sh", site=SLURM)
    assert code == 2 and "Invalid qos specification" in said
    assert kept()[1].outcome == "refused"
    assert not (state_folder() / "unsent").exists()
    assert main([*SLURM, "submit", "--json", "job.sh"]) == 2
    made = document(capsys.readouterr().out)
    assert made["status"] == "refused" and "Invalid qos specification" in made["what"]


def test_a_wrapper_takes_the_place_of_sbatch(
    submit: RunSubmit, programs: Path, tmp_path: Path
) -> None:
    program(programs, "scontrol", SAYS_ITS_NAME)
    program(
        programs,
        "sbatch",
        f"""case "$*" in *test-only*) echo '{DEAD}' >&2; exit 1;; esac
printf "%s\\n" "$@" > {tmp_path}/args; echo 77""",
    )
    program(programs, "team-submit", 'test "$1" = --team && shift && exec sbatch "$@"')
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "config.toml").write_text(
        '[policy]\nsubmit_command = ["team-submit", "--team"]\n'
    )
    code, said = submit("--json", "--reason", "round 2", "job.sh", "a", site=SLURM)
    made = document(said)
    assert (code, made["status"], made["job"], made["note"]) == (0, "submitted", 77, None)
    words = (tmp_path / "args").read_text().split()
    assert words[0] == "--parsable" and words[-1] == "a"
    record, action = kept()
    assert (record.reason, record.arguments, action.outcome) == ("round 2", ("a",), "done")
    assert record.script_path == str(Path("job.sh").absolute())
