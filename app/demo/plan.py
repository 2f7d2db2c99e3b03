"""Which jobs the demo submits, in which order, and which of them wait for which."""

from collections.abc import Iterator
from typing import NamedTuple

ROUNDS = 5
"""Rounds at a time; one takes about a minute and a half on two CPUs."""

PROJECT = """\
# The project file of jobshape's demo: its stages, and which jobs belong to which.
stages = ["fetch", "preprocess", "cache", "train", "eval"]
"""

STAGES = {
    "fetch": "fetch",
    "preprocess": "prep",
    "cache": "cache",
    "train": "train",
    "eval": "eval",
}
"""Each stage, and what the names of its jobs begin with."""

SITE_PAGE = """\
# The site of jobshape's demo: two CPUs and two GiB of this machine.
title = "The demo on this machine"
kind = "local"
notes = "Made by `jobshape demo`; `jobshape demo --clean` removes it."

[local]
folder = {folder}
gpus = "none"
idle_exit = "2:00"
keep_finished = "1-00:00:00"

[limits]
cpus = {cpus}
memory = "2G"
"""


class Planned(NamedTuple):
    """A job to submit: its script, its name, and after which others it may start.

    after: (``afterok``, name of an earlier one).
    """

    name: str
    script: str
    round: int = 1
    after: tuple[tuple[str, str], ...] = ()
    partition: str | None = None
    hold: bool = False


def project_text() -> str:
    """The demo's project file, with a stage rule for each stage."""
    rules = (
        f'\n[[stage_rules]]\nstage = "{stage}"\nname = "^{begin}"\n'
        for stage, begin in STAGES.items()
    )
    return PROJECT + "".join(rules)


def one_round(number: int, *, follows: bool) -> Iterator[Planned]:
    """The five stages, each after the one before; the last of them also in a shape too small.

    follows: it starts when the training of the round before has ended, well or not.
    """
    names = {stage: f"{begin}_r{number}" for stage, begin in STAGES.items()}
    after = (("afterany", f"{STAGES['train']}_r{number - 1}"),) if follows else ()
    for stage, name in names.items():
        yield Planned(name, f"{stage}.sh", number, after)
        after = (("afterok", name),)
    yield Planned(f"eval_full_r{number}", "eval_full.sh", number, (("afterok", names["train"]),))


def oddities() -> Iterator[Planned]:
    """Jobs that do not go well, so that there is something to see at once."""
    yield Planned("fetch_index", "fetch.sh", partition="smoke")
    yield Planned("eval_baseline", "eval_full.sh", partition="smoke")
    yield Planned("eval_lost", "eval.sh", after=(("afterok", "eval_baseline"),))
    yield Planned("train_probe", "train_probe.sh")
    yield Planned("train_tuned", "train.sh", hold=True)


def batch(first_round: int) -> Iterator[Planned]:
    """All jobs of one start of the demo, its rounds counted on from an earlier start's."""
    yield from one_round(first_round, follows=False)
    yield from oddities()
    for number in range(first_round + 1, first_round + ROUNDS):
        yield from one_round(number, follows=True)
