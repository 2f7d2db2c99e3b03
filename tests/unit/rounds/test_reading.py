"""Reading a manifest: what is wrong with it, where, all at once; and nothing but ConfigError."""

import os
import time
from contextlib import suppress
from pathlib import Path

import fastjsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.domain.errors import ConfigError
from jobshape.app.domain.stage_rules import StageRules
from jobshape.app.rounds.reading import ManifestError, read_manifest, read_text
from jobshape.app.rounds.schema import made_schema, schema_text, template_text
from jobshape.app.rounds.yaml_text import MOST_BYTES

from tests.unit.rounds.making import PATH, TEACHER_STUDENT, manifest_of

HEAD = "project: p\nstages: [{name: s, command: [run]}]\n"
ONE = "phases: [{name: a, jobs: [{id: j}]}]\n"


def told(text: str) -> list[str]:
    with pytest.raises(ManifestError) as caught:
        manifest_of(text)
    return [str(problem) for problem in caught.value.problems]


def test_values_are_as_they_are_written() -> None:
    phases = manifest_of(TEACHER_STUDENT).manifest.phases
    assert phases[1].jobs[0].args == ("--lr", "1e-3", "--resume", "no")


def test_a_shape_is_in_peoples_units() -> None:
    shape = manifest_of(TEACHER_STUDENT).manifest.stages[0].shape.values
    assert (shape.memory_bytes, shape.time_limit_s) == (12 * 2**30, 9000)
    assert (shape.gpus, shape.cpus_per_task, shape.nodes) == ("a100:2", 4, None)


def test_stage_rules_are_as_the_queue_takes_them() -> None:
    rules = manifest_of(template_text()).manifest.stage_rules
    assert rules == [{"stage": "teacher", "name": "^teacher"}]
    assert StageRules(rules).problems == []


def test_everything_wrong_is_told_at_once_with_its_place() -> None:
    assert told(
        "project: p\nsit: x\nstages:\n"
        "  - {name: s, command: run, shape: {cpu: 2, memory: lots}}\n"
        "phases:\n  - name: a\n    max_paralel: 5\n    jobs: [{id: j}]\n    jobs: 3\n"
    ) == [
        "jobshape.yaml:2:6: sit: is not known here (did you mean `site`?)",
        "jobshape.yaml:4:24: stages[0].command: must be a list, not 'run'",
        "jobshape.yaml:4:42: stages[0].shape.cpu: is not known here (did you mean `cpus`?)",
        "jobshape.yaml:4:53: stages[0].shape.memory: cannot be 'lots': "
        "write 12G, 1500M, +20% or x2",
        "jobshape.yaml:7:18: phases[0].max_paralel: is not known here "
        "(did you mean `max_parallel`?)",
        "jobshape.yaml:9:5: phases[0].jobs: stands here twice, first in line 8",
    ]


