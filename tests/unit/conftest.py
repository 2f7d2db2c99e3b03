"""What tests of settings and commands share: folders of their own, jobshape in a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

Finished = subprocess.CompletedProcess[str]
RunJobshape = Callable[..., Finished]


@pytest.fixture
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings, state, cache, home and working folder of this test alone; gives the home."""
    for name in [name for name in os.environ if name.startswith("JOBSHAPE_")]:
        monkeypatch.delenv(name)
    for kind in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"JOBSHAPE_{kind}_DIR", str(tmp_path / kind.lower()))
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home / "work")
    return home


@pytest.fixture
def run_python(own_folders: Path) -> RunJobshape:
    """Run this Python with these arguments, in the test's own folders."""

    def run(arguments: Sequence[str], *, path: str | None = None, **options: object) -> Finished:
        environment = dict(os.environ)
        if path is not None:
            environment["PATH"] = path
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL, check=False, **options,  # type: ignore[call-overload]
        )  # fmt: skip

    return run
