"""Which jobs run in a campaign's next round."""

import time
from collections.abc import Callable

import pytest
from jobshape.app.rounds.choosing import NEVER_AGAIN, LeftOut, waves
from jobshape.app.rounds.expanding import PlannedJob
from jobshape.app.rounds.manifest import Manifest
from jobshape.app.rounds.workload import Known, is_settled, representatives

from tests.unit.rounds.campaigns import Outcome, Played, grid
from tests.unit.rounds.making import TEACHER_STUDENT, manifest_of, small

TUNED = "N: [10, 20, 30], n: [1, 2, 3, 4], seed: [0, 1, 2]"


def lines(played: Played) -> list[str]:
    return [plan.hypothesis for plan in played.plans]


def test_36_jobs_run_as_a_smoke_a_sweep_and_two_scaled_rounds() -> None:
    played = Played(grid(TUNED))
    played.play_all()
    assert lines(played) == [
        "smoke of s",
        "N and n vary, 6 of 36; others at their first value",
        "scale to 24 of 36",
        "scale to all 36",
        "",
    ]
    assert [len(plan.numbers) for plan in played.plans] == [0, 6, 18, 12, 0]
    assert played.ids(played.plans[1]) == [
        "j-10-1-0", "j-20-1-0", "j-10-2-0", "j-30-1-0", "j-10-3-0", "j-10-4-0",
    ]  # fmt: skip
    assert played.plans[0].smokes == (("s", 0),)
    assert played.plans[-1].is_finished
    assert not played.plans[-1].blocked


def test_a_phase_that_fits_whole_opens_the_one_behind_it_in_the_same_round() -> None:
    played = Played(manifest_of(TEACHER_STUDENT).manifest)
    smoke, first = played.play_all()
    assert [target for target, _ in smoke.smokes] == ["teacher", "teacher#2", "student"]
    assert first.hypothesis == "teachers: all 2; students: size and seed vary, all 6"
    assert [(one.phase, one.after) for one in first.phases] == [
        ("teachers", ()), ("students", ("teachers",)),
    ]  # fmt: skip
    assert [[played.jobs[n].recipe.stage for n in wave] for wave in waves(first, 5)] == [
        ["teacher"] * 2, ["student"] * 5, ["student"],
    ]  # fmt: skip


def test_a_phase_that_does_not_fit_holds_the_one_behind_it() -> None:
    played = Played(two_phases("n: [1, 2, 3, 4, 5, 6, 7]"), passed={"s": -1})
    assert [[one.phase for one in plan.phases] for plan in played.play_all()] == [
        ["a"], ["a", "b"],
    ]  # fmt: skip


def two_phases(parameters: str) -> Manifest:
    first = f"grid: {{parameters: {{{parameters}}}, template: {{id: 'a${{n}}'}}}}"
    behind = "  - {name: b, depends_on: [a], jobs: [{id: b}]}"
    return small(f"  - {{name: a, {first}}}\n{behind}").manifest


def test_what_needs_another_phases_output_smokes_when_its_phase_opens() -> None:
    played = Played(manifest_of(TEACHER_STUDENT).manifest, not_ready={"student"})
    assert [target for target, _ in played.play().smokes] == ["teacher", "teacher#2"]
    students = played.play().phases[1]
    assert (students.phase, students.smokes) == ("students", (("student", 0),))


def test_what_waits_for_no_phase_smokes_first_even_if_it_is_not_ready() -> None:
    plan = Played(grid(TUNED), not_ready={"s"}).next()
    assert (plan.number, plan.smokes) == (0, (("s", 0),))


def test_a_smoke_of_the_same_round_does_not_count_for_what_was_unstable_after_it() -> None:
    played = Played(grid(TUNED), fail({"j-10-1-0", "j-10-2-0"}), number=1)
    for _ in range(2):
        (phase,) = played.play().phases
        assert [smoke.target for smoke in phase.smokes] == ["s"]
    (phase,) = played.play().phases
    assert phase.smokes == ()


def test_where_every_target_has_passed_there_is_no_round_of_smokes() -> None:
    plan = Played(grid(TUNED), passed={"s": -1}).next()
    assert (plan.number, len(plan.numbers), plan.smokes) == (1, 6, ())


