"""Searching forward and backward, through any bytes, and counting lines."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from jobshape.app.logs.cut import PIECE_BYTES, Line
from jobshape.app.logs.matching import ErrorMatcher, Matcher, TextMatcher
from jobshape.app.logs.numbers import MARK_BYTES, Anchor, LineNumbers, numbers_of
from jobshape.app.logs.reader import LogReader
from jobshape.app.logs.search import Search
from jobshape.app.logs.source import LocalFile
from jobshape.app.logs.telling import ERROR, PLAIN_WORDS, WARNING, Telling


class SmallBlocks(LocalFile):
    block_bytes = 8 << 10
    far_bytes = 8 * PIECE_BYTES


def reader_of(tmp_path: Path, data: bytes) -> LogReader:
    (tmp_path / "log").write_bytes(data)
    return LogReader(SmallBlocks(str(tmp_path / "log")))


def always(_: int) -> bool:
    return True


def all_hits(reader: LogReader, matcher: Matcher, *, backward: bool = False) -> list[Line]:
    size = reader.look().part.size
    search, hits = Search(reader, matcher), []
    at = size if backward else 0
    while True:
        found = (search.backward if backward else search.forward)(
            at, 0 if backward else size, always
        )
        if found.line is None:
            return hits[::-1] if backward else hits
        hits.append(found.line)
        at = found.line.start if backward else found.line.end


def every_line(reader: LogReader) -> tuple[Line, ...]:
    lines: tuple[Line, ...] = ()
    while more := reader.after(lines[-1].end if lines else 0, 1000).lines:
        lines += more
    return lines


def noisy_log(seed: int) -> bytes:
    dice = random.Random(seed)
    words = [b"loss", b"Loss", b"step", b"\x1b[31mlo\x1b[0mss", "größe".encode(), b"\0", b"x" * 300]
    lines = []
    for n in range(900):
        line = b" ".join(dice.choice(words) for _ in range(dice.randrange(8)))
        if n % 400 == 7:
            line = b"\r".join([b"loss is hidden"] * dice.randrange(1, 900) + [b"100%"])
        if n % 500 == 9:
            line = b"y" * (2 * PIECE_BYTES) + b"loss" + b"y" * (3 * PIECE_BYTES) + b" LOSS"
        lines.append(line)
    return b"\n".join(lines)


@pytest.mark.parametrize("text", ["loss", "Loss", "größe", "GRÖSSE", "nowhere", "s l"])
def test_finds_every_line_that_shows_the_text(tmp_path: Path, text: str) -> None:
    reader = reader_of(tmp_path, noisy_log(3))
    matcher = TextMatcher(text)
    wanted = [line for line in every_line(reader) if matcher.matches(line.text)]
    assert all_hits(reader, matcher) == wanted
    assert all_hits(reader, matcher, backward=True) == wanted
    assert bool(wanted) == (text not in ("nowhere", "GRÖSSE"))


def test_case_counts_only_where_it_was_typed() -> None:
    assert TextMatcher("error").spans("Error ERROR error") == [(0, 5), (6, 11), (12, 17)]
    assert TextMatcher("Error").spans("Error ERROR error") == [(0, 5)]
    assert TextMatcher("a.b").spans("axb a.b") == [(4, 7)]
    assert len(TextMatcher("a").spans("a" * 10_000)) == 200


def test_a_search_tells_how_far_it_is_and_can_be_stopped(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, b"nothing here\n" * 20_000)
    size = reader.look().part.size
    told: list[int] = []

    def report(done: int) -> bool:
        told.append(done)
        return len(told) < 5

    for run, start, stop in (
        (Search(reader, TextMatcher("x")).forward, 0, size),
        (Search(reader, TextMatcher("x")).backward, size, 0),
    ):
        told.clear()
        found = run(start, stop, report)
        assert found.was_stopped and found.line is None
        assert told == sorted(told) and len(told) == 5 and told[-1] == found.searched_bytes
        assert run(start, stop, always) == (None, size, False)


def test_a_search_of_a_log_that_is_gone_ends(tmp_path: Path) -> None:
    reader = reader_of(tmp_path, b"a\n" * 9000)
    (tmp_path / "log").unlink()
    assert Search(reader, TextMatcher("a")).forward(0, 18_000, always).line is None
    assert Search(reader, TextMatcher("a")).backward(18_000, 0, always).line is None


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("Traceback (most recent call last):", ERROR),
        ("ModuleNotFoundError: No module named 'torch'", ERROR),
        ("slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT 2026-01-01 DUE TO TIME LIMIT ***", ERROR),
        ("[ERROR] cannot open shard", ERROR),
        ("./run.sh: line 3: 812 Killed   python train.py", ERROR),
        ("RuntimeError: CUDA out of memory. Tried to allocate 2 GiB", ERROR),
        ("UserWarning: lr_scheduler.step() before optimizer.step()", WARNING),
        ("epoch 3 loss 0.21 error_rate 0.12", ""),
        ("0 errors, 0 failures", ""),
        ("errors: 0", ""),
        ("saved to checkpoints/terror/model.pt", ""),
    ],
)
def test_lines_that_tell(text: str, level: str) -> None:
    assert PLAIN_WORDS.level_of(text) == level
    if level == ERROR:  # else a quick search would miss it
        assert any(word in text.lower().encode() for word in PLAIN_WORDS.needles)


def test_the_first_error(tmp_path: Path) -> None:
    data = b"0 errors\n" * 5000 + b"x\r99% errors: 0\nValueError: bad\nFatal error: worse\n"
    reader = reader_of(tmp_path, data)
    hits = all_hits(reader, ErrorMatcher(PLAIN_WORDS))
    assert [line.text for line in hits] == ["ValueError: bad", "Fatal error: worse"]
    assert all_hits(reader, ErrorMatcher(PLAIN_WORDS), backward=True) == hits
    every_line = Telling(PLAIN_WORDS.level_of, ())
    assert all_hits(reader, ErrorMatcher(every_line)) == hits


def test_harmless_lines_in_colour_are_judged_once_each(tmp_path: Path) -> None:
    line = b"\x1b[32mINFO\x1b[0m val_error=0.125 step 17\n"
    (tmp_path / "log").write_bytes(line * 20_000 + b"\x1b[31mValueError\x1b[0m: bad\n")
    judged = 0

    def level_of(text: str) -> str:
        nonlocal judged
        judged += 1
        return PLAIN_WORDS.level_of(text)

    matcher = ErrorMatcher(Telling(level_of, PLAIN_WORDS.needles))
    reader = LogReader(LocalFile(str(tmp_path / "log")))
    found = Search(reader, matcher).forward(0, 1 << 40, always).line
    assert found is not None and found.text == "ValueError: bad"
    assert judged == 20_002, "each line once, and what was found once more"


def test_lines_are_counted_in_slices(tmp_path: Path) -> None:
    data = b"".join(b"line %d\n" % n for n in range(300_000))
    (tmp_path / "log").write_bytes(data)
    numbers = LineNumbers(LocalFile(str(tmp_path / "log")))
    assert numbers.number_at(0) == 1
    assert numbers.number_at(20) == 3
    assert numbers.number_at(len(data) - 1) is None
    slices = 1
    while numbers.count_on(len(data), MARK_BYTES):
        slices += 1
    assert slices == len(data) // MARK_BYTES + 1
    assert numbers.number_at(len(data) - 1) == 300_000


def test_numbers_of_lines_at_hand() -> None:
    def line(start: int, goes_on: bool = False) -> Line:
        return Line(start, start + 10, "", 0, goes_on, True)

    lines = [line(0), line(10), line(20, True), line(30), line(40)]
    assert numbers_of(lines, Anchor(20, 7)) == [6, 7, 7, 8, 9]
    assert numbers_of(lines, None, at_end=True) == [-4, -3, -3, -2, -1]
    assert numbers_of(lines, None) == numbers_of(lines, Anchor(99, 1)) == [None] * 5
    assert numbers_of([], None) == []
