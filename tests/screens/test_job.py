"""The job screen: what keys do, what is asked and when, and how it looks."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from driving import Clock, lines_of, press
from job_world import (
    OUT,
    JobActions,
    job_app,
    job_board,
    job_screen,
    open_job,
    press_job,
    settle_job,
)
from jobshape.app.board.link import Feature
from jobshape.app.domain.errors import NotSupported, Unreachable
from jobshape.app.domain.job import AccountedJob, LogPaths, Usage
from jobshape.app.domain.log_part import MISSING
from jobshape.screens.queue import QueueScreen
from jobshape.screens.room import BoardChanged
from recorded import GIB, LIVE, NOW, job
from textual.pilot import Pilot

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=["80x24", "120x40", "200x60"])
TO_LOG, TO_SCRIPT, TO_STEPS = ("tab",), ("tab",) * 2, ("tab",) * 3
TO_DEPENDS, TO_HISTORY = ("tab",) * 4, ("tab",) * 5
Compare = Callable[..., bool]


def at(job_id: int, *names: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Go to a job and press these before the picture is taken."""

    async def run(pilot: Pilot[None]) -> None:
        await open_job(pilot, job_id, *names)

    return run


def shown(pilot: Pilot[None]) -> str:
    return "\n".join(lines_of(pilot))


async def board_changed(pilot: Pilot[None]) -> None:
    screen = job_screen(pilot)
    screen.post_message(BoardChanged(screen.board.revision))
    await settle_job(pilot)


# ---------------------------------------------------------------------- to and fro


async def test_i_opens_the_job_and_escape_leads_back_to_its_row() -> None:
    async with job_app().run_test(size=MIDDLE) as pilot:
        queue = await press(pilot, "j", "j")
        key = queue.table.cursor_key
        await pilot.press("i")
        await settle_job(pilot)
        assert job_screen(pilot).is_current
        assert job_screen(pilot).job.job_id == key
        await press_job(pilot, "escape")
        assert queue.is_current and queue.table.cursor_key == key


async def test_enter_goes_from_the_pane_beside_the_list_into_the_job() -> None:
    async with job_app().run_test(size=MIDDLE) as pilot:
        queue = await press(pilot, "j", "enter")
        assert queue.detail.is_open and not queue.detail.has_keys
        await press(pilot, "enter")
        assert queue.detail.has_keys
        await pilot.press("enter")
        await settle_job(pilot)
        assert job_screen(pilot).is_current
        await press_job(pilot, "escape")
        assert queue.is_current and queue.detail.is_open


async def test_a_group_has_no_job_screen() -> None:
    async with job_app().run_test(size=MIDDLE) as pilot:
        queue = await press(pilot, "o", "g", "i")
        assert queue.is_current
        assert "group" in shown(pilot)


async def test_tabs_go_round_both_ways() -> None:
    async with job_app().run_test(size=MIDDLE) as pilot:
        screen = await open_job(pilot, 9112)
        seen = [screen.tab]
        for key in ("tab", "]", "right", "l", "tab", "tab"):
            await press_job(pilot, {"]": "right_square_bracket"}.get(key, key))
            seen.append(screen.tab)
        assert seen == ["overview", "log", "script", "steps", "depends", "history", "overview"]
        await press_job(pilot, "shift+tab")
        assert screen.tab == "history"
        await pilot.click("#tabs", offset=(12, 0))
        await settle_job(pilot)
        assert screen.tab == "log"


async def test_enter_walks_the_dependencies_and_escape_walks_back() -> None:
    async with job_app().run_test(size=MIDDLE) as pilot:
        screen = await open_job(pilot, 9121, *TO_DEPENDS)
        assert "9120" in shown(pilot) and "9107" in shown(pilot)
        await press_job(pilot, "j", "enter")
        assert screen.job.job_id == 9107 and screen.tab == "depends"
        await press_job(pilot, "enter")
        walked = screen.job.job_id
        assert walked != 9107
        await press_job(pilot, "escape")
        assert screen.job.job_id == 9107
        await press_job(pilot, "escape")
        assert screen.job.job_id == 9121
        await press_job(pilot, "escape")
        assert isinstance(pilot.app.screen, QueueScreen)


