"""Scripts in colour: nothing lost, nothing obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.text import sanitize
from jobshape.widgets.highlight import (
    MOST_BYTES,
    MOST_LINES,
    MOST_WIDTH,
    highlight,
    lexer_of,
)
from jobshape.widgets.script_view import wrapped
from jobshape.widgets.text import width_of
from rich.style import Style

SCRIPT = """#!/bin/bash
#SBATCH --mem=4G
# a comment

#SBATCH --time=10
module load cuda   # loads
#SBATCH --gpus=1
export N=3
if [ "$N" -gt 2 ]; then echo "many $N"; fi
"""


def texts(script: str) -> list[str]:
    return ["".join(text for text, _ in line.runs) for line in highlight(script)]


def test_every_line_is_there_as_it_was() -> None:
    assert texts(SCRIPT) == SCRIPT.rstrip("\n").split("\n")


def test_directives_are_those_that_sbatch_reads() -> None:
    found = {n: line.directive for n, line in enumerate(highlight(SCRIPT), 1) if line.directive}
    assert found == {2: "read", 5: "read", 7: "ignored"}


def test_words_have_roles() -> None:
    roles = {role for line in highlight(SCRIPT) for _, role in line.runs}
    assert {"comment", "keyword", "string", "variable"} <= roles


@pytest.mark.parametrize(
    ("first", "lexer"),
    [
        ("#!/bin/sh", "bash"), ("#!/usr/bin/env python3", "python"),
        ("#! /usr/bin/tcsh -f", "tcsh"),
        ("#!/usr/bin/env -S A=1 python -u", "python"), ("echo", "bash"), ("#!", "bash"),
        ("#!/opt/R/bin/Rscript", "r"), ("#!/usr/bin/env", "bash"), ("#!/bin/whatever", "bash"),
    ],
)  # fmt: skip
def test_the_language_is_that_of_the_first_line(first: str, lexer: str) -> None:
    assert lexer_of(first) == lexer


def test_controls_are_signs_and_tabs_are_spaces() -> None:
    lines = texts("#!/bin/sh\r\necho \x1b[31mred\x07\n\tif\n")
    assert lines == ["#!/bin/sh␍", "echo ␛[31mred␇", "        if"]


@given(st.text(max_size=200))
def test_any_script_comes_out_whole_and_safe(script: str) -> None:
    wanted = [sanitize(line.expandtabs(8)) for line in script.removesuffix("\n").split("\n")]
    assert texts(script) == wanted


def test_a_huge_script_is_shown_without_colours() -> None:
    script = "#!/bin/sh\n" + "echo '" + "x" * 50 + "'\n"
    script += script * (MOST_BYTES // len(script))
    lines = highlight(script)
    assert len(lines) == script.count("\n")
    assert {role for line in lines for _, role in line.runs} == {"text"}


def test_what_is_too_long_is_cut_and_said() -> None:
    lines = highlight("#!/bin/sh\n" + "x" * (MOST_WIDTH + 77) + "\n" + "true\n" * (MOST_LINES + 5))
    assert len(lines) == MOST_LINES + 1
    assert (lines[1].cut, len(lines[1].runs[0][0])) == (77, MOST_WIDTH)
    assert (lines[-1].runs, lines[-1].cut) == ((), 7)


@given(st.lists(st.text(max_size=20), max_size=6), st.integers(8, 30))
def test_wrapping_loses_nothing_and_keeps_the_width(parts: list[str], width: int) -> None:
    clean = [sanitize(part) for part in parts]
    lines = wrapped([(part, Style()) for part in clean], width)
    assert "".join(text for line in lines for text, _ in line) == "".join(clean)
    assert all(sum(width_of(text) for text, _ in line) <= width for line in lines)
