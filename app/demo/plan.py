"""Which jobs the demo submits, in which order, and which of them wait for which."""

from collections.abc import Iterator
from typing import NamedTuple

ROUNDS = 5
"""Rounds at a time."""

ROUND_S = 70
"""From the beginning of one round to that of the next: a little less than it takes on two CPUs."""

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

    after: (``afterok``, name of an earlier one). begin_s: not before so many seconds from now.
    """

    name: str
    script: str
    round: int = 1
    after: tuple[tuple[str, str], ...] = ()
    partition: str | None = None
    hold: bool = False
    begin_s: int = 0


def project_text() -> str:
    """The demo's project file, with a stage rule for each stage."""
    rules = (
        f'\n[[stage_rules]]\nstage = "{stage}"\nname = "^{begin}"\n'
        for stage, begin in STAGES.items()
    )
    return PROJECT + "".join(rules)


def one_round(number: int, *, begin_s: int) -> Iterator[Planned]:
    """The five stages, each after the one before; the last of them also in a shape too small."""
    names = {stage: f"{begin}_r{number}" for stage, begin in STAGES.items()}
    after: tuple[tuple[str, str], ...] = ()
    for stage, name in names.items():
        yield Planned(name, f"{stage}.sh", number, after, begin_s=0 if after else begin_s)
        after = (("afterok", name),)
    yield Planned(f"eval_full_r{number}", "eval_full.sh", number, (("afterok", names["train"]),))


def quick() -> Iterator[Planned]:
    """Jobs that are over within seconds, well or not; and one that waits for what never comes."""
    yield Planned("fetch_index", "fetch.sh", partition="smoke")
    yield Planned("eval_baseline", "eval_full.sh", partition="smoke")
    yield Planned("eval_lost", "eval.sh", after=(("afterok", "eval_baseline"),))


def odd() -> Iterator[Planned]:
    """A job that runs into its limit, and one that is held."""
    yield Planned("train_probe", "train_probe.sh")
    yield Planned("train_tuned", "train.sh", hold=True)


def batch(first_round: int) -> Iterator[Planned]:
    """All jobs of one start of the demo, its rounds counted on from an earlier start's.

    The list shows the newest on top: what happens first is submitted last.
    """
    for later in range(ROUNDS - 1, 0, -1):
        yield from one_round(first_round + later, begin_s=later * ROUND_S)
    yield from quick()
    yield from odd()
    yield from one_round(first_round, begin_s=0)
