"""What is sent at a time: waves, limits of policy, budget, preconditions."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from tests.unit.rounds.memory_site import MemorySite, Played

HEAD = """
project: p
stages: [{name: train, command: [train], shape: {memory: 100M, time: 1:00:00}}]
"""
GRID = """
phases:
  - name: training
    stage: train
    grid:
      parameters: {seed: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]}
      template: {id: "t${seed}", args: ["t${seed}"]}
"""


def sizes(site: MemorySite) -> list[int]:
    """Jobs of each submission that is no smoke."""
    return list(Counter(task.key for task in site.tasks if not task.is_smoke).values())


def most_at_once(played: Played) -> int:
    """Submissions in the queue at the same time, at most."""
    most = 0
    while played.campaign.state == "active":
        played.turn()
        most = max(most, len({t.key for t in played.site.tasks if t.job.end_time is None}))
    assert played.campaign.state == "finished"
    return most


def test_waves_go_out_one_after_the_other(tmp_path: Path) -> None:
    text = f"{HEAD}{GRID}rounds: {{sweep: 10, wave: 4}}\n"
    played = Played(tmp_path, text, MemorySite(), jobs_in_flight=0)
    assert most_at_once(played) == 1
    assert sizes(played.site) == [4, 4, 2]


def test_arrays_no_larger_than_the_site_takes(tmp_path: Path) -> None:
    text = f"{HEAD}{GRID}rounds: {{sweep: 10}}\n"
    played = Played(tmp_path, text, MemorySite(), jobs_in_flight=0, most_tasks=3)
    most_at_once(played)
    assert sizes(played.site) == [3, 3, 3, 1]


def test_no_more_submissions_than_policy_lets(tmp_path: Path) -> None:
    text = f"{HEAD}{GRID}rounds: {{sweep: 10}}\n"
    played = Played(tmp_path, text, MemorySite(), jobs_in_flight=2, most_tasks=3)
    assert most_at_once(played) == 2
    assert sizes(played.site) == [3, 3, 3, 1]


def test_an_unchanged_configuration_need_not_smoke_again(tmp_path: Path) -> None:
    text = f"{HEAD}{GRID}rounds: {{sweep: 10}}\n"
    site = MemorySite()
    played = Played(tmp_path, text, site, jobs_in_flight=0)
    played.play()
    assert sum(task.is_smoke for task in site.tasks) == 1
    again = Played(tmp_path, text, site, jobs_in_flight=0)
    again.play()
    assert sum(task.is_smoke for task in site.tasks) == 1 and len(site.tasks) == 21
    changed = Played(tmp_path, text.replace("100M", "200M"), site, jobs_in_flight=0)
    changed.play()
    assert sum(task.is_smoke for task in site.tasks) == 2


def test_the_budget_is_asked_for_before_it_is_passed(tmp_path: Path) -> None:
    text = f"{HEAD}{GRID}rounds: {{sweep: 10}}\nbudget: {{wall_clock: 0:30:00}}\n"
    played = Played(tmp_path, text, MemorySite(), jobs_in_flight=0)
    asked = played.play()
    assert asked.state == "asking" and "budget" in asked.question
    sent = len(played.site.tasks)
    played.wish("retry")
    played.turn()
    assert played.play().state == "finished" and len(played.site.tasks) > sent


def test_preconditions_are_waited_for_and_then_a_person(tmp_path: Path) -> None:
    phases = """
phases:
  - name: training
    stage: train
    jobs:
      - {id: a, args: [a]}
      - {id: b, args: [b], preconditions: [{file: wanted}]}
"""
    played = Played(tmp_path, f"{HEAD}{phases}", MemorySite(), jobs_in_flight=0)
    asked = played.play()
    assert asked.state == "asking" and "wanted" in asked.question
    assert {task.words[-1] for task in played.site.tasks} == {"a"}
    (tmp_path / "wanted").write_text("x")
    played.wish("retry")
    played.turn()
    assert played.play().state == "finished"
    assert {task.words[-1] for task in played.site.tasks} == {"a", "b"}


def test_a_smoke_that_fails_twice_alike_asks_and_nothing_is_scaled(tmp_path: Path) -> None:
    def fails(words: tuple[str, ...], smoke: bool, memory: int | None, before: int) -> Any:
        return ("FAILED", 10, "Stale file handle\n") if smoke else ("COMPLETED", 10, "")

    played = Played(tmp_path, f"{HEAD}{GRID}", MemorySite(fails), jobs_in_flight=0)
    asked = played.play()
    assert asked.state == "asking" and "smoke" in asked.question
    assert [task.is_smoke for task in played.site.tasks] == [True, True]
