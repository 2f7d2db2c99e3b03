"""Board and past joined: each job counted once, in its stage, however the board changes."""

from __future__ import annotations

import time

from jobshape.app.board.board import Board
from jobshape.app.stages.live import SAMPLE, SLICE_JOBS
from jobshape.app.stages.picture import DAY_S, StagesKeeper

from .making import HOUR, MINUTE, NOW, job, run

STAGES = ("fetch", "training", "eval")


def keeper_of(board: Board, user: str = "") -> StagesKeeper:
    return StagesKeeper(board, STAGES, user)


def test_stages_stand_in_the_order_of_the_pipeline_then_others_then_unassigned() -> None:
    board = Board()
    board.change_jobs([
        job(1, "RUNNING", stage="zeta"), job(2, "PENDING", stage="unassigned"),
        job(3, "RUNNING", stage="training"),
    ])  # fmt: skip
    names = [one.stage for one in keeper_of(board).refresh_now(NOW).stages]
    assert names == ["fetch", "training", "eval", "zeta", "unassigned"]
    board.change_jobs((), [1, 2])
    names = [one.stage for one in keeper_of(board).refresh_now(NOW).stages]
    assert names == list(STAGES)


def test_a_job_of_both_counts_once_and_with_what_history_knows() -> None:
    board = Board()
    past = run(1, rss=3.0, start=NOW - 2 * HOUR)
    board.change_jobs([past.record.job, run(2, start=NOW - 3 * HOUR).record.job])
    keeper = keeper_of(board)
    keeper.set_past([past])
    one = keeper.refresh_now(NOW).stages[1]
    assert (one.counts.done, one.runs) == (2, 2)
    assert one.memory is not None and one.memory.size == 1


def test_an_id_used_again_is_another_job() -> None:
    board = Board()
    board.change_jobs([run(1, start=NOW - 2 * HOUR).record.job])
    keeper = keeper_of(board)
    keeper.set_past([run(1, start=NOW - 90 * HOUR)])
    assert keeper.refresh_now(NOW).stages[1].counts.done == 2


def test_a_rule_accepted_since_moves_what_history_had_elsewhere() -> None:
    board = Board()
    past = run(1, stage="unassigned")
    board.change_jobs([past.record.job._replace(stage="training")])
    keeper = keeper_of(board)
    keeper.set_past([past])
    stages = {one.stage: one for one in keeper.refresh_now(NOW).stages}
    assert stages["training"].counts.done == 1
    assert "unassigned" not in stages


def test_what_history_has_without_a_stage_gets_one_by_the_rules() -> None:
    keeper = keeper_of(Board())
    runs = [run(1, stage="unassigned", name="eval-1"), run(2, stage="unassigned", name="x"),
            run(3, name="eval-3")]  # fmt: skip
    keeper.set_past(runs)
    keeper.set_rules([{"stage": "eval", "name": "^eval"}])
    stages = {one.stage: one.counts.done for one in keeper.refresh_now(NOW).stages}
    assert stages == {"fetch": 0, "training": 1, "eval": 1, "unassigned": 1}
    assert [job.name for job in keeper.to_suggest_from()[0]] == ["x"]
    keeper.set_past(runs)
    assert keeper.refresh_now(NOW).stages[2].counts.done == 1


def test_only_the_users_own_open_jobs_count() -> None:
    board = Board()
    board.change_jobs([job(1, "RUNNING"), job(2, "RUNNING", user="bob"), job(3, "PENDING")])
    keeper = keeper_of(board, "alice")
    one = keeper.refresh_now(NOW).stages[1]
    assert (one.counts.running, one.counts.waiting) == (1, 1)
    keeper.set_user("bob")
    assert keeper.refresh_now(NOW).stages[1].counts.running == 1


def test_the_window_leaves_out_what_ended_before() -> None:
    board = Board()
    keeper = keeper_of(board)
    keeper.set_past([run(1, start=NOW - 5 * HOUR), run(2, start=NOW - 3 * DAY_S)])
    assert keeper.refresh_now(NOW).stages[1].runs == 2
    keeper.window_s = DAY_S
    assert keeper.since(NOW) == NOW - DAY_S
    assert keeper.refresh_now(NOW).stages[1].runs == 1
    keeper.window_s = None
    assert keeper.since(NOW) == 0


def test_changes_of_the_board_are_followed_by_difference() -> None:
    board = Board()
    board.change_jobs([job(n, "PENDING") for n in range(1, 6)])
    keeper = keeper_of(board)
    keeper.refresh_now(NOW)
    board.change_jobs([
        job(1, "RUNNING", start_time=NOW - MINUTE), job(2, "PENDING", stage="eval"),
        job(9, "PENDING", reason="JobHeldUser"), run(3, "FAILED").record.job,
    ], gone=[4])  # fmt: skip
    stages = {one.stage: one.counts for one in keeper.refresh_now(NOW).stages}
    fresh = {one.stage: one.counts for one in keeper_of(board).refresh_now(NOW).stages}
    assert stages == fresh
    counts = stages["training"]
    assert (counts.waiting, counts.running, counts.failed, counts.held) == (2, 1, 1, 1)
    assert stages["eval"].waiting == 1


def test_an_array_not_split_yet_counts_its_tasks() -> None:
    board = Board()
    board.change_jobs([job(1, "PENDING", array_job_id=1, array_tasks="1-500%20")])
    assert keeper_of(board).refresh_now(NOW).stages[1].counts.waiting == 500


def test_20_000_jobs_are_counted_in_short_slices() -> None:
    board = Board()
    board.change_jobs([
        job(n, "RUNNING" if n % 4 else "PENDING", start_time=NOW - n % 999)
        for n in range(1, 20_001)
    ])  # fmt: skip
    keeper = keeper_of(board)
    keeper.set_past([run(100_000 + n, start=NOW - 9 * HOUR - n) for n in range(200)])
    steps, took = keeper.refresh_steps(NOW), []
    picture = None
    while picture is None:
        began = time.process_time()
        try:
            next(steps)
        except StopIteration as done:
            picture = done.value
        took.append(time.process_time() - began)
    assert len(took) >= 2 * 20_000 // SLICE_JOBS
    assert len(keeper.live.open["training"]) == 20_000
    assert picture.stages[1].counts.running == 15_000
    print(f"longest slice {max(took) * 1000:.1f} ms, all {sum(took) * 1000:.0f} ms, {SAMPLE=}")


def test_unassigned_jobs_of_board_and_past_are_to_be_suggested_from() -> None:
    board = Board()
    loose = run(7, stage="unassigned", name="old-thing")
    board.change_jobs([job(1, "PENDING", stage="unassigned", name="x"), job(2, "RUNNING")])
    keeper = keeper_of(board)
    keeper.set_past([loose])
    keeper.refresh_now(NOW)
    unassigned, assigned = keeper.to_suggest_from()
    assert {one.name for one in unassigned} == {"x", "old-thing"}
    assert [one.job_id for one in assigned] == [2]
