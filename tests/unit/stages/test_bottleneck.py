"""Which stage is the bottleneck, and the sentence that says why."""

from __future__ import annotations

from jobshape.app.domain.past import PastJob
from jobshape.app.domain.stage import StageSummary
from jobshape.app.stages.bottleneck import find_bottleneck
from jobshape.app.stages.live import LiveStage
from jobshape.app.stages.summary import summarise

from .making import HOUR, MINUTE, NOW, run

IDLE = LiveStage()


def stage(name: str, runs: list[PastJob], live: LiveStage = IDLE) -> StageSummary:
    return summarise(name, runs, live, baseline=20)


def runs_of(ran_s: int, waited_s: int = 0, failed: int = 0) -> list[PastJob]:
    states = ["OUT_OF_MEMORY"] * failed + ["COMPLETED"] * (10 - failed)
    return [
        run(n, state, start=NOW - 40 * HOUR + n * 3 * HOUR, ran_s=ran_s, waited_s=waited_s)
        for n, state in enumerate(states)
    ]


def test_nothing_known_has_no_bottleneck() -> None:
    assert find_bottleneck([]) is None
    assert find_bottleneck([stage("training", [])]) is None


def test_with_nothing_open_it_is_the_stage_whose_job_costs_most() -> None:
    worst = find_bottleneck([
        stage("fetch", runs_of(5 * MINUTE)),
        stage("training", runs_of(12 * MINUTE, waited_s=200 * MINUTE)),
    ])  # fmt: skip
    assert worst is not None
    assert (worst.stage, worst.cause) == ("training", "wait")
    assert worst.why == "median wait 3 h 20 min against 12 min of run"


def test_open_work_counts_before_what_is_over() -> None:
    worst = find_bottleneck([
        stage("fetch", runs_of(5 * MINUTE), LiveStage(waiting=3)),
        stage("training", runs_of(9 * HOUR)),
    ])  # fmt: skip
    assert worst is not None and worst.stage == "fetch"


def test_the_stage_with_most_left_to_do() -> None:
    worst = find_bottleneck([
        stage("fetch", runs_of(HOUR), LiveStage(running=1, running_s=(0,))),
        stage("prep", runs_of(20 * MINUTE),
              LiveStage(waiting=208, running=4, running_s=(0, 0, 0, 0))),
    ])  # fmt: skip
    assert worst is not None
    assert (worst.stage, worst.cause) == ("prep", "run")
    assert worst.why == "212 jobs left, about 17 h 40 min, 4 at a time"


def test_the_lowest_throughput_is_said() -> None:
    worst = find_bottleneck([
        stage("fetch", runs_of(MINUTE), LiveStage(waiting=9, running=1, running_s=(0,))),
        stage("prep", runs_of(30 * MINUTE), LiveStage(waiting=210, running=2, running_s=(0, 0))),
    ])  # fmt: skip
    assert worst is not None
    assert (worst.cause, worst.why) == (
        "pace", "lowest throughput: 4.0 jobs an hour, 212 to go"
    )  # fmt: skip


def test_failures_make_a_stage_dearer_and_are_named() -> None:
    worst = find_bottleneck([
        stage("prep", runs_of(HOUR)), stage("training", runs_of(50 * MINUTE, failed=3)),
    ])  # fmt: skip
    assert worst is not None
    assert (worst.stage, worst.cause) == ("training", "failures")
    assert worst.why == "30 % of runs fail, mostly oom host"


def test_one_failure_alone_is_not_the_cause() -> None:
    worst = find_bottleneck([stage("training", [run(1, "FAILED"), run(2)])])
    assert worst is not None and worst.cause == "run"


def test_a_stage_of_which_no_job_is_over_can_be_it_too() -> None:
    worst = find_bottleneck([
        stage("training", [], LiveStage(waiting=2, longest_wait_s=7200)),
    ])  # fmt: skip
    assert worst is not None
    assert worst.why == "the first waits for 2 h, 2 to go"


def test_held_jobs_are_nobodys_bottleneck_and_unassigned_ones_only_without_others() -> None:
    held = stage("training", runs_of(HOUR), LiveStage(waiting=5, held=5))
    fetch = stage("fetch", runs_of(MINUTE), LiveStage(running=1, running_s=(0,)))
    loose = stage("unassigned", runs_of(9 * HOUR), LiveStage(waiting=50))
    worst = find_bottleneck([held, fetch, loose])
    assert worst is not None and worst.stage == "fetch"
    alone = find_bottleneck([loose])
    assert alone is not None and alone.stage == "unassigned"
