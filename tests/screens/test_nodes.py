"""The nodes screen: what keys do, what updates do not do, what it costs, and how it looks."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from driving import LONGEST_S, Clock, lines_of, make_app
from jobshape.app.board.board import Board
from jobshape.app.board.link import STARTING
from jobshape.app.board.node_groups import NodeGroup
from jobshape.app.domain.site import Node
from jobshape.app.tui import JobshapeApp
from jobshape.screens.nodes import NodesScreen
from jobshape.screens.queue import QueueScreen
from jobshape.screens.room import BoardChanged
from jobshape.widgets.glyphs import ASCII, UNICODE
from jobshape.widgets.node_cells import Measure, cell_of, share_of, sign_of
from jobshape.widgets.node_layout import GridLayout
from nodes_board import many_nodes, my_jobs, site_board
from recorded import GIB, LIVE, NOW, RecordedActions, recorded_board
from terminal import Terminal
from textual.pilot import Pilot

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
BYTES_A_KEY = 700
"""DESIGN.md, Budgets."""

Compare = Callable[..., bool]


async def rest(pilot: Pilot[None]) -> NodesScreen:
    """Wait until the nodes screen has nothing left to do."""
    deadline = asyncio.get_running_loop().time() + LONGEST_S
    while asyncio.get_running_loop().time() < deadline:
        await pilot.pause()
        screen = next(s for s in reversed(pilot.app.screen_stack) if isinstance(s, NodesScreen))
        if screen.is_settled:
            return screen
    raise AssertionError("the screen never came to rest")


async def press(pilot: Pilot[None], *keys: str) -> NodesScreen:
    """Open the nodes if they are not, then press keys, each on a screen at rest."""
    if not any(isinstance(s, NodesScreen) for s in pilot.app.screen_stack):
        await pilot.pause()
        await pilot.press("3")
    screen = await rest(pilot)
    for key in keys:
        await pilot.press(key)
        screen = await rest(pilot)
    return screen


async def type_text(pilot: Pilot[None], text: str) -> NodesScreen:
    names = {":": "colon", " ": "space", "/": "slash", "-": "minus", "=": "equals_sign"}
    return await press(pilot, *(names.get(char, char) for char in text))


async def changed(pilot: Pilot[None]) -> NodesScreen:
    """Tell the screen that the board has something newer."""
    screen = await rest(pilot)
    screen.post_message(BoardChanged(screen.board.revision))
    return await rest(pilot)


def text_of(pilot: Pilot[None]) -> str:
    return "\n".join(lines_of(pilot))


# ---------------------------------------------------------------------- going there and moving


async def test_three_goes_to_the_nodes_and_one_back() -> None:
    app = make_app(site_board(60))
    async with app.run_test(size=SMALL) as pilot:
        screen = await press(pilot)
        assert screen.grid.count == 60
        assert "60 nodes" in lines_of(pilot)[0]
        await pilot.press("1")
        await pilot.pause()
        assert isinstance(app.screen, QueueScreen)
        await pilot.press("3")
        assert await rest(pilot) is screen  # made once


async def test_the_cursor_moves_in_two_dimensions() -> None:
    async with make_app(site_board(60)).run_test(size=SMALL) as pilot:
        screen = await press(pilot)
        grid = screen.grid
        assert grid.form == "tile"
        assert grid.cursor_name == "n001"
        for key, name in (
            ("l", "n002"), ("right", "n004"), ("j", "n013"), ("k", "n004"), ("h", "n002"),
            ("G", "d060"), ("g", "n001"), ("end", "d060"), ("k", "g057"), ("k", "g039"),
            ("home", "n001"),
        ):  # fmt: skip
            await press(pilot, key)
            assert grid.cursor_name == name, key


async def test_the_column_is_kept_over_a_short_line() -> None:
    async with make_app(site_board(60)).run_test(size=SMALL) as pilot:
        screen = await press(pilot, *["l"] * 5)
        assert screen.grid.cursor_name == "n008"
        for _ in range(9):
            await press(pilot, "j")
        assert screen.grid.cursor_name == "g054"  # over a line of four nodes, back in column 6
        await press(pilot, "j")
        assert screen.grid.cursor_name == "g057"


async def test_next_problem_goes_round() -> None:
    async with make_app(site_board(60)).run_test(size=SMALL) as pilot:
        screen = await press(pilot)
        seen = []
        for _ in range(8):
            await press(pilot, "n")
            seen.append(screen.grid.cursor_name)
        assert seen == ["n004", "n032", "g012", "g015", "g024", "g030", "g045", "n004"]
        await press(pilot, "N")
        assert screen.grid.cursor_name == "g045"


async def test_a_click_moves_the_cursor_and_a_second_opens() -> None:
    async with make_app(site_board(60)).run_test(size=SMALL) as pilot:
        screen = await press(pilot)
        y = next(n for n, line in enumerate(lines_of(pilot)) if "g012" in line)
        x = lines_of(pilot)[y].index("g012")
        await pilot.click(offset=(x, y))
        assert screen.grid.cursor_name == "g012"
        await pilot.click(offset=(x, y), times=2)
        await rest(pilot)
        assert screen.detail.is_open


# ---------------------------------------------------------------------- updates


async def test_updates_do_not_move_the_cursor() -> None:
    board = site_board(500)
    async with make_app(board).run_test(size=SMALL) as pilot:
        screen = await press(pilot, "G", "k", "k", "h")
        name, line = screen.grid.cursor_name, screen.grid.cursor_line - screen.grid.top
        board.set_nodes([one._replace(state="DOWN") for one in list(board.nodes.values())[::7]])
        await changed(pilot)
        assert (screen.grid.cursor_name, screen.grid.cursor_line - screen.grid.top) == (name, line)
        gone = [one for one in board.nodes if one != name][:200]
        board.set_nodes((), gone)
        await changed(pilot)
        assert screen.grid.cursor_name == name
        assert screen.grid.count == 300
        board.set_nodes(many_nodes(900))
        await changed(pilot)
        assert screen.grid.cursor_name == name


async def test_a_cursor_in_a_long_grid_keeps_its_height() -> None:
    board = site_board(5_000)
    async with make_app(board).run_test(size=SMALL) as pilot:
        screen = await press(pilot, "pagedown", "pagedown", "j")
        grid = screen.grid
        assert grid.top > 0
        name, line = grid.cursor_name, grid.cursor_line - grid.top
        board.set_nodes((), [one for one in board.nodes if one.startswith("n0")])
        await changed(pilot)
        assert (grid.cursor_name, grid.cursor_line - grid.top) == (name, line)


async def test_where_a_node_went_the_next_one_takes_its_place() -> None:
    board = site_board(60)
    async with make_app(board).run_test(size=SMALL) as pilot:
        screen = await press(pilot, "l", "l")
        assert screen.grid.cursor_name == "n004"
        board.set_nodes((), ["n004"])
        await changed(pilot)
        assert screen.grid.cursor_name == "n005"
        board.set_nodes((), list(board.nodes))
        await changed(pilot)
        assert screen.grid.cursor_name is None
        assert "No nodes are known yet" in text_of(pilot)
        await press(pilot, "j", "enter", "n", "y", "c", "u", "p", "f", "escape")


async def test_counts_and_cells_follow_the_board() -> None:
    board = site_board(60)
    async with make_app(board).run_test(size=SMALL) as pilot:
        await press(pilot)
        assert " 4 idle" in lines_of(pilot)[1]
        board.set_nodes([board.nodes["n001"]._replace(state="MIXED", cpus_allocated=48)])
        await changed(pilot)
        assert " 3 idle" in lines_of(pilot)[1]
        assert "n001 ▄  50%" in text_of(pilot)


async def test_nothing_changed_paints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    board = site_board(500)
    async with make_app(board).run_test(size=LARGE) as pilot:
        screen = await press(pilot, "j")
        painted: list[int] = []
        monkeypatch.setattr(
            screen.grid, "refresh", lambda *regions, **_: painted.append(len(regions))
        )
        await changed(pilot)
        same = board.nodes["n001"]._replace(cpu_load=0.123)  # not what the cells show
        board.set_nodes([same])
        await changed(pilot)
        assert painted == []
        board.set_nodes([same._replace(state="DOWN")])
        await changed(pilot)
        assert painted == [2]  # its line and its heading


# ---------------------------------------------------------------------- what is shown


async def test_c_and_u_choose_what_the_cells_show() -> None:
    async with make_app(site_board(60)).run_test(size=MIDDLE) as pilot:
        screen = await press(pilot)
        titles = []
        for key in ("c", "c", "c", "u", "c"):
            await press(pilot, key)
            titles.append(screen.grid.measure.title)
        assert titles == [
            "memory allocated", "GPUs allocated", "CPUs allocated", "CPU load",
            "memory in use (with file cache)",
        ]  # fmt: skip
        await press(pilot, "c", "u")
        assert "does not say how busy" in text_of(pilot)


async def test_without_gpus_there_are_two_things_to_show() -> None:
    board = site_board(60)
    board.set_nodes((), [name for name in board.nodes if name.startswith("g")])
    async with make_app(board).run_test(size=SMALL) as pilot:
        screen = await press(pilot, "c", "c")
        assert screen.grid.measure == Measure("cpu")


def test_shares_say_what_they_are_and_nothing_unknown_is_zero() -> None:
    one = many_nodes(60)[1]
    assert share_of(one, Measure("cpu")) == pytest.approx(32 / 96)
    assert share_of(one, Measure("gpu")) is None
    assert share_of(one._replace(cpu_load=None), Measure("cpu", used=True)) is None
    assert share_of(one._replace(memory_free_bytes=96 * GIB), Measure("memory", used=True)) == 0.75
    assert cell_of(one._replace(cpus_allocated=None), Measure(), UNICODE).sign == "-"
    assert cell_of(one, Measure("gpu"), UNICODE).sign == " "
    assert cell_of(one._replace(state="MIXED+DRAIN"), Measure(), UNICODE).sign == "d"


def test_signs_grow_and_only_all_is_full() -> None:
    shares = (0, 0.001, 0.124, 0.126, 0.5, 0.99, 1, 1.7)
    assert [sign_of(share, UNICODE) for share in shares] == list("·▁▁▁▄▇██")
    assert [sign_of(share, ASCII) for share in shares] == list(".11159##")


def test_every_node_has_a_cell_at_any_size() -> None:
    group = [NodeGroup(("cpu",), tuple(f"node{n:05d}" for n in range(777))), NodeGroup((), ("x",))]
    for width, height in ((20, 3), (79, 20), (119, 36), (199, 56), (1, 1)):
        grid = GridLayout(group, width, height)
        spots = {}
        for index in range(778):
            line = grid.line_of(index)
            x = grid.indent + grid.column_of(index) * grid.cell
            assert grid.node_at(line, x) == index
            assert (line, x) not in spots
            spots[line, x] = index
            assert x + 1 <= width or grid.per_line == 1


async def test_problems_with_slurms_reason_and_my_jobs() -> None:
    async with make_app(site_board(60)).run_test(size=MIDDLE) as pilot:
        screen = await press(pilot, "p")
        lines = lines_of(pilot)[2:-3]
        assert lines[0].split()[:5] == ["g012", "down", "26m", "none", "Not"]
        assert any("n004" in line and "1 running" in line for line in lines)
        assert "\x1b" not in "".join(lines)
        assert screen.node is not None and screen.node.name == "g012"
        await press(pilot, "j", "enter")
        assert "waiting for the vendor" in text_of(pilot)
        await press(pilot, "escape", "escape")
        assert screen.view == "grid"


async def test_problems_follow_the_board_and_keep_the_cursor() -> None:
    board = site_board(60)
    async with make_app(board).run_test(size=MIDDLE) as pilot:
        screen = await press(pilot, "p", "j", "j")
        name = screen.problems.key
        board.set_nodes([board.nodes["d060"]._replace(state="DOWN", reason="cable")])
        await changed(pilot)
        assert screen.problems.key == name and len(screen.problems.rows) == 8
        assert "cable" in text_of(pilot)


async def test_which_pending_jobs_fit_now() -> None:
    board = site_board(60)
    async with make_app(board).run_test(size=LARGE) as pilot:
        screen = await press(pilot, "f")
        said = {row.key: [text for text, _ in row.cells] for row in screen.fits.rows}
        assert {key: row[2] for key, row in said.items()} == {
            "4102": "fits", "4103": "stuck", "4104": "fits", "4106": "fits",
            "4101": "no room", "4105": "no room", "4107": "no room",
        }  # fmt: skip
        assert said["4107"][-1] == "partition debug is down"
        assert "held by its owner" in said["4103"][-1]
        idle = [one for one in board.nodes.values() if one.name.startswith("g")]
        h100 = next(one for one in idle if one.gpu_types.startswith("h100") and one.usable)
        board.set_nodes([h100._replace(state="IDLE", cpus_allocated=0, gpus_allocated=0,
                                       memory_allocated_bytes=0)])  # fmt: skip
        await changed(pilot)
        said = {row.key: [text for text, _ in row.cells] for row in screen.fits.rows}
        assert said["4101"][2] == "fits" and h100.name in said["4101"][-1]


async def test_enter_on_a_pending_job_shows_where_it_fits() -> None:
    async with make_app(site_board(60)).run_test(size=MIDDLE) as pilot:
        screen = await press(pilot, "f", "j", "enter")
        assert screen.view == "grid"
        assert screen.grid.highlight and screen.grid.cursor_name in screen.grid.highlight
        assert "where 4103 fits" in text_of(pilot)
        await press(pilot, "escape")
        assert screen.grid.highlight is None


async def test_the_detail_of_a_node() -> None:
    async with make_app(site_board(60)).run_test(size=MIDDLE) as pilot:
        screen = await press(pilot, "enter")
        while screen.grid.cursor_name != "g015":
            await press(pilot, "n")
        text = text_of(pilot)
        assert "No new jobs start here; those that run go on" in text
        assert "GPU 3 fell off the bus" in text and "\x1b" not in text
        assert "512G of 512G, 0 free" in text
        assert "Jobs here: 2, 1 of them mine" in text
        assert "●4001" in text and "4003 bob" in text
        await press(pilot, "enter", "j", "escape", "escape")
        assert not screen.detail.is_open


async def test_the_detail_says_which_of_my_jobs_fit() -> None:
    async with make_app(site_board(60)).run_test(size=LARGE) as pilot:
        screen = await press(pilot, "enter")
        assert screen.node is not None and screen.node.name == "n001"
        text = text_of(pilot)
        assert "4102   " not in text
        assert "4103" not in text.split("My pending jobs")[1].split("not:")[0]  # n001 has no ib
        assert "no feature ib" in text
        assert "4104 on-n045" in text


async def test_its_jobs_in_the_queue() -> None:
    app = make_app(site_board(60))
    async with app.run_test(size=MIDDLE) as pilot:
        await press(pilot, "l", "l", "l")
        await pilot.press("o")
        await pilot.pause()
        queue = app.screen
        assert isinstance(queue, QueueScreen)
        assert queue.view.query.text == "node=n005"
        for _ in range(100):
            await pilot.pause()
            if queue.is_settled:
                break
        assert [queue.view.row(n).job.job_id for n in range(len(queue.view))] == [4002]


# ---------------------------------------------------------------------- the filter


async def test_filter_as_typed() -> None:
    async with make_app(site_board(60)).run_test(size=SMALL) as pilot:
        screen = await type_text(pilot, "/state:d")
        assert screen.grid.count < 60
        screen = await type_text(pilot, "rain")
        assert screen.grid.standings.total() == screen.grid.count == 2
        assert "2 of 60 nodes" in text_of(pilot)
        await press(pilot, "enter")
        assert "filter state:drain" in text_of(pilot)
        await press(pilot, "escape")
        assert screen.grid.count == 60


async def test_a_filter_that_is_wrong_says_so_and_hides_nothing() -> None:
    async with make_app(site_board(60)).run_test(size=SMALL) as pilot:
        screen = await type_text(pilot, "/colour:red")
        assert "unknown key 'colour'" in text_of(pilot)
        await press(pilot, "enter")
        assert screen.filter_bar.is_open
        await press(pilot, "escape")
        assert screen.grid.count == 60 and not screen.filter_bar.is_open


async def test_a_filter_by_state_follows_the_board() -> None:
    board = site_board(60)
    async with make_app(board).run_test(size=SMALL) as pilot:
        screen = await type_text(pilot, "/state:idle")
        await press(pilot, "enter")
        count = screen.grid.count
        board.set_nodes([board.nodes["n001"]._replace(state="MIXED", cpus_allocated=8)])
        await changed(pilot)
        assert screen.grid.count == count - 1


async def test_a_filter_that_hides_all_says_so() -> None:
    async with make_app(site_board(60)).run_test(size=SMALL) as pilot:
        await type_text(pilot, "/zzz")
        assert "The filter hides all 60 nodes" in text_of(pilot)
        assert "0 of 60 nodes" in lines_of(pilot)[0]


# ---------------------------------------------------------------------- one node, and many


def one_machine() -> Board:
    """The local site: one node in every partition."""
    link = LIVE._replace(backend="local", cluster="local", scheduler_version="", source="local")
    board = recorded_board(link, my_jobs()[:1])
    board.set_nodes((), list(board.nodes))
    parts = tuple(board.partitions)
    board.set_nodes([Node("laptop", "MIXED", "", parts, 8, 4, 2.5, 16 * GIB, 8 * GIB, 3 * GIB, 0, 0,
                          "", "")])  # fmt: skip
    return board


async def test_the_local_site() -> None:
    async with make_app(one_machine()).run_test(size=SMALL) as pilot:
        screen = await press(pilot, "enter")
        assert screen.grid.count == 1
        text = text_of(pilot)
        assert "load 2.5 on 8 CPUs" in text and "13G of 16G" in text and "cache" not in text


@pytest.fixture(scope="module")
def large() -> Iterator[tuple[Terminal, int]]:
    """5,000 nodes in a real terminal, and a hand on the board."""
    receiver, sender = os.pipe()
    os.set_inheritable(receiver, True)
    script = str(Path(__file__).parent / "nodes_app.py")
    with Terminal([sys.executable, script, "5000"], columns=160, rows=48, env={
        "BOARD_APP_FD": str(receiver), "TZ": "UTC", "LC_ALL": "C.UTF-8",
    }) as terminal:  # fmt: skip
        os.close(receiver)
        terminal.wait_for("by submitted", 60)
        terminal.press("3")
        terminal.wait_for("Nodes on", 20)
        yield terminal, sender
    os.close(sender)


def spent(terminal: Terminal, key: str = "", sender: int = -1, command: str = "") -> int:
    terminal.wait_quiet(0.3)
    before = terminal.bytes_seen
    if key:
        terminal.press(key)
    if command:
        os.write(sender, f"{command}\n".encode())
    terminal.watch(0.3)
    terminal.wait_quiet(0.3)
    return terminal.bytes_seen - before


def test_a_cursor_key_with_5000_nodes_writes_few_bytes(large: tuple[Terminal, int]) -> None:
    terminal, sender = large
    for key in ("right", "l", "down", "j", "up"):
        assert 0 < spent(terminal, key) <= BYTES_A_KEY
    assert spent(terminal, sender=sender, command="same") == 0
    assert 0 < spent(terminal, sender=sender, command="change 20") <= 4096


# ---------------------------------------------------------------------- pictures


def keys(*names: str) -> Callable[[Pilot[None]], Awaitable[None]]:
    async def run(pilot: Pilot[None]) -> None:
        await press(pilot, *names)

    return run


def app_of(count: int, **more: object) -> JobshapeApp:
    return make_app(site_board(count), clock=Clock(NOW), **more)  # type: ignore[arg-type]


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=["80x24", "120x40", "200x60"])
def test_picture_of_500(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_of(500), terminal_size=size, run_before=keys("j", "l", "l"))


@pytest.mark.usefixtures("pinned")
def test_picture_in_light(snap_compare: Compare) -> None:
    app = app_of(500, theme="textual-light")
    assert snap_compare(app, terminal_size=MIDDLE, run_before=keys("j", "l", "enter"))


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize(
    ("size", "count", "pressed"),
    [
        pytest.param(SMALL, 60, "j l", id="tiles"),
        pytest.param(MIDDLE, 500, "c c j", id="gpus"),
        pytest.param(MIDDLE, 60, "u", id="load"),
        pytest.param(LARGE, 5_000, "n enter", id="5000-with-detail"),
        pytest.param(SMALL, 5_000, "j j l", id="5000-80x24"),
        pytest.param(SMALL, 60, "n n n n enter", id="detail-full"),
        pytest.param(MIDDLE, 60, "n n n n enter", id="detail-side"),
        pytest.param((90, 50), 60, "n n n n enter", id="detail-below"),
        pytest.param(SMALL, 60, "p j", id="problems-80x24"),
        pytest.param(LARGE, 500, "p j", id="problems-200x60"),
        pytest.param(SMALL, 60, "f j", id="fits-80x24"),
        pytest.param(MIDDLE, 60, "f", id="fits-120x40"),
        pytest.param(SMALL, 500, "f j enter", id="where-it-fits"),
        pytest.param(SMALL, 60, "slash s t a t e colon d", id="filter"),
    ],
)
def test_picture(snap_compare: Compare, size: tuple[int, int], count: int, pressed: str) -> None:
    assert snap_compare(app_of(count), terminal_size=size, run_before=keys(*pressed.split()))


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("count", [60, 500])
def test_picture_ascii(snap_compare: Compare, count: int) -> None:
    app = app_of(count, ascii=True, theme="ansi-dark")
    assert snap_compare(app, terminal_size=SMALL, run_before=keys("j", "l"))


@pytest.mark.usefixtures("pinned")
def test_picture_without_colour(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(app_of(500), terminal_size=SMALL, run_before=keys("j", "l"))


@pytest.mark.usefixtures("pinned")
def test_picture_of_no_nodes(snap_compare: Compare) -> None:
    board = recorded_board(STARTING, records=[])
    board.set_nodes((), list(board.nodes))
    assert snap_compare(make_app(board), terminal_size=SMALL, run_before=keys())


@pytest.mark.usefixtures("pinned")
def test_picture_of_one_machine(snap_compare: Compare) -> None:
    app = make_app(one_machine(), actions=RecordedActions())
    assert snap_compare(app, terminal_size=MIDDLE, run_before=keys("enter"))
