"""The parsers on what the commands of each Slurm release printed; see record.py."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from jobshape.app.backends.commands import (
    accounting,
    change,
    controller,
    detail,
    queue,
    records,
    site,
    steps,
    submit,
    usage,
    words,
)
from jobshape.app.backends.commands.gpu_site import parse_slots
from jobshape.app.backends.gpu_usage.figures import GpuFigures
from jobshape.app.backends.gpu_usage.probe import parse_probe
from jobshape.app.backends.gpu_usage.slurm import GpuUse
from jobshape.app.domain.errors import BadRequest, Refused
from jobshape.app.domain.job import AccountedJob, Job

RECORDED = Path(__file__).parent / "recorded"
NASTY = "nasty |\n\x1f\x1e 'name' [b] ü"
COMMENT = "ab cd|ef\n" * 111 + "!"
MIB = 1 << 20


@pytest.fixture(params=sorted(folder.name for folder in RECORDED.iterdir()))
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def text(release: str, name: str) -> str:
    return (RECORDED / release / f"{name}.txt").read_bytes().decode("utf-8", "surrogateescape")


def by_name(jobs: list[Job], name: str) -> list[Job]:
    return sorted(
        (job for job in jobs if job.name == name), key=lambda job: (len(job.label), job.label)
    )


def queued(release: str) -> list[Job]:
    """The recorded queue. It was recorded with the plain mark, which one name holds: mend it."""
    raw = text(release, "queue")
    assert raw.count(NASTY) == 1
    mark = "\x1e<unguessable>"
    clean = raw.replace(NASTY, "NASTY").replace("\x1e", mark).replace("NASTY", NASTY)
    reading = queue.parse_queue(clean, mark=mark)
    assert reading.unread == ()
    return reading.jobs


def test_all_releases_are_recorded() -> None:
    assert sorted(folder.name for folder in RECORDED.iterdir()) == ["22.05", "24.11", "26.05"]


def test_queue_of_a_held_job(release: str) -> None:
    (held,) = by_name(queued(release), NASTY)
    assert held.comment == COMMENT and len(COMMENT) == 1000
    assert (held.state, held.reason, held.priority) == ("PENDING", "JobHeldUser", 0)
    assert (held.user, held.account, held.partition, held.qos) == (
        "alice", "physics", "main", "normal",
    )  # fmt: skip
    assert (held.time_limit_s, held.work_dir, held.memory_bytes) == (5400, "/tmp", 60 * MIB)
    assert (held.start_time, held.end_time, held.eligible_time) == (None, None, None)
    assert (held.node_list, held.dependency, held.features, held.reservation) == ("", "", "", "")
    assert (held.array_job_id, held.het_job_id, held.restarts, held.exit_code) == (
        None, None, 0, "",
    )  # fmt: skip


def test_queue_of_arrays(release: str) -> None:
    jobs = queued(release)
    (array,) = by_name(jobs, "array")
    assert array.label == f"{array.job_id}_[{array.array_tasks}]"
    assert array.array_tasks.startswith("1,3,8,15,22,") and array.array_tasks.endswith(",498%20")
    assert array.array_tasks.count(",") == 72 - 1 + 1
    task, waiting = by_name(jobs, "started")
    assert waiting.array_tasks == "1-3%1" and waiting.reason == "JobArrayTaskLimit"
    assert (task.state, task.array_task_id, task.array_job_id) == ("RUNNING", 0, waiting.job_id)


def test_queue_of_other_kinds(release: str) -> None:
    jobs = queued(release)
    first, second = by_name(jobs, "het")
    assert (first.het_offset, second.het_offset) == (0, 1)
    assert first.het_job_id == second.het_job_id == first.job_id
    (gpu,) = by_name(jobs, "gpu")
    assert (gpu.gpus, gpu.cpus, gpu.state) == (2, 3, "RUNNING")
    assert gpu.start_time and gpu.end_time == gpu.start_time + 5400
    (waits,) = by_name(jobs, "waits")
    assert waits.dependency.startswith("afterok:") and waits.features == "busy"
    (endless,) = by_name(jobs, "endless")
    assert endless.time_limit_s == -1
    (failed,) = by_name(jobs, "failed")
    (killed,) = by_name(jobs, "killed")
    assert (failed.state, failed.exit_code) == ("FAILED", "3:0")
    assert (killed.state, killed.exit_code) == ("FAILED", "0:9")


def test_nodes(release: str) -> None:
    nodes = {node.name: node for node in site.parse_nodes(text(release, "nodes"))}
    assert list(nodes) == ["b1", "g1", "n1", "n2"]
    assert [node.gpus for node in nodes.values()] == [4, 4, 0, 0]
    assert sum(node.gpus_allocated or 0 for node in nodes.values()) >= 2
    assert nodes["g1"].gpu_types == "a100:4" and nodes["n1"].gpu_types == ""
    assert nodes["n1"].memory_bytes == 64000 * MIB and nodes["n1"].cpus == 16
    assert nodes["b1"].partitions == ("main", "gpu") and nodes["b1"].features == "busy"
    assert all(node.cpu_load is not None and node.memory_free_bytes for node in nodes.values())


def test_partitions(release: str) -> None:
    partitions = {one.name: one for one in site.parse_partitions(text(release, "partitions"))}
    assert list(partitions) == ["main", "gpu", "smoke"]
    main, smoke = partitions["main"], partitions["smoke"]
    assert (main.is_default, main.time_limit_s, main.default_time_s) == (True, 86400, 3600)
    assert (main.nodes, main.cpus, main.state) == (3, 144, "UP")
    assert (smoke.time_limit_s, smoke.priority_tier, smoke.is_default) == (600, 10, False)
    assert (main.qos, main.allow_accounts, main.allow_groups, main.allow_qos) == ("", "", "", "")


def accounted(release: str) -> list[AccountedJob]:
    raw = text(release, "accounting")
    mark = "\x1e<unguessable>"
    clean = raw.replace(NASTY, "NASTY").replace("\x1e", mark).replace("NASTY", NASTY)
    known = ["TRESUsageInTot", "TRESUsageInMax"]
    fields = accounting.fields_of(known if release == "22.05" else ["Restarts", *known])
    return accounting.parse_accounting(clean, fields=fields, mark=mark)


def test_accounting(release: str) -> None:
    jobs = {found.job.name: found for found in accounted(release)}
    failed, killed, gpu = jobs["failed"], jobs["killed"], jobs["gpu"]
    assert (failed.job.state, failed.job.exit_code) == ("FAILED", "3:0")
    assert (killed.job.state, killed.job.exit_code) == ("FAILED", "0:9")
    assert failed.elapsed_s is not None and failed.elapsed_s < 5
    assert failed.total_cpu_s is not None and failed.total_cpu_s < 1
    assert (gpu.job.gpus, gpu.job.cpus, gpu.job.time_limit_s) == (2, 3, 5400)
    assert (gpu.job.state, gpu.job.end_time) == ("RUNNING", None)
    assert failed.job.restarts == (None if release == "22.05" else 0)
    labels = {found.job.label for found in accounted(release) if found.job.name == "started"}
    assert any(label.endswith("_0") for label in labels)
    assert {(found.gpu_percent, found.gpu_memory_peak_bytes) for found in jobs.values()} == {
        (None, None)  # the boxes' Slurm measures no GPU
    }


def test_accounting_of_gpus_that_slurm_measured() -> None:
    """A step's figures as sacct of a site with AutoDetect=nvml prints them (a guide of 2026)."""
    fields, mark = accounting.fields_of(["TRESUsageInTot", "TRESUsageInMax"]), "\x1e"
    job = {name: "" for name in fields} | {
        "JobIDRaw": "8", "JobID": "8", "State": "COMPLETED", "ElapsedRaw": "100",
        "AllocTRES": "cpu=3,mem=60M,node=1,billing=3,gres/gpu=2,gres/gpu:a100=2",
    }  # fmt: skip
    used = "cpu=00:56:24,energy=0,fs/disk=350130624578,gres/gpumem={0},gres/gpuutil={1},mem=262144"
    steps = [
        job | {"JobIDRaw": f"8.{step}", "TRESUsageInTot": used.format(size, percent),
               "TRESUsageInMax": used.format(peak, 100)}
        for step, size, percent, peak in (("batch", 5, 100, 40777023488), ("extern", 0, 0, 0))
    ]  # fmt: skip
    probe = steps[0] | {"JobIDRaw": "8.1", "JobName": "jobshape-gpus", "MaxRSS": "90M"}
    said = "\n".join(mark.join(one.values()) + mark for one in (job, *steps, probe)) + "\n"
    (found,) = accounting.parse_accounting(said, fields=fields, mark=mark)
    assert (found.gpu_percent, found.gpu_memory_peak_bytes) == (50.0, 40777023488)
    assert found.max_rss_bytes is None  # not what nvidia-smi in the job took


