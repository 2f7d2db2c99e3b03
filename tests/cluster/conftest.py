"""Boxes for the cluster tests: one a session and release, reused or made and taken down here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from box.box import Box
from box.plan import Plan
from box.recipe import DEFAULT_RELEASE, RECIPES
from box.support import why_not

BoxMaker = Callable[..., Box]


@pytest.fixture(scope="session")
def boxes_possible() -> None:
    """Skip where no box can run, saying why; fail there in CI."""
    if reason := why_not():
        untested = f"not tested on a real Slurm: {reason}"
        if os.environ.get("CI") == "true":
            pytest.fail(untested, pytrace=False)
        pytest.skip(untested)


@pytest.fixture(scope="session")
def make_box(boxes_possible: None) -> Iterator[BoxMaker]:
    """Bring up a box by name, `make_box("two", release="24.11")`; taken down when the session ends.

    Further arguments are those of Plan.
    """
    made: list[Box] = []

    def make(name: str, **plan: object) -> Box:
        unique = f"{name}-{os.getpid()}"
        box = Box.up(Plan(name=unique, **plan), die_with=os.getpid(), say=_say)  # type: ignore[arg-type]
        made.append(box)
        return box

    yield make
    for box in made:
        box.down()


@pytest.fixture(scope="session")
def box_of(make_box: BoxMaker) -> Callable[[str], Box]:
    """The session's box of a release. JOBSHAPE_BOX names running boxes to use, comma-separated."""
    known: dict[str, Box] = {}
    for name in filter(None, os.environ.get("JOBSHAPE_BOX", "").split(",")):
        running = Box.named(name)
        known[running.plan.release] = running

    def of(release: str) -> Box:
        if release not in known:
            known[release] = make_box(f"test{release.replace('.', '')}", release=release)
        return known[release]

    return of


@pytest.fixture(scope="session")
def box(box_of: Callable[[str], Box]) -> Box:
    """The box of the newest release, the one pyslurm works in."""
    return box_of(DEFAULT_RELEASE)


@pytest.fixture(scope="session", params=list(RECIPES))
def any_box(request: pytest.FixtureRequest, box_of: Callable[[str], Box]) -> Box:
    """A box of each release in turn."""
    return box_of(request.param)


def _say(line: str) -> None:
    print(line, file=sys.__stderr__, flush=True)
