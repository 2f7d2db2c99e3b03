"""The line of every key, for any TOML text: compared with what tomllib reads."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.settings.toml_lines import Key, line_for, lines_of

DOCUMENT = '''# comment with [brackets] and "quotes"
top = 1  # [not.a.table]
"quoted key" = """
[inside] a = 1
"""
a.b.c = 'x = 1'
[table]
list = [  # one
  1,
  [2, 3],
  { x = 1, "y z" = "}" },
]
when = 1979-05-27 07:32:00
[table.inner."dotted.name"]
k = "a \\" b"
[[rules]]
n = 1
[[rules]]
n = 2
[rules.sub]
m = 3
[[rules.deep]]
d = 1
[[rules.deep]]
d = 2
'''


def test_the_lines_of_a_text_with_everything_in_it() -> None:
    lines = lines_of(DOCUMENT)
    text = DOCUMENT.splitlines()
    expected: dict[Key, str] = {
        ("top",): "top = 1",
        ("quoted key",): '"quoted key"',
        ("a", "b", "c"): "a.b.c",
        ("table",): "[table]",
        ("table", "list", 1): "  [2, 3]",
        ("table", "list", 1, 1): "  [2, 3]",
        ("table", "list", 2, "y z"): "  { x",
        ("table", "when"): "when",
        ("table", "inner", "dotted.name", "k"): "k = ",
        ("rules", 0, "n"): "n = 1",
        ("rules", 1, "n"): "n = 2",
        ("rules", 1, "sub", "m"): "m = 3",
        ("rules", 1, "deep", 0, "d"): "d = 1",
        ("rules", 1, "deep", 1, "d"): "d = 2",
    }
    assert {key: text[lines[key] - 1][: len(start)] for key, start in expected.items()} == expected
    assert set(paths_of(tomllib.loads(DOCUMENT))) <= set(lines)


def test_a_missing_key_has_the_line_of_what_should_hold_it() -> None:
    assert line_for(lines_of(DOCUMENT), ("rules", 1, "nowhere")) == text_line("[[rules]]", 2)
    assert line_for(lines_of(DOCUMENT), ("nowhere",)) is None


def text_line(start: str, which: int) -> int:
    found = [n for n, line in enumerate(DOCUMENT.splitlines(), 1) if line.startswith(start)]
    return found[which - 1]


def paths_of(value: Any, key: Key = ()) -> list[Key]:
    """Every key and array element of a document."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found: list[Key] = []
    for part, inner in items:
        found.append((*key, part))
        if isinstance(inner, dict | list):
            found += paths_of(inner, (*key, part))
    return found


# --- any document --------------------------------------------------------------------------

words = st.text("abc-_1", min_size=1, max_size=3)
odd = st.text(st.sampled_from("ab\"'[]{}=,#.\n\\ ü"), max_size=6)


def quoted(text: str) -> str:
    table = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
    return '"' + "".join(table.get(c, c) for c in text) + '"'


keys = st.one_of(words, odd.map(quoted), words.map(lambda w: f"'{w}.[x]'"))
scalars = st.one_of(
    st.integers(-9, 9).map(str),
    st.booleans().map(lambda b: str(b).lower()),
    odd.map(quoted),
    odd.map(lambda t: "'" + t.replace("'", "").replace("\n", "") + "'"),
    odd.map(lambda t: '"""\n' + t.replace("\\", "").replace('"', "") + '\n"""'),
    odd.map(lambda t: "'''" + t.replace("'", "") + "\n'''"),
    st.just("2026-11-21 07:32:00"),
)


def arrays(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, max_size=3).map(lambda v: "[ # c ]\n" + " ,\n ".join(v) + " ]")


def tables(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.dictionaries(keys, values, max_size=3)
    return pairs.map(lambda d: "{" + ", ".join(f"{k} = {v}" for k, v in d.items()) + "}")


values = st.recursive(scalars, lambda v: arrays(v) | tables(v), max_leaves=6)
headers = st.one_of(
    st.lists(keys, min_size=1, max_size=3).map(lambda k: f"[{' . '.join(k)}]"),
    st.lists(keys, min_size=1, max_size=3).map(lambda k: f"[[{'.'.join(k)}]]"),
)
pairs = st.tuples(st.lists(keys, min_size=1, max_size=2).map(" . ".join), values).map(" = ".join)
documents = st.lists(st.one_of(headers, pairs, st.just("# [a] = 'x")), max_size=8).map("\n".join)


@given(documents)
def test_every_key_of_any_document_has_a_line_that_names_it(text: str) -> None:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = lines_of(text)
    written = text.splitlines()
    for key in paths_of(document):
        assert key in lines, (key, text)
        if isinstance(key[-1], str) and key[-1].isidentifier():
            assert key[-1] in text.split("\n")[lines[key] - 1], (key, written)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment", "a = 1\r\nb = 2\r\n"])
def test_small_documents(text: str) -> None:
    assert set(lines_of(text)) == set(paths_of(tomllib.loads(text)))
