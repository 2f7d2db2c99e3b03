"""The log view: pictures of every state, and what its keys do to real files."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from driving import Clock, lines_of
from jobshape.app.collector.calls import typed_arguments, typed_result
from jobshape.app.collector.plain import to_plain
from jobshape.app.domain.log_part import MISSING, NO_FOLDER, UNREADABLE, LogPart
from jobshape.app.logs.source import LocalFile, read_file
from jobshape.screens.log_sources import log_of_site
from jobshape.widgets.log_feed import THREAD_NAME
from jobshape.widgets.log_view import LogView
from log_app import LogApp, RecordedLog, settled, training_log, view_of
from recorded import NOW, RecordedActions
from textual.pilot import Pilot

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
SIZES = pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE], ids=["80x24", "120x40", "200x60"])

Compare = Callable[..., bool]
Drive = Callable[[Pilot[None]], Awaitable[None]]


def keys(*names: str, find: str = "") -> Drive:
    """Press these, then search, before the picture is taken."""

    async def run(pilot: Pilot[None]) -> None:
        await settled(pilot)
        for name in names:
            await pilot.press(name)
            await settled(pilot)
        if find:
            view_of(pilot).search(find)
            await settled(pilot)

    return run


# ---------------------------------------------------------------------- pictures


@pytest.mark.usefixtures("pinned")
@SIZES
def test_end_of_a_log(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = LogApp(RecordedLog(training_log()))
    assert snap_compare(app, terminal_size=size, run_before=keys())


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark"])
def test_other_themes(snap_compare: Compare, theme: str) -> None:
    app = LogApp(RecordedLog(training_log()), theme=theme)
    assert snap_compare(app, terminal_size=SMALL, run_before=keys("l", find="error"))


@pytest.mark.usefixtures("pinned")
@SIZES
def test_top_with_numbers_and_a_search(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = LogApp(RecordedLog(training_log()))
    assert snap_compare(app, terminal_size=size, run_before=keys("g", "l", find="lr"))


@pytest.mark.usefixtures("pinned")
def test_wrapped(snap_compare: Compare) -> None:
    app = LogApp(RecordedLog(training_log()))
    assert snap_compare(app, terminal_size=SMALL, run_before=keys("g", "w", "l"))


@pytest.mark.usefixtures("pinned")
def test_scrolled_to_the_side(snap_compare: Compare) -> None:
    app = LogApp(RecordedLog(training_log()))
    assert snap_compare(app, terminal_size=SMALL, run_before=keys("g", "right", "right", "right"))


@pytest.mark.usefixtures("pinned")
def test_first_error(snap_compare: Compare) -> None:
    app = LogApp(RecordedLog(training_log(400)))
    assert snap_compare(app, terminal_size=SMALL, run_before=keys("g", "e"))


@pytest.mark.usefixtures("pinned")
def test_not_found(snap_compare: Compare) -> None:
    app = LogApp(RecordedLog(training_log()))
    assert snap_compare(app, terminal_size=SMALL, run_before=keys(find="nowhere"))


@pytest.mark.usefixtures("pinned")
def test_in_plain_letters(snap_compare: Compare) -> None:
    app = LogApp(RecordedLog(training_log()), ascii=True)
    assert snap_compare(app, terminal_size=SMALL, run_before=keys("g"))


@pytest.mark.usefixtures("pinned")
def test_without_colours(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = LogApp(RecordedLog(training_log()))
    assert snap_compare(app, terminal_size=SMALL, run_before=keys(find="error"))


STATES = {
    "missing": RecordedLog(state=MISSING),
    "no folder": RecordedLog(state=NO_FOLDER),
    "empty": RecordedLog(b""),
    "unreadable": RecordedLog(state=UNREADABLE, why="Permission denied"),
}


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("state", STATES)
def test_nothing_to_show(snap_compare: Compare, state: str) -> None:
    app = LogApp(STATES[state])
    assert snap_compare(app, terminal_size=SMALL, run_before=keys())


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("state", ["missing", "no folder"])
def test_perhaps_on_a_node(snap_compare: Compare, state: str) -> None:
    app = LogApp(STATES[state], on_node=RecordedLog(training_log()))
    assert snap_compare(app, terminal_size=SMALL, run_before=keys())


@pytest.mark.usefixtures("pinned")
def test_read_on_its_node(snap_compare: Compare) -> None:
    app = LogApp(STATES["no folder"], on_node=RecordedLog(training_log()))
    assert snap_compare(app, terminal_size=SMALL, run_before=keys("o"))


@pytest.mark.usefixtures("pinned")
def test_replaced(snap_compare: Compare) -> None:
    log, clock = RecordedLog(training_log()), Clock()

    async def run(pilot: Pilot[None]) -> None:
        view = await settled(pilot)
        log.data, log.mark = b"a new run begins\n", "1:2"
        clock.now += 2
        view.poll()
        await settled(pilot)
        clock.now += 12
        view.repaint()

    assert snap_compare(LogApp(log, clock=clock), terminal_size=SMALL, run_before=run)


# ---------------------------------------------------------------------- behaviour


def shown(pilot: Pilot[None]) -> list[str]:
    """The rows of the log, without the bar at the right and the words below."""
    return [line[:-1].rstrip() for line in lines_of_full(pilot)[:-1]]


def lines_of_full(pilot: Pilot[None]) -> list[str]:
    return [strip.text for strip in pilot.app.screen._compositor.render_strips()]


def status(pilot: Pilot[None]) -> str:
    return lines_of(pilot)[-1]


def numbered(count: int) -> bytes:
    return b"".join(b"line %d\n" % n for n in range(1, count + 1))


async def test_scrolls_through_a_whole_log_and_back(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(numbered(6000))
    app = LogApp(LocalFile(str(tmp_path / "log")))
    async with app.run_test(size=SMALL) as pilot:
        view = await settled(pilot)
        assert shown(pilot)[-1] == "  line 6000" and "following" in status(pilot)
        seen = 6000 - 22
        while not view.state.at_start:
            view.move_pages(-20)
            await settled(pilot)
            first = int(shown(pilot)[0].split()[-1])
            assert first == max(1, seen - 440), "no row is lost"
            assert [int(row.split()[-1]) for row in shown(pilot)] == list(range(first, first + 23))
            seen = first
            assert len(view.rows.window.lines) <= 4000
        assert "following" not in status(pilot) and "top" in status(pilot)
        while not view.state.at_end:
            view.move_pages(30)
            await settled(pilot)
        assert shown(pilot)[-1] == "  line 6000"
        await pilot.press("g")
        await settled(pilot)
        assert shown(pilot)[0] == "  line 1"
        await pilot.press("l")
        await settled(pilot)
        assert shown(pilot)[22] == "   23   line 23"
        await pilot.press("G")
        await settled(pilot)
        assert shown(pilot)[22] == " 6000   line 6000"
        assert app.said == [False]


async def test_follows_what_is_appended(tmp_path: Path) -> None:
    log, clock = tmp_path / "log", Clock()
    app = LogApp(LocalFile(str(log)), clock=clock)

    async def poll(pilot: Pilot[None], data: bytes) -> list[str]:
        with log.open("ab") as file:
            file.write(data)
        os.utime(log, (clock.now, clock.now))
        clock.now += 2
        view_of(pilot).poll()
        await settled(pilot)
        return shown(pilot)

    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        assert any("not there yet" in line for line in lines_of(pilot))
        assert (await poll(pilot, b""))[0] == ""
        assert any("empty" in line for line in lines_of(pilot))
        assert (await poll(pilot, b"one\n 1%"))[:2] == ["  one", "   1%"]
        assert (await poll(pilot, b"\r 2%"))[1] == "   2%  (overwritten 1×)"
        assert (await poll(pilot, b"\r99%\n" + numbered(60)))[-1] == "  line 60"
        await pilot.press("k")
        await settled(pilot)
        assert (await poll(pilot, b"more\n"))[-1] == "  line 59"
        await pilot.press("F")
        await settled(pilot)
        assert shown(pilot)[-1] == "  more"
        assert app.said == [False, True]
        assert (await poll(pilot, numbered(200_000)))[-1] == "  line 200000"
        log.write_bytes(b"anew\n")
        assert (await poll(pilot, b""))[0] == "  anew"
        assert "was replaced" in status(pilot)
        log.unlink()
        clock.now += 2
        view_of(pilot).poll()
        await settled(pilot)
        clock.now += 5
        view_of(pilot).poll()
        await settled(pilot)
        assert shown(pilot)[0] == "  anew" and "gone 5s ago" in status(pilot)
        assert (await poll(pilot, b"back\n"))[0] == "  back"


async def test_scrolling_may_read_what_was_appended_before_the_next_look(tmp_path: Path) -> None:
    log, clock = tmp_path / "log", Clock()
    log.write_bytes(numbered(100))
    app = LogApp(LocalFile(str(log)), clock=clock)
    async with app.run_test(size=SMALL) as pilot:
        view = await settled(pilot)
        with log.open("ab") as file:
            file.write(b"more\n")
        view.move_to_share(1.0)
        await settled(pilot)
        assert shown(pilot)[-1] == "  more"
        clock.now += 2
        view.follow()
        await settled(pilot)
        assert shown(pilot)[-2:] == ["  line 100", "  more"]


async def test_nothing_is_written_where_nothing_changed(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(numbered(100))
    app = LogApp(LocalFile(str(tmp_path / "log")))
    async with app.run_test(size=SMALL) as pilot:
        view = await settled(pilot)
        painted: list[object] = []
        view.refresh = lambda *regions, **_: painted.append(regions)  # type: ignore[method-assign]
        view._polled_at = 0.0
        view.poll()
        await settled(pilot)
        assert painted == []


async def test_searches_both_ways_and_round(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(numbered(5000) + b"the end, line 777 again\n")
    app = LogApp(LocalFile(str(tmp_path / "log")))
    async with app.run_test(size=SMALL) as pilot:
        view = await settled(pilot)
        view.search("line 777")
        await settled(pilot)
        assert shown(pilot)[-1].startswith("> the end")
        for key, row, words in (
            ("n", "> line 777", "went on from the top"), ("n", "> the end, line 777 again", ""),
            ("N", "> line 777", ""), ("N", "> the end, line 777 again", "went on from the end"),
        ):  # fmt: skip
            await pilot.press(key)
            await settled(pilot)
            assert row in shown(pilot) and words in status(pilot)
        view.search("nowhere")
        await settled(pilot)
        assert "“nowhere” not found in" in status(pilot)
        view.search("")
        await settled(pilot)
        assert not any(row.startswith(">") for row in shown(pilot))
        assert app.said == [False, "found", "found", "found", "found", "found", "not found"]


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


async def test_what_was_found_far_to_the_right_is_in_sight(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"x" * 40_000 + b"needle" + b"y" * 40_000 + b"\nneedle\n")
    app = LogApp(LocalFile(str(tmp_path / "log")))
    async with app.run_test(size=SMALL) as pilot:
        view = await settled(pilot)
        await pilot.press("g")
        view.search("needle")
        await settled(pilot)
        (row,) = [row for row in shown(pilot) if row.startswith(">")]
        assert "xxneedleyy" in row and view.state.column > 1000
        await pilot.press("n")
        await settled(pilot)
        assert "> needle" in shown(pilot) and view.state.column == 0


class SlowLog(RecordedLog):
    """A log on a disk that does not answer until it is let."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.let = threading.Event()
        self.reads = 0

    def read(self, offset: int, size: int) -> LogPart:
        self.reads += 1
        assert self.let.wait(30)
        return super().read(offset, size)


