"""What a job asks for, out of the fields of scontrol and the records of sacct."""

from __future__ import annotations

import pytest
from jobshape.app.backends.commands import asked
from jobshape.app.backends.commands.scontrol_text import read_fields
from jobshape.app.domain.job import NO_JOB, UNLIMITED
from jobshape.app.domain.shape import JobShape

MIB = 1 << 20

# What scontrol shows of a pending job: 26.05, then 22.05.
NEW = """\
JobId=1 JobName=job.sh
   Priority=0 Nice=0 Account=physics QOS=normal
   JobState=PENDING Reason=JobHeldUser Dependency=afterok:3(unfulfilled),afterany:4(failed)
   RunTime=00:00:00 TimeLimit=00:10:00 TimeMin=N/A
   Partition=gpu AllocNode:Sid=a5:0
   ReqNodeList=(null) ExcNodeList=n[1-2]
   NumNodes=1-2 NumCPUs=4 NumTasks=2 CPUs/Task=2 ReqB:S:C:T=0:0:*:*
   ReqTRES=cpu=4,mem=60M,node=1,billing=4,gres/gpu=1,gres/gpu:a100=1
   MinCPUsNode=2 MinMemoryNode=60M MinTmpDiskNode=0
   Features=cpu|busy DelayBoot=00:00:00
   TresPerNode=gres/gpu:a100:1
   TresPerTask=cpu=2"""
OLD = """\
JobId=4 JobName=job.sh
   JobState=PENDING Reason=JobHeldUser Dependency=(null)
   RunTime=00:00:00 TimeLimit=UNLIMITED TimeMin=N/A
   Partition=main AllocNode:Sid=localhost:0
   NumNodes=2 NumCPUs=15 NumTasks=5 CPUs/Task=3 ReqB:S:C:T=0:0:*:*
   TRES=cpu=15,mem=60M,node=1,billing=15
   MinCPUsNode=3 MinMemoryCPU=50M MinTmpDiskNode=0
   Features=(null) DelayBoot=00:00:00"""


def shape(text: str, **changed: str) -> JobShape:
    return asked.shape_of(read_fields(text) | changed)


def test_the_shape_of_a_pending_job() -> None:
    assert shape(NEW) == JobShape(
        partition="gpu", account="physics", qos="normal", nodes=1, tasks=2, cpus_per_task=2,
        memory_bytes=60 * MIB, gpus="a100:1", time_limit_s=600, features="cpu|busy",
        exclude_nodes="n[1-2]",
    )  # fmt: skip
    assert shape(OLD) == JobShape(
        partition="main", nodes=1, tasks=5, cpus_per_task=3, memory_bytes=750 * MIB,
        time_limit_s=UNLIMITED,
    )  # fmt: skip


def test_of_a_running_job_what_it_got_does_not_count() -> None:
    got = {"JobState": "RUNNING", "NumNodes": "2", "NumCPUs": "64"}
    assert (shape(NEW, **got).nodes, shape(NEW, **got).cpus_per_task) == (1, 2)


@pytest.mark.parametrize(
    ("fields", "memory"),
    [
        ({"MemPerTres": "gres/gpu:100", "TresPerNode": "gres/gpu:2"}, 200),
        ({"MemPerTres": "gres:gpu:100", "TresPerNode": "gres:gpu:2"}, 200),
        ({"MemPerTres": "gres/gpu:a100:100", "TresPerNode": "gres/gpu:2"}, 200),
        ({"MinMemoryNode": "0"}, 0),
        ({"MinMemoryNode": "1.50G"}, 1536),
    ],
)
def test_memory_of_a_node(fields: dict[str, str], memory: int) -> None:
    assert shape(NEW, **fields).memory_bytes == memory * MIB


def test_memory_where_only_the_total_is_told() -> None:
    fields = read_fields(NEW)
    del fields["MinMemoryNode"]
    fields |= {"MinMemoryTRES": "0", "MemPerTres": "", "ReqTRES": "cpu=4,mem=301M,node=2"}
    assert asked.shape_of(fields).memory_bytes == 151 * MIB


@pytest.mark.parametrize(
    ("fields", "gpus"),
    [
        ({"TresPerNode": "gres/gpu:2"}, "2"),
        ({"TresPerNode": "gres:gpu"}, "1"),
        ({"TresPerNode": "gres/gpu:0"}, None),
        ({"TresPerNode": "gres/gpu:a100:2(S:0-1),gres/shard:3"}, "a100:2"),
        ({"TresPerNode": "gres/gpu:1g.10gb:2"}, "1g.10gb:2"),
        ({"TresPerNode": "gres/gpu:a100:1,gres/gpu:t4:2"}, "a100:1,gpu:t4:2"),
        ({"TresPerNode": "gres/", "ReqTRES": "cpu=1,node=1"}, None),
        ({"TresPerNode": "", "TresPerJob": "gres/gpu:5", "NumNodes": "2-2"}, "3"),
        ({"TresPerNode": "", "TresPerTask": "cpu=2,gres/gpu:a100=1"}, "a100:2"),
        ({"TresPerNode": ""}, "a100:1"),  # from ReqTRES
        ({"TresPerNode": "", "ReqTRES": "node=1,gres/gpu=3,gres/gpu:a100=1"}, "3"),
        ({"TresPerNode": "", "ReqTRES": "cpu=1,node=1,gres/gpumem=5"}, None),
    ],
    ids=str,
)
def test_gpus_of_a_node(fields: dict[str, str], gpus: str | None) -> None:
    assert shape(NEW, **fields).gpus == gpus