# ---------------------------------------------------------------------- what is asked


async def test_only_what_is_seen_is_asked_and_once() -> None:
    actions = JobActions()
    async with job_app(actions=actions).run_test(size=MIDDLE) as pilot:
        await open_job(pilot, 9112)
        assert {name for name, _ in actions.asked} == {"detail"}
        await press_job(pilot, *TO_SCRIPT, "tab", "shift+tab", "shift+tab", "shift+tab", "tab")
        await press_job(pilot, "tab")
        assert (actions.count("script"), actions.count("steps"), actions.count("detail")) == (
            1, 1, 1,
        )  # fmt: skip


async def test_steps_of_a_running_job_are_asked_again_now_and_then() -> None:
    actions, clock = JobActions(), Clock()
    async with job_app(actions=actions, clock=clock).run_test(size=MIDDLE) as pilot:
        screen = await open_job(pilot, 9112, *TO_STEPS)
        for seconds, asked in ((10, 1), (25, 2), (10, 2)):
            clock.now += seconds
            screen.tick()
            await settle_job(pilot)
            assert actions.count("steps") == asked
        await open_job(pilot, 9301)
        clock.now += 100
        screen.tick()
        await settle_job(pilot)
        assert actions.count("steps") == 3


async def test_the_usage_of_a_running_job_is_wanted_while_it_is_shown() -> None:
    actions = JobActions()
    async with job_app(actions=actions).run_test(size=MIDDLE) as pilot:
        await open_job(pilot, 9112)
        assert actions.attention[-1] == (True, ("9112",))
        await press_job(pilot, "escape")
        assert actions.attention[-1] == (True, ())
        await open_job(pilot, 9304)
        assert actions.attention[-1] == (True, ())


async def test_a_new_sample_moves_the_plot_and_not_the_detail() -> None:
    board = job_board(gpu=False)
    async with job_app(board).run_test(size=MIDDLE) as pilot:
        screen = await open_job(pilot, 9112, "j", "j", "j")
        before, top = shown(pilot), screen.about.scroll_offset.y
        assert top > 0
        board.set_usage([Usage(9112, NOW, 63 * GIB, 30 * GIB, 60_000.0)])
        await board_changed(pilot)
        assert "63G of 64G (98 %)" in shown(pilot) and "63G of 64G (98 %)" not in before
        assert screen.about.scroll_offset.y == top


async def test_nothing_new_paints_nothing() -> None:
    async with job_app().run_test(size=MIDDLE) as pilot:
        screen = await open_job(pilot, 9112)
        painted: list[object] = []
        screen.plots.refresh = lambda *regions, **_: painted.append(regions)  # type: ignore[method-assign]
        await board_changed(pilot)
        assert painted == []


async def test_a_job_that_ends_is_told_and_no_more_watched() -> None:
    board, actions = job_board(), JobActions()
    clock = Clock()
    async with job_app(board, actions, clock=clock).run_test(size=MIDDLE) as pilot:
        screen = await open_job(pilot, 9112)
        ended = board.jobs[9112]._replace(state="OUT_OF_MEMORY", end_time=NOW)
        clock.now += 60
        board.change_jobs([ended])
        await board_changed(pilot)
        assert screen.watched == () and actions.attention[-1] == (True, ())
        assert "OUT_OF_MEMORY" in lines_of(pilot)[1]
        assert actions.count("detail") == 2
        board.change_jobs([], [9112])
        await board_changed(pilot)
        assert "not on the list any more" in shown(pilot)
        await press_job(pilot, "x")
        assert "not on the list any more" in lines_of(pilot)[-2]


async def test_stored_samples_and_seen_ones_are_one_plot() -> None:
    async with job_app().run_test(size=MIDDLE) as pilot:
        await open_job(pilot, 9304)
        assert "Memory 17G of 16G" in shown(pilot)
        await open_job(pilot, 9305)
        assert "No figures over time are kept" in shown(pilot)


# ---------------------------------------------------------------------- the log


