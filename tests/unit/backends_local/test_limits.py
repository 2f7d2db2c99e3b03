"""Limits are real: memory, walltime, the whole tree of processes, GPUs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.local import cgroup
from jobshape.app.backends.local.process_tree import start_of
from jobshape.app.domain.request import SubmitRequest

from .sites import GIB, MIB, TestSite, recorded_gpus, until
from .test_crash_points import NO_CGROUPS, start_patched

HUNGRY = "exec python3 -c 'import time; b = bytearray({0} << 20); time.sleep(30)'"


WAYS = ["sampled", "control groups"] if cgroup.find_base() else ["sampled"]


@pytest.fixture(params=WAYS)
def limited(request: pytest.FixtureRequest, site: TestSite) -> TestSite:
    """A site that keeps memory limits in one of the two ways."""
    if request.param == "sampled":
        start_patched(site, NO_CGROUPS)
    return site


def test_out_of_memory(limited: TestSite) -> None:
    job = limited.submit(HUNGRY.format(200), memory_bytes=60 * MIB)
    other = limited.submit(HUNGRY.format(20), memory_bytes=60 * MIB)
    record = limited.wait(job, "OUT_OF_MEMORY")
    assert (record.exit_code, record.reason) == ("0:125", "OutOfMemory")
    row = limited.row(job)
    assert 50 * MIB < (row.peak_bytes or 0) <= 60 * MIB
    assert "memory" in row.message
    assert limited.record(other).state == "RUNNING"
    until(
        lambda: sum(one.memory_bytes or 0 for one in limited.backend.usage([other])),
        lambda used: used > 20 * MIB,
    )
    limited.backend.cancel(other)
    limited.wait(other, "CANCELLED")
    assert 20 * MIB < (limited.row(other).peak_bytes or 0) < 60 * MIB
    assert limited.groups() == []


def test_memory_that_processes_share_counts_once(site: TestSite) -> None:
    """Four processes show the same 40 MiB as theirs: 160 MiB by RSS, far less by PSS."""
    start_patched(site, NO_CGROUPS)
    share = (
        "import os, time; b = bytearray(40 << 20); [os.fork() for _ in range(2)]; time.sleep(1.5)"
    )
    job = site.submit(f"exec python3 -c '{share}'", memory_bytes=100 * MIB)
    assert site.wait(job, "COMPLETED", "OUT_OF_MEMORY").state == "COMPLETED"


def test_memory_of_all_processes_together(site: TestSite) -> None:
    start_patched(site, NO_CGROUPS)
    one = HUNGRY.format(45).removeprefix("exec ")
    job = site.submit(f"setsid {one} &\n{one} &\nwait", memory_bytes=80 * MIB)
    assert site.wait(job, "OUT_OF_MEMORY").exit_code == "0:125"


def test_walltime_and_whoever_hides_from_it(site: TestSite) -> None:
    """TERM is ignored, one child has a session of its own, one has lost its parent."""
    script = (
        "trap '' TERM\nsetsid sleep 61 &\n(sh -c 'exec sleep 62' &)\nsleep 63 &\n"
        "pgrep -f '^sleep 6[123]' -U $(id -u) > pids\nsleep 64\nsleep 65\n"
    )
    job = site.submit(script, time_limit_s=2)
    pids = until(lambda: pids_in(site.work / "pids"), lambda found: len(found) >= 3)
    record = site.wait(job, "TIMEOUT")
    assert (record.exit_code, record.reason) == ("0:0", "TimeLimit")
    assert (record.end_time or 0) - (record.start_time or 0) <= 5
    assert [pid for pid in pids if start_of(pid) is not None] == []


def pids_in(path: Path) -> list[int]:
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def test_term_comes_first(site: TestSite) -> None:
    job = site.submit("trap 'echo saved; exit 0' TERM; sleep 60 & wait", time_limit_s=1)
    site.wait(job, "TIMEOUT")
    assert site.output(job) == "saved\n"


def test_signal_before_the_end(site: TestSite) -> None:
    job = site.submit(
        "#!/bin/sh\n#SBATCH --signal=B:USR1@58\ntrap 'echo warned; exit 4' USR1\n"
        "while :; do sleep 0.1; done\n", time_limit_s=60,
    )  # fmt: skip
    assert site.wait(job, "FAILED").exit_code == "4:0"
    assert site.output(job) == "warned\n"


def test_what_a_script_leaves_behind_goes_with_it(site: TestSite) -> None:
    job = site.submit("setsid sleep 60 & echo $! > child; exit 0")
    site.wait(job, "COMPLETED")
    (child,) = pids_in(site.work / "child")
    assert start_of(child) is None


def test_cancel_of_a_running_job(site: TestSite) -> None:
    job = site.submit("sleep 60 & echo $! > child; wait")
    (child,) = until(lambda: pids_in(site.work / "child"), bool)
    site.backend.cancel(job)
    record = site.wait(job, "CANCELLED")
    assert record.exit_code == "0:15"
    assert start_of(child) is None


def test_a_job_whose_log_waits_for_a_reader_can_be_ended(site: TestSite) -> None:
    """Its script was never started: to open a FIFO takes somebody at its other end."""
    os.mkfifo(site.work / "fifo")
    job = site.submit("echo never", stdout="fifo", time_limit_s=1)
    site.wait(job, "RUNNING")
    assert site.wait(job, "TIMEOUT").reason == "TimeLimit"
    site.wait(site.submit("true", cpus_per_task=4), "COMPLETED")  # its slots are free again


def test_ended_by_a_signal(site: TestSite) -> None:
    record = site.wait(site.submit("kill -SEGV $$"), "FAILED")
    assert record.exit_code == "0:11"
    assert record.reason.startswith("RaisedSignal:11(")


def test_cpu_time_and_memory_are_accounted(site: TestSite) -> None:
    burn = "import time\nb = bytearray(50 << 20)\nwhile time.process_time() < 0.7: pass"
    job = site.submit(f"python3 -c '{burn}' & python3 -c '{burn}' & wait", memory_bytes=400 * MIB)
    site.wait(job, "COMPLETED")
    (accounted,) = site.backend.accounting(Scope.MINE, 0, jobs=[job])
    assert 1.4 <= (accounted.total_cpu_s or 0) < 4
    assert 55 * MIB < (accounted.max_rss_bytes or 0) < 400 * MIB


def test_a_small_job_has_a_peak_of_its_own(site: TestSite) -> None:
    """What forked its script was larger than it; one too short to be looked at may have none."""
    small, short = site.submit("sleep 1.5"), site.submit("true")
    for job in (small, short):
        site.wait(job, "COMPLETED")
        (accounted,) = site.backend.accounting(Scope.MINE, 0, jobs=[job])
        assert accounted.max_rss_bytes or job == short
        assert (accounted.max_rss_bytes or 0) <= 8 * MIB


def test_two_of_ours_never_share_a_gpu(make_site: Callable[..., TestSite], tmp_path: Path) -> None:
    site = make_site(cpus=8, gpus=recorded_gpus(tmp_path / "nvml.json", 4))
    show = "echo $CUDA_VISIBLE_DEVICES; sleep 1"
    jobs = [site.submit(show, gpus=count) for count in ("2", "1", "2", "a100:1")]
    (usage,) = until(lambda: site.backend.usage(jobs[:1]), bool)
    assert usage[5:] == (40.0, 0, 160 * GIB, "nvml", "")
    without = site.submit('echo "<$CUDA_VISIBLE_DEVICES>"')
    assert site.wait(without, "COMPLETED") and site.output(without) == "<>\n"
    for job in jobs:
        site.wait(job, "COMPLETED")
    first, second, third, fourth = (site.output(job).strip() for job in jobs)
    assert (first, second, fourth) == ("0,1", "2", "3")  # the third waits for two together
    assert third in ("0,1", "0,2", "1,2", "0,3", "1,3", "2,3")
    (ended,) = site.backend.accounting(Scope.MINE, 0, jobs=jobs[:1])
    assert (ended.gpu_percent, ended.gpu_memory_peak_bytes) == (40.0, 0)
    (ended,) = site.backend.accounting(Scope.MINE, 0, jobs=[without])
    assert (ended.gpu_percent, ended.gpu_memory_peak_bytes) == (None, None)


def test_gpus_that_nvml_no_longer_reads_have_no_figures(
    make_site: Callable[..., TestSite], tmp_path: Path
) -> None:
    path = tmp_path / "nvml.json"
    site = make_site(gpus=recorded_gpus(path, 2))
    job = site.submit("sleep 60", gpus="2")
    site.wait(job, "RUNNING")
    path.write_text("{}")
    (usage,) = until(lambda: site.backend.usage([job]), bool)
    assert usage[5:9] == (None, None, None, "")
    assert usage.gpu_note.startswith("no GPU figures: NVML does not answer. To get them: ")


def test_a_machine_without_gpus_says_that_there_are_no_figures(site: TestSite) -> None:
    gpu_usage = site.backend.capabilities().features["gpu_usage"]
    assert not gpu_usage.available and gpu_usage.hint
    assert gpu_usage.detail == "no GPU figures: no GPU was found"
    job = site.submit("sleep 60")
    site.wait(job, "RUNNING")
    (usage,) = until(lambda: site.backend.usage([job]), bool)
    assert usage[5:] == (None, None, None, "", "")


def test_a_gpu_that_somebody_else_uses_is_waited_for(
    make_site: Callable[..., TestSite], tmp_path: Path
) -> None:
    path = tmp_path / "nvml.json"
    site = make_site(gpus=recorded_gpus(path, 2, used={0: 400 * MIB, 1: 600 * MIB}))
    one = site.submit("echo $CUDA_VISIBLE_DEVICES", gpus="1")
    two = site.submit("echo $CUDA_VISIBLE_DEVICES", gpus="2")
    small = site.submit("true")
    site.wait(one, "COMPLETED")
    site.wait(small, "COMPLETED")
    assert site.output(one) == "0\n"
    assert (site.record(two).state, site.record(two).reason) == ("PENDING", "Resources")
    assert site.record(two).start_time is None  # nobody knows when somebody else leaves
    again = site.backend.earliest_start(SubmitRequest("#!/bin/sh\n", gpus="2"))
    assert again.start_time is None
    recorded_gpus(path, 2)
    site.wait(two, "COMPLETED")
    assert site.output(two) == "0,1\n"


def test_types_of_gpus(make_site: Callable[..., TestSite], tmp_path: Path) -> None:
    names = ("NVIDIA A100-SXM4-80GB", "Tesla T4")
    site = make_site(gpus=recorded_gpus(tmp_path / "nvml.json", 4, names=names))
    assert site.backend.nodes()[0].gpu_types == "a100:2,t4:2"
    job = site.submit("echo $CUDA_VISIBLE_DEVICES $SLURM_GPUS", gpus="t4:2")
    site.wait(job, "COMPLETED")
    assert site.output(job) == "1,3 t4:2\n"


def test_nothing_wakes_an_idle_supervisor(site: TestSite) -> None:
    site.submit("true", hold=True)
    job = site.submit("true")
    site.wait(job, "COMPLETED")
    pid = site.supervisor()
    assert pid
    time.sleep(0.5)

    def switches() -> int:
        status = Path(f"/proc/{pid}/status").read_text()
        return int(status.partition("voluntary_ctxt_switches:\t")[2].split()[0])

    before = switches()
    time.sleep(1.5)
    assert switches() == before


def test_it_ends_when_there_is_nothing_to_do(make_site: Callable[..., TestSite]) -> None:
    site = make_site(idle_exit_s=0.3)
    held = site.submit("true", hold=True)
    never = site.submit("true", dependency=f"afternotok:{site.submit('true')}")
    until(site.supervisor, lambda pid: pid is None)
    assert site.record(never).reason == "DependencyNeverSatisfied"
    assert site.record(held).reason == "JobHeldUser"
    assert site.supervisor() is None  # to look starts nobody
    site.backend.release(held)
    site.wait(held, "COMPLETED")
    until(site.supervisor, lambda pid: pid is None)


def test_a_stopped_job_can_be_ended(site: TestSite) -> None:
    job = site.submit("echo $$ > self; sleep 60")
    (pid,) = until(lambda: pids_in(site.work / "self"), bool)
    os.kill(pid, signal.SIGSTOP)
    site.backend.cancel(job)
    site.wait(job, "CANCELLED")
