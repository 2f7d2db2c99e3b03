"""The list of alerts, and the badge on every screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from driving import Clock, lines_of, make_app, settle
from jobshape.app.domain.alert import Alert
from jobshape.screens.alerts import AlertScreen
from jobshape.screens.job import JobScreen
from jobshape.screens.queue import QueueScreen
from jobshape.widgets.alert_list import AlertList
from recorded import NOW, recorded_board
from textual.pilot import Pilot

ALERTS = (
    Alert("memory:9112", "CRITICAL", "memory", "memory at 97 % of its limit",
          "It uses 62G of 64G; over the limit it is killed.",
          "Memory of a running job cannot be raised: let it save its work now, and ask for more"
          " next time.", 9112, "9112", "train-llama", NOW - 30),
    Alert("never_starts:9500:x", "HIGH", "never_starts",
          "waiting is no cure: longer than the partition allows",
          "Its time limit is above the partition's.", "Ask for less time or use another partition.",
          9400, "9400", "[red]sweep[/red]", NOW - 7200, 12),
    Alert("silent:1", "MEDIUM", "silent", "no output for 2h00", "Its log last grew 2h00 ago.",
          "It may hang, or keep its output in a buffer (python -u, stdbuf -oL).", 9112, "9112",
          "train-llama", NOW - 90000),
)  # fmt: skip


def app_with(alerts: tuple[Alert, ...] = ALERTS, **more: Any) -> Any:
    board = recorded_board()
    board.set_alerts(alerts)
    return make_app(board, **more)


async def at_alerts(pilot: Pilot[None]) -> AlertScreen:
    await settle(pilot)
    await pilot.press("exclamation_mark")
    await pilot.pause()
    screen = pilot.app.screen
    assert isinstance(screen, AlertScreen)
    return screen


async def test_goes_there_and_back() -> None:
    async with app_with().run_test(size=(80, 24)) as pilot:
        await at_alerts(pilot)
        await pilot.press("exclamation_mark")  # there already
        assert isinstance(pilot.app.screen, AlertScreen)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, QueueScreen)
        await pilot.press("4", "1")
        assert isinstance(pilot.app.screen, QueueScreen)


async def test_the_cursor_stays_with_its_alert() -> None:
    app = app_with(ALERTS[1:])
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await at_alerts(pilot)
        await pilot.press("j")
        listed = screen.query_one(AlertList)
        assert listed.item == ALERTS[2]
        app.board.set_alerts(ALERTS)
        app.board_changed()
        await pilot.pause()
        assert listed.item == ALERTS[2]
        assert listed.at == 2
        await pilot.press("g")
        assert listed.item == ALERTS[0]


async def test_an_acknowledged_one_is_gone() -> None:
    app = app_with()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await at_alerts(pilot)
        await pilot.press("a")
        await pilot.pause()
        assert app.board.alerts == ALERTS[1:]
        assert screen.query_one(AlertList).items == ALERTS[1:]
        await pilot.press("A")
        assert app.board.alerts == ()
        await pilot.press("enter")  # blocked, told why
        assert isinstance(pilot.app.screen, AlertScreen)


async def test_enter_opens_the_job_and_escape_leads_back() -> None:
    async with app_with().run_test(size=(120, 40)) as pilot:
        await at_alerts(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, JobScreen)
        assert any(line.startswith(" 9112") for line in lines_of(pilot)[:3])
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, AlertScreen)


async def test_o_goes_to_the_job_in_the_queue() -> None:
    async with app_with().run_test(size=(120, 40)) as pilot:
        await at_alerts(pilot)
        await pilot.press("o")
        await settle(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, QueueScreen)
        row = screen.table.cursor_row
        assert row is not None and row.job.job_id == 9112


async def test_a_job_that_is_gone_is_said() -> None:
    gone = ALERTS[0]._replace(job_id=1)
    async with app_with((gone,)).run_test(size=(80, 24)) as pilot:
        await at_alerts(pilot)
        await pilot.press("o")
        await pilot.pause()
        assert any("not in the list" in line for line in lines_of(pilot))


async def test_it_goes_on_with_time() -> None:
    clock = Clock()
    async with app_with(clock=clock).run_test(size=(80, 24)) as pilot:
        screen = await at_alerts(pilot)
        clock.now += 60
        screen._second()
        assert "1m" in str(screen.query_one(AlertList).build(80)[0])


Compare = Callable[..., bool]


async def there(pilot: Pilot[None]) -> None:
    await at_alerts(pilot)
    await pilot.press("j")


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize(
    "size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"]
)
def test_picture(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_with(), terminal_size=size, run_before=there)


@pytest.mark.usefixtures("pinned")
def test_picture_in_ascii_and_light(snap_compare: Compare) -> None:
    app = app_with(ascii=True, theme="textual-light")
    assert snap_compare(app, terminal_size=(80, 24), run_before=there)


@pytest.mark.usefixtures("pinned")
def test_picture_of_none(snap_compare: Compare) -> None:
    assert snap_compare(app_with(()), terminal_size=(80, 24), run_before=there)


@pytest.mark.usefixtures("pinned")
def test_picture_of_the_badge_on_the_queue(snap_compare: Compare) -> None:
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=settle)
