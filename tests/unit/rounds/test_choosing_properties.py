"""What holds of rounds whatever the manifest, and however its jobs end."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.rounds.choosing import RoundPlan, waves
from jobshape.app.rounds.manifest import Manifest
from jobshape.app.rounds.workload import ENDED, Known, PhaseJobs, is_settled

from tests.unit.rounds.campaigns import Outcome, Played


@st.composite
def grids(draw: st.DrawFn, phase: int) -> dict[str, object]:
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    names = [f"p{at}" for at in range(len(sizes))]
    parameters = {n: [str(v) for v in range(s)] for n, s in zip(names, sizes, strict=True)}
    every = [dict(zip(names, point, strict=True)) for point in product(*parameters.values())]
    excluded = draw(st.lists(st.sampled_from(every), max_size=4, unique_by=str))
    return {
        "parameters": parameters,
        "exclude": excluded,
        "choose": draw(st.lists(st.sampled_from(names), max_size=3, unique=True)),
        "template": {"id": f"g{phase}-" + "-".join(f"${{{name}}}" for name in names)},
    }


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    phases: list[dict[str, object]] = []
    for at in range(draw(st.integers(1, 4))):
        before = [str(one["name"]) for one in phases]
        jobs = [
            {"id": f"j{at}-{n}", "shape": {"cpus": draw(st.sampled_from("12"))}}
            for n in range(draw(st.integers(0, 3)))
        ]
        phase: dict[str, object] = {"name": f"ph{at}", "jobs": jobs}
        if before:
            names = st.lists(st.sampled_from(before), max_size=2, unique=True)
            phase["depends_on"] = draw(names)
        if not jobs or draw(st.booleans()):
            phase["grid"] = draw(grids(at))
        phases.append(phase)
    rounds = {
        "sweep": draw(st.integers(1, 8)),
        "vary": draw(st.integers(1, 3)),
        "growth": draw(st.sampled_from([1.01, 2.0, 4.0])),
    }
    # Written in any order: each depends on others by their names alone.
    return Manifest.model_validate(
        {
            "project": "p", "stages": [{"name": "s", "command": ["run"]}],
            "phases": draw(st.permutations(phases)), "rounds": rounds,
        }
    )  # fmt: skip


outcomes = st.lists(
    st.tuples(st.sampled_from(["completed", "completed", "failed_other"]), st.floats(1, 1000)),
    min_size=1,
    max_size=30,
)
times = st.lists(st.floats(1, 1000), min_size=1, max_size=30)


def played_with(manifest: Manifest, results: list[Outcome]) -> Played:
    played = Played(manifest)
    at = {job.id: number for number, job in enumerate(played.jobs)}
    played.outcome = lambda job: results[at[job.id] % len(results)]
    return played


def by_name(played: Played) -> dict[str, PhaseJobs]:
    return {phase.name: phase for phase in played.phases}


@settings(deadline=None)
@given(manifests(), times)
def test_every_job_is_completed_or_left_out_once(manifest: Manifest, seconds: list[float]) -> None:
    # That none runs or is left out twice, and that there is an end, is looked at by play().
    played = played_with(manifest, [("completed", one) for one in seconds])
    played.play_all()
    assert {one.state for one in played.known} <= {"completed", "left_out"}
    assert played.plans[-1].blocked == ()
    over: set[str] = set()  # phases that others ran behind
    for plan in played.plans:
        assert not over & {one.phase for one in plan.phases}
        over |= {name for one in plan.phases for name in by_name(played)[one.phase].depends_on}
    for phase in played.phases:
        assert is_settled(phase, played.known)
        for places in phase.works:
            states = [played.known[phase.first + place].state for place in places]
            assert "completed" in states, "left out only what another one has done"
        for place, point in enumerate(phase.points):
            if not point or not phase.choose:
                assert played.known[phase.first + place].state == "completed"


@settings(deadline=None)
@given(manifests(), outcomes)
def test_a_phase_runs_behind_those_it_depends_on(
    manifest: Manifest, results: list[Outcome]
) -> None:
    played = played_with(manifest, results)
    phases = by_name(played)
    while True:
        before = list(played.known)
        plan = played.next()
        for number, _ in plan.left_out:
            before[number] = Known("left_out")
        earlier: set[str] = set()
        for one in plan.phases:
            assert one.numbers
            assert set(one.after) <= earlier
            for name in phases[one.phase].depends_on:
                done = is_settled(phases[name], before)
                assert done or name in one.after
                assert not (name in one.after and not could_settle(plan, phases[name], before))
            earlier.add(one.phase)
        if played.play().is_finished:
            break


def could_settle(plan: RoundPlan, phase: PhaseJobs, known: list[Known]) -> bool:
    """Whether a phase is settled when all its jobs of a round complete."""
    then = list(known)
    for number in plan.numbers:
        then[number] = Known("completed")
    return is_settled(phase, then)


@settings(deadline=None)
@given(manifests(), outcomes)
def test_it_ends_with_nothing_left_that_may_run(manifest: Manifest, results: list[Outcome]) -> None:
    played = played_with(manifest, results)
    played.play_all()
    settled = {phase.name for phase in played.phases if is_settled(phase, played.known)}
    for phase in played.phases:
        states = {played.known[number].state for number in phase.numbers}
        if settled.issuperset(phase.depends_on):
            assert "pending" not in states
    assert bool(played.plans[-1].blocked) == (len(settled) < len(played.phases))
    assert played.next().is_finished


@settings(deadline=None)
@given(manifests(), outcomes)
def test_the_first_round_of_a_phase_is_small_and_few_parameters_vary(
    manifest: Manifest, results: list[Outcome]
) -> None:
    played = played_with(manifest, results)
    seen: set[str] = set()
    for plan in played.play_all():
        for one in plan.phases:
            phase = by_name(played)[one.phase]
            if phase.name not in seen:
                points = [phase.points[number - phase.first] for number in one.numbers]
                gridded = [point for point in points if point]
                vary = {at for p in gridded for at, v in enumerate(p) if v != gridded[0][at]}
                assert len(vary) <= manifest.rounds.vary
                assert len(points) <= manifest.rounds.sweep
                if not phase.choose and gridded:
                    existing = [point for point in phase.points if point]
                    if phase.first_point in existing:
                        assert gridded[0] == phase.first_point
            seen.add(phase.name)


@settings(deadline=None)
@given(manifests(), outcomes, st.one_of(st.none(), st.integers(1, 5)))
def test_waves_are_the_round_in_order(
    manifest: Manifest, results: list[Outcome], most: int | None
) -> None:
    played = played_with(manifest, results)
    for plan in played.play_all():
        sent = list(waves(plan, most))
        assert sorted(number for wave in sent for number in wave) == sorted(plan.numbers)
        assert all(0 < len(wave) <= (most or len(plan.numbers)) for wave in sent)
        at = {number: place for place, wave in enumerate(sent) for number in wave}
        of = {one.phase: one.numbers for one in plan.phases}
        for one in plan.phases:
            for name in one.after:
                assert max(at[n] for n in of[name]) < min(at[n] for n in one.numbers)


@settings(deadline=None)
@given(manifests(), outcomes)
def test_targets_smoke_before_they_run_and_again_when_unstable(
    manifest: Manifest, results: list[Outcome]
) -> None:
    played = played_with(manifest, results)
    targets = {n: t for p in played.phases for n, t in zip(p.numbers, p.targets, strict=True)}
    passed: set[str] = set()
    for plan in played.play_all():
        smokes = [*plan.smokes, *(smoke for one in plan.phases for smoke in one.smokes)]
        assert len({target for target, _ in smokes}) == len(smokes)
        assert all(targets[number] == target for target, number in smokes)
        passed |= {target for target, _ in smokes}
        assert {targets[number] for number in plan.numbers} <= passed
    assert all(one.state not in ENDED or one.round for one in played.known)