async def test_a_disk_that_does_not_answer_keeps_no_key_waiting() -> None:
    log = SlowLog(numbered(100_000))
    app = LogApp(log)
    async with app.run_test(size=SMALL) as pilot:
        view = view_of(pilot)
        await pilot.pause()
        assert any("reading" in line for line in lines_of(pilot))
        await pilot.press("k", "g", "pagedown", "w", "l")
        assert all(thread.daemon for thread in threads()), "else nobody could quit"
        assert log.reads == 1, "the newest wish waits; nothing else is asked meanwhile"
        log.let.set()
        await settled(pilot)
        log.let.clear()
        view.search("line 99999")
        await pilot.pause()
        assert "searching for “line 99999”" in status(pilot)
        view.cancel_search()
        view.repaint()
        await pilot.pause()
        assert "searching" not in status(pilot)
        log.let.set()
        await settled(pilot)
        assert "found" not in app.said


async def test_another_log_forgets_what_the_first_still_brings() -> None:
    first = SlowLog(b"first\n")
    app = LogApp(first)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.pause()
        view_of(pilot).show_source(RecordedLog(b"second\n", path="/err"))
        await settled(pilot)
        first.let.set()
        for thread in threads():
            thread.join(10)
        await settled(pilot)
        assert shown(pilot)[0] == "  second" and "/err" in status(pilot)


