"""Rules on the script, the disks, the queue and what was sent before: each one both ways."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from jobshape.app.domain.units import GIB, MIB
from jobshape.app.preflight.facts import (
    FileFacts,
    Need,
    Output,
    PastFacts,
    Quota,
    Sent,
    Source,
)
from jobshape.app.preflight.subject import unreadable
from jobshape.app.settings.values import Policy

from .builders import FACTS, FILES, SITE, judge, own, queued, script, subject, the

ROLES = {"main": "production", "smoke": "smoke"}


def with_files(**fields: Any) -> Any:
    return replace(FACTS, files=replace(FILES, **fields))


def with_past(*sent: Sent, trouble: str = "", **fields: Any) -> Any:
    facts = queued(*fields.pop("queue", ()))
    return replace(facts, past=PastFacts(trouble, sent), roles=fields.pop("roles", ROLES))


# --- the script -----------------------------------------------------------------------------


def test_a_script_that_is_one() -> None:
    line = the("script")
    assert (line.verdict, line.title) == ("pass", "a script of /bin/bash")


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("srun true\n", "the first line does not start with #!"),
        ("", "the script is empty"),
        ("#!/bin/bash\r\ntrue\r\n", "lines end as on DOS (\\r\\n), which sbatch refuses"),
        ("#!/bin/bash\n\0\n", "the script holds a NUL character"),
    ],
)
def test_what_is_no_script(text: str, title: str) -> None:
    lines = judge("script", subject(text=text or " "))
    assert (lines[0].verdict, lines[0].title) == ("block", title)


def test_a_script_that_cannot_be_read_is_all_that_is_said() -> None:
    gone = unreadable("nix.sh", "there is no such file", "check the path", "/work")
    (line,) = judge("script", gone)
    assert (line.verdict, line.title) == ("block", "there is no such file")
    assert judge("directives", gone) == judge("partition", gone) == []


def test_lines_that_sbatch_understands() -> None:
    line = the("directives", "--time=5 -N 1")
    assert (line.verdict, line.title) == ("pass", "2 options in #SBATCH lines")


def test_an_unknown_option_is_named_with_its_line_and_a_near_match() -> None:
    (line,) = judge("directives", subject("--time=5", "--partion=main"))
    assert (line.verdict, line.line) == ("block", 3)
    assert "--partion" in line.title and "--partition" in line.fix


def test_a_value_that_sbatch_refuses_is_named_with_its_line() -> None:
    (line,) = judge("directives", subject("--time=5", "--nodes=two"))
    assert (line.verdict, line.line) == ("block", 3)
    assert "--nodes" in line.title


def test_a_line_that_does_nothing_is_only_warned_of() -> None:
    (line,) = judge("directives", subject(run="true\n#SBATCH --time=5"))
    assert (line.verdict, line.line) == ("warn", 3)


# --- pinned GPUs, checkpoints, who is told --------------------------------------------------


def test_no_gpu_is_pinned() -> None:
    line = the("pinned_gpu", facts=with_files(sources=(Source(2, "t.py", 'd = "cuda"\n'),)))
    assert (line.verdict, line.title) == (
        "pass",
        "no GPU is pinned in the script and 1 Python file",
    )


def test_pinned_gpus_are_named_by_file_and_line() -> None:
    asked = subject(run="export CUDA_VISIBLE_DEVICES=1\npython t.py")
    facts = with_files(sources=(Source(3, "t.py", '# cuda:1\nd = "cuda:0"\n'),))
    lines = judge("pinned_gpu", asked, facts)
    assert [(one.verdict, one.title, one.line) for one in lines] == [
        ("block", "the script pins a GPU: CUDA_VISIBLE_DEVICES=1", 2),
        ("block", "t.py:2 pins a GPU: 'cuda:0'", 3),
    ]


def test_python_in_the_script_itself_is_read_as_well() -> None:
    run = "echo hi\npython3 - \\\n  --x <<'END'\nimport torch\n# cuda:1\nd = 'cuda:2'\nEND\ntrue"
    (line,) = judge("pinned_gpu", subject("--time=5", run=run))
    assert (line.verdict, line.line) == ("block", 8)
    assert "cuda:2" in line.title


def test_a_python_file_that_was_not_read_is_no_pass() -> None:
    facts = with_files(sources=(Source(2, "t.py", "", "it is not in /work"),))
    assert [one.verdict for one in judge("pinned_gpu", subject(), facts)] == ["skip"]
    facts = replace(FACTS, files=FileFacts(trouble="the job's disks are those of login1"))
    asked = subject(run="python t.py")
    assert [one.verdict for one in judge("pinned_gpu", asked, facts)] == ["skip"]


@pytest.mark.parametrize(
    ("options", "run", "source", "verdict"),
    [
        (["--time=7:59:00"], "true", "", "pass"),
        (["--time=8:00:00"], "true", "", "warn"),
        (["--time=UNLIMITED"], "true", "", "warn"),
        (["--time=9:00:00", "--requeue"], "true", "", "pass"),
        (["--time=9:00:00", "--signal=B:USR1@60"], "true", "", "pass"),
        (["--time=9:00:00"], "# CHECKPOINT: every epoch, see train.py", "", "pass"),
        (["--time=9:00:00"], "python t.py --resume last", "", "pass"),
        (["--time=9:00:00"], "python t.py", "save_checkpoint(m)", "pass"),
        (["--time=9:00:00"], "python t.py", "# save_checkpoint(m)", "warn"),
    ],
)
def test_checkpoint(options: list[str], run: str, source: str, verdict: str) -> None:
    facts = with_files(sources=(Source(4, "t.py", source),) if source else ())
    (line,) = judge("checkpoint", subject(*options, run=run), facts)
    assert line.verdict == verdict


def test_notification() -> None:
    assert the("notification", "--mail-type=END,FAIL").verdict == "pass"
    assert the("notification", "--mail-type=NONE").verdict == "warn"
    assert the("notification").verdict == "warn"
    assert the("notification", facts=replace(FACTS, told_by="it rings")).verdict == "pass"
    (line,) = judge("notification", subject(), FACTS, Policy(block=("notification",)))
    assert line.verdict == "block"


# --- disks ----------------------------------------------------------------------------------


def test_output() -> None:
    assert the("output").verdict == "pass"
    gone = Output("/work/logs", "the output folder /work/logs is not there", missing=True)
    line = the("output", "--output=logs/%j.out", facts=with_files(output=gone))
    assert (line.verdict, line.fix, line.line) == ("block", "mkdir -p /work/logs", 2)
    newer = replace(with_files(output=gone), site=replace(SITE, scheduler="slurm 24.11.5"))
    assert the("output", "--output=logs/%j.out", facts=newer).verdict == "pass"
    unsure = Output("/work", unsure="the output folder depends on the job's id: /work/%j")
    assert the("output", facts=with_files(output=unsure)).verdict == "warn"
    assert the("output", facts=replace(FACTS, files=FileFacts(trouble="slow"))).verdict == "skip"


def test_disk() -> None:
    assert the("disk").verdict == "pass"
    little = Output("/work", free_bytes=200 * MIB)
    assert the("disk", facts=with_files(output=little)).verdict == "warn"
    no_files = Output("/work", free_bytes=GIB * 9, free_files=3)
    assert the("disk", facts=with_files(output=no_files)).verdict == "warn"
    assert the("disk", facts=replace(FACTS, files=FileFacts(trouble="slow"))).verdict == "skip"


@pytest.mark.parametrize(
    ("quota", "title"),
    [
        (Quota("/home", 90, 80, 100, True), "the quota on /home is used up"),
        (Quota("/home", 97, None, 100, False), "the quota on /home is nearly used up"),
        (Quota("/home", 50, 80, 100, False), "50G free in /work"),
    ],
)
def test_quota(quota: Quota, title: str) -> None:
    assert the("disk", facts=with_files(quotas=(quota,))).title == title


def test_inputs() -> None:
    assert the("inputs").verdict == "pass"
    asked = subject(run="# NEEDS: data/*.csv\n# NEEDS: m.pt\ntrue")
    needs = (Need(2, "data/*.csv", True), Need(3, "m.pt", False))
    lines = judge("inputs", asked, with_files(needs=needs))
    assert [(one.verdict, one.line) for one in lines] == [("pass", 2), ("block", 3)]
    assert judge("inputs", asked)[0].verdict == "skip"


# --- the queue and the past -----------------------------------------------------------------

SAME = Sent(7, "main", "", "RUNNING", same=True)


def test_the_same_job_is_not_sent_twice() -> None:
    facts = with_past(SAME, queue=(own(7),))
    line = the("duplicate", facts=facts)
    assert (line.verdict, line.title) == ("block", "job 7 is the same, and RUNNING")


@pytest.mark.parametrize(
    ("sent", "options", "state"),
    [
        (SAME, [], "COMPLETED"),  # it is over
        (SAME._replace(same=False), [], "RUNNING"),  # another text, or other arguments
        (SAME._replace(array="0-9"), ["--array=10-19"], "RUNNING"),  # other tasks
        (SAME._replace(partition="smoke"), ["-p main"], "RUNNING"),  # a trial of it
    ],
)
def test_what_is_not_the_same_job(sent: Sent, options: list[str], state: str) -> None:
    facts = with_past(sent, queue=(own(7, state),))
    assert the("duplicate", *options, facts=facts).verdict == "pass"


def test_a_job_with_the_same_script_that_history_does_not_know_is_warned_of() -> None:
    facts = replace(FACTS, site=replace(SITE, queue=(own(9),), same_script=("9",)))
    line = the("duplicate", facts=facts)
    assert (line.verdict, line.title) == ("warn", "job 9 has the same script, name and folder")


def test_a_job_that_ends_for_this_one_is_not_counted() -> None:
    full = queued(*(own(number) for number in range(5)))
    assert the("in_flight", facts=replace(full, replaced=frozenset({4}))).verdict == "block"
    two = replace(full, replaced=frozenset({3, 4}))  # the first of them is sent again as well
    assert the("in_flight", facts=two).title == "3 of 4 jobs in the queue"
    same = replace(with_past(SAME, queue=(own(7),)), replaced=frozenset({7}))
    assert the("duplicate", facts=same).verdict == "pass"
    task, rest = own(11, whole_id=10), own(10, "PENDING", whole_id=10)
    array = replace(queued(task, rest), replaced=frozenset({11}))
    assert the("in_flight", facts=array).title == "1 of 4 jobs in the queue"


def test_jobs_in_flight() -> None:
    array = [own(n, whole_id=10) for n in range(10, 60)]
    facts = queued(own(1), own(2, "PENDING"), own(3, "COMPLETED"), *array)
    assert the("in_flight", facts=facts).title == "3 of 4 jobs in the queue"
    full = queued(*(own(number) for number in range(4)))
    assert the("in_flight", facts=full).verdict == "block"
    (line,) = judge("in_flight", subject(), full, Policy(jobs_in_flight=0))
    assert line.verdict == "pass"
    (line,) = judge("in_flight", subject(), replace(full, most_jobs=2), Policy(jobs_in_flight=0))
    assert line.verdict == "block" and "the site's page" in line.why


PASSED = Sent(5, "smoke", "", "COMPLETED", same=False)


@pytest.mark.parametrize(
    ("sent", "options", "verdict"),
    [
        ((), ["-p main"], "block"),
        ((PASSED,), ["-p main"], "pass"),
        ((PASSED._replace(state="FAILED"),), ["-p main"], "block"),
        ((PASSED._replace(state="RUNNING"),), ["-p main"], "block"),
        ((PASSED._replace(partition="main"),), ["-p main"], "block"),
        ((PASSED._replace(state="FAILED"), PASSED), ["-p main"], "pass"),
        ((), ["-p smoke"], "pass"),
    ],
)
def test_smoke(sent: tuple[Sent, ...], options: list[str], verdict: str) -> None:
    assert the("smoke", *options, facts=with_past(*sent)).verdict == verdict


def test_smoke_as_the_policy_has_it() -> None:
    facts = with_past()
    (line,) = judge("smoke", subject(), facts, Policy(smoke="advised"))
    assert line.verdict == "warn" and "--partition=smoke" in line.fix
    assert judge("smoke", subject(), facts, Policy(smoke="off")) == []
    assert the("smoke", facts=with_past(roles={"main": "production"})).verdict == "pass"
    assert the("smoke", facts=with_past(trouble="no history is kept")).verdict == "skip"


def test_sbatchs_variables_beat_the_script_but_not_the_form() -> None:
    from jobshape.app.domain.request import SubmitRequest
    from jobshape.app.preflight.subject import subject_of

    text = script("-p main", "--time=5")
    variables = {"SBATCH_PARTITION": "gpu", "SBATCH_TIMELIMIT": "10"}
    asked = subject_of(text, request=SubmitRequest(script="", partition="smoke"),
                       work_dir="/work", environment=variables)  # fmt: skip
    assert (asked.shape.partition, asked.shape.time_limit_s) == ("smoke", 600)
    assert asked.line_of_field("partition") is None
