"""Lines from any place of any bytes: cut the same from both sides, and shown harmless."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import pytest
from jobshape.app.logs.cut import PIECE_BYTES, Line
from jobshape.app.logs.reader import Change, LogReader, change_between
from jobshape.app.logs.shown import Shown, shown
from jobshape.app.logs.source import LocalFile


class SmallFile(LocalFile):
    """A file whose long lines are looked through less far, so that tests can be small."""

    block_bytes = 4 * PIECE_BYTES
    far_bytes = 8 * PIECE_BYTES


@pytest.mark.parametrize(
    ("raw", "text", "overwritten"),
    [
        (b"plain\n", "plain", 0),
        (b"dos\r\n", "dos", 0),
        (b" 1%|#\r 2%|##\r 3%|###\n", " 3%|###", 2),
        (b"\r 1%\r 2%", " 2%", 1),
        (b"done\r\x1b[K\r", "done", 1),
        (b"\x1b[31mred\x1b[0m \x1b]0;title\x07x\x1b(B", "red x", 0),
        (b"a\tb", "a       b", 0),
        (b"1/9\b\b\b2/9\b\b\b3/9\n", "3/9", 2),
        (b"\x00\x00x\x07\x9b1m\n", "␀␀x␇�1m", 0),
        (b"\0" * 5000 + b"after", "[5,000 NUL bytes]after", 0),
        ("\u202eevil \u2028 ✓\ufe0f".encode(), "�evil � ✓", 0),
        (b"[red]x[/] [@click=app.quit]y[/]", "[red]x[/] [@click=app.quit]y[/]", 0),
        (b"", "", 0),
        (b"\x1b", "␛", 0),
    ],
)
def test_what_is_shown_of_a_line(raw: bytes, text: str, overwritten: int) -> None:
    assert shown(raw) == Shown(text, overwritten)
    assert shown(raw).text.isprintable()


def every_line(reader: LogReader) -> tuple[Line, ...]:
    lines: tuple[Line, ...] = ()
    while more := reader.after(lines[-1].end if lines else 0, 1000).lines:
        lines += more
    return lines


def bytes_of_many_kinds(seed: int) -> bytes:
    dice = random.Random(seed)
    parts = []
    for _ in range(60):
        match dice.randrange(6):
            case 0:
                parts.append(b"x" * dice.randrange(3 * PIECE_BYTES) + b"\n")
            case 1:
                states = [b"\r %d%%" % n for n in range(dice.randrange(4000))]
                parts.append(b"".join(states) + b"\n")
            case 2:
                parts.append(dice.randbytes(dice.randrange(2000)))
            case 3:
                parts.append(b"\n" * dice.randrange(50))
            case _:
                parts.extend(b"line %d\n" % n for n in range(dice.randrange(300)))
    if seed % 2:
        parts.append(b"\r" + b"=" * 9 * PIECE_BYTES + b"y" * 9 * PIECE_BYTES)
    return b"".join(parts)


@pytest.mark.parametrize("seed", range(6))
def test_lines_are_the_same_from_wherever_they_are_read(tmp_path: Path, seed: int) -> None:
    log = tmp_path / "log"
    log.write_bytes(bytes_of_many_kinds(seed))
    size = log.stat().st_size
    reader = LogReader(SmallFile(str(log)))
    every = every_line(reader)
    assert every[0].start == 0 and every[-1].end == size
    assert all(one.end == two.start for one, two in pairwise(every))
    assert not every[0].goes_on
    assert reader.tail(25).lines == every[-25:]
    dice = random.Random(seed)
    for index in dice.sample(range(len(every)), 40):
        line = every[index]
        assert reader.before(line.start, 30).lines == every[max(0, index - 30) : index]
        assert reader.after(line.start, 30).lines == every[index : index + 30]
        assert reader.line_at(dice.randrange(line.start, line.end)) == line
        around = reader.around(line.end - 1, 5, 5).lines
        assert around == every[max(0, index - 5) : index + 5]


def test_a_long_line_is_cut_and_a_progress_bar_is_not(tmp_path: Path) -> None:
    log = tmp_path / "log"
    bar = b"".join(b"\r%3d%%|%s" % (n % 100, b"#" * 90) for n in range(9000))
    long = b"z" * (3 << 20)
    log.write_bytes(b"first\n" + bar + b"\n" + long + b"\nlast\n")
    lines = LogReader(LocalFile(str(log))).after(0, 10**6).lines
    assert lines[0] == Line(0, 6, "first", 0, False, True)
    assert lines[1].overwritten == 8999 and lines[1].text == " 99%|" + "#" * 90
    pieces = lines[2:-1]
    assert [piece.goes_on for piece in pieces] == [False] + [True] * (len(pieces) - 1)
    assert "".join(piece.text for piece in pieces) == long.decode()
    assert max(len(piece.text) for piece in pieces) < 2 * PIECE_BYTES
    assert lines[-1].text == "last"


def test_the_last_line_may_grow(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a\nhalf")
    reader = LogReader(LocalFile(str(log)))
    before = reader.tail(10).lines
    assert [(line.text, line.is_whole) for line in before] == [("a", True), ("half", False)]
    with log.open("ab") as file:
        file.write(b" done\nnext\n")
    after = reader.after(before[-1].start, 10)
    assert [line.text for line in after.lines] == ["half done", "next"]
    assert after.at_end


def test_what_happened_to_a_log(tmp_path: Path) -> None:
    log = tmp_path / "log"
    reader = LogReader(LocalFile(str(log)))

    def write(data: bytes) -> None:
        log.write_bytes(data)

    missing = reader.look()
    assert change_between(missing, reader.look()) is Change.NONE
    write(b"one\n")
    first = reader.look()
    assert change_between(missing, first) is Change.APPEARED
    with log.open("ab") as file:
        file.write(b"two\n")
    second = reader.look()
    assert change_between(first, second) is Change.GREW
    assert change_between(second, reader.look()) is Change.NONE
    write(b"x\n")  # cut short
    assert change_between(second, reader.look()) is Change.REPLACED
    write(b"something else that is longer\n")  # cut short and grown beyond what it was
    assert change_between(second, reader.look()) is Change.REPLACED
    third = reader.look()
    (tmp_path / "new").write_bytes(b"something else that is longer\nand more\n")
    (tmp_path / "new").rename(log)
    assert change_between(third, reader.look()) is Change.REPLACED
    log.unlink()
    assert change_between(third, reader.look()) is Change.GONE
    assert not reader.tail(5).lines


def test_an_empty_log_has_no_lines(tmp_path: Path) -> None:
    (tmp_path / "log").touch()
    reader = LogReader(LocalFile(str(tmp_path / "log")))
    for stretch in (
        reader.tail(5),
        reader.after(0, 5),
        reader.before(0, 5),
        reader.around(0, 2, 2),
    ):
        assert stretch.is_found and not stretch.lines and stretch.at_start and stretch.at_end
