"""``jobshape check``: the command on this machine as a site, its texts and its document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest
from jobshape.app.check_report import Checked, as_json, schema_text, text
from jobshape.app.cli import main
from jobshape.app.domain.check import CheckLine
from jobshape.app.preflight.place import Place
from jobshape.app.preflight.registry import RULES

from .builders import script, subject

VALID = fastjsonschema.compile(json.loads(schema_text()))
RunCheck = Callable[..., tuple[int, str]]
GOOD = script("--time=5", "--mem=50M", "--mail-type=END", "-p smoke", run="python t.py $1")


@pytest.fixture
def check(own_folders: Path, capsys: pytest.CaptureFixture[str]) -> RunCheck:
    """Run ``jobshape check`` in a folder of its own, on this machine; gives code and text."""
    Path("t.py").write_text('device = "cuda"\n')

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["--site", "local", "check", *arguments])
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


def document(said: str) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(said)
    VALID(made)
    return made


def verdicts(made: dict[str, Any]) -> dict[str, str]:
    return {line["rule"]: line["verdict"] for line in made["lines"]}


def test_a_good_script_passes_every_rule(check: RunCheck) -> None:
    Path("job.sh").write_text(GOOD)
    code, said = check("job.sh", "--lr", "0.1")
    assert code == 0, said
    assert said.splitlines()[-1] == f"nothing blocks: {len(RULES)} fine"
    code, said = check("--json", "job.sh", "--lr", "0.1")
    made = document(said)
    assert (code, made["status"], made["site"]) == (0, "ok", "local")
    assert made["script"]["arguments"] == ["--lr", "0.1"]
    assert made["script"]["shape"]["memory_bytes"] == 50 << 20
    assert set(verdicts(made)) == {rule.name for rule in RULES}


def test_a_bad_script_is_blocked_rule_by_rule(check: RunCheck) -> None:
    Path("t.py").write_text('\ndevice = "cuda:0"\n')
    Path("job.sh").write_text(
        script("--time=5", "--partion=main", "-o logs/%j.out", "-c 9999",
               run="# NEEDS: data.csv\npython t.py")
    )  # fmt: skip
    code, said = check("--json", "job.sh")
    made = document(said)
    blocked = {line["rule"]: line["line"] for line in made["lines"] if line["verdict"] == "block"}
    assert (code, made["status"]) == (1, "blocked")
    assert blocked == {"directives": 3, "output": 4, "nodes_fit": 5, "inputs": 6, "pinned_gpu": 7,
                       "smoke": None, "site_accepts": blocked["site_accepts"]}  # fmt: skip
    code, said = check("job.sh")
    assert code == 1
    assert "t.py:2 pins a GPU: 'cuda:0' (line 7)" in said
    assert "fix    did you mean --partition?" in said


def test_lifted_blocks_let_it_through(check: RunCheck) -> None:
    Path("job.sh").write_text(GOOD.replace("-p smoke", "-p main"))
    assert check("job.sh")[0] == 1
    code, said = check("--lift", "smoke=one line of comment changed", "job.sh")
    assert code == 0 and "lifted one line of comment changed" in said.replace("  ", " ")
    assert said.splitlines()[-1].startswith("nothing blocks: 1 lifted")
    made = document(check("--json", "--lift", "smoke=why", "job.sh")[1])
    (lifted,) = [line for line in made["lines"] if line["lifted"]]
    assert (lifted["rule"], lifted["verdict"], lifted["lifted"]) == ("smoke", "block", "why")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--lift", "smoke", "job.sh"], "write RULE=REASON"),
        (["--lift", "smoke=", "job.sh"], "takes a reason"),
        (["--lift", "nix=x", "job.sh"], "no rule 'nix'"),
        ([], "no script is named"),
    ],
)
def test_what_cannot_be_done(check: RunCheck, arguments: list[str], words: str) -> None:
    Path("job.sh").write_text(script("--time=5"))
    code, said = check(*arguments)
    assert code == 2 and words in said and len(said.splitlines()) == 1


def test_a_script_that_is_not_there_is_blocked(check: RunCheck) -> None:
    code, said = check("--json", "nix.sh")
    made = document(said)
    assert (code, verdicts(made)) == (1, {"script": "block"})


def test_offline_looks_at_what_is_here(check: RunCheck) -> None:
    Path("job.sh").write_text(script("--time=5", "--partion=main"))
    made = document(check("--json", "--offline", "job.sh")[1])
    said = verdicts(made)
    assert (said["directives"], said["site_accepts"], said["partition"]) == (
        "block",
        "skip",
        "skip",
    )


def test_a_script_on_the_standard_input(run_python: Callable[..., Any]) -> None:
    # run_python closes the input: an empty script is what comes.
    done = run_python(["-m", "jobshape", "--site", "local", "check", "--json", "-"])
    made = document(done.stdout)
    assert done.returncode == 1 and made["script"]["path"] is None
    assert "empty" in made["lines"][0]["title"]


def test_the_policy_of_the_settings_holds(check: RunCheck, tmp_path: Path) -> None:
    Path("job.sh").write_text(script("--time=5"))
    folder = tmp_path / "config"
    folder.mkdir(exist_ok=True)
    (folder / "config.toml").write_text('[policy]\noff = ["notification"]\nwarn = ["smoke"]\n')
    code, said = check("--json", "job.sh")
    made = verdicts(document(said))
    assert code == 0 and made["smoke"] == "warn" and "notification" not in made
    code, said = check("--rules")
    assert code == 0 and len(said.splitlines()) == len(RULES)
    assert len(check("--rules", "--markdown")[1].splitlines()) == len(RULES) + 2
    assert ["notification", "off"] in [line.split()[:2] for line in said.splitlines()]
    (folder / "config.toml").write_text('[policy]\noff = ["notifiction"]\n')
    code, said = check("job.sh")
    assert code == 2 and "policy.off: no rule 'notifiction'" in said


def test_texts_of_others_are_drawn_without_control_codes() -> None:
    line = CheckLine("inputs", "block", "a\x1b[31m is not there", "b\x07", "c\u202e", 3)
    lines = list(text(Checked(subject(), [line], "local"), ascii_only=True))
    assert all(one.isprintable() for one in lines)
    assert lines[0].startswith("X  inputs  a␛[31m is not there (line 3)")
    VALID(json.loads(as_json(Checked(subject(), [line], "local"))))


def test_the_schema_names_every_field_of_a_line() -> None:
    schema = json.loads(schema_text())
    line = schema["properties"]["lines"]["items"]
    assert set(line["properties"]) == set(line["required"]) == set(CheckLine._fields)


def test_variables_of_ours_count_only_where_sbatch_runs_here() -> None:
    variables = {"SBATCH_PARTITION": "gpu"}
    assert Place("slurm", heeds_variables=True).environment(variables) == variables
    assert Place("far", ssh="login1").environment(variables) == {}
