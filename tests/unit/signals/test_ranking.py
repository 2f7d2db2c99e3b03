"""Which of several signs is the cause: root before consequence, Slurm before the program."""

# ruff: noqa: E501

from __future__ import annotations

import pytest
from jobshape.app.domain.finding import NONE, UNKNOWN
from jobshape.app.signals.diagnose import diagnose, findings_for

KEY_ERROR = """Traceback (most recent call last):
  File "a.py", line 3, in <module>
    d["k"]
KeyError: 'k'
"""
NO_FILE = """Traceback (most recent call last):
  File "a.py", line 3, in <module>
    open("x.csv")
FileNotFoundError: [Errno 2] No such file or directory: 'x.csv'
"""
TEARDOWN = """srun: error: n1: task 0: Exited with exit code 1
srun: Terminating StepId=9.0
slurmstepd: error: *** STEP 9.0 ON n1 CANCELLED AT 2024-01-01T00:00:00 ***
srun: error: n2: tasks 1-7: Killed
"""
OOM = "slurmstepd: error: Detected 1 oom_kill event in StepId=9.0. Some of the step tasks have been OOM Killed.\n"
WATCHDOG = "[rank1]:[E ProcessGroupNCCL.cpp:607] [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=6) ran for 600000 milliseconds before timing out.\n"
CHILD = """torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
Root Cause (first observed failure):
  exitcode  : 1 (pid: 42)
"""


def label(text: str, **slurm: str) -> str:
    return diagnose(text, slurm)[0].label


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (KEY_ERROR + TEARDOWN, "python_exception"),
        (TEARDOWN, UNKNOWN),
        (KEY_ERROR + OOM, "oom_host"),
        (OOM + TEARDOWN, "oom_host"),
        ("[rank0]: " + KEY_ERROR.replace("\n", "\n[rank0]: ") + "\n" + WATCHDOG, "python_exception"),
        (WATCHDOG + CHILD, "collective_comm"),
        (NO_FILE + CHILD, "file_not_found"),
        (CHILD, "dist_child_failed"),
        ("Lmod has detected the following error: unknown module\nMPI_ABORT was invoked on rank 0\n", "module_env"),
        ("ERROR: file a.nc does not exist\nMPI_ABORT was invoked on rank 0\n", "file_not_found"),
        ("a.out: x.c:9: main: Assertion `n' failed.\n" + TEARDOWN, "abort"),
        ("srun: error: n1: task 3: Segmentation fault\n" + TEARDOWN, "segfault"),
        ("terminate called after throwing an instance of 'std::bad_alloc'\nAborted (core dumped)\n", "oom_process"),
    ],
)  # fmt: skip
def test_root_before_consequence(text: str, cause: str) -> None:
    assert label(text) == cause


def test_the_last_traceback_ended_the_program() -> None:
    assert label(NO_FILE + "trying the default\n" + KEY_ERROR) == "python_exception"
    assert label(KEY_ERROR + "again\n" + NO_FILE) == "file_not_found"


def test_of_a_chain_the_most_specific_is_the_cause() -> None:
    during = "\nDuring handling of the above exception, another exception occurred:\n\n"
    assert label(NO_FILE + during + KEY_ERROR) == "file_not_found"
    assert label(KEY_ERROR + during + NO_FILE) == "file_not_found"


def test_what_python_says_at_its_shutdown_is_no_cause() -> None:
    late = "Exception ignored in: <function Pool.__del__>\n" + NO_FILE
    assert label(KEY_ERROR + late) == "python_exception"


def test_a_caught_traceback_in_a_log_that_goes_on_is_none() -> None:
    rows = "\n".join(f"row {n} read" for n in range(9))
    assert label(f"{KEY_ERROR}{rows}\n") == NONE
    assert label(f"{KEY_ERROR}{rows}\n", State="FAILED") == "python_exception"


def test_code_that_a_traceback_quotes_has_not_happened() -> None:
    text = KEY_ERROR.replace('d["k"]', 'raise RuntimeError("CUDA out of memory")')
    assert label(text) == "python_exception"


