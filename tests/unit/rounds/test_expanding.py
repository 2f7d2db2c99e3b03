"""From a manifest to jobs and arrays."""

import json
import resource
import time
from itertools import product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.cli import main
from jobshape.app.domain.cost import Prices
from jobshape.app.domain.errors import ConfigError
from jobshape.app.rounds.expanding import expand
from jobshape.app.rounds.filling import Fill
from jobshape.app.rounds.grouping import group
from jobshape.app.rounds_report import document, make_plan, text

from tests.unit.rounds.making import TEACHER_STUDENT, manifest_of, small


def test_a_grid_makes_every_combination_in_order() -> None:
    jobs = list(expand(manifest_of(TEACHER_STUDENT).manifest))
    students = [job for job in jobs if job.recipe.phase == "students"]
    assert [job.id for job in students] == [
        f"student-{size}-{seed}" for size in ("small", "large") for seed in range(3)
    ]
    assert students[4].words == ("--seed", "1", "--out", "out/student-large-1")
    assert students[4].recipe.script == "student.sh"


def test_checks_and_preconditions_are_filled_in() -> None:
    job = next(j for j in expand(manifest_of(TEACHER_STUDENT).manifest) if j.id.endswith("e-2"))
    assert [one.checkpoint for one in job.preconditions] == ["out/teacher-large/*.ckpt"]
    assert job.output_check is not None
    assert job.output_check.file == job.output_check.json_[0].file == f"out/{job.id}/metrics.json"


def test_a_job_overrides_its_stages_shape() -> None:
    jobs = {job.id: job for job in expand(manifest_of(TEACHER_STUDENT).manifest)}
    large = jobs["teacher-large"].recipe.shape
    assert (large.memory_bytes, large.gpus) == (16 * 2**30, "a100:2")
    assert jobs["teacher-small"].words == ("python", "train.py", "--lr", "1e-3", "--resume", "no")


def test_a_smoke_overrides_options_and_shape() -> None:
    manifest = manifest_of(TEACHER_STUDENT).manifest
    jobs = {job.id: job for job in expand(manifest)}
    words, shape, variables = jobs["student-small-1"].smoke(manifest.smoke_of("student"))
    assert variables == {"OUT": "smoke/student-small-1"}
    assert words == ("--seed", "7", "--out", "out/student-small-1", "--short")
    assert (shape.partition, shape.time_limit_s, shape.memory_bytes) == ("smoke", 300, 4 * 2**30)
    words, *_ = jobs["teacher-large"].smoke(manifest.smoke_of("teacher"))
    assert words == ("python", "train.py", "--lr", "1e-4", "--seed", "7", "--short")


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        ("[--n=5, x]", ("run", "--n=1", "x")),
        ("[--n, --m, 3]", ("run", "--n", "1", "--m", "3")),
        ("[--n, -5, x, --n]", ("run", "--n", "1", "x", "--n", "1")),
        ("[x]", ("run", "x", "--n", "1")),
    ],
)
def test_a_smoke_finds_the_options_value(args: str, wanted: tuple[str, ...]) -> None:
    file = small(
        f"  - {{name: a, jobs: [{{id: j, args: {args}}}]}}", rest="smoke: {options: {--n: 1}}"
    )
    (job,) = expand(file.manifest)
    assert job.smoke(file.manifest.smoke).words == wanted


_VALUES = st.lists(st.integers(0, 9).map(str), min_size=1, max_size=4, unique=True)


@st.composite
def _grids(
    draw: st.DrawFn,
) -> tuple[dict[str, list[str]], list[dict[str, str]], list[dict[str, str]]]:
    names = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True))
    parameters = {name: draw(_VALUES) for name in names}
    excludes = draw(
        st.lists(
            st.fixed_dictionaries(
                {}, optional={n: st.sampled_from(v) for n, v in parameters.items()}
            ).filter(bool),
            max_size=3,
        )
    )
    includes = [{name: f"x{n}" for name in names} for n in range(draw(st.integers(0, 2)))]
    return parameters, excludes, includes


@settings(max_examples=60, deadline=None)
@given(_grids(), st.integers(1, 7), st.sampled_from([None, 2]))
def test_jobs_are_the_product_less_excludes_and_includes(
    grid: tuple[dict[str, list[str]], list[dict[str, str]], list[dict[str, str]]],
    most: int,
    at_once: int | None,
) -> None:
    parameters, excludes, includes = grid
    id_ = "j" + "-".join(f"{name}${{{name}}}" for name in parameters)
    limit = f", max_parallel: {at_once}" if at_once else ""
    manifest = small(
        f"  - {{name: a{limit}, grid: {{parameters: {parameters}, exclude: {excludes}, "
        f"include: {includes}, template: {{id: '{id_}'}}}}}}"
    ).manifest
    points = [dict(zip(parameters, p, strict=True)) for p in product(*parameters.values())]
    kept = [p for p in points if not any(e.items() <= p.items() for e in excludes)]
    wanted = ["j" + "-".join(f"{n}{v}" for n, v in p.items()) for p in (*kept, *includes)]
    jobs = [job.id for job in expand(manifest)]
    assert jobs == wanted
    arrays = list(group(manifest, most))
    assert [job.id for array in arrays for job in array.jobs()] == wanted
    assert all(array.tasks <= most for array in arrays)
    assert [bool(a.after) for a in arrays] == [bool(at_once and n) for n in range(len(arrays))]


