"""The shadow writes what differs, and what it wrote always leaves the terminal as it should be."""

from __future__ import annotations

import random

import pyte
import pytest
from jobshape.widgets.terminal_shadow import TerminalShadow
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

WIDTH, HEIGHT = 30, 12
LETTERS = ("a", "b", " ", "数", "e\u0301")
STYLES = [
    Style.parse(text) for text in ("none", "red", "bold red on blue", "dim", "#123456 on #abcdef")
]
CONSOLE = Console(color_system="truecolor", force_terminal=True)


def full(lines: list[Strip]) -> LayoutUpdate:
    return LayoutUpdate([[line] for line in lines], Region(0, 0, WIDTH, HEIGHT))


def part(lines: list[Strip], y: int, first: int, last: int) -> ChopsUpdate:
    chops = [{0: line} for line in lines]
    return ChopsUpdate(chops, [(y, first, last)], [[WIDTH] for _ in lines])


def random_line(chance: random.Random) -> Strip:
    segments: list[Segment] = []
    room = WIDTH
    while room:
        size = min(room, chance.randint(1, 9))
        strip = Strip([Segment("".join(chance.choices(LETTERS, k=size)), chance.choice(STYLES))])
        strip = strip.adjust_cell_length(size)
        segments += list(strip)
        room -= size
    return Strip(segments, WIDTH)


def shown(terminal: pyte.Screen) -> list[list[tuple[object, ...]]]:
    """Every cell's text and look."""
    return [
        [(c.data, c.fg if c.data.strip() else "", c.bg, c.bold) for c in
         (terminal.buffer[y][x] for x in range(WIDTH))]
        for y in range(HEIGHT)
    ]  # fmt: skip


def drawn(lines: list[Strip]) -> list[list[tuple[object, ...]]]:
    """What a terminal shows that was given these lines whole."""
    terminal = pyte.Screen(WIDTH + 2, HEIGHT + 1)
    pyte.Stream(terminal).feed(TerminalShadow().changes(full(lines), CONSOLE))
    return shown(terminal)


@pytest.mark.parametrize("seed", range(20))
def test_any_sequence_of_updates_ends_in_the_same_screen(seed: int) -> None:
    chance = random.Random(seed)
    terminal, shadow = pyte.Screen(WIDTH + 2, HEIGHT + 1), TerminalShadow()
    stream = pyte.Stream(terminal)
    lines = [random_line(chance) for _ in range(HEIGHT)]
    stream.feed(shadow.changes(full(lines), CONSOLE))
    for _ in range(15):
        y = chance.randrange(HEIGHT)
        lines[y] = random_line(chance)
        update = full(lines) if chance.random() < 0.3 else part(lines, y, 0, WIDTH)
        stream.feed(shadow.changes(update, CONSOLE))
        assert shown(terminal) == drawn(lines)


@pytest.mark.parametrize("seed", range(20))
def test_lines_that_scroll_end_in_the_same_screen(seed: int) -> None:
    chance = random.Random(seed)
    terminal, shadow = pyte.Screen(WIDTH + 2, HEIGHT + 1), TerminalShadow()
    stream = pyte.Stream(terminal)
    lines = [random_line(chance) for _ in range(HEIGHT)]
    stream.feed(shadow.changes(full(lines), CONSOLE))
    scrolled = 0
    for _ in range(15):
        by, top = chance.choice((1, -1, 2, -2)), chance.randrange(2)
        new = [random_line(chance) for _ in range(abs(by))]
        part_of = lines[top:]
        lines[top:] = [*part_of[by:], *new] if by > 0 else [*new, *part_of[:by]]
        if chance.random() < 0.5:
            lines[chance.randrange(HEIGHT)] = random_line(chance)
        text = shadow.changes(full(lines), CONSOLE)
        scrolled += "\x1b[r" in text
        stream.feed(text)
        assert shown(terminal) == drawn(lines)
    assert scrolled > 5


def test_what_is_shown_already_is_not_written() -> None:
    lines = [Strip([Segment("x" * WIDTH, STYLES[1])], WIDTH) for _ in range(HEIGHT)]
    shadow = TerminalShadow()
    assert shadow.changes(full(lines), CONSOLE)
    assert shadow.changes(full(lines), CONSOLE) == ""
    assert shadow.changes(part(lines, 2, 5, 9), CONSOLE) == ""
    shadow.forget()
    assert shadow.changes(part(lines, 2, 5, 9), CONSOLE) == "\x1b[3;6H\x1b[31mxxxx\x1b[0m"


def test_only_the_changed_cells_are_written() -> None:
    lines = [Strip([Segment("x" * WIDTH)], WIDTH) for _ in range(HEIGHT)]
    shadow = TerminalShadow()
    shadow.changes(full(lines), CONSOLE)
    lines[1] = Strip([Segment("x" * 20 + "y" + "x" * 9)], WIDTH)
    assert shadow.changes(part(lines, 1, 0, WIDTH), CONSOLE) == "\x1b[2;21Hy"
