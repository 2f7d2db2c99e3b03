"""The rules for jobs that run or wait."""

from __future__ import annotations

import pytest
from jobshape.app.alerts.facts import Facts, Pace
from jobshape.app.alerts.rules import alerts_of
from jobshape.app.board.stuck import waiting_is_no_cure
from jobshape.app.domain.alert import Alert
from jobshape.app.domain.job import NO_JOB, Job, Usage
from jobshape.app.domain.site import Node

NOW = 1_700_000_000
GIB = 1 << 30
HOUR = 3600
NODE = Node(
    "n1", "MIXED", "", ("main",), 8, 4, 1.0, 64 * GIB, 8 * GIB, 50 * GIB, 2, 1, "a100:2", ""
)


def running(**more: object) -> Job:
    known: dict[str, object] = {
        "job_id": 7, "state": "RUNNING", "name": "train", "user": "alice", "node_list": "n1",
        "start_time": NOW - HOUR, "end_time": NOW + HOUR, "time_limit_s": 2 * HOUR,
        "cpus": 4, "memory_bytes": 16 * GIB, "gpus": 0,
    }  # fmt: skip
    return NO_JOB._replace(**{**known, **more})


def used(at: int, memory: float | None = None, gpu: float | None = None) -> Usage:
    size = None if memory is None else int(memory * GIB)
    return Usage(7, at, size, size, None, gpu)


def found(job: Job, **more: object) -> dict[str, Alert]:
    return {alert.rule: alert for alert in alerts_of(Facts(job, NOW, **more))}  # type: ignore[arg-type]


def test_a_healthy_job_raises_nothing() -> None:
    usage = [used(NOW - 60 * i, 8) for i in range(10, 0, -1)]
    assert found(running(), usage=usage, nodes={"n1": NODE}, silent_since=NOW - 60) == {}


def test_memory_over_the_line() -> None:
    (alert,) = found(running(), usage=[used(NOW, 15.5)]).values()
    assert (alert.rule, alert.level) == ("memory", "CRITICAL")
    assert "97 %" in alert.title


def test_nobody_says_what_it_uses() -> None:
    assert found(running(), usage=[used(NOW)]) == {}
    assert found(running(memory_bytes=None), usage=[used(NOW, 15.9)]) == {}


def test_memory_on_its_way_over_the_limit() -> None:
    usage = [used(NOW - 600 + 60 * i, 4 + 0.5 * i) for i in range(11)]
    (alert,) = found(running(), usage=usage).values()
    assert (alert.rule, alert.level) == ("memory_trend", "HIGH")
    assert "14m" in alert.title  # 7 GiB at half a GiB a minute


@pytest.mark.parametrize(
    "sizes",
    [
        [4, 9, 9.1, 9, 9.1, 9, 9.1, 9],  # a rise that is over
        [9, 9.01, 9.02, 9.02, 9.03, 9.03, 9.04, 9.04],  # hardly any
        [9, 6, 9, 6, 9, 6, 9, 6],  # up and down
    ],
)
def test_no_trend(sizes: list[float]) -> None:
    usage = [used(NOW - 480 + 60 * i, size) for i, size in enumerate(sizes)]
    assert found(running(), usage=usage) == {}


def test_a_trend_that_ends_with_the_job_is_none() -> None:
    usage = [used(NOW - 600 + 60 * i, 4 + 0.2 * i) for i in range(11)]
    assert "memory_trend" in found(running(), usage=usage)
    soon = running(end_time=NOW + 1200, start_time=NOW - 5 * HOUR)
    assert "memory_trend" not in found(soon, usage=usage)


def test_little_walltime_left() -> None:
    late = running(start_time=NOW - 2 * HOUR, end_time=NOW + 240)
    assert found(late)["walltime"].level == "HIGH"
    assert "walltime" not in found(running(start_time=NOW - 60, end_time=NOW + 240))
    assert "walltime" not in found(running(end_time=None))
    in_time = Pace(((NOW - 600, 0.90), (NOW, 0.99)))
    assert "walltime" not in found(late, pace=in_time)


def test_too_slow_for_its_limit() -> None:
    pace = Pace(((NOW - 1200, 0.10), (NOW, 0.20)))
    alert = found(running(), pace=pace)["pace"]
    assert "1h40 late" in alert.title
    assert found(running(end_time=NOW + 4 * HOUR), pace=pace) == {}