class SiteActions(RecordedActions):
    """Reads files as the collector would, over the same wire."""

    async def call(self, method: str, **arguments: Any) -> Any:
        given = typed_arguments(method, json.loads(json.dumps(to_plain(arguments))))
        self.asked = given["on_node_of"]
        part = read_file(given["path"], given["offset"], given["size"])
        return typed_result(method, json.loads(json.dumps(to_plain(part))))


async def test_a_log_that_only_the_site_sees(tmp_path: Path) -> None:
    log, actions = tmp_path / "log", SiteActions()
    log.write_bytes(b"".join(b"line %d\n" % n for n in range(100_000)))
    app = LogApp(RecordedLog(state=NO_FOLDER))
    async with app.run_test(size=SMALL) as pilot:
        view = await settled(pilot)
        site_log = log_of_site(actions, str(log), on_node_of="7")
        view.show_source(RecordedLog(state=NO_FOLDER), on_node=site_log, node="n3")
        await settled(pilot)
        await pilot.press("o")
        await settled(pilot)
        assert shown(pilot)[-1] == "  line 99999" and "on n3" in status(pilot)
        assert actions.asked == "7"
        view.search("line 4711", backward=True)
        await settled(pilot)
        assert any(row == "> line 47119" for row in shown(pilot))


async def test_a_reading_that_breaks_is_told_and_not_the_end() -> None:
    class Broken(RecordedLog):
        def read(self, offset: int, size: int) -> LogPart:
            raise ValueError("a bug \x1b[31m")

    app = LogApp(Broken())
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        assert any("ValueError: a bug ␛[31m" in line for line in lines_of(pilot))


