"""What every backend must do, on a real scheduler."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import pytest
from jobshape.app.backends.base import Backend, Scope
from jobshape.app.domain.errors import BadRequest, NotSupported, Refused
from jobshape.app.domain.job import UNASSIGNED, UNLIMITED
from jobshape.app.domain.request import JobChanges, SubmitRequest
from jobshape.app.domain.states import is_finished
from jobshape.app.domain.step import Step

from .conftest import FACTS, SLEEP, Site

MIB = 1 << 20
UNKNOWN_JOB = "900000001"
NASTY = {
    "spaces": "  two  words ",
    "pipe": "a|b||c",
    "new line": "first\nsecond\n\nfourth",
    "tab and bell": "tab\there\x07",
    "unicode": "ünïcödé 日本語 ☃ \u2028 🚀",
    "quotes": "\"double\" 'single' `back`",
    "markup": "[bold red]x[/] [@click=app.quit]",
    "escape": "\x1b[31mred\x1b]0;title\x07",
    "shell": "$(id) $HOME %j ; & > /tmp/x \\ *",
    "our separators": "\x1c\x1d\x1e\x1f\x1e\n\x1f",
    "fields": "x\n   JobState=FAILED Reason=Evil\nJobId=1 Comment=no",
    "dash": "--name",
    "nothing": "(null)x N/A",
    "Slurm's nothing": "None",
    "a line end": "\n",
    "1,000 characters": "ab cd|ef\n" * 111 + "!",
}


def test_says_what_it_can(backend: Backend) -> None:
    found = backend.capabilities()
    assert re.fullmatch(FACTS.cluster, found.cluster)
    assert re.fullmatch(FACTS.version, found.scheduler_version)
    assert found.user == FACTS.user
    assert found.accounts == FACTS.accounts
    keys = {"accounting", "usage", "script", "gpu_usage", "submit", "private_data"}
    assert keys <= set(found.features)
    for key in ("accounting", "usage", "script", "submit"):
        assert found.features[key].available, (key, found.features[key])


def test_queue_by_scope(site: Site) -> None:
    job = int(site.submit(hold=True))
    mine, accounts, everybody = (
        site.backend.queue(scope) for scope in (Scope.MINE, Scope.ACCOUNTS, Scope.ALL)
    )
    for reading in (mine, accounts, everybody):
        assert job in {record.job_id for record in reading.jobs}
        assert not reading.unread
        assert reading.source
    assert {record.user for record in mine.jobs} == {FACTS.user}
    assert {record.account for record in accounts.jobs} == {FACTS.account}


@pytest.mark.parametrize("text", NASTY.values(), ids=NASTY)
def test_name_and_comment_survive(site: Site, text: str) -> None:
    job = site.submit(name=text, comment=text, hold=True)
    before = site.submit(name="after it", hold=True)
    record = site.record(job)
    assert (record.name, record.comment) == (text, text)
    assert record.state == "PENDING"
    assert site.record(before).name == "after it"
    shown = dict(field for _, fields in site.backend.detail(job).groups for field in fields)
    assert text in shown.values()
    assert "Evil" not in shown.values()


def test_fields_of_a_pending_job(site: Site) -> None:
    job = site.submit(
        partition="gpu", nodes=1, tasks=2, cpus_per_task=3, memory_bytes=1536 * MIB, gpus="a100:2",
        time_limit_s=90 * 60, comment="why", qos="normal", account="physics", hold=True,
    )  # fmt: skip
    record = site.record(job)
    assert record.label == job
    assert (record.state, record.reason, record.priority) == ("PENDING", "JobHeldUser", 0)
    assert (record.user, record.account, record.qos) == (FACTS.user, "physics", "normal")
    assert (record.partition, record.nodes, record.tasks, record.cpus) == ("gpu", 1, 2, 6)
    assert (record.memory_bytes, record.gpus) == (1536 * MIB, 2)
    assert (record.time_limit_s, record.work_dir) == (90 * 60, str(site.folder))
    assert (record.node_list, record.start_time, record.end_time) == ("", None, None)
    assert abs((record.submit_time or 0) - time.time()) < 30
    assert (record.array_job_id, record.array_task_id, record.array_tasks) == (None, None, "")
    assert (record.het_job_id, record.het_offset, record.restarts) == (None, None, 0)
    assert (record.dependency, record.features, record.reservation) == ("", "", "")
    assert (record.exit_code, record.stage) == ("", UNASSIGNED)
    for part in ("cpu=6", "mem=1.50G", "node=1", "gres/gpu"):
        assert part in record.tres


def test_fields_of_a_running_job(site: Site) -> None:
    job = site.submit()
    record = site.wait(job, "RUNNING")
    assert record.start_time is not None and record.end_time is not None
    assert record.end_time - record.start_time == record.time_limit_s == 300
    assert (record.reason, record.exit_code) == ("", "")
    assert record.node_list in {node.name for node in site.backend.nodes()}
    assert (record.cpus, record.memory_bytes, record.gpus, record.nodes) == (1, 60 * MIB, 0, 1)
    assert "mem=60M" in record.tres


def test_dependency_and_features(site: Site) -> None:
    first = site.submit(hold=True)
    job = site.submit(dependency=f"afterok:{first}")
    record = site.until(lambda: site.record(job), lambda j: j.reason == "Dependency")
    assert record.dependency == f"afterok:{first}(unfulfilled)"
    site.backend.update(job, JobChanges(features="busy"))
    assert site.record(job).features == "busy"


def test_pending_array_is_one_record(site: Site) -> None:
    job = site.submit(array="1-500%20", hold=True)
    (record,) = site.records(job)
    assert (record.array_job_id, record.array_task_id) == (int(job), None)
    assert record.array_tasks == "1-500%20"
    assert record.label == f"{job}_[1-500%20]"


def test_long_array_expression_is_whole(site: Site) -> None:
    tasks = ",".join(str(number * number) for number in range(60))
    job = site.submit(array=tasks, hold=True)
    (record,) = site.records(job)
    assert record.array_tasks == "0-1," + tasks.removeprefix("0,1,")


def test_array_that_has_started(site: Site) -> None:
    job = site.submit(array="0-3%1")
    site.until(lambda: site.records(job), lambda found: len(found) == 2)
    by_label = {record.label: record for record in site.records(job)}
    assert set(by_label) == {f"{job}_0", f"{job}_[1-3%1]"}
    task = by_label[f"{job}_0"]
    assert (task.array_job_id, task.array_task_id, task.array_tasks) == (int(job), 0, "")
    assert task.job_id != int(job)
    assert by_label[f"{job}_[1-3%1]"].job_id == int(job)

    site.backend.cancel(f"{job}_2")
    site.until(
        lambda: site.records(job), lambda found: f"{job}_[1,3%1]" in [r.label for r in found]
    )
    site.backend.update(job, JobChanges(array_throttle=3))
    site.until(
        lambda: {record.label for record in site.records(job) if record.state == "RUNNING"},
        lambda labels: labels == {f"{job}_{task}" for task in (0, 1, 3)},
    )
    site.backend.cancel(job)
    site.until(
        lambda: {record.state for record in site.records(job)},
        lambda states: not states & {"RUNNING", "PENDING"},
    )


def test_array_throttle_of_a_pending_array(site: Site) -> None:
    job = site.submit(array="1-9%2", hold=True)
    site.backend.update(job, JobChanges(array_throttle=5))
    assert site.record(job).array_tasks == "1-9%5"
    site.backend.update(job, JobChanges(array_throttle=0))
    assert site.record(job).array_tasks == "1-9"


def test_heterogeneous_job(site: Site) -> None:
    script = "#!/bin/sh\n#SBATCH --mem=60\n#SBATCH hetjob\n#SBATCH --mem=70 -n2\nsleep 100\n"
    if not FACTS.het_jobs:
        with pytest.raises(NotSupported, match="heterogeneous"):
            site.sbatch("--hold", script=script)
        return
    job = site.sbatch("--hold", script=script)
    parts = {record.label: record for record in site.records(job)}
    assert set(parts) == {f"{job}+0", f"{job}+1"}
    assert [parts[f"{job}+{n}"].het_offset for n in (0, 1)] == [0, 1]
    assert [parts[f"{job}+{n}"].cpus for n in (0, 1)] == [1, 2]
    assert parts[f"{job}+1"].job_id != int(job) == parts[f"{job}+1"].het_job_id


def test_hold_and_release(site: Site) -> None:
    job = site.submit(hold=True)
    site.backend.release(job)
    site.wait(job, "RUNNING")
    other = site.submit(dependency=f"afterany:{job}")
    site.backend.hold(other)
    record = site.record(other)
    assert (record.reason, record.priority) == ("JobHeldUser", 0)


def test_requeue(site: Site) -> None:
    job = site.submit()
    site.wait(job, "RUNNING")
    site.backend.requeue(job)
    record = site.wait(job, "PENDING")
    assert record.restarts == 1
    assert (record.exit_code, record.node_list) == ("", "")


def test_cancel(site: Site) -> None:
    job = site.submit(hold=True)
    site.backend.cancel(job)
    assert site.wait(job, "CANCELLED").job_id == int(job)
    with pytest.raises((Refused, BadRequest)):
        site.backend.hold(job)


def test_signal_is_only_sent(site: Site) -> None:
    step = "trap 'echo heard; exit 0' USR1; touch ready; while :; do sleep 0.1; done"
    job = site.submit(f'#!/bin/sh\nsrun sh -c "{step}"\n')
    site.until((site.folder / "ready").exists, bool)
    site.backend.cancel(job, signal="USR1")
    site.wait(job, "COMPLETED")
    assert (site.folder / f"out-{job}").read_text() == "heard\n"


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"partition": "nowhere"}, "Invalid partition name specified"),
        ({"memory_bytes": 900 << 30}, "not available|cannot be satisfied|Memory required by task"),
        ({"dependency": "afterok:nonsense"}, "dependency"),
    ],
    ids=["partition", "memory", "dependency"],
)
def test_refused_with_the_controllers_words(
    site: Site, shape: dict[str, object], words: str
) -> None:
    with pytest.raises(Refused) as caught:
        site.submit(**shape)
    assert re.search(words, caught.value.what)


@pytest.mark.parametrize(
    ("shape", "words"),
    [({"account": "nobody"}, "Invalid account"), ({"qos": "nothing"}, "Invalid qos")],
    ids=["account", "qos"],
)
def test_an_account_or_qos_that_is_not_there(
    site: Site, shape: dict[str, object], words: str
) -> None:
    if FACTS.checks_accounts:
        with pytest.raises(Refused) as caught:
            site.submit(**shape)
        assert re.search(words, caught.value.what)
        return
    said = site.backend.capabilities().features["accounts"]
    assert not said.available and "decide nothing" in said.detail
    record = site.record(site.submit(hold=True, **shape))
    assert shape.items() <= record._asdict().items()  # kept, for the day it moves to Slurm


def test_a_limit_that_is_too_long(site: Site) -> None:
    if FACTS.refuses_long_limits:
        with pytest.raises(Refused, match="Requested time limit is invalid"):
            site.submit(partition="smoke", time_limit_s=3600)
    else:
        job = site.submit(partition="smoke", time_limit_s=3600)
        site.until(lambda: site.record(job).reason, lambda reason: reason == "PartitionTimeLimit")
    running = site.submit()
    site.wait(running, "RUNNING")
    with pytest.raises(Refused, match="Access/permission denied"):
        site.backend.update(running, JobChanges(time_limit_s=12 * 3600))


def test_not_a_script(site: Site) -> None:
    with pytest.raises((Refused, BadRequest), match=r"batch script|#!"):
        site.submit("echo no interpreter\n")


def test_update(site: Site) -> None:
    job = site.submit(hold=True)
    changes = JobChanges(
        name="new |\nname", comment="new = comment\n|", partition="smoke", qos="high",
        time_limit_s=8 * 60, memory_bytes=123 * MIB, nice=7,
    )  # fmt: skip
    site.backend.update(job, changes)
    record = site.record(job)
    assert (record.name, record.comment) == (changes.name, changes.comment)
    assert (record.partition, record.qos) == ("smoke", "high")
    assert (record.time_limit_s, record.memory_bytes) == (8 * 60, 123 * MIB)
    site.backend.update(job, JobChanges(dependency=f"afterany:{site.submit(hold=True)}"))
    assert site.record(job).dependency.startswith("afterany:")
    site.backend.update(job, JobChanges(dependency="", partition="gpu", gpus="2"))
    record = site.record(job)
    assert (record.dependency, record.gpus) == ("", 2)


def test_update_of_the_size(site: Site) -> None:
    job = site.submit(hold=True)
    nodes = FACTS.most_nodes
    changes = JobChanges(tasks=2, cpus_per_task=2, nodes=nodes, exclude_nodes="b1")
    site.backend.update(job, changes)
    record = site.record(job)
    assert (record.tasks, record.nodes, record.cpus) == (2, nodes, 4)


def test_pulse_changes_with_the_jobs(site: Site) -> None:
    release = site.backend.capabilities().scheduler_version.partition(" ")[2]
    if not FACTS.has_controller or release < "24.05":
        with pytest.raises(NotSupported):
            site.backend.pulse()
        return
    job = site.submit(hold=True)
    held = site.backend.pulse()
    site.backend.update(job, JobChanges(comment="no state"))
    assert site.backend.pulse() == held
    site.backend.release(job)
    site.wait(job, "RUNNING")
    assert site.backend.pulse() != held


def test_update_that_is_refused(site: Site) -> None:
    job = site.submit(hold=True)
    with pytest.raises(Refused, match="Invalid partition name specified"):
        site.backend.update(job, JobChanges(partition="nowhere"))
    assert site.record(job).partition == "main"


@pytest.mark.parametrize(
    "action", ["cancel", "hold", "release", "requeue", "detail", "script", "log_paths"]
)
def test_unknown_job(backend: Backend, action: str) -> None:
    with pytest.raises(BadRequest):
        getattr(backend, action)(UNKNOWN_JOB)


@pytest.mark.parametrize("action", ["cancel", "hold", "release", "requeue", "detail", "script"])
@pytest.mark.parametrize("job", ["--user=alice", "--name=x", "JobName=x", "1,2", "", "*"])
def test_what_is_no_job_is_not_sent(site: Site, action: str, job: str) -> None:
    """Any of these words could mean other jobs, or all of them, to Slurm's commands."""
    with pytest.raises(BadRequest):
        getattr(site.backend, action)(job)


