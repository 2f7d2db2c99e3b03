"""The history of a real scheduler's jobs, through a real collector."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from jobshape.app.board.board import Board
from jobshape.app.collector.client import CollectorClient
from jobshape.app.collector.spawn import CollectorProcess
from jobshape.app.collector.start import Start
from jobshape.app.domain.past import PastJob
from jobshape.app.history.history import History
from jobshape.app.history.query import JobQuery

from .sites import TestSite


def kept(path: Path) -> dict[str, PastJob]:
    history = History.to_read(path)
    if history is None:
        return {}
    with history:
        return {past.record.job.label: past for past in history.jobs(JobQuery())}


async def test_real_jobs_reach_it_with_what_they_used(site: TestSite, tmp_path: Path) -> None:
    early = site.submit("exit 3", name="before")
    site.wait(early, "FAILED")
    path = tmp_path / "history.db"
    start = Start(
        backend="local", local=site.site.head(), history=str(path), site="desk",
        stage_rules=[{"stage": "eval", "name": "^task"}], fastest_s=1.0, slowest_s=1.0,
    )  # fmt: skip
    board = Board()
    client = CollectorClient(CollectorProcess(start), board, lambda: None)
    client.start()
    try:
        array = site.submit("x=$(head -c 30000000 /dev/zero | tr '\\0' x); sleep 2", name="task",
                            array="1-2")  # fmt: skip
        held = site.submit("true", name="held", hold=True)
        names = {early, held, f"{array}_1", f"{array}_2"}

        def complete() -> bool:
            found = kept(path)
            ended = names - {held}
            return names <= found.keys() and all(
                found[name].record.elapsed_s is not None
                and found[name].record.job.end_time is not None
                for name in ended
            )

        deadline = time.monotonic() + 60
        while not complete():
            assert time.monotonic() < deadline, (kept(path), board.history, client.log)
            await asyncio.sleep(0.1)
    finally:
        await client.close()
    found = kept(path)
    assert (found[early].record.job.state, found[early].record.job.exit_code) == ("FAILED", "3:0")
    assert found[held].record.job.state == "PENDING"
    task = found[f"{array}_1"]
    assert (task.site, task.record.job.state, task.record.job.stage) == (
        "desk", "COMPLETED", "eval",
    )  # fmt: skip
    assert (task.record.max_rss_bytes or 0) > 20_000_000
    assert (task.record.elapsed_s or 0) >= 2
    assert len(found) == len(names)
