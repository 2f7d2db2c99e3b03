"""A campaign small enough to read: two stages, three rounds, out of memory twice, a flaky node."""

from __future__ import annotations

from jobshape.app.domain.shape import JobShape
from jobshape.app.reports.records import Alternative, CampaignRecords
from jobshape.app.rounds.campaign import Attempt, Campaign, GateLine, Kind, Lesson, Round, Trial
from jobshape.app.rounds.campaign import TrialState as State

G = 1024**3
START = 1_795_856_400  # 2026-11-28 09:00 in UTC


class Maker:
    """Trials and their attempts, one after the other."""

    def __init__(self) -> None:
        self.trials: list[Trial] = []
        self.attempts: list[Attempt] = []
        self.job = 100

    def trial(
        self, plan_id: str, stage: str, round: int | None, state: State = "completed",
        kind: Kind = "full", **fields: object,
    ) -> Trial:  # fmt: skip
        number = sum(one.kind == "full" for one in self.trials)
        made = Trial(len(self.trials) + 1, 1, number, kind, plan_id, stage, stage, stage, plan_id,
                     round=round, state=state, **fields)  # type: ignore[arg-type]  # fmt: skip
        self.trials.append(made)
        return made

    def attempt(
        self, trial: Trial, at: int, wait: int, run: int, state: str = "COMPLETED",
        label: str = "", title: str = "", asked: float = 8, used: float | None = 2.5,
        gpus: int | None = None, gpu_percent: float | None = None, node: str = "n1",
        cpu: float = 1.0,
    ) -> None:  # fmt: skip
        number = sum(one.trial == trial.id for one in self.attempts) + 1
        self.job += 1
        begin = START + at
        self.attempts.append(Attempt(
            trial.id, number, self.job, None, self.job, state, begin, begin + wait,
            begin + wait + run, run, None if used is None else round(used * G), cpu * run, 4,
            round(asked * G), gpus, gpu_percent, node, label, title,
        ))  # fmt: skip


def campaign() -> CampaignRecords:
    """The records."""
    maker = Maker()
    for at in range(6):
        trial = maker.trial(f"prep-{at}", "prep", 1)
        maker.attempt(trial, 700, 60, 600 + 10 * at, used=2.0 + 0.1 * at)
    smoke = maker.trial("train-0", "train", 0, kind="smoke")
    maker.attempt(smoke, 0, 20, 60, gpus=2, gpu_percent=20, used=1)
    for at in range(6):
        workers = 4 if at % 2 == 0 else 8
        trial = maker.trial(f"train-{at}", "train", 2, memory_bytes=10 * G if at == 0 else None)
        if at == 0:
            for again, size in enumerate((4, 5)):
                maker.attempt(trial, 2000 + 600 * again, 100, 300, "OUT_OF_MEMORY", "oom_host",
                              "out of host memory", asked=size, used=3, gpus=2)  # fmt: skip
        run = 3600 if workers == 4 else 2700
        maker.attempt(trial, 3600, 100, run + 30 * at, asked=10, used=6 + 0.2 * at, gpus=2,
                      gpu_percent=30 + at, cpu=3.4)  # fmt: skip
    flaky = maker.trial("train-6", "train", 2, "failed_other", why="a node failed",
                        label="node_fail")  # fmt: skip
    maker.attempt(flaky, 3600, 100, 50, "NODE_FAIL", "node_fail", "a node failed", asked=10,
                  used=None, gpus=2, node="n3")  # fmt: skip
    maker.trial("train-7", "train", None, "pending")
    rounds = (
        Round(1, 0, "train runs at all", "passed", START, START + 100, "it does"),
        Round(1, 1, "prep is stable", "passed", START + 700, START + 1400, "6 of 6 completed"),
        Round(1, 2, "more workers are faster", "failed", START + 2000, START + 8000,
              "8 workers took less", (GateLine("stable", False, "1 of 7 failed"),)),
    )  # fmt: skip
    trains = [one for one in maker.trials if one.stage == "train" and one.kind == "full"]
    return CampaignRecords(
        Campaign(1, "distill", "here", "/work", "/work/jobshape.yaml", "", "active",
                 created_at=START, baseline=trains[0].number, trials=14),
        rounds, maker.trials, maker.attempts,
        lessons=(Lesson(START + 7400, "distill", "train",
                        "out of host memory with 4G and 5G; did well with 10G"),),
        at=START + 9000, objective="loss (min, at most 2)",
        shapes={one.number: JobShape(time_limit_s=3600 if one.stage == "prep" else 7200)
                for one in maker.trials},
        changes={one.number: f"workers={4 if at % 2 == 0 else 8} seed={at // 2}"
                 for at, one in enumerate(trains)},
        alternatives={one.number: Alternative(f"seed={at // 2}",
                                              f"workers={4 if at % 2 == 0 else 8}")
                      for at, one in enumerate(trains)},
        next_trial="train-7 with 8 workers and 10G of memory",
    )  # fmt: skip
