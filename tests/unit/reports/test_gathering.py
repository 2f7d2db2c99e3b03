"""A report of what a store really keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobshape.app.reports.campaign_report import campaign_report
from jobshape.app.reports.gathering import gather, objective_of
from jobshape.app.reports.markdown import as_markdown
from jobshape.app.reports.records import Alternative, CampaignRecords
from jobshape.app.rounds.campaign import Campaign, Lesson, Round, Sending, Trial
from jobshape.app.rounds.campaign_run import new_trials
from jobshape.app.rounds.reading import read_text
from jobshape.app.rounds.store import Store

MANIFEST = """\
project: distill
stages:
  - {name: train, command: [python, train.py], shape: {memory: 8G, time: 2:00:00}}
phases:
  - name: train
    grid:
      choose: [workers]
      parameters: {workers: [1, 2, 4, 8], seed: [0, 1]}
      template: {id: "w${workers}-s${seed}", args: [--workers, "${workers}", --seed, "${seed}"]}
metrics:
  - {name: loss, log: "loss (.*)", goal: min, threshold: 2}
budget: {gpu_hours: 12}
"""
G = 1024**3
RUNS_S = {"1": 1000, "2": 990, "4": 500, "8": 495}


@pytest.fixture
def records(tmp_path: Path) -> CampaignRecords:
    """Every alternative ran on the first seed, two a round; the store is read by another one."""
    path = tmp_path / "rounds.db"
    manifest = read_text(MANIFEST, Path("jobshape.yaml")).manifest
    kept = Campaign(0, "distill", "here", "/work", "/work/jobshape.yaml", MANIFEST, "active",
                    created_at=1000, baseline=0)  # fmt: skip
    with Store.to_write(path) as store:
        number = store.add_campaign(kept, new_trials(manifest, {}))
        first = [one for one in store.trials(number) if one.plan_id.endswith("s0")]
        for which, mine in ((1, first[:2]), (2, first[2:])):
            new = Round(number, which, f"round {which}", "passed", 1000)
            store.open_round(new, [trial.id for trial in mine])
            for trial in mine:
                run(store, number, which, trial)
        store.learn(Lesson(2000, "distill", "train", "a; b"))
        store.learn(Lesson(2000, "other", "train", "not of this one"))
    reader = Store.to_read(path)
    assert reader is not None
    with reader:
        found = reader.campaign(number)
        assert found is not None
        return gather(reader, found, 9000)


def run(store: Store, campaign: int, which: int, trial: Trial) -> None:
    sending = Sending(0, campaign, which, f"key{trial.id}", "n", 1000, "sending")
    number = store.begin_sending(sending, [trial], 1000, tasks=False)
    store.settle_sending(number, "sent", 50 + trial.id)
    took = RUNS_S[trial.plan_id[1]]
    store.set_attempt(
        trial.id, 1, state="COMPLETED", started_at=1010, ended_at=1010 + took, elapsed_s=took,
        max_rss_bytes=3 * G, memory_bytes=8 * G, cpus=1, total_cpu_s=float(took),
    )  # fmt: skip
    store.set_trial(trial.id, state="completed")


def test_jobs_are_named_by_what_differs_from_the_first_values(records: CampaignRecords) -> None:
    assert records.changes == {
        0: "workers=1 seed=0", 1: "seed=1", 2: "workers=2", 3: "workers=2 seed=1",
        4: "workers=4", 5: "workers=4 seed=1", 6: "workers=8", 7: "workers=8 seed=1",
    }  # fmt: skip


def test_alternatives_do_the_same_work(records: CampaignRecords) -> None:
    assert records.alternatives[0] == Alternative("train 0", "workers=1")
    assert records.alternatives[6] == Alternative("train 0", "workers=8")
    assert records.alternatives[7] == Alternative("train 1", "workers=8")


def test_lessons_are_of_the_campaign(records: CampaignRecords) -> None:
    assert [one.text for one in records.lessons] == ["a; b"]


def test_the_report_tells_what_the_rounds_found(records: CampaignRecords) -> None:
    text = as_markdown(campaign_report(records))
    assert "success is measured by loss (min, good from 2), GPU-hours up to 12" in text
    assert "kept: workers=" in text
    assert "- train: workers=8; expected total wall-clock x 0.50" in text
    assert "best of 3 tried" in text
    assert "To be sent: 4 trials" in text
    assert records.saved.trials == 3 and records.saved.seconds == 10 + 500 + 505


def test_a_manifest_without_metrics_has_no_objective_of_its_own() -> None:
    bare = MANIFEST[: MANIFEST.index("metrics:")]
    assert objective_of(read_text(bare, Path("jobshape.yaml")).manifest) == ""
