"""Slurm's SubmitLine, read back into options, script and arguments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.scripts.directives import read_script
from jobshape.app.scripts.submit_line import NOT_AGAIN, SubmitLine, folded, read_submit_line


# The lines are what sacct of Slurm 26.05.5 showed for such commands.
@pytest.mark.parametrize(
    ("text", "path", "options", "script", "arguments", "sure", "options_sure"),
    [
        ("sbatch --parsable --hold --mem=5M -t5 -n 2 --exclusive /tmp/a.sh", "",
         {"parsable": "", "hold": "", "mem": "5M", "time": "5", "ntasks": "2", "exclusive": ""},
         "/tmp/a.sh", (), True, True),
        ("/usr/bin/sbatch run.sh one", "", {}, "run.sh", ("one",), True, True),
        ("sbatch run.sh one two", "", {}, "run.sh", ("one", "two"), False, True),
        ("sbatch -n 1 run.sh --mem=3G", "", {"ntasks": "1"}, "run.sh", ("--mem=3G",), True, True),
        ("sbatch -n1 -- run.sh -n", "", {"ntasks": "1"}, "run.sh", ("-n",), True, True),
        # -J "a b": its second half looks like the script
        ("sbatch -J a b run.sh", "", {"job-name": "a"}, "b", ("run.sh",), False, False),
        ("sbatch -J a b run.sh", "/home/x/run.sh", {"job-name": "a"}, "b", ("run.sh",), False,
         False),
        ("sbatch -J a run.sh x", "/home/x/run.sh", {"job-name": "a"}, "run.sh", ("x",), True, True),
        ("sbatch -J a ../p/run.sh x", "/p/run.sh", {"job-name": "a"}, "../p/run.sh", ("x",), True,
         True),
        ("sbatch -n 2 run.sh", "/p/other.sh", {"ntasks": "2"}, "run.sh", (), False, False),
        ("sbatch --comment=x  run.sh", "", {"comment": "x"}, "", ("run.sh",), False, False),
        ("sbatch run.sh one two three it's  tab\tx new\nline #h\n", "", {}, "run.sh",
         ("one", "two", "three", "it's", "", "tab\tx", "new\nline", "#h"), False, False),
        ("sbatch --wrap echo hi; sleep 1", "", {"wrap": "echo hi; sleep 1"}, "", (), False, False),
        ("sbatch -n1 --wrap=hostname", "", {"ntasks": "1", "wrap": "hostname"}, "", (), True, True),
        ("sbatch -n1 : -n2 /tmp/a.sh", "", {"ntasks": "1"}, ":", ("-n2", "/tmp/a.sh"), False,
         False),
        ("sbatch --frob=1 -n2 run.sh", "", {"ntasks": "2"}, "run.sh", (), False, False),
        ("sbatch -n", "", {}, "", (), False, False),
        ("sbatch -n 1 --parsable", "", {"ntasks": "1", "parsable": ""}, "", (), True, True),
        ("srun -n 2 hostname", "", {}, "", (), False, False),
        ("salloc -n 2", "", {}, "", (), False, False),
        ("", "", {}, "", (), False, False),
    ],
)  # fmt: skip
def test_lines(text: str, path: str, options: dict[str, str], script: str,
               arguments: tuple[str, ...], sure: bool, options_sure: bool) -> None:  # fmt: skip
    assert read_submit_line(text, path) == SubmitLine(
        options, script, arguments, sure, options_sure
    )


@given(st.text(), st.text())
def test_any_line_is_read(text: str, path: str) -> None:
    for line in (text, f"sbatch {text}", f"sbatch -{text} --{text}"):
        read = read_submit_line(line, path)
        assert not read.sure or read.options_sure


_WORDS = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), min_size=1)


@given(st.lists(st.sampled_from(["--mem=4G", "-n 2", "-J x", "-t30", "--hold"])), _WORDS,
       _WORDS.filter(lambda word: word != ":"))  # fmt: skip
def test_plain_commands_are_sure(options: list[str], script: str, argument: str) -> None:
    script = f"/{script.strip('/')}.sh"
    read = read_submit_line(" ".join(["sbatch", *options, script, argument]), script)
    assert read.sure and read.script == script and read.arguments == (argument,)
    assert read.options.get("ntasks") == ("2" if "-n 2" in options else None)


def test_the_command_line_wins() -> None:
    script = "#!/bin/sh\n#SBATCH --mem-per-cpu=1G -t 5 # why\n#SBATCH --requeue\ntrue\n"
    line = read_submit_line(
        "sbatch --parsable -H -d afterok:7 --mem=2G -J new --no-requeue --export-file=3 run.sh"
    )
    assert folded(script, line) == (
        "#!/bin/sh\n#SBATCH --mem=2G -t 5 # why\n#SBATCH --no-requeue\n#SBATCH --job-name=new\n"
        "true\n"
    )
    assert folded(script, read_submit_line("srun -n 2 x")) == script


@given(st.dictionaries(st.sampled_from(["mem", "ntasks", "job-name", "time", "dependency", "qos"]),
                       _WORDS))  # fmt: skip
def test_folded_options_are_read_back(options: dict[str, str]) -> None:
    script = "#!/bin/sh\n#SBATCH --mem=1G -n1\n#SBATCH -J a # b\n"
    line = SubmitLine(options, "run.sh", (), sure=True, options_sure=True)
    expected = {"mem": "1G", "ntasks": "1", "job-name": "a"}
    expected |= {name: value for name, value in options.items() if name not in NOT_AGAIN}
    assert read_script(folded(script, line)).options() == expected