async def test_a_click_on_the_bar_goes_there(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(numbered(50_000))
    app = LogApp(LocalFile(str(tmp_path / "log")))
    async with app.run_test(size=SMALL) as pilot:
        await settled(pilot)
        await pilot.click(LogView, offset=(79, 11))
        await settled(pilot)
        assert 20_000 < int(shown(pilot)[0].split()[-1]) < 30_000
        await pilot.resize_terminal(120, 40)
        await settled(pilot)
        assert len(shown(pilot)) == 39 and "%" in status(pilot)


async def test_wrapped_rows_scroll_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"a" * 770 + b"\n" + b"\xe6\x95\xb0" * 100 + b"\nend\n")
    app = LogApp(LocalFile(str(tmp_path / "log")), clock=lambda: NOW)
    async with app.run_test(size=(80, 8)) as pilot:
        view = await settled(pilot)
        await pilot.press("w")
        assert shown(pilot)[-1] == "  end"
        assert [row[:3] for row in shown(pilot)[-4:-1]] == ["  数", "+ 数", "+ 数"]
        view.move_rows(-100)
        await settled(pilot)
        assert shown(pilot)[0].startswith("  aaa") and shown(pilot)[1].startswith("+ aaa")
        view.move_rows(3)
        assert shown(pilot)[0].startswith("+ aaa")
        view.move_rows(1000)
        await pilot.pause()
        assert shown(pilot)[-1] == "  end"


@pytest.mark.parametrize("names", [(), ("w",), ("g",)], ids=["end", "wrapped", "top"])
async def test_any_size_of_the_terminal(names: tuple[str, ...]) -> None:
    async with LogApp(RecordedLog(training_log())).run_test(size=SMALL) as pilot:
        await settled(pilot)
        for name in names:
            await pilot.press(name)
        for size in ((80, 14), (40, 10), (80, 15), (20, 3), (200, 60), (10, 2), SMALL):
            await pilot.resize_terminal(*size)
            await settled(pilot)
            assert len(lines_of(pilot)) == size[1]
