"""Jobs put first, suspended and resumed on this machine, whatever happens to the supervisor."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.local.record import COLUMNS
from jobshape.app.backends.local.store import ADDED_IN, SCHEMA_VERSION, Store
from jobshape.app.domain.errors import Refused
from jobshape.app.domain.request import JobChanges

from .sites import MIB, TestSite, until

# A script with a child in a session of its own: both must stop and go on.
BEATS = """
echo $$ > script.pid
setsid sh -c 'echo $$ > child.pid; while :; do echo b >> child; sleep 0.05; done' &
while :; do echo a >> script; sleep 0.05; done
"""


def start(site: TestSite, **fields: object) -> str:
    """A job that runs, both of its loops too."""
    job = site.submit(BEATS, memory_bytes=64 * MIB, **fields)
    until(lambda: (site.work / "child").exists() and (site.work / "script").exists(), bool)
    return job


def pid_of(site: TestSite, what: str) -> int:
    return int((site.work / f"{what}.pid").read_text())


def sizes(site: TestSite) -> tuple[int, int]:
    return (site.work / "script").stat().st_size, (site.work / "child").stat().st_size


def stands_still(site: TestSite) -> bool:
    before = sizes(site)
    time.sleep(0.25)  # five beats
    return sizes(site) == before


def goes_on(site: TestSite) -> bool:
    before = sizes(site)
    until(lambda: sizes(site), lambda now: now[0] > before[0] and now[1] > before[1], 10)
    return True


def test_all_processes_stop_and_go_on(site: TestSite) -> None:
    job = start(site)
    site.backend.suspend(job)
    record = site.record(job)
    assert (record.state, record.end_time, record.cpus) == ("SUSPENDED", None, 1)
    until(lambda: stands_still(site), bool)
    (node,) = site.backend.nodes()
    assert node.cpus_allocated == 1  # it keeps its slots
    with pytest.raises(Refused, match="not supported"):
        site.backend.suspend(job)
    site.backend.resume(job)
    assert site.record(job).state == "RUNNING"
    assert goes_on(site)
    with pytest.raises(Refused):
        site.backend.resume(job)


def test_only_what_runs_is_suspended(site: TestSite) -> None:
    held = site.submit("true", hold=True)
    for action in (site.backend.suspend, site.backend.resume):
        with pytest.raises(Refused, match="pending"):
            action(held)
    over = site.submit("true")
    site.wait(over, "COMPLETED")
    with pytest.raises(Refused, match="completed"):
        site.backend.suspend(over)


def test_it_stays_suspended_when_the_supervisor_is_killed(site: TestSite) -> None:
    job = start(site)
    site.backend.suspend(job)
    until(lambda: stands_still(site), bool)
    site.kill_supervisor()
    since = site.row(job).suspend_time
    os.kill(pid_of(site, "child"), signal.SIGCONT)  # one got away meanwhile
    assert site.record(job).state == "SUSPENDED"  # reading wakes a supervisor
    until(lambda: stands_still(site), bool)
    assert site.row(job).suspend_time == since
    site.backend.resume(job)
    assert goes_on(site)
    site.kill_supervisor()
    assert site.record(job).state == "RUNNING"
    assert goes_on(site)


def test_a_resume_that_is_only_on_disk_is_done_by_the_next_supervisor(site: TestSite) -> None:
    job = start(site)
    site.backend.suspend(job)
    until(lambda: stands_still(site), bool)
    site.kill_supervisor()
    store = Store.to_write(site.folder.database)
    row = store.job(int(job))
    assert row
    row.go_on(time.time())
    row.state = "RUNNING"
    store.update(row, "state", "suspend_time", "suspended_s")
    store.close()
    assert site.record(job).state == "RUNNING"
    assert goes_on(site)


def test_the_walltime_stands_still(site: TestSite) -> None:
    job = start(site, time_limit_s=2)
    site.backend.suspend(job)
    began = time.time()
    until(lambda: time.time() - began, lambda passed: passed > 2.1)  # longer than its walltime
    assert site.record(job).state == "SUSPENDED"
    site.backend.resume(job)
    record = site.record(job)
    assert record.state == "RUNNING" and record.end_time is not None
    assert record.end_time > began + 2
    site.wait(job, "TIMEOUT")
    row = site.row(job)
    assert row.suspended_s > 2 and row.suspend_time is None
    assert row.start_time and row.end_time
    ran_s = row.end_time - row.start_time - row.suspended_s
    assert ran_s > 1.9
    (accounted,) = site.backend.accounting(Scope.MINE, 0, jobs=[job])
    assert accounted.elapsed_s is not None and abs(accounted.elapsed_s - ran_s) <= 2


@pytest.mark.parametrize("action", ["cancel", "requeue"])
def test_a_suspended_job_can_be_ended(site: TestSite, action: str) -> None:
    job = start(site)
    child = Path(f"/proc/{pid_of(site, 'child')}")
    site.backend.suspend(job)
    until(lambda: stands_still(site), bool)
    getattr(site.backend, action)(job)
    site.wait(job, "CANCELLED" if action == "cancel" else "PENDING")
    until(child.exists, lambda there: not there)
    assert site.row(job).suspend_time is None


def test_a_job_that_is_killed_while_suspended_is_over(site: TestSite) -> None:
    job = start(site)
    site.backend.suspend(job)
    until(lambda: stands_still(site), bool)
    os.kill(pid_of(site, "script"), signal.SIGKILL)
    assert site.wait(job, "FAILED").exit_code == "0:9"
    assert site.row(job).suspend_time is None


def test_what_is_suspended_lets_nobody_start_in_its_place(site: TestSite) -> None:
    job = start(site, cpus_per_task=3)
    site.backend.suspend(job)
    other = site.submit("true", cpus_per_task=2)
    record = site.record(other)
    assert (record.state, record.start_time) == ("PENDING", None)  # nobody knows when
    site.backend.cancel(job)
    site.wait(other, "COMPLETED")


def test_top_goes_first_and_stays_there(site: TestSite) -> None:
    blocker = site.submit("sleep 60", cpus_per_task=4)
    site.wait(blocker, "RUNNING")
    jobs = [
        site.submit(f"echo {name} >> order", cpus_per_task=4, partition=partition)
        for name, partition in (("a", "main"), ("b", "smoke"), ("c", "main"))
    ]
    array = site.submit("echo $SLURM_ARRAY_TASK_ID >> order", cpus_per_task=4, array="1-3")
    site.backend.top(jobs[2])
    site.backend.top(f"{array}_2")
    site.kill_supervisor()
    first, then = site.record(f"{array}_2"), site.record(jobs[2])
    others = [site.record(jobs[0]), site.record(jobs[1]), site.record(f"{array}_[1,3]")]
    assert (first.priority or 0) > (then.priority or 0) > max(one.priority or 0 for one in others)
    site.backend.cancel(blocker)
    order = site.work / "order"
    done = until(lambda: order.exists() and order.read_text().split(), lambda d: d and len(d) == 6)
    assert done == ["2", "c", "b", "a", "1", "3"]
    with pytest.raises(Refused):
        site.backend.top(jobs[0])


def test_memory_of_a_suspended_job_is_not_changed(site: TestSite) -> None:
    job = start(site)
    site.backend.suspend(job)
    with pytest.raises(Refused, match="no longer pending"):
        site.backend.update(job, JobChanges(memory_bytes=99 * MIB))
    site.backend.update(job, JobChanges(comment="waits"))
    assert site.record(job).comment == "waits"


def as_first_format(site: TestSite) -> None:
    """Give the database the form it had in the first release."""
    db = sqlite3.connect(site.folder.database)
    for name in ADDED_IN:
        db.execute(f"ALTER TABLE jobs DROP COLUMN {name}")
    db.execute("PRAGMA user_version = 1")
    db.commit()
    db.close()


def test_a_queue_of_the_first_release_is_read_and_brought_forward(site: TestSite) -> None:
    held = site.submit("true", hold=True, name="kept |")
    site.kill_supervisor()
    before = site.row(held)
    as_first_format(site)
    assert site.record(held).name == "kept |"  # read as it is: nothing to do, no supervisor
    assert site.supervisor() is None
    assert site.row(held) == before
    site.backend.release(held)  # by a supervisor, which brings it forward
    site.wait(held, "COMPLETED")
    db = sqlite3.connect(site.folder.database)
    assert db.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
    columns = [row[1] for row in db.execute("PRAGMA table_info(jobs)")]
    db.close()
    assert sorted(columns) == sorted(COLUMNS)
