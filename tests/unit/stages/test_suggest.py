"""Suggested rules: they claim what they say they claim, and guess nothing silently."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jobshape.app.domain.job import DEFAULT_STAGES, NO_JOB, Job
from jobshape.app.domain.stage import Suggestion
from jobshape.app.domain.stage_rules import StageRules
from jobshape.app.stages.naming import stage_for, words_of
from jobshape.app.stages.suggest import suggest


def named(*names: str, **more: str) -> list[Job]:
    return [NO_JOB._replace(job_id=n, name=name, **more) for n, name in enumerate(names, 1)]  # type: ignore[arg-type]


def only(jobs: list[Job], stages: tuple[str, ...] = DEFAULT_STAGES) -> Suggestion:
    (one,) = suggest(jobs, stages)
    return one


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("fetch-2026", "data_fetching"), ("download_wiki", "data_fetching"),
        ("IngestShards", "data_fetching"), ("preproc_07", "preprocessing"),
        ("tokenize-3", "preprocessing"), ("clean.sh", "preprocessing"),
        ("cache-tokens", "caching"), ("embed-all", "caching"), ("features_v2", "caching"),
        ("train-vit", "training"), ("llama-sft", "training"), ("PretrainBase", "training"),
        ("finetune_7b", "training"), ("eval-after-train", "eval"), ("testing-3", "eval"),
        ("bench-io", "eval"), ("score", "eval"), ("fetching", "data_fetching"),
        ("mpi-coupled", ""), ("contest", ""), ("fitness", ""), ("attraining", ""), ("x17", ""),
        ("testimony", ""),
    ],
)  # fmt: skip
def test_the_word_that_speaks_of_a_stage(name: str, stage: str) -> None:
    assert stage_for(words_of(name), DEFAULT_STAGES)[0] == stage


def test_a_projects_own_stages_are_found_by_their_name_and_kind() -> None:
    stages = ("crawl", "tokens", "pretrain", "sft", "harness")
    assert stage_for(words_of("sft-3"), stages)[0] == "sft"
    assert stage_for(words_of("train-3"), stages)[0] == "pretrain"
    assert stage_for(words_of("eval-3"), stages)[0] == "harness"
    assert stage_for(words_of("download-3"), stages)[0] == "crawl"
    assert stage_for(words_of("embed-3"), stages)[0] == ""


def test_figures_become_any_figures() -> None:
    one = only(named("train-01-seed7", "train-02-seed13"))
    assert (one.stage, one.rule, one.jobs) == (
        "training", (("name", r"^train-\d+-seed\d+$"),), 2
    )  # fmt: skip


def test_names_that_begin_alike_share_a_rule() -> None:
    one = only(named("train-vit-b16", "train-resnet50", "train-sweep"))
    assert one.rule == (("name", "^train-"),)
    one = only(named("eval_a", "eval-b", "eval3"))
    assert one.rule == (("name", r"^eval[-_\d]"),)
    assert "trainer" not in str(one)


def test_names_of_no_stage_are_listed_without_one() -> None:
    one = only(named("mpi-coupled", "mpi-coupled"))
    assert (one.stage, one.rule[0][1], one.jobs) == ("", "^mpi-coupled$", 2)


def test_signs_that_mean_something_in_a_pattern_do_not() -> None:
    one = only(named("train (v1.2) [x]+"))
    ((_, pattern),) = one.rule
    assert re.search(pattern, "train (v3.14) [x]+")
    assert not re.search(pattern, "train v1x2 x")


def test_names_that_say_nothing_go_by_their_folder() -> None:
    one = only(named("wrap", "bash", work_dir="/home/alice/exp3/tokenize"))
    assert (one.stage, one.rule, one.jobs) == (
        "preprocessing", (("work_dir", "/tokenize(/|$)"),), 2
    )  # fmt: skip
    nowhere = only(named("run", work_dir="/home/alice/x1", partition="gpu"))
    assert nowhere.stage == ""
    assert nowhere.rule == (("work_dir", r"^/home/alice/x\d+/?$"), ("partition", "^gpu$"))
    assert suggest(named("run"), DEFAULT_STAGES) == []


def test_jobs_of_other_stages_that_it_fits_are_counted() -> None:
    others = named("train-big", "train-9", "eval", stage="training")
    (one,) = suggest(named("train-1"), DEFAULT_STAGES, others)
    assert one.others == 1


def test_the_one_that_claims_most_comes_first_and_those_without_a_stage_last() -> None:
    jobs = named("odd", "odd", "odd", "eval-1", "train-1", "train-2")
    assert [one.stage for one in suggest(jobs, DEFAULT_STAGES)] == ["training", "eval", ""]


NAMES = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"(train|eval|fetch|wrap)[-_ ]?[a-z0-9.+*()]{0,6}", fullmatch=True),
)


@given(st.lists(NAMES, max_size=12))
def test_a_rule_claims_every_job_it_counts_and_can_be_written(names: list[str]) -> None:
    jobs = named(*names, work_dir="/home/alice/run-7")
    found = suggest(jobs, DEFAULT_STAGES)
    claimed = 0
    for one in found:
        rules = StageRules([one.named(one.stage or "eval")])
        assert rules.problems == []
        hit = [job for job in jobs if rules.stage_of(job) != "unassigned"]
        assert len(hit) >= one.jobs
        assert all(pattern.isprintable() for _, pattern in one.rule)
        claimed += one.jobs
    assert claimed == len(jobs)