def test_a_request_with_all_that_is_kept() -> None:
    record = NO_JOB._replace(job_id=1, name="job.sh", comment="why", work_dir="/home/al ice")
    kept = {"JobID": "1", "JobIDRaw": "1", "StdOut": "out-%j", "StdErr": "",
            "SubmitLine": "sbatch -o out-%j job.sh"}  # fmt: skip
    fields = read_fields(NEW) | {"Command": "/home/al ice/job.sh", "BatchFlag": "1"}
    found = asked.request_of("1", record, fields, [record], [kept])
    assert (found.name, found.comment, found.stdout, found.stderr) == (
        "job.sh",
        "why",
        "out-%j",
        "",
    )
    assert found.dependency == "afterok:3,afterany:4"
    assert (found.script_path, found.arguments) == ("/home/al ice/job.sh", ())
    assert found.submit_line == "sbatch -o out-%j job.sh"


@pytest.mark.parametrize(
    ("command", "line", "path", "arguments"),
    [
        ("(null)", "sbatch --wrap true", "", ()),
        ("/dev/stdin a b", "sbatch /dev/stdin a b", "", None),
        ("/w/job.sh x y", "sbatch job.sh x y", "/w/job.sh", None),  # 22.05 shows them
        ("/w/job.sh", "sbatch job.sh x y", "/w/job.sh", None),  # 26.05 does not
        ("/w/job.sh", "sbatch job.sh job.sh", "/w/job.sh", None),
        ("/w/job.sh", "", "/w/job.sh", None),
        ("/w/job.sh", "sbatch -n2 ./job.sh", "/w/job.sh", ()),
    ],
)
def test_script_and_arguments(
    command: str, line: str, path: str, arguments: tuple[str, ...] | None
) -> None:
    record = NO_JOB._replace(job_id=1, work_dir="/w")
    fields = {"Command": command, "BatchFlag": "1", "SubmitLine": line}
    found = asked.request_of("1", record, fields, [record], [])
    assert (found.script_path, found.arguments) == (path, arguments)


def test_the_tasks_of_an_array_are_put_together() -> None:
    left = NO_JOB._replace(job_id=4, array_job_id=4, array_tasks="5-9%2")
    task = NO_JOB._replace(job_id=6, array_job_id=4, array_task_id=3)
    kept = [{"JobID": f"4_{n}", "JobIDRaw": str(n)} for n in (0, 1)]

    def array(job: str) -> str | None:
        return asked.request_of(job, left, {}, [left, task], kept).shape.array

    assert array("4") == "0-1,3,5-9%2"
    assert array("4_[5-6%2]") == "5-6%2"
    assert array("4_7") is None
    assert asked.record_of("4_7", [left, task]) is left
    assert asked.record_of("4_3", [left, task]) is task
    assert asked.record_of("4_1", [left, task]) is None


KEPT = {
    "JobIDRaw": "7", "JobID": "7", "Partition": "gpu", "Account": "a", "QOS": "high",
    "TimelimitRaw": "90", "Constraints": "", "ReqTRES": "cpu=8,mem=3G,node=2,gres/gpu=4",
    "JobName": "x", "Comment": "", "WorkDir": "/w",
}  # fmt: skip


def test_a_job_that_left_the_queue() -> None:
    found = asked.request_of_kept("7", KEPT, [KEPT])
    assert found.shape == JobShape(
        partition="gpu", account="a", qos="high", nodes=2, memory_bytes=1536 * MIB, gpus="2",
        time_limit_s=5400,
    )  # fmt: skip
    tasks = [KEPT | {"JobID": f"7_{n}"} for n in (1, 2)]
    assert asked.request_of_kept("7", tasks[0], tasks).shape.array == "1-2"
    assert asked.kept_of("7_2", tasks) is tasks[1]
    assert asked.kept_of("7_3", tasks) is None
    assert asked.kept_of("7", tasks) is tasks[0]


def test_records_of_sacct_hold_any_text() -> None:
    fields = asked.kept_fields({"SubmitLine"})
    values = ["7"] * (len(fields) - 1) + ["sbatch --comment=a\nb|c"]
    text = "".join(f"{value}\x1e" for value in values) + "\n"
    (one,) = asked.parse_kept(text, fields=fields)
    assert one["SubmitLine"] == "sbatch --comment=a\nb|c"