def test_steps_of_a_running_job(release: str) -> None:
    raw = text(release, "steps")
    job = raw.partition("\x1e")[0]
    found = steps.in_order(steps.parse_steps(raw, job) or [])
    assert [step.step for step in found] == ["batch", "0", "1"]
    batch, first, second = found
    assert (batch.state, batch.exit_code, batch.end_time) == ("RUNNING", "", None)
    assert (batch.total_cpu_s, batch.max_rss_bytes) == (None, None)
    assert (first.name, first.state) == ("odd | name State=FAILED", "COMPLETED")
    assert (first.exit_code, first.nodes, first.tasks, first.cpus) == ("0:0", 1, 1, 2)
    assert first.total_cpu_s is not None and first.total_cpu_s < 1
    assert first.start_time and first.end_time and first.end_time >= first.start_time
    assert (second.name, second.state, second.tasks) == ("second", "RUNNING", 2)
    assert second.node_list == "b1" and "mem=60M" in second.tres
    assert steps.parse_steps(raw, "900000001") is None


def test_running_steps_where_there_is_no_accounting(release: str) -> None:
    batch, step = steps.parse_running_steps(text(release, "running_steps"))
    assert (batch.step, batch.state, batch.cpus, batch.tres) == ("batch", "RUNNING", None, "")
    assert (step.step, step.name, step.tasks, step.cpus) == ("1", "second", 2, 2)
    assert step.start_time and (step.node_list, step.exit_code) == ("b1", "")


