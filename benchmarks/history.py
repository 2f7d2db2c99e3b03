#!/usr/bin/env python3
"""How long the history's questions take with 200,000 jobs in it, and how large the file is.

    .venv/bin/python benchmarks/history.py [JOBS] [FILE]

Fills a file (a temporary one unless FILE is given, which is kept) with two years of a busy person's
jobs, then asks each question behind a screen several times, each time through a history that was
just opened, so that nothing is remembered but the system's file cache. The budget is 100 ms.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from jobshape.app.domain.job import NO_JOB, AccountedJob, Usage
from jobshape.app.history.history import History
from jobshape.app.history.query import JobQuery

SITE = "cluster"
DAY_S = 86400
SPAN_DAYS = 730
STAGES = ("data_fetching", "preprocessing", "caching", "training", "eval")
STATES = ("COMPLETED",) * 17 + ("FAILED", "TIMEOUT", "OUT_OF_MEMORY", "CANCELLED")
MODELS = ("resnet50", "vit_b16", "llama_7b", "unet", "bert_large")
BUDGET_MS = 100.0
ROUNDS = 7


def some_job(rng: random.Random, job_id: int, ended_at: int) -> AccountedJob:
    """A finished job; two in three are tasks of arrays."""
    stage = rng.choice(STAGES)
    model = rng.choice(MODELS)
    name = f"{stage}_{model}"
    array = task = None
    if job_id % 3:
        array, task = job_id - job_id % 300, job_id % 300
    else:
        name += f"_lr{rng.choice((1, 3))}e-{rng.randint(2, 5)}_s{rng.randint(0, 20000)}"
    elapsed = rng.randint(30, 6 * 3600)
    memory = rng.choice((4, 8, 16, 32, 64)) << 30
    cpus, gpus = rng.choice((1, 4, 8, 16)), rng.choice((0, 0, 1, 4))
    nodes = f"n[{rng.randint(1, 200)}]"
    job = NO_JOB._replace(
        job_id=job_id, state=rng.choice(STATES), start_time=ended_at - elapsed, end_time=ended_at,
        time_limit_s=8 * 3600, name=name, user="alice", account="lab", partition="gpu",
        qos="normal", array_job_id=array, array_task_id=task, priority=rng.randint(1, 10**6),
        submit_time=ended_at - elapsed - rng.randint(1, 9000), nodes=1, node_list=nodes, tasks=1,
        eligible_time=ended_at - elapsed, cpus=cpus, memory_bytes=memory, gpus=gpus,
        tres=f"cpu={cpus},mem={memory >> 30}G,node=1,gres/gpu={gpus}", exit_code="0:0",
        work_dir=f"/projects/lab/{model}/run{job_id // 500}", comment="", stage=stage,
    )  # fmt: skip
    return AccountedJob(job, elapsed, elapsed * cpus * 0.7, int(memory * rng.random()), "0:0")


def fill(history: History, jobs: int, now: int) -> None:
    """Two years of jobs, usage of the last 1,500, tags and lineage of some."""
    rng = random.Random(1)
    first = now - SPAN_DAYS * DAY_S
    for start in range(0, jobs, 5000):
        batch = [
            some_job(rng, 1000 + i, first + int((now - first) * i / jobs))
            for i in range(start, min(jobs, start + 5000))
        ]
        history.record_jobs(SITE, batch, from_queue=False)
    last = 1000 + jobs - 1
    with history.transaction():
        for job_id in range(max(1000, last - 1500), last + 1):
            samples = [Usage(job_id, now - 20 * k, k << 20, k << 21, k * 1.0) for k in range(180)]
            history.record_usage(SITE, samples)
        for job_id in range(1000, last, 500):
            history.tag(SITE, job_id, None, ["baseline" if job_id % 1000 else "good"])
    tries = range(last + 1, last + 41)
    for job_id in tries:
        again = some_job(rng, job_id, now)
        job = again.job._replace(submit_time=now + job_id)
        history.record_jobs(SITE, [again._replace(job=job)], from_queue=False)
        history.record_origin(SITE, job_id, resubmitted_from=job_id - 1, campaign="night")


def questions(history: History, jobs: int, now: int) -> dict[str, Callable[[History], int]]:
    """What a screen or a command asks: name -> what to do; gives the number of records."""
    last = 1000 + jobs - 1
    sample = history.job(SITE, last)
    assert sample is not None

    def query(**wanted: object) -> Callable[[History], int]:
        return lambda h: len(h.jobs(JobQuery(**wanted)))  # type: ignore[arg-type]

    return {
        "newest 50": query(),
        "newest 50 of the site": query(site=SITE),
        "a job by id": query(ids=(str(last),)),
        "an array": query(ids=(str((last - 5) - (last - 5) % 300),), limit=300),
        "name, many fit": query(name="training"),
        "name, few fit": query(name="lr1e-4_s777"),
        "name with *": query(name="eval*bert*s12"),
        "stage": query(stage="training"),
        "state failed": query(states=("failed",)),
        "state done": query(states=("done",)),
        "two states": query(states=("COMPLETED", "TIMEOUT")),
        "stage, state done": query(stage="eval", states=("COMPLETED", "TIMEOUT")),
        "stage, state, a month": query(
            stage="training", states=("OOM",), since=now - 30 * DAY_S, limit=500
        ),
        "site, a rare state": query(site=SITE, states=("NODE_FAIL",)),
        "site, name, few fit": query(site=SITE, name="lr1e-4_s777"),
        "site, stage, states": query(site=SITE, stage="eval", states=("failed",), limit=500),
        "site, text, none fits": query(site=SITE, text="no such thing"),
        "a week, 1,000 of them": query(since=now - 7 * DAY_S, limit=1000),
        "a tag": query(tags=("good",)),
        "campaign": query(campaign="night"),
        "text, many fit": query(text="resnet"),
        "text, few fit": query(text="run123"),
        "text, none fits": query(text="no such thing"),
        "stages, 200 runs each": lambda h: len(h.stage_runs(SITE, now - 90 * DAY_S, 200)),
        "stages, 500 runs each": lambda h: len(h.stage_runs(SITE, 0, 500)),
        "similar jobs": lambda h: len(h.similar(sample)),
        "usage of a job": lambda h: len(h.usage_series(SITE, last)),
        "lineage of 41": lambda h: len(h.lineage(SITE, last + 20)),
        "how many there are": lambda h: h.count(SITE),
    }


def main() -> int:
    """Fill, ask, print; 1 where a question takes longer than the budget."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    now = int(time.time())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "history.db"
        began = time.perf_counter()
        with History.to_write(path) as history:
            if not history.count():
                fill(history, jobs, now)
                print(f"filled with {jobs} jobs in {time.perf_counter() - began:.1f} s")
            asked = questions(history, jobs, now)
        size = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
        print(f"size of the file: {size / 2**20:.1f} MiB, {size / jobs:.0f} bytes a job")
        slowest = 0.0
        print(f"{'question':28}{'records':>8}{'median ms':>11}{'worst ms':>10}")
        for name, ask in asked.items():
            times, found = [], 0
            for _ in range(ROUNDS):
                reader = History.to_read(path)
                assert reader is not None
                with reader:
                    began = time.perf_counter()
                    found = ask(reader)
                    times.append(1000 * (time.perf_counter() - began))
            middle = statistics.median(times)
            slowest = max(slowest, middle)
            print(f"{name:28}{found:8}{middle:11.1f}{max(times):10.1f}")
        began = time.perf_counter()
        with History.to_write(path) as history:
            fresh = some_job(random.Random(2), 10**7, now)
            history.record_jobs(SITE, [fresh], from_queue=False)
        print(f"opening and writing one job: {1000 * (time.perf_counter() - began):.1f} ms")
    return int(slowest > BUDGET_MS)


if __name__ == "__main__":
    sys.exit(main())
