"""The collector feeds the history: what it sees, what accounting tells, and what goes wrong."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from jobshape.app.domain.job import NO_JOB
from jobshape.app.domain.past import PastJob
from jobshape.app.history.history import History
from jobshape.app.history.query import JobQuery

Watch = Callable[..., Any]
NOTHING_OLD = {"accounted": {}}
QUICK = {"fastest_s": 0.05, "slowest_s": 0.2}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "history.db"


def kept(path: Path) -> dict[int, PastJob]:
    history = History.to_read(path)
    if history is None:
        return {}
    with history:
        return {past.record.job.job_id: past for past in history.jobs(JobQuery(limit=10_000))}


def states(path: Path) -> dict[int, str]:
    return {job_id: past.record.job.state for job_id, past in kept(path).items()}


async def test_what_is_seen_is_kept(site: Any, watch: Watch, path: Path) -> None:
    site.tell(ids={1: "RUNNING", 2: "PENDING"}, **NOTHING_OLD)
    w = watch(**QUICK, history=str(path), stage_rules=[{"stage": "training", "name": "^train"}])
    w.client.set_attention(True, ("1",))
    await w.until(lambda: states(path) == {1: "RUNNING", 2: "PENDING"})
    past = kept(path)[1]
    assert (past.site, past.record.job.name, past.record.job.stage) == (
        "box",
        "train 1",
        "training",
    )
    site.tell(ids={1: "RUNNING", 2: "RUNNING"}, **NOTHING_OLD)
    await w.until(lambda: states(path) == {1: "RUNNING", 2: "RUNNING"})

    def sampled() -> bool:
        history = History.to_read(path)
        assert history is not None
        with history:
            return bool(history.usage_series("box", 1))

    await w.until(sampled)
    await w.until(lambda: w.board.history.jobs == 2)
    assert (w.board.history.path, w.board.history.site) == (str(path), "box")
    assert w.board.history.trouble == ""


@pytest.mark.parametrize("before", [True, False])
async def test_only_the_jobs_of_this_user_are_kept(
    site: Any, watch: Watch, path: Path, before: bool
) -> None:
    site.tell(jobs=3, **NOTHING_OLD)
    w = watch(**QUICK, history=str(path), site="work", scope="all" if before else "mine")
    if not before:
        await w.until(lambda: w.board.link.user)
        w.client.set_scope("all")
    await w.until(lambda: 999_999 in w.states)
    await w.until(lambda: sorted(kept(path)) == [1, 2, 3])
    site.tell(jobs=4, **NOTHING_OLD)
    await w.until(lambda: sorted(kept(path)) == [1, 2, 3, 4])
    assert {past.site for past in kept(path).values()} == {"work"}


async def test_where_nothing_changes_nothing_is_written(
    site: Any, watch: Watch, path: Path
) -> None:
    site.tell(jobs=3, **NOTHING_OLD)
    w = watch(**QUICK, history=str(path), history_days=0.5)
    await w.until(lambda: len(kept(path)) == 3 and w.board.history.jobs == 3)
    await w.until(lambda: len(site.calls("accounting")) >= 2)
    await w.until(lambda: w.board.history.message == "" and not w.board.history.is_filling)
    wal = path.with_name("history.db-wal")
    await w.until(lambda: not wal.exists())  # nobody has it open any more
    written, asked = w.board.history.written, len(site.calls("queue"))
    accounted, changed_at = len(site.calls("accounting")), path.stat().st_mtime_ns
    await w.until(lambda: len(site.calls("queue")) >= asked + 4)
    assert (w.board.history.written, len(site.calls("accounting"))) == (written, accounted)
    assert path.stat().st_mtime_ns == changed_at


async def test_earlier_jobs_are_read_once_day_by_day(site: Any, watch: Watch, path: Path) -> None:
    ended = {100 + i: i + 0.5 for i in range(5)}
    site.tell(jobs=1, ended=ended)
    w = watch(**QUICK, history=str(path), history_days=4.0)
    seen: list[tuple[int, int]] = []

    def done() -> bool:
        state = w.board.history
        if state.slices_total and (not seen or seen[-1][0] != state.slices_done):
            seen.append((state.slices_done, state.slices_total))
            assert "earlier jobs" in state.message
        return len(kept(path)) == 5 and not state.is_filling and state.message == ""

    await w.until(done)
    assert sorted(kept(path)) == [1, 100, 101, 102, 103]
    assert kept(path)[103].record.max_rss_bytes == 7
    assert {total for _, total in seen} == {4}
    asked = len(site.calls("accounting"))
    await w.client.close()

    again = watch(**QUICK, history=str(path), history_days=4.0)
    await again.until(lambda: again.board.history.jobs == 5)
    await again.until(lambda: len(site.calls("accounting")) >= asked + 2)  # the list's, and one
    await again.until(lambda: again.board.history.message == "")
    assert len(site.calls("accounting")) == asked + 2


async def test_reading_earlier_jobs_goes_on_where_it_was_killed(
    site: Any, watch: Watch, path: Path
) -> None:
    site.tell(jobs=0, ended={100 + i: i + 0.5 for i in range(9)})
    w = watch(**QUICK, history=str(path), history_days=9.0)
    await w.until(lambda: len(kept(path)) >= 3)
    w.process._process.kill()
    await w.until(lambda: len(kept(path)) == 9)  # by the collector that took its place
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_a_job_that_ends_gets_what_it_used(site: Any, watch: Watch, path: Path) -> None:
    site.tell(ids={1: "RUNNING"}, **NOTHING_OLD)
    w = watch(**QUICK, history=str(path))
    await w.until(lambda: states(path) == {1: "RUNNING"})
    site.tell(ids={1: "COMPLETED"}, accounted={1: "COMPLETED"})
    await w.until(lambda: kept(path)[1].record.max_rss_bytes == 1)
    assert states(path) == {1: "COMPLETED"}


async def test_a_missing_job_gets_its_end_from_accounting(
    site: Any, watch: Watch, path: Path
) -> None:
    site.tell(ids={1: "RUNNING"}, **NOTHING_OLD)
    w = watch(**QUICK, history=str(path))
    await w.until(lambda: states(path) == {1: "RUNNING"})
    site.tell(ids={}, accounted={1: "OUT_OF_MEMORY"})
    await w.until(lambda: states(path) == {1: "OUT_OF_MEMORY"})
    await w.until(lambda: kept(path)[1].record.max_rss_bytes == 1)


async def test_without_accounting_it_says_so_and_keeps_what_was_seen(
    site: Any, watch: Watch, path: Path
) -> None:
    with History.to_write(path) as history:
        running = NO_JOB._replace(job_id=77, state="RUNNING")
        history.record_jobs("box", [running], from_queue=True)
    site.tell(ids={1: "RUNNING", 2: "RUNNING"}, without=["accounting"])
    w = watch(**QUICK, history=str(path))
    await w.until(lambda: "no accounting on this site (no slurmdbd)" in w.board.history.message)
    await w.until(lambda: len(kept(path)) == 3)
    await w.until(lambda: kept(path)[77].end_unknown)  # it ended while nobody looked
    assert not kept(path)[1].end_unknown
    site.tell(ids={1: "RUNNING"}, without=["accounting"])
    await w.until(lambda: kept(path)[2].end_unknown)
    assert states(path)[2] == "RUNNING"
    with History.to_write(path) as history:
        assert "no accounting on this site" in history.remark("box")


async def test_what_cannot_be_written_waits_and_is_told(
    site: Any, watch: Watch, tmp_path: Path
) -> None:
    blocker = tmp_path / "state"
    blocker.write_text("")
    path = blocker / "history.db"
    site.tell(jobs=3, **NOTHING_OLD)
    w = watch(**QUICK, history=str(path))
    await w.until(lambda: any("history cannot be kept" in note for note in w.board.link.notes))
    assert "history cannot be kept" in w.board.history.trouble
    assert len(w.states) == 3  # the screen goes on
    blocker.unlink()
    await w.until(lambda: len(kept(path)) == 3)
    await w.until(lambda: not w.board.history.trouble)
    await w.until(lambda: not w.board.link.notes)


async def test_what_waits_is_written_when_the_app_goes(site: Any, watch: Watch, path: Path) -> None:
    site.tell(jobs=3, **NOTHING_OLD)
    w = watch(history=str(path), site="work", fastest_s=5.0, slowest_s=5.0)
    await w.until(lambda: len(w.states) == 3)
    await w.client.close()
    assert len(kept(path)) == 3


async def test_switched_off_it_makes_no_file(site: Any, watch: Watch, path: Path) -> None:
    site.tell(jobs=3, **NOTHING_OLD)
    w = watch()
    await w.until(lambda: w.board.link.features)
    asked = len(site.calls("queue"))
    await w.until(lambda: len(site.calls("queue")) >= asked + 3)
    await w.client.close()
    assert not path.parent.exists()
    assert len(site.calls("accounting")) == 1


async def test_a_second_jobshape_that_is_writing_is_waited_for(
    site: Any, watch: Watch, path: Path
) -> None:
    site.tell(jobs=3, **NOTHING_OLD)
    with History.to_write(path) as history:
        w = watch(**QUICK, history=str(path))
        with history.transaction():
            history.ack("x")
            await w.until(lambda: len(w.states) == 3)
            assert kept(path) == {}
        await w.until(lambda: len(kept(path)) == 3)


async def test_a_file_damaged_while_in_use_is_set_aside_and_filled_anew(
    site: Any, watch: Watch, path: Path
) -> None:
    site.tell(jobs=3, ended={9: 0.1})
    w = watch(**QUICK, history=str(path), history_days=1.0)
    await w.until(lambda: sorted(kept(path)) == [1, 2, 3, 9] and not w.board.history.message)
    with History.to_write(path) as history:
        jobs = [NO_JOB._replace(job_id=i, name=f"a long name {i}" * 9) for i in range(100, 2000)]
        history.record_jobs("box", jobs, from_queue=True)
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xa5" * (len(whole) - 8192))
    site.tell(jobs=4, ended={9: 0.1})
    told: set[str] = set()

    def begun_anew() -> bool:
        told.add(w.board.history.trouble)
        return any("was set aside as" in words for words in told)

    await w.until(begun_anew)
    (aside,) = path.parent.glob("history.db.bad-*")
    assert b"\xa5" * 4096 in aside.read_bytes()
    await w.until(lambda: sorted(kept(path)) == [1, 2, 3, 4, 9])
