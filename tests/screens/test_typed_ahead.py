"""Keys that come faster than the screen follows reach what they were typed for, in their order."""

from __future__ import annotations

import asyncio
import random

import pytest
from driving import make_app, queue_of, settle
from jobshape.screens.queue import QueueScreen
from textual import events

NAMES = {"/": "slash", ":": "colon", "\r": "enter"}


@pytest.mark.parametrize("seed", [8, 13, 22, 26, 28, 30, 42, 44, 49, 63])
async def test_a_filter_typed_at_once_is_taken_as_it_was_typed(seed: int) -> None:
    chance = random.Random(seed)
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        for letter in "/id:9112\r":
            app.post_message(events.Key(NAMES.get(letter, letter), letter))
            if chance.random() < 0.4:
                await asyncio.sleep(chance.choice((0, 0, chance.random() * 0.01)))
        await settle(pilot)
        async with asyncio.timeout(10):
            while queue_of(pilot).filter_bar.is_open or not queue_of(pilot).view.query.text:
                await asyncio.sleep(0.01)
        assert isinstance(app.screen, QueueScreen)
        assert app.screen.view.query.text == "id:9112"


async def test_a_key_waits_no_longer_than_a_moment_for_one_whose_widget_is_gone() -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app._under_way = app._forwarded = 7  # as if the mark behind a key had been lost
        app.post_message(events.Key("j", "j"))
        async with asyncio.timeout(10):
            while app._under_way == 7:
                await asyncio.sleep(0.01)
        await settle(pilot)
        assert queue_of(pilot).table.cursor_index == 1
