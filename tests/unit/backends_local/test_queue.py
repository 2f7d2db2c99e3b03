"""Arrays, dependencies, holds and the order of the queue, as Slurm has them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import cast

import pytest
from jobshape.app.backends.base import Scope
from jobshape.app.backends.local.actions import Actions
from jobshape.app.backends.local.backend import LocalBackend
from jobshape.app.backends.local.config import LocalSite
from jobshape.app.backends.local.limits import Limits
from jobshape.app.backends.local.machine import machine_of
from jobshape.app.backends.local.queue import Queue
from jobshape.app.backends.local.record import LocalJob
from jobshape.app.backends.local.runs import Runs
from jobshape.app.backends.local.store import Store
from jobshape.app.domain.array_tasks import TaskSet
from jobshape.app.domain.errors import BadRequest, NotSupported, Refused
from jobshape.app.domain.request import JobChanges, SubmitRequest

from .sites import GIB, TestSite, recorded_gpus, until


def labels(site: TestSite, job: str) -> dict[str, str]:
    """State by label, of all records of an array."""
    return {
        record.label: record.state
        for record in site.backend.queue(Scope.MINE).jobs
        if int(job) in (record.job_id, record.array_job_id)
    }


def test_tasks_of_an_array_one_by_one(site: TestSite) -> None:
    job = site.submit("true", array="0-9%2", hold=True)
    site.backend.cancel(f"{job}_[1,3-4]")
    assert labels(site, job) == {
        f"{job}_[0,2,5-9%2]": "PENDING", f"{job}_1": "CANCELLED", f"{job}_3": "CANCELLED",
        f"{job}_4": "CANCELLED",
    }  # fmt: skip
    site.backend.update(f"{job}_7", JobChanges(comment="seven", memory_bytes=GIB))
    assert site.record(f"{job}_7").comment == "seven"
    assert site.record(f"{job}_[0,2,5-6,8-9%2]").comment == ""
    site.backend.release(f"{job}_7")
    site.wait(f"{job}_7", "COMPLETED")
    assert site.record(f"{job}_[0,2,5-6,8-9%2]").reason == "JobHeldUser"
    site.backend.release(job)
    until(lambda: set(labels(site, job).values()), lambda s: s == {"CANCELLED", "COMPLETED"})
    assert labels(site, job).keys() == {f"{job}_{task}" for task in range(10)}
    ids = [record.job_id for record in site.backend.queue(Scope.MINE).jobs]
    assert len(ids) == len(set(ids)) == 10 and int(job) in ids
    with pytest.raises(BadRequest):
        site.backend.cancel(f"{job}_10")


@pytest.mark.parametrize("action", ["cancel", "hold", "update"])
@pytest.mark.parametrize(
    "tasks", ["10000-29999", ",".join(map(str, range(0, 40000, 2)))], ids=["range", "every other"]
)
def test_many_tasks_of_an_array_at_once(tmp_path: Path, action: str, tasks: str) -> None:
    store = Store.to_write(tmp_path / "queue.db")
    machine = machine_of(LocalSite(folder=str(tmp_path), cpus=4, gpus="none"))
    queue = Queue(store, machine)
    job = LocalJob(name="big", partition="main", array_tasks="0-39999", submit_time=1.0)
    with store.transaction():
        queue.add(job, 1.0)
    statements: list[str] = []
    store._db.set_trace_callback(statements.append)
    actions = Actions(queue, cast(Runs, None), cast(Limits, None))
    arguments: dict[str, object] = {"job": f"{job.id}_[{tasks}]"}
    arguments |= {"cancel": {"signal": None}, "update": {"changes": {"comment": "x"}}}.get(
        action, {}
    )
    before = time.process_time()
    with store.transaction():
        actions.do(action, arguments, 2.0)
    used_s = time.process_time() - before
    rewritten = [text for text in statements if text.startswith("UPDATE jobs SET array_tasks")]
    assert len(rewritten) == 1 and len(statements) <= 3 * 20_000 + 10
    assert used_s < (2 if action == "cancel" else 10)
    rows = store.array(job.id)
    assert len(rows) == 20_001 and len({row.id for row in rows}) == 20_001
    assert len(queue.tasks(job)) == len(TaskSet.parse(rows[0].array_tasks)) == 20_000
    assert not set(queue.tasks(job)) & {row.task_id for row in rows}
    new = rows[1:]
    expected = {"cancel": ("CANCELLED", 0, ""), "hold": ("PENDING", 1, ""),
                "update": ("PENDING", 0, "x")}[action]  # fmt: skip
    assert {(row.state, row.held, row.comment) for row in new} == {expected}
    assert len(queue.jobs) == (1 if action == "cancel" else 20_001)
    store.close()


def test_what_can_never_run_is_no_work(make_site: Callable[..., TestSite], tmp_path: Path) -> None:
    path = recorded_gpus(tmp_path / "nvml.json", 2)
    site = make_site(gpus=path, idle_exit_s=0.5)
    wide = site.submit("true", cpus_per_task=4, hold=True)
    with_gpus = site.submit("true", gpus="2", hold=True)
    fitting = site.submit("true", cpus_per_task=2, hold=True)
    recorded_gpus(tmp_path / "nvml.json", 1)
    before = site.backend
    site.backend = LocalBackend(site.site._replace(cpus=2, idle_exit_s=0.6))
    for job in (wide, with_gpus, fitting):
        site.backend.release(job)
    for job in (wide, with_gpus):
        assert (site.record(job).reason, site.row(job).reason) == ("BadConstraints",) * 2
        assert site.record(job).start_time is None
    site.wait(fitting, "COMPLETED")
    until(site.supervisor, lambda pid: pid is None)
    site.backend.queue(Scope.MINE)
    assert site.supervisor() is None
    site.backend.update(wide, JobChanges(comment="of no size"))
    with pytest.raises(Refused):
        site.backend.update(wide, JobChanges(cpus_per_task=3))
    until(site.supervisor, lambda pid: pid is None)
    site.backend = before  # and the machine has grown again
    site.wait(wide, "COMPLETED")
    assert site.record(with_gpus).reason == "BadConstraints"
    site.backend.update(with_gpus, JobChanges(gpus="1"))
    site.wait(with_gpus, "COMPLETED")


def test_requests_about_a_task_by_its_own_id(site: TestSite) -> None:
    job = site.submit("sleep 60", array="1-3")
    until(lambda: labels(site, job), lambda found: set(found.values()) == {"RUNNING"})
    second = str(site.record(f"{job}_2").job_id)
    assert second != job
    site.backend.cancel(second)
    site.wait(f"{job}_2", "CANCELLED")
    assert labels(site, job)[f"{job}_1"] == labels(site, job)[f"{job}_3"] == "RUNNING"
    site.backend.cancel(job)  # the array, though its last task has the same number
    until(lambda: set(labels(site, job).values()), lambda found: found == {"CANCELLED"})


def test_dependencies_on_arrays(site: TestSite) -> None:
    array = site.submit("exit $((SLURM_ARRAY_TASK_ID == 1))", array="0-2", hold=True)
    whole = site.submit("true", dependency=f"afterany:{array}")
    good = site.submit("true", dependency=f"afterok:{array}_2")
    bad = site.submit("true", dependency=f"afterok:{array}")
    not_good = site.submit("true", dependency=f"afternotok:{array}")
    each = site.submit("true", dependency=f"aftercorr:{array}", array="0-3")
    assert site.record(whole).dependency == f"afterany:{array}(unfulfilled)"
    assert site.record(good).dependency == f"afterok:{array}_2(unfulfilled)"
    site.backend.release(array)
    for job in (whole, good, not_good, f"{each}_0", f"{each}_2"):
        site.wait(job, "COMPLETED")
    for job in (bad, f"{each}_1", f"{each}_3"):
        record = site.record(job)
        assert (record.state, record.reason) == ("PENDING", "DependencyNeverSatisfied")
    assert site.record(bad).dependency == f"afterok:{array}(failed)"


def test_a_limit_counts_for_tasks_with_records_of_their_own(site: TestSite) -> None:
    first = site.submit("true", array="0-3", hold=True)
    job = site.submit("sleep 0.3", array="0-3%1", dependency=f"aftercorr:{first}")
    site.backend.release(first)
    until(lambda: set(labels(site, job).values()), lambda found: found == {"COMPLETED"})
    found = site.backend.accounting(Scope.MINE, 0, jobs=[job])
    rows = sorted((site.row(str(one.job.job_id)) for one in found), key=lambda r: r.start_time or 0)
    assert len(rows) == 4
    assert all((r.end_time or 0) <= (after.start_time or 0) for r, after in pairwise(rows))


def test_after_and_singleton(site: TestSite) -> None:
    first = site.submit("sleep 0.4; date +%s.%N > first", name="same", hold=True)
    after = site.submit("date +%s.%N > after", dependency=f"after:{first}", name="other")
    alone = site.submit("date +%s.%N > alone", dependency="singleton", name="same")
    later = site.submit("true", dependency=f"after:{first}+1", name="later")
    assert site.record(alone).dependency == "singleton(unfulfilled)"
    site.backend.release(first)
    for job in (first, after, alone):
        site.wait(job, "COMPLETED")
    times = [float((site.work / name).read_text()) for name in ("after", "first", "alone")]
    assert times == sorted(times)
    assert site.record(later).dependency == f"after:{first}+1(unfulfilled)"
    assert site.record(later).state == "PENDING"  # a minute later


def test_a_singleton_whose_forerunner_gets_another_name(site: TestSite) -> None:
    first = site.submit("until [ -e go ]; do sleep 0.05; done", name="same")
    alone = site.submit("true", dependency="singleton", name="same")
    site.backend.update(first, JobChanges(name="other"))
    site.wait(alone, "COMPLETED")
    late = site.submit("true", dependency="singleton", name="third", hold=True)
    site.backend.update(first, JobChanges(name="third"))
    site.backend.release(late)
    assert site.record(late).dependency == "singleton(unfulfilled)"
    (site.work / "go").touch()
    site.wait(late, "COMPLETED")


@pytest.mark.parametrize("way", ["aftercorr", "singleton"])
def test_many_that_wait_cost_an_event_little(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of thousands only those are judged anew whom a start or an end may concern."""
    queue = Queue(
        Store.to_write(tmp_path / "queue.db"),
        machine_of(LocalSite(folder=str(tmp_path), cpus=4, gpus="none")),
    )
    judged: list[int] = []
    judge = Queue.judge
    monkeypatch.setattr(
        Queue, "judge", lambda self, job, now: (judged.append(job.id), judge(self, job, now))[1]
    )
    first = LocalJob(name="n", partition="main", array_tasks="0-499", submit_time=1.0)
    with queue.store.transaction():
        queue.add(first, 1.0)
        if way == "aftercorr":
            second = replace(first, id=0, array_tasks="0-499", dependency=f"aftercorr:{first.id}")
            queue.add(second, 1.0)
            for task in list(queue.tasks(second)):
                queue.judge(queue.split(second, task, 1.0), 1.0)
        else:
            for _ in range(500):
                queue.add(replace(first, id=0, array_id=None, array_tasks="",
                                  dependency="singleton"), 1.0)  # fmt: skip
        judged.clear()
        for _ in range(10):
            job = queue.start(first, 2.0, ())
            queue.finish(job, "COMPLETED", 3.0)
    assert len(judged) <= 10 * 4
    if way == "aftercorr":
        ready = [job.task_id for job, _ in queue.ready() if job.dependency]
        assert ready == list(range(10))
    queue.store.close()


