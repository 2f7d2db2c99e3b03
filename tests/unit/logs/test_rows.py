"""Which rows are on screen, moved at random beside a plain list of all rows."""

from __future__ import annotations

import random

import pytest
from jobshape.app.domain.log_part import FOUND, LogPart
from jobshape.app.logs import window
from jobshape.app.logs.cut import Line
from jobshape.app.logs.reader import Stretch
from jobshape.widgets.log_rows import LogRows, row_of, rows_of
from rich.cells import cell_len


def lines_of(count: int, dice: random.Random) -> list[Line]:
    """Neighbours of ten bytes each, whatever their text."""
    texts = ["", "short", "a" * 95, "数据" * 30, "e\u0301" * 40, "x" * 40]
    return [
        Line(n * 10, n * 10 + 10, f"{n} {dice.choice(texts)}", 0, False, True) for n in range(count)
    ]


def stretch_of(lines: list[Line], size: int) -> Stretch:
    return Stretch(LogPart(FOUND, size=size), tuple(lines))


@pytest.mark.parametrize("wraps", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_moves_row_by_row(seed: int, wraps: bool) -> None:
    dice = random.Random(seed)
    lines = lines_of(60, dice)
    rows = LogRows()
    rows.wraps = wraps
    rows.resize(40, 9)
    rows.replace(stretch_of(lines, 600))
    every = [(line, row) for line in lines for row in range(rows_of(line.text, 40) if wraps else 1)]
    last = max(0, len(every) - 9)
    at = 0
    for _ in range(200):
        match dice.randrange(4):
            case 0:
                rows.to_bottom()
                at = last
            case 1:
                index = dice.randrange(60)
                rows.to_line(index, 3)
                at = max(0, min(last, every.index((lines[index], 0)) - 3))
            case _:
                by = dice.randrange(-30, 30)
                left = rows.move(by)
                wanted = at + by
                at = max(0, min(last, wanted))
                assert left == wanted - at
        assert [(seen.line, seen.row) for seen in rows.visible()] == every[at : at + 9]


@pytest.mark.parametrize("text", ["", "a" * 80, "数" * 41, "e\u0301" * 45, "a数" * 30])
def test_rows_of_a_wrapped_text_hold_all_of_it(text: str) -> None:
    parts = [text[slice(*row_of(text, 20, row))] for row in range(rows_of(text, 20))]
    assert "".join(parts) == text
    assert all(cell_len(part) <= 20 for part in parts)


def test_lines_at_hand_are_bounded_and_what_is_seen_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(window, "MOST_LINES", 100)
    lines = lines_of(1000, random.Random(1))
    rows = LogRows()
    rows.resize(40, 10)
    rows.replace(stretch_of(lines[500:560], 10_000))
    rows.to_line(20)
    seen = [at.line for at in rows.visible()]
    rows.prepend(stretch_of(lines[440:500], 10_000))
    assert [at.line for at in rows.visible()] == seen
    assert rows.window.lines == lines[440:540]
    rows.append(stretch_of(lines[540:570], 10_000))
    assert [at.line for at in rows.visible()] == seen
    assert rows.window.lines == lines[470:570]
    rows.append(stretch_of(lines[700:710], 10_000))  # no neighbours: something came between
    rows.prepend(stretch_of(lines[10:20], 10_000))
    assert rows.window.lines == lines[470:570]
    monkeypatch.setattr(window, "MOST_CHARS", 1)  # lines of many characters each
    rows.prepend(stretch_of(lines[460:470], 10_000))
    assert [at.line for at in rows.visible()] == seen
    rows.append(stretch_of(lines[rows.window.lines[-1].end // 10 :][:50], 10_000))
    assert [at.line for at in rows.visible()] == seen
    assert rows.window.lines == lines[520:580]
    monkeypatch.undo()
    rows.prepend(stretch_of(lines[470:520], 10_000))
    assert rows.window.index_of(5205) == 50 and rows.window.index_of(4699) is None