def test_the_label_of_an_array_is_understood(site: Site) -> None:
    array = site.submit(array="1-9%2", hold=True)
    (record,) = site.records(array)
    assert record.label == f"{array}_[1-9%2]"
    site.backend.release(record.label)
    site.backend.hold(record.label)
    site.until(lambda: {r.priority for r in site.records(array)}, lambda found: found == {0})
    assert site.backend.detail(record.label).groups[0][0] == "Job"
    assert site.backend.script(record.label) == SLEEP
    site.backend.cancel(record.label)
    site.until(lambda: {r.state for r in site.records(array)}, lambda found: found <= {"CANCELLED"})


def test_update_or_signal_of_an_unknown_job(backend: Backend) -> None:
    with pytest.raises(BadRequest):
        backend.update(UNKNOWN_JOB, JobChanges(comment="x"))
    with pytest.raises(BadRequest):
        backend.cancel(UNKNOWN_JOB, signal="USR1")


def test_usage(site: Site) -> None:
    busy = "b = bytearray(90 << 20)\nwhile True: pass"
    job = site.submit(f"#!/bin/sh\nexec python3 -c '{busy}'\n", memory_bytes=200 * MIB)
    held = site.submit(hold=True)
    site.wait(job, "RUNNING")
    (usage,) = site.until(
        lambda: site.backend.usage([job, held, UNKNOWN_JOB]),
        lambda found: bool(found) and (found[0].cpu_time_s or 0) >= 2,
    )
    assert usage.job_id == int(job)
    assert 90 * MIB < (usage.memory_bytes or 0) < 150 * MIB
    assert 90 * MIB < (usage.memory_peak_bytes or 0) < 150 * MIB
    assert 2 <= (usage.cpu_time_s or 0) < 45
    assert abs(usage.at - time.time()) < 5
    assert usage[5:] == (None, None, None, "", "")  # a job without GPUs
    assert site.backend.usage([held]) == []
    assert site.backend.usage([]) == []


