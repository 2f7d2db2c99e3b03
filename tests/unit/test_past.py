"""What history knows, asked beside the loop: on a real file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from jobshape.app.acting.beside import beside
from jobshape.app.board.board import Board
from jobshape.app.board.history_state import HistoryState
from jobshape.app.domain.errors import JobshapeError
from jobshape.app.domain.finding import Evidence, Finding
from jobshape.app.domain.job import NO_JOB, AccountedJob, Job, Usage
from jobshape.app.history.history import History
from jobshape.app.past import HistoryPast

NOW = 1_800_000_000


def job(job_id: int, state: str = "COMPLETED", **more: object) -> Job:
    known: dict[str, object] = {
        "job_id": job_id, "state": state, "name": f"train-{job_id}", "user": "alice",
        "stage": "training", "submit_time": NOW - 5000, "start_time": NOW - 4000,
        "end_time": NOW - 1000,
    }  # fmt: skip
    return NO_JOB._replace(**{**known, **more})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "history.db"
    with History.to_write(made) as history:
        runs = [AccountedJob(job(n), 100 * n, 1.0, 1 << 20, "0:0") for n in (1, 2, 3)]
        history.record_jobs("box", runs, from_queue=False)
        history.record_jobs("box", [job(9, "RUNNING", end_time=None)], from_queue=True)
    return made


def past_of(path: Path) -> HistoryPast:
    board = Board()
    board.set_history(HistoryState(str(path), "box"))
    return HistoryPast(board)


async def test_runs_and_what_is_typical(path: Path) -> None:
    past = past_of(path)
    runs = await past.stage_runs(NOW - 9000, 10)
    assert runs is not None and {run.record.job.job_id for run in runs} == {1, 2, 3}
    assert await past.typical_s(job(77, "RUNNING")) == 200
    assert await past.typical_s(job(77, "RUNNING", name="other")) is None


async def test_findings_are_kept(path: Path) -> None:
    past = past_of(path)
    finding = Finding("timeout", 0.9, "HIGH", "t", "w", "f", "raise_walltime", "no",
                      (Evidence("slurm", "State", None, "TIMEOUT"),), "r")  # fmt: skip
    assert list(await past.findings(job(1))) == []
    await past.keep_findings(job(1), [finding])
    assert list(await past.findings(job(1))) == [finding]
    with pytest.raises(JobshapeError):
        await past.keep_findings(job(1234), [finding])


async def test_acknowledged_alerts_are_kept(path: Path) -> None:
    past = past_of(path)
    await past.acknowledge(["a", "b"])
    assert await past.acknowledged() == {"a", "b"}
    other = Board()
    other.set_history(HistoryState(str(path), "elsewhere"))
    assert await HistoryPast(other).acknowledged() == set()


async def test_usage_and_lineage(path: Path) -> None:
    with History.to_write(path) as history:
        history.record_usage("box", [Usage(9, NOW, 5, 5, 1.0)])
        history.record_origin("box", 3, resubmitted_from=2)
    past = past_of(path)
    series = await past.usage_series(job(9))
    assert series is not None and [one.memory_bytes for one in series] == [5]
    line = await past.lineage(job(3))
    assert line is not None
    assert [one.record.job.job_id for one in line.before] == [2]
    line = await past.lineage(job(2))
    assert line is not None and [one.record.job.job_id for one in line.after] == [3]


async def test_without_a_history_nothing_is_known(tmp_path: Path) -> None:
    for past in (HistoryPast(Board()), past_of(tmp_path / "none.db")):
        assert await past.stage_runs(0, 5) is None
        assert await past.usage_series(job(1)) is None
        assert await past.lineage(job(1)) is None
        assert await past.typical_s(job(1)) is None
        assert list(await past.findings(job(1))) == []
    await HistoryPast(Board()).acknowledge(["a"])
    assert not (tmp_path / "none.db").exists()


async def test_what_a_thread_raises_is_raised_here() -> None:
    def fail() -> None:
        raise JobshapeError("no")

    with pytest.raises(JobshapeError, match="no"):
        await beside(fail)


async def test_nobody_waits_for_an_answer_any_more() -> None:
    task = asyncio.create_task(beside(lambda: 1))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
