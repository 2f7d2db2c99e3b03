"""Campaigns in a real store, written the way the runner writes them, at a fixed time."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from jobshape.app.campaigns import LiveCampaigns
from jobshape.app.rounds.campaign import Campaign, GateLine, Round, Sending, Trial
from jobshape.app.rounds.campaign_run import new_trials
from jobshape.app.rounds.reading import read_text
from jobshape.app.rounds.store import FILE_NAME, Store
from jobshape.app.rounds_process import lock_path
from jobshape.app.settings.values import Loaded, Settings
from recorded import NOW

MANIFEST = """
project: distill
stages:
  - name: teacher
    script: teacher.sh
    shape: {cpus: 4, memory: 12G, time: 2:30:00}
  - name: student
    script: student.sh
    shape: {cpus: 2, memory: 6G, time: 1:00:00}
phases:
  - name: teachers
    stage: teacher
    jobs: [{id: teacher-large}]
  - name: students
    stage: student
    depends_on: [teachers]
    grid:
      parameters: {lr: [1e-3, 1e-2, 1e-1], workers: [1, 2, 4], seed: [0, 1]}
      template: {id: "s-${lr}-${workers}-${seed}", args: ["${lr}", "${workers}", "${seed}"]}
"""
QUESTION = (
    "the smoke of student failed twice with the same cause, oom_host: it used 6.1G of 6G when the "
    "second epoch began. retry: try again; skip: leave out what failed; stop"
)
SITE = "local"


class Filled:
    """A store with campaigns. Its path is what screens read from."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.store = Store.to_write(folder / FILE_NAME)
        self.path = self.store.path
        self._sent = 70_000

    def campaigns(self, *, read_only: bool = False) -> LiveCampaigns:
        """What the screens are given."""
        return LiveCampaigns(Loaded(replace(Settings(), read_only=read_only), {}), self.path)

    def add(self, text: str = MANIFEST, *, age: int = 7200) -> Campaign:
        """A campaign that has just begun."""
        file = read_text(text, Path("/home/alice/distill/jobshape.yaml"))
        made = Campaign(
            0, file.manifest.project, SITE, "/home/alice/distill", str(file.path), text, "active",
            created_at=NOW - age, baseline=1,
        )  # fmt: skip
        number = self.store.add_campaign(made, new_trials(file.manifest, {}))
        found = self.store.campaign(number)
        assert found is not None
        return found

    def open(self, campaign: Campaign, number: int, hypothesis: str, at: int, *trials: int) -> None:
        """A round with the trials of these numbers in the manifest."""
        ids = {one.number: one.id for one in self.store.trials(campaign.id, kind="full")}
        self.store.open_round(
            Round(campaign.id, number, hypothesis, "open", at), [ids[one] for one in trials]
        )
        self.store.tell(campaign.id, at, f"round {number}: {hypothesis}")

    def close(self, campaign: Campaign, number: int, outcome: str, at: int,
              *gate: GateLine, passed: bool = True) -> None:  # fmt: skip
        state = "passed" if passed else "failed"
        self.store.close_round(campaign.id, number, state, outcome, gate, at)  # type: ignore[arg-type]
        self.store.tell(campaign.id, at, f"round {number} {state}: {outcome}")

    def smoke(self, campaign: Campaign, target: str, number: int, round: int) -> Trial:
        full = next(one for one in self.store.trials(campaign.id) if one.number == number)
        smoke = replace(full, id=0, kind="smoke", round=round, target=target)
        return replace(smoke, id=self.store.add_trial(smoke))

    def trial(self, campaign: Campaign, number: int) -> Trial:
        return next(
            one for one in self.store.trials(campaign.id, kind="full") if one.number == number
        )

    def run(self, trial: Trial, at: int, wait: int | None, ran: int | None, state: str,
            why: str = "") -> None:  # fmt: skip
        """One attempt: sent then, started after wait, over after ran (None: not yet)."""
        now = self.store.trial(trial.id)
        assert now is not None
        self._sent += 1
        sending = Sending(
            0, trial.campaign, trial.round or 0, f"k{self._sent}", "distill", at, "sending"
        )
        number = self.store.begin_sending(sending, [now], at, tasks=True)
        self.store.settle_sending(number, "sent", self._sent)
        started = None if wait is None else at + wait
        ended = None if started is None or ran is None else started + ran
        self.store.set_attempt(
            trial.id, now.attempts + 1, started_at=started, ended_at=ended,
            state="COMPLETED" if state == "completed" else "FAILED" if ended else "RUNNING",
        )  # fmt: skip
        self.store.set_trial(trial.id, state=state, why=why)


