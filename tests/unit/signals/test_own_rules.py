"""Rules that a site, a person or a project adds: they speak, and what is wrong is told."""

# ruff: noqa: E501

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from jobshape.app.domain.errors import ConfigError
from jobshape.app.domain.finding import UNKNOWN
from jobshape.app.settings.folders import rule_paths
from jobshape.app.signals.diagnose import diagnose
from jobshape.app.signals.patterns import BadPattern, alternatives, check, compiled, literals
from jobshape.app.signals.rarity import Rarity, rule_for
from jobshape.app.signals.rule_files import RulesError, rule_book, shipped_book

QUENCH = """
[class.magnet_quench]
title = "magnet quenched"
why = "The magnet of the beam line quenched while the job used it."
fix = "Wait for the operators, then submit again."
fix_class = "ask_admin"
retry = "yes"
severity = "HIGH"

[[rule]]
name = "quench"
class = "magnet_quench"
patterns = ['beam: magnet \\d+ quenched']
unless = ['drill']
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_a_rule_and_a_class_of_ones_own(tmp_path: Path) -> None:
    book = rule_book([write(tmp_path / "rules" / "beam.toml", QUENCH).parent])
    (found, *_) = diagnose("beam: magnet 7 quenched at 9:00\n", book=book)
    assert (found.label, found.rule, found.retry) == ("magnet_quench", "beam:quench", "yes")
    assert found.title == "magnet quenched"
    assert diagnose("beam: magnet 7 quenched (drill)\n", book=book)[0].label != "magnet_quench"
    assert diagnose("beam: magnet 7 quenched\n")[0].label != "magnet_quench"


def test_a_later_file_takes_the_place_of_a_rule(tmp_path: Path) -> None:
    write(tmp_path / "a" / "beam.toml", QUENCH)
    write(tmp_path / "b" / "beam.toml", QUENCH.replace("quenched'", "tripped'"))
    book = rule_book([tmp_path / "a", tmp_path / "b"])
    assert diagnose("beam: magnet 7 tripped\n", book=book)[0].label == "magnet_quench"
    assert diagnose("beam: magnet 7 quenched\n", book=book)[0].label != "magnet_quench"


def test_a_rule_for_a_field_and_for_a_field_with_words(tmp_path: Path) -> None:
    text = """
