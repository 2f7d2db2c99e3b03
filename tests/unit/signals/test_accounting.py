"""What accounting and the queue print, alone or with a log: sacct, scontrol, seff, mails, fields."""

# ruff: noqa: E501

from __future__ import annotations

import pytest
from jobshape.app.signals.diagnose import diagnose

SAID: list[tuple[str, str, dict[str, str]]] = [
    (
        "oom_host",
        "",
        {"State": "OUT_OF_MEMORY", "ExitCode": "0:125", "ReqMem": "4G", "MaxRSS": "1.2G"},
    ),
    ("oom_host", "Killed\n", {"State": "OUT_OF_MEMORY"}),
    (
        "oom_host",
        'Traceback (most recent call last):\n  File "a", line 1, in <module>\nRuntimeError: x',
        {"State": "OUT_OF_MEMORY", "ExitCode": "0:125"},
    ),
    (
        "timeout",
        "step 1\nstep 2\n",
        {"State": "TIMEOUT", "ExitCode": "0:0", "Elapsed": "01:00:12", "Timelimit": "01:00:00"},
    ),
    (
        "timeout",
        "step 1\nslurmstepd: error: *** JOB 3 ON n CANCELLED AT 2020-01-01T00:00:00 DUE TO TIME LIMIT ***",
        {"State": "CANCELLED"},
    ),
    (
        "cancelled",
        "step 1\nslurmstepd: error: *** JOB 3 ON n CANCELLED AT 2020-01-01T00:00:00 ***",
        {"State": "CANCELLED by 1000", "ExitCode": "0:15"},
    ),
    ("cancelled", "", {"State": "CANCELLED by 0", "ExitCode": "0:0"}),
    ("preempted", "", {"State": "PREEMPTED", "ExitCode": "0:15"}),
    ("node_fail", "step", {"State": "NODE_FAIL", "ExitCode": "1:0"}),
    ("segfault", "step 1\n", {"State": "FAILED", "ExitCode": "0:11"}),
    ("segfault", "step 1\n", {"State": "FAILED", "ExitCode": "11:0"}),
    ("signal_kill", "step 1\n", {"State": "FAILED", "ExitCode": "0:9"}),
    ("abort", "", {"State": "FAILED", "ExitCode": "6:0"}),
    ("unknown", "step 1\nstep 2\n", {"State": "FAILED", "ExitCode": "1:0"}),
    ("unknown", "step 1\nstep 2\n", {"State": "FAILED", "ExitCode": "255:0"}),
    ("none", "step 1\nstep 2\n", {"State": "COMPLETED", "ExitCode": "0:0"}),
    (
        "none",
        'Traceback (most recent call last):\n  File "a", line 1, in <module>\nValueError: x\nretrying\nok\nall rows done',
        {"State": "COMPLETED", "ExitCode": "0:0"},
    ),
    ("none", "step 1", {"State": "RUNNING"}),
    ("none", "", {"State": "PENDING", "Reason": "BeginTime"}),
    ("pending_dependency", "", {"State": "PENDING", "Reason": "(DependencyNeverSatisfied)"}),
    ("pending_limit", "", {"State": "PD", "Reason": "AssocGrpGRES"}),
    (
        "pending_node",
        "",
        {
            "State": "PENDING",
            "Reason": "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
        },
    ),
    (
        "pending_node",
        "",
        {"State": "PENDING", "Reason": "ReqNodeNotAvail, Reserved for maintenance"},
    ),
    ("pending_partition", "", {"State": "PENDING", "Reason": "BadConstraints"}),
    ("pending_hold", "", {"State": "PENDING", "Reason": "launch failed requeued held"}),
    ("pending_hold", "", {"State": "PENDING", "Reason": "JobHeldUser"}),
    ("license", "", {"State": "PENDING", "Reason": "Licenses"}),
    (
        "command_not_found",
        "slurm_script: line 3: foo: command not found\ndone\n",
        {"State": "COMPLETED", "ExitCode": "0:0"},
    ),
    (
        "missing_package",
        "ModuleNotFoundError: No module named 'x'\nJob finished at Mon\n",
        {"State": "COMPLETED", "ExitCode": "0:0"},
    ),
    (
        "python_exception",
        'Traceback (most recent call last):\n  File "a", line 1, in <module>\nValueError: x\nEnd of job\n',
        {"State": "FAILED", "ExitCode": "1:0"},
    ),
    (
        "oom_host",
        "Killed\n",
        {"State": "FAILED", "ExitCode": "137:0", "MaxRSS": "16777000K", "ReqMem": "16G"},
    ),
    ("illegal_instruction", "", {"State": "FAILED", "ExitCode": "4:0"}),
    ("bus_error", "", {"State": "FAILED", "ExitCode": "0:7"}),
    (
        "cuda_oom",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB",
        {"State": "FAILED", "ExitCode": "1:0"},
    ),
    ("timeout", "", {"State": "DEADLINE"}),
    ("submit_account", "", {"State": "PENDING", "Reason": "InvalidAccount"}),
    ("none", "sacct\nJobID JobName State ExitCode\n7 a COMPLETED 0:0", {}),
    ("timeout", "JobID JobName State ExitCode\n7 a TIMEOUT 0:0\n7.batch batch CANCELLED 0:15", {}),
    ("oom_host", "JobID|State|ExitCode\n7|OUT_OF_MEMORY|0:125\n7.batch|OUT_OF_MEMORY|0:125", {}),
    ("unknown", "JobID JobName State ExitCode\n7 a FAILED 1:0\n7.batch batch FAILED 1:0", {}),
    ("node_fail", "JobID|State\n7|NODE_FAIL", {}),
    ("preempted", "7|x|PREEMPTED|0:0", {}),
    ("cancelled", "7|x|CANCELLED by 5|0:0", {}),
    ("segfault", "7 a FAILED 0:11\n7.0 a.out FAILED 0:11", {}),
    ("signal_kill", "7 a FAILED 0:9\n7.batch batch FAILED 0:9", {}),
    ("timeout", "Slurm Job_id=7 Name=x Failed, Run time 01:00:00, TIMEOUT, ExitCode 0", {}),
    ("oom_host", "Slurm Job_id=7 Name=x Failed, Run time 00:00:10, OUT_OF_MEMORY", {}),
    ("cancelled", "Slurm Job_id=7 Name=x Ended, Run time 00:00:10, CANCELLED, ExitCode 0", {}),
    ("node_fail", "Slurm Job_id=7 Name=x Failed, Run time 00:00:10, NODE_FAIL, ExitCode 0", {}),
    ("none", "Slurm Job_id=7 Name=x Ended, Run time 00:00:10, COMPLETED, ExitCode 0", {}),
    ("unknown", "Slurm Job_id=7 Name=x Failed, Run time 00:00:10, FAILED, ExitCode 1", {}),
    ("timeout", "State: TIMEOUT (exit code 0)", {}),
    ("node_fail", "JobState=NODE_FAIL Reason=NodeDown Dependency=(null)", {}),
    ("timeout", "   JobState=TIMEOUT Reason=TimeLimit Dependency=(null)", {}),
    ("oom_host", "   JobState=OUT_OF_MEMORY Reason=OutOfMemory Dependency=(null)", {}),
    (
        "unknown",
        "   JobState=FAILED Reason=NonZeroExitCode Dependency=(null)\n   Requeue=1 Restarts=0 BatchFlag=1 Reboot=0 ExitCode=1:0",
        {},
    ),
    ("none", "   JobState=RUNNING Reason=None Dependency=(null)", {}),
    ("none", "   JobState=COMPLETED Reason=None Dependency=(null)\n ExitCode=0:0", {}),
    ("none", "   JobState=PENDING Reason=Priority Dependency=(null)", {}),
    (
        "segfault",
        "   JobState=FAILED Reason=RaisedSignal:11(Segmentation_fault) Dependency=(null)",
        {},
    ),
]


