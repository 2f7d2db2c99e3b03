"""Starts the app on a recorded board and waits until it has nothing left to do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from jobshape.app.board.board import Board
from jobshape.app.settings.values import Settings, Ui
from jobshape.app.tui import JobshapeApp
from jobshape.screens.ports import Kept
from jobshape.screens.queue import QueueScreen
from jobshape.widgets.job_table import JobTable
from recorded import NOW, RecordedActions, recorded_board
from textual.pilot import Pilot

LONGEST_S = 10.0


class Clock:
    """A clock that goes on only when told to."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def make_app(
    board: Board | None = None,
    *,
    actions: RecordedActions | None = None,
    clock: Clock | None = None,
    theme: str = "",
    ascii: bool = False,
    read_only: bool = False,
    kept: Kept | None = None,
    **more: Any,
) -> JobshapeApp:
    """The app as it would be with these settings."""
    settings = replace(Settings(), read_only=read_only, ui=Ui(ascii=ascii))
    kept = kept or Kept()
    if theme:
        kept.theme = theme
    return JobshapeApp(
        settings, board or recorded_board(), actions or RecordedActions(),
        clock=clock or Clock(), kept=kept, **more,
    )  # fmt: skip


def queue_of(pilot: Pilot[None]) -> QueueScreen:
    """The queue, also while a dialog is open."""
    screen = pilot.app.screen_stack[0]
    assert isinstance(screen, QueueScreen)
    return screen


async def settle(pilot: Pilot[None]) -> None:
    """Wait until the list is up to date and the detail is answered; never a fixed time."""
    app = pilot.app
    assert isinstance(app, JobshapeApp)
    deadline = asyncio.get_running_loop().time() + LONGEST_S
    while asyncio.get_running_loop().time() < deadline:
        await pilot.pause()
        dialog = getattr(app.screen, "is_settled", True)
        if app.room is not None and app.room.is_settled and dialog:
            await pilot.pause()
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the screen never came to rest")


async def press(pilot: Pilot[None], *keys: str) -> QueueScreen:
    """Press keys one after the other, each on a screen at rest."""
    await settle(pilot)
    for key in keys:
        await pilot.press(key)
        await settle(pilot)
    return queue_of(pilot)


async def type_text(pilot: Pilot[None], text: str) -> None:
    """Type a text."""
    names = {":": "colon", ">": "greater_than_sign", " ": "space", "/": "slash"}
    await press(pilot, *(names.get(char, char) for char in text))


def lines_of(pilot: Pilot[None]) -> list[str]:
    """What the screen shows, line by line, without the blanks at the ends."""
    strips = pilot.app.screen._compositor.render_strips()
    return [strip.text.rstrip() for strip in strips]


def table_of(pilot: Pilot[None]) -> JobTable:
    """The job table."""
    return queue_of(pilot).table
