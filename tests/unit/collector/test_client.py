"""The collector process with its client, on a pretend site that hangs, crashes and refuses."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.domain.errors import BackendError, NotSupported, Refused, Unreachable
from jobshape.app.domain.request import JobChanges, SubmitRequest

Watch = Callable[..., Any]


async def test_rows_arrive_and_follow_the_site(site: Any, watch: Watch) -> None:
    w = watch()
    await w.until(lambda: w.board.link.phase == "live" and len(w.board.nodes) == 3)
    assert w.states == {1: "RUNNING", 2: "RUNNING", 3: "RUNNING"}
    await w.until(lambda: list(w.board.partitions) == ["gpu"])  # each is read by a child of its own
    assert w.board.link.unread == 1
    assert w.board.link.unread_sample == "odd line"
    await w.until(lambda: w.board.link.features)
    feature = w.board.link.feature("usage")
    assert (feature.available, feature.hint) == (False, "turn it on")

    site.tell(ids={1: "RUNNING", 2: "FAILED", 4: "PENDING"})
    await w.until(lambda: w.states == {1: "RUNNING", 2: "FAILED", 4: "PENDING"})


async def test_what_a_site_knows_of_a_job_and_of_limits_arrives_whole(
    site: Any, watch: Watch
) -> None:
    w = watch()
    await w.until(lambda: w.board.link.phase == "live")
    request = await w.client.call("request_of", job="4_7")
    assert (request.job, request.shape.array, request.arguments) == ("4_7", "0-9%2", ("a b",))
    limits = await w.client.call("limits")
    assert limits.partition("gpu").time_limit_s == 3600
    assert limits.association("").qos == ("normal",)
    for action in ("top", "suspend", "resume"):
        assert await w.client.call(action, job="4") is None


async def test_nothing_is_sent_when_nothing_changes(site: Any, watch: Watch) -> None:
    w = watch()
    await w.until(lambda: len(site.calls("queue")) >= 3)
    before = w.board.jobs_revision
    asked = len(site.calls("queue"))
    await w.until(lambda: len(site.calls("queue")) >= asked + 3)
    assert w.board.jobs_revision == before


async def test_ended_jobs_stay_when_the_controller_forgets_them(site: Any, watch: Watch) -> None:
    site.tell(ids={1: "RUNNING", 2: "COMPLETED"})
    w = watch()
    await w.until(lambda: w.states == {1: "RUNNING", 2: "COMPLETED"})
    site.tell(ids={1: "RUNNING"})
    await w.until(lambda: w.board.link.finished == 1)
    assert w.states == {1: "RUNNING", 2: "COMPLETED"}


async def test_accounting_tells_the_last_hours_and_how_a_missing_job_ended(
    site: Any, watch: Watch
) -> None:
    site.tell(ids={1: "RUNNING", 2: "PENDING"}, accounted={7: "TIMEOUT", 2: "RUNNING"})
    w = watch()
    await w.until(lambda: w.states == {1: "RUNNING", 2: "PENDING", 7: "TIMEOUT"})
    site.tell(ids={2: "PENDING"}, accounted={1: "OUT_OF_MEMORY"})
    await w.until(lambda: w.states.get(1) == "OUT_OF_MEMORY")
    assert w.states == {1: "OUT_OF_MEMORY", 2: "PENDING", 7: "TIMEOUT"}


async def test_a_missing_job_is_dropped_where_there_is_no_accounting(
    site: Any, watch: Watch
) -> None:
    w = watch()
    await w.until(lambda: len(w.states) == 3)
    site.tell(jobs=2)
    await w.until(lambda: sorted(w.states) == [1, 2])


async def test_scope_and_stage_rules_change_while_it_runs(site: Any, watch: Watch) -> None:
    w = watch()
    await w.until(lambda: len(w.states) == 3)
    w.client.set_scope("all")
    assert w.board.link.phase == "starting"
    await w.until(lambda: 999_999 in w.states and w.board.link.scope == "all")
    w.client.set_stage_rules([{"stage": "training", "name": "^train"}, {"stage": "", "name": "x"}])
    await w.until(lambda: {job.stage for job in w.board.jobs.values()} == {"training"})
    assert w.client.problems == ("stage rule 2: it names no stage",)
    w.client.set_scope("mine")
    await w.until(lambda: sorted(w.states) == [1, 2, 3])


async def test_actions_give_typed_results_and_errors(site: Any, watch: Watch) -> None:
    w = watch()
    detail = await w.client.call("detail", job="7")
    assert detail.groups[0][1][0] == ("Text", "x")
    assert await w.client.call("submit", request=SubmitRequest("#!/bin/sh")) == 9
    assert await w.client.call("update", job="1", changes=JobChanges(nice=3)) is None
    with pytest.raises(NotSupported):
        await w.client.call("queue")
    site.tell(jobs=3, modes={"cancel": "refuse", "detail": "crash"})
    with pytest.raises(Refused) as refused:
        await w.client.call("cancel", job="1")
    assert (refused.value.where, refused.value.hint) == ("slurmctld", "ask alice")
    with pytest.raises(BackendError, match="SIGSEGV"):
        await w.client.call("detail", job="1")


async def test_an_action_makes_the_next_reading_come_soon(site: Any, watch: Watch) -> None:
    w = watch(fastest_s=60.0, slowest_s=60.0)
    await w.until(lambda: len(w.states) == 3)
    await asyncio.sleep(0.2)
    site.tell(jobs=4)
    await w.client.call("cancel", job="3")
    await w.until(lambda: len(w.states) == 4, timeout_s=3)
    site.tell(jobs=5)
    w.client.refresh()
    await w.until(lambda: len(w.states) == 5, timeout_s=3)


async def test_a_costly_controller_is_asked_seldom(site: Any, watch: Watch) -> None:
    site.tell(jobs=3, call_ms=70.0)
    w = watch()
    await w.until(lambda: w.board.link.cadence_s == pytest.approx(42.0, abs=0.1))  # 100 of 200 ms
    site.tell(jobs=4, call_ms=70.0)
    w.client.refresh()
    await w.until(lambda: len(w.states) == 4)  # a key asks all the same
    await w.until(lambda: 140 <= (w.board.link.controller_ms_per_minute or 0) < 1000)


async def test_a_pulse_spares_a_costly_queue_until_something_moves(site: Any, watch: Watch) -> None:
    site.tell(jobs=3, call_ms=2.0, pulse="a")  # a reading a second is all that may be spent
    w = watch(scope="all", controller_ms_per_minute=200.0)
    await w.until(lambda: len(site.calls("pulse")) >= 4)  # a reading that was due is over by then
    read, answered_at = len(site.calls("queue")), w.board.link.last_answer_at
    await w.until(lambda: len(site.calls("pulse")) >= 6)
    assert len(site.calls("queue")) == read
    # Nothing moved: as good as new.
    await w.until(lambda: w.board.link.last_answer_at > answered_at)
    site.tell(jobs=4, call_ms=2.0, pulse="b")
    await w.until(lambda: len(w.states) == 5)
    assert len(site.calls("queue")) <= read + 2


async def test_a_pulse_that_fails_has_the_queue_say_why(site: Any, watch: Watch) -> None:
    site.tell(jobs=3, call_ms=2.0, pulse="a")
    w = watch(scope="all", controller_ms_per_minute=200.0)
    await w.until(lambda: len(site.calls("pulse")) >= 3)
    site.tell(jobs=3, call_ms=2.0, pulse="a", modes={"pulse": "refuse", "queue": "refuse"})
    await w.until(lambda: w.board.link.phase == "failing")
    site.tell(jobs=3, call_ms=2.0, pulse="a")
    await w.until(lambda: w.board.link.phase == "live")


async def test_a_site_without_a_pulse_is_asked_once(site: Any, watch: Watch) -> None:
    site.tell(jobs=3, call_ms=2.0)
    w = watch(scope="all", controller_ms_per_minute=200.0)
    await w.until(lambda: len(site.calls("queue")) >= 3)
    assert len(site.calls("pulse")) == 1
    assert not any("pulse" in note for note in w.board.link.notes)


async def test_a_huge_result_arrives_and_others_are_not_held_up(site: Any, watch: Watch) -> None:
    site.tell(jobs=3, huge=5_000_000)
    w = watch()
    detail = await w.client.call("detail", job="7")
    assert len(detail.groups[0][1][0][1]) == 5_000_000


async def test_a_hanging_site_is_told_and_actions_beside_it_work(site: Any, watch: Watch) -> None:
    w = watch()
    await w.until(lambda: w.board.link.phase == "live")
    site.tell(modes={"queue": "hang"})
    await w.until(lambda: w.board.link.phase == "late")
    assert w.board.link.message.startswith("no answer from slurmctld for 3 s, last data ")
    assert (await w.client.call("detail", job="7")).job_id == 7
    assert len(w.states) == 3
    hung = site.calls("queue")[-1]
    await w.client.close()
    await w.until(lambda: not is_alive(hung), timeout_s=2)


@pytest.mark.parametrize("mode", ["crash", "exit", "raise", "refuse"])
async def test_a_failing_reading_keeps_the_rows_and_recovers(
    site: Any, watch: Watch, mode: str
) -> None:
    w = watch()
    await w.until(lambda: w.board.link.phase == "live")
    site.tell(mode=mode)
    await w.until(lambda: w.board.link.phase == "failing")
    said = {"crash": "SIGSEGV", "exit": "exit code 3", "raise": "ValueError", "refuse": "denied"}
    assert said[mode] in w.board.link.message
    assert "last data" in w.board.link.message
    assert "\x1b" not in w.board.link.message
    assert len(w.states) == 3
    site.tell(jobs=4)
    await w.until(lambda: w.board.link.phase == "live" and len(w.states) == 4)


async def test_it_starts_again_by_itself_after_many_failures_without_dying(
    site: Any, watch: Watch
) -> None:
    w = watch(slowest_s=0.1)
    await w.until(lambda: w.board.link.phase == "live")
    first = w.collector_pid
    phases = set()
    site.tell(mode="refuse")

    def another() -> bool:
        phases.add(w.board.link.phase)
        return w.collector_pid != first and w.board.link.phase == "failing"

    await w.until(another)
    assert "dead" not in phases
    site.tell(jobs=5)
    await w.until(lambda: w.board.link.phase == "live" and len(w.states) == 5)


async def test_a_killed_collector_is_started_again_and_the_rows_are_kept(
    site: Any, watch: Watch
) -> None:
    site.tell(ids={1: "RUNNING", 2: "COMPLETED", 3: "PENDING"}, modes={"detail": "hang"})
    w = watch()
    await w.until(lambda: w.board.link.phase == "live")
    site.tell(ids={1: "RUNNING", 3: "PENDING"}, modes={"detail": "hang"})
    await w.until(lambda: w.board.link.finished == 1)
    call = asyncio.create_task(w.client.call("detail", job="1"))
    await w.until(lambda: site.calls("detail"))
    first = w.collector_pid
    os.kill(first, signal.SIGKILL)
    await w.until(lambda: w.board.link.phase == "dead")
    assert "killed by SIGKILL" in w.board.link.message
    assert sorted(w.states) == [1, 2, 3]
    with pytest.raises(Unreachable):
        await call
    site.tell(ids={1: "RUNNING"})
    await w.until(lambda: w.board.link.phase == "live")
    assert w.collector_pid != first
    # 2 has ended and stays although the site forgot it; 3 had not, and nobody knows its end.
    assert w.states == {1: "RUNNING", 2: "COMPLETED"}
    assert (await w.client.call("capabilities")).cluster == "box"


async def test_a_collector_that_cannot_start_says_why(
    site: Any, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    w = watch()
    await w.until(lambda: w.board.link.phase == "dead")
    assert "exit code 1" in w.board.link.message
    monkeypatch.undo()


async def test_without_a_site_it_says_so_and_refuses_actions(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    w = watch(backend="commands")
    await w.until(lambda: w.board.link.phase == "failing")
    assert "squeue was not found on this machine" in w.board.link.message
    assert "login node" in w.board.link.hint
    with pytest.raises(BackendError, match="squeue was not found"):
        await w.client.call("cancel", job="1")


async def test_usage_is_asked_only_for_jobs_looked_at(site: Any, watch: Watch) -> None:
    w = watch(usage_jobs=2)
    await w.until(lambda: len(w.states) == 3)
    assert not site.calls("usage")
    w.client.set_attention(True, ["1", "2", "3"])
    await w.until(lambda: len(w.board.usage) == 2)
    assert w.board.usage[1].cpu_time_s == 4.5


async def test_nobody_looking_makes_it_slow_and_coming_back_quick(site: Any, watch: Watch) -> None:
    w = watch(slowest_s=30.0)
    await w.until(lambda: w.board.link.phase == "live" and w.board.link.features)
    w.client.set_attention(False)
    await w.until(lambda: w.board.link.cadence_s == 30.0)
    await asyncio.sleep(1.0)
    site.tell(jobs=4)
    w.client.set_attention(True)
    await w.until(lambda: len(w.states) == 4, timeout_s=3)


async def test_the_loop_is_never_held_long_by_a_big_queue(site: Any, watch: Watch) -> None:
    site.tell(jobs=20_000)
    w = watch()
    sizes: set[int] = set()  # of the board, as another task of the loop sees it grow

    async def look() -> None:
        while True:
            sizes.add(len(w.board.jobs))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await w.until(lambda: w.board.link.phase == "live" and len(w.states) == 20_000)
    looking.cancel()
    print(f"longest slice {w.client.longest_slice_s * 1000:.1f} ms, {len(sizes)} sizes seen")
    assert len(sizes) > 10  # frames of 1,000, each in slices; the budget is in benchmarks/


async def test_closing_leaves_no_process_even_while_calls_hang(site: Any, watch: Watch) -> None:
    site.tell(mode="hang")
    w = watch()
    await w.until(lambda: site.calls("queue"))
    session = w.collector_pid
    assert len(processes_of_session(session)) == 2
    started = time.monotonic()
    await w.client.close()
    assert time.monotonic() - started < 30  # closing is bounded, whatever hangs
    await w.until(lambda: not processes_of_session(session), timeout_s=30)


APP = """
import asyncio, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has it ignored
from jobshape.app.collector.spawn import CollectorProcess
from jobshape.app.collector.start import Start
process = CollectorProcess(Start(backend="pretend_site:PretendSite"))
print(process.pid, flush=True)
asyncio.run(asyncio.sleep(600))
"""


@pytest.mark.parametrize("mode", ["ok", "hang"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP])
async def test_nothing_outlives_an_app_that_is_killed(
    site: Any, watch: Watch, mode: str, number: signal.Signals
) -> None:
    site.tell(mode=mode)
    app = subprocess.Popen([sys.executable, "-c", APP], stdout=subprocess.PIPE, text=True)
    try:
        assert app.stdout
        session = int(app.stdout.readline())
        while not site.calls("queue"):
            await asyncio.sleep(0.01)
        assert processes_of_session(session)
    finally:
        app.send_signal(number)
        app.communicate()
    deadline = time.monotonic() + 3
    while processes_of_session(session) and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    assert not processes_of_session(session)


async def test_the_children_of_a_killed_collector_end_with_it(site: Any, watch: Watch) -> None:
    site.tell(jobs=1)
    w = watch()
    await w.until(lambda: w.board.link.phase == "live")
    site.tell(modes={"script": "ok", "detail": "slow"})
    call = asyncio.create_task(w.client.call("detail", job="1"))
    await w.until(lambda: site.calls("detail"))
    session = w.collector_pid
    os.kill(session, signal.SIGKILL)
    await w.until(lambda: not processes_of_session(session), timeout_s=3)
    with pytest.raises(Unreachable):
        await call


def test_a_ctrl_c_at_the_terminal_does_not_reach_the_collector(site: Any) -> None:
    from jobshape.app.collector.spawn import CollectorProcess
    from jobshape.app.collector.start import Start

    process = CollectorProcess(Start(backend="pretend_site:PretendSite"))
    try:
        while not site.calls("queue"):
            time.sleep(0.01)
        assert os.getsid(process.pid) == process.pid != os.getsid(0)
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.2)
        assert process.exit_code() is None
    finally:
        assert process.end() == 0


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def processes_of_session(session: int) -> list[int]:
    """Living processes of this session."""
    found = []
    for pid in filter(str.isdigit, (entry.name for entry in Path("/proc").iterdir())):
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(pid))
    return found