def test_a_job_that_is_tried_again_gives_hope_again(site: TestSite) -> None:
    first = site.submit("[ -e there ]")
    after = site.submit("true", dependency=f"afterok:{first}")
    site.wait(first, "FAILED")
    until(lambda: site.record(after).reason, lambda reason: reason == "DependencyNeverSatisfied")
    (site.work / "there").touch()
    site.backend.requeue(first)
    record = site.record(after)
    assert (record.reason, record.dependency) == ("Dependency", f"afterok:{first}(unfulfilled)")
    site.backend.release(first)  # at once
    site.wait(after, "COMPLETED")


def test_any_of_several(site: TestSite) -> None:
    held, done = site.submit("true", hold=True), site.submit("true")
    both = site.submit("true", dependency=f"afterok:{held},afterok:{done}")
    either = site.submit("true", dependency=f"afterok:{held}?afterok:{done}")
    site.wait(either, "COMPLETED")
    assert site.record(both).dependency == f"afterok:{held}(unfulfilled)"
    site.backend.update(both, JobChanges(dependency=""))
    site.wait(both, "COMPLETED")


def test_dependencies_that_make_no_sense(site: TestSite) -> None:
    first = site.submit("true", hold=True)
    second = site.submit("true", dependency=f"afterok:{first}")
    for text in ("afterok:999", f"afterok:{first}_3"):
        with pytest.raises(Refused, match="Job dependency problem"):
            site.submit("true", dependency=text)
    for job, text in ((first, f"afterok:{second}"), (first, f"afterany:{first}")):
        with pytest.raises(Refused, match="Job dependency problem"):
            site.backend.update(job, JobChanges(dependency=text))