async def test_the_log_of_this_machine_is_followed_and_searched(tmp_path: Path) -> None:
    out, err = tmp_path / "9112.out", tmp_path / "9112.err"
    out.write_text("".join(f"step {n}\n" for n in range(500)) + "ValueError: bad\nafter it\n")
    err.write_text("only this\n")
    actions = JobActions()
    actions.answers["log_paths"] = LogPaths(str(out), str(err), "/dev/null")
    clock = Clock()
    app = job_app(actions=actions, clock=clock, through_site=False)
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await open_job(pilot, 9112, "L")
        assert "after it" in shown(pilot) and not re.search(r"step 0\s", shown(pilot))
        with out.open("a") as file:
            file.write("news\n")
        clock.now += 5
        screen.tick()
        await settle_job(pilot)
        assert "news" in shown(pilot)
        await press_job(pilot, "g")
        assert re.search(r"step 0\s", shown(pilot)) and "news" not in shown(pilot)
        await press_job(pilot, "E")
        assert "ValueError: bad" in shown(pilot)
        await press_job(pilot, "slash", *"step", "space", "7", "7", "enter")
        assert "step 77" in shown(pilot)
        await press_job(pilot, "s")
        assert screen.log_tab.stream == "stderr" and "only this" in shown(pilot)
        await press_job(pilot, "slash", "q", "escape", "G", "w", "number_sign")
        assert screen.is_current and screen.tab == "log"
        assert actions.count("read_log") == 0


async def test_the_log_of_a_site_behind_ssh_is_read_by_the_site() -> None:
    actions = JobActions()
    async with job_app(actions=actions).run_test(size=MIDDLE) as pilot:
        await open_job(pilot, 9112, "L")
        assert "OutOfMemoryError" in shown(pilot)
        assert actions.count("read_log") > 0
        asked = [arguments for name, arguments in actions.asked if name == "read_log"]
        assert {one["on_node_of"] for one in asked} == {""}
        await press_job(pilot, "o")
        assert actions.asked[-1][1]["on_node_of"] == "9112"


async def test_streams_that_are_one_file_are_shown_as_one() -> None:
    actions = JobActions()
    actions.answers["log_paths"] = LogPaths(OUT, OUT, "")
    async with job_app(actions=actions).run_test(size=MIDDLE) as pilot:
        await open_job(pilot, 9112, "L")
        assert "[stdout and stderr]" in shown(pilot)
        await press_job(pilot, "s")
        assert "stdout and stderr are one file" in lines_of(pilot)[-2]


async def test_a_log_that_is_not_there_yet_and_one_that_never_will_be() -> None:
    actions = JobActions()
    actions.logs[OUT].state = MISSING
    async with job_app(actions=actions).run_test(size=MIDDLE) as pilot:
        screen = await open_job(pilot, 9201, "L")
        assert "not there yet" in shown(pilot)
        actions.answers["log_paths"] = LogPaths("", "", "")
        await open_job(pilot, 9202)
        assert screen.tab == "log" and "it writes no log" in shown(pilot)
        await press_job(pilot, "E")
        assert "there is no log to show" in lines_of(pilot)[-2]
        actions.fails["log_paths"] = NotSupported("accounting here keeps no log paths")
        await open_job(pilot, 9301)
        assert "accounting here keeps no log paths" in shown(pilot)


async def test_another_jobs_log_begins_with_its_stdout() -> None:
    async with job_app().run_test(size=MIDDLE) as pilot:
        screen = await open_job(pilot, 9112, "L", "s")
        assert "nothing to see" in shown(pilot)
        await open_job(pilot, 9107)
        assert screen.log_tab.stream == "stdout" and "OutOfMemoryError" in shown(pilot)


async def test_a_search_typed_ahead_goes_into_the_search() -> None:
    async with job_app().run_test(size=MIDDLE) as pilot:
        screen = await open_job(pilot, 9112, "L")
        await pilot.press("slash", *"epoch", "space", "1", "1", "enter")
        await settle_job(pilot)
        assert screen.is_current and screen.search_bar.text == "epoch 11"