[[rule]]
name = "prolog"
class = "node_fail"
role = "scheduler"
reasons = ['PrologHung']
[[rule]]
name = "only-when-failed"
class = "app_error"
states = ["FAILED"]
patterns = ['frob lost']
"""
    book = rule_book([write(tmp_path / "x.toml", text)])
    assert (
        diagnose("", {"State": "PENDING", "Reason": "PrologHung"}, book=book)[0].label
        == "node_fail"
    )
    assert diagnose("frob lost", {"State": "FAILED"}, book=book)[0].label == "app_error"
    assert diagnose("frob lost", {"State": "RUNNING"}, book=book)[0].label == "none"


def test_nothing_there_is_the_shipped_book(tmp_path: Path) -> None:
    assert rule_book([tmp_path / "gone", tmp_path]) is shipped_book()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rule = 3", "rule: is no list"),
        ("[[rules]]\nname='a'", "rules: is not known"),
        ("[[rule]]\nclass='timeout'\npatterns=['abc']", "rule 1, name: is missing"),
        ("[[rule]]\nname='a'\npatterns=['abc']", "rule a, class: is missing"),
        ("[[rule]]\nname='a'\nclass='tmeout'\npatterns=['abc']", "rule a, class: 'tmeout' is none of"),
        ("[[rule]]\nname='a'\nclass='timeout'", "rule a, patterns: is missing"),
        ("[[rule]]\nname='a'\nclass='timeout'\npatterns='abc'", "patterns: is no list of texts"),
        ("[[rule]]\nname='a'\nclass='timeout'\npatterns=['a(']", r"patterns\[1\]: is no pattern"),
        ("[[rule]]\nname='a'\nclass='timeout'\npatterns=['ok','(a+)+b']", r"patterns\[2\]: repeats a repeat"),
        ("[[rule]]\nname='a'\nclass='timeout'\npatterns=['x*']", "fits an empty text"),
        ("[[rule]]\nname='a'\nclass='timeout'\npatterns=['abc']\nrole='boss'", "role: 'boss' is none"),
        ("[[rule]]\nname='a'\nclass='timeout'\npatterns=['abc']\nweight=900", "weight: 900 is no number"),
        ("[[rule]]\nname='a'\nclass='timeout'\npatterns=['abc']\nin_warnings=1", "in_warnings: 1 is neither"),
        ("[[rule]]\nname='a'\nclass='timeout'\npatterns=['abc']\ncolour='red'", "colour: is not known"),
        ("[[rule]]\nname='a'\nclass='unknown'\npatterns=['abc']", "unknown is no cause"),
        ("[class.x]\ntitle='t'\nwhy='w'\nfix='f'\nfix_class='pray'\nretry='no'\nseverity='HIGH'", "fix_class: 'pray'"),
        ("[[rule]\nname", "is no TOML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path / "own.toml", text)
    with pytest.raises(RulesError, match=said) as caught:
        rule_book([path])
    assert str(path) in str(caught.value) and isinstance(caught.value, ConfigError)


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    write(tmp_path / "a.toml", "[[rule]]\nname='a'\nclass='x'\npatterns=['(']")
    write(tmp_path / "b.toml", "rule = 1")
    with pytest.raises(RulesError) as caught:
        rule_book([tmp_path])
    assert len(caught.value.problems) == 3


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RulesError, match="is no UTF-8"):
        rule_book([tmp_path])


def test_the_projects_rules_are_the_nearest(own_folders: Path) -> None:
    rules = write(own_folders / ".jobshape" / "rules.toml", QUENCH)
    deep = own_folders / "work" / "a"
    deep.mkdir()
    assert rule_paths(deep)[-1] == rules
    assert rule_paths(deep)[0].name == "rules"


@pytest.mark.parametrize("pattern", ["(a+)+", "c(a|b*)*", r"(\w+\s?)+x", "((ab){2,}){3,}"])
def test_patterns_that_could_hang_are_refused(pattern: str) -> None:
    with pytest.raises(BadPattern, match="repeat"):
        check(pattern)


def test_patterns_may_repeat_once() -> None:
    for pattern in (r"a+b+", r"(?:ab){2,5}c+", r"\d+(?:\.\d+)?", "x{1,9}y*z"):
        check(pattern)


@pytest.mark.parametrize(
    ("pattern", "parts"),
    [("a|b", ("a", "b")), ("(?i)ab|c(d|e)|[|]x", ("(?i)ab", "(?i)c(d|e)", "(?i)[|]x")), (r"a\|b", (r"a\|b",))],
)  # fmt: skip
def test_a_pattern_is_cut_at_its_outermost_bars(pattern: str, parts: tuple[str, ...]) -> None:
    assert alternatives(pattern) == parts


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (r"(?i)Killed by \d+ wolves", {"killed"}), (r"abcde?", {"abcd"}), (r"x{3}y", set()),
        (r"a(?:lpha|gamma)b", {"lpha", "gamma"}), (r"\d+", set()), (r"gap.{0,60}filled", {"filled"}),
        (r"Xid 79", {"xid"}),
    ],
)  # fmt: skip
def test_the_words_a_pattern_needs(part: str, words: set[str]) -> None:
    assert set(literals(part)) == words


def test_a_space_fits_a_wrapped_line_and_a_class_keeps_its_own() -> None:
    assert compiled("due to time").search("due to\n   time")
    assert compiled("[ x]y").search("a y") and not compiled("[ x]y").search("a\ty")


def test_an_unknown_failure_shows_its_rarest_lines() -> None:
    usual = "mesh read in 3 s\nfrob level 7 reached\nstep 1 of 9\n"
    failed = usual.replace("7", "8") + "the gizmo at 0x7f has no sprocket\nstep 2 of 9\n"
    rarity = Rarity([usual] * 20)
    (found, *_) = diagnose(failed, {"State": "FAILED", "ExitCode": "3:0"}, rarity=rarity)
    assert found.label == UNKNOWN
    lines = [one.text for one in found.evidence if one.source == "log"]
    assert "the gizmo at 0x7f has no sprocket" in lines
    assert rarity.of("frob level 99 reached") < rarity.of("the gizmo at 0x8a has no sprocket")
    assert [one.text for one in found.evidence if one.source == "slurm"] == ["FAILED", "3:0"]


@pytest.mark.parametrize(
    "line",
    [
        "the gizmo at 0x7f in /scratch/ada/run 12.5 has no sprocket", "it's (broken) [x] a|b \\d",
        "\x1b[31mred\x1b[0m alert 7", "q" * 900, "123",
    ],
)  # fmt: skip
def test_a_rule_proposed_for_a_line_fits_it_and_its_like(tmp_path: Path, line: str) -> None:
    text = rule_for(line)
    assert tomllib.loads(text)["rule"][0]["class"] == "app_error"
    book = rule_book([write(tmp_path / "own.toml", text)])
    for seen in (line, line.replace("7", "8").replace("12.5", "3").replace("/scratch/ada", "/x")):
        assert "own:" in "".join(found.rule for found in diagnose(seen, book=book))
