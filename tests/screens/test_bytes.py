"""What goes to the terminal, in a real one: bytes and frames are exact, so they are asserted."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from terminal import Terminal

BYTES_A_KEY, BYTES_A_REFRESH = 700, 4096
"""DESIGN.md, Budgets."""

BYTES_A_PAGE, BYTES_A_SCROLL, BYTES_AT_START = 9_000, 1_100, 24_000
"""No budget of DESIGN.md; what 160x48 took when it was measured, and a little more."""

QUIET_S = 0.3


class Probe:
    """The app on a made-up board of so many rows, and a hand on its board."""

    def __init__(
        self, rows: int, *, theme: str = "auto", size: tuple[int, int] = (160, 48)
    ) -> None:
        receiver, self._sender = os.pipe()
        os.set_inheritable(receiver, True)
        script = str(Path(__file__).parent / "board_app.py")
        self.terminal = Terminal(
            [sys.executable, script, str(rows), "--theme", theme],
            columns=size[0], rows=size[1],
            env={"BOARD_APP_FD": str(receiver), "TZ": "UTC", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        os.close(receiver)
        self.terminal.wait_for("by submitted", 60)
        self.terminal.wait_quiet(QUIET_S, 20)

    def spent(self, *keys: str, command: str = "") -> tuple[int, int]:
        """Bytes and frames that keys, or a command to the board, cost."""
        terminal = self.terminal
        terminal.wait_quiet(QUIET_S)
        bytes_before, frames_before = terminal.bytes_seen, terminal.frames_seen
        terminal.press(*keys)
        if command:
            os.write(self._sender, f"{command}\n".encode())
        terminal.watch(QUIET_S)
        terminal.wait_quiet(QUIET_S)
        return terminal.bytes_seen - bytes_before, terminal.frames_seen - frames_before

    def close(self) -> None:
        """End it."""
        self.terminal.close()
        os.close(self._sender)


@contextmanager
def probing(rows: int, **more: object) -> Iterator[Probe]:
    probe = Probe(rows, **more)  # type: ignore[arg-type]
    try:
        yield probe
    finally:
        probe.close()


@pytest.fixture(scope="module")
def large() -> Iterator[Probe]:
    """20,000 jobs of everybody's, 160x48, truecolor."""
    with probing(20_000) as probe:
        yield probe


def test_first_screen(large: Probe) -> None:
    assert large.terminal.bytes_seen <= BYTES_AT_START


def test_cursor_key(large: Probe) -> None:
    for key in ("down", "down", "j", "j", "up", "k"):
        spent, frames = large.spent(key)
        assert 0 < spent <= BYTES_A_KEY
        assert frames == 1


def test_nothing_changed_writes_nothing(large: Probe) -> None:
    assert large.spent() == (0, 0)
    assert large.spent(command="same") == (0, 0)


def test_refresh_that_changes_twenty_cells(large: Probe) -> None:
    spent, frames = large.spent(command="change 20")
    assert 20 < spent <= BYTES_A_REFRESH
    assert frames == 1


def test_page(large: Probe) -> None:
    spent, frames = large.spent("pagedown")
    assert spent <= BYTES_A_PAGE
    assert frames <= 2
    large.spent("home")


def test_line_scrolled(large: Probe) -> None:
    large.spent(*["j"] * 60)
    spent, frames = large.spent("j")
    assert spent <= BYTES_A_SCROLL
    assert frames <= 2
    large.spent("home")


def test_burst_of_keys_is_not_thirty_frames(large: Probe) -> None:
    spent, frames = large.spent(*["j"] * 30)
    assert frames < 15
    assert spent < 30 * BYTES_A_KEY / 2
    large.spent("home")


def test_an_ansi_theme_is_cheaper() -> None:
    with probing(0, theme="ansi-dark") as probe:
        spent, frames = probe.spent("down")
        assert 0 < spent <= 560
        assert frames == 1


@pytest.mark.parametrize("rows", [20_000, 100_000])
def test_keys_work_on_a_large_board(rows: int, capsys: pytest.CaptureFixture[str]) -> None:
    with probing(rows) as probe:
        terminal = probe.terminal
        took_s = [terminal.time_key("down") for _ in range(20)]
        assert None not in took_s
        terminal.press("end")
        terminal.wait_for(f"{rows:,}/{rows:,}")
        terminal.press("/")
        terminal.wait_for("^ /")
        pressed = time.monotonic()
        for char in "seed7":
            terminal.press(char)
        wanted = sum(n % 13 == 7 for n in range(rows))
        filtered_s = terminal.wait_for(f"{wanted:,} of {rows:,}") - pressed
        terminal.press("enter", "S")
        terminal.wait_for(r"by submitted▲")
    with capsys.disabled():
        times = sorted(1000 * one for one in took_s if one is not None)
        print(
            f"\n{rows:,} rows: cursor key {statistics.median(times):.1f} ms median, "
            f"{times[-1]:.1f} ms worst of {len(times)}; filter {1000 * filtered_s:.0f} ms"
        )
