"""#SBATCH lines and their words, read as sbatch reads them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.scripts.directives import MAGIC, read_script
from jobshape.app.scripts.options import TAKES, UnknownOption, cut_words, full_name, quoted
from jobshape.app.scripts.shape import shape_of

from .examples import FOLDER, PROBLEMS, SHAPES, example


def script(*lines: str) -> str:
    return "#!/bin/bash\n" + "".join(f"#SBATCH {line}\n" for line in lines) + "true\n"


def problems(*lines: str) -> list[tuple[int, str, str]]:
    return [(one.line, one.kind, one.severity) for one in read_script(script(*lines)).problems]


def test_every_example_has_its_shape() -> None:
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(SHAPES)


@pytest.mark.parametrize("name", SHAPES)
def test_examples(name: str) -> None:
    read = read_script(example(name))
    shapes = [shape_of(read.options(group)) for group in range(read.groups)]
    assert tuple(shape for shape, _ in shapes) == SHAPES[name]
    assert not any(bad for _, bad in shapes)
    assert [(one.line, one.kind) for one in read.problems] == PROBLEMS.get(name, [])


# What Slurm 26.05.5 itself read in these lines: see tests/cluster/test_scripts.py.
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("--mem=36M#why -n 2", ["--mem=36M"]),
        ("--comment=a\\ b -n", ["--comment=a b", "-n"]),
        ("'it\\'s' x", ["it's", "x"]),
        ('"a \\"b\\" c\\\\d"e', ['a "b" c\\de']),
        ('--comm"ent=a b"c', ["--comment=a bc"]),
        ("a '' b", ["a"]),
        ("a \\", ["a"]),
        ("a\\", ["a"]),
        ("a \\ ", ["a", " "]),
        ("a\vb\fc\rd\te", ["a", "b", "c", "d", "e"]),
        ("a\u00a0b\u2003c", ["a\u00a0b\u2003c"]),
        ("'a", []),
        ("x 'a b", ["x"]),
        ("\\# #", ["#"]),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    assert [word.text for word in cut_words(text).words] == words


@given(st.text(st.characters(exclude_characters="\n")))
def test_cutting_any_line(line: str) -> None:
    cut = cut_words(line)
    end = 0
    for word in cut.words:
        assert end <= word.start < word.end <= len(line)
        assert "".join(line[column] for column in word.columns) == word.text
        end = word.end
    assert end <= cut.comment <= len(line)


@given(st.lists(st.text(st.characters(exclude_characters="\n"), min_size=1)))
def test_quoted_words_are_read_back(words: list[str]) -> None:
    cut = cut_words(" ".join(map(quoted, words)))
    assert [word.text for word in cut.words] == words


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("mem", "mem"),
        ("tasks-per-node", "ntasks-per-node"),
        ("tasks", "ntasks-per-node"),
        ("cluster", "clusters"),
        ("cpus-per-t", "cpus-per-task"),
        ("part", "partition"),
        ("mem-per", None),
        ("", None),
        ("MEM", None),
    ],
)
def test_names(name: str, full: str | None) -> None:
    if full is None:
        with pytest.raises(UnknownOption, match=f"option '--{name}'"):
            full_name(name)
    else:
        assert full_name(name) == full


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("--mem=4G", ("mem", "4G", "--opt=value", "--mem=4G", "4G")),
        ("  --mem   4G # x", ("mem", "4G", "--opt value", "--mem   4G", "4G")),
        ("-c 2", ("cpus-per-task", "2", "-o value", "-c 2", "2")),
        ("-c2", ("cpus-per-task", "2", "-ovalue", "-c2", "2")),
        ("-H", ("hold", "", "-o", "-H", None)),
        ("--hold", ("hold", "", "--opt", "--hold", None)),
        ("--exclusive", ("exclusive", "", "--opt", "--exclusive", None)),
        ("--exclusive=user", ("exclusive", "user", "--opt=value", "--exclusive=user", "user")),
        ("--comment=", ("comment", "", "--opt=value", "--comment=", "")),
        ("-HJ'a b'", ("job-name", "a b", "-ovalue", "J'a b'", "'a b'")),
        ("-HJ  x", ("job-name", "x", "-o value", "J  x", "x")),
        ("'--mem=4G'", ("mem", "4G", "--opt=value", "'--mem=4G'", "4G'")),
    ],
)
def test_where_an_option_stands(line: str, found: tuple[str, str, str, str, str | None]) -> None:
    text = script(line)
    last = read_script(text).directives[-1]
    raw = text.split("\n")[last.line - 1]
    value = None if last.value_columns is None else raw[slice(*last.value_columns)]
    assert (last.option, last.value, last.form, raw[slice(*last.columns)], value) == found
    assert last.given is (value is not None) and last.line == 2


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["--mem=4G"], []),
        (["--frob=3 x", "-n 2"], [(2, "unknown", "error"), (2, "word", "error")]),
        (["--frob 3", "-n 2"], [(2, "unknown", "error")]),
        (["-%"], [(2, "unknown", "error")]),
        (["word"], [(2, "word", "error")]),
        (["-- -n 2"], [(2, "word", "error")]),
        (["- -n 2"], [(2, "word", "error")]),
        (["--hold=yes"], [(2, "value", "error")]),
        (["-J 'open"], [(2, "missing", "error"), (2, "quote", "error")]),
        (["--mem"], [(2, "missing", "error")]),
        (["--mem", "hetjob"], [(2, "missing", "error")]),
        (["--mem --time=3"], [(2, "missing", "error")]),
        (["--comment -n"], []),
        (["-n", "4"], [(2, "split", "warning")]),
        (["-n", "--mem=3G"], [(2, "split", "error")]),
        (["--comment '' -n 2"], [(2, "empty", "warning"), (2, "missing", "error")]),
        (["-n 2 hetjob --mem=4G"], [(2, "separator", "warning")]),
        (["hetjob --mem=4G"], [(2, "separator", "warning")]),
        (["'hetjob'"], [(2, "word", "error")]),
        (["-n 2 \\"], [(2, "backslash", "warning")]),
    ],
)
def test_problems(lines: list[str], expected: list[tuple[int, str, str]]) -> None:
    assert sorted(problems(*lines)) == expected


def test_hints() -> None:
    [bad] = read_script(script("--cpu-per-task=3")).problems
    assert bad.hint == "did you mean --cpus-per-task?"
    [bad] = read_script(script("--mem-per=3")).problems
    assert bad.hint == "did you mean --mem-per-cpu or --mem-per-gpu?"
    [bad] = read_script(script("--zzz")).problems
    assert "plugin" in bad.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [(0, "empty")]),
        ("\n\n", [(0, "empty")]),
        ("#!\ntrue\n", [(1, "interpreter")]),
        ("\ufeff#!/bin/sh\n", [(1, "interpreter")]),
        ("#!/bin/sh\ntrue \0", [(2, "null")]),
        ("#!/bin/sh\n\ntrue\r\n", [(3, "dos")]),
        ("#!/bin/sh\n  #SBATCH --mem=3G\n", [(2, "comment")]),
        ("#!/bin/sh\n#sbatch -n 2\n", [(2, "comment")]),
        ("#!/bin/sh\n##SBATCH -n 2\n# see SBATCH -n\n", []),
        ("#!/bin/sh\n\u00a0\n#SBATCH -n 2\n", [(3, "late")]),
    ],
)
def test_problems_of_the_whole(text: str, expected: list[tuple[int, str]]) -> None:
    assert [(one.line, one.kind) for one in read_script(text).problems] == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("#!/bin/sh\n# JUSTIFIED: big\ntrue", "big"),
        ("#!/bin/sh\n#SBATCH --mem=9G #JUSTIFIED:   big one \ntrue", "big one"),
        ("#!/bin/sh\n#SBATCH --comment='# JUSTIFIED: no'\n", ""),
        ("#!/bin/sh\n# JUSTIFIED:\n# JUSTIFIED: second\n", "second"),
        ("#!/bin/sh\n# not JUSTIFIED: no\n", ""),
        ("#!/bin/sh\ntrue\n# JUSTIFIED: late\n", ""),
    ],
)
def test_justified(text: str, reason: str) -> None:
    assert read_script(text).justified == reason


def test_components() -> None:
    read = read_script(example("het_three.sh"))
    assert (read.groups, read.separators, read.group_lines) == (3, (3, 5), (2, 4, 6))
    assert read.options(1) == {"mem": "2G", "gres": "gpu:1", "partition": "gpu"}
    assert read.options(7) == {}


_LINES = st.one_of(
    st.text(),
    st.builds("#SBATCH {}".format, st.text()),
    st.builds(
        "#SBATCH --{}{}{}".format, st.sampled_from(sorted(TAKES)), st.sampled_from("= "), st.text()
    ),
    st.builds("#SBATCH -{}".format, st.text("HJntcOsk=x '\\#")),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_LINES).map("\n".join))
def test_any_text_is_read(text: str) -> None:
    read = read_script(text)
    lines = text.split("\n")
    for one in read.directives:
        line = lines[one.line - 1]
        assert line.startswith(MAGIC) and one.line <= read.head_lines
        assert 0 < one.columns[0] < one.columns[1] <= len(line)
        if one.value_columns:
            raw = lines[(one.value_line or one.line) - 1]
            assert len(raw) >= one.value_columns[1] >= one.value_columns[0] > 0
        assert one.option in TAKES and one.group < read.groups
    assert all(0 <= one.line <= len(lines) and one.what for one in read.problems)
    for group in range(read.groups):
        shape_of(read.options(group))