def test_usage_of_a_step_over_the_components_of_a_heterogeneous_job(site: Site) -> None:
    if not FACTS.het_jobs:
        return
    script = "#!/bin/sh\n#SBATCH --mem=60\n#SBATCH hetjob\n#SBATCH --mem=70 -n2\n"
    first = site.sbatch(script=f"{script}srun --het-group=0,1 sleep 100\n", mem=None)
    ids = {str(site.wait(f"{first}+{at}", "RUNNING").job_id) for at in (0, 1)}
    found = site.until(lambda: site.backend.usage(sorted(ids)), lambda some: len(some) == 2)
    assert {str(one.job_id) for one in found} == ids
    assert all(one.memory_bytes for one in found)


def test_usage_of_gpus(site: Site) -> None:
    """In a box through the stand-in for nvidia-smi: its Slurm counts GPUs but measures none."""
    job = site.submit(partition="gpu", gpus="a100:2", memory_bytes=600 * MIB)
    site.wait(job, "RUNNING")
    (usage,) = site.until(lambda: site.backend.usage([job]), bool)
    assert (usage.gpu_source, usage.gpu_note) == (FACTS.gpu_source, "")
    least, most = FACTS.gpu_percents
    assert usage.gpu_percent is not None and least <= usage.gpu_percent <= most
    assert usage.gpu_memory_total_bytes == 2 * 80 << 30
    assert usage.gpu_memory_bytes is not None
    assert (usage.gpu_memory_bytes > 0) is FACTS.has_controller
    steps = site.backend.calls.get("REQUEST_JOB_STEP_CREATE", 0)
    (again,) = site.backend.usage([job])
    assert again[5:] == usage[5:]
    assert site.backend.calls.get("REQUEST_JOB_STEP_CREATE", 0) == steps  # once a minute

    site.backend.cancel(job)
    ended = site.accounted(job, "CANCELLED")
    known = (ended.gpu_percent is not None, ended.gpu_memory_peak_bytes is not None)
    assert known == (FACTS.accounts_gpus,) * 2
    assert ended.derived_exit_code in ("0:0", "0:15", "")


