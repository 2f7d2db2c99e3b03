"""How quickly logs of any size are opened, scrolled, searched and followed, as JSON.

``python benchmarks/logs.py [FOLDER]``: makes a sparse log of 5 GB and real ones of 300 MB there,
reads them as the log view does, and removes them. Times are wall-clock, files in the page cache
unless it says cold.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from jobshape.app.logs.matching import ErrorMatcher, Matcher, TextMatcher
from jobshape.app.logs.numbers import LineNumbers
from jobshape.app.logs.reader import LogReader
from jobshape.app.logs.search import Search
from jobshape.app.logs.source import LocalFile
from jobshape.app.logs.telling import PLAIN_WORDS
from jobshape.widgets.glyphs import UNICODE
from jobshape.widgets.log_tasks import follow_on, opened
from jobshape.widgets.log_view import LogView
from textual.app import App, ComposeResult

MB, GB = 1_000_000, 1_000_000_000
ROWS = 3 * 59  # what a view of 60 rows reads at once
BEAT_S = 0.001

Figures = dict[str, float]


def chatter(size: int, *, coloured: bool = False) -> bytes:
    """A training log of about this size, without an error in it."""
    lines = []
    for n in range(4000):
        level = b"\x1b[32mINFO\x1b[0m" if coloured else b"INFO"
        lines.append(
            b"2026-01-07 09:%02d:%02d %s rank %d step %d loss=%.4f lr=3.0e-4 tokens/s=%d\n"
            % (n // 60 % 60, n % 60, level, n % 8, n, 2.5 / (1 + n / 900), 180_000 + n % 977)
        )
    block = b"".join(lines)
    return block * (size // len(block) + 1)


def make_sparse(path: Path) -> None:
    """5 GB: 10 MB of text, a hole, 10 MB of text."""
    text = chatter(10 * MB)
    with path.open("wb") as file:
        file.write(text)
        file.seek(5 * GB - len(text))
        file.write(text)


def times(work: Callable[[], object], count: int = 21) -> Figures:
    """Median and worst time of some calls, in ms."""
    took = []
    for _ in range(count):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000)
    return {"median_ms": round(statistics.median(took), 3), "worst_ms": round(max(took), 3)}


def drop_cache(path: Path) -> None:
    """Have the kernel forget what it holds of a file."""
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def pages_up(reader: LogReader, pages: int) -> Callable[[], None]:
    """Reads so many times what comes before, as scrolling up does."""

    def read() -> None:
        start = reader.tail(ROWS).lines[0].start
        for _ in range(pages):
            lines = reader.before(start, ROWS).lines
            start = lines[0].start

    return read


def speed(reader: LogReader, matcher: Matcher, *, backward: bool = False) -> float:
    """MB a second of a search that finds nothing."""
    size = reader.look().part.size
    search = Search(reader, matcher)
    began = time.perf_counter()
    if backward:
        found = search.backward(size, 0, lambda _: True)
    else:
        found = search.forward(0, size, lambda _: True)
    took = time.perf_counter() - began
    assert found.line is None and found.searched_bytes == size
    return round(size / MB / took)


def following(path: Path, appended: bytes) -> Figures:
    """One look at a log, which grew by this much since the last."""
    reader = LogReader(LocalFile(str(path)))
    known, stretch = opened(reader, ROWS)
    took = []
    with path.open("ab") as file:
        for _ in range(101):
            file.write(appended)
            file.flush()
            began = time.perf_counter()
            found = follow_on(reader, known, stretch.lines[-1].end, ROWS)
            took.append((time.perf_counter() - began) * 1000)
            known = found.known
            if found.stretch is not None:
                stretch = found.stretch
    return {"median_ms": round(statistics.median(took), 3), "worst_ms": round(max(took), 3)}


class Alone(App[None]):
    """The view and nothing else."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.view = LogView(LocalFile(str(path)), time.time, UNICODE)

    def compose(self) -> ComposeResult:
        """The view."""
        yield self.view