def test_a_cancelled_job_lets_nobody_wait_for_its_success(site: TestSite) -> None:
    first = site.submit("true", hold=True)
    second = site.submit("true", dependency=f"afterok:{first}")
    third = site.submit("true", dependency=f"afterany:{first}")
    site.backend.cancel(first)
    site.wait(third, "COMPLETED")
    assert site.record(second).reason == "DependencyNeverSatisfied"
    site.backend.cancel(second)
    site.wait(second, "CANCELLED")


def test_smoke_goes_first_and_reasons_say_why(site: TestSite) -> None:
    blocker = site.submit("while [ ! -e go ]; do sleep 0.05; done", cpus_per_task=4)
    site.wait(blocker, "RUNNING")
    main = site.submit("echo main >> order", cpus_per_task=4)
    smoke = site.submit("echo smoke >> order", cpus_per_task=4, partition="smoke")
    later = site.submit("#!/bin/sh\n#SBATCH --begin=now+1hour\ntrue\n")
    first, second = site.record(smoke), site.record(main)
    assert (first.reason, second.reason) == ("Resources", "Priority")
    assert (first.priority or 0) > (second.priority or 0) > 0
    assert first.start_time == (site.record(blocker).end_time or 0)
    assert (second.start_time or 0) >= (first.start_time or 0) + 300
    assert site.record(later).reason == "BeginTime"
    before = site.record(main)
    time.sleep(1.1)
    assert site.record(main) == before  # what waits does not look different every second
    (site.work / "go").touch()
    for job in (smoke, main):
        site.wait(job, "COMPLETED")
    assert (site.work / "order").read_text().split() == ["smoke", "main"]