@pytest.mark.parametrize(
    "script",
    [
        "#!/bin/bash\n# ü 日本 \t \\ $HOME `x` 'q' \"d\" |\n\n\n  echo  done  \n",
        "#!/bin/sh\ntrue",
        "#!/bin/sh\n" + "echo a long one\n" * 5000,
    ],
    ids=["signs", "no end of line", "long"],
)
def test_script_round_trip(site: Site, script: str) -> None:
    assert site.backend.script(site.submit(script, hold=True)) == script


def test_script_of_an_array(site: Site) -> None:
    job = site.submit(array="0-1")
    site.wait(f"{job}_1", "RUNNING")
    assert site.backend.script(job) == site.backend.script(f"{job}_1") == SLEEP


def test_log_paths(site: Site) -> None:
    plain = site.submit("#!/bin/sh\necho x\n", stdout=None)
    named = site.submit(
        "#!/bin/sh\necho x\n", name="n m", stdout=f"{site.folder}/%x_%j_%u.o%%", stderr="%x.%4j.err"
    )
    array = site.submit("#!/bin/sh\necho x\n", array="3", stdout=f"{site.folder}/%A-%a-%x.log")
    paths = {job: site.backend.log_paths(job) for job in (plain, named, f"{array}_3")}
    for job in (plain, named, f"{array}_3"):
        site.wait(job, "COMPLETED")
    assert paths[plain].stdout == paths[plain].stderr == f"{site.folder}/slurm-{plain}.out"
    assert paths[named].stderr == f"{site.folder}/n m.{int(named):04}.err"
    for found in paths.values():
        assert Path(found.stdout).is_file(), found
        assert Path(found.stderr).is_file(), found
        assert found.stdin == "/dev/null"
    assert {site.backend.log_paths(job) for job in paths} == set(paths.values())


