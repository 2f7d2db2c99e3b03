"""The way to a value in JSON, and what a value has to be."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jobshape.app.rounds.json_child import values_at
from jobshape.app.rounds.json_values import (
    MOST_HERE,
    NoValue,
    finite,
    is_equal,
    number_in,
    read_values,
    shown,
    unmet,
)
from jobshape.app.rounds.manifest_checks import JsonCondition

_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from([10**400, "nan", "true", "1"]),
)  # fmt: skip
_NAMES = st.one_of(st.text(max_size=4), st.sampled_from(["a", "b", "a.b", "0", "-1", ""]))
_DOCUMENTS = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(_NAMES, inner, max_size=4)
    ),
    max_leaves=20,
)


def _ways(value: Any) -> list[tuple[list[str], Any]]:
    """Every place of a document, and what stands there."""
    inner: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = [(str(at), one) for at, one in enumerate(value)]
        inner += [(str(at - len(value)), one) for at, one in enumerate(value)]
    return [([], value)] + [
        ([name, *rest], found) for name, one in inner for rest, found in _ways(one)
    ]


def _same(a: Any, b: Any) -> bool:
    return json.dumps(a) == json.dumps(b)


@settings(max_examples=150, deadline=None)
@given(_DOCUMENTS, st.data())
def test_every_value_is_found_at_its_place(document: Any, data: st.DataObject) -> None:
    ways = [(".".join(way), value) for way, value in _ways(document) if way]
    assume(ways)
    way, _ = data.draw(st.sampled_from(ways))
    # A name with dots may be read in several ways: then one of the places is found.
    ((found,),) = values_at(document, [way])
    assert any(_same(found, value) for other, value in ways if other == way)


@settings(max_examples=150, deadline=None)
@given(_DOCUMENTS, st.one_of(st.text(min_size=1, max_size=12), st.just("a." * 499 + "a")))
def test_what_is_not_there_is_said(document: Any, way: str) -> None:
    there = {".".join(parts) for parts, _ in _ways(document) if parts}
    if way not in there:
        assert values_at(document, [way]) == [[]]


def test_a_name_with_dots() -> None:
    assert values_at({"a.b": 1}, ["a.b"]) == [[1]]
    assert values_at({"a.b": 1, "a": {"b": 2}}, ["a.b"]) == [[2]]
    assert values_at({"a": {"c": 1}, "a.b": {"c.d": 3}}, ["a.b.c.d"]) == [[3]]


def test_a_large_file_is_read_like_a_small_one(tmp_path: Path) -> None:
    text = '{"a": [1.5, NaN, 1e999, "\\u001b\\ud800", {"b": true}], "é": null, "x": [%s]}'
    ways = ["a.0", "a.3", "a.4", "a.4.b", "é", "x", "a.5", "none"]
    (tmp_path / "small").write_text(text % "1")
    (tmp_path / "large").write_text(text % ("1," * MOST_HERE + "1"))
    (tmp_path / "broken").write_text("[" + "1," * MOST_HERE)
    (tmp_path / "deep").write_text("[" * 2 * MOST_HERE)
    small, large = (read_values(name, tmp_path, ways) for name in ("small", "large"))
    assert small[:5] == [1.5, "\x1b\ud800", {"b": True}, True, None]
    assert large[:6] == [1.5, "\x1b\ud800", {}, True, None, []]
    assert [str(one) for one in small[6:]] == [str(one) for one in large[6:]] == [
        "has no a.5", "has no none",
    ]  # fmt: skip
    assert [math.isfinite(one) for one in read_values("large", tmp_path, ["a.1", "a.2"])] == [
        False, False,
    ]  # fmt: skip
    for name in ("broken", "deep"):
        with pytest.raises(NoValue, match="is no JSON: "):
            read_values(name, tmp_path, ways)


def condition(**relations: Any) -> JsonCondition:
    return JsonCondition.model_validate({"file": "f", "path": "p", **relations})


_BOUNDS = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=200, deadline=None)
@given(st.one_of(st.integers(), st.floats(), st.just(10**400)), _BOUNDS)
def test_relations(value: float, bound: float) -> None:
    is_finite = isinstance(value, int) or math.isfinite(value)
    held = {
        name: not unmet(value, condition(**{name: bound}))
        for name in ("below", "at_most", "above", "at_least")
    }
    assert held == {
        "below": is_finite and value < bound, "at_most": is_finite and value <= bound,
        "above": is_finite and value > bound, "at_least": is_finite and value >= bound,
    }  # fmt: skip


@given(st.one_of(st.none(), st.booleans(), st.text(), st.just([1]), st.just({"a": 1})))
def test_what_is_no_number_stands_in_no_relation(value: Any) -> None:
    asked = condition(below=1e308, at_most=1e308, above=-1e308, at_least=-1e308)
    assert len(unmet(value, asked)) == 4


@given(st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False)))
def test_a_number_equals_itself_as_it_is_written(value: float) -> None:
    assert is_equal(value, json.dumps(value))
    assert not is_equal(value, json.dumps(value + 1)) or value + 1 == value


@pytest.mark.parametrize(
    ("value", "text", "is_so"),
    [
        (5, "5.0", True), (5.0, "5", True), (0.5, ".5", True), (1000, "1e3", True),
        (2**53 + 1, str(2**53), False), ("5", "5", True), ("5", "5.0", False),
        (True, "true", True), (True, "1", False), (1, "true", False), (False, "False", True),
        (None, "null", False), (math.nan, "nan", False), (math.inf, "inf", False),
        ("done", "done", True), ([1], "[1]", False),
    ],
)  # fmt: skip
def test_equal_to_a_text(value: Any, text: str, is_so: bool) -> None:
    assert is_equal(value, text) is is_so


@given(st.text(max_size=10))
def test_no_text_is_a_number_that_is_not_finite(text: str) -> None:
    number = number_in(text)
    assert number is None or finite(number) is not None


def test_texts_that_are_no_numbers() -> None:
    for text in ("nan", "inf", "1_0", "1e999", "0x1", "1,5", "", "-", "1e", "٣"):
        assert number_in(text) is None, text
    assert finite(10**400) is None


def test_values_are_shown_short() -> None:
    for value in ("x" * 10**6, 10**4000, {"a": "b" * 10**6}, "\x1b[2J", math.nan):
        assert len(shown(value)) <= 62
        assert shown(value).isprintable()
