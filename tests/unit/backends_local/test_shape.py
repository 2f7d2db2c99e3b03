"""From options to a job of this machine, or a refusal in Slurm's words."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from jobshape.app.backends.local.changes import change
from jobshape.app.backends.local.config import LocalPartition, LocalSite
from jobshape.app.backends.local.environment import job_environment
from jobshape.app.backends.local.gpus import Gpu
from jobshape.app.backends.local.machine import Machine, machine_of
from jobshape.app.backends.local.record import RUNNING, LocalJob
from jobshape.app.backends.local.shape import job_of, options_of, parse_begin, parse_signal
from jobshape.app.backends.local.view import log_paths_of, slurm_size
from jobshape.app.domain.errors import BadRequest, Refused
from jobshape.app.domain.job import UNLIMITED
from jobshape.app.domain.request import JobChanges, SubmitRequest

MIB, GIB = 1 << 20, 1 << 30
GPUS = (Gpu(0, "NVIDIA A100-SXM4-80GB", 80 * GIB), Gpu(1, "NVIDIA A100-SXM4-80GB", 80 * GIB),
        Gpu(2, "Tesla T4", 16 * GIB))  # fmt: skip
MACHINE = Machine(
    "here", 16, 64 * GIB, GPUS,
    (LocalPartition("main", time_limit_s=7 * 86400),
     LocalPartition("smoke", time_limit_s=600, default_time_s=300),
     LocalPartition("long")),
)  # fmt: skip
NOW = datetime(2026, 11, 27, 15, 30).timestamp()


def job(lines: str, **request: object) -> LocalJob:
    script = "#!/bin/sh\n" + "".join(f"#SBATCH {line}\n" for line in lines.split("\n") if line)
    options = options_of(SubmitRequest(script, **request))  # type: ignore[arg-type]
    return job_of(options, MACHINE, submit_dir="/home/a", now=NOW)


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        ("", {"cpus": 1, "memory_bytes": GIB, "time_limit_s": 3600, "partition": "main"}),
        ("-n 2 -c 3", {"task_count": 2, "cpus_per_task": 3, "cpus": 6}),
        ("--ntasks-per-node=4", {"task_count": 4, "cpus": 4}),
        ("-N 1-2 -n 3", {"cpus": 3}),
        ("--mem=1500", {"memory_bytes": 1500 * MIB}),
        ("--mem=0", {"memory_bytes": 64 * GIB}),
        ("--mem-per-cpu=2G -c 4", {"memory_bytes": 8 * GIB}),
        ("--mem-per-gpu=5G --gpus=2", {"memory_bytes": 10 * GIB, "gpus": 2}),
        ("--gres=gpu:a100:2", {"gpus": 2, "gpu_type": "a100"}),
        ("--gres=gpu", {"gpus": 1, "gpu_type": ""}),
        ("--gres=gpu:2(S:0)", {"gpus": 2}),
        ("--gpus=t4:1", {"gpus": 1, "gpu_type": "t4"}),
        ("-G 3", {"gpus": 3}),
        ("--gpus-per-node=a100:1", {"gpus": 1, "gpu_type": "a100"}),
        ("--gpus-per-task=1 -n 2", {"gpus": 2}),
        ("--cpus-per-gpu=4 -G 2", {"cpus": 8}),
        ("--exclusive", {"cpus": 16}),
        ("-t 90", {"time_limit_s": 5400}),
        ("-t 0 -p long", {"time_limit_s": UNLIMITED}),
        ("-p smoke", {"time_limit_s": 300}),
        ("-p smoke,main", {"partition": "smoke"}),
        ("-H --nice=5", {"held": 1, "nice": 5}),
        ("--nice", {"nice": 100}),
        ("--nice=-5", {"nice": -5}),
        ("-D sub", {"work_dir": "/home/a/sub"}),
        ("-a 1-9:2%3", {"array_tasks": "1-9:2", "throttle": 3, "all_tasks": 5, "task_step": 2}),
        ("--requeue", {"requeue": 1}),
        ("--constraint=avx --qos=high -A phys", {"features": "avx", "qos": "high"}),
        ("--begin=now+2hours", {"begin_time": NOW + 7200}),
        ("--exclude=other", {"cpus": 1}),
    ],
)  # fmt: skip
def test_shapes(lines: str, fields: dict[str, object]) -> None:
    found = job(lines)
    assert {name: getattr(found, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("-c 17", "Requested node configuration is not available"),
        ("--mem=65G", "Requested node configuration is not available"),
        ("-N 2", "Requested node configuration is not available"),
        ("-G 4", "Requested node configuration is not available"),
        ("--gres=gpu:a100:3", "Requested node configuration is not available"),
        ("--gres=gpu:h100:1", "Requested node configuration is not available"),
        ("-w other", "Requested node configuration is not available"),
        ("-x here", "Requested node configuration is not available"),
        ("-p nowhere", "Invalid partition name specified"),
        ("-p main,nowhere", "Invalid partition name specified"),
        ("-p smoke -t 11", "Requested time limit is invalid"),
        ("-t UNLIMITED", "Requested time limit is invalid"),
        ("--gres=license:2", "Invalid generic resource"),
        ("-a 3-1", "Invalid job array specification"),
    ],
)
def test_refused(lines: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        job(lines)


@pytest.mark.parametrize(
    "lines",
    ["-c x", "-n 0", "--mem=lots", "-t soon", "--begin=whenever", "--signal=NOPE", "-N 0",
     "--open-mode=x"],
)  # fmt: skip
def test_malformed(lines: str) -> None:
    with pytest.raises(BadRequest):
        job(lines)


def test_all_memory_of_a_machine_that_has_no_whole_number_of_mib(tmp_path: Path) -> None:
    machine = machine_of(LocalSite(folder=str(tmp_path), memory_bytes=GIB + 5000, gpus="none",
                                   partitions=(LocalPartition("main"),)))  # fmt: skip
    whole = job_of({"mem": "0"}, machine, submit_dir="/", now=NOW)
    assert whole.memory_bytes == machine.memory_bytes == GIB


def test_the_request_goes_over_the_script() -> None:
    found = job("--mem-per-cpu=9G\n-n 4\n--gpus-per-task=1\n-J script\n-p smoke\n-t 1",
                memory_bytes=100 * MIB + 1, tasks=2, gpus="a100:1", name="request",
                partition="main", time_limit_s=7200)  # fmt: skip
    assert (found.memory_bytes, found.task_count, found.gpus) == (101 * MIB, 2, 1)
    assert (found.name, found.partition, found.time_limit_s) == ("request", "main", 7200)


def test_scripts_that_are_none() -> None:
    for script in ("true\n", "", "#!/bin/sh\ntrue\0\n", "#!/bin/sh\r\ntrue\r\n"):
        with pytest.raises((BadRequest, Refused)):
            options_of(SubmitRequest(script))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", 0), ("now+90", 90), ("now+1hour", 3600), ("now+2days", 2 * 86400),
        ("16:00", 1800), ("15:00", 86400 - 1800), ("16:00:30", 1830), ("midnight", 8.5 * 3600),
        ("noon", 20.5 * 3600), ("2026-11-28", 8.5 * 3600), ("2026-11-27T15:31:00", 60),
        ("tomorrow", 86400),
    ],
)  # fmt: skip
def test_begin(text: str, expected: float) -> None:
    assert parse_begin(text, NOW) - NOW == expected


def test_signals() -> None:
    assert parse_signal("") is None
    assert parse_signal("USR1") == ("USR1", 60, False)
    assert parse_signal("B:10@120") == ("10", 120, True)


def test_log_patterns() -> None:
    task = LocalJob(id=12, array_id=9, task_id=3, name="x y", work_dir="/w",
                    stdout="%x-%A_%4a.%j.%N.%u%%", stderr="/e/%j")  # fmt: skip
    paths = log_paths_of(task, "here")
    assert paths.stdout.startswith("/w/x y-9_0003.12.here.")
    assert paths.stdout.endswith("%")
    assert (paths.stderr, paths.stdin) == ("/e/12", "/dev/null")
    plain = log_paths_of(LocalJob(id=5, work_dir="/w"), "here")
    assert plain.stdout == plain.stderr == "/w/slurm-5.out"
    unsplit = LocalJob(id=9, array_id=9, array_tasks="1-4", work_dir="/w")
    assert log_paths_of(unsplit, "here", 2).stdout == "/w/slurm-9_2.out"


def test_sizes() -> None:
    assert [slurm_size(size) for size in (60 * MIB, 1536 * MIB, GIB, 0)] == [
        "60M", "1.50G", "1G", "0",
    ]  # fmt: skip


def environment(record: LocalJob) -> dict[str, str]:
    return job_environment(
        record, {"A": "1", "PATH": "/bin", "SLURM_JOB_ID": "old"},
        site="s", marker="m", node="here", programs="/p", spool="/s", gpu_type="a100",
    )  # fmt: skip


def test_environment() -> None:
    task = job("-c 3 -n 2\n-a 5-9:2\n--gres=gpu:2\n--mem=2G")
    task.id, task.array_id, task.task_id, task.gpu_ids, task.restarts = 12, 9, 7, "1,3", 2
    found = environment(task)
    expected = {
        "A": "1", "PATH": "/p:/bin", "SLURM_JOB_ID": "12", "SLURM_JOBID": "12",
        "SLURM_ARRAY_JOB_ID": "9", "SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_MIN": "5",
        "SLURM_ARRAY_TASK_MAX": "9", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_STEP": "2",
        "SLURM_CPUS_PER_TASK": "3", "SLURM_NTASKS": "2", "SLURM_CPUS_ON_NODE": "6",
        "SLURM_MEM_PER_NODE": "2048", "SLURM_GPUS_ON_NODE": "2", "CUDA_VISIBLE_DEVICES": "1,3",
        "SLURM_RESTART_COUNT": "2", "SLURM_SUBMIT_DIR": "/home/a", "SLURMD_NODENAME": "here",
        "SLURM_JOB_NODELIST": "here", "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }  # fmt: skip
    assert expected.items() <= found.items()
    plain = environment(job(""))
    assert plain["CUDA_VISIBLE_DEVICES"] == ""
    assert not {"SLURM_NTASKS", "SLURM_CPUS_PER_TASK", "SLURM_ARRAY_TASK_ID",
                "SLURM_RESTART_COUNT"} & plain.keys()  # fmt: skip


def test_export() -> None:
    assert "A" not in environment(job("--export=NONE"))
    assert environment(job("--export=B=2,A"))["A"] == "1"
    found = environment(job("--export=ALL,B=2"))
    assert (found["A"], found["B"]) == ("1", "2")


def test_changes() -> None:
    pending = job("-c 2")
    names = change(pending, JobChanges(cpus_per_task=4, tasks=2, memory_bytes=GIB + 1), MACHINE,
                   dry=False)  # fmt: skip
    assert (pending.cpus, pending.memory_bytes) == (8, GIB + MIB)
    assert {"cpus", "memory_bytes"} <= set(names)
    for wrong in (JobChanges(cpus_per_task=17), JobChanges(nodes=2), JobChanges(gpus="h100:1"),
                  JobChanges(partition="smoke"), JobChanges(partition="x")):  # fmt: skip
        with pytest.raises(Refused):
            change(pending, wrong, MACHINE, dry=False)
    assert pending.partition == "main"
    assert change(pending, JobChanges(partition="smoke", time_limit_s=60), MACHINE, dry=True)
    assert pending.partition == "main"


def test_changes_of_a_running_job() -> None:
    running = job("-t 60")
    running.state = RUNNING
    change(running, JobChanges(time_limit_s=600, comment="x"), MACHINE, dry=False)
    assert running.time_limit_s == 600
    with pytest.raises(Refused, match="Access/permission denied"):
        change(running, JobChanges(time_limit_s=601), MACHINE, dry=False)
    with pytest.raises(Refused, match="no longer pending"):
        change(running, JobChanges(memory_bytes=GIB), MACHINE, dry=False)