def test_read_log(site: Site) -> None:
    log = site.folder / "two words '%j'.log"
    log.write_bytes(bytes(range(256)) * 2000)
    read = site.backend.read_log
    part = read(str(log), 100, 4)
    assert (part.state, part.offset, part.data) == ("found", 100, b"defg")
    assert part.size == 512_000 and part.modified_at == pytest.approx(log.stat().st_mtime, abs=1e-3)
    end = read(str(log), -300, 256 << 10)
    assert (end.offset, end.data, end.mark) == (511_700, log.read_bytes()[-300:], part.mark)
    assert read(str(log), 0, 0).data == read(str(log), 512_000, 9).data == b""
    assert read(str(log), 1, 256 << 10).data == log.read_bytes()[1 : (256 << 10) + 1]
    assert read(f"{site.folder}/none", 0, 9).state == "missing"
    assert read(f"{site.folder}/none/log", 0, 9).state == "no folder"
    os.mkfifo(site.folder / "pipe")
    for path in (str(site.folder), f"{site.folder}/pipe", "/dev/null"):
        assert read(path, 0, 9).state == "unreadable"
    if os.geteuid() != 0:
        log.chmod(0)
        assert read(str(log), 0, 9).why == "Permission denied"
    for path, size in (("log", 9), (str(log), (256 << 10) + 1)):
        with pytest.raises(BadRequest):
            read(path, 0, size)


