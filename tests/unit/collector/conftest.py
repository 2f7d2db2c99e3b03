"""A collector on a pretend site, and its client."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.board.board import Board
from jobshape.app.collector.client import CollectorClient
from jobshape.app.collector.spawn import CollectorProcess
from jobshape.app.collector.start import Start

FAST = {"fastest_s": 0.1, "slowest_s": 0.5}


class Site:
    """The file that a PretendSite obeys."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "site.json"
        self.tell(jobs=3)

    def tell(self, **told: Any) -> None:
        new = self.file.with_suffix(".new")
        new.write_text(json.dumps(told))
        new.replace(self.file)

    def calls(self, what: str) -> list[int]:
        """The process ids of the calls of this kind so far."""
        log = Path(f"{self.file}.calls")
        lines = log.read_text().split("\n") if log.exists() else []
        return [int(line.split()[1]) for line in lines if line.startswith(f"{what} ")]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(tmp_path)
    monkeypatch.setenv("PRETEND_SITE", str(made.file))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    return made


def start_of(**settings: Any) -> Start:
    return Start(**{"backend": "pretend_site:PretendSite", **FAST, **settings})


class Watched:
    """A client, its board, and ways to wait for what it shall show."""

    def __init__(self, **settings: Any) -> None:
        self.process = CollectorProcess(start_of(**settings))
        self.board = Board()
        self.changes = 0
        self.client = CollectorClient(self.process, self.board, self._changed)

    def _changed(self) -> None:
        self.changes += 1

    async def until(self, holds: Callable[[], object], timeout_s: float = 30.0) -> None:
        deadline = time.monotonic() + timeout_s
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"not in {timeout_s} s; {self.board.link} {self.client.log}")
            await asyncio.sleep(0.01)

    @property
    def states(self) -> dict[int, str]:
        return {job_id: job.state for job_id, job in self.board.jobs.items()}

    @property
    def collector_pid(self) -> int:
        return self.client._process.pid


@pytest.fixture
async def watch(site: Site) -> AsyncIterator[Callable[..., Watched]]:
    watched: list[Watched] = []

    def make(**settings: Any) -> Watched:
        watched.append(Watched(**settings))
        watched[-1].client.start()
        return watched[-1]

    yield make
    for each in watched:
        await each.client.close()