def running(folder: Path) -> Filled:
    """Smoke and sweep are over, a scaled round runs."""
    filled = Filled(folder)
    one = filled.add()
    at = NOW - 7000
    filled.open(one, 0, "each target runs short: teacher, student", at)
    for target, number in (("teacher", 0), ("student", 1)):
        filled.run(filled.smoke(one, target, number, 0), at, 12, 95, "completed")
    filled.close(one, 0, "2 of 2 completed", at + 130, GateLine("all evidence", True),
                 GateLine("smoke of teacher", True),
                 GateLine("smoke of student", True))  # fmt: skip
    at = NOW - 6800
    filled.open(
        one, 1, "teachers: all 1; students: lr and workers vary, 6 of 18", at, 0, *range(1, 12, 2)
    )
    filled.run(filled.trial(one, 0), at, 30, 1800, "completed")
    for n, number in enumerate(range(1, 12, 2)):
        if number == 5:
            filled.run(filled.trial(one, number), at + 1900, 20, 200, "failed_oom")
            filled.run(filled.trial(one, number), at + 2200, 25, 500, "completed")
        else:
            filled.run(filled.trial(one, number), at + 1900, 20, 900 - 90 * n, "completed")
    filled.close(one, 1, "7 of 7 completed", at + 3200, GateLine("all evidence", True),
                 GateLine("student is stable", True))  # fmt: skip
    at = NOW - 3000
    filled.open(one, 2, "students: scale to all 18", at, *range(2, 13, 2), *range(13, 19))
    filled.run(filled.trial(one, 2), at, 40, 820, "completed")
    filled.run(filled.trial(one, 4), at, 40, 810, "completed")
    filled.run(filled.trial(one, 6), at, 40, 300, "failed_other",
               "out/s-1e-3-4-1/metrics.json has no [red]loss[/red] below 2")  # fmt: skip
    filled.run(filled.trial(one, 8), at, 40, None, "running")
    filled.run(filled.trial(one, 10), at, 60, None, "running")
    filled.run(filled.trial(one, 12), at, None, None, "sent")
    filled.store.tell(one.id, NOW - 2100, "s-1e-3-4-1 failed: no loss below 2")
    return filled


def asking(folder: Path) -> Filled:
    """One runs, a newer one asks."""
    filled = running(folder)
    two = filled.add(MANIFEST.replace("distill", "sweep-b"), age=900)
    filled.open(two, 0, "each target runs short: teacher, student", NOW - 850)
    filled.run(filled.smoke(two, "teacher", 0, 0), NOW - 850, 10, 60, "completed")
    smoke = filled.smoke(two, "student", 1, 0)
    filled.run(smoke, NOW - 850, 10, 44, "failed_oom")
    filled.run(smoke, NOW - 600, 14, 45, "stuck", "oom_host again: it used 6.1G of 6G")
    filled.store.set_campaign(two.id, state="asking", question=QUESTION)
    filled.store.tell(two.id, NOW - 500, "stopped to ask")
    return filled


def finished(folder: Path) -> Filled:
    """All is done."""
    filled = running(folder)
    (one,) = filled.store.campaigns()
    for number in (8, 10, 12):
        trial = filled.trial(one, number)
        filled.store.set_trial(trial.id, state="completed")
        filled.store.set_attempt(
            trial.id, 1, started_at=NOW - 2940, ended_at=NOW - 2200, state="COMPLETED"
        )
    for number in range(13, 19):
        filled.run(filled.trial(one, number), NOW - 3000, 40, 700 + number, "completed")
    filled.close(one, 2, "11 of 12 completed, 1 failed", NOW - 1500, GateLine("all evidence", True),
                 GateLine("student is stable", True))  # fmt: skip
    filled.store.set_campaign(one.id, state="finished", ended_at=NOW - 1400)
    filled.store.tell(one.id, NOW - 1400, "finished: 18 of 19 completed, 1 failed")
    return filled


@contextmanager
def a_runner(folder: Path) -> Iterator[None]:
    """As if a process ran the campaigns: it holds the lock."""
    with lock_path(SITE, folder).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
