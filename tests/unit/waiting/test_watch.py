"""The watch over a site: looks at jobs, nodes and partitions become what a forecaster observes."""

from jobshape.app.domain.job import NO_JOB, UNLIMITED, AccountedJob, Job
from jobshape.app.domain.past import PastJob
from jobshape.app.domain.shape import JobShape
from jobshape.app.domain.site import Node, Partition
from jobshape.app.waiting.watch import QueueWatch

MAIN = Partition("main", "UP", True, 2, 16, 86400, 3600, 1, "", "", "", "")
LONG = MAIN._replace(name="long", is_default=False)
GPU = MAIN._replace(name="gpu", is_default=False, time_limit_s=UNLIMITED, default_time_s=None)


def node(name: str, *partitions: str, state: str = "IDLE", allocated: int = 0) -> Node:
    return Node(name, state, "", partitions, 8, allocated, None, None, None, None, 0, 0, "", "")


def pending(job_id: int, since: int, **more: object) -> Job:
    base = NO_JOB._replace(
        job_id=job_id, state="PENDING", user="alice", partition="main", cpus=4, time_limit_s=3600,
        submit_time=since, eligible_time=since, priority=10, reason="Priority",
    )  # fmt: skip
    return base._replace(**more)  # type: ignore[arg-type]


def running(job: Job, start: int) -> Job:
    return job._replace(state="RUNNING", start_time=start, reason="")


def watch() -> QueueWatch:
    watching = QueueWatch()
    nodes = [node("n1", "main", "long"), node("n2", "main", allocated=8), node("g1", "gpu")]
    watching.see_site([MAIN, LONG, GPU], [*nodes, node("n3", "main", state="DOWN*")])
    return watching


def test_partitions_that_share_a_node_share_a_pool() -> None:
    watching = watch()
    main, long, gpu = (
        watching.wait_shape(JobShape(partition=name), "alice") for name in ("main", "long", "gpu")
    )
    assert main.pool == long.pool != gpu.pool


def test_a_shape_takes_what_its_partition_gives() -> None:
    watching = watch()
    shape = watching.wait_shape(JobShape(tasks=2, cpus_per_task=4), "alice")
    assert (shape.partition, shape.cpus, shape.walltime_s) == ("main", 8, 3600.0)
    assert watching.wait_shape(JobShape(partition="gpu"), "alice").walltime_s is None


def test_only_usable_nodes_count_and_the_free_ones_are_named() -> None:
    watching = watch()
    watching.see_jobs([], 0.0)
    jobs = [pending(number, 10, cpus=number + 1) for number in range(40)]
    watching.see_jobs(jobs, 10.0)
    watching.see_jobs([running(job, 20) for job in jobs], 30.0)
    wait = watching.forecast(watching.wait_shape(JobShape(cpus_per_task=8), "alice"), 40.0)
    assert wait.known
    assert "8 CPUs fit: 8 of 16 are free now" in wait.why


def test_starts_seen_teach_and_what_was_there_before_does_not() -> None:
    watching = watch()
    before = [pending(number, 100) for number in range(50)]
    watching.see_jobs(before, 1000.0)
    watching.see_jobs([running(job, 1500) for job in before], 1600.0)
    shape = watching.wait_shape(JobShape(cpus_per_task=4), "alice")
    assert shape.cpus == 4
    came = [pending(100 + number, 2000) for number in range(60)]
    watching.see_jobs(came, 2000.0)
    watching.see_jobs([running(job, 2600) for job in came], 2700.0)
    assert watching.to_json()["ledger"]["levels"]
    wait = watching.forecast(shape, 3000.0)
    assert wait.p50_s is not None and 500 <= wait.p50_s <= 1500


def test_dependencies_holds_and_lost_jobs_are_no_wait() -> None:
    watching = watch()
    watching.see_jobs([], 0.0)
    held = pending(1, 10, priority=0)
    depends = pending(2, 10, reason="Dependency")
    watching.see_jobs([held, depends, pending(3, 10)], 20.0)
    assert [key in watching.forecaster for key in (1, 2, 3)] == [False, False, True]
    watching.see_jobs([depends._replace(reason="Priority", eligible_time=25)], 30.0)
    assert [key in watching.forecaster for key in (1, 2, 3)] == [False, True, False]


def test_a_requeued_job_waits_anew() -> None:
    watching = watch()
    watching.see_jobs([], 0.0)
    job = pending(1, 10)
    watching.see_jobs([job], 10.0)
    watching.see_jobs([running(job, 20)], 20.0)
    watching.see_jobs([job._replace(eligible_time=50)], 50.0)
    watching.see_jobs([running(job, 60)], 60.0)
    watching.see_jobs([job._replace(state="COMPLETED")], 70.0)
    assert 1 not in watching.forecaster


def test_history_is_taken_in() -> None:
    watching = watch()
    past = [
        PastJob("s", AccountedJob(running(pending(n, 100), 400), 10, None, None, ""), 500)
        for n in range(30)
    ]
    watching.learn_past(past)
    wait = watching.forecast(watching.wait_shape(JobShape(cpus_per_task=4), "alice"), 1000.0)
    assert wait.source == "similar jobs"
    assert wait.p50_s is not None and round(wait.p50_s) == 300
