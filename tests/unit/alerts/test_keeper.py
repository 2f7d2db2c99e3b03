"""Alerts on a board: told once, gone when over, away once acknowledged."""

from __future__ import annotations

from jobshape.app.alerts.facts import Lines
from jobshape.app.alerts.keeper import AlertKeeper
from jobshape.app.board.board import Board
from jobshape.app.board.link import STARTING
from jobshape.app.domain.alert import Alert
from jobshape.app.domain.finding import Evidence, Finding
from jobshape.app.domain.job import NO_JOB, Job, Usage
from jobshape.app.domain.site import Node

NOW = 1_700_000_000
GIB = 1 << 30


def job(job_id: int, state: str = "RUNNING", **more: object) -> Job:
    known: dict[str, object] = {
        "job_id": job_id, "state": state, "user": "alice", "name": f"train{job_id}",
        "start_time": NOW - 3600, "end_time": NOW + 7200, "memory_bytes": GIB, "node_list": "n1",
    }  # fmt: skip
    return NO_JOB._replace(**{**known, **more})


def finding(label: str) -> Finding:
    evidence = (Evidence("stderr", "/x", 3, "boom"),)
    return Finding(
        label, 0.9, "HIGH", label, "It broke.", "Mend it.", "fix_code", "no", evidence, "r"
    )


def node(name: str, state: str = "IDLE") -> Node:
    return Node(name, state, "", (), 4, 0, None, GIB, 0, None, 0, 0, "", "")


class Clock:
    now = float(NOW)

    def __call__(self) -> float:
        return self.now


def make(*jobs: Job) -> tuple[Board, AlertKeeper, Clock]:
    board, clock = Board(STARTING._replace(user="alice")), Clock()
    board.change_jobs(jobs)
    return board, AlertKeeper(board, clock, Lines()), clock


def look(keeper: AlertKeeper) -> list[Alert]:
    for _ in keeper.look():
        pass
    return keeper.news()


def full(job_id: int, at: int = NOW) -> Usage:
    return Usage(job_id, at, GIB, GIB, 1.0)


