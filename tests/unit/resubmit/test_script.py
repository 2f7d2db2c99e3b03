"""The script that is sent: all of the old command line in it, corrected, nothing else touched."""

from __future__ import annotations

from typing import Any

from jobshape.app.domain.request import JobRequest
from jobshape.app.domain.resubmission import KEPT_BY_SITE, Correction
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.units import GIB
from jobshape.app.resubmit.script import Found, Made, made
from jobshape.app.scripts.directives import read_script

TEXT = '#!/bin/bash\n# kept\n#SBATCH --mem=4G  # why\n#SBATCH -t 60\n\nsrun ./train "$1"\n'
MORE = (Correction("memory_bytes", 4 * GIB, 8 * GIB, "out of memory"),)


def again(text: str = TEXT, corrections: tuple[Correction, ...] = MORE, array: str | None = None,
          arguments: tuple[str, ...] | None = None, **asked: Any) -> Made:  # fmt: skip
    known: dict[str, Any] = {
        "job": "7", "name": "train", "work_dir": "/work", "script_path": "/work/train.sh",
        "submit_line": "sbatch train.sh one",
        "shape": JobShape(partition="main", nodes=1, tasks=1, cpus_per_task=1,
                          memory_bytes=4 * GIB, time_limit_s=3600),
    }  # fmt: skip
    return made(
        Found(text, KEPT_BY_SITE, JobRequest(**{**known, **asked}), arguments), corrections, array
    )


def options(of: Made) -> dict[str, str]:
    return read_script(of.request.script).options()


def test_only_the_corrected_line_is_another() -> None:
    got = again()
    assert got.request.script == TEXT.replace("--mem=4G", "--mem=8G")
    assert got.request.arguments == ("one",)
    assert (got.request.name, got.request.work_dir) == ("train", "/work")
    assert [line for line in got.diff if line[:1] in "+-"][2:] == [
        "-#SBATCH --mem=4G  # why", "+#SBATCH --mem=8G  # why"
    ]  # fmt: skip
    assert got.warnings == ()


def test_the_command_line_comes_into_the_script() -> None:
    line = "sbatch --mem=6G -p long,main --output=logs/%A_%a --begin=now+1hour train.sh one"
    shape = JobShape(partition="main", memory_bytes=6 * GIB, time_limit_s=3600)
    got = again(submit_line=line, corrections=(), shape=shape)
    assert options(got) == {
        "mem": "6G", "time": "60", "partition": "long,main", "output": "logs/%A_%a"
    }  # fmt: skip


def test_what_was_changed_in_place_stays_changed() -> None:
    shape = JobShape(partition="long", memory_bytes=4 * GIB, time_limit_s=7200)
    got = again("#!/bin/sh\n#SBATCH -p main\n#SBATCH -t 60\ntrue\n", (), shape=shape)
    assert options(got)["partition"] == "long"
    assert options(got)["time"] == "02:00:00"


def test_defaults_of_the_site_are_not_written_down() -> None:
    got = again("#!/bin/sh\ntrue\n", ())
    assert options(got) == {}


def test_a_site_without_command_lines_has_all_of_it_written() -> None:
    got = again("#!/bin/sh\ntrue\n", (), submit_line="", arguments=("a b",), stdout="/logs/%j")
    assert options(got) == {"partition": "main", "mem": "4G", "time": "01:00:00",
                            "output": "/logs/%j"}  # fmt: skip
    assert got.request.arguments == ("a b",)


def test_the_array_is_of_just_these() -> None:
    assert options(again("#!/bin/sh\n#SBATCH -a 0-99%20\n:\n", array="3,7-19%20"))["array"] == (
        "3,7-19%20"
    )
    assert "array" not in options(again("#!/bin/sh\n#SBATCH -a 0-99%20\n:\n"))


def test_what_it_waited_for_is_dropped_and_said() -> None:
    got = again("#!/bin/sh\n#SBATCH --dependency=afterok:12\n:\n")
    assert "dependency" not in options(got)
    assert any("afterok:12" in one for one in got.warnings)
    kept = again("#!/bin/sh\n#SBATCH --dependency=singleton\n:\n")
    assert options(kept)["dependency"] == "singleton"
    assert not kept.warnings
    typed = again(submit_line="sbatch -d singleton train.sh one")
    assert options(typed)["dependency"] == "singleton"
    typed = again(submit_line="sbatch -d afterok:9 train.sh one")
    assert "dependency" not in options(typed)
    assert any("afterok:9" in one for one in typed.warnings)


def test_arguments_that_are_a_guess_are_said() -> None:
    got = again(submit_line="sbatch train.sh one two")
    assert got.request.arguments == ("one", "two")
    assert any("is a guess" in one for one in got.warnings)
    exact = again(submit_line="sbatch train.sh one two", arguments=("one two",))
    assert exact.request.arguments == ("one two",)
    assert not exact.warnings


WRAP = "#!/bin/sh\n# This script was created by sbatch --wrap.\n\n{}\n"


def test_words_of_a_wrapped_command_are_no_options() -> None:
    command = "python3 -c 'b=1' --mem=1G"
    for line in (f"sbatch --time=60 --wrap {command}", f"sbatch --wrap={command} --time=60"):
        got = again(WRAP.format(command), (), script_path="", submit_line=line)
        assert options(got) == {"time": "60"}
        assert got.request.script.endswith(WRAP.format(command).partition("\n")[2])
        assert got.request.arguments == ()
        assert not got.warnings


def test_a_wrapped_command_that_is_not_found_in_its_line_is_cut_off() -> None:
    line = "sbatch --comment=x --wrap python3 -c y"
    got = again(WRAP.format("python3  -c y"), (), script_path="", submit_line=line)
    assert options(got) == {"comment": "x", "partition": "main", "mem": "4G", "time": "01:00:00"}
    assert any("not known for sure" in one for one in got.warnings)