def test_what_is_unstable_drops_back_to_a_smoke_and_a_small_slice() -> None:
    failing = {"j-10-2-0", "j-10-3-0"}
    played = Played(grid(TUNED), fail(failing))
    played.play_all()
    assert lines(played)[2:] == [
        "2 of 6 failed: smoke again, then to 10 of 36", "scale to 28 of 36",
        "scale to 34 of 36", "",
    ]  # fmt: skip
    again = played.plans[2].phases[0]
    assert [smoke.target for smoke in again.smokes] == ["s"]
    assert played.plans[3].phases[0].smokes == ()
    assert played.plans[-1].blocked == ("a: 2 of 36 failed",)


def fail(ids: set[str]) -> Callable[[PlannedJob], Outcome]:
    return lambda job: ("failed_other", None) if job.id in ids else ("completed", 60.0)


def test_as_many_failures_as_are_allowed_are_stable() -> None:
    played = Played(grid(TUNED, rounds="{stable: 0.34}"), fail({"j-10-2-0", "j-10-3-0"}))
    played.play_all()
    assert lines(played)[2] == "scale to 22 of 36"


def test_phases_behind_a_failed_one_stay_closed_and_say_so() -> None:
    played = Played(two_phases("n: [1, 2]"), fail({"a2"}), passed={"s": -1})
    played.play()
    # Within the round the phase behind waits; only what is known afterwards closes it.
    played.known[2] = Known()
    plan = played.next()
    assert plan.is_finished
    assert plan.blocked == ("a: 1 of 2 failed", "b: waits for a")
    played.known[1] = Known("left_out")  # as a person decides
    assert played.ids(played.next()) == ["b"]


def test_a_sweep_takes_only_points_that_are_there() -> None:
    rest = "exclude: [{N: 10, n: 1}], include: [{N: 99, n: 1, seed: 0}],"
    played = Played(grid("N: [10, 20], n: [1, 2], seed: [0, 1]", rest), passed={"s": -1})
    plan = played.next()
    assert played.ids(plan) == ["j-20-1-0", "j-99-1-0", "j-20-2-0", "j-10-2-0"]
    assert plan.hypothesis == "N and n vary, 4 of 7; others at their first value"


def test_a_baseline_other_than_the_first_values_is_named_harmlessly() -> None:
    text = (
        'parameters: {n: [1, 2], seed: [0, 1, 2], mode: [x, "\\e[31m"]},'
        "exclude: [{mode: x}, {seed: 0}], template: {id: 'j${n}-${seed}'}"
    )
    played = Played(
        small(f"  - {{name: a, grid: {{{text}}}}}", rest="rounds: {vary: 1}").manifest,
        passed={"s": -1},
    )
    assert played.next().hypothesis == "n varies, 2 of 4; others at seed=1 mode=\u241b[31m"


def test_jobs_named_by_hand_and_every_target_are_in_the_sweep() -> None:
    jobs = "[{id: x}, {id: y, shape: {cpus: 2}}, {id: z, shape: {cpus: 2}}]"
    text = "{parameters: {n: [1, 2, 3]}, template: {id: 'g${n}', shape: {cpus: 3}}}"
    played = Played(
        small(f"  - {{name: a, jobs: {jobs}, grid: {text}}}", rest="rounds: {sweep: 4}").manifest
    )
    assert [target for target, _ in played.play().smokes] == ["s", "s#2", "s#3"]
    assert played.ids(played.play()) == ["x", "y", "g1", "z"]


KNOBS = "workers: [1, 2, 4], batch: [32, 64], seed: [0, 1, 2, 3, 4, 5]"
CHOOSE = "choose: [workers, batch],"


def knobs(job: PlannedJob) -> Outcome:
    """More workers are faster, batches do not matter; what there is to learn takes longer."""
    of_workers = {"1": 180.0, "2": 130.0, "4": 100.0}[job.values["workers"]]
    return "completed", of_workers * (1 + int(job.values["seed"]))


