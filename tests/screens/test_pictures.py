"""Pictures of every screen, at each size and in a dark, a light and an ANSI theme.

Look at each changed picture before keeping it: ``pytest tests/screens --snapshot-update``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from driving import make_app, press, settle, type_text
from jobshape.app.board.link import STARTING, Feature
from jobshape.app.domain.finding import Evidence, Finding
from recorded import LIVE, NOW, recorded_board
from textual.pilot import Pilot

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)

pytestmark = pytest.mark.usefixtures("pinned")

Compare = Callable[..., bool]


def keys(*names: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Press these before the picture is taken."""

    async def run(pilot: Pilot[None]) -> None:
        await press(pilot, *names)

    return run


def typing(text: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Type this before the picture is taken."""

    async def run(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await type_text(pilot, text)

    return run


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=["80x24", "120x40", "200x60"])
@pytest.mark.parametrize("theme", ["textual-dark", "textual-light", "ansi-dark"])
def test_queue(snap_compare: Compare, size: tuple[int, int], theme: str) -> None:
    assert snap_compare(make_app(theme=theme), terminal_size=size, run_before=keys("j"))


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=["80x24", "120x40", "200x60"])
def test_detail(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(), terminal_size=size, run_before=keys("j", "j", "enter"))


def test_detail_below(snap_compare: Compare) -> None:
    assert snap_compare(make_app(), terminal_size=(90, 44), run_before=keys("j", "enter", "enter"))


def test_filter_with_error(snap_compare: Compare) -> None:
    assert snap_compare(make_app(), terminal_size=SMALL, run_before=typing("/state:R mem>lots "))


def test_filter_with_completions(snap_compare: Compare) -> None:
    assert snap_compare(make_app(), terminal_size=MIDDLE, run_before=typing("/st"))


def test_filter_that_hides_all(snap_compare: Compare) -> None:
    assert snap_compare(make_app(), terminal_size=SMALL, run_before=typing("/user:bob"))


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
def test_grouped_by_stage(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(), terminal_size=size, run_before=keys("o"))


def test_unfolded_array(snap_compare: Compare) -> None:
    names = ("G", "k", "k", "tab", "shift+down", "shift+down")
    assert snap_compare(make_app(), terminal_size=MIDDLE, run_before=keys(*names))


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
def test_help(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(), terminal_size=size, run_before=keys("question_mark"))


def test_columns(snap_compare: Compare) -> None:
    names = ("c", "j", "j", "j", "J", "plus", "down", "space")
    assert snap_compare(make_app(), terminal_size=SMALL, run_before=keys(*names))


def test_commands(snap_compare: Compare) -> None:
    assert snap_compare(make_app(), terminal_size=SMALL, run_before=keys("ctrl+p"))


def test_sort(snap_compare: Compare) -> None:
    assert snap_compare(make_app(), terminal_size=MIDDLE, run_before=keys("s"))


def test_confirm(snap_compare: Compare) -> None:
    assert snap_compare(make_app(), terminal_size=SMALL, run_before=keys("A", "x"))


def test_no_jobs(snap_compare: Compare) -> None:
    board = recorded_board(LIVE._replace(jobs=0), records=[])
    assert snap_compare(make_app(board), terminal_size=SMALL)


def test_no_answer_yet(snap_compare: Compare) -> None:
    board = recorded_board(STARTING, records=[])
    assert snap_compare(make_app(board), terminal_size=SMALL)


def test_not_permitted(snap_compare: Compare) -> None:
    private = Feature("private_data", False, "PrivateData=jobs")
    link = LIVE._replace(jobs=0, scope="all", features=(private,))
    app = make_app(recorded_board(link, records=[]))
    assert snap_compare(app, terminal_size=SMALL, run_before=keys("a", "a"))


@pytest.mark.parametrize(
    ("phase", "message", "hint"),
    [
        ("late", "no answer from slurmctld for 12 s, last data 21:03:58", ""),
        ("failing", "no answer from slurmctld for 2 min, last data 21:02:10, trying again",
         "squeue: Unable to contact slurm controller (connect failure)"),
        ("dead", "the collector ended (killed by SIGSEGV), starting it again in 4 s", ""),
    ],
    ids=["late", "failing", "dead"],
)  # fmt: skip
def test_banner(snap_compare: Compare, phase: Any, message: str, hint: str) -> None:
    link = LIVE._replace(phase=phase, message=message, hint=hint, last_answer_at=NOW - 132)
    assert snap_compare(make_app(recorded_board(link)), terminal_size=SMALL)


def test_ascii(snap_compare: Compare) -> None:
    app = make_app(ascii=True)
    assert snap_compare(app, terminal_size=MIDDLE, run_before=keys("j", "space", "enter"))


def test_no_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(make_app(), terminal_size=MIDDLE, run_before=keys("j", "space"))


def test_read_only(snap_compare: Compare) -> None:
    assert snap_compare(make_app(read_only=True), terminal_size=MIDDLE, run_before=keys("x"))


OUT_OF_MEMORY = Finding(
    "oom_host", 0.97, "HIGH", "out of host memory",
    "The kernel killed it for using more memory than the job asked for.",
    "Ask for more with --mem, from the limit upwards, or start fewer workers.", "raise_memory",
    "no", (Evidence("stderr", "/home/alice/9301.err", 412,
                    "slurmstepd: error: Detected 1 oom_kill event in StepId=9301.batch. Some of"
                    " the step tasks have been OOM Killed."),), "slurm:oom_kill",
)  # fmt: skip


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
def test_a_failure_explained(snap_compare: Compare, size: tuple[int, int]) -> None:
    board = recorded_board()
    failed = next(job for job in board.jobs.values() if job.state == "OUT_OF_MEMORY")
    board.set_findings(failed.job_id, [OUT_OF_MEMORY])
    app = make_app(board, filter_text=f"id:{failed.label}")
    assert snap_compare(app, terminal_size=size, run_before=keys("enter"))
