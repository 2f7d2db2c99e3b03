"""An app that holds only a log view, with the keys a screen would give it, and recorded logs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from driving import LONGEST_S
from jobshape.app.domain.log_part import FOUND, LogPart
from jobshape.app.logs.source import LogSource
from jobshape.widgets.glyphs import ASCII, UNICODE
from jobshape.widgets.log_view import LogView
from recorded import NOW
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.pilot import Pilot

PATH = "/scratch/ann/runs/2026-01-07/train-resnet-812.out"


class RecordedLog:
    """A log that is in memory: what it holds, and what becomes of it, is up to the test."""

    block_bytes = 1 << 20
    far_bytes = 4 << 20
    count_bytes = 1 << 40
    poll_s = 1.0

    def __init__(
        self, data: bytes = b"", *, state: str = FOUND, why: str = "", path: str = PATH
    ) -> None:
        self.path = path
        self.data = data
        self.state = state
        self.why = why
        self.mark = "1:1"
        self.modified_at = NOW - 3

    def stat(self) -> LogPart:
        """What is known of it."""
        return self.read(0, 0)

    def read(self, offset: int, size: int) -> LogPart:
        """A part of it."""
        if self.state != FOUND:
            return LogPart(self.state, self.why)
        start = max(0, len(self.data) + offset) if offset < 0 else offset
        return LogPart(FOUND, "", start, self.data[start : start + size], len(self.data),
                       self.modified_at, self.mark)  # fmt: skip


class LogApp(App[None]):
    """The view alone."""

    BINDINGS = [
        Binding("F", "follow"), Binding("n", "next"), Binding("N", "back"), Binding("e", "error"),
        Binding("g", "top"), Binding("G", "bottom"), Binding("w", "wrap"), Binding("l", "numbers"),
        Binding("o", "on_node"), Binding("j", "rows(1)"), Binding("k", "rows(-1)"),
        Binding("pagedown", "pages(1)"), Binding("pageup", "pages(-1)"),
        Binding("right", "sideways(20)"), Binding("left", "sideways(-20)"),
    ]  # fmt: skip

    def __init__(
        self,
        source: LogSource,
        *,
        on_node: LogSource | None = None,
        clock: Callable[[], float] = lambda: NOW,
        theme: str = "textual-dark",
        ascii: bool = False,
    ) -> None:
        super().__init__()
        self.said: list[object] = []
        self._theme = theme
        self.view = LogView(source, clock, ASCII if ascii else UNICODE, on_node=on_node, node="n3")

    def compose(self) -> ComposeResult:
        """Only the view."""
        yield self.view

    def on_mount(self) -> None:
        """In the wanted theme."""
        self.theme = self._theme
        self.view.focus()

    def on_log_view_follow_changed(self, message: LogView.FollowChanged) -> None:
        """Keep it for the test."""
        self.said.append(message.follows)

    def on_log_view_search_ended(self, message: LogView.SearchEnded) -> None:
        """Keep it for the test."""
        self.said.append("found" if message.found else "not found")

    def action_follow(self) -> None:
        """Follow or stay."""
        self.view.follow(not self.view.state.follows)

    def action_next(self) -> None:
        """The next match."""
        self.view.next_hit()

    def action_back(self) -> None:
        """The match before."""
        self.view.next_hit(backward=True)

    def action_error(self) -> None:
        """The first error."""
        self.view.first_error()

    def action_top(self) -> None:
        """The beginning."""
        self.view.move_to_top()

    def action_bottom(self) -> None:
        """The end."""
        self.view.move_to_bottom()

    def action_wrap(self) -> None:
        """Wrap or cut."""
        self.view.toggle_wrap()

    def action_numbers(self) -> None:
        """Line numbers."""
        self.view.toggle_numbers()

    def action_on_node(self) -> None:
        """Through srun."""
        self.view.read_on_node()

    def action_rows(self, rows: int) -> None:
        """Scroll."""
        self.view.move_rows(rows)

    def action_pages(self, pages: int) -> None:
        """Scroll by pages."""
        self.view.move_pages(pages)

    def action_sideways(self, columns: int) -> None:
        """Scroll to the side."""
        self.view.move_sideways(columns)


def view_of(pilot: Pilot[None]) -> LogView:
    """The view of the app that is driven."""
    assert isinstance(pilot.app, LogApp)
    return pilot.app.view


async def settled(pilot: Pilot[None]) -> LogView:
    """Wait until no thread is at work and all is drawn."""
    view = view_of(pilot)
    deadline = asyncio.get_running_loop().time() + LONGEST_S
    while asyncio.get_running_loop().time() < deadline:
        await pilot.pause()
        if view.is_settled:
            await pilot.pause()
            return view
        await asyncio.sleep(0.002)
    raise AssertionError("the view never came to rest")


def training_log(epochs: int = 40) -> bytes:
    """What a training run writes: chatter, progress bars, colours, a warning, a traceback."""
    lines = [
        b"Loading modules: cuda/12.4 cudnn/9.1 python/3.11\n",
        b"\x1b[1;34mINFO\x1b[0m  2026-01-07 09:12:04 train: 4 x A100, batch 256, lr 3.0e-4\n",
        b"\x1b[1;34mINFO\x1b[0m  2026-01-07 09:12:09 data: 1,281,167 images in 147 shards, "
        b"cache /local/ann/812/imagenet-256 (hit rate 0.0 %), 12 workers, prefetch 4, pinned "
        b"memory, shuffle buffer 65,536, \xe6\x95\xb0\xe6\x8d\xae\xe9\xa2\x84\xe5\xa4\x84"
        b"\xe7\x90\x86 done\n",
        b"/opt/torch/lr_scheduler.py:224: UserWarning: call optimizer.step() before "
        b"lr_scheduler.step()\n",
    ]
    for epoch in range(1, epochs + 1):
        bar = b"".join(
            b"\repoch %3d: %3d%%|%-20s| loss=%.3f" % (
                epoch, done, b"#" * (done // 5), 2.5 / epoch + done / 1000
            )
            for done in range(0, 101, 2)
        )  # fmt: skip
        lines.append(bar + b"\n")
        lines.append(b"epoch %3d val top1=%.2f top5=%.2f\n" % (epoch, 60 + epoch / 3, 80.25))
    lines.append(b"\0\0\0\0\0\0\x07\x1b]0;owned\x07[bold red]not markup[/]\n")
    lines += [
        b"Traceback (most recent call last):\n",
        b'  File "/home/ann/train.py", line 212, in <module>\n',
        b"    main()\n",
        b"torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB\n",
        b"srun: error: n3: task 0: Exited with exit code 1\n",
    ]
    return b"".join(lines)