def test_a_steps_name_cannot_say_its_state() -> None:
    said = (
        "StepId=5.0 UserId=1 StartTime=1795838096 TimeLimit=UNLIMITED\n"
        "   State=RUNNING Partition=main NodeList=n1\n"
        "   Nodes=1 CPUs=1 Tasks=1 Name=x State=FAILED NodeList=evil Network=(null)\n"
    )
    (step,) = steps.parse_running_steps(said)
    assert (step.state, step.node_list, step.cpus) == ("RUNNING", "n1", 1)
    assert steps.parse_running_steps("Job step 5. not found") == []


def test_usage(release: str) -> None:
    found = usage.parse_usage(text(release, "usage"), at=7)
    busy, idle = sorted(found, key=lambda one: -(one.memory_bytes or 0))
    assert 90 * MIB < (busy.memory_bytes or 0) <= (busy.memory_peak_bytes or 0) < 110 * MIB
    assert (busy.cpu_time_s, idle.cpu_time_s, busy.at) == (5.0, 0.0, 7)
    assert set(usage.parse_gpu_use(text(release, "usage")).values()) == {GpuUse()}


def test_nvidia_smi_in_a_job(release: str) -> None:
    """What srun printed in a job with two GPUs, the stand-in of the boxes speaking."""
    said = parse_probe(text(release, "probe"), 2)
    assert said == GpuFigures("nvidia-smi", 45.0, 30720 * MIB, 163840 * MIB)


def test_which_gpus_a_job_was_given(release: str) -> None:
    assert parse_slots(text(release, "detail_gpu")) == [("g1", frozenset({"0", "1"}))]


