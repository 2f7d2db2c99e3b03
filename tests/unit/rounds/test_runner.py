"""The runner on a site in memory: killed at any step, unclear answers, failures; nothing twice."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.rounds.outcomes import Outcomes
from jobshape.app.rounds.store import RoundsTrouble

from tests.unit.rounds.memory_site import MemorySite, Played

MIB = 1 << 20
MANIFEST = """
project: five
stages:
  - {name: fetch, command: [fetch], shape: {memory: 100M, time: 0:05:00}}
  - {name: train, command: [train], shape: {memory: 100M, time: 0:05:00}}
phases:
  - {name: fetching, stage: fetch, jobs: [{id: f0, args: [f0]}, {id: f1, args: [f1]}]}
  - name: training
    stage: train
    depends_on: [fetching]
    grid:
      parameters: {lr: [1, 2, 3], seed: [0, 1, 2]}
      template: {id: "t-${lr}-${seed}", args: ["t-${lr}-${seed}"]}
smoke: {shape: {time: 0:01:00}}
rounds: {sweep: 3, growth: 2}
retry: {most: 3, delay: 0:01:00, memory_percent: 50}
"""
HUNGRY, FLAKY = "t-1-1", "t-2-1"
STALE = "cp: cannot stat 'x': Stale file handle\n"


def ends(words: tuple[str, ...], smoke: bool, memory: int | None, before: int) -> Any:
    """One job dies of memory until it has the double, one fails once of a sick file system."""
    if not smoke and words[-1] == HUNGRY and (memory or 0) < 200 * MIB:
        return "OUT_OF_MEMORY", 20, ""
    if not smoke and words[-1] == FLAKY and not before:
        return "FAILED", 20, STALE
    return "COMPLETED", 30, ""


def check_all(played: Played) -> None:
    """Every job ran to its end once, and the site has no job that the store does not know."""
    site = played.site
    with played.reading() as store:
        trials = {one.id: one for one in store.trials(played.number)}
        attempts = store.attempts(played.number)
        full = [one for one in trials.values() if one.kind == "full"]
        assert {one.state for one in full} == {"completed"}
        done = Counter(t.words[-1] for t in site.tasks if not t.is_smoke and
                       t.job.state == "COMPLETED")  # fmt: skip
        assert done == {one.plan_id: 1 for one in full}
        assert len(site.tasks) == len(attempts) == sum(one.attempts for one in trials.values())
        told = sorted(attempt.job for attempt in attempts)
        assert told == sorted(task.job.label for task in site.tasks)
        assert all(attempt.is_over for attempt in attempts)
        assert not store.open_sendings(played.number)
        assert all(one.state == "passed" for one in store.rounds(played.number))


def test_a_campaign_ends(tmp_path: Path) -> None:
    played = Played(tmp_path, MANIFEST, MemorySite(ends), jobs_in_flight=0)
    assert played.play().state == "finished"
    check_all(played)
    with played.reading() as store:
        rounds = store.rounds(played.number)
        assert [one.number for one in rounds] == list(range(len(rounds))) and len(rounds) > 3
        hungry = next(one for one in store.trials(played.number) if one.plan_id == HUNGRY)
        assert hungry.oom_times == 2 and (hungry.memory_bytes or 0) >= 200 * MIB
        smokes = [one for one in store.trials(played.number) if one.kind == "smoke"]
        assert sorted(one.target for one in smokes) == ["fetch", "train"]


@settings(max_examples=15, deadline=None)
@given(
    crashes=st.lists(st.tuples(st.integers(0, 60), st.sampled_from([0, 5, 50, 700])), max_size=20),
    unclear=st.lists(st.sampled_from(["", "", "lost", "arrived"]), max_size=8),
    step_s=st.sampled_from([5, 10, 30]),
    lag_s=st.sampled_from([0, 10, 60]),
    in_flight=st.sampled_from([0, 1, 4]),
)
def test_killed_at_any_step(
    crashes: list[tuple[int, int]], unclear: list[str], step_s: int, lag_s: int, in_flight: int
) -> None:
    site = MemorySite(ends, unclear=list(unclear), accounting_lag_s=lag_s)
    with tempfile.TemporaryDirectory() as folder:
        played = Played(Path(folder), MANIFEST, site, jobs_in_flight=in_flight)
        for steps, down_s in crashes:
            site.fuse.left = steps
            while played.campaign.state == "active" and played.turn(step_s):
                pass
            site.pass_time(down_s)
        site.fuse.left = None
        assert played.play(800, step_s).state == "finished", played.campaign
        check_all(played)
        played.kill()


def test_killed_at_every_step_in_turn(tmp_path: Path) -> None:
    """A kill at the 1st step, the 2nd, ...: each of a process that has done some work before."""
    site = MemorySite(ends)
    played = Played(tmp_path, MANIFEST, site, jobs_in_flight=0)
    for step in range(1, 400):
        site.fuse.left = step
        while played.campaign.state == "active" and played.turn():
            pass
        if played.campaign.state != "active":
            break
    site.fuse.left = None
    assert played.play().state == "finished"
    assert played.starts > 10
    check_all(played)


@pytest.mark.parametrize("way", ["lost", "arrived"])
def test_unclear_answer(tmp_path: Path, way: str) -> None:
    played = Played(tmp_path, MANIFEST, MemorySite(unclear=[way]))
    assert played.play().state == "finished"
    check_all(played)


def test_refused_asks_and_goes_on(tmp_path: Path) -> None:
    played = Played(tmp_path, MANIFEST, MemorySite(unclear=["refused"]))
    asked = played.play()
    assert asked.state == "asking" and "QOSMaxSubmit" in asked.question
    assert not played.site.tasks
    played.wish("retry")
    played.turn()
    assert played.play().state == "finished"
    check_all(played)


def test_cancelled_by_a_person_asks(tmp_path: Path) -> None:
    site = MemorySite()
    played = Played(tmp_path, MANIFEST, site)
    while not any(not task.is_smoke for task in site.tasks):
        played.turn()
    site.cancel(next(task for task in site.tasks if not task.is_smoke).job.label)
    asked = played.play()
    assert asked.state == "asking" and "cancelled" in asked.question
    played.wish("skip")
    played.turn()
    assert played.play().state == "finished"
    assert played.counts()["full", "left_out"] == 1


def test_unknown_failure_asks(tmp_path: Path) -> None:
    def strange(words: tuple[str, ...], smoke: bool, memory: int | None, before: int) -> Any:
        bad = words[-1] == "t-1-0" and not smoke and not before
        return ("FAILED", 10, "zzz\n") if bad else ("COMPLETED", 10, "")

    played = Played(tmp_path, MANIFEST, MemorySite(strange))
    asked = played.play()
    assert asked.state == "asking" and "nobody knows" in asked.question
    played.wish("retry")
    played.turn()
    assert played.play().state == "finished"
    check_all_but_rounds(played)


def check_all_but_rounds(played: Played) -> None:
    with played.reading() as store:
        full = store.trials(played.number, kind="full")
        assert {one.state for one in full} == {"completed"}


def test_same_class_three_times_is_stuck(tmp_path: Path) -> None:
    def full_disk(words: tuple[str, ...], smoke: bool, memory: int | None, before: int) -> Any:
        bad = words[-1] == "t-1-0" and not smoke
        return ("FAILED", 10, STALE) if bad else ("COMPLETED", 10, "")

    played = Played(tmp_path, MANIFEST, MemorySite(full_disk))
    asked = played.play()
    assert asked.state == "asking"
    with played.reading() as store:
        stuck = store.trials(played.number, states=["stuck"])
        assert [(one.plan_id, one.attempts) for one in stuck] == [("t-1-0", 3)]
        assert "3 times the same" in stuck[0].why


def test_pause_sends_nothing_and_stop_cancels(tmp_path: Path) -> None:
    site = MemorySite()
    played = Played(tmp_path, MANIFEST, site)
    while not any(not task.is_smoke for task in site.tasks):
        played.turn()
    played.wish("pause")
    played.turn()
    sent = len(site.tasks)
    for _ in range(10):
        played.turn()
    assert len(site.tasks) == sent and played.campaign.state == "paused"
    played.wish("resume")
    while len(site.tasks) == sent:
        played.turn()
    played.wish("stop")
    assert played.play().state in ("stopping", "stopped")
    assert all(task.job.end_time for task in site.tasks)


def test_one_queue_call_a_turn(tmp_path: Path) -> None:
    site = MemorySite(ends)
    played = Played(tmp_path, MANIFEST, site)
    turns = 0
    while played.campaign.state == "active":
        before = site.calls.get("queue", 0)
        played.turn()
        turns += 1
        assert site.calls.get("queue", 0) <= before + 1
    assert played.campaign.state == "finished" and turns > 5


def test_wishes_of_another_site_are_left_to_its_own_process(tmp_path: Path) -> None:
    played = Played(tmp_path, MANIFEST, MemorySite(), jobs_in_flight=0)
    played.turn()
    with played.reading() as store:
        store.set_campaign(played.number, site="elsewhere")
        store.wish(played.number, "pause", "", 1)
    played.turn()
    with played.reading() as store:
        assert [one.what for one in store.wishes("elsewhere")] == ["pause"]
    assert played.runner is not None and played.runner.is_idle


@pytest.mark.parametrize("error", [RoundsTrouble("the disk is full"), KeyError("oops")])
def test_what_could_not_be_written_is_not_believed(tmp_path: Path, error: Exception) -> None:
    """Any write may fail; the campaign rests, and goes on from what stands on disk."""
    site = MemorySite(ends)
    played = Played(tmp_path, MANIFEST, site, jobs_in_flight=0)
    played.start()
    tell, failing = Outcomes._tell, [True] * 3

    def fails(self: Outcomes, *arguments: Any) -> None:
        tell(self, *arguments)
        if failing:
            failing.pop()
            raise error

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Outcomes, "_tell", fails)  # the last write of a transaction
        assert played.play().state == "finished"
    check_all(played)
    with played.reading() as store:
        told = [one for one in store.events(played.number) if str(error) in one.text]
    assert len(told) == 3
    assert told[1].at - told[0].at >= 10