@pytest.mark.parametrize(
    ("slurm", "cause"),
    [
        ({"State": "OUT_OF_MEMORY"}, "oom_host"), ({"State": "OUT_OF_ME+"}, "oom_host"),
        ({"State": "TIMEOUT"}, "timeout"), ({"State": "DEADLINE"}, "timeout"),
        ({"State": "CANCELLED by 1000"}, "cancelled"), ({"State": "NODE_FAIL"}, "node_fail"),
        ({"State": "BOOT_FAIL"}, "node_fail"), ({"State": "PREEMPTED"}, "preempted"),
        ({"State": "FAILED", "ExitCode": "1:0"}, UNKNOWN),
        ({"State": "FAILED", "ExitCode": "0:9"}, "signal_kill"),
        ({"State": "FAILED", "ExitCode": "137:0"}, "signal_kill"),
        ({"State": "FAILED", "ExitCode": "139:0"}, "segfault"),
        ({"State": "FAILED", "ExitCode": "0:11"}, "segfault"),
        ({"State": "FAILED", "ExitCode": "0:7"}, "bus_error"),
        ({"State": "FAILED", "ExitCode": "132:0"}, "illegal_instruction"),
        ({"State": "FAILED", "ExitCode": "0:6"}, "abort"),
        ({"State": "FAILED", "ExitCode": "136:0"}, "fpe"),
        ({"State": "FAILED", "ExitCode": "127:0"}, "command_not_found"),
        ({"State": "FAILED", "ExitCode": "126:0"}, "exec_permission"),
        ({"State": "COMPLETED", "ExitCode": "0:0"}, NONE), ({"State": "RUNNING"}, NONE), ({}, NONE),
        ({"State": "PENDING", "Reason": "Priority"}, NONE),
        ({"State": "PENDING", "Reason": "Resources"}, NONE),
        ({"State": "PENDING", "Reason": "Dependency"}, NONE),
        ({"State": "PENDING", "Reason": "DependencyNeverSatisfied"}, "pending_dependency"),
        ({"State": "PENDING", "Reason": "QOSMaxGRESPerUser"}, "pending_limit"),
        ({"State": "PENDING", "Reason": "AssocGrpCpuLimit"}, "pending_limit"),
        ({"State": "PENDING", "Reason": "PartitionTimeLimit"}, "pending_partition"),
        ({"State": "PENDING", "Reason": "ReqNodeNotAvail, UnavailableNodes:n[1-2]"}, "pending_node"),
        ({"State": "PENDING", "Reason": "(JobHeldAdmin)"}, "pending_hold"),
        ({"State": "PENDING", "Reason": "Licenses"}, "license"),
        ({"State": "nonsense", "ExitCode": "x:y", "MaxRSS": "?", "ReqMem": "-"}, NONE),
    ],
)  # fmt: skip
def test_what_the_fields_alone_say(slurm: dict[str, str], cause: str) -> None:
    found = diagnose("", slurm)[0]
    assert found.label == cause
    if cause not in (NONE, UNKNOWN):
        assert found.evidence[0].source == "slurm"


def test_the_state_alone_is_not_enough() -> None:
    assert label(OOM, State="FAILED", ExitCode="1:0") == "oom_host"
    assert (
        label("job.sh: line 4: gmx: command not found\n", State="COMPLETED") == "command_not_found"
    )
    assert label("Killed\n", State="FAILED", ExitCode="137:0") == "signal_kill"
    assert label(KEY_ERROR, State="CANCELLED by 5") == "python_exception"


def test_a_kill_at_the_memory_limit_is_memory() -> None:
    at_limit = {"State": "FAILED", "ExitCode": "0:9", "MaxRSS": "4190000K", "ReqMem": "4G"}
    found = diagnose("Killed\n", at_limit)[0]
    assert found.label == "oom_host" and found.evidence[0].text == "4190000K of 4G"
    assert label("Killed\n", **{**at_limit, "MaxRSS": "900M"}) == "signal_kill"


def test_tried_again_with_success_is_none_and_without_is_not() -> None:
    failed = "curl: (7) Failed to connect to host port 443: Connection refused\nretrying in 2 s\n"
    assert label(failed + "fetched 12 MB\n") == NONE
    assert label(failed + failed) == "network"


def test_both_streams_count() -> None:
    found = findings_for({"stdout": "step 1\n", "stderr": KEY_ERROR}, {"State": "FAILED"})[0]
    assert found.label == "python_exception" and found.evidence[0].source == "stderr"


def test_confidence_falls_with_the_rank_and_stays_a_share() -> None:
    findings = diagnose(NO_FILE + TEARDOWN + OOM)
    shares = [one.confidence for one in findings]
    assert shares == sorted(shares, reverse=True) and all(0 < share < 1 for share in shares)
    assert [one.label for one in findings][:2] == ["oom_host", "file_not_found"]


def test_there_is_always_an_answer() -> None:
    for text in (
        "",
        "\n\n",
        "\0\0\0",
        "\r\r",
        "\x1b[0m",
        "Traceback (most recent call last):",
        "é" * 5000,
    ):
        assert diagnose(text)