@pytest.mark.parametrize(
    ("phases", "where", "what"),
    [
        ("[{name: a, jobs: [{id: j}], depends_on: [b]}]", "3:50", "'b' is no phase"),
        ("[{name: a, jobs: [{id: j}], stage: t}]", "3:44", "'t' is no stage"),
        ("[{name: a, jobs: [{id: j, args: ['${x}']}]}]", "3:42", "${x} refers to nothing"),
        ("[{name: a, jobs: [{id: j, args: ['${x']}]}]", "3:42", "has a ${ without its }"),
        ("[{name: a, jobs: [{id: 'j${id}'}]}]", "3:32", "${id} refers to nothing"),
        ("[{name: a}]", "3:10", "has no jobs"),
        ("[{name: a, jobs: [{id: j}]}, {name: a, jobs: [{id: k}]}]", "3:45", "earlier phase"),
        ("[{name: a, jobs: [{id: j, output_check: {newer: true}}]}]", "3:49", "checks nothing"),
        ("[{name: a, jobs: [{id: j, preconditions: [{file: x, checkpoint: y}]}]}]", "3:51",
         "exactly one of"),
        ("[{name: a, jobs: [{id: j, preconditions: [{command: make all}]}]}]", "3:61",
         "must be a list, not 'make all'"),
        ("[{name: a, grid: {parameters: {id: [1]}, template: {id: x}}}]", "3:44",
         "is no name for a parameter"),
        ("[{name: a, grid: {parameters: {n: [1, 1]}, template: {id: x}}}]", "3:47", "twice"),
        ("[{name: a, grid: {parameters: {n: []}, template: {id: x}}}]", "3:43", "not be empty"),
        ("[{name: a, grid: {parameters: {n: [1]}, exclude: [{m: 1}], template: {id: x}}}]",
         "3:63", "'m' is no parameter"),
        ("[{name: a, grid: {parameters: {n: [1]}, exclude: [{n: 2}], template: {id: x}}}]",
         "3:63", "'2' is no value of 'n'"),
        ("[{name: a, grid: {parameters: {n: [1], m: [1]}, include: [{n: 2}], template: {id: x}}}]",
         "3:67", "has no value for m"),
        ("[{name: a, grid: {parameters: {n: [1]}, choose: [m], template: {id: x}}}]",
         "3:58", "choose[0]: 'm' is no parameter of the grid (known here: `n`)"),
        ("[{name: a, grid: {parameters: {n: [1]}, choose: [n, n], template: {id: x}}}]",
         "3:61", "'n' stands here twice"),
        ("[{name: a, max_parallel: 0, jobs: [{id: j}]}]", "3:34", "must be 1 or more"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_told_where_it_stands(phases: str, where: str, what: str) -> None:
    (line,) = told(f"{HEAD}phases: {phases}\n")
    assert line.startswith(f"jobshape.yaml:{where}: phases"), line
    assert what in line


def test_rounds_have_defaults() -> None:
    rounds = manifest_of(HEAD + ONE).manifest.rounds
    assert (rounds.sweep, rounds.vary, rounds.growth, rounds.wave) == (6, 2, 4.0, None)
    assert (rounds.plateau_percent, rounds.stable) == (5.0, 0.2)


def test_rounds_that_make_no_sense_are_told() -> None:
    wrong = "rounds: {sweep: 0, vary: no, growth: 1, stable: 2, plateau_percent: 100, waves: 3}\n"
    assert [line.partition("rounds.")[2] for line in told(HEAD + ONE + wrong)] == [
        "sweep: must be 1 or more, not 0",
        "vary: must be a whole number, not 'no'",
        "growth: must be more than 1, not 1.0",
        "stable: must be 1 or less, not 2.0",
        "plateau_percent: must be less than 100, not 100.0",
        "waves: is not known here (did you mean `wave`?)",
    ]


def test_the_templates_comments_are_a_manifest_too() -> None:
    text = (
        template_text()
        .replace("# rounds:", "rounds:")
        .replace("# choose: [workers]", "choose: [seed]")
    )
    manifest = manifest_of(text).manifest
    assert (manifest.rounds.wave, manifest.phases[1].grid.choose) == (100, ("seed",))


def test_phases_in_a_circle_are_named() -> None:
    text = HEAD + "phases:\n" + "".join(
        f"  - {{name: {name}, depends_on: [{before}], jobs: [{{id: j{name}}}]}}\n"
        for name, before in (("first", ""), ("a", "first, c"), ("b", "a"), ("c", "b"))
    )  # fmt: skip
    (line,) = told(text)
    assert "circle: a -> c -> b -> a" in line


def test_a_stage_refers_to_what_all_its_jobs_have() -> None:
    stages = "[{name: s, command: [run], output_check: {file: 'o/${n}'}}]"
    grid = "{name: a, grid: {parameters: {n: [1]}, template: {id: 'x${n}'}}}"
    manifest_of(f"project: p\nstages: {stages}\nphases: [{grid}]")
    jobs = "{name: b, jobs: [{id: j}]}"
    (line,) = told(f"project: p\nstages: {stages}\nphases: [{grid}, {jobs}]")
    assert "stages[0].output_check.file: ${n} refers to nothing" in line


def test_anchors_and_merges_may_be_used() -> None:
    text = (
        "project: p\nstages:\n"
        "  - {name: s, command: [run], shape: &big {memory: 2G, cpus: 1}}\n"
        "  - {name: t, command: [run], shape: {<<: *big, cpus: 8}}\n"
        "phases: [{name: a, stage: t, jobs: [{id: j}]}]\n"
    )
    shape = manifest_of(text).manifest.stages[1].shape.values
    assert (shape.memory_bytes, shape.cpus_per_task) == (2 * 2**30, 8)


def test_a_billion_laughs_end_soon() -> None:
    bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
    )
    began = time.process_time()
    (line,) = told(bomb)
    assert "has more than 50,000 values" in line
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("a: &a [*a]", "holds itself"),
        ("[" * 1500, "nested too deeply"),
        ("[" * 60 + "]" * 60, "nested too deeply"),
        (f"{HEAD}{ONE}site: !!python/object:os.system x", "has the tag"),
        (f"{HEAD}{ONE}site: !own x", "has the tag"),
        (f"{HEAD}{ONE}? [a, b]\n: c", "a name that is no text"),
        ("", "is empty"),
        ("- a", "must be a mapping"),
        ("a: b\n---\na: c", "is no YAML"),
        ("a: 'b", "is no YAML"),
        ("a\tb: \x07", "is no YAML"),
        ("x" * (MOST_BYTES + 1), "is larger than 512 KiB"),
    ],
    ids=lambda value: value[:20],
)
def test_what_is_no_manifest_is_refused(text: str, what: str) -> None:
    assert what in "\n".join(told(text))


