"""What is recommended of what was used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from jobshape.app.domain.shape import JobShape
from jobshape.app.reports import fit
from jobshape.app.reports.records import CampaignRecords
from jobshape.app.rounds.campaign import Attempt, Campaign, Trial

G = 1024**3
ONE = Attempt(1, 1, 1, None, 1, "COMPLETED", 0, 60, 660, 600, 3 * G, 600.0, 4, 8 * G, 2, 80.0)
KILLED = replace(ONE, state="OUT_OF_MEMORY", label="oom_host")


def records(*attempts: Attempt, shape: JobShape | None = None, **trial: Any) -> CampaignRecords:
    one = Trial(1, 1, 0, "full", "a", "p", "train", "t", "h", state="completed", **trial)
    numbered = [replace(attempt, number=at) for at, attempt in enumerate(attempts, 1)]
    return CampaignRecords(
        Campaign(1, "c", "here", "", "", "", "active"), (), (one,), numbered,
        shapes={0: shape} if shape else {},
    )  # fmt: skip


def peaks(*sizes_gib: float, asked: float = 8) -> list[Attempt]:
    return [replace(ONE, max_rss_bytes=round(size * G), memory_bytes=round(asked * G))
            for size in sizes_gib]  # fmt: skip


def test_less_memory_would_do() -> None:
    found = fit.memory(records(*peaks(2.5, 2.6, 2.8, 3.0, 3.1)), "train")
    assert (found.asked, found.next, found.runs) == ("8G", "4G", 5)
    assert found.words == (
        "95 % of 5 runs used under 3.1G of 8G asked, the largest 3.1G; 4G would do"
    )


def test_too_few_runs_say_nothing() -> None:
    found = fit.memory(records(*peaks(1, 1, 1, 1)), "train")
    assert (found.next, found.words) == (
        "", "too few runs that did well to say: 4, of 5 that are needed",
    )  # fmt: skip


def test_memory_that_fits_stays() -> None:
    found = fit.memory(records(*peaks(6, 6, 6.5, 6.5, 6.5)), "train")
    assert found.next == "" and found.words.endswith("; it fits")


def test_tight_memory_is_raised() -> None:
    found = fit.memory(records(*peaks(7, 7.5, 7.6, 7.7, 7.8)), "train")
    assert found.next == "9G" and found.words.endswith("; that is tight: 9G is safer")


def test_what_was_killed_needs_more_than_it_asked_for_however_little_maxrss_says() -> None:
    found = fit.memory(records(*peaks(2, 2, 2, 2, 2), KILLED, KILLED), "train")
    assert found.next == "10G"
    assert "2 of 7 attempts ran out of memory with 8G" in found.words


def test_killed_with_less_does_not_keep_what_is_far_too_much() -> None:
    small = replace(KILLED, memory_bytes=2 * G)
    found = fit.memory(records(*peaks(3, 3, 3, 3, 3, asked=16), small), "train")
    assert found.next == "4G"


def test_memory_is_of_one_node() -> None:
    wide = [replace(one, node_list="n[1-4]", memory_bytes=32 * G) for one in peaks(3, 3, 3, 3, 3)]
    assert fit.memory(records(*wide), "train").asked == "8G"


def test_runs_without_figures_are_unknown_and_not_zero() -> None:
    bare = [replace(ONE, max_rss_bytes=None, memory_bytes=None, total_cpu_s=None)] * 6
    found = fit.memory(records(*bare), "train")
    assert (found.asked, found.p50, found.p95, found.most, found.runs) == ("-", "-", "-", "-", 0)
    assert fit.cpus(records(*bare), "train").p50 == "-"
    assert fit.memory_use(records(*bare), "train") is None


@pytest.mark.parametrize(
    ("cpu_s", "next_"), [(600, "1"), (620, "1"), (1300, "3"), (2300, ""), (2400, "")]
)
def test_cores_that_were_busy(cpu_s: float, next_: str) -> None:
    found = fit.cpus(records(*[replace(ONE, total_cpu_s=cpu_s)] * 5), "train")
    assert found.next == next_


def test_the_walltime_is_of_the_manifest_or_of_the_correction() -> None:
    shape = JobShape(time_limit_s=7200)
    found = fit.walltime(records(*[ONE] * 5, shape=shape), "train")
    assert (found.asked, found.next) == ("02:00:00", "00:12:00")
    raised = fit.walltime(records(*[ONE] * 5, shape=shape, time_limit_s=720), "train")
    assert (raised.asked, raised.next) == ("00:12:00", "")
    unknown = fit.walltime(records(*[ONE] * 5), "train")
    assert unknown.next == "" and "what was asked for is not known" in unknown.words


def test_idle_gpus_may_be_fewer() -> None:
    idle = [replace(ONE, gpus=4, gpu_percent=30.0)] * 5
    found = fit.gpus(records(*idle), "train")
    assert found is not None and (found.asked, found.p50, found.next) == ("4", "30 %", "2")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"gpu_percent": None}, "nobody said how busy"),
        ({"gpu_percent": 80.0}, "they fit"),
        ({"gpus": 1, "gpu_percent": 10.0}, "look at what feeds it"),
    ],
)
def test_gpus_that_stay_as_they_are(changes: dict[str, Any], said: str) -> None:
    found = fit.gpus(records(*[replace(ONE, **changes)] * 5), "train")
    assert found is not None and found.next == "" and said in found.words


def test_a_stage_without_gpus_has_no_line() -> None:
    assert fit.gpus(records(*[replace(ONE, gpus=None)] * 5), "train") is None
    assert fit.gpus(records(*[replace(ONE, gpus=0)] * 5), "train") is None


def test_smokes_and_failures_are_no_measure() -> None:
    made = records(*peaks(3, 3, 3, 3, 3))
    smoke = Trial(2, 1, 0, "smoke", "a", "p", "train", "t", "h", state="completed")
    small = replace(ONE, trial=2, max_rss_bytes=G // 10)
    failed = replace(ONE, trial=1, number=9, state="FAILED", max_rss_bytes=G // 10)
    both = replace(made, trials=[*made.trials, smoke], attempts=[*made.attempts, small, failed])
    assert fit.memory(both, "train") == fit.memory(made, "train")