def test_the_fastest_alternative_does_the_rest_of_the_work() -> None:
    played = Played(grid(KNOBS, CHOOSE, "{growth: 1.5}"), knobs, passed={"s": -1})
    played.play_all()
    assert lines(played) == [
        "workers and batch vary, all 6 alternatives; others at their first value",
        "scale to 4 of 6 with workers=4 batch=32, 1.8x faster than workers=1 batch=32",
        "scale to all 6 with workers=4 batch=32, 1.8x faster than workers=1 batch=32",
        "",
    ]
    assert played.plans[1].phases[0].kept == {"workers": "4", "batch": "32"}
    assert sum(one.state == "completed" for one in played.known) == 6 + 5
    assert [plan.notes for plan in played.plans] == [
        (), ("a: no other alternative is left to try; kept: workers=4 batch=32, "
             "1.8x faster than workers=1 batch=32",), (), (),
    ]  # fmt: skip
    out = {number: why for plan in played.plans for number, why in plan.left_out}
    assert len(out) == 36 - 11
    assert out[2] == "seed=2 is done with workers=4 batch=32"


def test_alternatives_are_not_left_out_before_the_work_is_done() -> None:
    played = Played(grid(KNOBS, CHOOSE), knobs, passed={"s": -1})
    played.play()
    assert played.next().left_out == ()


def test_leaving_out_what_failed_does_not_begin_the_search_anew() -> None:
    def outcome(job: PlannedJob) -> Outcome:
        return ("failed_other", None) if job.id == "j-0-1" else ("completed", 9.0)

    played = Played(grid("seed: [0, 1, 2], w: [1, 2, 3]", "choose: [w],"), outcome)
    played.passed = {"s": -1}
    assert played.ids(played.play()) == ["j-0-1", "j-0-2", "j-0-3"]
    played.known[0] = Known("left_out", None, 1)  # as a person decides
    assert played.ids(played.next()) == ["j-1-2", "j-2-2"]


def test_what_is_hardly_faster_is_not_kept() -> None:
    slower = grid("w: [1, 2], seed: [0, 1]", "choose: [w],")

    def run(ratio: float) -> tuple[str, list[str]]:
        played = Played(slower, lambda job: ("completed", ratio if job.values["w"] == "2" else 1.0))
        played.play_all()
        return lines(played)[2], played.ids(played.plans[2])

    assert run(0.96) == ("scale to all 2 with w=1, nothing was faster", ["j-1-1"])
    assert run(0.94) == ("scale to all 2 with w=2, 1.1x faster than w=1", ["j-2-1"])


def test_an_alternative_that_fails_is_not_kept_and_does_not_hold_the_rest_back() -> None:
    def outcome(job: PlannedJob) -> Outcome:
        return ("failed_oom", None) if job.values["batch"] == "64" else knobs(job)

    played = Played(grid(KNOBS, CHOOSE), outcome, passed={"s": -1})
    played.play_all()
    assert lines(played)[1] == (
        "scale to all 6 with workers=4 batch=32, 1.8x faster than workers=1 batch=32"
    )
    assert is_settled(played.phases[0], played.known)


def test_work_that_fails_with_the_best_is_tried_once_more_with_the_next_best() -> None:
    def outcome(job: PlannedJob) -> Outcome:
        return ("failed_other", None) if job.values["seed"] == "3" else knobs(job)

    played = Played(grid(KNOBS, CHOOSE), outcome, passed={"s": -1})
    played.play_all()
    failed = [played.jobs[n].id for n, one in enumerate(played.known) if one.state in BAD]
    assert failed == ["j-4-32-3", "j-4-64-3"]
    assert played.plans[-1].blocked == ("a: 1 of 6 failed",)
    whys = {why for plan in played.plans for _, why in plan.left_out if "failed" in why}
    assert whys == {"seed=3 failed with workers=4 batch=32 and workers=4 batch=64"}


BAD = ("failed_other", "failed_oom")


