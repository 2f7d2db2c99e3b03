"""The runner where something is wrong: scripts that change, jobs nobody knows, cancels refused."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobshape.app.domain.errors import Unreachable

from tests.unit.rounds.memory_site import Crash, MemorySite, Played

MANIFEST = """
project: five
stages:
  - {name: first, command: [first], shape: {memory: 100M, time: 0:05:00}}
  - {name: second, command: [second], shape: {memory: 100M, time: 0:05:00}}
phases:
  - {name: a, stage: first, jobs: [{id: a0, args: [a0]}, {id: a1, args: [a1]}]}
  - {name: b, stage: second, depends_on: [a], jobs: [{id: b0, args: [b0]}, {id: b1, args: [b1]}]}
rounds: {sweep: 9}
retry: {most: 3, delay: 0:01:00, memory_percent: 50}
"""
STALE = "cp: cannot stat 'x': Stale file handle\n"


def test_wishes_of_another_site_are_left_to_its_runner(tmp_path: Path) -> None:
    site = MemorySite()
    played = Played(tmp_path, MANIFEST, site, smoke="off")
    played.turn()
    with played.reading() as store:
        own = store.campaign(played.number)
        assert own is not None
        other = store.add_campaign(replace(own, site="elsewhere"), [])
        store.wish(other, "stop", "", 1)
    played.turn()
    with played.reading() as store:
        assert [one.campaign for one in store.wishes("elsewhere")] == [other]
    played.play()
    assert played.runner is not None and played.runner.is_idle


def test_a_round_closes_though_what_it_chained_was_in_vain(tmp_path: Path) -> None:
    """Jobs sent ahead behind one that fails for good leave the round: a person is asked."""

    def ends(words: tuple[str, ...], smoke: bool, memory: int | None, before: int) -> Any:
        return ("FAILED", 30, STALE) if words[-1] == "a1" else ("COMPLETED", 30, "")

    played = Played(tmp_path, MANIFEST, MemorySite(ends), jobs_in_flight=0, smoke="off")
    found = played.play(200)
    assert found.state == "asking" and "a1" in found.question
    assert any(task.after for task in played.site.tasks), "nothing was chained"
    played.wish("skip")
    played.turn()
    assert played.play(200).state == "finished"
    assert played.counts()["full", "completed"] == 3


def test_a_job_that_nobody_knows_is_not_taken_for_completed(tmp_path: Path) -> None:
    site = MemorySite()
    played = Played(tmp_path, MANIFEST, site, smoke="off")
    played.turn()
    played.kill()
    site.tasks.clear()  # purged, and accounting has lost it
    site.pass_time(1000)
    found = played.play(100)
    assert found.state == "asking" and "no longer knows" in found.question
    assert played.counts()["full", "failed_other"] == 2


def test_what_changes_in_a_round_runs_short_before_the_rest_of_it_is_sent(tmp_path: Path) -> None:
    code = tmp_path / "first.py"
    code.write_text("print(1)\n")
    text = MANIFEST.replace("command: [first]", "command: [python, first.py]")
    played = Played(tmp_path, text.replace("9", "9, wave: 1"), MemorySite(), jobs_in_flight=0)
    while ("full", "running") not in played.counts():
        played.turn()
    code.write_text("print(2)\n")
    assert played.play(200).state == "finished"
    with played.reading() as store:
        smokes = [one.target for one in store.trials(played.number, kind="smoke")]
    assert smokes.count("first") == 2 and smokes.count("second") == 1


def test_a_script_that_cannot_be_read_is_asked_about(tmp_path: Path) -> None:
    text = MANIFEST.replace("command: [first]", "script: first.sh")
    played = Played(tmp_path, text, MemorySite(), jobs_in_flight=0, smoke="off")
    found = played.play(20)
    assert found.state == "asking" and "first.sh" in found.question
    (tmp_path / "first.sh").write_text("#!/bin/bash\necho 1\n")
    played.wish("retry")
    played.turn()
    assert played.play(200).state == "finished"


def test_jobs_on_the_way_count_against_the_budget(tmp_path: Path) -> None:
    """Three jobs of 2 GPU-hours one after the other, 3 allowed: the second is asked about."""
    shape = "{memory: 100M, time: 2:00:00, gpus: 1}"
    text = MANIFEST.replace("{memory: 100M, time: 0:05:00}", shape, 1)
    text = text.replace("args: [a1]", "args: [a1], shape: {memory: 200M}")
    text += "budget: {gpu_hours: 3}\n"
    site = MemorySite()
    played = Played(tmp_path, text, site, jobs_in_flight=1, smoke="off")
    played.conditions = replace(played.conditions, jobs_in_flight=1)
    played.turn()
    assert len(site.tasks) == 1
    played.kill()
    played.conditions = replace(played.conditions, jobs_in_flight=0)
    found = played.play(3)
    assert found.state == "asking" and "budget" in found.question
    assert len(site.tasks) == 1


def test_only_an_answer_lets_a_campaign_pass_its_budget(tmp_path: Path) -> None:
    text = MANIFEST.replace("time: 0:05:00", "time: 2:00:00, gpus: 1", 1)
    text += "budget: {gpu_hours: 3}\n"
    site = MemorySite()
    played = Played(tmp_path, text, site, jobs_in_flight=0, smoke="off")
    assert "budget" in played.play(5).question
    for what in ("pause", "resume"):
        played.wish(what)
        played.turn()
    assert "budget" in played.play(5).question
    assert not site.tasks
    played.wish("retry")
    played.turn()
    assert played.play().state == "finished"


def test_one_cancel_that_fails_keeps_no_other_job_alive(tmp_path: Path) -> None:
    text = MANIFEST.replace("args: [a1]", "args: [a1], shape: {memory: 200M}")
    site = MemorySite(lambda *_: ("COMPLETED", 100_000, ""))
    played = Played(tmp_path, text, site, jobs_in_flight=0, smoke="off")
    played.turn()
    first, *others = [task for task in site.tasks if not task.after]
    assert others
    refuse = site.cancel

    def cancel(job: str, *, signal: str | None = None) -> None:
        if job == str(first.job.job_id):
            raise Unreachable("no answer in time")
        refuse(job, signal=signal)

    site.cancel = cancel  # type: ignore[method-assign]
    played.wish("stop")
    played.turn()
    assert all(task.job.state == "CANCELLED" for task in site.tasks if task is not first)
    site.cancel = refuse  # type: ignore[method-assign]
    assert played.play().state == "stopped"
    assert first.job.state == "CANCELLED"


def test_a_stop_does_not_wait_for_unclear_answers(tmp_path: Path) -> None:
    text = MANIFEST.replace("args: [a1]", "args: [a1], shape: {memory: 200M}")
    site = MemorySite(lambda *_: ("COMPLETED", 100_000, ""), unclear=["", "lost"])
    played = Played(tmp_path, text, site, jobs_in_flight=0, smoke="off")
    played.turn()
    played.wish("stop")
    played.turn()
    assert len(site.tasks) == 1 and site.tasks[0].job.state == "CANCELLED"
    assert played.campaign.state == "stopping"
    assert played.play().state == "stopped"


def test_a_mistake_rests_before_it_is_made_again(tmp_path: Path) -> None:
    site = MemorySite()
    played = Played(tmp_path, MANIFEST, site, smoke="off")
    played.turn()
    calls = 0

    def broken(*_: object, **__: object) -> Any:
        nonlocal calls
        calls += 1
        raise ValueError("broken")

    site.accounting = broken  # type: ignore[method-assign]
    for _ in range(12):
        played.turn()
    assert 0 < calls <= 3


def test_a_stale_job_is_cancelled_though_the_runner_was_killed_before(tmp_path: Path) -> None:
    text = MANIFEST.replace("id: a0", "output_check: {file: out}, id: a0")
    site = MemorySite(lambda *_: ("COMPLETED", 100_000, ""))
    site.now = time.time() - 5000
    site.log_at = site.now
    played = Played(tmp_path, text, site, jobs_in_flight=0, smoke="off")
    played.turn()
    (tmp_path / "out").write_text("done")
    os.utime(tmp_path / "out", (site.now, site.now))
    job = next(task for task in site.tasks if task.words[-1] == "a0")
    refuse = site.cancel

    def killed(job: str, *, signal: str | None = None) -> None:
        raise Crash

    site.cancel = killed  # type: ignore[method-assign]
    while ("full", "stale") not in played.counts():
        played.turn()
    site.cancel = refuse  # type: ignore[method-assign]
    for _ in range(10):
        played.turn()
    assert job.job.state == "CANCELLED"
    assert played.counts()["full", "completed"] == 1


def test_jobs_are_not_gone_while_accounting_gives_no_answer(tmp_path: Path) -> None:
    site = MemorySite()
    played = Played(tmp_path, MANIFEST, site, smoke="off")
    played.turn()
    played.kill()
    answers = site.accounting

    def silent(*_: object, **__: object) -> Any:
        raise Unreachable("slurmdbd is down")

    site.accounting = silent  # type: ignore[method-assign]
    site.pass_time(1000)  # the queue has forgotten them
    for _ in range(30):
        played.turn()
    assert played.campaign.state == "active"
    site.accounting = answers  # type: ignore[method-assign]
    assert played.play().state == "finished"