def test_a_change_takes_effect(site: TestSite) -> None:
    blocker = site.submit("sleep 60", cpus_per_task=3, time_limit_s=600)
    site.wait(blocker, "RUNNING")
    job = site.submit("true", cpus_per_task=2)
    assert site.record(job).reason == "Resources"
    site.backend.update(job, JobChanges(cpus_per_task=1))
    site.wait(job, "COMPLETED")


def test_requeue_of_a_job_that_is_over(site: TestSite) -> None:
    job = site.submit("echo $SLURM_RESTART_COUNT >> restarts")
    site.wait(job, "COMPLETED")
    site.backend.requeue(job)
    record = site.record(job)
    assert (record.state, record.reason, record.restarts) == ("PENDING", "BeginTime", 1)
    site.backend.release(job)  # no sooner than its begin time
    assert site.record(job).state == "PENDING"
    with pytest.raises(Refused, match="pending"):
        site.backend.requeue(job)


def test_what_is_over_stays_over(site: TestSite) -> None:
    job = site.submit("true")
    site.wait(job, "COMPLETED")
    for action in (site.backend.cancel, site.backend.hold, site.backend.release):
        with pytest.raises(Refused, match="completed"):
            action(job)
    with pytest.raises(Refused, match="completed"):
        site.backend.update(job, JobChanges(comment="x"))
    running = site.submit("sleep 60")
    site.wait(running, "RUNNING")
    with pytest.raises(Refused, match="no longer pending"):
        site.backend.hold(running)
    with pytest.raises(NotSupported):
        site.backend.cancel("3+1")


def test_ids_are_never_given_twice(make_site: Callable[..., TestSite]) -> None:
    site = make_site(keep_finished_s=0.0)
    first = int(site.submit("true"))
    site.wait(str(first), "COMPLETED")
    site.kill_supervisor()
    second = int(site.submit("true"))  # a new supervisor forgets what is too old
    assert second == first + 1
    assert first not in [found.job.job_id for found in site.backend.accounting(Scope.MINE, 0)]


def test_accounting_forgets_and_blobs_go_with_it(make_site: Callable[..., TestSite]) -> None:
    site = make_site()
    for number in range(3):
        site.submit(f"# {number}\ntrue", hold=number == 2)
    until(lambda: [r.state for r in site.backend.queue(Scope.MINE).jobs].count("COMPLETED"),
          lambda done: done == 2)  # fmt: skip
    site.kill_supervisor()
    store = Store.to_write(site.folder.database)
    with store.transaction():
        assert store.prune(time.time() + 1) == 2
    assert store.kept(site.row("3").script)
    assert len(store._db.execute("SELECT * FROM blobs").fetchall()) == 2
    store.close()


def test_earliest_start(site: TestSite) -> None:
    job = site.submit("sleep 60", cpus_per_task=3, time_limit_s=600)
    end = site.wait(job, "RUNNING").end_time or 0
    request = SubmitRequest("#!/bin/sh\n#SBATCH -c 2 -t 10\ntrue\n")
    found = site.backend.earliest_start(request)
    assert found.start_time == end and found.partition == "main"
    small = site.backend.earliest_start(SubmitRequest("#!/bin/sh\ntrue\n"))
    assert abs((small.start_time or 0) - time.time()) < 2
    with pytest.raises(Refused):
        site.backend.earliest_start(SubmitRequest("#!/bin/sh\n#SBATCH -c 5\ntrue\n"))
