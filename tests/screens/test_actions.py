"""What was done to jobs: kept as it is sent, listed, and taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from driving import Clock, lines_of, make_app, press, settle
from jobshape.app.acting.log import HistoryActionLog
from jobshape.app.board.history_state import HistoryState
from jobshape.app.domain.action import (
    ActionEntry,
    ActionRecord,
    Begun,
    Ended,
    words_of_changes,
)
from jobshape.app.domain.errors import NotSent, Refused, Unreachable
from jobshape.app.domain.request import JobChanges
from jobshape.app.history.history import History
from jobshape.screens.act import report
from jobshape.screens.actions import ActionsScreen
from jobshape.screens.confirm import RefusedScreen
from jobshape.screens.job import JobScreen
from jobshape.screens.ports import NoActionLog
from jobshape.screens.queue import QueueScreen
from jobshape.screens.sending import send
from jobshape.screens.undo import UndoScreen
from recorded import GIB, NOW, RecordedActions, recorded_board
from textual.pilot import Pilot

HOUR = 3600


class ListedActions(NoActionLog):
    """A log in memory, with what it is given."""

    def __init__(self, records: Sequence[ActionRecord] = ()) -> None:
        self.records = list(records)
        self.revision = 0
        self.ends: list[list[Ended]] = []

    async def begin(self, entries: Sequence[ActionEntry]) -> Begun:
        self.revision += 1
        ids = tuple(range(len(self.records) + 1, len(self.records) + 1 + len(entries)))
        for number, entry in zip(ids, entries, strict=True):
            self.records.insert(0, ActionRecord(number, "alpha", "alice", int(NOW), entry))
        return Begun(ids)

    async def end(self, ended: Iterable[Ended]) -> str:
        self.revision += 1
        self.ends.append(list(ended))
        for one in self.ends[-1]:
            at = next(n for n, record in enumerate(self.records) if record.id == one.id)
            self.records[at] = replace(
                self.records[at], outcome=one.outcome, words=one.words, ended_at=int(NOW)
            )
        return ""

    async def recent(self, limit: int, job: str | None = None) -> list[ActionRecord] | None:
        return self.records[:limit]


def record(number: int, entry: ActionEntry, outcome: str = "done", **more: Any) -> ActionRecord:
    known = {"at": int(NOW) - 60 * (100 - number), "user": "alice", "site": "alpha"}
    return ActionRecord(number, entry=entry, outcome=outcome, **{**known, **more})


def update(job: str, before: dict[str, Any], after: dict[str, Any], **more: Any) -> ActionEntry:
    return ActionEntry("update", job, words_of_changes(before, after), after, before, **more)


WHY = "oom_host: the peak was 62G of 64G, 95 % of runs like it need 74G"


def changed(number: int, job: str, *, refused: bool) -> ActionRecord:
    before, after = {"memory_bytes": 64 * GIB}, {"memory_bytes": 80 * GIB}
    entry = update(job, before, after, batch="b", reason=WHY)
    if refused:
        return record(number, entry, "refused", words="Access/permission denied")
    return record(number, entry)


def recorded() -> list[ActionRecord]:
    """Newest first: a change refused in part, one under way, a resubmission, one without answer."""
    return [
        record(30, ActionEntry("hold", "9107"), "asked", at=int(NOW) - 2),
        *(changed(29 - n, f"9{n}", refused=n == 2) for n in range(4)),
        record(20, ActionEntry("submit", "9112", "resubmit 9001: train-vit 80G 12:00:00",
                               reason=WHY), words="Submitted batch job 9112"),
        record(19, ActionEntry("cancel", "9001_[1-500]", "cancel", {"signal": "USR1"}), "unknown",
               words="no answer for 10 s: Socket timed out on send/recv operation (it may have"
               " been done all the same: look at the queue before trying again)"),
        record(18, ActionEntry("hold", "[red]9000[/red]"), undone_by=19, at=int(NOW) - 40 * HOUR),
    ]  # fmt: skip


def app_with(log: Any = None, **more: Any) -> Any:
    log = ListedActions(recorded()) if log is None else log
    return make_app(action_log=log, **more)


async def at_actions(pilot: Pilot[None]) -> ActionsScreen:
    await settle(pilot)
    await pilot.press("5")
    await settle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, ActionsScreen)
    return screen


async def finished(pilot: Pilot[None]) -> None:
    """Wait until what was asked for with a key is done."""
    groups = {"act", "undo", "log"}
    while some := [w for w in pilot.app.workers if w.group in groups and not w.is_finished]:
        await pilot.app.workers.wait_for_complete(some)
    await pilot.pause()


# --- what is sent is kept -------------------------------------------------------------------


async def test_an_action_is_kept_with_what_came_back() -> None:
    actions, log = RecordedActions(), ListedActions()
    actions.refused["9107"] = Refused("Access/permission denied")
    app = make_app(actions=actions, action_log=log)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        entries = [ActionEntry("hold", job, batch="b") for job in ("9107", "9112")]
        sending = await send(app.room, entries)
        assert [sent.outcome for sent in sending.sent] == ["refused", "done"]
        told = {one.entry.job: (one.outcome, one.words) for one in log.records}
        assert told == {"9107": ("refused", "Access/permission denied"), "9112": ("done", "")}


async def test_no_answer_is_unknown_and_what_was_not_sent_is_not() -> None:
    actions, log = RecordedActions(), ListedActions()
    actions.refused["1"] = Unreachable("no answer for 10 s")
    actions.refused["2"] = NotSent("the collector is not running")
    actions.refused["3"] = RuntimeError("out of paper")
    app = make_app(actions=actions, action_log=log)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        with pytest.raises(RuntimeError):
            await send(app.room, [ActionEntry("hold", str(n)) for n in (1, 2, 3)])
        told = {one.entry.job: one.outcome for one in log.records}
        assert told == {"1": "unknown", "2": "refused", "3": "unknown"}


async def test_an_update_is_sent_as_the_backend_takes_it() -> None:
    actions = RecordedActions()
    app = make_app(actions=actions)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await send(app.room, [update("7", {"nice": 0}, {"nice": 5})])
        assert ("update", {"job": "7", "changes": JobChanges(nice=5)}) in actions.asked


async def test_500_calls_are_told_in_few_writings() -> None:
    log = ListedActions()
    app = make_app(action_log=log)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await send(app.room, [ActionEntry("hold", f"4_{n}", batch="b") for n in range(500)])
        assert sum(map(len, log.ends)) == 500
        assert {one.outcome for one in log.records} == {"done"}


async def test_an_action_goes_on_where_it_cannot_be_kept(tmp_path: Path) -> None:
    board, actions = recorded_board(), RecordedActions()
    board.set_history(HistoryState(str(tmp_path / "none" / "none" / "history.db"), "alpha"))
    (tmp_path / "none").write_text("a file where a folder should be")
    app = make_app(board, actions=actions, action_log=HistoryActionLog(board))
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        sending = await send(app.room, [ActionEntry("hold", "9107")])
        assert sending.sent[0].outcome == "done"
        assert sending.note.startswith("not kept in history: the history cannot be kept")
        report(app.room, "Hold", "held 1 job", sending)
        assert any("held 1 job; not kept in history" in line for line in lines_of(pilot))


async def test_the_queue_keeps_what_its_keys_do(tmp_path: Path) -> None:
    board = recorded_board()
    path = tmp_path / "state" / "history.db"
    board.set_history(HistoryState(str(path), "alpha"))
    app = make_app(board, action_log=HistoryActionLog(board))
    async with app.run_test(size=(120, 40)) as pilot:
        await press(pilot, "A", "x", "y")
        await finished(pilot)
        with History.to_read(path) as history:  # type: ignore[union-attr]
            kept = history.actions("alpha", 100)
        assert kept
        assert {(one.entry.method, one.outcome, one.user) for one in kept} == {
            ("cancel", "done", board.link.user)
        }
        assert len({one.entry.batch for one in kept}) == 1
        await at_actions(pilot)
        assert any("cancel" in line and f"{len(kept)} jobs" in line for line in lines_of(pilot))


# --- the screen -----------------------------------------------------------------------------


async def test_goes_there_and_back() -> None:
    async with app_with().run_test(size=(80, 24)) as pilot:
        await at_actions(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, QueueScreen)
        await pilot.press("5")
        await pilot.press("1")
        assert isinstance(pilot.app.screen, QueueScreen)


async def test_keys_move_in_the_list_and_then_among_the_jobs() -> None:
    async with app_with().run_test(size=(80, 24)) as pilot:
        screen = await at_actions(pilot)
        assert len(screen._list.items) == 5
        await pilot.press("j")
        assert screen._pane.shown is screen._list.item is screen._list.items[1]
        await pilot.press("enter", "j", "j", "j", "j")
        assert screen._pane.has_focus
        assert screen._pane.record is screen._list.items[1].records[3]
        await pilot.press("k", "g")
        assert screen._pane.at == 0
        await pilot.press("G", "escape", "G")
        assert screen._list.at == 4
        await pilot.press("pageup")
        assert screen._list.at == 0
        await pilot.press("pagedown", "g", "up", "down", "home", "end")
        assert screen._list.at == 4


async def test_enter_twice_opens_the_job_and_escape_leads_back() -> None:
    async with app_with().run_test(size=(120, 40)) as pilot:
        await at_actions(pilot)
        await pilot.press("j", "j", "enter", "enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, JobScreen)
        assert pilot.app.screen.job.job_id == 9112
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, ActionsScreen)
        await pilot.press("i")
        assert isinstance(pilot.app.screen, JobScreen)


async def test_o_goes_to_the_job_in_the_queue_or_says_that_it_is_gone() -> None:
    async with app_with().run_test(size=(120, 40)) as pilot:
        await at_actions(pilot)
        await pilot.press("j", "o")
        assert any("not in the list any more" in line for line in lines_of(pilot))
        await pilot.press("j", "o")
        await settle(pilot)
        assert isinstance(pilot.app.screen, QueueScreen)
        row = pilot.app.screen.table.cursor_row
        assert row is not None and row.job.job_id == 9112


async def test_what_never_became_a_job_has_no_screen() -> None:
    log = ListedActions([record(1, ActionEntry("submit", "", "submit: x"), "refused",
                                words="Invalid qos")])  # fmt: skip
    async with app_with(log).run_test(size=(80, 24)) as pilot:
        await at_actions(pilot)
        await pilot.press("i")
        assert any("never became a job" in line for line in lines_of(pilot))


async def test_the_cursor_stays_with_its_batch_when_others_come() -> None:
    log, clock = ListedActions(recorded()), Clock()
    async with app_with(log, clock=clock).run_test(size=(80, 24)) as pilot:
        screen = await at_actions(pilot)
        await pilot.press("j")
        chosen = screen._list.item
        await log.begin([ActionEntry("release", "9107")])
        screen.board_changed()
        await settle(pilot)
        assert screen._list.item == chosen
        assert screen._list.at == 2


async def test_without_a_history_it_says_so() -> None:
    async with app_with(NoActionLog()).run_test(size=(80, 24)) as pilot:
        await at_actions(pilot)
        assert any("there is no history" in line for line in lines_of(pilot))
        await pilot.press("enter", "i", "o", "ctrl+z", "j", "G")
        assert isinstance(pilot.app.screen, ActionsScreen)


# --- undo -----------------------------------------------------------------------------------


async def opened_undo(pilot: Pilot[None]) -> UndoScreen:
    await pilot.press("ctrl+z")
    await finished(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, UndoScreen)
    return screen


async def test_ctrl_z_takes_back_the_last_thing_that_can_be_anywhere() -> None:
    actions, log = RecordedActions(), ListedActions(recorded())
    async with app_with(log, actions=actions).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await opened_undo(pilot)
        text = "\n".join(lines_of(pilot))
        assert "Take back on 3 jobs?" in text
        assert "memory a node 80G -> 64G" in text
        assert "left out: 1 job, it was refused" in text
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, UndoScreen)
        await pilot.press("y")
        await finished(pilot)
        sent = [arguments for method, arguments in actions.asked if method == "update"]
        assert [one["job"] for one in sent] == ["90", "91", "93"]
        assert {one["changes"] for one in sent} == {JobChanges(memory_bytes=64 * GIB)}
        undos = [one.entry for one in log.records if one.entry.undoes is not None]
        assert {entry.undoes for entry in undos} == {29, 28, 26}
        assert undos[0].before == {"memory_bytes": 80 * GIB}


async def test_n_sends_nothing() -> None:
    actions = RecordedActions()
    async with app_with(actions=actions).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await opened_undo(pilot)
        await pilot.press("n")
        await finished(pilot)
        assert "update" not in [method for method, _ in actions.asked]


async def test_on_the_screen_it_takes_back_the_batch_under_the_cursor() -> None:
    async with app_with().run_test(size=(160, 48)) as pilot:
        await at_actions(pilot)
        await pilot.press("j", "j", "ctrl+z")
        await settle(pilot)
        await finished(pilot)
        assert isinstance(pilot.app.screen, ActionsScreen)
        assert any("cancel the job instead" in line for line in lines_of(pilot)[-2:])


async def test_what_is_long_ago_is_taken_back_from_the_list_only() -> None:
    log = ListedActions([record(1, ActionEntry("hold", "9107"), at=int(NOW) - 240 * HOUR)])
    board = recorded_board()
    board.change_jobs([board.jobs[9107]._replace(submit_time=int(NOW) - 300 * HOUR)])
    async with app_with(log, board=board).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+z")
        await finished(pilot)
        assert any("nothing of the last days" in line for line in lines_of(pilot))
        await at_actions(pilot)
        await opened_undo(pilot)


async def test_a_job_that_is_over_is_left_out() -> None:
    over = next(job for job in recorded_board().jobs.values() if job.state == "COMPLETED")
    log = ListedActions([record(1, ActionEntry("hold", over.label))])
    async with app_with(log).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("ctrl+z")
        await finished(pilot)
        assert any("the job is over" in line for line in lines_of(pilot))


async def test_a_refused_undo_is_told_job_by_job() -> None:
    actions, log = RecordedActions(), ListedActions(recorded())
    actions.refused["91"] = Refused("Job is running")
    async with app_with(log, actions=actions).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await opened_undo(pilot)
        await pilot.press("y")
        await finished(pilot)
        assert isinstance(pilot.app.screen, RefusedScreen)
        assert any("Job is running" in line for line in lines_of(pilot))


async def test_a_read_only_session_takes_nothing_back() -> None:
    async with app_with(read_only=True).run_test(size=(80, 24)) as pilot:
        await at_actions(pilot)
        await pilot.press("ctrl+z")
        assert any("read-only" in line for line in lines_of(pilot))


# --- pictures -------------------------------------------------------------------------------

Compare = Callable[..., bool]
SIZES = pytest.mark.parametrize(
    "size", [(80, 24), (120, 40), (200, 60)], ids=["80x24", "120x40", "200x60"]
)


async def there(pilot: Pilot[None]) -> None:
    await at_actions(pilot)
    await pilot.press("j")


async def inside(pilot: Pilot[None]) -> None:
    await there(pilot)
    await pilot.press("enter", "j", "j")


async def asked(pilot: Pilot[None]) -> None:
    await there(pilot)
    await opened_undo(pilot)


@pytest.mark.usefixtures("pinned")
@SIZES
def test_picture(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_with(), terminal_size=size, run_before=there)


@pytest.mark.usefixtures("pinned")
def test_picture_inside_a_batch(snap_compare: Compare) -> None:
    assert snap_compare(app_with(), terminal_size=(120, 40), run_before=inside)


@pytest.mark.usefixtures("pinned")
def test_picture_in_ascii_and_light(snap_compare: Compare) -> None:
    app = app_with(ascii=True, theme="textual-light")
    assert snap_compare(app, terminal_size=(80, 24), run_before=inside)


@pytest.mark.usefixtures("pinned")
def test_picture_of_none(snap_compare: Compare) -> None:
    async def arrive(pilot: Pilot[None]) -> None:
        await at_actions(pilot)

    assert snap_compare(app_with(ListedActions()), terminal_size=(80, 24), run_before=arrive)


@pytest.mark.usefixtures("pinned")
def test_picture_of_an_undo(snap_compare: Compare) -> None:
    assert snap_compare(app_with(), terminal_size=(80, 24), run_before=asked)
