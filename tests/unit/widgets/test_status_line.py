"""What stands in the status line, and for how long."""

from __future__ import annotations

import asyncio

from jobshape.app.board.board import Board
from jobshape.widgets.glyphs import UNICODE
from jobshape.widgets.status_line import MESSAGE_FOR_S, StatusLine
from textual.app import App, ComposeResult


class LineApp(App[None]):
    now = 100.0

    def compose(self) -> ComposeResult:
        self.line = StatusLine(Board(), lambda: self.now, UNICODE)
        yield self.line

    def read(self) -> str:
        (pieces,) = self.line.build(60, 1)
        return "".join(text for text, _ in pieces).strip()


def test_news_wait_until_the_answer_to_a_key_was_read() -> None:
    async def run() -> None:
        app = LineApp()
        async with app.run_test(size=(60, 3)):
            app.line.tell("9112 ran out of memory", problem=True)
            assert app.read() == "9112 ran out of memory"
            app.line.say("resubmitted 1 job as 9113")
            app.line.tell("9114 failed")
            app.now += MESSAGE_FOR_S / 2
            assert app.read() == "resubmitted 1 job as 9113"
            app.line.say("nothing to undo")  # the news wait on
            app.now += MESSAGE_FOR_S - 1
            assert app.read() == "nothing to undo"
            app.now += 1
            assert app.read() == "9114 failed"
            app.line.say("held 1 job")  # an answer comes at once
            assert app.read() == "held 1 job"
            app.now += MESSAGE_FOR_S
            assert "9114" not in app.read() and "held" not in app.read()

    asyncio.run(run())