async def test_the_end_of_a_job_does_not_move_the_log_that_is_read() -> None:
    board, actions = job_board(), JobActions()
    async with job_app(board, actions).run_test(size=SMALL) as pilot:
        screen = await open_job(pilot, 9112, "L", "g")
        assert "Loading modules" in shown(pilot)
        board.change_jobs([board.jobs[9112]._replace(state="FAILED", end_time=NOW)])
        await board_changed(pilot)
        assert "FAILED" in lines_of(pilot)[1] and "Loading modules" in shown(pilot)
        await press_job(pilot, "o")
        assert "only a running job's log" in lines_of(pilot)[-2]
        assert screen.log_tab.view is not None and not screen.log_tab.view.state.through_node


async def test_keys_of_the_log_say_where_they_work() -> None:
    async with job_app().run_test(size=MIDDLE) as pilot:
        await open_job(pilot, 9112, "E")
        assert "go to the log first (L)" in lines_of(pilot)[-2]


# ---------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("tab", [0, 2, 3])
async def test_what_cannot_be_had_says_why_in_its_place(tab: int) -> None:
    actions = JobActions()
    for method in ("detail", "script", "steps"):
        actions.fails[method] = Unreachable("no answer for 20 s", hint="try: scontrol ping")
    async with job_app(actions=actions).run_test(size=MIDDLE) as pilot:
        await open_job(pilot, 9112, *["tab"] * tab)
        assert "Unreachable: no answer for 20 s" in " ".join(shown(pilot).split())
        assert "ping)" in shown(pilot)


async def test_a_job_without_a_script_says_so() -> None:
    actions = JobActions(script="")
    async with job_app(actions=actions).run_test(size=SMALL) as pilot:
        await open_job(pilot, 9112, *TO_SCRIPT)
        assert "no script: it was started without one" in shown(pilot)


async def test_without_history_the_lineage_says_so() -> None:
    async with job_app(past=None).run_test(size=SMALL) as pilot:
        await open_job(pilot, 9112, *TO_HISTORY)
        assert "no history of this job yet" in shown(pilot)


async def test_nothing_of_a_job_is_obeyed_by_the_terminal() -> None:
    async with job_app().run_test(size=LARGE) as pilot:
        for tab in range(6):
            await open_job(pilot, 9112, *["tab"] * (tab > 0))
            assert "\x1b" not in shown(pilot)
        await open_job(pilot, 9121)
        assert "publish [bold]x[/]" in lines_of(pilot)[1]


async def test_a_job_that_nobody_knows_is_shown_as_far_as_it_goes() -> None:
    actions = JobActions()
    actions.fails["detail"] = NotSupported("no job 4711 in the queue")
    actions.fails["accounting"] = NotSupported("no accounting here")
    async with job_app(actions=actions).run_test(size=SMALL) as pilot:
        await open_job(pilot, 4711)
        assert "4711" in lines_of(pilot)[1] and "no job 4711" in shown(pilot)
        await press_job(pilot, *TO_DEPENDS, "j", "enter", "tab")


async def test_a_job_that_left_the_list_is_known_to_accounting() -> None:
    actions = JobActions()
    record = job(4711, "TIMEOUT", name="long ago")
    actions.answers["accounting"] = [AccountedJob(record, 60, 1.0, GIB, "0:0")]
    async with job_app(actions=actions).run_test(size=SMALL) as pilot:
        await open_job(pilot, 4711)
        assert "long ago" in lines_of(pilot)[1] and "TIMEOUT" in lines_of(pilot)[1]


async def test_acting_on_the_job_asks_and_does_it() -> None:
    actions = JobActions()
    async with job_app(actions=actions).run_test(size=MIDDLE) as pilot:
        await open_job(pilot, 9112)
        await pilot.press("H")
        await settle_job(pilot)
        assert "not pending" in lines_of(pilot)[-2]
        await pilot.press("x")
        await pilot.pause()
        assert "Cancel 1 job?" in shown(pilot)
        await pilot.press("y")
        await settle_job(pilot)
        assert ("cancel", {"job": "9112"}) in actions.asked