def test_detail_keeps_texts_whole(release: str) -> None:
    (held,) = by_name(queued(release), NASTY)
    fields = detail.fields_of(text(release, "detail_held"), held)
    assert (fields["JobName"], fields["Comment"]) == (NASTY, COMMENT)
    assert (fields["JobState"], fields["Reason"]) == ("PENDING", "JobHeldUser")
    shown = detail.detail_of(fields, held.job_id)
    assert [title for title, _ in shown.groups][:4] == ["Job", "State", "Times", "Resources"]
    assert ("Comment", COMMENT) in dict(shown.groups)["Job"]
    submitted = dict(dict(shown.groups)["Times"])["SubmitTime"]
    assert int(datetime.fromisoformat(submitted).timestamp()) == held.submit_time
    assert detail.log_paths_of(fields, held).stdout == "/dev/null"


def test_detail_of_one_part_of_a_het_job(release: str) -> None:
    second = by_name(queued(release), "het")[1]
    fields = detail.fields_of(text(release, "detail_het"), second)
    assert (fields["JobId"], fields["HetJobOffset"]) == (str(second.job_id), "1")


def test_script_of_accounting(release: str) -> None:
    added = records.adds_line_end(text(release, "version"))
    script = records.parse_script(text(release, "script"), line_end_added=added)
    assert script == "#!/bin/sh\nexit 3\n"


def test_script_of_a_het_job_is_the_first_component_s() -> None:
    line = "-" * 80
    for end in ("\n", ""):
        shown = (f"Batch Script for 40+0\n{line}\n#!/bin/sh\n#SBATCH hetjob\n:{end}"
                 f"Batch Script for 40+1\n{line}\n#!/bin/sh\nanother one's\n")  # fmt: skip
        assert records.parse_script(shown, line_end_added=False) == (
            f"#!/bin/sh\n#SBATCH hetjob\n:{end}"
        )
    added = shown.replace(":Batch", ":\n\nBatch")
    assert records.parse_script(added, line_end_added=True) == "#!/bin/sh\n#SBATCH hetjob\n:\n"
    assert records.script_command("40+1")[-1] == "40+0"


def test_the_newest_jobs_are_handed_on_before_the_rest(
    release: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "FIRST_JOBS", 3)
    given: list[Job] = []
    raw = text(release, "queue").replace(NASTY, "nasty")
    jobs = queue.parse_queue(raw, mark="\x1e", first=given.extend).jobs
    assert len(jobs) > 3
    assert given == sorted(jobs, key=lambda job: job.job_id, reverse=True)[:3]


def test_controller(release: str) -> None:
    cost = controller.parse_cost(text(release, "cost"))
    calls, ms = cost["REQUEST_NODE_INFO"]
    assert calls > 0 and 0 < ms / calls < 100
    assert "alice" not in cost
    settings = controller.parse_settings(text(release, "settings"))
    assert settings["SLURM_VERSION"].startswith(release)
    features = controller.features_of(settings, "")
    assert features["usage"].detail == "jobacct_gather/cgroup"
    assert features["script"].available and features["accounting"].available
    assert not controller.features_of(settings, "no slurmdbd")["accounting"].available


def test_earliest_start_behind_a_job_that_never_starts(release: str) -> None:
    said = text(release, "possible")
    assert submit.parse_earliest_start(said, now=1_795_307_000).start_time is None
    near = submit.parse_earliest_start(said, now=3_584_880_000)
    assert near.start_time is not None
    assert (near.nodes, near.partition) == ("b1", "main")
    assert submit.parse_earliest_start("nonsense", now=0).message == "nonsense"


def test_errors(release: str) -> None:
    refused = words.error_of("sbatch", text(release, "impossible"), 1)
    assert type(refused) is Refused
    assert refused.what == "allocation failure: Requested node configuration is not available"
    unknown = change.parse_cancel(text(release, "unknown_cancel"))
    assert unknown == "Invalid job id specified"
    assert type(words.error_of("scancel", unknown, 0)) is BadRequest
    assert type(words.error_of("scontrol", text(release, "unknown_hold"), 1)) is BadRequest
