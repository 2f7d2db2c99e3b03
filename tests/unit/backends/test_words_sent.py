"""The words of commands that change something, and paths with patterns."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.commands import detail, records
from jobshape.app.backends.commands.accounting import accounting_command
from jobshape.app.backends.commands.change import (
    cancel_command,
    hold_command,
    release_command,
    requeue_command,
    resume_command,
    suspend_command,
    top_command,
)
from jobshape.app.backends.commands.detail import fill_pattern
from jobshape.app.backends.commands.queue import queue_command
from jobshape.app.backends.commands.reference import checked
from jobshape.app.backends.commands.site import parse_gpus, parse_nodes
from jobshape.app.backends.commands.submit import parse_submitted, submit_command
from jobshape.app.backends.commands.update import take_back_commands, update_commands, update_job
from jobshape.app.backends.commands.usage import parse_usage, usage_command
from jobshape.app.domain.errors import BadRequest, Refused
from jobshape.app.domain.job import NO_JOB, UNLIMITED
from jobshape.app.domain.request import JobChanges, SubmitRequest
from jobshape.app.domain.states import is_finished

GIB = 1 << 30


def test_submit_says_only_what_was_asked() -> None:
    assert submit_command(SubmitRequest("#!/bin/sh\n")) == ["sbatch", "--parsable"]
    request = SubmitRequest(
        "#!/bin/sh\n", arguments=("a b",), name="x y", memory_bytes=GIB + 1, gpus="a100:2",
        time_limit_s=90061, array="0-9%2", hold=True,
    )  # fmt: skip
    assert submit_command(request, test_only=True) == [
        "sbatch", "--test-only", "--job-name=x y", "--mem=1025M", "--gres=gpu:a100:2",
        "--time=1-01:01:01", "--array=0-9%2", "--hold", "/dev/stdin", "a b",
    ]  # fmt: skip


def test_submitted() -> None:
    assert parse_submitted("12\n") == parse_submitted("12;cluster\n") == 12
    assert parse_submitted("a warning of a plugin\n12\n") == 12
    assert parse_submitted("no") is None


def test_update_says_only_what_changes() -> None:
    changes = JobChanges(comment="", time_limit_s=UNLIMITED, memory_bytes=3, array_throttle=0)
    assert update_commands("4_7", changes) == [[
        "scontrol", "update", "JobId=4_7", "Comment=", "TimeLimit=UNLIMITED",
        "ArrayTaskThrottle=0", "MinMemoryNode=1",
    ]]  # fmt: skip


# What scontrol 26.05 shows of a job with --ntasks=2 --cpus-per-task=3 --ntasks-per-node=2.
SHOWN = {
    "NumNodes": "1-2", "NumCPUs": "6", "NumTasks": "2", "CPUs/Task": "3", "MinCPUsNode": "6",
    "NtasksPerN:B:S:C": "2:0:*:*", "MinMemoryNode": "60M", "TimeLimit": "00:05:00",
    "Partition": "gpu", "JobState": "PENDING",
}  # fmt: skip


def words(changes: JobChanges, **shown: str) -> list[list[str]]:
    return [sent[3:] for sent in update_commands("4", changes, SHOWN | shown)]


def test_cpus_are_changed_with_all_that_follows_from_them() -> None:
    assert words(JobChanges(cpus_per_task=4)) == [["CPUsPerTask=4", "NumCPUs=8", "MinCPUsNode=8"]]
    assert words(JobChanges(tasks=5)) == [["NumTasks=5"], ["NumCPUs=15"]]
    assert words(JobChanges(tasks=1, cpus_per_task=2, name="x")) == [
        ["NumTasks=1"], ["JobName=x", "CPUsPerTask=2", "NumCPUs=2", "MinCPUsNode=4"],
    ]  # fmt: skip
    assert words(JobChanges(tasks=0)) == [["NumTasks=0"]]  # to be refused
    assert words(JobChanges(tasks=2), **{"CPUs/Task": "N/A"}) == [["NumTasks=2"]]


def test_memory_and_gpus_take_the_place_of_other_ways_to_ask() -> None:
    per_gpu = {"MemPerTres": "gres/gpu:100", "TresPerJob": "gres/gpu:2"}
    assert words(JobChanges(memory_bytes=77 << 20), **per_gpu) == [
        ["MemPerTres=", "MinMemoryNode=77"]
    ]
    assert words(JobChanges(gpus="a100:1"), **per_gpu) == [["TresPerJob=", "Gres=gpu:a100:1"]]
    per_task = {"TresPerTask": "cpu=2,gres/gpu:a100=1"}
    assert words(JobChanges(gpus="0"), **per_task) == [["TresPerTask=cpu=2", "Gres=gpu:0"]]
    assert words(JobChanges(gpus="2"), TresPerTask="cpu=2") == [["Gres=gpu:2"]]
    assert words(JobChanges(gpus="a100:2"), TresPerNode="gres:gpu:2") == [
        ["TresPerNode="], ["Gres=gpu:a100:2"],
    ]  # fmt: skip
    newer = {"TresPerNode": "gres/gpu:2", "ReqTRES": "cpu=1,gres/gpu=2"}
    assert words(JobChanges(gpus="a100:2"), **newer) == [["Gres=gpu:a100:2"]]
    assert words(JobChanges(gpus="")) == [["Gres=gpu:0"]]


def test_what_was_refused_and_done_is_taken_back() -> None:
    assert take_back_commands("4", SHOWN, dict(SHOWN)) == []
    after = SHOWN | {
        "NumCPUs": "3600", "CPUs/Task": "900", "MinCPUsNode": "900", "Partition": "smoke",
        "TresPerNode": "gres/gpu:h100:1", "NumNodes": "4-4",
    }  # fmt: skip
    assert [sent[3:] for sent in take_back_commands("4", SHOWN, after)] == [
        ["Partition=gpu", "NumNodes=1-2", "Gres=gpu:0"],
        ["CPUsPerTask=3", "NumCPUs=6", "MinCPUsNode=6"],
    ]
    per_node = SHOWN | {"TresPerNode": "gres:gpu:a100:1"}
    assert take_back_commands("4", per_node, after)[0][-1] == "Gres=gpu:a100:1"


def test_a_refusal_says_what_could_not_be_taken_back() -> None:
    sent: list[str] = []

    def send(command: Sequence[str]) -> None:
        sent.append(" ".join(command[3:]))
        raise Refused("Requested partition configuration not available now", where="scontrol")

    readings = [SHOWN, SHOWN | {"CPUs/Task": "900"}, SHOWN]
    with pytest.raises(Refused) as caught:
        update_job("4", JobChanges(cpus_per_task=900), fields=lambda: readings.pop(0), send=send)
    assert (caught.value.hint, readings) == ("", [])
    assert sent == ["CPUsPerTask=900 NumCPUs=1800 MinCPUsNode=1800", "CPUsPerTask=3"]

    changed = iter([SHOWN, *[SHOWN | {"Partition": "smoke"}] * 3])
    with pytest.raises(Refused, match=r"not available now.*could not be taken back"):
        update_job("4", JobChanges(partition="smoke"), fields=lambda: next(changed), send=send)


def test_what_ended_is_asked_for_by_state_and_between_two_times() -> None:
    """Without an end sacct would look at the first moment only."""
    open_end = accounting_command(Scope.MINE, 5, None, user="ann", ended=True)
    closed = accounting_command(Scope.MINE, 5, 9, user="ann", ended=True)
    assert "--endtime=now" in open_end and "--endtime=uts9" in closed
    for command in (open_end, closed):
        (states,) = (w.partition("=")[2].split(",") for w in command if w.startswith("--state="))
        assert all(map(is_finished, states))
        assert {"COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "OUT_OF_MEMORY"} <= set(states)
    anything = accounting_command(Scope.MINE, 5, None, user="ann")
    assert not [word for word in anything if word.startswith(("--state", "--endtime"))]


def test_cancel() -> None:
    assert cancel_command("4_[1-3]") == ["scancel", "--verbose", "4_[1-3]"]
    assert cancel_command("4", "USR1") == ["scancel", "--verbose", "--signal=USR1", "4"]


@pytest.mark.parametrize(
    ("job", "sent"),
    [("12", "12"), ("4_7", "4_7"), ("9+1", "9+1"), ("4_[1-3]", "4_[1-3]"),
     ("4_[1-500%20]", "4_[1-500]"), ("4_[1,3,5-9:2%3]", "4_[1,3,5-9:2]")],
)  # fmt: skip
def test_what_slurm_prints_of_a_job_is_what_it_takes(job: str, sent: str) -> None:
    assert checked(job) == sent


@pytest.mark.parametrize(
    "job",
    ["", "-u", "--user=ann", "12,13", "12 13", "JobName=x", "12\n", "*", "4_", "4_[", "4_[1-3",
     "4_1]", "12%3", "4_7%3", "4_[%3]", "١٢", "12;id", "4_[...]"],
)  # fmt: skip
def test_what_is_no_job_is_never_sent(job: str) -> None:
    for command in (
        cancel_command, hold_command, release_command, requeue_command,
        lambda one: update_commands(one, JobChanges(nice=1))[0],
        top_command, suspend_command, resume_command,
        lambda one: usage_command([one]),
        lambda one: queue_command(Scope.ALL, jobs=[one]),
        lambda one: accounting_command(Scope.ALL, 1, None, user="ann", jobs=[one]),
        detail.script_command, records.script_command, records.log_paths_command,
    ):  # fmt: skip
        with pytest.raises(BadRequest, match="is no job"):
            command(job)


def test_reading_commands_are_given_the_whole_array() -> None:
    """Newer ones do not take a list of tasks: ``squeue --jobs=4_[1-3]`` fails on 26.05."""
    assert queue_command(Scope.ALL, jobs=["4_[1-3%2]"])[-1] == "--jobs=4"


JOB = NO_JOB._replace(job_id=12, name="na me", user="ann", node_list="n3,n4")
TASK = JOB._replace(array_job_id=9, array_task_id=27)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/x/slurm-%j.out", "/x/slurm-12.out"),
        ("/x/%x-%u-%A-%J", "/x/na me-ann-12-12"),
        ("%5j|%05j|%2j", "00012|00012|12"),
        ("%N %n %t %s", "n3 0 0 batch"),
        ("100%%j", "100%j"),
        ("%a", "%a"),
        ("%z %", "%z %"),
        ("/x/\\%j", "/x/%j"),
    ],
)
def test_patterns_of_paths(pattern: str, path: str) -> None:
    assert fill_pattern(pattern, JOB) == path


def test_patterns_of_an_array_task() -> None:
    assert fill_pattern("%A_%a %4a %b %j", TASK) == "9_27 0027 7 12"


@pytest.mark.parametrize(
    ("gres", "expected"),
    [
        ("gpu:a100:4(S:0-1)", (4, "a100:4")),
        ("gpu:4", (4, "")),
        ("gpu:a100:2(IDX:0,2),gpu:t4:1(IDX:3),shard:8(0/8)", (3, "a100:2,t4:1")),
        ("gpu:a100:0(IDX:N/A)", (0, "a100:0")),
        ("license:3", (0, "")),
        ("(null)", (None, "")),
    ],
)
def test_gpus_of_a_node(gres: str, expected: tuple[int | None, str]) -> None:
    assert parse_gpus(gres) == expected


def test_node_that_is_drained_and_never_answered() -> None:
    (node,) = parse_nodes(
        "NodeName=n1 CoresPerSocket=1\n   CPUAlloc=0 CPUTot=4 CPULoad=N/A\n"
        "   Gres=(null)\n   OS=Linux State=not this\n   RealMemory=10 AllocMem=0 FreeMem=N/A\n"
        "   State=DOWN+DRAIN+NOT_RESPONDING ThreadsPerCore=1\n"
        "   Partitions=a,b \n   Reason=disk State=IDLE broken [root@1795305194]\n"
    )
    assert (node.state, node.usable) == ("DOWN+DRAIN+NOT_RESPONDING", False)
    assert node.reason == "disk State=IDLE broken"
    assert (node.cpu_load, node.memory_free_bytes, node.partitions) == (None, None, ("a", "b"))


def test_usage_of_steps_adds_up() -> None:
    text = (
        "5.batch|1|1000|2000|00:00:01|\n5.0|4|500|900|00:01:00|cpu=1\n"
        "5.0|4|500|900|00:01:00|cpu=1\n"
        "6.extern|1|0|0||gres/gpuutil=0\n7.0|x|y|z|w|v\nsstat: error: no\n"
        "8.batch|1|||213503982334-14:25:51|\n"
        "8.0|1|18446744073709551614|18446744073709551614||\n"
    )
    (found,) = parse_usage(text, at=1)
    assert (found.memory_bytes, found.memory_peak_bytes) == (3000, 2000)
    assert found.cpu_time_s == 241.0
