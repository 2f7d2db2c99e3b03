"""What the screen tests share: a fixed world around the app, and a way to wait without sleeping."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import textual
from textual.widgets import Input

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent))

PINNED = ("8.2.8", (3, 11))
"""Textual and Python whose pictures are kept: others draw a few cells differently."""


@pytest.fixture(autouse=True)
def fixed_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Time zone, locale, terminal and home are the same everywhere."""
    for name in ("NO_COLOR", "COLUMNS", "LINES", "SSH_CONNECTION", "TEXTUAL_COLOR_SYSTEM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("HOME", str(tmp_path))
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def pinned(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures are compared, and above all updated, only where they were made; no cursor blinks."""
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)
    here = (textual.__version__, sys.version_info[:2])
    if here == PINNED:
        return
    if request.config.getoption("--snapshot-update"):
        pytest.fail(f"pictures are updated on Textual and Python {PINNED} only, not {here}")
    pytest.skip(f"pictures were made on Textual and Python {PINNED}, this is {here}")

    """The default one, whatever a plugin thinks."""
    return asyncio.DefaultEventLoopPolicy()
