"""Where the cursor of a list stands while its items come and go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest
from jobshape.widgets.cursor_list import CursorList
from jobshape.widgets.glyphs import UNICODE
from jobshape.widgets.spans import Piece
from textual.app import App, ComposeResult


class One(NamedTuple):
    key: str


class Ones(CursorList[One]):
    now = 0

    def times(self) -> object:
        return self.now

    def lines_of(self, items: Sequence[One], width: int) -> Sequence[Sequence[Piece]]:
        return [[(f"{one.key} {self.now}", self.palette.text)] for one in items]


class Newest(Ones):
    STAYS_FIRST = True


class ListApp(App[None]):
    def __init__(self, made: Callable[..., Ones]) -> None:
        super().__init__()
        self.listed = made(lambda: 0.0, UNICODE)
        self.moved = 0

    def compose(self) -> ComposeResult:
        yield self.listed

    def on_cursor_list_moved(self) -> None:
        self.moved += 1


def ones(keys: str) -> list[One]:
    return [One(key) for key in keys]


@pytest.mark.parametrize(
    ("kind", "at", "keys", "then"),
    [
        (Ones, 1, "xabc", "b"),  # with its item
        (Ones, 0, "xabc", "a"),
        (Newest, 1, "xabc", "b"),
        (Newest, 0, "xabc", "x"),  # with what is newest
        (Ones, 1, "ac", "c"),  # its item is gone: the same place
        (Ones, 2, "a", "a"),  # and there is no such place
        (Ones, 2, "", None),
    ],
)
def test_where_the_cursor_stands(kind: type[Ones], at: int, keys: str, then: str | None) -> None:
    async def run() -> None:
        app = ListApp(kind)
        async with app.run_test(size=(20, 3)) as pilot:
            app.listed.show(ones("abc"), "none")
            app.listed.move(at)
            app.listed.show(ones(keys), "none")
            await pilot.pause()
            assert (app.listed.item.key if app.listed.item else None) == then
            assert "none" in "".join(app.listed.render_line(y).text for y in (0, 1)) or keys
            assert app.moved == (at > 0)

    asyncio.run(run())


def test_a_cursor_stops_at_the_ends_and_stays_in_sight() -> None:
    async def run() -> None:
        app = ListApp(Ones)
        async with app.run_test(size=(20, 3)) as pilot:
            app.listed.show(ones("abcdefgh"), "")
            await pilot.pause()
            app.listed.move(99)
            await pilot.pause()
            assert app.listed.item == One("h") and app.moved == 1
            assert [app.listed.render_line(y).text[0] for y in range(3)] == ["f", "g", "h"]
            app.listed.move(1)
            await pilot.pause()
            assert app.moved == 1
            await pilot.click(Ones, offset=(1, 0))
            await pilot.pause()
            assert app.listed.item == One("f")

    asyncio.run(run())


def test_what_is_the_same_is_not_built_again() -> None:
    async def run() -> None:
        app = ListApp(Ones)
        async with app.run_test(size=(20, 3)) as pilot:
            await pilot.pause()
            app.listed.show(ones("ab"), "")
            lines = app.listed._lines
            app.listed.show(ones("ab"), "")
            assert app.listed._lines is lines
            app.listed.now = 1
            app.listed.show(ones("ab"), "")
            assert app.listed.render_line(1).text.startswith("b 1")

    asyncio.run(run())