LOCAL = {
    "cannot write /nowhere/x.out: No such file or directory": "file_not_found",
    "cannot read /home/a/in put: No such file or directory": "file_not_found",
    "cannot write /data/runs: Is a directory": "file_not_found",
    "the work folder /scratch/a b is not there": "file_not_found",
    "cannot write /root/x.out: Permission denied": "permission_denied",
    "cannot write the script's copy /s/spool/3.1/script: No space left on device": "disk_full",
    "the disk of its log is full": "disk_full",
    "cannot write /mnt/x.out: Read-only file system": "fs_error",
    "the interpreter /no/such/python3: No such file or directory": "command_not_found",
    "cannot run /etc/passwd: Permission denied": "exec_permission",
    "the first line of the script names no interpreter": "submit_script",
    "cannot run /bin/sh: Argument list too long": "resource_limit",
}
"""What the local site says of a job that it could not run."""


@pytest.mark.parametrize("reason", LOCAL)
def test_what_the_local_site_says(reason: str) -> None:
    fields = {"State": "FAILED", "ExitCode": "1:0", "Reason": reason}
    assert diagnose("", fields)[0].label == LOCAL[reason]


def test_a_job_that_gets_no_process_says_so() -> None:
    reason = "no process can be started: Resource temporarily unavailable"
    assert diagnose("", {"State": "PENDING", "Reason": reason})[0].label == "resource_limit"


@pytest.mark.parametrize(("label", "text", "slurm"), SAID)
def test_what_accounting_says(label: str, text: str, slurm: dict[str, str]) -> None:
    assert diagnose(text, slurm)[0].label == label
