"""#SBATCH lines, array expressions and dependencies as Slurm reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.backends.local.batch_lines import read_options
from jobshape.app.backends.local.dependencies import Condition, Verdict, parse_dependency
from jobshape.app.backends.local.reference import parse_reference
from jobshape.app.domain.array_tasks import TaskSet, parse_array
from jobshape.app.domain.errors import BadRequest, NotSupported, Refused


def options(*lines: str) -> dict[str, str]:
    return read_options("#!/bin/bash\n" + "".join(f"#SBATCH {line}\n" for line in lines) + "true\n")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("--mem=4G", {"mem": "4G"}),
        ("--mem 4G", {"mem": "4G"}),
        ("-n4 -c 2", {"ntasks": "4", "cpus-per-task": "2"}),
        ("-J 'two words'", {"job-name": "two words"}),
        ('--job-name="a \'b\'"', {"job-name": "a 'b'"}),
        ("-HJx", {"hold": "", "job-name": "x"}),
        ("-t 1-0 # a day", {"time": "1-0"}),
        ("--gres=gpu:a100:2", {"gres": "gpu:a100:2"}),
        ("--cpus=2", None),
        ("--cpus-per-t=2", {"cpus-per-task": "2"}),
        ("--exclusive", {"exclusive": ""}),
        ("--exclusive=user", {"exclusive": "user"}),
        ("--requeue", {"requeue": ""}),
        ("-d afterok:1 -a 0-3%2", {"dependency": "afterok:1", "array": "0-3%2"}),
        ("--mail-type=END --mail-user=a@b --qos high -A phys",
         {"mail-type": "END", "mail-user": "a@b", "qos": "high", "account": "phys"}),
        ("--frobnicate=1", None),
        ("--mem", None),
        ("-%", None),
        ("word", None),
        ("--hold=yes", None),
        ("-J 'open", None),
    ],
)  # fmt: skip
def test_options(line: str, expected: dict[str, str] | None) -> None:
    if expected is None:
        with pytest.raises(BadRequest) as caught:
            options("--time=1", line)
        assert caught.value.where == "line 3 of the script"
        assert line in caught.value.what
    else:
        assert options(line) == expected


def test_where_the_lines_end() -> None:
    script = (
        "#!/bin/bash\n# a comment\n\n#SBATCH -n 2\n  \n#SBATCH\t-n 3\n##SBATCH -n 4\n"
        "#SBATCH# -n 5\ntrue\n#SBATCH -n 6\n"
    )
    assert read_options(script) == {"ntasks": "3"}


def test_het_jobs_are_no_jobs_of_one_machine() -> None:
    with pytest.raises(NotSupported, match="heterogeneous"):
        options("-n 2", "hetjob", "-n 3")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_options(f"#!/bin/sh\n#SBATCH {text}\n")
    except (BadRequest, NotSupported) as error:
        assert error.where.startswith("line ")


@pytest.mark.parametrize(
    ("text", "shown", "count"),
    [
        ("0-9", "0-9", 10),
        ("1,2,3,7", "1-3,7", 4),
        ("5", "5", 1),
        ("0-500:3", "0-498:3", 167),
        ("0-3:3", "0,3", 2),
        ("3-1", None, 0),
        ("", None, 0),
        ("1-", None, 0),
        ("a", None, 0),
        ("0-9:0", None, 0),
        ("1-200000", None, 0),
        ("99999999", None, 0),
    ],
)
def test_arrays(text: str, shown: str | None, count: int) -> None:
    if shown is None:
        with pytest.raises(Refused, match="Invalid job array specification"):
            parse_array(text)
    else:
        tasks, throttle = parse_array(f"{text}%4")
        assert (str(tasks), len(tasks), throttle) == (shown, count, 4)


@given(st.sets(st.integers(0, 60), min_size=1), st.sets(st.integers(0, 60)))
def test_tasks_are_a_set(tasks: set[int], gone: set[int]) -> None:
    ours = TaskSet(tasks)
    assert list(ours) == sorted(tasks)
    assert list(TaskSet.parse(str(ours))) == sorted(tasks)
    assert all((task in ours) is (task in tasks) for task in range(61))
    assert (ours.first(), ours.last(), len(ours)) == (min(tasks), max(tasks), len(tasks))
    first = ours.take_first()
    assert first == min(tasks) and list(ours) == sorted(tasks - {first})
    ours.remove(gone)
    assert list(ours) == sorted(tasks - {first} - gone)
    if ours:
        assert list(TaskSet.parse(str(ours))) == list(ours)


def test_dependencies() -> None:
    found = parse_dependency("afterok:1:2_3,after:4+5,singleton")
    assert [str(one) for one in found.conditions] == [
        "afterok:1", "afterok:2_3", "after:4+5", "singleton",
    ]  # fmt: skip
    assert found.conditions[2] == Condition("after", 4, None, 300)
    assert parse_dependency("afterok:1?afterany:2").any_will_do


@pytest.mark.parametrize(
    "text", ["afterok:nonsense", "afterok", "before:1", "afterok:1,afterok:2?afterok:3", "1+2", ","]
)
def test_no_dependencies(text: str) -> None:
    with pytest.raises(Refused, match="Job dependency problem"):
        parse_dependency(text)


def test_judging() -> None:
    verdicts = {1: Verdict.FULFILLED, 2: Verdict.WAITING, 3: Verdict.FAILED}

    def judged(text: str) -> tuple[Verdict, str]:
        return parse_dependency(text).judge(lambda condition: verdicts[condition.job_id])

    assert judged("afterok:1") == (Verdict.FULFILLED, "")
    assert judged("afterok:1:2") == (Verdict.WAITING, "afterok:2(unfulfilled)")
    assert judged("afterok:2:3") == (Verdict.FAILED, "afterok:2(unfulfilled),afterok:3(failed)")
    assert judged("afterok:3?afterok:2")[0] is Verdict.WAITING
    assert judged("afterok:3?afterok:1") == (Verdict.FULFILLED, "")
    assert judged("afterok:3?afterany:3")[0] is Verdict.FAILED


def test_references() -> None:
    assert parse_reference("12").tasks is None
    found = parse_reference("4_[1-3,7%2]")
    assert found.job_id == 4 and found.tasks and list(found.tasks) == [1, 2, 3, 7]
    for text in ("", "x", "4_", "4_x", "-1", "4_[3-1]", "12 13", "４"):
        with pytest.raises(BadRequest):
            parse_reference(text)
    with pytest.raises(NotSupported):
        parse_reference("9+1")
