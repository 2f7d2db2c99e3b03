"""Which stage a job's name speaks of, by the words people use; never more than a suggestion."""

import re
from collections.abc import Iterable, Sequence

_KINDS: dict[str, tuple[str, ...]] = {
    "fetch": ("fetch", "download", "ingest", "scrape", "crawl", "pull", "wget", "rsync",
              "transfer", "collect", "acquire"),
    "prepare": ("prep", "preproc", "preprocess", "tokeni", "clean", "filter", "dedup", "shard",
                "normali", "augment", "convert", "parse", "split", "align", "trim"),
    "cache": ("cache", "caching", "embed", "feature", "featuri", "index", "warm", "extract"),
    "train": ("train", "pretrain", "finetun", "sft", "dpo", "rlhf", "ppo", "grpo", "lora", "fit",
              "sweep", "hpo", "tune", "distill"),
    "eval": ("eval", "test", "bench", "score", "scoring", "valid", "infer", "predict", "metric",
             "harness", "judge", "perplexity"),
}  # fmt: skip
"""Kind of stage -> how its words begin."""

_EXACT = frozenset(("fit", "pull", "test", "ppo", "sft", "dpo", "tune", "warm", "trim", "prep",
                    "split", "index", "align", "parse", "hpo", "lora", "fetch"))  # fmt: skip
"""Beginnings of many other words: only the word itself or its usual endings count."""

_ENDINGS = ("", "s", "ed", "er", "ing", "ting", "ming", "ning")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")


def words_of(text: str) -> list[str]:
    """The words in a name, lower case: ``TrainVit_b16`` -> train, vit, b."""
    return [word.lower() for word in _WORDS.findall(text)]


def kind_of(word: str) -> str:
    """The kind of stage that a word speaks of; "" for none."""
    for kind, beginnings in _KINDS.items():
        for beginning in beginnings:
            if word.startswith(beginning) and (
                beginning not in _EXACT or word[len(beginning) :] in _ENDINGS
            ):
                return kind
    return ""


def stage_for(words: Iterable[str], stages: Sequence[str]) -> tuple[str, str]:
    """The stage of the first word that speaks of one, and that word; ("", "") for none.

    A word of a stage's own name counts first, then one of the same kind.
    """
    own = {word: stage for stage in reversed(stages) for word in words_of(stage)}
    kinds: dict[str, str] = {}
    for stage in stages:
        for word in words_of(stage):
            if kind := kind_of(word):
                kinds.setdefault(kind, stage)
    for word in words:
        if word in own and (kind_of(word) or len(word) > 3):
            return own[word], word
        stage = kinds.get(kind_of(word), "")
        if stage:
            return stage, word
    return "", ""