async def viewing(path: Path) -> dict[str, float]:
    """Opening a log in the view, and the longest stall of the event loop while it searches."""
    app = Alone(path)
    async with app.run_test(size=(200, 60)) as pilot:
        await pilot.pause()
        view = app.view
        gaps: list[float] = []

        async def beat() -> None:
            last = time.perf_counter()
            while True:
                await asyncio.sleep(BEAT_S)
                now = time.perf_counter()
                gaps.append(now - last - BEAT_S)
                last = now

        async def done() -> None:
            while not view.is_settled:
                await asyncio.sleep(BEAT_S)

        await done()
        gc.collect()
        gc.freeze()  # as the app does with what stays
        began = time.perf_counter()
        view.show_source(LocalFile(str(path)))
        await done()
        opened_ms = (time.perf_counter() - began) * 1000
        heart = asyncio.create_task(beat())
        began = time.perf_counter()
        view.search("no such words")
        while view._search is not None:
            view.move_pages(-1)
            await asyncio.sleep(0.05)
        searched_s = time.perf_counter() - began
        heart.cancel()
        gaps.sort()
        return {
            "open_ms": round(opened_ms, 1), "search_s": round(searched_s, 2),
            "longest_stall_ms": round(gaps[-1] * 1000, 1),
            "stall_p99_ms": round(gaps[int(len(gaps) * 0.99)] * 1000, 1),
        }  # fmt: skip


def measure(folder: Path) -> dict[str, object]:
    """Every figure."""
    sparse, plain, coloured, bar = (folder / name for name in ("sparse", "plain", "colour", "bar"))
    make_sparse(sparse)
    plain.write_bytes(chatter(300 * MB))
    coloured.write_bytes(chatter(100 * MB, coloured=True))
    bar.write_bytes(b"start\n" + b"".join(b"\r%9d/9999999 it, %s" % (n, b"#" * 80)
                                          for n in range(2_000_000)))  # fmt: skip
    reader = LogReader(LocalFile(str(sparse)))
    real = LogReader(LocalFile(str(plain)))
    drop_cache(sparse)
    began = time.perf_counter()
    opened(reader, ROWS)
    cold_ms = round((time.perf_counter() - began) * 1000, 2)
    numbers = LineNumbers(LocalFile(str(plain)))
    began = time.perf_counter()
    numbers.count_on(plain.stat().st_size, 1 << 40)
    counted_s = time.perf_counter() - began
    loud, quiet = TextMatcher("NoSuchWord"), TextMatcher("no such word")
    errors = ErrorMatcher(PLAIN_WORDS)
    return {
        "open_5gb_cold_ms": cold_ms,
        "open_5gb": times(lambda: opened(reader, ROWS)),
        "middle_of_a_5gb_hole": times(lambda: reader.around(5 * GB // 2, ROWS, ROWS)),
        "100_pages_up_300mb": times(pages_up(real, 100), 3),
        "end_of_a_200mb_progress_bar": times(
            lambda: opened(LogReader(LocalFile(str(bar))), ROWS), 5
        ),
        "search_mb_a_second": {
            "exact": speed(real, loud), "any_case": speed(real, quiet),
            "any_case_backward": speed(real, quiet, backward=True),
            "coloured": speed(LogReader(LocalFile(str(coloured))), quiet),
            "first_error": speed(real, errors), "any_case_5gb_sparse": speed(reader, quiet),
        },
        "count_lines_mb_a_second": round(plain.stat().st_size / MB / counted_s),
        "poll_unchanged": following(plain, b""),
        "poll_10_new_lines": following(plain, b"epoch 3 loss=0.1234 and some more words\n" * 10),
        "poll_of_a_5gb_log": following(sparse, b"one more line\n"),
        "view_300mb": asyncio.run(viewing(plain)),
        "view_5gb": asyncio.run(viewing(sparse)),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    where = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=where) as folder:
        print(json.dumps(measure(Path(folder)), indent=2))


if __name__ == "__main__":
    main()