def test_told_once_and_gone_when_over() -> None:
    board, keeper, clock = make(job(1), job(2))
    assert look(keeper) == []
    board.set_usage([full(1)])
    assert [alert.job_id for alert in look(keeper)] == [1]
    clock.now += 60
    assert look(keeper) == []
    assert [alert.at for alert in board.alerts] == [NOW]
    board.set_usage([Usage(1, NOW + 60, GIB // 2, GIB, 2.0)])
    assert look(keeper) == []
    assert board.alerts == ()


def test_of_jobs_without_alerts_nothing_is_kept() -> None:
    waiting = [job(number, "PENDING", start_time=None, end_time=None) for number in range(3, 50)]
    board, keeper, clock = make(job(1), job(2), *waiting)
    board.set_usage([full(1)])
    look(keeper)
    assert list(keeper._by_job) == [1]
    board.set_usage([Usage(1, NOW + 60, GIB // 2, GIB, 2.0)])
    clock.now += 60
    look(keeper)
    assert keeper._by_job == {}


def test_acknowledged_stays_away() -> None:
    board, keeper, _ = make(job(1))
    board.set_usage([full(1)])
    (alert,) = look(keeper)
    keeper.acknowledge([alert.key])
    assert board.alerts == ()
    assert look(keeper) == []
    assert board.alerts == ()
    again = AlertKeeper(board, Clock(), Lines(), acknowledged=[alert.key])
    assert look(again) == []


def test_only_my_jobs() -> None:
    board, keeper, _ = make(job(1, user="bob"))
    board.set_usage([full(1)])
    assert look(keeper) == []
    board.set_link(STARTING)
    assert look(keeper) == []


def test_a_failure_is_told_with_its_cause_once_that_is_known() -> None:
    board, keeper, clock = make(job(1))
    look(keeper)
    board.change_jobs([job(1, "FAILED", end_time=NOW + 5)])
    clock.now += 10
    assert look(keeper) == []
    board.set_findings(1, [finding("missing_package")])
    (alert,) = look(keeper)
    assert alert.rule == "failed"
    assert "missing_package" in alert.title
    assert "boom" in alert.why


def test_old_failures_are_no_news() -> None:
    board, keeper, _ = make(job(1, "FAILED", end_time=NOW - 7200))
    board.set_findings(1, [finding("missing_package")])
    assert look(keeper) == []


def test_tasks_of_an_array_fail_as_one() -> None:
    tasks = [job(n, "FAILED", array_job_id=9, array_task_id=n, end_time=NOW) for n in (1, 2, 3)]
    board, keeper, _ = make(*tasks)
    for task in tasks:
        board.set_findings(task.job_id, [finding("oom_host")])
    (alert,) = look(keeper)
    assert (alert.label, alert.jobs) == ("9", 3)


def test_the_same_failure_again_on_one_node() -> None:
    failed = [job(n, "FAILED", node_list=on, end_time=NOW) for n, on in ((1, "n1"), (2, "n1"))]
    board, keeper, _ = make(*failed)
    board.set_nodes([node("n1"), node("n2")])
    for one in failed:
        board.set_findings(one.job_id, [finding("cuda_runtime")])
    (alert,) = [a for a in look(keeper) if a.rule == "same_node"]
    assert "--exclude=n1" in alert.fix
    others = [job(n, "FAILED", node_list="n2", end_time=NOW) for n in (3, 4)]
    board.change_jobs(others)
    for one in others:
        board.set_findings(one.job_id, [finding("cuda_runtime")])
    look(keeper)
    assert not [a for a in board.alerts if a.rule == "same_node"]


def same_node(board: Board, keeper: AlertKeeper) -> list[Alert]:
    look(keeper)
    return [alert for alert in board.alerts if alert.rule == "same_node"]


def test_what_the_program_did_wrong_accuses_no_node() -> None:
    failed = [job(n, "FAILED", end_time=NOW, name="train") for n in range(1, 5)]
    board, keeper, _ = make(*failed)
    board.set_nodes([node("n1"), node("n2")])
    for one in failed:
        board.set_findings(one.job_id, [finding("python_exception")])
    assert same_node(board, keeper) == []
    board.change_jobs([job(9, "COMPLETED", name="train", node_list="n2")])
    board.set_findings(1, [finding("file_not_found")])  # something else to look at
    board.set_findings(1, [finding("python_exception")])
    assert [alert.jobs for alert in same_node(board, keeper)] == [4]
    board.change_jobs([job(10, "COMPLETED", name="train", node_list="n1")])
    assert same_node(board, keeper) == []


def test_the_worst_comes_first() -> None:
    waiting = job(3, "PENDING", reason="BadConstraints")
    board, keeper, _ = make(job(1), waiting)
    board.set_usage([full(1)])
    assert [alert.level for alert in look(keeper)] == ["CRITICAL", "HIGH"]


def test_a_long_list_is_looked_at_in_slices() -> None:
    _, keeper, _ = make(*(job(n) for n in range(200)))
    assert sum(1 for _ in keeper.look()) >= 8


def test_a_requeued_job_is_not_judged_by_its_former_run() -> None:
    board, keeper, clock = make(job(1))
    board.set_usage([full(1)])
    assert len(look(keeper)) == 1
    clock.now += 600
    board.change_jobs([job(1, start_time=NOW + 300)])
    assert look(keeper) == []
    assert board.alerts == ()


def test_a_failed_job_that_runs_again_has_not_failed() -> None:
    board, keeper, _ = make(job(1, "NODE_FAIL", end_time=NOW))
    board.set_findings(1, [finding("node_fail")])
    assert len(look(keeper)) == 1
    board.change_jobs([job(1)])
    board.set_findings(1, [finding("node_fail")])  # too late
    look(keeper)
    assert board.alerts == ()


def test_nodes_are_judged_anew_when_they_change() -> None:
    board, keeper, _ = make(job(1, node_list="n[1-3]"))
    board.set_nodes([node("n1"), node("n2", "DOWN"), node("m1", "DOWN")])
    (alert,) = look(keeper)
    assert (alert.rule, alert.key.split(":")[1]) == ("node", "n2")
    board.set_nodes([node("n2", "ALLOCATED")])
    look(keeper)
    assert board.alerts == ()


def test_all_jobs_on_a_bad_node_share_an_alert() -> None:
    board, keeper, _ = make(job(1), job(2), job(3, node_list="n2"))
    board.set_nodes([node("n1", "DOWN"), node("n2")])
    (alert,) = look(keeper)
    assert (alert.rule, alert.jobs, alert.level) == ("node", 2, "CRITICAL")


def test_a_run_that_was_lost_is_told_though_the_job_goes_on() -> None:
    board, keeper, _ = make(job(1, restarts=0), job(2, restarts=3))
    assert look(keeper) == []
    board.change_jobs([job(1, "PENDING", restarts=1, start_time=None, node_list="")])
    (alert,) = look(keeper)
    assert (alert.rule, alert.job_id) == ("restart", 1)
    assert "on n1 ended after 1h00" in alert.why
    board.change_jobs([job(1, restarts=1)])
    assert look(keeper) == []
    assert [one.rule for one in board.alerts] == ["restart"]
    board.change_jobs([job(1, "COMPLETED", restarts=1)])
    look(keeper)
    assert board.alerts == ()
