"""Policy decides what blocks, and what a reason lifts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jobshape.app.domain.check import blocking, lifted_reasons
from jobshape.app.domain.errors import BadRequest, ConfigError
from jobshape.app.domain.site_facts import SiteFacts
from jobshape.app.preflight.examine import check_policy, examine, lift
from jobshape.app.preflight.facts import Facts
from jobshape.app.preflight.registry import RULES
from jobshape.app.preflight.subject import unreadable
from jobshape.app.settings.values import Policy

from .builders import FACTS, QUIET, judge, subject

PINS = subject(run="export CUDA_VISIBLE_DEVICES=0")


def test_every_rule_says_a_line_of_a_good_script() -> None:
    lines = examine(subject("--time=5", "--mail-type=END"), FACTS, Policy())
    assert {line.rule for line in lines} == {rule.name for rule in RULES}
    assert {line.verdict for line in lines} == {"pass"}


def test_a_rule_blocks_warns_or_is_off_as_the_policy_says() -> None:
    assert judge("pinned_gpu", PINS)[0].verdict == "block"
    assert judge("pinned_gpu", PINS, policy=Policy(warn=("pinned_gpu",)))[0].verdict == "warn"
    assert judge("pinned_gpu", PINS, policy=Policy(off=("pinned_gpu",))) == []
    long = subject("--time=9:00:00")
    assert judge("checkpoint", long)[0].verdict == "warn"
    assert judge("checkpoint", long, policy=Policy(block=("checkpoint",)))[0].verdict == "block"


@pytest.mark.parametrize("setting", ["block", "warn", "off", "lift"])
def test_an_unknown_rule_names_the_setting(setting: str) -> None:
    policy = Policy(lift="smoke, outptu") if setting == "lift" else Policy(**{setting: ("outptu",)})
    with pytest.raises(ConfigError) as caught:
        check_policy(policy)
    assert caught.value.where == f"policy.{setting}"
    assert "'outptu'" in caught.value.what and "did you mean output?" in caught.value.hint


def test_a_lifted_block_stands_in_nobodys_way_and_its_reason_is_kept() -> None:
    lines = examine(PINS, FACTS, QUIET)
    assert [line.rule for line in blocking(lines)] == ["pinned_gpu"]
    lifted = lift(lines, {"pinned_gpu": " an old script "}, QUIET)
    assert blocking(lifted) == []
    assert lifted_reasons(lifted) == {"pinned_gpu": "an old script"}
    assert [line.verdict for line in lifted] == [line.verdict for line in lines]


@pytest.mark.parametrize(
    ("reasons", "policy_lift", "words"),
    [
        ({"pinned_gpu": "  "}, "all", "takes a reason"),
        ({"nix": "why"}, "all", "no rule 'nix'"),
        ({"walltime": "why"}, "all", "walltime does not block"),
        ({"pinned_gpu": "why"}, "none", "pinned_gpu cannot be lifted"),
        ({"pinned_gpu": "why"}, "smoke,walltime", "pinned_gpu cannot be lifted"),
        ({"script": "why"}, "all", "script cannot be lifted"),
    ],
)
def test_what_lifts_nothing(reasons: dict[str, str], policy_lift: str, words: str) -> None:
    policy = Policy(lift=policy_lift)
    with pytest.raises(BadRequest, match=words):
        lift(examine(PINS, FACTS, policy), reasons, policy)


def test_a_named_rule_can_be_lifted() -> None:
    policy = Policy(lift="smoke, pinned_gpu")
    assert not blocking(lift(examine(PINS, FACTS, policy), {"pinned_gpu": "why"}, policy))


def test_a_missing_script_cannot_be_lifted() -> None:
    lines = examine(unreadable("x", "there is no such file", "", "/"), FACTS, Policy())
    with pytest.raises(BadRequest):
        lift(lines, {"script": "I know"}, Policy())


_WORDS = st.sampled_from(
    ["--time=", "--mem=", "-p ", "main", "gpu", "5", "1-00", "99G", "0", "-1", "UNLIMITED",
     "hetjob", "--gres=gpu:", "a100:2", "--gpus=", "h100", "--mem-per-gpu=", "-N ", "2-4",
     "-n ", "-c ", "-C ", "a&b", "[a|b]", "--array=", "0-9%2", "-x ", "n[1-2]", "--output=",
     "%j/%x", "%", "'", '"', "\\", "--mail-type=", "--signal=", "é", "\0", "=", ","]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(_WORDS, max_size=6).map("".join), max_size=5),
    st.sampled_from([FACTS, Facts(), Facts(site=SiteFacts())]),
)
def test_no_script_makes_a_rule_raise(options: list[str], facts: Facts) -> None:
    lines = examine(subject(*options, run="# NEEDS: x\npython t.py"), facts, Policy())
    assert {line.rule for line in lines} == {rule.name for rule in RULES}
    for line in lines:
        assert line.title and (line.verdict == "pass" or line.why)
        assert line.fix or line.verdict in ("pass", "skip"), line
