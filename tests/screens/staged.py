"""The past of a workload of five stages, as history would give it, for the stages screen."""

from __future__ import annotations

from jobshape.app.domain.errors import Unreachable
from jobshape.app.domain.job import AccountedJob
from jobshape.app.domain.past import PastJob
from recorded import DAY, GIB, HOUR, MINUTE, NOW, job

STAGES = ("data_fetching", "preprocessing", "caching", "training", "eval")


def past_run(
    job_id: int, stage: str, state: str = "COMPLETED", *, ago_s: int, ran_s: int,
    waited_s: int = 60, rss: float | None = None, cpu: float | None = None,
    gpu: float | None = None, finding: str = "", **more: object,
) -> PastJob:  # fmt: skip
    """A run that ended so long ago; rss in GiB, cpu as a share of the CPUs held."""
    end = NOW - ago_s
    start = end - ran_s
    record = job(
        job_id, state, stage=stage, start_time=start, end_time=end,
        **{"submit_time": start - waited_s, "eligible_time": start - waited_s, **more},
    )  # fmt: skip
    used = AccountedJob(
        record, ran_s, None if cpu is None else cpu * ran_s * (record.cpus or 1),
        None if rss is None else int(rss * GIB), "", gpu,
    )  # fmt: skip
    return PastJob("alpha", used, end, finding)


def past_runs() -> list[PastJob]:
    """Three days: fetching is quick, training waits long and runs out of memory at times."""
    made: list[PastJob] = []
    for n in range(40):
        made.append(past_run(
            5000 + n, "data_fetching", "TIMEOUT" if n == 11 else "COMPLETED",
            ago_s=n * HOUR + 900, ran_s=(8 + n % 5) * MINUTE,
            rss=0.6 + n % 7 / 10, cpu=0.22, cpus=1, memory_bytes=2 * GIB, name=f"fetch-{n}",
            time_limit_s=HOUR,
        ))  # fmt: skip
    for n in range(220):
        made.append(past_run(
            5100 + n, "preprocessing", "FAILED" if n % 25 == 3 else "COMPLETED",
            ago_s=n * 20 * MINUTE + 300, ran_s=(20 + n * 7 % 25) * MINUTE, waited_s=90 + n,
            rss=2 + n * 13 % 17 / 10, cpu=0.91, cpus=2, memory_bytes=4 * GIB, name=f"tokenize-{n}",
            finding="file_not_found" if n % 25 == 3 else "", time_limit_s=2 * HOUR,
        ))  # fmt: skip
    for n in range(6):
        made.append(past_run(
            5400 + n, "caching", ago_s=n * 9 * HOUR + 5000, ran_s=(100 + 9 * n) * MINUTE,
            waited_s=(10 + n) * MINUTE, cpu=0.64, cpus=128, nodes=4, tasks=4,
            memory_bytes=512 * GIB, rss=70 + n, name=f"cache-{n}",
        ))  # fmt: skip
    for n in range(24):
        oom = n % 5 == 1
        made.append(past_run(
            5500 + n, "training", "OUT_OF_MEMORY" if oom else "COMPLETED",
            ago_s=n * 150 * MINUTE + 700, ran_s=(30 if oom else 170 + n * 11 % 60) * MINUTE,
            waited_s=(5 * HOUR + n * 7 * MINUTE), rss=48 + n * 5 % 13, cpu=0.55, gpu=61.0 + n,
            cpus=8, gpus=1, partition="gpu", memory_bytes=64 * GIB, name=f"train-{n // 2}",
            time_limit_s=DAY, restarts=int(n == 9),
        ))  # fmt: skip
    return made


class RecordedPast:
    """Stands where history stands; notes what it was asked."""

    def __init__(self, runs: list[PastJob] | None = None) -> None:
        self.runs = past_runs() if runs is None else runs
        self.asked: list[tuple[int, int]] = []
        self.error: Exception | None = None

    async def stage_runs(self, since: int, most: int) -> list[PastJob]:
        """Those since then, the newest of each stage."""
        self.asked.append((since, most))
        if self.error is not None:
            raise self.error
        newest = sorted(self.runs, key=lambda past: past.seen_at, reverse=True)
        counts: dict[str, int] = {}
        kept = []
        for past in newest:
            stage = past.record.job.stage
            counts[stage] = counts.get(stage, 0) + 1
            if past.seen_at >= since and counts[stage] <= most:
                kept.append(past)
        return kept


BROKEN = Unreachable("the history file is locked", where="history.db")
