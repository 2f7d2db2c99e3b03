"""The scheduler as a pure function: never over-given, nobody delayed by what comes after."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.backends.local.config import LocalPartition
from jobshape.app.backends.local.record import LocalJob
from jobshape.app.backends.local.scheduler import (
    NEVER,
    Candidate,
    Holding,
    Plan,
    Slots,
    plan,
    slots_of,
)
from jobshape.app.backends.local.standing import priority_of, rank_of

NOW = 1000.0
CAPACITY: Slots = (4, 100, 4, 4)

SLOTS = st.builds(
    lambda cpus, memory, gpus: (cpus, memory, gpus, gpus),
    st.integers(1, 4), st.integers(1, 100), st.sampled_from([0, 0, 1, 2, 4]),
)  # fmt: skip
WALLTIMES = st.sampled_from([10.0, 20.0, 30.0, 100.0, NEVER])
SHAPES = st.lists(st.tuples(SLOTS, WALLTIMES, st.integers(1, 3)), max_size=12)


def candidates_of(shapes: list[tuple[Slots, float, int]]) -> list[Candidate]:
    return [Candidate(key, *shape) for key, shape in enumerate(shapes)]


@st.composite
def holdings(draw: st.DrawFn) -> list[Holding]:
    """Running jobs that together fit."""
    found: list[Holding] = []
    for slots in draw(st.lists(SLOTS, max_size=4)):
        taken = [sum(have) for have in zip(*(one.slots for one in found), slots, strict=True)]
        if all(have <= there for have, there in zip(taken, CAPACITY, strict=True)):
            until = draw(st.sampled_from([900.0, 1000.0, 1005.0, 1040.0, NEVER]))
            found.append(Holding(slots, until))
    return found


def started(found: Plan, candidates: list[Candidate]) -> list[Slots]:
    return [candidates[key].slots for key in found.starts]


@given(holdings(), SHAPES, st.integers(0, 5), st.booleans())
def test_never_over_given(
    held: list[Holding], shapes: list[tuple[Slots, float, int]], depth: int, only: bool
) -> None:
    candidates = candidates_of(shapes)
    found = plan(NOW, CAPACITY, held, candidates, depth=depth, only_starts=only)
    taken = [one.slots for one in held] + started(found, candidates)
    for there, *given_away in zip(CAPACITY, *taken, strict=True):
        assert sum(given_away) <= there
    for candidate in candidates:
        assert found.starts.count(candidate.key) <= candidate.tasks


@given(holdings(), SHAPES)
def test_leaving_off_when_nothing_is_free_changes_no_start(
    held: list[Holding], shapes: list[tuple[Slots, float, int]]
) -> None:
    candidates = candidates_of(shapes)
    whole = plan(NOW, CAPACITY, held, candidates)
    assert plan(NOW, CAPACITY, held, candidates, only_starts=True).starts == whole.starts


@given(holdings(), SHAPES, st.data())
def test_what_comes_after_delays_nobody_ahead(
    held: list[Holding], shapes: list[tuple[Slots, float, int]], data: st.DataObject
) -> None:
    """Planned times and starts are the same with and without the jobs behind."""
    candidates = candidates_of(shapes)
    cut = data.draw(st.integers(0, len(candidates)))
    alone = plan(NOW, CAPACITY, held, candidates[:cut])
    together = plan(NOW, CAPACITY, held, candidates)
    ahead = {key: time for key, time in together.times.items() if key < cut}
    assert ahead == alone.times
    assert [key for key in together.starts if key < cut] == alone.starts


@settings(max_examples=60)
@given(holdings(), SHAPES, st.integers(0, 2))
def test_behind_the_last_reservation_only_the_harmless_start(
    held: list[Holding], shapes: list[tuple[Slots, float, int]], depth: int
) -> None:
    """With few reservations, no job begins later than in a simulation without the jobs behind."""
    candidates = candidates_of([(slots, walltime, 1) for slots, walltime, _ in shapes])
    began = simulate(held, candidates, depth)
    for cut in range(len(candidates)):
        alone = simulate(held, candidates[: cut + 1], depth)
        if cut in alone:
            assert began[cut] <= alone[cut]


def simulate(held: list[Holding], candidates: list[Candidate], depth: int) -> dict[int, float]:
    """When each begins, if all take exactly their walltime."""
    now, running, left = NOW, list(held), list(candidates)
    began: dict[int, float] = {}
    for _ in range(200):
        running = [one for one in running if one.until > now]
        found = plan(now, CAPACITY, running, left, depth=depth, only_starts=True)
        for key in found.starts:
            began[key] = now
            running.append(Holding(candidates[key].slots, now + candidates[key].walltime_s))
        left = [one for one in left if one.key not in began]
        ends = [one.until for one in running if now < one.until < NEVER]
        if not left or not ends:
            break
        now = min(ends)
    return began


def test_a_small_job_slips_in_before_a_big_one() -> None:
    held = [Holding((3, 10, 0, 0), NOW + 100)]
    big = Candidate(1, (4, 10, 0, 0), 50.0)
    fits = Candidate(2, (1, 10, 0, 0), 100.0)
    too_long = Candidate(3, (1, 10, 0, 0), 101.0)
    found = plan(NOW, CAPACITY, held, [big, too_long, fits])
    assert found.starts == [2]
    assert found.times == {1: NOW + 100, 3: NOW + 150}


def test_gpus_together_or_not_at_all() -> None:
    held = [Holding((1, 1, 3, 3), NOW + 100)]
    four = Candidate(1, (1, 1, 4, 4), 50.0)
    one = Candidate(2, (1, 1, 1, 1), 200.0)
    none = Candidate(3, (1, 1, 0, 0), 1000.0)
    found = plan(NOW, CAPACITY, held, [four, one, none])
    assert found.starts == [3]
    assert found.times[1] == NOW + 100


def test_a_long_line_for_gpus_leaves_cpus_to_others() -> None:
    held = [Holding((1, 1, 4, 4), NOW + 1000)]
    line = [Candidate(key, (1, 1, 1, 1), 1000.0) for key in range(500)]
    small = Candidate(1000, (1, 1, 0, 0), 900.0)
    big = Candidate(1001, (1, 1, 0, 0), 5000.0)
    found = plan(NOW, CAPACITY, held, [*line, big, small])
    assert found.starts == [1000]


def test_types_of_gpus() -> None:
    kinds = ("a100", "t4")
    assert slots_of(2, 7, 3, "t4", kinds) == (2, 7, 3, 0, 3)
    assert slots_of(2, 7, 3, "", kinds) == (2, 7, 3, 0, 0)
    two_each = (8, 100, 4, 2, 2)
    wants_three = Candidate(1, slots_of(1, 1, 3, "a100", kinds), 10.0)
    wants_two = Candidate(2, slots_of(1, 1, 2, "a100", kinds), 10.0)
    assert plan(NOW, two_each, [], [wants_three, wants_two]).starts == [2]


def test_ten_thousand_of_a_kind_cost_little() -> None:
    held = [Holding((3, 1, 0, 0), NOW + 100)]
    queue = [Candidate(key, (1, 1, 0, 0), 3600.0) for key in range(10_000)]
    started_at = time.perf_counter()
    for _ in range(100):
        assert plan(NOW, CAPACITY, held, queue, only_starts=True).starts == [0]
    took = (time.perf_counter() - started_at) / 100
    print(f"a pass over 10,000 pending jobs of a kind: {took * 1e3:.3f} ms")
    assert took < 0.005


PARTITIONS = {
    "main": LocalPartition("main"),
    "smoke": LocalPartition("smoke", head_start_s=3600),
}


def test_waiting_makes_up_for_a_head_start() -> None:
    def rank(partition: str, later_s: float) -> float:
        job = LocalJob(partition=partition, submit_time=1_800_000_000.0 + later_s)
        return rank_of(job, PARTITIONS)

    old, soon, late = rank("main", 0), rank("smoke", 3599), rank("smoke", 3601)
    assert soon < old < late
    assert priority_of(soon) > priority_of(old) > priority_of(late) > 0


def test_nice_lets_others_pass() -> None:
    polite = rank_of(LocalJob(partition="main", submit_time=0.0, nice=100), PARTITIONS)
    assert polite > rank_of(LocalJob(partition="main", submit_time=99.0), PARTITIONS)
