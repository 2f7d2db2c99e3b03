"""A campaign whose process was killed goes on once somebody starts or stops it again."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from jobshape.app import rounds_process
from jobshape.app.domain.errors import BadRequest
from jobshape.app.rounds.reading import read_manifest
from jobshape.app.rounds.store import Store
from jobshape.app.rounds_control import start_campaign, wish
from jobshape.app.settings.load import load_settings

MANIFEST = """
project: revive
stages: [{name: t, command: [sleep, "600"], shape: {memory: 50M, time: 0:20:00}}]
phases: [{name: p, stage: t, preconditions: [{file: never}], jobs: [{id: j0}]}]
"""
PATIENCE_S = 60.0


def _kill_runner() -> None:
    pid = int(rounds_process.lock_path("local").read_text().split()[0])
    os.kill(pid, signal.SIGKILL)
    _wait(lambda: not rounds_process.is_running("local"))


def _wait(holds: object) -> None:
    assert callable(holds)
    until = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_killed_runner_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBSHAPE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("JOBSHAPE_CONFIG_DIR", str(tmp_path / "config"))
    path = tmp_path / "jobshape.yaml"
    path.write_text(MANIFEST)
    loaded = load_settings({"site.name": ("local", "a test")})
    number = start_campaign(loaded, read_manifest(path))
    try:
        _kill_runner()
        with pytest.raises(BadRequest, match="is active"):
            start_campaign(loaded, read_manifest(path))
        assert rounds_process.is_running("local")
    finally:
        with Store.to_write(rounds_process.store_path()) as store:
            wish(loaded, "stop", number, as_json=True, say=lambda *_: None)
            _kill_runner()
            store.set_campaign(number, state="stopping")  # killed before it had cancelled all
            wish(loaded, "stop", number, as_json=True, say=lambda *_: None)
            _wait(lambda: getattr(store.campaign(number), "state", "") == "stopped")
    _wait(lambda: not rounds_process.is_running("local"))