def test_nothing_of_a_file_steers_the_terminal() -> None:
    assert "\x1b" not in "".join(told(f'{HEAD}{ONE}site: ["\\e[2J"]\n"\\e[1m": 3\n'))


def test_references_of_smoke_and_metrics_are_looked_at_too() -> None:
    rest = (
        "smoke: {options: {-a: '${n}'}}\nmetrics: [{name: m, file: '${m}', path: x, goal: min}]\n"
    )
    first, second = told(HEAD + ONE + rest)
    assert "smoke.options.-a: ${n} refers to nothing" in first
    assert "metrics[0].file: ${m} refers to nothing" in second


def test_of_very_many_problems_the_first_are_told() -> None:
    lines = told(HEAD + ONE + "".join(f"x{n}: 1\n" for n in range(500)))
    assert len(lines) == 51
    assert lines[-1] == "jobshape.yaml: 450 more are wrong"


_PIECES = st.sampled_from(
    ["project: ", "stages:", "phases:", "\n", "  ", "- ", "name: ", "grid: ", "{", "}", "[", "]",
     "&a ", "*a", "<<: ", "!!int ", "!x ", "? ", ": ", "| \n", "> \n", "'", '"', "#", "%YAML 1.1\n",
     "---\n", "...", "${", "\\", "\t", "\x00", "\ud800", "é", "2001-01-01", "0o7", ".inf", "~"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(
        st.text(max_size=40),
        st.lists(_PIECES, max_size=25).map("".join),
        st.tuples(st.integers(0, len(TEACHER_STUDENT)), st.lists(_PIECES, max_size=3)).map(
            lambda cut: TEACHER_STUDENT[: cut[0]] + "".join(cut[1]) + TEACHER_STUDENT[cut[0] :]
        ),
    )
)
def test_no_text_raises_anything_but_config_error(text: str) -> None:
    with suppress(ConfigError):
        read_text(text, PATH)


def test_files_that_are_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "latin").write_bytes(b"project: \xff")
    (tmp_path / "big").write_bytes(b"#" * (MOST_BYTES + 1))
    said = {}
    for name in ("none", "pipe", "latin", "big", "."):
        with pytest.raises(ManifestError) as caught:
            read_manifest(tmp_path / name)
        said[name] = caught.value.what
    assert said == {
        "none": "is not there", "pipe": "is no file", "latin": "is not UTF-8 text",
        "big": "is larger than 512 KiB", ".": "cannot be read: Is a directory",
    }  # fmt: skip


def test_the_template_is_a_manifest() -> None:
    assert manifest_of(template_text()).manifest.project == "distillation"


def test_the_shipped_schema_is_up_to_date() -> None:
    assert schema_text() == made_schema(), (
        "write jobshape.app.rounds.schema.made_schema() into app/schemas/jobshape-manifest-1.json"
    )


def test_editors_accept_what_we_accept() -> None:
    import json

    from ruamel.yaml import YAML

    validate = fastjsonschema.compile(json.loads(schema_text()))
    for text in (template_text(), TEACHER_STUDENT):
        validate(YAML(typ="safe", pure=True).load(text))
    with pytest.raises(fastjsonschema.JsonSchemaException):
        validate({"project": "p", "stages": [], "phases": [], "sit": 1})


def test_the_readmes_example_is_a_manifest() -> None:
    readme = (Path(__file__).parents[3] / "README.md").read_text("utf-8")
    example = readme.partition("```yaml\n")[2].partition("```")[0]
    stages, phases = (
        [one.name for one in part]
        for part in (manifest_of(example).manifest.stages, manifest_of(example).manifest.phases)
    )
    assert (stages, phases) == (["teacher", "student"], ["teachers", "students"])
