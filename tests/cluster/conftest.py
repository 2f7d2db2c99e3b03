"""Boxes for the cluster tests: one a session and release, reused or made and taken down here."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parent))

from box.box import Box
from box.plan import Plan
from box.recipe import DEFAULT_RELEASE, RECIPES
from box.support import why_not
from terminal import Terminal

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


@pytest.fixture
def open_app(box: Box, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Start jobshape in a terminal: its arguments, then user, columns, rows, and its environment.

    Its state folder in the box is this test's own. Ended with the test.
    """
    opened: list[Terminal] = []

    def open_it(
        *arguments: str, user: str = "alice", columns: int = 160, rows: int = 48, **env: str
    ) -> Terminal:
        own = {"COLORTERM": "truecolor", "XDG_STATE_HOME": f"/home/{user}/{tmp_path.name}"}
        argv = box.command(["jobshape", *arguments], env=own | env, user=user)
        opened.append(Terminal(argv, columns=columns, rows=rows))
        return opened[-1]

    yield open_it
    for terminal in opened:
        terminal.close()


@pytest.fixture
def submit(box: Box) -> Iterator[Callable[..., int]]:
    """Submit small jobs of alice, `submit("name", "--hold")`; cancelled at the end."""
    made: list[int] = []

    def submit_one(name: str, *options: str, wrap: str = "sleep 300") -> int:
        argv = ["sbatch", "--parsable", f"--job-name={name}", "--mem=50M", "--time=10",
                "--output=/dev/null", *options, f"--wrap={wrap}"]  # fmt: skip
        made.append(int(box.run(argv).stdout))
        return made[-1]

    yield submit_one
    if made:
        box.run(["scancel", *map(str, made)], check=False)


def _say(line: str) -> None:
    print(line, file=sys.__stderr__, flush=True)
