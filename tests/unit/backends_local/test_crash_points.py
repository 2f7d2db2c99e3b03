"""A supervisor that dies at the worst moments: no job is lost, none runs twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.local import launch, spool
from jobshape.app.backends.local.process_tree import descendants, start_of
from jobshape.app.backends.local.store import Store

from .sites import TestSite, until

PATCHES = {
    "a start is on disk, nobody was forked": """
        runs.Runs.launch = lambda self, job: die()
    """,
    "the shepherd is slow to make its claim": """
        take = spool.take_claim
        spool.take_claim = lambda folder, claim: (time.sleep(1.0), take(folder, claim))[1]
        start = nursery.Nursery.start
        nursery.Nursery.start = lambda *args: (start(*args), die())
    """,
    "forked, not yet watched": """
        start = nursery.Nursery.start
        nursery.Nursery.start = lambda *args: (start(*args), time.sleep(0.2), die())
    """,
    "the end is seen, not yet on disk": """
        finish = queue.Queue.finish
        queue.Queue.finish = lambda *args: (finish(*args), die())
    """,
    "the end is on disk, its files are still there": """
        runs.Runs.forget = lambda self, run: die()
    """,
    "a submission is on disk, not yet answered": """
        door.Door.answer = lambda *args: die()
    """,
}
CODE = """
import os, sys, time
from jobshape.app.backends.local import __main__ as main
from jobshape.app.backends.local import door, nursery, queue, runs, shepherd, spool, supervisor
def die():
    os.kill(os.getpid(), 9)
{patch}
sys.exit(main.main())
"""


def start_patched(site: TestSite, patch: str) -> int:
    """Start a supervisor with something in it replaced; gives its pid."""
    site.folder.make()
    code = CODE.format(patch=textwrap.dedent(patch))
    command = [sys.executable, "-c", code, json.dumps(site.site.head())]
    subprocess.run(command, check=True, timeout=20, stdin=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)  # fmt: skip
    pid = site.supervisor()
    assert pid
    return pid


@pytest.mark.parametrize("patch", PATCHES.values(), ids=PATCHES)
def test_killed_at_the_worst_moment(site: TestSite, patch: str) -> None:
    pid = start_patched(site, patch)
    for _ in range(2):
        command = [sys.executable, "-c", SUBMIT, json.dumps(site.site.head()), str(site.work)]
        subprocess.run(command, check=False, timeout=20, capture_output=True)
    until(lambda: start_of(pid), lambda start: start is None)
    until(
        lambda: {job.state for job in site.backend.queue(Scope.MINE).jobs},
        lambda states: states == {"COMPLETED"},
    )
    time.sleep(1.2)  # for whoever comes late
    jobs = sorted(str(job.job_id) for job in site.backend.queue(Scope.MINE).jobs)
    assert 1 <= len(jobs) <= 2
    assert sorted((site.work / "ran").read_text().split()) == jobs
    launch.start(site.site)  # with every job over before the death nothing else starts one
    until(lambda: list(site.folder.spool.iterdir()), lambda left: not left)


SUBMIT = """
import json, sys
from jobshape.app.domain.request import SubmitRequest
from jobshape.app.backends.local.backend import LocalBackend
from jobshape.app.backends.local.config import LocalSite
script = "#!/bin/sh\\necho $SLURM_JOB_ID >> ran; sleep 0.1\\n"
backend = LocalBackend(LocalSite.from_head(json.loads(sys.argv[1])))
backend.submit(SubmitRequest(script, work_dir=sys.argv[2]))
"""


def test_a_second_supervisor_is_refused(site: TestSite) -> None:
    site.submit("sleep 0.1")
    first = site.supervisor()
    launch.start(site.site)
    assert site.supervisor() == first


def test_a_running_job_is_found_again_and_ended_in_time(site: TestSite) -> None:
    job = site.submit("trap '' TERM; sleep 60 & echo $! > child; wait; sleep 60",
                      time_limit_s=3)  # fmt: skip
    until((site.work / "child").exists, bool)
    site.kill_supervisor()
    assert site.wait(job, "TIMEOUT", timeout_s=10).exit_code == "0:0"
    child = int((site.work / "child").read_text())
    assert start_of(child) is None


def test_pids_that_went_to_somebody_else_are_not_adopted(site: TestSite) -> None:
    """The claim names pid and start time; here the pid is ours, the time is not."""
    job = site.submit("sleep 60")
    claim_path = site.folder.spool / f"{job}.1" / "claim"
    until(claim_path.exists, bool)
    site.kill_supervisor()
    claim = spool.read_claim(claim_path.parent)
    assert claim
    claim_path.write_text(json.dumps(claim._replace(start=claim.start - 5)))
    record = site.wait(job, "NODE_FAIL")
    assert record.reason == "NodeFail"


def test_after_the_machine_was_started_anew(site: TestSite) -> None:
    once = site.submit("sleep 60")
    again = site.submit("#!/bin/sh\n#SBATCH --requeue\nsleep 60\n")
    for job in (once, again):
        site.wait(job, "RUNNING")
    site.kill_supervisor()
    store = Store.to_write(site.folder.database)
    with store.transaction():
        store.note("boot", "another")
    store.close()
    assert site.wait(once, "NODE_FAIL").reason == "NodeFail"
    record = site.wait(again, "PENDING", "RUNNING")
    assert record.restarts == 1
    shown = dict(field for _, fields in site.backend.detail(once).groups for field in fields)
    assert "started anew" in shown["Message"]


NO_CGROUPS = "supervisor.cgroup.find_base = lambda: None"


@pytest.mark.parametrize("patch", ["", NO_CGROUPS], ids=["as found", "no control groups"])
def test_killed_shepherd(site: TestSite, patch: str) -> None:
    """Its job's processes are found by their environment and ended before their slots are free."""
    start_patched(site, patch)
    from jobshape.app.backends.local import spool

    job = site.submit("setsid sleep 60 & echo $! > child; sleep 60", cpus_per_task=4)
    after = site.submit("true", cpus_per_task=4)
    until(lambda: (site.work / "child").exists() and (site.work / "child").read_text(), bool)
    claim = spool.read_claim(site.folder.spool / f"{job}.1")
    assert claim
    os.kill(claim.pid, signal.SIGKILL)
    assert site.wait(job, "NODE_FAIL").exit_code == "0:9"
    assert start_of(int((site.work / "child").read_text())) is None
    site.wait(after, "COMPLETED")
    assert site.groups() == []


def test_killed_nursery(site: TestSite) -> None:
    """The process that forks shepherds is replaced; a job that it may have started runs once."""
    first = site.submit("sleep 0.5; echo first >> ran")
    site.wait(first, "RUNNING")
    os.kill(descendants(site.supervisor() or 0)[0], signal.SIGKILL)
    second = site.submit("echo second >> ran")
    for job in (first, second):
        site.wait(job, "COMPLETED")
    assert sorted((site.work / "ran").read_text().split()) == ["first", "second"]


LOST = """
    def lost(link, task):
        from pathlib import Path
        if not Path({flag!r}).exists():
            Path({flag!r}).touch()
            fork(task)
            os._exit(1)
        answer(link, task)
    answer, fork = nursery._answer, nursery.fork_shepherd
    nursery._answer = lost
"""


def test_a_nursery_that_dies_before_it_answers(site: TestSite) -> None:
    start_patched(site, LOST.format(flag=str(site.work / "flag")))
    job = site.submit("sleep 0.3; echo ran >> ran")
    site.wait(job, "COMPLETED")
    assert (site.work / "ran").read_text() == "ran\n"
    assert site.row(job).state == "COMPLETED"