@pytest.mark.parametrize(
    "seen",
    [
        ((NOW, 0.2),),
        ((NOW - 30, 0.1), (NOW, 0.2)),  # too short a look
        ((NOW - 600, 0.9), (NOW - 300, 0.1), (NOW, 0.2)),  # it began anew
        ((NOW - 600, 0.2), (NOW, 0.2)),
    ],
)
def test_a_pace_that_cannot_be_told(seen: tuple[tuple[float, float], ...]) -> None:
    assert Pace(seen).done_at() is None


def test_progress_told_each_epoch_is_measured_from_epoch_to_epoch() -> None:
    """Ten epochs of 20 minutes, looked at each minute, from the middle of the third on."""
    begun = NOW - 3000
    for minutes in range(61, 160):
        looks = [(begun + 60.0 * m, m // 20 / 10) for m in range(50, minutes)]
        done_at = Pace(looks).done_at()
        assert done_at is None if minutes <= 80 else done_at == begun + 12_000


def test_a_step_that_is_overdue_is_no_progress() -> None:
    looks = [(NOW + 60.0 * m, min(m // 20, 3) / 10) for m in range(200)]
    done_at = Pace(looks).done_at()
    assert done_at is not None and done_at > NOW + 60 * 300


def test_jobs_like_it_need_longer() -> None:
    assert found(running(), typical_s=3.0 * HOUR)["pace"].level == "HIGH"
    assert found(running(), typical_s=1.5 * HOUR) == {}


@pytest.mark.parametrize(
    ("state", "level"),
    [("DOWN", "CRITICAL"), ("MIXED*", "HIGH"), ("ALLOCATED+FAIL", "CRITICAL"),
     ("MIXED+DRAIN", None)],
)  # fmt: skip
def test_its_node_fails(state: str, level: str | None) -> None:
    node = NODE._replace(state=state, reason="fan")
    alert = found(running(), nodes={"n1": node}).get("node")
    assert (alert.level if alert else None) == level
    assert found(running(node_list="n2"), nodes={"n1": node}) == {}


def test_an_idle_gpu() -> None:
    busy_then_idle = [
        used(NOW - 900, gpu=80),
        *(used(NOW - 60 * i, gpu=1) for i in range(12, -1, -1)),
    ]
    assert "12m" in found(running(gpus=2), usage=busy_then_idle)["gpu_idle"].title
    assert found(running(gpus=2), usage=busy_then_idle[:-5]) == {}
    assert found(running(gpus=2), usage=[used(NOW - 900), used(NOW)]) == {}
    assert found(running(gpus=0), usage=busy_then_idle) == {}


def test_silence() -> None:
    usage = [Usage(7, NOW - 600, None, None, 0.0), Usage(7, NOW, None, None, 24.0)]
    alert = found(running(), usage=usage, silent_since=NOW - 2 * HOUR)["silent"]
    assert "2h00" in alert.title
    assert "1 % busy" in alert.why


def test_what_never_starts() -> None:
    job = running(
        state="PENDING", reason="DependencyNeverSatisfied", dependency="afterok:3(failed)"
    )
    assert "afterok:3" in found(job)["dependency"].why
    job = running(state="PENDING", reason="PartitionTimeLimit")
    assert "Ask for less time" in found(job)["never_starts"].fix


@pytest.mark.parametrize(
    ("reason", "is_no_cure"),
    [
        ("Priority", False), ("Resources", False), ("QOSMaxCpuPerUserLimit", False),
        ("AssocGrpCpuLimit", False), ("JobHeldUser", False), ("BeginTime", False),
        ("ReqNodeNotAvail, UnavailableNodes:n1", False), ("QOSMaxCpuPerJobLimit", True),
        ("AssocMaxWallDurationPerJobLimit", True), ("QOSMinGRES", True), ("BadConstraints", True),
        ("JobHeldAdmin", True), ("launch failed requeued held", True),
    ],
)  # fmt: skip
def test_reasons_that_waiting_does_not_cure(reason: str, is_no_cure: bool) -> None:
    assert waiting_is_no_cure(reason) is is_no_cure


def test_tasks_of_an_array_share_what_keeps_them_waiting() -> None:
    one, other = (
        running(job_id=n, state="PENDING", reason="BadConstraints", array_job_id=5, array_task_id=n)
        for n in (6, 7)
    )
    assert found(one)["never_starts"].key == found(other)["never_starts"].key


def test_a_log_is_silent_as_of_the_last_look() -> None:
    since = NOW - 2 * HOUR
    assert "silent" not in found(running(), silent_since=since, looked_at=since + 60)
    assert "silent" in found(running(), silent_since=since, looked_at=since + HOUR)


@pytest.mark.parametrize("state", ["COMPLETING", "STAGE_OUT"])
def test_a_program_that_has_ended_needs_no_warning(state: str) -> None:
    over = running(state=state, end_time=NOW - 10, gpus=1)
    pace = Pace(((NOW - 600.0, 0.1), (NOW - 60.0, 0.2)))
    down = {"n1": NODE._replace(state="DOWN*")}
    usage = [used(NOW - 20, 15.9)]
    assert found(over, usage=usage, pace=pace, nodes=down, silent_since=NOW - 2 * HOUR) == {}


def test_a_suspended_program_is_quiet_by_somebodys_will() -> None:
    resting = running(state="SUSPENDED", gpus=1)
    usage = [used(NOW - 60 * i, 8, 0) for i in range(15, 0, -1)]
    assert found(resting, usage=usage, silent_since=NOW - 2 * HOUR) == {}
    down = {"n1": NODE._replace(state="DOWN*")}
    assert set(found(resting, nodes=down)) == {"node"}


def test_a_node_that_is_starting_does_not_respond_yet() -> None:
    starting = {"n1": NODE._replace(state="ALLOCATED+CLOUD+NOT_RESPONDING+POWERING_UP")}
    assert found(running(state="CONFIGURING"), nodes=starting) == {}
    gone = {"n1": NODE._replace(state="ALLOCATED+NOT_RESPONDING")}
    assert set(found(running(), nodes=gone)) == {"node"}


def test_memory_that_fills_while_data_loads_is_no_trend_yet() -> None:
    usage = [used(NOW - 60 + 10 * i, 1 + 1.5 * i) for i in range(7)]  # 10 of 16 GiB in a minute
    assert found(running(), usage=usage) == {}
    close = [used(NOW - 60 + 10 * i, 5 + 1.5 * i) for i in range(7)]
    assert set(found(running(), usage=close)) == {"memory_trend"}


def test_a_trend_that_did_not_come_true_is_none() -> None:
    usage = [used(NOW - 4200 + 60 * i, 4 + 0.5 * i) for i in range(11)]  # none for an hour
    assert found(running(end_time=NOW + 9 * HOUR), usage=usage) == {}


def test_a_guessed_start_makes_no_new_alert() -> None:
    waiting = running(state="PENDING", reason="BadConstraints", start_time=None, end_time=None)
    later = waiting._replace(start_time=NOW + HOUR)
    keys = {found(one)["never_starts"].key for one in (waiting, later)}
    assert len(keys) == 1


def test_what_lives_over_its_limit_is_not_killed_for_it() -> None:
    (alert,) = found(running(), usage=[used(NOW, 19)]).values()
    assert alert.level == "MEDIUM"
    assert "does not enforce" in alert.why


def test_nodes_that_are_out_for_a_time_may_come_back() -> None:
    job = running(state="PENDING", reason="PartitionNodeLimit")
    alert = found(job)["never_starts"]
    assert (alert.level, alert.title[:13]) == ("MEDIUM", "may never sta")


def test_two_looks_at_a_gpu_are_too_few() -> None:
    usage = [used(NOW - 660, gpu=0), used(NOW, gpu=0)]
    assert found(running(gpus=1), usage=usage) == {}


def test_steady_growth_is_told_in_time() -> None:
    steady = [used(NOW - 120 + 30 * i, 2 + 1.2 * i) for i in range(5)]  # 6.8 of 16 GiB by now
    assert set(found(running(), usage=steady)) == {"memory_trend"}
    ends = [used(NOW - 120 + 30 * i, 2 + 1.2 * min(i, 2)) for i in range(5)]
    assert found(running(), usage=ends) == {}
