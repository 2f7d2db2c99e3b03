"""Writing a value back: its letters change, every comment stays."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.domain.errors import ConfigError
from jobshape.app.rounds.reading import read_manifest
from jobshape.app.rounds.writing import with_value, write_value
from jobshape.app.rounds.yaml_text import Key, Problem, read_yaml

from tests.unit.rounds.making import TEACHER_STUDENT

TEXT = """\
# c0
a: 1  # c1
b:    # c2
  # c3
  c: "x # no comment"  # c4
  d: [1, 'two', {e: 3}]  # c5
# c6
f:
  - g: 5   # c7
    h:     # c8
  - i      # c9
j: {k: 1, # c10
    l: 2} # c11
# c12
"""
KEYS: tuple[Key, ...] = (
    ("a",), ("b", "c"), ("b", "d"), ("b", "d", 1), ("b", "d", 2, "e"), ("f", 0, "g"), ("f", 1),
    ("f", 0, "h"), ("j", "k"), ("j", "l"), ("new",), ("b", "new"), ("f", 0, "new"), ("j", "new"),
)  # fmt: skip
_SCALARS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12), st.integers(), st.booleans(),
    st.floats(allow_nan=False),
    st.sampled_from(["null", "~", "-", "a: b", "x #y", "*a", "&a", "!b", "---", "a:", "1:2", "="]),
)  # fmt: skip
_VALUES = st.one_of(_SCALARS, st.lists(_SCALARS, max_size=3))


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(KEYS), _VALUES, st.booleans())
def test_a_value_is_written_and_every_comment_stays(key: Key, value: Any, crlf: bool) -> None:
    text = TEXT.replace("\n", "\r\n") if crlf else TEXT
    new = with_value(text, key, value)
    for number in range(13):
        assert new.count(f"# c{number}\r\n" if crlf else f"# c{number}\n") == 1
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in new.splitlines() if line.startswith("#")
    ]
    found = read_yaml(new).values
    for part in key:
        found = found[part]
    shown = [str(v).lower() if isinstance(v, bool) else str(v) for v in _listed(value)]
    assert _listed(found) == shown


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("a: &x 1\nb: *x\n", ("a",)),
        ("a: &x 1\nb: *x\n", ("b",)),
        ("a: &x {c: 1}\nb: *x\n", ("b", "c")),
        ("a: &x {c: 1}\nb: {<<: *x}\n", ("b", "c")),
        ("a: &x {c: 1}\nb: *x\n", ("b", "new")),
        ("a: |\n  text\n", ("a",)),
        ("a:\n  b: 1\n", ("a",)),
        ("a: 1\n", ("b", "c")),
        ("a: [1]\n", ("a", 3)),
    ],
)
def test_what_would_change_more_is_refused(text: str, key: Key) -> None:
    with pytest.raises(Problem):
        with_value(text, key, 7)


def test_a_file_is_written_in_one_step(tmp_path: Path) -> None:
    path = tmp_path / "jobshape.yaml"
    path.write_text(TEACHER_STUDENT)
    path.chmod(0o640)
    made = write_value(read_manifest(path), ("phases", 0, "max_parallel"), 4)
    assert made.manifest.phases[0].max_parallel == 4
    assert path.read_text() == TEACHER_STUDENT.replace("max_parallel: 2", "max_parallel: 4")
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in tmp_path.iterdir()] == ["jobshape.yaml"]


def test_a_value_that_makes_no_sense_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "jobshape.yaml"
    path.write_text(TEACHER_STUDENT)
    file = read_manifest(path)
    with pytest.raises(ConfigError, match="must be 1 or more"):
        write_value(file, ("phases", 0, "max_parallel"), 0)
    assert path.read_text() == TEACHER_STUDENT


def test_a_file_changed_by_others_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "jobshape.yaml"
    path.write_text(TEACHER_STUDENT)
    file = read_manifest(path)
    path.write_text(TEACHER_STUDENT + "# mine\n")
    with pytest.raises(ConfigError, match="has changed"):
        write_value(file, ("project",), "other")
    assert path.read_text().endswith("# mine\n")