def test_a_grid_of_alternatives_alone_is_searched_a_few_at_a_time_until_a_plateau() -> None:
    def outcome(job: PlannedJob) -> Outcome:
        return "completed", 100 / int(job.values["w"]) + (job.values["d"] == "0")

    parameters = "w: [1, 2, 4], b: [1, 2, 3], c: [1, 2, 3], d: [0, 1, 2]"
    played = Played(grid(parameters, "choose: [w, b, c, d],"), outcome, passed={"s": -1})
    played.play_all()
    assert lines(played) == [
        "w and b vary, 6 of 81 alternatives; others at their first value",
        "c and d vary around w=4 b=1 c=1 d=0, 6 of 81 alternatives",
        "w and b vary around w=4 b=1 c=1 d=0, 3 of 81 alternatives",
        "",
    ]
    assert played.plans[-1].notes == (
        "a: plateau, nothing was faster by more than 5 % in two rounds; "
        "kept: w=4 b=1 c=1 d=0, 3.9x faster than w=1 b=1 c=1 d=0",
    )
    assert len(played.plans[-1].left_out) == 81 - 15


@pytest.mark.parametrize(
    ("shares", "kept"),
    [
        ((0.5, 0.55, 0.5, 0.6, 0.5), "2"),
        ((0.5, 0.55, 0.5, 2.0, 0.4), "1"),  # faster in the mean, but it may be chance
        ((0.97, 0.96, 0.97, 0.98, 0.97), "2"),  # hardly faster, but surely
    ],
)
def test_with_more_runs_the_interval_decides(shares: tuple[float, ...], kept: str) -> None:
    played = Played(grid("w: [1, 2], seed: [0, 1, 2, 3, 4, 5]", "choose: [w],"), passed={"s": -1})
    for number, job in enumerate(played.jobs):
        seed = int(job.values["seed"])
        if seed < len(shares):  # works differ a hundredfold, alternatives do not
            share = shares[seed] if job.values["w"] == "2" else 1.0
            played.known[number] = Known("completed", 10.0 ** (seed % 3) * share, 1)
    played.number = 2
    assert played.next().phases[0].kept == {"w": kept}


def test_one_job_stands_for_a_target_in_all_its_smokes() -> None:
    played = Played(grid(TUNED), fail({"j-10-1-0", "j-10-2-0"}))
    played.play_all()
    assert [s.number for p in played.plans for s in p.smokes] == [0]
    again = [s.number for p in played.plans for one in p.phases for s in one.smokes]
    assert again == [0]
    assert representatives(played.phases) == {"s": 0}


def test_who_wants_no_smokes_gets_none() -> None:
    played = Played(grid(TUNED), fail({"j-10-1-0", "j-10-2-0"}), passed={"s": NEVER_AGAIN})
    played.play()
    played.passed = {"s": NEVER_AGAIN}
    assert played.next().phases[0].smokes == ()
    assert len(played.next().numbers) == 6, "but it does not grow"


def test_a_phase_is_not_settled_before_all_its_chosen_jobs_have_ended() -> None:
    played = Played(grid("w: [1, 2]", "choose: [w],"))
    (phase,) = played.phases
    done = Known("completed", 1.0, 1)
    for other, settled in [
        (Known(), True), (Known("pending", None, 1), False), (Known("running", None, 1), False),
        (Known("failed_other", None, 1), True), (Known("left_out"), True),
    ]:  # fmt: skip
        assert is_settled(phase, [done, other]) is settled
    assert not is_settled(phase, [Known("failed_other", None, 1), Known("left_out")])


@pytest.mark.parametrize(("jobs", "choose"), [(100_000, ""), (10_000, "choose: [w, b],")])
def test_a_round_of_many_jobs_is_chosen_soon(jobs: int, choose: str) -> None:
    tens = "n: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9], w: [0, 1, 2, 3, 4], b: [1, 2]"
    many = ", ".join(map(str, range(jobs // 100)))
    played = Played(grid(f"N: [{many}], {tens}", choose, "{growth: 100}"), passed={"s": -1})
    worst, plan = 0.0, None
    while plan is None or not plan.is_finished:
        began = time.process_time()
        plan = played.next()
        worst = max(worst, time.process_time() - began)
        played.play(plan)
    print(f"{jobs:,} jobs, {len(played.plans)} rounds: {worst * 1000:.0f} ms at most")
    assert worst < 2
    assert {one.state for one in played.known} <= {"completed", "left_out"}


def test_left_out_jobs_say_why() -> None:
    played = Played(grid("w: [1, 2], seed: [0, 1]", "choose: [w],"), passed={"s": -1})
    played.play_all()
    assert played.plans[-1].left_out == (LeftOut(3, "seed=1 is done with w=1"),)