async def test_a_read_only_session_has_no_keys_that_change_jobs() -> None:
    actions = JobActions()
    async with job_app(actions=actions, read_only=True).run_test(size=MIDDLE) as pilot:
        await open_job(pilot, 9112, "x")
        assert "read-only" in lines_of(pilot)[-2]
        assert actions.count("cancel") == 0


# ---------------------------------------------------------------------- pictures


@SIZES
def test_overview(snap_compare: Compare, pinned: None, size: tuple[int, int]) -> None:
    assert snap_compare(job_app(), terminal_size=size, run_before=at(9112))


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark"])
def test_overview_in_another_theme(snap_compare: Compare, pinned: None, theme: str) -> None:
    assert snap_compare(job_app(theme=theme), terminal_size=MIDDLE, run_before=at(9112))


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
def test_overview_in_ascii(snap_compare: Compare, pinned: None, size: tuple[int, int]) -> None:
    assert snap_compare(job_app(ascii=True), terminal_size=size, run_before=at(9112))


def test_overview_without_gpu_figures(snap_compare: Compare, pinned: None) -> None:
    why = Feature("gpu_usage", False, "not among AccountingStorageTRES",
                  "ask for gres/gpuutil,gres/gpumem in AccountingStorageTRES")  # fmt: skip
    board = job_board(gpu=False, link=LIVE._replace(features=(why,)))
    assert snap_compare(job_app(board), terminal_size=SMALL, run_before=at(9112))


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
def test_ended_job(snap_compare: Compare, pinned: None, size: tuple[int, int]) -> None:
    assert snap_compare(job_app(), terminal_size=size, run_before=at(9304))


def test_pending_job(snap_compare: Compare, pinned: None) -> None:
    assert snap_compare(job_app(), terminal_size=SMALL, run_before=at(9201))


@SIZES
def test_script(snap_compare: Compare, pinned: None, size: tuple[int, int]) -> None:
    assert snap_compare(job_app(), terminal_size=size, run_before=at(9112, *TO_SCRIPT))


def test_script_in_a_light_theme(snap_compare: Compare, pinned: None) -> None:
    app = job_app(theme="textual-light")
    assert snap_compare(app, terminal_size=SMALL, run_before=at(9112, *TO_SCRIPT))


def test_script_that_cannot_be_had(snap_compare: Compare, pinned: None) -> None:
    actions = JobActions()
    actions.fails["script"] = NotSupported(
        "job script retrieval failed: Access/permission denied", hint="only its owner may read it"
    )
    app = job_app(actions=actions)
    assert snap_compare(app, terminal_size=SMALL, run_before=at(9112, *TO_SCRIPT))


@SIZES
def test_log(snap_compare: Compare, pinned: None, size: tuple[int, int]) -> None:
    assert snap_compare(job_app(), terminal_size=size, run_before=at(9112, "L", "E"))


def test_search_in_a_log(snap_compare: Compare, pinned: None) -> None:
    names = ("L", "slash", *"top1")
    assert snap_compare(job_app(), terminal_size=SMALL, run_before=at(9112, *names))


@SIZES
def test_steps(snap_compare: Compare, pinned: None, size: tuple[int, int]) -> None:
    assert snap_compare(job_app(), terminal_size=size, run_before=at(9112, *TO_STEPS))


@SIZES
def test_dependencies(snap_compare: Compare, pinned: None, size: tuple[int, int]) -> None:
    assert snap_compare(job_app(), terminal_size=size, run_before=at(9121, *TO_DEPENDS))


@pytest.mark.parametrize("job_id", [9122, 9123, 9107])
def test_dependencies_of_other_kinds(snap_compare: Compare, pinned: None, job_id: int) -> None:
    app = job_app(ascii=job_id == 9123)
    assert snap_compare(app, terminal_size=SMALL, run_before=at(job_id, *TO_DEPENDS))


@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["80x24", "120x40"])
def test_lineage(snap_compare: Compare, pinned: None, size: tuple[int, int]) -> None:
    assert snap_compare(job_app(), terminal_size=size, run_before=at(9112, *TO_HISTORY))