@pytest.mark.parametrize(
    ("phases", "what"),
    [
        ("  - {name: a, jobs: [{id: j}]}\n  - {name: b, jobs: [{id: j}]}",
         "jobshape.yaml:5:27: phases[1].jobs[0].id: the id 'j' is that of 'j' of phase 'a' too"),
        ("  - {name: a, grid: {parameters: {n: [1, 2], m: [3]}, template: {id: 'j${m}'}}}",
         "'j3' (n=2, m=3) is that of 'j3' (n=1, m=3) of phase 'a' too "
         "(name every parameter"),
        ("  - {name: a, grid: {parameters: {n: [../x]}, template: {id: 'j${n}'}}}",
         "'j../x' (n=../x) cannot be an id"),
        ("  - {name: a, grid: {parameters: {n: [1]}, exclude: [{n: 1}], template: {id: j}}}",
         "phases[0].grid.exclude: leaves out every job"),
    ],
)  # fmt: skip
def test_ids_that_cannot_be_are_told(phases: str, what: str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_plan(small(phases), Prices())
    assert what in str(caught.value)


def test_phases_are_chained_by_arrays() -> None:
    teachers, large, students = group(manifest_of(TEACHER_STUDENT).manifest)
    assert (teachers.array, large.array, students.array) == ("", "", "0-5%2")
    assert students.after_ok == (teachers.name, large.name)
    assert teachers.after_ok == ()


def test_jobs_of_one_shape_are_one_array() -> None:
    jobs = "[{id: a, args: [1]}, {id: b, args: [2]}, {id: c, cmd: [other]}]"
    one, other = group(small(f"  - {{name: p, jobs: {jobs}}}").manifest)
    assert [job.words for job in one.jobs()] == [("run", "1"), ("run", "2")]
    assert (one.array, other.array, other.recipe.form) == ("0-1", "", ("other",))


def test_a_dollar_can_be_written() -> None:
    assert Fill("$${a} ${a} $a $")({"a": "1"}) == "${a} 1 $a $"


def test_a_plan_tells_jobs_hours_and_cost() -> None:
    prices = Prices("EUR", cpu_hour=0.5, gpu_hour=2.0)
    plan = make_plan(manifest_of(TEACHER_STUDENT), prices, limit=1)
    said = document(plan, 1)
    # 2 teachers of 2.5 h with 4 CPUs and 2 GPUs, 6 students of 1 h with a CPU and a GPU.
    assert said["totals"] == {
        "jobs": 8, "cpu_hours": 26.0, "gpu_hours": 16.0, "cost": 45.0, "currency": "EUR",
    }  # fmt: skip
    assert [phase["name"] for phase in said["phases"]] == ["teachers", "students"]
    lines = "\n".join(text(plan))
    assert "6 jobs from size=[small, large] x seed=[0, 1, 2]" in lines
    assert "45.00 EUR" in lines
    assert "student-small-0: student.sh --seed 0 --out out/student-small-0" in lines


def test_what_a_shape_leaves_open_is_not_known() -> None:
    plan = make_plan(small("  - {name: a, jobs: [{id: j}]}"), Prices())
    assert (plan.totals.cpu_hours, plan.totals.gpu_hours, plan.totals.cost) == (None, 0.0, None)
    assert "At the walltime limits: - CPU-hours" in "\n".join(text(plan))


def test_a_budget_that_the_limits_pass_is_told() -> None:
    file = manifest_of(TEACHER_STUDENT + "budget: {gpu_hours: 10}\n")
    assert "! GPU-hours at the limits (16.0) pass the budget's 10.0" in text(
        make_plan(file, Prices())
    )


def test_a_hundred_thousand_points_take_seconds_and_little_memory() -> None:
    ten = list(range(10))
    grid = {name: ten for name in "abcde"}
    id_ = "j" + "-".join(f"${{{name}}}" for name in grid)
    args = [f"--{name}=${{{name}}}" for name in grid]
    file = small(
        f"  - {{name: p, grid: {{parameters: {grid}, template: {{id: '{id_}', args: {args}}}}}}}"
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    plan = make_plan(file, Prices())
    took = time.process_time() - began
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"100,000 points: {took:.2f} s, {grown / 1024:.0f} MiB")
    assert plan.totals.jobs == 100_000
    assert took < 5
    assert grown < 100 * 1024


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "jobshape.yaml"
    path.write_text(TEACHER_STUDENT)
    plan = ["--site", "local", "rounds", "plan"]
    assert main([*plan, str(path), "--json", "--phase", "students", "--limit", "2"]) == 0
    said = json.loads(capsys.readouterr().out)
    (phase,) = said["phases"]
    assert (said["schema"], said["totals"]["jobs"]) == ("jobshape.plan/1", 8)
    assert [job["id"] for job in phase["jobs"]] == ["student-small-0", "student-small-1"]
    assert [array["array"] for array in phase["arrays"]] == ["0-5%2"]
    assert main([*plan, str(path)]) == 0
    assert "distill: 8 jobs in 2 phases" in capsys.readouterr().out
    assert main([*plan, str(path), "--phase", "student"]) == 2
    assert "did you mean `students`?" in capsys.readouterr().err
    path.write_text(TEACHER_STUDENT.replace("cpus: 4", "cpu: 4"))
    assert main([*plan, str(path)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"jobshape: {path}:6:60: stages[0].shape.cpu: is not known here (did you mean `cpus`?)"
    ]
    for option in ("--schema", "--template"):
        assert main([*plan, option]) == 0
    assert "budget" in capsys.readouterr().out