def test_read_log_on_the_jobs_node(site: Site) -> None:
    job = site.submit("#!/bin/sh\necho here\nprintf '\\377x'\nexec sleep 300\n")
    site.wait(job, "RUNNING")
    path = f"{site.folder}/out-{job}"
    wanted = b"here\n\xffx"
    part = site.until(
        lambda: site.backend.read_log(path, 0, 999, on_node_of=job),
        lambda found: found.size == len(wanted),
    )
    assert part.data == wanted
    assert site.backend.read_log(path, -2, 999, on_node_of=job).data == b"\xffx"
    assert site.backend.read_log(f"{path}.none", 0, 9, on_node_of=job).state == "missing"
    if FACTS.has_controller:  # it was not read here instead
        assert site.backend.calls["REQUEST_JOB_STEP_CREATE"] >= 5
        shown = dict(field for _, fields in site.backend.detail(job).groups for field in fields)
        assert shown.get("DerivedExitCode", "0:0") == "0:0", "it looks as if the job had failed"
    with pytest.raises(BadRequest):
        site.backend.read_log(path, 0, 9, on_node_of=UNKNOWN_JOB)


def test_arguments_and_environment_and_folder(site: Site) -> None:
    script = '#!/bin/sh\nfor a in "$@"; do echo "<$a>"; done\necho "$WHAT"\necho "$LC_ALL"\npwd\n'
    job = site.submit(
        script, arguments=("a b", "--x='y'", ""), environment={"WHAT": "ä b\nc,d=e", "PATH": "/bin"}
    )
    site.wait(job, "COMPLETED")
    lines = (site.folder / f"out-{job}").read_text()
    assert lines == f"<a b>\n<--x='y'>\n<>\nä b\nc,d=e\n\n{site.folder}\n"


def test_earliest_start(site: Site) -> None:
    possible = SubmitRequest(SLEEP, memory_bytes=60 * MIB, time_limit_s=60, partition="smoke")
    found = site.backend.earliest_start(possible)
    assert found.start_time is not None
    assert -5 <= found.start_time - time.time() < 3600
    assert found.nodes in {node.name for node in site.backend.nodes()}
    with pytest.raises(Refused) as caught:
        site.backend.earliest_start(SubmitRequest(SLEEP, memory_bytes=900 << 30))
    assert caught.value.what
    with pytest.raises(Refused, match="Invalid partition name specified"):
        site.backend.earliest_start(SubmitRequest(SLEEP, partition="nowhere"))


