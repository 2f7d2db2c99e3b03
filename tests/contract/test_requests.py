"""What a job asks for, what may be asked for, and the actions on its place in the queue."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from jobshape.app.backends.base import Backend
from jobshape.app.domain.errors import BadRequest, NotSupported, Refused
from jobshape.app.domain.refusal import field_of_refusal
from jobshape.app.domain.request import JobChanges
from jobshape.app.domain.shape import JobShape

from .conftest import FACTS, WHICH, Site

MIB = 1 << 20
UNKNOWN_JOB = "99999999"


def shape(site: Site, job: str) -> JobShape:
    return site.backend.request_of(job).shape


def test_request_of_a_pending_job(site: Site) -> None:
    first = site.submit(hold=True)
    job = site.submit(
        name="a |\nname", comment="why = so", partition="gpu", tasks=2, cpus_per_task=3, nodes=1,
        memory_bytes=1536 * MIB, gpus="a100:2", time_limit_s=90 * 60, account="physics",
        qos="normal", dependency=f"afterany:{first}", features="gpu|busy", hold=True,
    )  # fmt: skip
    request = site.backend.request_of(job)
    assert request.shape == JobShape(
        partition="gpu", account="physics", qos="normal", nodes=1, tasks=2, cpus_per_task=3,
        memory_bytes=1536 * MIB, gpus="a100:2", time_limit_s=90 * 60, features="gpu|busy",
    )  # fmt: skip
    assert (request.job, request.name, request.comment) == (job, "a |\nname", "why = so")
    assert (request.work_dir, request.dependency) == (str(site.folder), f"afterany:{first}")
    assert (request.script_path, request.arguments) == ("", ())


def test_request_of_a_job_with_arguments(site: Site) -> None:
    job = site.submit(arguments=("a b", "", "c"), hold=True)
    assert site.backend.request_of(job).arguments in (None, ("a b", "", "c"))
    assert WHICH != "local" or site.backend.request_of(job).arguments is not None


def test_what_asks_for_no_gpu_says_nothing_of_them(site: Site) -> None:
    assert shape(site, site.submit(hold=True)).gpus is None


@pytest.mark.parametrize(
    ("options", "memory", "gpus"),
    [
        (["--mem-per-cpu=40", "--ntasks=2", "--cpus-per-task=3"], 240, None),
        (["--mem-per-gpu=50", "--gpus=a100:2", "--partition=gpu", "--nodes=1"], 100, "a100:2"),
        (["--mem=70", "--ntasks=2", "--nodes=1", "--gpus-per-task=a100:1", "--partition=gpu"], 70,
         "a100:2"),
        (["--mem=70", "--gres=gpu:3", "--partition=gpu"], 70, "3"),
    ],
    ids=["cpu", "gpu", "task", "gres"],
)  # fmt: skip
def test_memory_and_gpus_of_a_node_however_they_were_asked_for(
    site: Site, options: list[str], memory: int, gpus: str | None
) -> None:
    job = site.sbatch("--hold", *options, mem=None)
    asked = shape(site, job)
    assert (asked.memory_bytes, asked.gpus) == (memory * MIB, gpus)
    site.backend.update(job, JobChanges(memory_bytes=99 * MIB))
    if (
        gpus and "--gpus-per-task=a100:1" not in options
    ):  # 22.05 refuses another way to ask than by task
        site.backend.update(job, JobChanges(gpus="a100:1"))
        assert shape(site, job).gpus == "a100:1"
    assert shape(site, job).memory_bytes == 99 * MIB


def test_request_of_a_job_that_runs_and_of_one_that_is_over(site: Site) -> None:
    job = site.submit("#!/bin/sh\nsleep 300\n", cpus_per_task=2, memory_bytes=70 * MIB)
    site.wait(job, "RUNNING")
    asked = shape(site, job)
    assert (asked.tasks, asked.cpus_per_task, asked.memory_bytes) == (1, 2, 70 * MIB)
    assert (asked.nodes, asked.time_limit_s, asked.array) == (1, 300, None)
    site.backend.cancel(job)
    site.accounted(job, "CANCELLED")
    over = site.backend.request_of(job)
    assert (over.shape.memory_bytes, over.shape.time_limit_s) == (70 * MIB, 300)
    assert (over.name, over.work_dir) == ("contract", str(site.folder))


def test_request_of_an_array_its_tasks_and_one_task(site: Site) -> None:
    job = site.submit(array="0-3%1", cpus_per_task=2)
    site.wait(f"{job}_0", "RUNNING")
    assert shape(site, job).array == "0-3%1"
    task = site.backend.request_of(f"{job}_2")
    assert (task.job, task.shape.array, task.shape.cpus_per_task) == (f"{job}_2", None, 2)
    assert shape(site, f"{job}_0") == task.shape == replace(shape(site, job), array=None)
    assert shape(site, f"{job}_[1-3%1]").array == "1-3%1"
    site.backend.cancel(job)
    site.accounted(f"{job}_0", "CANCELLED")
    assert (shape(site, job).array or "").partition("%")[0] == "0-3"


def test_request_of_a_part_of_a_heterogeneous_job(site: Site) -> None:
    if not FACTS.het_jobs:
        with pytest.raises(NotSupported):
            site.backend.request_of("9+1")
        return
    script = "#!/bin/sh\n#SBATCH --mem=60\n#SBATCH hetjob\n#SBATCH --mem=70 -n2\nsleep 100\n"
    job = site.sbatch("--hold", script=script, mem=None)
    assert shape(site, f"{job}+0").memory_bytes == 60 * MIB
    second = shape(site, f"{job}+1")
    assert (second.memory_bytes, second.tasks, second.array) == (70 * MIB, 2, None)


@pytest.mark.parametrize("action", ["request_of", "suspend", "resume", "top"])
def test_unknown_job(backend: Backend, action: str) -> None:
    # Whom Slurm lets do it comes first, so only that may be told.
    wanted = BadRequest if action == "request_of" else (BadRequest, Refused)
    with pytest.raises(wanted):
        getattr(backend, action)(UNKNOWN_JOB)


WIDER = JobChanges(
    tasks=2, cpus_per_task=3, memory_bytes=90 * MIB, time_limit_s=8 * 60, partition="gpu",
    gpus="a100:1",
)  # fmt: skip


def is_wider(asked: JobShape) -> bool:
    found = (asked.tasks, asked.cpus_per_task, asked.memory_bytes, asked.time_limit_s,
             asked.partition, asked.gpus)  # fmt: skip
    return found == (2, 3, 90 * MIB, 480, "gpu", "a100:1")


def test_a_changed_shape_is_what_the_job_then_gets(site: Site) -> None:
    job = site.submit(hold=True, cpus_per_task=4)
    site.backend.update(job, WIDER)
    assert is_wider(shape(site, job))
    site.backend.release(job)
    record = site.wait(job, "RUNNING")
    assert (record.cpus, record.memory_bytes, record.gpus) == (6, 90 * MIB, 1)
    assert is_wider(shape(site, job))


@pytest.mark.parametrize("more", [1, 3], ids=["fewer", "more"])
def test_cpus_alone_are_changed_and_given(site: Site, more: int) -> None:
    job = site.submit(hold=True, cpus_per_task=2, tasks=2, nodes=1)
    site.backend.update(job, JobChanges(cpus_per_task=more))
    site.backend.release(job)
    assert site.wait(job, "RUNNING").cpus == 2 * more


def test_tasks_alone_are_changed_and_given(site: Site) -> None:
    job = site.submit(hold=True, cpus_per_task=2)
    site.backend.update(job, JobChanges(tasks=3))
    assert (shape(site, job).tasks, shape(site, job).cpus_per_task) == (3, 2)
    site.backend.release(job)
    assert site.wait(job, "RUNNING").cpus == 6


def test_gpus_are_taken_away(site: Site) -> None:
    job = site.submit(hold=True, partition="gpu", gpus="2")
    site.backend.update(job, JobChanges(gpus="0"))
    assert shape(site, job).gpus is None


def test_tasks_of_an_array_are_changed_apart(site: Site) -> None:
    job = site.submit(array="1-9", hold=True)
    site.backend.update(f"{job}_7", WIDER)
    site.backend.update(f"{job}_[1-3]", JobChanges(memory_bytes=80 * MIB))
    assert is_wider(shape(site, f"{job}_7"))
    assert [shape(site, f"{job}_{task}").memory_bytes for task in (1, 2, 3, 4, 9)] == [
        80 * MIB, 80 * MIB, 80 * MIB, 60 * MIB, 60 * MIB,
    ]  # fmt: skip
    site.backend.update(job, JobChanges(memory_bytes=95 * MIB, cpus_per_task=2))
    for task in (1, 3, 4, 7, 9):
        asked = shape(site, f"{job}_{task}")
        assert (asked.memory_bytes, asked.cpus_per_task) == (95 * MIB, 2)
    assert shape(site, job).array == "1-9"


def test_what_a_running_job_cannot_have_is_refused(site: Site) -> None:
    job = site.submit()
    site.wait(job, "RUNNING")
    before = shape(site, job)
    for changes in (JobChanges(memory_bytes=90 * MIB), JobChanges(cpus_per_task=2),
                    JobChanges(partition="smoke"), JobChanges(gpus="1")):  # fmt: skip
        with pytest.raises(Refused, match=r"no longer pending|extern step|permission denied"):
            site.backend.update(job, changes)
    assert shape(site, job) == before


@pytest.mark.parametrize(
    "changes",
    [JobChanges(cpus_per_task=900), JobChanges(tasks=9999), JobChanges(nodes=99),
     JobChanges(memory_bytes=900 << 40), JobChanges(gpus="a100:99", partition="gpu"),
     JobChanges(partition="smoke", time_limit_s=86400)],
    ids=["cpus", "tasks", "nodes", "memory", "gpus", "time"],
)  # fmt: skip
def test_what_is_refused_changes_nothing(site: Site, changes: JobChanges) -> None:
    job = site.submit(hold=True)
    before, record = shape(site, job), site.record(job)
    try:
        site.backend.update(job, changes)
    except Refused:
        pass
    else:  # Slurm takes some of it, and the job waits
        assert FACTS.has_controller
        assert shape(site, job) != before
        return
    assert shape(site, job) == before
    after = site.record(job)
    assert (after.cpus, after.memory_bytes, after.gpus) == (
        record.cpus, record.memory_bytes, record.gpus,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"partition": "nowhere"}, "partition"), ({"memory_bytes": 900 << 40}, "memory_bytes"),
     ({"dependency": "afterok:x"}, "dependency"), ({"array": "3-x"}, "array")],
    ids=["partition", "memory", "dependency", "array"],
)  # fmt: skip
def test_a_refusal_names_its_field(site: Site, fields: dict[str, object], field: str) -> None:
    with pytest.raises((Refused, BadRequest)) as caught:
        site.submit(**fields)
    assert field_of_refusal(f"{caught.value.what} {caught.value.hint}") == field


def test_limits(backend: Backend) -> None:
    limits = backend.limits()
    smoke = limits.partition("smoke")
    assert smoke and smoke.time_limit_s == 600
    assert smoke.refuses == FACTS.refuses_long_limits
    assert limits.partition("nowhere") is None
    if WHICH == "local":
        assert (smoke.nodes, smoke.node_cpus, smoke.gpus) == (1, 32, 4)
        assert smoke.node_memory_bytes == 32 << 30
        assert "no accounts" in limits.problem and not limits.qos
        return
    assert limits.problem == ""
    assert {one.name for one in limits.qos} >= {"normal", "high"}
    assert limits.default_account == FACTS.account
    place = limits.association("")
    assert place and place.account == FACTS.account and {"normal", "high"} <= set(place.qos)


def test_top(site: Site) -> None:
    held = site.submit(hold=True, array="1-3")
    try:
        site.backend.top(held)
    except Refused as error:  # as on most clusters: only where enable_user_top is set
        assert FACTS.has_controller
        assert re.search("denied|permission", error.what)
        return
    assert site.record(f"{held}_[1-3]").reason == "JobHeldUser"
    blocker = site.submit(cpus_per_task=30)
    site.wait(blocker, "RUNNING")
    one, two, three = (site.submit(cpus_per_task=4) for _ in range(3))
    site.backend.top(three)
    order = {job: site.record(job).priority or 0 for job in (one, two, three)}
    assert order[three] > order[one] >= order[two]
    site.backend.top(two)
    assert (site.record(two).priority or 0) > order[three]


def test_suspend_and_resume(site: Site) -> None:
    job = site.submit("#!/bin/sh\nwhile :; do date +%s.%N >> beats; sleep 0.1; done\n")
    if not FACTS.has_controller:  # slurmctld has nothing against it
        with pytest.raises(Refused):
            site.backend.resume(job)
    site.until((site.folder / "beats").exists, bool)
    try:
        site.backend.suspend(job)
    except Refused as error:  # most releases let operators do it only
        assert FACTS.has_controller
        assert re.search("denied|permission", error.what)
        return
    record = site.wait(job, "SUSPENDED")
    assert record.cpus == 1
    if not FACTS.has_controller:
        with pytest.raises(Refused):
            site.backend.suspend(job)
    beats = site.folder / "beats"
    sizes: list[int] = []
    site.until(lambda: sizes.append(beats.stat().st_size) or sizes,  # type: ignore[func-returns-value]
               lambda seen: len(seen) > 3 and seen[-1] == seen[-4])  # fmt: skip
    site.backend.resume(job)
    site.wait(job, "RUNNING")
    site.until(lambda: beats.stat().st_size, lambda size: size > sizes[-1])
    site.backend.suspend(job)
    site.wait(job, "SUSPENDED")
    site.backend.cancel(job)
    site.wait(job, "CANCELLED")