def test_nodes(site: Site) -> None:
    nodes = {node.name: node for node in site.backend.nodes()}
    assert set(nodes) >= FACTS.nodes
    assert len(nodes) == len(site.backend.nodes())
    gpu_node = nodes[FACTS.gpu_node]
    assert (gpu_node.gpus, gpu_node.gpu_types) == (4, "a100:4")
    assert "gpu" in gpu_node.partitions
    assert ("main" in gpu_node.partitions) is FACTS.main_on_gpu_node
    assert (gpu_node.cpus or 0) > 1 and (gpu_node.memory_bytes or 0) > 1 << 30
    assert all(node.usable and node.cpu_load is not None for node in nodes.values())
    if FACTS.featured_node:
        assert nodes[FACTS.featured_node].features == "busy"

    job = site.submit(partition="gpu", gpus="1", cpus_per_task=2, memory_bytes=300 * MIB)
    where = site.wait(job, "RUNNING").node_list
    node = {node.name: node for node in site.backend.nodes()}[where]
    assert (node.gpus_allocated or 0) >= 1 and (node.cpus_allocated or 0) >= 2
    assert (node.memory_allocated_bytes or 0) >= 300 * MIB
    assert node.state.startswith("MIXED")


def test_partitions(backend: Backend) -> None:
    partitions = {partition.name: partition for partition in backend.partitions()}
    assert {"main", "gpu", "smoke"} <= set(partitions)
    assert [name for name, partition in partitions.items() if partition.is_default] == ["main"]
    smoke = partitions["smoke"]
    assert (smoke.state, smoke.time_limit_s, smoke.nodes) == ("UP", 600, FACTS.smoke_nodes)
    assert (smoke.priority_tier, smoke.allow_accounts, smoke.qos) == (FACTS.smoke_tier, "", "")
    assert all(
        p.time_limit_s == UNLIMITED or (p.time_limit_s or 0) > 0 for p in partitions.values()
    )


def test_cost_and_calls(backend: Backend) -> None:
    before = dict(backend.calls)
    backend.queue(Scope.MINE)
    backend.nodes()
    grown = {name for name, count in backend.calls.items() if count > before.get(name, 0)}
    assert "REQUEST_NODE_INFO" in grown
    assert any(name.startswith("REQUEST_JOB") for name in grown)
    cost = backend.controller_cost().per_call_ms
    assert 0 <= cost["REQUEST_NODE_INFO"] < 1000
    assert (cost["REQUEST_NODE_INFO"] > 0) is FACTS.has_controller


def test_steps(site: Site, ended: dict[str, str]) -> None:
    held = site.submit(hold=True)
    site.until(lambda: _known_steps(site, held), lambda steps: steps == [])
    job = site.submit()
    site.wait(job, "RUNNING")
    found = site.until(
        lambda: _known_steps(site, job), lambda steps: any(s.step == "batch" for s in steps)
    )
    batch = next(step for step in found if step.step == "batch")
    assert (batch.state, batch.exit_code, batch.end_time) == ("RUNNING", "", None)
    assert batch.start_time is not None and (batch.nodes, batch.cpus) == (1, 1)
    site.accounted(ended["failed"], "FAILED")
    over = site.until(
        lambda: _known_steps(site, ended["failed"]), lambda steps: any(s.end_time for s in steps)
    )
    batch = next(step for step in over if step.step == "batch")
    assert (batch.state, batch.exit_code) == ("FAILED", "3:0")
    assert batch.elapsed_s is not None and batch.total_cpu_s is not None
    with pytest.raises(BadRequest):
        site.backend.steps(UNKNOWN_JOB)


def _known_steps(site: Site, job: str) -> list[Step]:
    """None yet where accounting has not heard of the job."""
    try:
        return site.backend.steps(job)
    except BadRequest:
        return []


def test_accounting_of_ended_jobs(site: Site, ended: dict[str, str]) -> None:
    killed = site.accounted(ended["out of memory"], "OUT_OF_MEMORY")
    assert killed.job.exit_code == "0:125"
    assert 40 * MIB < (killed.max_rss_bytes or 0) <= 61 * MIB
    assert (killed.job.memory_bytes, killed.job.time_limit_s) == (60 * MIB, 300)

    failed = site.accounted(ended["failed"], "FAILED")
    assert (failed.job.exit_code, failed.derived_exit_code) == ("3:0", "0:0")
    assert (failed.job.name, failed.job.comment) == ("ends\nbadly | [b]", "ü\n|")
    assert (failed.job.cpus, failed.job.nodes, failed.job.gpus) == (1, 1, 0)
    assert failed.job.work_dir and failed.job.user == FACTS.user

    cancelled = site.accounted(ended["cancelled"], "CANCELLED")
    assert (cancelled.elapsed_s or 0) >= 2
    start, end = cancelled.job.start_time, cancelled.job.end_time
    assert start is not None and end is not None and end - start == cancelled.elapsed_s

    done = site.accounted(ended["done"], "COMPLETED")
    assert (done.job.exit_code, done.job.label) == ("0:0", ended["done"])
    assert done.total_cpu_s is not None and done.total_cpu_s < 5


def test_accounting_between_times(site: Site, ended: dict[str, str]) -> None:
    job = site.accounted(ended["failed"], "FAILED").job
    assert job.submit_time is not None and job.end_time is not None

    def ids(since: int, until: int | None = None) -> set[int]:
        return {
            found.job.job_id for found in site.backend.accounting(Scope.MINE, since, until)
        }  # fmt: skip

    assert job.job_id in ids(job.submit_time - 10)
    assert job.job_id in ids(job.submit_time - 10, job.end_time + 1)
    assert job.job_id not in ids(job.end_time + 2)
    assert job.job_id not in ids(job.submit_time - 1000, job.submit_time - 1)


def test_accounting_of_what_ended_only(site: Site, ended: dict[str, str]) -> None:
    job = site.accounted(ended["failed"], "FAILED").job
    held = site.submit("#!/bin/sh\n", hold=True)
    assert job.submit_time is not None and job.end_time is not None

    def ids(since: int, until: int | None = None) -> set[int]:
        found = site.backend.accounting(Scope.MINE, since, until, ended=True)
        assert all(is_finished(one.job.state) for one in found)
        return {one.job.job_id for one in found}

    assert {job.job_id} == ids(job.submit_time - 10) & {job.job_id, int(held)}
    assert job.job_id in ids(job.submit_time - 10, job.end_time + 1)
    assert job.job_id not in ids(job.submit_time - 10, job.end_time - 1), "it ran on"
    assert job.job_id not in ids(job.end_time + 2)
    chosen = site.backend.accounting(
        Scope.MINE, job.submit_time - 10, jobs=[ended["failed"], held], ended=True
    )
    assert [one.job.job_id for one in chosen] == [job.job_id]


def test_accounting_of_an_array(site: Site) -> None:
    job = site.submit("#!/bin/sh\nexit $SLURM_ARRAY_TASK_ID\n", array="0-2%1")
    site.until(
        lambda: {record.label: record.state for record in site.records(job)},
        lambda states: states.get(f"{job}_2") == "FAILED",
    )

    def ends() -> dict[str, str]:
        found = site.backend.accounting(Scope.MINE, int(time.time()) - 600, jobs=[job])
        return {accounted.job.label: accounted.job.exit_code for accounted in found}

    expected = {f"{job}_0": "0:0", f"{job}_1": "1:0", f"{job}_2": "2:0"}
    site.until(ends, lambda found: found == expected)


def test_job_that_left_the_queue(site: Site, ended: dict[str, str]) -> None:
    """The last of the file: the controller forgets a job only after MinJobAge."""
    job = ended["failed"]
    site.until(
        lambda: int(job) in {record.job_id for record in site.backend.queue(Scope.MINE).jobs},
        lambda there: not there,
        timeout_s=120,
    )
    shown = dict(field for _, fields in site.backend.detail(job).groups for field in fields)
    assert {"FAILED", "3:0", "ends\nbadly | [b]", job} <= set(shown.values())
    assert site.backend.script(job) == "#!/bin/sh\nexit 3\n"
    with pytest.raises((Refused, BadRequest)):
        site.backend.hold(job)
